"""Several models of AlphaNet on one graph: the mean of their predictions, and its spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphanet.errors import UserError
from alphanet.graph import AtomGraph
from alphanet.model.prediction import Prediction
from alphanet.spread import joined

if TYPE_CHECKING:
    from alphanet.model.evaluator import Engine, Evaluator

OF_THE_GRAPH = ("reading", "cutoff", "max_neighbors")  # settings by which models make different graphs


@dataclass(frozen=True)
class CommitteePredict:
    """Predicts with every member in turn."""

    members: tuple["Engine", ...]

    @property
    def mode(self) -> str:
        """The first member's."""
        return self.members[0].mode

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """The means, with `spread`."""
        means, spread = joined([_values(one.predict(graph, forces=forces, stress=stress)) for one in self.members])
        return Prediction(means["energy"], means["energies"], means["forces"], means["stress"], spread)


def require_alike(members: Sequence["Evaluator"], names: Sequence[str]) -> None:
    """Check that one graph fits all members.

    Args:
        members: the members.
        names: of theirs, for the error.

    Raises:
        UserError: there are fewer than two, or one knows other elements or makes other graphs than the first.
    """
    if len(members) < 2:
        raise UserError(f"a committee needs two members or more; for a single model name {names[0] if names else 'it'}")
    first = members[0].model.config
    for member, name in zip(members[1:], names[1:], strict=True):
        config = member.model.config
        if set(config.elements) != set(first.elements):
            differ = f"knows {', '.join(config.elements)}, and {names[0]} knows {', '.join(first.elements)}"
            raise UserError(f"{name} {differ}: members of a committee know the same elements")
        for key in OF_THE_GRAPH:
            own, expected = getattr(config, key, None), getattr(first, key, None)
            if own != expected:
                raise UserError(
                    f"{name} has {key} {own}, and {names[0]} has {expected}: members of a committee have the same"
                )


def _values(answer: Prediction) -> dict[str, object]:
    return {
        "energy": answer.energy,
        "energies": answer.atomic_energies,
        "forces": answer.forces,
        "stress": answer.stress,
    }
