"""A committee as a potential: the mean of its members' predictions, and their spread."""

from collections.abc import Sequence

from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.spread import joined


class CommitteePotential:
    """A potential made of potentials, of whatever kind.

    AlphaNet's own committees are one `AlphaNetPotential`, whose members share the graphs.
    """

    def __init__(self, members: Sequence[Potential], name: str = "") -> None:
        """Join `members`, which the committee closes; errors and records call it `name`.

        Raises:
            UserError: there are fewer than two.
        """
        if len(members) < 2:
            raise UserError(f"{name or 'a committee'}: one member has no spread; a committee needs two or more")
        self.members = tuple(members)
        self.name = name or f"committee of {len(members)} {members[0].name}"

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Mean energies, forces and stresses of `frames`, in order, each with its `spread`.

        Raises:
            UserError: as the members'.
        """
        answers = [member.predict(frames, batch_size=batch_size) for member in self.members]
        return [_mean(of_frame) for of_frame in zip(*answers, strict=True)]

    def provenance(self) -> dict[str, JsonValue]:
        """Name, sum of the parameters, and the provenance of each member."""
        members: list[JsonValue] = [member.provenance() for member in self.members]
        counts = [one.get("parameters") for one in members if isinstance(one, dict)]
        known = [count for count in counts if isinstance(count, int)]
        return {
            "name": self.name,
            "parameters": sum(known) if len(known) == len(members) else None,
            "members": members,
        }

    def close(self) -> None:
        """Close every member."""
        for member in self.members:
            member.close()


def _mean(answers: Sequence[FramePrediction]) -> FramePrediction:
    names = ("energy", "forces", "stress", "energies")
    means, spread = joined([{name: getattr(answer, name) for name in names} for answer in answers])
    return FramePrediction(**means, spread=spread)
