"""MACE as a network of the kit: energies from given edges, without the energies of the elements."""

import mace  # noqa: F401  before e3nn: it makes torch.load accept the constants that e3nn 0.4.4 ships

# isort: split
import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from e3nn import o3
from mace.modules import ScaleShiftMACE, interaction_classes
from mace.tools.compile import disable_e3nn_codegen, simplify
from mace.tools.scripts_utils import extract_config_mace_model
from settings import refuse_unknown_settings
from starting import starter
from torch_kit import Network
from worker_kit import RefusedError

DEFAULTS = {
    "interaction_cls": "RealAgnosticResidualInteractionBlock",
    "interaction_cls_first": "RealAgnosticInteractionBlock",
    "avg_num_neighbors": 40.0,
}


class MaceNetwork(Network):
    """A ScaleShiftMACE whose own energies of the elements are zero."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.cutoff = float(network.r_max)
        self.elements = [chemical_symbols[number] for number in network.atomic_numbers]
        kinds = torch.zeros(len(chemical_symbols), dtype=torch.long)
        kinds[network.atomic_numbers] = torch.arange(len(self.elements))
        self.register_buffer("kinds", kinds, persistent=False)

    def make_compilable(self):
        """MACE's own way: modules in Python instead of e3nn's TorchScript, with the same weights and constants."""
        network = self.network
        config = extract_config_mace_model(network)
        with disable_e3nn_codegen():
            plain = ScaleShiftMACE(**config)
        plain = plain.to(self.kinds.device, self.dtype)
        plain.load_state_dict(network.state_dict())
        self.network = simplify(plain).eval().requires_grad_(False)

    def forward(self, batch):
        """Energies (B,) eV."""
        sender, receiver = batch.edge_index
        shifts = -torch.einsum("ei,eij->ej", batch.images, batch.cells[batch.batch[receiver]])
        kinds = self.kinds[batch.numbers]
        ends = torch.cumsum(batch.counts, 0)
        answer = self.network(
            {
                "positions": batch.positions.to(self.dtype),
                "node_attrs": torch.nn.functional.one_hot(kinds, len(self.elements)).to(self.dtype),
                "edge_index": torch.stack([sender, receiver]),
                "shifts": shifts.to(self.dtype),
                "cell": batch.cells.to(self.dtype),
                "batch": batch.batch,
                "ptr": torch.cat([ends.new_zeros(1), ends]),
            },
            compute_force=False,
        )
        return answer["interaction_energy"]


def build(architecture, elements):
    """A network with random weights; its constants are computed in float64."""
    if not elements:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    refuse_unknown_settings(architecture)
    settings = DEFAULTS | architecture
    for key in ("hidden_irreps", "MLP_irreps"):
        settings[key] = o3.Irreps(settings[key])
    for key in ("interaction_cls", "interaction_cls_first"):
        settings[key] = interaction_classes[settings[key]]
    numbers = sorted(atomic_numbers[symbol] for symbol in elements)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        network = ScaleShiftMACE(
            **settings,
            num_elements=len(numbers),
            atomic_numbers=numbers,
            atomic_energies=np.zeros((1, len(numbers))),
            gate=torch.nn.functional.silu,
            use_reduced_cg=False,  # as in the trainer, whose other choices of this kind are those of the class
            atomic_inter_scale=[1.0],
            atomic_inter_shift=0.0,
        )
    finally:
        torch.set_default_dtype(default)
    return MaceNetwork(network)


start = starter(build)
