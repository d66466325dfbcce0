"""Every option and argument of the command line, each declared once: one name, one unit, one meaning.

None as a default means that nothing was given: the card, the configuration or the command then decides, as the help
says. An option that a call cannot use is refused, see `refuse`. A panel of the help is a file.
"""

from alphanet.cli.options.arguments import *
from alphanet.cli.options.data import *
from alphanet.cli.options.hardware import *
from alphanet.cli.options.limits import *
from alphanet.cli.options.model import *
from alphanet.cli.options.output import *
from alphanet.cli.options.simulation import *
from alphanet.cli.options.what import *
from alphanet.cli.options.words import *
