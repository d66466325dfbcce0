"""Faults: each strikes a running command once, at a moment that a seed decides, and is undone after it."""

import ctypes
import os
import random
import resource
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

YEARS = 20 * 365.25 * 86400.0  # seconds that a clock may be wrong by
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # capabilities that let root pass permissions
CAPBSET_DROP, CAPABILITY_VERSION_3 = 24, 0x20080522  # of prctl(2) and capset(2)


@dataclass
class Scene:
    """What a fault may touch.

    Args:
        folder: of the command: inputs, caches and results.
        served: folder of the server; None if the command downloads nothing.
        seconds: that the undisturbed command takes.
        grown: bytes that it writes.
    """

    folder: Path
    served: Path | None
    seconds: float
    grown: int


class Fault:
    """Nothing happens; the others say what does."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.scene, self.chance = scene, chance
        self.moment = chance.random() * scene.seconds  # seconds after the command's begin

    def before(self) -> None:
        """In this process, before the command starts."""

    def inside(self) -> None:
        """In the command's process, before the command."""

    def strike(self, process: int) -> None:
        """At the moment; `process` leads the group of the command."""

    def undo(self) -> None:
        """After the command has ended."""


class Kill(Fault):
    """SIGKILL to all processes of the command."""

    def strike(self, process: int) -> None:
        os.killpg(process, signal.SIGKILL)


class Terminate(Fault):
    """SIGTERM to the command, as schedulers send it."""

    def strike(self, process: int) -> None:
        os.kill(process, signal.SIGTERM)


class KillWorker(Fault):
    """SIGKILL to one process that the command started, or to the command if there is none."""

    def strike(self, process: int) -> None:
        workers = psutil.Process(process).children(recursive=True)
        (self.chance.choice(workers) if workers else psutil.Process(process)).kill()


class FullDisk(Fault):
    """The disk has room for a part of what the command writes; where nothing can be mounted, each file has."""

    def before(self) -> None:
        room = int(self.chance.random() * self.scene.grown)
        self.mounted = self.scene.folder.is_mount() and _resize(self.scene.folder, _used(self.scene.folder) + room)
        self.room = room

    def inside(self) -> None:
        if not self.mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.room))

    def undo(self) -> None:
        if self.mounted:
            _resize(self.scene.folder, SIZE)


class NoPermission(Fault):
    """A file or folder loses the permission to read or to write."""

    def inside(self) -> None:
        _obey_permissions()

    def strike(self, process: int) -> None:
        places = sorted(place for place in _places(self.scene.folder) if not place.is_symlink())
        self.place = self.chance.choice(places)
        self.mode = stat.S_IMODE(self.place.stat().st_mode)
        kept = self.chance.choice([0o000, 0o555])
        self.place.chmod(self.mode & kept)

    def undo(self) -> None:
        if hasattr(self, "place") and self.place.exists():
            self.place.chmod(self.mode)


class WrongClock(Fault):
    """Files are decades older or newer than they are; the clock of the command's process jumps; then it is killed."""

    def before(self) -> None:
        for place in _places(self.scene.folder):
            moment = time.time() + self.chance.uniform(-YEARS, YEARS)
            os.utime(place, (moment, moment), follow_symlinks=False)

    def inside(self) -> None:
        right, begun, jump = time.time, time.monotonic(), self.chance.uniform(-YEARS, YEARS)
        turn = self.chance.random() * self.scene.seconds

        def wrong() -> float:
            return right() + (jump if time.monotonic() - begun > turn else 0.0)

        time.time, time.time_ns = wrong, lambda: int(wrong() * 1e9)

    def strike(self, process: int) -> None:
        if self.chance.random() < 0.5:
            os.killpg(process, signal.SIGKILL)


class BrokenDownload(Fault):
    """The server misbehaves in one manner."""

    def before(self) -> None:
        from server import MANNERS

        assert self.scene.served is not None
        (self.scene.served / "manner").write_text(self.chance.choice(sorted(MANNERS)))

    def undo(self) -> None:
        assert self.scene.served is not None
        (self.scene.served / "manner").unlink()


SIZE = 1 << 30  # bytes of a disk with room
EVERYWHERE: dict[str, Callable[[Scene, random.Random], Fault]] = {
    "SIGKILL": Kill,
    "SIGTERM": Terminate,
    "full disk": FullDisk,
    "permissions": NoPermission,
    "clock": WrongClock,
}
WORKERS = {"worker's SIGKILL": KillWorker}
DOWNLOADS = {"download": BrokenDownload}


def mount(folder: Path) -> bool:
    """Make `folder` a disk of its own; False where that is not allowed."""
    return subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    """Undo `mount`, even if a process that was killed still has a file open."""
    subprocess.run(["umount", "--lazy", folder], capture_output=True, check=True)


def _resize(folder: Path, size: int) -> bool:
    done = subprocess.run(["mount", "-o", f"remount,size={size}", folder], capture_output=True, check=False)
    return done.returncode == 0


def _used(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def _places(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


def _obey_permissions() -> None:
    """Let permissions hold for root, too, in this process and those that it starts."""
    if os.geteuid():
        return
    lost = 1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH
    libc = ctypes.CDLL(None)
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice
    libc.capget(header, sets)
    sets[0], sets[1] = sets[0] & ~lost, sets[1] & ~lost
    libc.capset(header, sets)
