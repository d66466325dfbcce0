"""Energies of structures by a potential, plainly or with only the edges of the first atom."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from ase import Atoms

from alphanet.errors import UserError
from alphanet.graph import AtomGraph
from alphanet.measure.physics.audit import declared_limits
from alphanet.measure.physics.dimers import found_cutoff
from alphanet.model.base import InteratomicModel
from alphanet.potentials.local import AlphaNetPotential
from alphanet.potentials.opening import LoadOptions, best_dtype, open_potential
from alphanet.potentials.protocol import Potential

SYMBOLS = ("Si", "C", "O", "Cu", "H")  # the first that a potential knows
STAR = "it builds its own neighbor list, which has the edges between neighbors"
Energies = Callable[[Sequence[Atoms]], list[float]]
"""Of structures, in eV"""


@dataclass(frozen=True)
class Opened:
    """A potential with what has to be known of it."""

    potential: Potential
    precision: str
    cutoff: float  # Å
    symbol: str

    def energies(self, frames: Sequence[Atoms], *, star: bool = False) -> list[float]:
        """eV of each structure.

        Args:
            frames: the structures.
            star: with edges from and to the first atom only.

        Raises:
            UserError: the potential fails, or has no neighbor list that can be changed.
        """
        if not star:
            return [one.energy for one in self.potential.predict(frames, batch_size=len(frames))]
        model = self.model
        if model is None:
            raise UserError(STAR)
        return [float(model(star_graph(model, atoms)).sum().detach()) for atoms in frames]

    @property
    def model(self) -> InteratomicModel | None:
        """AlphaNet's network; None if the potential is another, or a committee."""
        if not isinstance(self.potential, AlphaNetPotential) or len(self.potential.members) > 1:
            return None
        return self.potential.model if isinstance(self.potential.model, InteratomicModel) else None


@contextmanager
def opened(name: str, options: LoadOptions) -> Iterator[Opened]:
    """The potential `name` in its best precision; leaving the block closes it.

    Raises:
        UserError: it cannot be loaded, knows none of `SYMBOLS`, or has no cutoff.
    """
    dtype = best_dtype(name, trust=options.trust)
    finest = replace(options, dtype=dtype, seed=options.seed if options.untrained else 0)
    with closing(open_potential(name, finest, lambda: [Atoms(SYMBOLS[0])])) as potential:
        yield _described(potential, dtype)


def star_graph(model: InteratomicModel, atoms: Atoms) -> AtomGraph:
    """The graph of `atoms` with the edges from and to the first atom only."""
    graph = model.graph(atoms)
    kept = (graph.edge_index == 0).any(dim=0)
    return replace(graph, edge_index=graph.edge_index[:, kept], edge_shift=graph.edge_shift[kept])


def _described(potential: Potential, dtype: str) -> Opened:
    known, cutoff = declared_limits(potential)
    symbol = next((symbol for symbol in SYMBOLS if known is None or symbol in known), None)
    if symbol is None:
        if not known:
            raise UserError(f"{potential.name} knows no element")
        symbol = known[0]
    cutoff = cutoff or found_cutoff(potential, (symbol, symbol))
    if cutoff is None:
        raise UserError(f"{potential.name} has no cutoff below 12 Å, to which the structures could be scaled")
    provenance = potential.provenance()
    precision = str(provenance.get("dtype") or provenance.get("precision") or dtype)
    return Opened(potential, precision, cutoff, symbol)
