"""deepmd-kit behind the worker protocol. Training runs in a child process without this import, which takes seconds."""


def load(request):
    import network

    return network.load(request)


def start(request):
    import network

    return network.start(request)


def train(request):
    import training

    return training.train(request)
