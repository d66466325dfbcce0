"""NequIP behind the worker protocol. Importing it takes seconds, which training, a process of its own, does without."""


def load(request):
    import network

    return network.load(request)


def train(request):
    import training

    return training.train(request)
