"""CHGNet as a network of the kit: energies from given edges, without the energies of the elements."""

import inspect

import torch
from ase.data import atomic_numbers, chemical_symbols
from chgnet.model.model import BatchedGraph, CHGNet
from graphs import Bonds
from starting import started, starter
from torch_kit import Network, Scaled
from worker_kit import RefusedError

HIDDEN = {"conv_norm", "mlp_out_bias", "num_heads", "final_mlp"}  # settings beyond the package's signature
EMBEDDED = chemical_symbols[1:95]


class CHGNetwork(Network):
    """The package's layers on edges, angles and derivatives that are made outside."""

    def __init__(self, network, elements):
        super().__init__()
        self.network = network
        converter = network.graph_converter
        self.cutoff, self._angle_cutoff = float(converter.atom_graph_cutoff), float(converter.bond_graph_cutoff)
        self.elements = list(elements or EMBEDDED)

    def make_compilable(self):
        """Refuse to compile: the angles are found anew in every forward pass."""
        raise RefusedError("CHGNet has no compiled mode here: it finds its angles in the forward pass")

    def forward(self, batch):
        """Energies (B,) eV."""
        vectors = batch.vectors().to(self.dtype)
        bonds = _bonds(batch, vectors)
        centers, neighbors, directed, undirected, angles = (
            torch.as_tensor(indices, device=vectors.device)
            for indices in (
                bonds.centers, bonds.neighbors, bonds.directed, bonds.undirected, bonds.angles(self._angle_cutoff)
            )
        )  # fmt: skip
        vectors = vectors[torch.as_tensor(bonds.kept, device=vectors.device)]
        lengths = vectors.norm(dim=1)
        directions, distinct = vectors / lengths[:, None], lengths[directed]
        basis = self.network.bond_basis_expansion
        answer = self.network._compute(
            BatchedGraph(
                atomic_numbers=batch.numbers,
                bond_bases_ag=basis.rbf_expansion_ag(distinct),
                bond_bases_bg=basis.rbf_expansion_bg(distinct),
                angle_bases=self.network.angle_basis_expansion(directions[angles[:, 2]], directions[angles[:, 4]]),
                batched_atom_graph=torch.stack([centers, neighbors], dim=1),
                batched_bond_graph=angles[:, [0, 1, 3]],
                atom_owners=batch.batch,
                directed2undirected=undirected,
                atom_positions=(),
                strains=(),
                volumes=(),
            )
        )
        energies = answer["e"].double()
        return energies * batch.counts if self.network.is_intensive else energies


def build(architecture, elements):
    """A network with random weights; energies of the elements are never its own."""
    return CHGNetwork(package_network({**architecture, "composition_model": None}), elements)


def package_network(architecture):
    """The package's own network with random weights."""
    known = HIDDEN | set(inspect.signature(CHGNet).parameters) - {"kwargs", "version"}
    unknown = sorted(set(architecture) - known)
    if unknown:
        raise RefusedError(f"CHGNet has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    return CHGNet(**architecture)


def start(old, elements, request):
    """The start, see `starting.Start`; `old` is the package's network, None for a file of a training here."""
    if old is None:
        return starter(build)(request)
    outside = ("composition_model", "version")
    architecture = {name: value for name, value in old.model_args.items() if name not in outside}
    scaled = Scaled(build(architecture, elements), stress=request["stress"])
    tensors = old.state_dict()
    energies = tensors.pop("composition_model.fc.weight", torch.zeros(1, len(EMBEDDED)))
    scaled.network.network.load_state_dict(tensors)
    for element, energy in zip(EMBEDDED, energies[0].tolist(), strict=True):
        scaled.references[atomic_numbers[element]] = energy
    return started(scaled, architecture, request)


def _bonds(batch, vectors):
    sender, receiver = batch.edge_index.cpu().numpy()
    lengths = vectors.detach().norm(dim=1).cpu().numpy()
    return Bonds(receiver, sender, batch.images.cpu().numpy().astype(int), lengths, len(batch.numbers))
