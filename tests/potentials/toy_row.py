"""A row of the common kit whose network is small: learned pair energies. It runs in this interpreter."""

NETWORK = '''
import torch
from torch_kit import Network


def build(architecture, elements):
    return Pairs(architecture, elements)


class Pairs(Network):
    """A sum over pairs of a small network of distance and elements; or, if asked, forces of its own."""

    def __init__(self, architecture, elements):
        super().__init__()
        self.elements, self.cutoff = tuple(elements), architecture["cutoff"]
        self.direct = architecture.get("direct", False)
        self.embedding = torch.nn.Embedding(120, 4)
        self.body = torch.nn.Sequential(torch.nn.Linear(16, 16), torch.nn.SiLU(), torch.nn.Linear(16, 2))

    def forward(self, batch):
        vectors = batch.vectors().to(self.dtype)
        distance = vectors.norm(dim=1, keepdim=True)
        sender, receiver = batch.edge_index
        pair = self.embedding(batch.numbers[sender]) + self.embedding(batch.numbers[receiver])
        waves = torch.sin(distance * torch.arange(1, 13, dtype=self.dtype) * torch.pi / self.cutoff)
        features = self.body(torch.cat([pair, waves], dim=1)) * (1 - (distance / self.cutoff) ** 2) ** 3
        energies = vectors.new_zeros(len(batch.counts)).index_add(0, batch.batch[receiver], features[:, 0])
        if not self.direct:
            return energies
        pushes = vectors / distance * features[:, 1:]
        return energies, vectors.new_zeros(len(batch.numbers), 3).index_add(0, receiver, pushes)
'''

WORKER = """
import torch_kit
from network import build
from starting import starter

load = torch_kit.loader(build)
start = starter(build)


def train(request):
    import torch_training

    return torch_training.train(request)
"""

TRAINING = {"epochs": 6, "batch_size": 4, "learning_rate": 0.01, "ema_decay": 0.9}
PRESETS = {"mini": {"note": "toy", "model": {"cutoff": 4.0}, "training": TRAINING}}
