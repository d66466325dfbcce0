"""The job of a worker: relax a few structures with a potential that stays open for the next ones."""

import atexit
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from alphanet.errors import UserError
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Conditions, Crystal, RelaxationRecord
from alphanet.potentials.batches import BatchSize, fitted
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.opening import LoadOptions, open_potential
from alphanet.potentials.protocol import Potential
from alphanet.potentials.remote import RemotePotential

DEPENDED_ON = ("torch", "numpy", "ase", "vesin")  # by the numbers, in this environment; a worker's has its own


@dataclass(frozen=True)
class Job:
    """Which potential relaxes, and how."""

    model: str
    """As `open_potential` takes it, with whole paths"""
    options: LoadOptions = field(default_factory=LoadOptions)
    protocol: RelaxationProtocol = field(default_factory=RelaxationProtocol)
    engine: str = "ase"
    """`ase`: one structure after another; `torch-sim`: `batch` at once"""
    batch: BatchSize = field(default=32, compare=False)


@functools.cache
def conditions(job: Job) -> Conditions:
    """The conditions in this process: potential, versions, kind of GPU.

    Raises:
        UserError: the potential cannot be opened.
    """
    from alphanet.provenance import code, hardware, software

    try:
        potential = held(job)
        if isinstance(potential, RemotePotential):
            potential.info()  # loads the model, of which provenance tells more then
    except WorkerError as error:
        raise UserError(str(error)) from None  # a plain one survives the way between processes
    on_gpu = job.options.device.partition(":")[0] != "cpu"
    versions = {name: version for name, version in software().items() if name in DEPENDED_ON}
    return Conditions(
        model=json.loads(json.dumps(potential.provenance(), default=str)),
        versions={"alphanet-suite": code()["version"], **versions},
        # The last digits depend on the kind of GPU, and on a CPU on none that would matter at 1e-5 eV/atom.
        gpu=[*hardware()["gpus"]] if on_gpu else None,
    )


def relax_piece(job: Job, expected: str, piece: Mapping[str, Crystal]) -> list[RelaxationRecord]:
    """Relax a few structures in this process.

    Args:
        job: potential, protocol and engine.
        expected: digest of the `conditions` of all records of the campaign.
        piece: structures by id.

    Raises:
        UserError: the conditions are others here, or no structure can be relaxed as asked.
    """
    if conditions(job).digest != expected:
        raise UserError(
            "the workers of the cluster differ in model, versions or kind of GPU, and their records must not be mixed; "
            "give all of them the same environment"
        )
    potential = held(job)
    frames = {identity: crystal.atoms() for identity, crystal in piece.items()}
    if job.engine == "torch-sim":
        try:
            from alphanet.measure.relaxation.relax_batched import relax_batched
        except ImportError:
            raise UserError("the engine torch-sim needs torch_sim: pip install 'alphanet-suite[torch-sim]'") from None
        predicting, size = _fitted(job)
        return relax_batched(frames, predicting, job.protocol, size)
    from alphanet.measure.relaxation.relax import relax

    return [relax(identity, atoms, potential, job.protocol) for identity, atoms in frames.items()]


_held: dict[Job, Potential] = {}
_sizes: dict[Job, tuple[Potential, int]] = {}


def _fitted(job: Job) -> tuple[Potential, int]:
    """The potential and the size of its batches, which it remembers for later pieces."""
    if job not in _sizes:
        _sizes[job] = fitted(held(job), job.batch)
    return _sizes[job]


def held(job: Job) -> Potential:
    """The potential of `job`, opened once a process."""
    if job not in _held:
        _held[job] = open_potential(job.model, job.options)
    return _held[job]


def release() -> None:
    """Close what this process holds."""
    _sizes.clear()
    while _held:
        _held.popitem()[1].close()


atexit.register(release)
