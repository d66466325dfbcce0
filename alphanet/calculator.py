"""AlphaNet as an ASE calculator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.errors import UserError
from alphanet.model.evaluator import Model, evaluator
from alphanet.model.prediction import has_stress
from alphanet.potentials.runs import alphanet_files
from alphanet.spread import SPREAD_RESULTS, Spread
from alphanet.verlet import VerletList


class AlphaNetCalculator(Calculator):
    """Energy, free energy, forces, stress and atomic energies of a structure.

    Units are ASE's: eV, eV/Å, eV/Å^3 (Voigt order xx, yy, zz, yz, xz, xy). The energy is also the free energy: the
    model is conservative and knows no electronic temperature.

    Args:
        model: a model, the file of one, a package that `alphanet export` wrote, the folder of a run, or the name of
            released weights. A committee (the folder of one, or a sequence of models or files) gives means; `results`
            and `get_property` then also have `energy_spread`, `energies_spread` (N,), `forces_spread` (N,), the norm of
            each atom's deviation, and `stress_spread`, see `alphanet.spread`.
        config: see `alphanet.load_model`.
        dtype: precision of the network; by default float32 for a file, and that of the model for a model.
        device: the device to compute on.
        skin: Å, of the neighbor list; 0 searches neighbors at every step.
        mode: eager, blocked or compiled, see `alphanet.model.evaluator.evaluation`. If not given: kernels in C++ where
            they serve the model (float32, on a CPU); while they are compiled, once on a machine, the reference answers.
        max_memory: bytes, for every mode but `eager`, see `alphanet.model.fast.model.fast_model`.

    Raises:
        UserError: as `alphanet.load_model`, or the mode is unknown; in calculations, the structure has unknown elements
            or overlapping atoms, or the prediction is not finite.

    Example:
        >>> atoms.calc = AlphaNetCalculator("model.safetensors")
        >>> atoms.get_potential_energy()
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energies"]  # noqa: RUF012  (ASE's border)

    def __init__(
        self,
        model: Model | Sequence[Model],
        config: Any = None,
        dtype: str | None = None,
        device: str = "cpu",
        skin: float = 0.5,
        mode: str | None = None,
        max_memory: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        ready = evaluator(alphanet_files(model), config, dtype=dtype, device=device, mode=mode, max_memory=max_memory)
        self.model, self._engine = ready.model, ready.engine
        if len(ready.members) > 1:
            self.implemented_properties = [*self.implemented_properties, *SPREAD_RESULTS]
        self.neighbors = VerletList(self.model.config.cutoff, skin, self.model.device)

    @property
    def mode(self) -> str:
        """How the next calculation is done: eager, blocked, compiled or exported."""
        return self._engine.mode

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill `self.results`; ASE calls this."""
        super().calculate(atoms, properties, system_changes)
        self.model.require_elements(self.atoms)
        graph = self.model.limit_neighbors(self.neighbors.graph(self.atoms, self.model.dtype))
        stressed = bool(self.atoms.pbc.any()) and bool(has_stress(graph)[0])
        answer = self._engine.predict(graph, stress=stressed)
        assert answer.forces is not None
        energy = float(answer.energy[0])
        forces = answer.forces.double().cpu().numpy()
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise UserError(f"{self.atoms.get_chemical_formula()}: the model's prediction is not finite")
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": answer.atomic_energies.cpu().numpy(),
            "forces": forces,
        }
        if answer.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(answer.stress[0].double().cpu().numpy())
        if answer.spread is not None:
            self.results |= _of_one(answer.spread).results()


def _of_one(spread: Spread) -> Spread:
    """The spread of a batch of one structure, as arrays."""
    stress = None if spread.stress is None else spread.stress[0].double().cpu().numpy()
    forces, energies = (values.detach().double().cpu().numpy() for values in (spread.forces, spread.energies))
    return Spread(spread.members, float(spread.energy[0]), forces, stress, energies)
