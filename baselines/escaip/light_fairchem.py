"""Import before fairchem.core: skips its __init__, whose calculators and trainers take longer than all that is used."""

import importlib.util
import sys

sys.modules.setdefault("fairchem.core", importlib.util.module_from_spec(importlib.util.find_spec("fairchem.core")))
