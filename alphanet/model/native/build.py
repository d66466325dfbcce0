"""Compilation of kernels by a process of its own: `python -m alphanet.model.native.build CHANNELS`."""

import subprocess
import sys

from alphanet.model.native.library import NativeError, build
from alphanet.paths import own_python


def start(hidden_channels: int) -> "subprocess.Popen[str]":
    """A process that compiles the kernels for H hidden channels, and goes on if this one ends.

    If the compiler refuses, it ends with 1 and one line on stderr.
    """
    command, variables = own_python()
    return subprocess.Popen(
        [*command, "-m", __name__, str(hidden_channels)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
        start_new_session=True,
    )


if __name__ == "__main__":
    try:
        build(int(sys.argv[1]))
    except NativeError as error:
        sys.exit(" ".join(str(error).split()))
