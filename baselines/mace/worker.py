"""MACE behind the worker protocol. Importing it takes seconds, which training, a process of its own, does without."""


def load(request):
    import torch_kit
    from network import build

    return torch_kit.loader(build)(request)


def train(request):
    import training

    return training.train(request)
