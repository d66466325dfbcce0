"""The kernels' library: compiled by the machine's C++ compiler for its processor, kept on disk, loaded by ctypes.

Nothing here imports torch, so that the process that compiles in the background starts at once.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from alphanet.errors import UserError
from alphanet.files import atomic_path, locked
from alphanet.programs import may_be_loaded, private_folder, remember
from alphanet.provenance import code_digest

FOLDER = "compiled"  # of this user in `alphanet.paths.home()`
FOLDER_OF_SOURCES = Path(__file__).parent
SOURCES = tuple(sorted(FOLDER_OF_SOURCES.glob("*.cpp")))
OPTIONS = ("-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fPIC")
# The last choice is for compilers without OpenMP, which then use one thread, or without the processor's name.
CHOICES = (("-march=native", "-fopenmp"), ("-mcpu=native", "-fopenmp"), ("-march=native",), ())
PATIENCE = 300  # seconds
COMMON = (32, 48, 64, 128, 176, 256)  # hidden channels of the presets, and of what users train

Kernels = ctypes.CDLL


class NativeError(Exception):
    """The kernels cannot be compiled or loaded here; says why."""


@cache
def cpp_compiler() -> str | None:
    """The C++ compiler that torch.compile would use on a CPU, if this machine has one."""
    name = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    return name if shutil.which(name) else None


@cache
def kernels(hidden_channels: int) -> Kernels:
    """Those for H hidden channels; compiled now, unless they are on disk.

    Raises:
        NativeError: there is no compiler, or it refuses.
    """
    path = build(hidden_channels)
    try:
        return _declared(ctypes.CDLL(str(path)))
    except OSError as error:
        raise NativeError(f"{path}: {error}") from error


def build(hidden_channels: int) -> Path:
    """The file of the kernels for H hidden channels, after it has been compiled if it was missing.

    Raises:
        NativeError: there is no compiler, or it refuses.
    """
    path = place(hidden_channels)
    if may_be_loaded(path):
        return path
    try:
        with locked(path.with_suffix(".lock"), f"another process compiles the kernels for {hidden_channels} channels"):
            if not may_be_loaded(path):
                _compile(str(cpp_compiler()), hidden_channels, path)
    except (OSError, UserError) as error:
        raise NativeError(str(error)) from error
    return path


def is_built(hidden_channels: int) -> bool:
    """Whether the kernels for H hidden channels are on disk, and this user's own.

    Raises:
        NativeError: there is no compiler, or no folder of this user alone.
    """
    return may_be_loaded(place(hidden_channels))


def place(hidden_channels: int) -> Path:
    """Where the kernels for H hidden channels are kept, by compiler, processor and sources.

    Raises:
        NativeError: there is no compiler, or no folder of this user alone.
    """
    name = hashlib.sha256(f"{hidden_channels}\n{_toolchain(cpp_compiler())}".encode()).hexdigest()[:16]
    try:
        return private_folder(FOLDER) / f"kernels-{name}.so"
    except UserError as error:
        raise NativeError(str(error)) from error


@cache
def _toolchain(compiler: str | None) -> str:
    if compiler is None:
        raise NativeError("no C++ compiler found")
    processor = _answer([compiler, "-march=native", "-dM", "-E", "-x", "c++", os.devnull])
    sources = sorted(file for file in FOLDER_OF_SOURCES.iterdir() if file.suffix in (".cpp", ".hpp"))
    return "\n".join([compiler, _answer([compiler, "--version"]), processor, code_digest(sources)])


def _compile(compiler: str, hidden_channels: int, path: Path) -> None:
    refusal = ""
    for choice in CHOICES:
        options = [*OPTIONS, *choice, f"-DCHANNELS={hidden_channels}"]
        try:
            with atomic_path(path) as temporary, tempfile.TemporaryDirectory() as folder:
                objects = _objects([compiler, *options], Path(folder))
                _run([compiler, "-shared", *choice, *map(str, objects), "-o", str(temporary)])
                remember(temporary)
            return
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no reason given"]
            refusal = next((line for line in lines if "error" in line), lines[0])
        except (subprocess.TimeoutExpired, OSError, UserError) as error:
            raise NativeError(str(error)) from error
    raise NativeError(f"{compiler} refuses: {refusal}")


def _objects(command: Sequence[str], folder: Path) -> list[Path]:
    """Compiled sources, side by side on the cores that there are."""
    objects = [folder / f"{source.stem}.o" for source in SOURCES]
    with ThreadPoolExecutor(max_workers=min(len(SOURCES), os.cpu_count() or 1)) as pool:
        list(pool.map(lambda one, into: _run([*command, "-c", str(one), "-o", str(into)]), SOURCES, objects))
    return objects


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)


def _answer(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NativeError(str(error)) from error


def _declared(found: Kernels) -> Kernels:
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    found.lanes.restype = found.panel.restype = found.terms.restype = integer
    for stage, forward, backward in (("embedding", 3, 4), ("surroundings", 3, 4), ("scalars", 3, 4), ("layer", 4, 5)):
        for name, pointers in ((f"{stage}_forward", forward), (f"{stage}_backward", backward)):
            function = getattr(found, name)
            function.argtypes, function.restype = [*[pointer] * pointers, integer], None
    found.product.argtypes, found.product.restype = [pointer, pointer, pointer, *[integer] * 4], None
    found.frame_product.argtypes, found.frame_product.restype = (
        [pointer, integer, pointer, pointer, *[integer] * 3],
        None,
    )
    found.frame_pairs.argtypes, found.frame_pairs.restype = [pointer] * 3 + [integer] * 3, None
    for name in ("directed_sums", "directed_pairs", "directed_components"):
        function = getattr(found, name)
        function.argtypes, function.restype = [pointer] * 4 + [integer] * 3, None
    found.evaluate_room.argtypes, found.evaluate_room.restype = [pointer] * 3, integer
    found.evaluate.argtypes, found.evaluate.restype = [pointer] * 5, None
    return found
