"""Models from weights of our own training, from checkpoints of fairchem's trainer, or with random weights."""

from pathlib import Path

import released
import torch
import torch_kit
from network import build
from starting import started, starter


def load(request):
    """A `torch_kit.Model`; of files, those that are no safetensors are fairchem's."""
    torch.set_num_threads(request["threads"])
    scaled = _scaled(request)
    scaled.network.to(getattr(torch, request["dtype"]))
    return torch_kit.Model(scaled, request)


def start(request):
    """The start of a training, from the same files."""
    if _is_ours(request["checkpoint"]):
        return starter(build)(request)
    return started(*released.restore(request["checkpoint"], stress=request["stress"]), request)


def _scaled(request):
    stress, path = request["stress"], request["checkpoint"]
    if path is None:
        torch.manual_seed(request["seed"])
        return torch_kit.Scaled(build(request["architecture"], request["elements"]), stress=stress)
    if _is_ours(path):
        return torch_kit.restore(Path(path), build, stress=stress)
    scaled, _ = released.restore(path, stress=stress)
    return scaled


def _is_ours(path):
    return Path(path).suffix == ".safetensors"
