"""MACE behind the worker protocol. Training runs in a child process without this import, which takes seconds."""


def load(request):
    import torch_kit
    from network import build

    return torch_kit.loader(build)(request)


def start(request):
    from network import start

    return start(request)


def train(request):
    import training

    return training.train(request)
