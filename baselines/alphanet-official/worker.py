"""The public AlphaNet code behind the worker protocol."""

import copy
import pickle
from pathlib import Path

import numpy as np
import torch
from ase.data import chemical_symbols
from ase.geometry import complete_cell
from checkout import Checkout
from worker_kit import RefusedError, refuse_unknown


def load(request):
    """A network with the weights of a state dict, or random ones if `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    precision = torch.get_float32_matmul_precision()
    checkout = Checkout()
    settings = request["architecture"]
    if request["checkpoint"] is not None:
        settings = checkout.settings_of(Path(request["checkpoint"]))
    configuration = checkout.configuration(settings, request["dtype"], request["device"])
    torch.manual_seed(request["seed"])
    network = checkout.network(configuration)
    if request["checkpoint"] is not None:
        _restore(network, Path(request["checkpoint"]))
    network = network.to(request["device"], getattr(torch, request["dtype"]))
    torch.set_float32_matmul_precision(precision)  # later commits turn TF32 on for the whole process
    return Model(network, configuration.cutoff, request["device"], checkout)


class Model:
    """The network on a device; it takes periodic structures only, so the others get cells that are long enough."""

    def __init__(self, network, cutoff, device, checkout):
        self._network = network.eval().requires_grad_(False)
        self._cutoff, self._device = float(cutoff), device
        self._gives_virial = checkout.predates_v1
        self._dtype = next(network.parameters()).dtype
        self._training = None
        tables = [module.num_embeddings for module in network.modules() if isinstance(module, torch.nn.Embedding)]
        self._elements = chemical_symbols[1 : min(tables)]
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": self._elements,
            "cutoff": self._cutoff,
            "dtype": str(self._dtype).removeprefix("torch."),
            "commit": checkout.commit(),
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        inputs, cells = self._inputs(structures)
        energy, forces, stress = self._network(*inputs, "infer")
        stress = stress.detach().double().view(-1, 3, 3).cpu().numpy()
        if self._gives_virial:
            stress = -stress / np.abs(np.linalg.det(cells))[:, None, None]
        return {
            "energy": energy.detach().double().view(-1).cpu().numpy(),
            "forces": forces.detach().double().cpu().numpy(),
            "stress": stress,
        }

    def prepare(self, structures):
        """The arguments of the network; it makes its graph itself, whose time is part of a training step's."""
        return self._inputs(structures)[0]

    def train_step(self, inputs):
        """The loss before a step of Adam towards energies per atom and forces of zero, as in the common kit.

        The mode word `train` keeps the forces differentiable.
        """
        if self._training is None:
            network = copy.deepcopy(self._network).train().requires_grad_(True)
            self._training = network, torch.optim.Adam(network.parameters(), 1e-3)
        network, optimizer = self._training
        optimizer.zero_grad()
        energy, forces, _ = network(*inputs, "train")
        counts = inputs[3].to(self._dtype)
        loss = (energy.view(-1) / counts).abs().mean() + forces.abs().mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def _inputs(self, structures):
        """The network's arguments before the mode word, and the (B, 3, 3) cells that are among them."""
        refuse_unknown(structures.numbers, self._elements)
        cells = np.stack([self._periodic(*one) for one in structures])
        inputs = (
            self._reals(structures.positions),
            self._integers(structures.numbers),
            self._integers(structures.batch),
            self._integers(structures.counts),
            self._reals(cells),
        )
        return inputs, cells

    def _periodic(self, _numbers, positions, cell, pbc):
        """(3, 3) Å: the cell with vectors in the directions that are not periodic, so long that no image is seen."""
        full = complete_cell(np.where(pbc[:, None], cell, 0.0))
        length = np.linalg.norm(np.ptp(positions, axis=0)) + 2 * self._cutoff
        return np.where(pbc[:, None], full, full * length)

    def _reals(self, values):
        return torch.as_tensor(values, dtype=self._dtype, device=self._device)

    def _integers(self, values):
        return torch.as_tensor(values, dtype=torch.int64, device=self._device)


def _restore(network, file):
    """Load a state dict, or the one in a Lightning checkpoint, whose keys carry one `model.` more."""
    try:
        stored = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        raise RefusedError(f"{file} cannot be read as weights alone: {error!r:.200}") from None
    weights = stored.get("state_dict", stored)
    if "state_dict" in stored:
        weights = {name.removeprefix("model."): values for name, values in weights.items()}
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise RefusedError(f"{file} does not fit its settings: {' '.join(str(error).split())[:300]}") from None
