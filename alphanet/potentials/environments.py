"""Environments of baselines: uv makes them from cards, side by side, and replaces one only when the new one works."""

import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from packaging.specifiers import SpecifierSet

from alphanet.errors import UserError
from alphanet.files import locked
from alphanet.hardware.devices import has_accelerator_driver
from alphanet.paths import home
from alphanet.potentials.card_parts import Environment, Package
from alphanet.potentials.uv import uv_command, uv_environment

logger = logging.getLogger(__name__)

RECORD = "alphanet.json"  # inside an environment: what it was made from and the versions that were resolved
IMPORT_TIMEOUT = 600.0  # seconds; the first import of a large package writes its bytecode


class HasEnvironment(Protocol):
    """A card with an environment: a baseline's, or that of a tool."""

    @property
    def name(self) -> str:
        """The name in error messages."""
        ...

    @property
    def known_as(self) -> str:
        """What commands find it by."""
        ...

    @property
    def environment(self) -> Environment:
        """The recipe of the environment."""
        ...

    @property
    def places(self) -> tuple[Path, ...]:
        """Folders that its worker imports from."""
        ...


def install(card: HasEnvironment, *, again: bool = False) -> bool:
    """Make the environment of `card`; return False if it exists already and `again` is false.

    The environment is built beside its final place and gets its name when the packages are installed and can be
    imported; until then an older one is unchanged. A second install of the same environment waits for the first.

    Raises:
        UserError: uv fails (the package at fault and uv's last lines are named), or an import does.
    """
    environment = card.environment
    with _locked(environment):
        if not again and state(card) == "installed":
            return False
        logger.info("%s: making the environment with uv", environment.name)
        fresh = _folder(environment).with_name(f".{environment.name}.{secrets.token_hex(4)}.part")
        try:
            _build(card, fresh)
            _replace(_folder(environment), fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


def install_if_missing(card: HasEnvironment) -> None:
    """Make the environment of `card`, unless it is there and made from the card as it is now.

    Raises:
        UserError: see `install`.
    """
    if not is_installed(card):  # asked first, because `install` waits for others and writes a lock
        install(card)


def state(card: HasEnvironment) -> Literal["installed", "changed", "absent"]:
    """State of the environment; `changed` if the card now asks for other packages."""
    record = _record(card.environment)
    if record is None:
        return "absent"
    return "installed" if record["digest"] == card.environment.digest else "changed"


def is_installed(card: HasEnvironment) -> bool:
    """Whether the environment is there and made from the card as it is now."""
    return state(card) == "installed"


def python_of(card: HasEnvironment) -> Path:
    """The environment's Python.

    Raises:
        UserError: not installed, or installed from another version of the card.
    """
    current = state(card)
    if current != "installed":
        why = "is not installed" if current == "absent" else "was made from an older card"
        raise UserError(
            f"the environment of {card.name} {why}; make it with: alphanet baselines install {card.known_as}"
        )
    return _python(_folder(card.environment))


def resolved_versions(card: HasEnvironment) -> dict[str, str]:
    """Versions of all packages in the environment, as uv resolved them.

    Raises:
        UserError: not installed.
    """
    python_of(card)
    record = _record(card.environment)
    return dict(record["versions"]) if record else {}


def size_of(card: HasEnvironment) -> int:
    """Bytes in the environment's folder, with files that uv shares with other environments."""
    return sum(file.lstat().st_size for file in _folder(card.environment).rglob("*") if not file.is_dir())


def remove(card: HasEnvironment) -> bool:
    """Remove the environment, for all rows that share it; return False if there is none."""
    with _locked(card.environment):
        folder = _folder(card.environment)
        if not folder.exists():
            return False
        doomed = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    return True


def _build(card: HasEnvironment, folder: Path) -> None:
    environment = card.environment
    # Relocatable, because the folder is renamed afterwards: scripts then find their Python beside themselves.
    _uv(["venv", "--quiet", "--relocatable", "--python", _base_python(environment), str(folder)], environment)
    python = str(_python(folder))
    wanted = [f"{package.name}=={package.version}" for package in _packages(environment)]
    named = {package.name for package in _packages(environment)}  # uv leaves them out even when asked for by name
    left_out = [name for name in environment.without if name not in named]
    with _listed(left_out) as excluded, _listed(environment.instead) as overrides:
        lists = ["--excludes", excluded, "--overrides", overrides]
        arguments = ["pip", "install", "--python", python, *lists, *wanted]
        _refuse_cuda(_uv([*arguments, "--dry-run"], environment), environment)
        logger.info("%s: installing %s", environment.name, ", ".join(wanted))
        _uv(arguments, environment)
    logger.info("%s: checking imports", environment.name)
    _check_imports(card, python)
    frozen = _uv(["pip", "freeze", "--python", python], environment)
    versions = dict(line.split("==", 1) for line in frozen.splitlines() if "==" in line)
    recipe = environment.model_dump(mode="json")
    record = {"digest": environment.digest, "environment": recipe, "versions": versions}
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    logger.info("%s: %d packages, torch %s", environment.name, len(versions), versions.get("torch", "not among them"))


def _packages(environment: Environment) -> list[Package]:
    hardware = "gpu" if has_accelerator_driver() else "cpu"
    return [package for package in environment.packages if package.only in (None, hardware)]


@contextmanager
def _listed(requirements: Iterable[str]) -> Iterator[str]:
    """The path of a file with one requirement per line."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(requirements))
        file.flush()
        yield file.name


def _base_python(environment: Environment) -> str:
    """This Python if it fits the card, else the range of versions in which uv finds one."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    return sys.executable if running in SpecifierSet(environment.python) else environment.python


def _refuse_cuda(planned: str, environment: Environment) -> None:
    """Raise an error before a machine without a GPU downloads several GB of CUDA packages."""
    if has_accelerator_driver():
        return
    packages = [line.strip(" +") for line in planned.splitlines() if line.startswith(" +")]
    # nvidia-ml-py asks a driver for its state; it is small, and several packages import it without a GPU
    cuda = [package for package in packages if not package.startswith("nvidia-ml-py")]
    heavy = [package for package in cuda if package.startswith("nvidia-") or "+cu" in package]
    if heavy:
        raise UserError(
            f"{environment.name}: this machine has no GPU, but uv would install {', '.join(heavy[:4])}; "
            "name a place with a CPU build of torch in pip's find-links, or set UV_TORCH_BACKEND=cpu"
        )


def _check_imports(card: HasEnvironment, python: str) -> None:
    environment = card.environment
    modules = ", ".join(environment.imports)
    # Isolated, as the worker is: the current folder and PYTHONPATH could stand in for what is not installed.
    command = [
        python,
        "-I",
        "-c",
        f"import sys; sys.path[:0] = {[str(place) for place in card.places]}; import {modules}",
    ]
    variables = os.environ | environment.variables
    try:
        done = subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, timeout=IMPORT_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{environment.name}: import {modules} did not end in {IMPORT_TIMEOUT:.0f} s") from error
    if done.returncode != 0:
        raise UserError(f"{environment.name}: import {modules} fails: {_last_lines(done.stderr)}")


def _uv(arguments: list[str], environment: Environment) -> str:
    """Run uv; returns what it printed.

    Raises:
        UserError: uv is missing or fails.
    """
    try:
        done = subprocess.run(
            [uv_command(), *arguments], env=uv_environment(), capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UserError(f"cannot run uv ({error.strerror}); install it with: pip install uv") from error
    if done.returncode != 0:
        raise UserError(
            f"{environment.name}: uv cannot install {_at_fault(done.stderr, environment)}: {_last_lines(done.stderr)}"
        )
    return done.stdout + done.stderr


def _at_fault(complaint: str, environment: Environment) -> str:
    """The package of the card that uv's error message names first, or the environment itself."""
    places = {complaint.find(package.name): package for package in environment.packages}
    named = [places[place] for place in sorted(places) if place >= 0]
    return f"{named[0].name}=={named[0].version}" if named else f"the environment {environment.name}"


def _last_lines(text: str, count: int = 6) -> str:
    return " | ".join([" ".join(line.split()) for line in text.splitlines() if line.strip()][-count:])


def _replace(folder: Path, fresh: Path) -> None:
    """Replace `folder` by `fresh`; restore `folder` if the second rename fails."""
    old = _set_aside(folder)
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


@contextmanager
def _locked(environment: Environment) -> Iterator[None]:
    folder = _folder(environment)
    lock = folder.with_name(f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise UserError(f"cannot write to {folder.parent}: {error.strerror}") from error
    with locked(lock, f"{environment.name}: another process is installing it; waiting"):
        if _set_aside(folder).exists() and not folder.exists():
            _set_aside(folder).rename(folder)  # a kill between the two renames of `_replace`
        yield


def _record(environment: Environment) -> dict[str, Any] | None:
    try:
        return dict(json.loads((_folder(environment) / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _folder(environment: Environment) -> Path:
    return home() / "environments" / environment.name


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
