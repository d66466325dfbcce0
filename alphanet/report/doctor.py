"""What this machine has, what each table and claim lacks on it, and the command that mends it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Literal

from pydantic import JsonValue

from alphanet import caches
from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.listing import BenchmarkInfo, list_benchmarks
from alphanet.benchmark.loading import load_benchmark
from alphanet.model.native.library import cpp_compiler
from alphanet.paths import home
from alphanet.programs import records
from alphanet.provenance import hardware, software

State = Literal["good", "note", "lacks"]
LEAST_FREE = 5e9  # bytes of disk, below which environments and data soon do not fit


@dataclass(frozen=True)
class Finding:
    """One fact about this machine."""

    about: str  # software, compiler, GPU, …
    subject: str
    state: State
    detail: str
    mend: str = ""  # the command that mends it; empty if nothing is wrong or no command does


@dataclass(frozen=True)
class Lack:
    """What a benchmark at one scale lacks."""

    benchmark: str
    scale: str
    environments: tuple[str, ...]  # baselines that are not installed
    data: tuple[str, ...]  # that is not here
    claims: tuple[str, ...]  # ids of those that cannot be tested for it
    mend: tuple[str, ...]  # commands


def findings() -> list[Finding]:
    """Facts about software, compilers, GPUs, threads, disk, programs, environments and weights."""
    return [*_software(), *_compiler(), *_devices(), *_disk(), *_programs(), *_environments(), *_weights()]


def lacks() -> list[Lack]:
    """Every benchmark and scale that lacks something that a command can bring; in the order of the paper.

    Raises:
        UserError: a card is wrong.
    """
    return [lack for info in list_benchmarks() if (lack := _lack(info)).environments or lack.data]


def sizes() -> list[tuple[caches.Cache, int]]:
    """The caches, with the bytes that each takes."""
    return [(cache, sum(caches.size(place) for place in caches.places(cache))) for cache in caches.CACHES]


def as_json() -> dict[str, JsonValue]:
    """All of it as plain values."""
    return {
        "findings": [asdict(finding) for finding in findings()],
        "caches": [{"name": cache.name, "bytes": size, "comes_back": cache.comes_back} for cache, size in sizes()],
        "lacks": [asdict(lack) for lack in lacks()],
    }


def _software() -> Iterator[Finding]:
    for name, version in software().items():
        yield Finding("software", name, "good", version)
    for package, what, extra in (
        ("triton", "compiled functions on GPUs", "comes with torch for CUDA"),
        ("nvalchemiops", "neighbor lists on GPUs", "pip install 'alphanet-suite[gpu]'"),
        ("torch_sim", "models of torch_sim, batched relaxations", "pip install 'alphanet-suite[torch-sim]'"),
        ("h5py", "files in HDF5", "pip install h5py"),
        ("pyarrow", "tables in Parquet", "pip install pyarrow"),
    ):
        here = find_spec(package) is not None
        yield Finding("optional", package, "good" if here else "note", what, "" if here else extra)


def _compiler() -> Iterator[Finding]:
    found = cpp_compiler()
    if found is None:
        yield Finding("compiler", "C++", "lacks", "the modes compiled and export need one", "install g++ or set CXX")
        return
    try:
        answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("compiler", "C++", "lacks", f"{found}: {error}", "install g++ or set CXX")
        return
    yield Finding("compiler", "C++", "good", f"{found}: {(answer.splitlines() or ['no version'])[0]}")


def _devices() -> Iterator[Finding]:
    machine = hardware()
    yield Finding("machine", "CPU", "good", f"{machine['cpu']}, {machine['cores']} cores that this process may use")
    yield Finding("machine", "memory", "good", f"{machine['memory_gib']} GiB")
    gpus = machine["gpus"]
    yield Finding("machine", "GPU", "good" if gpus else "note", ", ".join(gpus) or "none that torch sees")
    threads = os.environ.get("OMP_NUM_THREADS")
    yield Finding("machine", "threads", "good", f"OMP_NUM_THREADS is {threads or 'not set: one for each core'}")


def _disk() -> Iterator[Finding]:
    folder = home()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free, writable = shutil.disk_usage(existing).free, os.access(existing, os.W_OK)
    enough = free > LEAST_FREE and writable
    mend = "" if enough else "set ALPHANET_HOME to another disk, or: alphanet clean"
    words = "" if writable else ", and it cannot be written to"
    yield Finding("disk", str(folder), "good" if enough else "lacks", f"{free / 1e9:.1f} GB free{words}", mend)


def _programs() -> Iterator[Finding]:
    folder = records()
    if folder is None:
        detail = "there is no state folder that is yours alone, so kernels are compiled by every process"
        yield Finding("programs", "records", "lacks", detail, "chmod -R go-w ~/.local/state/alphanet")
    else:
        yield Finding("programs", "records", "good", f"{len(list(folder.iterdir()))} programs of yours in {folder}")


def _environments() -> Iterator[Finding]:
    from alphanet.potentials.cards import list_baselines
    from alphanet.potentials.environments import state

    for card in list_baselines():
        if lacking := card.missing_checkout():
            yield Finding("environment", card.name, "note", lacking)
            continue
        current = state(card)
        mend = "" if current == "installed" else f"alphanet baselines install {card.known_as}"
        yield Finding("environment", card.name, "good" if current == "installed" else "lacks", current, mend)


def _weights() -> Iterator[Finding]:
    from alphanet.model.released import released_model, released_names
    from alphanet.potentials.cards import list_baselines
    from alphanet.potentials.weights import described

    for name in released_names():
        here = released_model(name).present
        mend = "" if here else f"alphanet models fetch {name}"
        yield Finding("weights", name, "good" if here else "lacks", "here" if here else "not here", mend)
    for card in list_baselines():
        if card.released is not None:
            here = bool(described(card)["present"])
            mend = "" if here else f"alphanet baselines fetch {card.known_as}"
            yield Finding("weights", card.name, "good" if here else "lacks", "here" if here else "not here", mend)


def _lack(info: BenchmarkInfo) -> Lack:
    data = tuple(need for need in info.data if not need.here)
    mend = [f"alphanet baselines install {' '.join(info.missing_environments)}"] if info.missing_environments else []
    mend += [need.get for need in data if need.get]
    return Lack(
        benchmark=info.name,
        scale=info.scale,
        environments=info.missing_environments,
        data=tuple(need.name for need in data),
        claims=_claims(load_benchmark(info.name), info.missing_environments, bool(data)),
        mend=tuple(dict.fromkeys(mend)),
    )


def _claims(card: AnyCard, environments: tuple[str, ...], without_data: bool) -> tuple[str, ...]:
    """Ids of claims whose rows need an environment that is missing; all claims if data is missing."""
    models = {name: str(getattr(row, "model", "")).partition("@")[0] for name, row in card.rows.items()}
    return tuple(
        claim.id for claim in card.claims if without_data or any(models.get(row) in environments for row in claim.rows)
    )
