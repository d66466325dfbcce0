"""MACE's released models behind the worker protocol; the package offers them as pickled modules only."""

import copy

import numpy as np
import torch
import torch_kit
from ase.data import atomic_numbers
from mace.tools.scripts_utils import extract_config_mace_model
from network import MaceNetwork, build  # first of all mace, which makes torch.load accept what e3nn ships
from settings import OPTIONS
from starting import started
from worker_kit import RefusedError, Structures

random_weights = torch_kit.loader(build)
TRIED = 1e-4  # eV, by which energies of the same network may differ in float32


def load(request):
    """A released model, or random weights if `request["checkpoint"]` is None."""
    if request["checkpoint"] is None:
        return random_weights(request)
    torch.set_num_threads(request["threads"])
    return torch_kit.Model(_scaled(_module(request), request), request)


def start(request):
    """The start of a training of the row `mace`, whose format holds settings and tensors instead of a module."""
    module = _module(request)
    old = _scaled(module, request)
    architecture = _architecture(module)
    new = torch_kit.Scaled(build(architecture, old.network.elements), stress=request["stress"])
    new.references.copy_(old.references)
    new.network.to(old.network.dtype)
    try:
        new.network.network.load_state_dict(_fitted(module.state_dict(), new.network.network.state_dict()))
    except RuntimeError as error:
        raise _other(request, str(error).splitlines()[-1].strip()) from None
    _require_equal(old, new, request)
    return started(new, architecture, request)


def _module(request):
    module = torch.load(request["checkpoint"], map_location="cpu", weights_only=False)
    if type(module).__name__ != "ScaleShiftMACE":
        raise RefusedError(f"{request['checkpoint']} holds a {type(module).__name__}, not a ScaleShiftMACE")
    return module


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


def _architecture(module):
    """The settings of a module in the words of its class, as the row `mace` stores them."""
    settings = extract_config_mace_model(module)
    plain = {key: settings[key] for key in OPTIONS}
    plain |= {key: str(plain[key]) for key in ("hidden_irreps", "MLP_irreps")}
    plain |= {key: plain[key].__name__ for key in ("interaction_cls", "interaction_cls_first")}
    return {
        key: value.item() if isinstance(value, np.generic | torch.Tensor) else value for key, value in plain.items()
    }


def _fitted(tensors, expected):
    """The tensors in the shapes expected where only dimensions of one differ: scale, shift, and energies by head."""
    fitted = dict(tensors)
    for name, values in expected.items():
        if name in fitted and fitted[name].squeeze().shape == values.squeeze().shape:
            fitted[name] = fitted[name].reshape(values.shape)
    return fitted


def _require_equal(old, new, request):
    """Refuse a module with a setting that the architecture does not say: then the energies of a dimer differ."""
    number = atomic_numbers[old.network.elements[0]]
    dimer = Structures(
        counts=np.array([2]),
        numbers=np.array([number, number]),
        positions=np.array([[0.0, 0.0, 0.0], [0.7, 0.8, 0.9]]),
        cells=np.zeros((1, 3, 3)),
        pbc=np.zeros((1, 3), bool),
    )
    batch = torch_kit.batched(dimer, old.network.cutoff)
    energies = [float(copy.deepcopy(scaled).eval()(batch)["energy"]) for scaled in (old, new)]
    if not abs(energies[0] - energies[1]) < TRIED:
        raise _other(request, f"a dimer has {energies[0]:.6f} eV there and {energies[1]:.6f} eV here")


def _other(request, why):
    return RefusedError(f"{request['checkpoint']} has settings that mace is not trained with here: {why}")
