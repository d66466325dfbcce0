"""DimeNet++ behind the worker protocol."""

import torch_kit
from network import build

load = torch_kit.loader(build)


def train(request, report):
    import torch_training

    return torch_training.train(request, report)
