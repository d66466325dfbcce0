"""SchNet behind the worker protocol."""

import torch_kit
from network import build
from starting import starter

load = torch_kit.loader(build)
start = starter(build)


def train(request):
    import torch_training

    return torch_training.train(request)
