"""MACE's released models behind the worker protocol; the package offers them as pickled modules only."""

import torch
import torch_kit
from ase.data import atomic_numbers
from network import MaceNetwork, build  # first of all mace, which makes torch.load accept what e3nn ships
from worker_kit import RefusedError

random_weights = torch_kit.loader(build)


def load(request):
    """A released model, or random weights if `request["checkpoint"]` is None."""
    if request["checkpoint"] is None:
        return random_weights(request)
    torch.set_num_threads(request["threads"])
    module = torch.load(request["checkpoint"], map_location="cpu", weights_only=False)
    if type(module).__name__ != "ScaleShiftMACE":
        raise RefusedError(f"{request['checkpoint']} holds a {type(module).__name__}, not a ScaleShiftMACE")
    return torch_kit.Model(_scaled(module, request), request)


def _scaled(module, request):
    """The module with its energies of the elements moved to where they are added in float64."""
    stored = module.atomic_energies_fn.atomic_energies
    if stored.squeeze().dim() != 1:
        raise RefusedError(f"{request['checkpoint']} has several heads, which this row does not know")
    energies = stored.double().view(-1).clone()
    stored.zero_()
    network = MaceNetwork(module.to(getattr(torch, request["dtype"])))
    scaled = torch_kit.Scaled(network, stress=request["stress"])
    scaled.references[[atomic_numbers[element] for element in network.elements]] = energies
    return scaled
