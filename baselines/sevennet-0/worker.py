"""SevenNet behind the worker protocol."""

from pathlib import Path

import numpy as np
import sevenn._keys as keys
import torch
import torch_kit
from network import build, elements_of, package_network
from sevenn.checkpoint import SevenNetCheckpoint
from sevenn.util import load_checkpoint
from torch_kit import batched, refuse_compiled
from worker_kit import RefusedError, refuse_unknown

# What the authors' checkpoints hold besides tensors: settings with arrays of numpy.
RECONSTRUCT = np._core.multiarray._reconstruct
HARMLESS = [
    *(np.ndarray, np.dtype, RECONSTRUCT, (RECONSTRUCT, "numpy.core.multiarray._reconstruct")),
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")),
]
VOIGT = [[0, 3, 5], [3, 1, 4], [5, 4, 2]]  # places of xx, yy, zz, xy, yz, zx in a stress tensor


def load(request):
    """The package's weights, a checkpoint in its format or of a training here, or random weights."""
    refuse_compiled(request, "SevenNet", "the network differentiates inside its forward pass")
    torch.set_num_threads(request["threads"])
    if request["carried"] is None and request["checkpoint"] is None:
        torch.manual_seed(request["seed"])
        return Model(package_network(request["architecture"], request["elements"]), request["device"])
    opened = _opened(request)
    if opened is None:
        return torch_kit.loader(build)(request)
    return Model(opened.build_model(), request["device"])


def start(request):
    """The start of a training, from the same weights."""
    from start import start

    return start(request, _opened(request))


def train(request):
    """Train with the loop of AlphaNet."""
    import torch_training

    return torch_training.train(request)


class Model:
    """A SevenNet on a device; its edges come from the common neighbor lists."""

    def __init__(self, network, device):
        parameters = sum(weights.numel() for weights in network.parameters())
        self._network = network.eval().requires_grad_(False).to(device)
        self._network.set_is_batch_data(True)
        self._device = device
        self._elements = elements_of(network)
        self.info = {
            "parameters": parameters,
            "elements": self._elements,
            "cutoff": float(network.cutoff),
            "dtype": "float32",
            "mode": "eager",
            "reference": "float32 eager",  # the package's only precision
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """The common batch with its edges, on the device."""
        refuse_unknown(structures.numbers, self._elements)
        return batched(structures, self._network.cutoff).to(self._device)

    reference = predict

    def evaluate(self, batch):
        """Predictions of the network for the batch, on the host."""
        volumes = torch.linalg.det(batch.cells).abs()
        answer = self._network(self._graph(batch, volumes))
        # the package's own sum over atoms is in float32
        energies = volumes.new_zeros(len(volumes)).index_add(0, batch.batch, answer[keys.ATOMIC_ENERGY][:, 0].double())
        stresses = torch.where(volumes[:, None] > 0, -answer[keys.PRED_STRESS].double(), 0.0)[:, VOIGT]
        found = {"energy": energies, "forces": answer[keys.PRED_FORCE], "stress": stresses}
        return {key: value.detach().cpu().numpy() for key, value in found.items()}

    def _graph(self, batch, volumes):
        """The input of the network; its forces and stresses are derivatives by the vectors."""
        sender, receiver = batch.edge_index
        return {
            keys.ATOMIC_NUMBERS: batch.numbers,
            keys.EDGE_IDX: torch.stack([receiver, sender]),
            keys.EDGE_VEC: batch.vectors().float(),
            keys.CELL_VOLUME: volumes.float(),
            keys.NUM_ATOMS: batch.counts,
            keys.BATCH: batch.batch,
        }


def _opened(request):
    """The package's checkpoint that the request names; None for a file that a training here wrote."""
    if request["carried"] is not None:
        return load_checkpoint(request["carried"])
    if Path(request["checkpoint"]).suffix == ".safetensors":
        return None
    return SevenNetCheckpoint(_harmless(request["checkpoint"]))


def _harmless(path):
    """`path`, if it holds only tensors, arrays and plain values, because the package would run any code in it."""
    try:
        with torch.serialization.safe_globals(HARMLESS):
            torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        raise RefusedError(f"{path} is no checkpoint of SevenNet, or holds more than plain values") from None
    return path
