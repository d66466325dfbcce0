"""CHGNet behind the worker protocol."""

from pathlib import Path

import numpy as np
import torch
from ase import units
from ase.data import chemical_symbols
from chgnet.model.model import CHGNet
from graphs import crystal_graphs
from network import build, package_network
from torch_kit import loader, refuse_compiled
from worker_kit import RefusedError, refuse_unknown

TRAINED = [*chemical_symbols[1:84], *chemical_symbols[89:95]]  # the 89 elements of MPtrj: H to Bi, Ac to Pu


def load(request):
    """The package's weights, a checkpoint in its format or of a training here, or random weights."""
    refuse_compiled(request, "CHGNet", "it makes its batch of graphs of their vectors, one by one, in the forward pass")
    torch.set_num_threads(request["threads"])
    if request["carried"] is None and request["checkpoint"] is None:
        torch.manual_seed(request["seed"])
        return Model(package_network(request["architecture"]), request["elements"] or TRAINED, request["device"])
    network = _opened(request)
    return loader(build)(request) if network is None else Model(network, TRAINED, request["device"])


def start(request):
    """The start of a training, from the same weights."""
    from network import start

    return start(_opened(request), TRAINED, request)


def train(request):
    """Train with the loop of AlphaNet."""
    import torch_training

    return torch_training.train(request)


class Model:
    """A CHGNet on a device."""

    def __init__(self, network, elements, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._elements, self._device = elements, device
        converter = network.graph_converter
        self._cutoffs = float(converter.atom_graph_cutoff), float(converter.bond_graph_cutoff)
        self.info = {
            "parameters": network.n_params,
            "elements": list(elements),
            "cutoff": self._cutoffs[0],
            "dtype": "float32",
            "mode": "eager",
            "reference": "float32 eager",  # the package's only precision
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """The package's graphs, on the device, and the structures that they are of."""
        refuse_unknown(structures.numbers, self._elements)
        graphs = [graph.to(self._device) for graph in crystal_graphs(structures, *self._cutoffs)]
        return graphs, structures

    reference = predict

    def evaluate(self, inputs):
        """Predictions of the network for the graphs, on the host."""
        graphs, structures = inputs
        answers = self._network.predict_graph(graphs, task="efs", batch_size=len(graphs))
        answers = [answers] if len(graphs) == 1 else answers
        energies = np.array([float(one["e"]) for one in answers])
        if self._network.is_intensive:
            energies *= structures.counts
        stresses = [_stress(one["s"], cell) for one, cell in zip(answers, structures.cells, strict=True)]
        return {
            "energy": energies,
            "forces": np.concatenate([one["f"] for one in answers]),
            "stress": np.stack(stresses),
        }


def _stress(stress, cell):
    """The package's stress in eV/Å^3; it has GPa and the wrong sign in left-handed cells."""
    return np.sign(np.linalg.det(cell)) * units.GPa * (stress + stress.T) / 2


def _opened(request):
    """The package's network that the request names; None for a file that a training here wrote."""
    if request["carried"] is not None:
        return CHGNet.load(model_name=request["carried"], use_device="cpu", verbose=False)
    path = request["checkpoint"]
    if Path(path).suffix == ".safetensors":
        return None
    try:
        return CHGNet.from_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except Exception as error:
        raise RefusedError(f"{path} is not a checkpoint of CHGNet: {error}") from None
