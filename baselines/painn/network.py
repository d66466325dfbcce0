"""PaiNN of schnetpack on given edges."""

import schnetpack_fix  # noqa: F401  before schnetpack

# isort: split
from schnetpack import properties
from schnetpack.atomistic import Atomwise
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from torch_kit import Network


def build(architecture, elements):
    """A network for whichever elements; schnetpack's embedding knows the first hundred."""
    return PaiNNPotential(elements, **architecture)


class PaiNNPotential(Network):
    """PaiNN and a sum of atomic energies; edges come with the structures."""

    def __init__(self, elements, *, n_atom_basis, n_rbf, cutoff, **options):
        super().__init__()
        self.elements = tuple(elements) or None
        self.cutoff = cutoff
        radial = {"radial_basis": GaussianRBF(n_rbf, cutoff), "cutoff_fn": CosineCutoff(cutoff)}
        self.representation = PaiNN(n_atom_basis, **radial, **options)
        self.output = Atomwise(n_atom_basis, output_key=properties.energy)

    def forward(self, batch):
        """Energies (B,)."""
        sender, receiver = batch.edge_index
        inputs = {
            properties.Z: batch.numbers,
            properties.Rij: batch.vectors().to(self.dtype),
            properties.idx_i: receiver,
            properties.idx_j: sender,
            properties.idx_m: batch.batch,
        }
        return self.output(self.representation(inputs))[properties.energy]
