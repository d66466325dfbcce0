"""DimeNet++ behind the worker protocol."""

import torch_kit
from network import build

load = torch_kit.loader(build)


def train(request):
    import torch_training

    return torch_training.train(request)
