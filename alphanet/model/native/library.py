"""The kernels' library: compiled by the machine's C++ compiler for its processor, kept on disk, loaded by ctypes."""

import ctypes
import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.model.fast.compiler import FOLDER, cpp_compiler
from alphanet.programs import may_be_loaded, private_folder, remember
from alphanet.provenance import code_digest

FOLDER_OF_SOURCES = Path(__file__).parent
SOURCES = tuple(sorted(FOLDER_OF_SOURCES.glob("*.cpp")))
OPTIONS = ("-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fPIC", "-shared")
# The last choice is for compilers without OpenMP, which then use one thread, or without the processor's name.
CHOICES = (("-march=native", "-fopenmp"), ("-mcpu=native", "-fopenmp"), ("-march=native",), ())
PATIENCE = 300  # seconds

Kernels = ctypes.CDLL


class NativeError(Exception):
    """The kernels cannot be compiled or loaded here; says why."""


@cache
def kernels(hidden_channels: int) -> Kernels:
    """Those for H hidden channels.

    Raises:
        NativeError: there is no compiler, or it refuses.
    """
    compiler = cpp_compiler()
    if compiler is None:
        raise NativeError("no C++ compiler found")
    processor = _answer([compiler, "-march=native", "-dM", "-E", "-x", "c++", os.devnull])
    place = [
        str(hidden_channels),
        compiler,
        _answer([compiler, "--version"]),
        processor,
        code_digest([FOLDER_OF_SOURCES]),
    ]
    name = hashlib.sha256("\n".join(place).encode()).hexdigest()[:16]
    try:
        path = private_folder(FOLDER) / f"kernels-{name}.so"
    except UserError as error:
        raise NativeError(str(error)) from error
    if not may_be_loaded(path):
        _compile(compiler, hidden_channels, path)
    try:
        return _declared(ctypes.CDLL(str(path)))
    except OSError as error:
        raise NativeError(f"{path}: {error}") from error


def _compile(compiler: str, hidden_channels: int, path: Path) -> None:
    refusal = ""
    for choice in CHOICES:
        try:
            with atomic_path(path) as temporary:
                command = [compiler, *OPTIONS, *choice, f"-DCHANNELS={hidden_channels}", *map(str, SOURCES)]
                subprocess.run(
                    [*command, "-o", str(temporary)], check=True, capture_output=True, text=True, timeout=PATIENCE
                )
                remember(temporary)
            return
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no reason given"]
            refusal = next((line for line in lines if "error" in line), lines[0])
        except (subprocess.TimeoutExpired, OSError, UserError) as error:
            raise NativeError(str(error)) from error
    raise NativeError(f"{compiler} refuses: {refusal}")


def _answer(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NativeError(str(error)) from error


def _declared(found: Kernels) -> Kernels:
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    found.lanes.restype = found.panel.restype = integer
    for stage, forward, backward in (("embedding", 3, 4), ("surroundings", 3, 4), ("scalars", 3, 4), ("layer", 4, 5)):
        for name, pointers in ((f"{stage}_forward", forward), (f"{stage}_backward", backward)):
            function = getattr(found, name)
            function.argtypes, function.restype = [*[pointer] * pointers, integer], None
    found.product.argtypes, found.product.restype = [pointer, pointer, pointer, *[integer] * 4], None
    return found
