"""SevenNet as a network of the kit: energies from given edges, without the energies of the elements."""

import copy

import sevenn._const as constants
import sevenn._keys as keys
import torch
from ase.data import atomic_numbers, chemical_symbols
from sevenn.model_build import build_E3_equivariant_model
from torch_kit import Network
from worker_kit import RefusedError

SHIFT = "network.rescale_atomic_energy.shift"  # the energies of the elements, among the network's tensors
DIFFERENTIATING = ("reduce_total_enegy", "force_output")  # the package's spelling


class SevenNetwork(Network):
    """The package's layers up to the atomic energies, which are summed and differentiated outside."""

    def __init__(self, architecture, elements):
        super().__init__()
        self._made_of = architecture, elements
        network = package_network(architecture, elements)
        for layer in DIFFERENTIATING:
            network.delete_module_by_key(layer)
        network.key_grad = None
        network.set_is_batch_data(True)
        self.network = network
        self.cutoff = float(network.cutoff)
        self.elements = elements_of(network)

    def __deepcopy__(self, _memo):
        """The same network built again: in copies of e3nn's generated code the constants have other names."""
        copied = SevenNetwork(*self._made_of).train(self.training)
        copied.to(device=next(self.parameters()).device, dtype=self.dtype)
        copied.load_state_dict(self.state_dict())
        trained = {name: weights.requires_grad for name, weights in self.named_parameters()}
        for name, weights in copied.named_parameters():
            weights.requires_grad_(trained[name])
        return copied

    def make_compilable(self):
        """Refuse to compile: e3nn's generated code does not go through torch.compile."""
        raise RefusedError("SevenNet has no compiled mode here: its layers are code that e3nn generates")

    def forward(self, batch):
        """Energies (B,) eV."""
        sender, receiver = batch.edge_index
        answer = self.network(
            {
                keys.ATOMIC_NUMBERS: batch.numbers,
                keys.EDGE_IDX: torch.stack([receiver, sender]),
                keys.EDGE_VEC: batch.vectors().to(self.dtype),
                keys.NUM_ATOMS: batch.counts,
                keys.BATCH: batch.batch,
            }
        )
        energies = answer[keys.ATOMIC_ENERGY][:, 0].double()  # summed in float64, unlike in the package
        return energies.new_zeros(len(batch.counts)).index_add(0, batch.batch, energies)


def build(architecture, elements):
    """A network with random weights."""
    return SevenNetwork(architecture, elements)


def package_network(architecture, elements):
    """The package's own network with random weights."""
    if not elements:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    known = copy.deepcopy(constants.DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG) | {keys.SHIFT: 0.0, keys.SCALE: 1.0}
    unknown = sorted(set(architecture) - set(known))
    if unknown:
        raise RefusedError(f"SevenNet has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    return build_E3_equivariant_model(known | architecture | made_for(elements))


def made_for(elements):
    """Settings that say for which elements a network is; the package orders them by their symbols."""
    species = sorted(elements)
    return {
        keys.CHEMICAL_SPECIES: species,
        keys.NUM_SPECIES: len(species),
        keys.TYPE_MAP: {atomic_numbers[symbol]: place for place, symbol in enumerate(species)},
    }


def elements_of(network):
    """Symbols of the elements that the package's network knows, by atomic number."""
    return [chemical_symbols[number] for number in sorted(network.type_map)]
