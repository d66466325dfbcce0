"""What a worker is asked to do with a few structures, and doing it."""

import atexit
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.measure.relaxation.crystals import Crystal, unpacked
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Record
from alphanet.measure.relaxation.settings import label
from alphanet.potentials.opening import LoadOptions, open_potential
from alphanet.potentials.protocol import Potential
from alphanet.potentials.remote import RemotePotential

ENGINES = ("ase", "torch-sim")
DEPENDED_ON = ("torch", "numpy", "ase", "vesin")  # by the numbers, in this environment; a worker's has its own


@dataclass(frozen=True)
class Job:
    """Which potential relaxes, and how."""

    model: str
    """As `open_potential` takes it"""
    how: LoadOptions = field(default_factory=LoadOptions)
    protocol: RelaxationProtocol = field(default_factory=RelaxationProtocol)
    engine: str = "ase"
    """`ase`: one structure after another; `torch-sim`: `batch` at once"""
    batch: int = field(default=32, compare=False)

    def to_json(self) -> str:
        """The job as JSON, for another process."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job that `to_json` wrote."""
        values = json.loads(text)
        config = values["how"].pop("config")
        how = LoadOptions(**values.pop("how"), config=Path(config) if config else None)
        return cls(**values | {"how": how, "protocol": RelaxationProtocol(**values["protocol"])})


@functools.cache
def conditions(job: Job) -> dict[str, Any]:
    """What makes records comparable, as this process has it: code, potential, device, protocol, engine.

    Raises:
        UserError: the potential cannot be opened.
    """
    from alphanet.provenance import code, hardware, software

    potential = held(job)
    if isinstance(potential, RemotePotential):
        potential.info()  # loads the model, of which provenance tells more then
    on_gpu = job.how.device.partition(":")[0] != "cpu"
    return {
        "model": {"name": label(job.model), **_plain(potential.provenance())},
        "protocol": job.protocol.described(),
        "engine": job.engine,
        "versions": {
            "alphanet-suite": code()["version"],
            **{name: version for name, version in software().items() if name in DEPENDED_ON},
        },
        # The last digits depend on the kind of GPU, and on a CPU on none that would matter at 1e-5 eV/atom.
        "gpu": hardware()["gpus"] if on_gpu else None,
    }


def digest(found: Mapping[str, Any]) -> str:
    """Hash of conditions, 16 hex digits."""
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:16]


def relax_piece(job: Job, piece: Mapping[str, Crystal]) -> dict[str, Any]:
    """Relax a few structures in this process, which keeps the potential open for the next ones.

    Returns:
        `records`, and `conditions`, the digest of what made them; or `refused`, why no structure can be relaxed.
    """
    try:
        potential = held(job)
        made = digest(conditions(job))
        return {"records": relax_all(job, piece, potential), "conditions": made}
    except UserError as error:
        # A plain value: errors with arguments of their own do not survive the way between processes.
        return {"refused": str(error)}


def relax_all(job: Job, piece: Mapping[str, Crystal], potential: Potential) -> list[Record]:
    """Records of the structures, in order.

    Raises:
        UserError: no structure can be relaxed as asked.
    """
    frames = {identity: unpacked(crystal) for identity, crystal in piece.items()}
    if job.engine == "torch-sim":
        from alphanet.measure.relaxation.relax_batched import relax_batched

        return relax_batched(frames, potential, job.protocol, job.batch)
    from alphanet.measure.relaxation.relax import relax

    return [relax(identity, atoms, potential, job.protocol) for identity, atoms in frames.items()]


_held: dict[Job, Potential] = {}


def held(job: Job) -> Potential:
    """The potential of `job`, opened once a process."""
    if job not in _held:
        _held[job] = open_potential(job.model, job.how)
    return _held[job]


def release() -> None:
    """Close what this process holds."""
    while _held:
        _held.popitem()[1].close()


atexit.register(release)


def _plain(values: Any) -> Any:
    """The same as JSON would give it back."""
    return json.loads(json.dumps(values, sort_keys=True, default=str))
