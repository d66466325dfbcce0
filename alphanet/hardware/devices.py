"""Devices that models compute on: everything that differs between a CPU, a CUDA GPU and whatever comes next.

A new kind of device is one class and one line of `BACKENDS`. This file also runs inside the environments of the
baselines, where it is imported as `devices`: it needs the standard library alone, and takes torch as it finds it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import shutil
import sys
from pathlib import Path
from typing import Any, Protocol

STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Backend(Protocol):
    """Operations of one kind of device. Memory is in bytes."""

    finds_neighbors: bool
    """Whether neighbor lists can be found on the device, given the package for it"""
    triton: bool
    """Whether compiled functions need Triton rather than a C++ compiler"""

    def has_driver(self) -> bool:
        """Whether the machine has the driver, found out without torch."""
        ...

    def names(self) -> list[str]:
        """Names of the devices of this kind that torch sees; empty if there is none."""
        ...

    def in_use(self) -> bool:
        """Whether this process has begun to use the device."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has finished its work."""
        ...

    def reset_peak(self) -> None:
        """Start watching the peak of memory anew."""
        ...

    def peak_memory(self) -> dict[str, int]:
        """Peak of memory since the last reset, by the name of the measure."""
        ...

    def total_memory(self, device: str) -> int:
        """Memory that `device` has for this process."""
        ...

    def limit_memory(self, limit: int) -> None:
        """Let allocations beyond `limit` fail."""
        ...

    def free_unused(self) -> None:
        """Give memory that nothing uses back to the system."""
        ...


class Cpu:
    """The processor; its memory is that of the process."""

    finds_neighbors = False
    triton = False

    def has_driver(self) -> bool:
        """Always true."""
        return True

    def names(self) -> list[str]:
        """One device, called `cpu`."""
        return ["cpu"]

    def in_use(self) -> bool:
        """Always true."""
        return True

    def synchronize(self) -> None:
        """Return at once: calls on a CPU are synchronous."""

    def reset_peak(self) -> None:
        """Reset the kernel's mark of the highest resident memory, if it lets us."""
        with contextlib.suppress(OSError):
            PEAK_RESET.write_text("5")

    def peak_memory(self) -> dict[str, int]:
        """Peak resident memory since the last reset; since the start if it cannot be reset."""
        try:
            return {"resident": _status("VmHWM")}
        except OSError:
            return {"resident": _usage(resource.RUSAGE_SELF)}

    def total_memory(self, device: str) -> int:  # noqa: ARG002
        """Memory of the machine, or what this process may use of it (`ulimit -d`)."""
        import os

        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        allowed, _ = resource.getrlimit(resource.RLIMIT_DATA)
        return machine if allowed == resource.RLIM_INFINITY else min(machine, allowed)

    def limit_memory(self, limit: int) -> None:
        """Limit the private memory of the process."""
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    def free_unused(self) -> None:
        """Collect garbage: what it held goes back by itself."""
        gc.collect()


class Cuda:
    """NVIDIA's GPUs, and AMD's under torch's ROCm build, which answers to the same name."""

    finds_neighbors = True
    triton = True

    def has_driver(self) -> bool:
        """Whether NVIDIA's driver is installed."""
        return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None

    def names(self) -> list[str]:
        """The names that the driver gives the devices."""
        torch = _torch()
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if torch else []

    def in_use(self) -> bool:
        """Whether torch has opened a device."""
        torch = sys.modules.get("torch")
        return torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()

    def synchronize(self) -> None:
        """Wait for all streams of the current device."""
        _torch().cuda.synchronize()

    def reset_peak(self) -> None:
        """Reset the peaks of torch's allocator."""
        _torch().cuda.reset_peak_memory_stats()

    def peak_memory(self) -> dict[str, int]:
        """`allocated` by tensors and `reserved` by torch's allocator."""
        torch = _torch()
        return {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}

    def total_memory(self, device: str) -> int:
        """Memory of the GPU."""
        return int(_torch().cuda.get_device_properties(device).total_memory)

    def limit_memory(self, limit: int) -> None:
        """Limit torch's allocator on the current device."""
        torch = _torch()
        total = self.total_memory(torch.cuda.current_device())
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total))

    def free_unused(self) -> None:
        """Empty the cache of torch's allocator."""
        _torch().cuda.empty_cache()


BACKENDS: dict[str, Backend] = {"cuda": Cuda(), "cpu": Cpu()}
"""Torch's name of a kind of device -> its backend; `auto` takes the first that is present."""


def kind_of(device: object) -> str:
    """The kind of a device, `cuda` for `cuda:1` or `torch.device("cuda", 1)`."""
    return str(device).partition(":")[0]


def backend_of(device: object) -> Backend:
    """The backend of a device.

    Raises:
        KeyError: no such kind.
    """
    return BACKENDS[kind_of(device)]


def best_kind() -> str:
    """The first kind of device that torch sees here."""
    return next(kind for kind, backend in BACKENDS.items() if backend.names())


def accelerator_names() -> list[str]:
    """Names of all devices besides the processor."""
    return [name for kind, backend in BACKENDS.items() if kind != "cpu" for name in backend.names()]


def has_accelerator_driver() -> bool:
    """Whether the machine has the driver of a device besides the processor, found out without torch."""
    return any(backend.has_driver() for kind, backend in BACKENDS.items() if kind != "cpu")


def synchronize() -> None:
    """Wait for every device that this process uses."""
    for backend in BACKENDS.values():
        if backend.in_use():
            backend.synchronize()


def free_unused() -> None:
    """Give memory that nothing uses back, on every device that this process uses."""
    for backend in reversed(BACKENDS.values()):  # garbage first
        if backend.in_use():
            backend.free_unused()


def reset_peak() -> int:
    """Start watching the peaks anew; return the resident memory now in bytes, 0 if it is not known."""
    for backend in BACKENDS.values():
        if backend.in_use():
            backend.reset_peak()
    try:
        return _status("VmRSS")
    except OSError:
        return 0


def peak_memory() -> dict[str, int]:
    """Peaks in bytes since the last reset: `resident`, and those of every accelerator that this process uses."""
    peaks: dict[str, int] = {}
    for backend in BACKENDS.values():
        if backend.in_use():
            peaks |= backend.peak_memory()
    return peaks


def children_peak() -> int:
    """Peak resident memory of the processes that this one has started, in bytes."""
    return _usage(resource.RUSAGE_CHILDREN)


def limit_memory(limit: int) -> None:
    """Let allocations beyond `limit` bytes fail, which is a result, instead of ending the machine.

    If this process uses an accelerator its memory is limited, else the private memory of the process.
    """
    used = next(backend for backend in BACKENDS.values() if backend.in_use())
    used.limit_memory(limit)


def trim_heap() -> None:
    """Return freed heap memory to the system, so that later allocations show up in the peak."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _torch() -> Any:
    try:
        import torch
    except ImportError:  # an environment of a package that computes without it
        return None
    return torch


def _status(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024


def _usage(who: int) -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit
