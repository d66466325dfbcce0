"""Checkpoints as fairchem's trainer writes them: configuration, weights, normalizers, energies of the elements."""

from pickle import UnpicklingError

import torch
import torch_kit
from ase.data import chemical_symbols
from fairchem1 import Normalizer, load_state_dict, match_state_dict
from network import FairchemNetwork
from oc20 import ELEMENTS
from worker_kit import RefusedError

OLD_KEYS = {"target": "energy", "grad_target": "forces"}  # what normalizers were called before fairchem-core 1


def restore(path, *, stress):
    """The network of a checkpoint, a `torch_kit.Scaled` with its energies of the elements, and its architecture."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, UnpicklingError):
        raise RefusedError(f"{path} is no file of PyTorch, or holds more than weights and plain values") from None
    if not isinstance(stored, dict) or not {"config", "state_dict"} <= set(stored):
        raise RefusedError(f"{path} is not a checkpoint of fairchem's trainer")
    references = _references(stored)
    architecture = _architecture(stored["config"])
    network = FairchemNetwork(architecture, _elements(references))
    try:
        load_state_dict(network.network, match_state_dict(network.network.state_dict(), stored["state_dict"]))
    except RuntimeError as error:
        raise RefusedError(
            f"{path} does not fit its own configuration: {str(error).splitlines()[-1].strip()}"
        ) from None
    network.normalizers.update(_normalizers(stored))
    if not network.direct and _rmsd(network, "forces") != _rmsd(network, "energy"):
        raise RefusedError(f"{path} scales forces apart from the energy that they are the derivative of")
    scaled = torch_kit.Scaled(network, stress=stress)
    if references is not None:
        count = min(len(references), len(scaled.references))
        scaled.references[:count] = references[:count]
    scales = {key: {"mean": float(one.mean), "rmsd": float(one.rmsd)} for key, one in network.normalizers.items()}
    return scaled, architecture | ({"normalizer": scales} if scales else {})


def _architecture(config):
    """The `model` of a configuration, with the name inside it, as it always is since fairchem-core 1."""
    if "model_attributes" in config:
        return {"name": config["model"], **config["model_attributes"]}
    return dict(config["model"])


def _references(stored):
    """(Z,) eV; None if the weights are for energies that need no references."""
    found = stored.get("elementrefs", {}).get("energy")
    return None if found is None else found["element_references"].double()


def _elements(references):
    """Symbols of what the weights were trained on; in training, other elements had no energy fitted."""
    if references is None:
        return ELEMENTS
    return tuple(chemical_symbols[number] for number in references.nonzero().view(-1).tolist())


def _normalizers(stored):
    found = {}
    for key, state in stored.get("normalizers", {}).items():
        normalizer = Normalizer()
        normalizer.load_state_dict(state)
        found[OLD_KEYS.get(key, key)] = normalizer
    return found


def _rmsd(network, key):
    return float(network.normalizers[key].rmsd) if key in network.normalizers else 1.0
