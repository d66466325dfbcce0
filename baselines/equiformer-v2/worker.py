"""Networks of fairchem-core 1 behind the worker protocol. Importing them takes seconds, which training does without."""


def load(request):
    import loading

    return loading.load(request)


def start(request):
    import loading

    return loading.start(request)


def train(request):
    import torch_training

    return torch_training.train(request)
