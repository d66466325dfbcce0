"""DimeNet++ of torch_geometric on periodic graphs."""

import functools
import math

import numpy as np
import torch
from ase.data import chemical_symbols
from torch_geometric.nn.models import DimeNetPlusPlus
from torch_kit import Network
from worker_kit import RefusedError

KNOWN = chemical_symbols[1:95]  # as many as torch_geometric's embedding has


def build(architecture, elements):
    """A network for whichever elements."""
    return PeriodicDimeNet(architecture, elements)


class PeriodicDimeNet(Network):
    """The layers of DimeNet++ between edges that come with the structures; its own forward pass knows no images."""

    def __init__(self, architecture, elements):
        super().__init__()
        self.elements = tuple(elements or KNOWN)
        self.cutoff = architecture["cutoff"]
        self.network = DimeNetPlusPlus(**architecture, out_channels=1)
        # The layer's harmonics take the angle, which has no derivative where three atoms are in line.
        self.network.sbf.sph_funcs = [
            functools.partial(harmonic, degree) for degree in range(architecture["num_spherical"])
        ]

    def make_compilable(self):
        """Refuse to compile: inductor fails with the triplets, and without them it compiles again and again."""
        raise RefusedError("DimeNet++ has no compiled mode: torch.compile cannot take its triplets in one graph")

    def forward(self, batch):
        """Energies (B,)."""
        network, count = self.network, len(batch.numbers)
        sender, receiver = batch.edge_index
        vectors = batch.vectors()
        lengths = vectors.norm(dim=1)
        to_sender, edge = triplets(batch)
        cosines = (vectors[to_sender] * vectors[edge]).sum(dim=1) / (lengths[to_sender] * lengths[edge])

        radial = network.rbf(lengths.to(self.dtype))
        spherical = network.sbf(lengths.to(self.dtype), cosines.to(self.dtype), to_sender)
        messages = network.emb(batch.numbers, radial, receiver, sender)
        first, *later = network.output_blocks
        energies = first(messages, radial, receiver, num_nodes=count)
        for interaction, output in zip(network.interaction_blocks, later, strict=True):
            messages = interaction(messages, radial, spherical, to_sender, edge)
            energies = energies + output(messages, radial, receiver, num_nodes=count)
        return energies.new_zeros(len(batch.counts)).index_add(0, batch.batch, energies.view(-1))


def triplets(batch):
    """(T,) edges k→j and (T,) edges j→i of all pairs of edges that meet in an atom j.

    Left out is the way back to the very atom i; its images count, unlike in torch_geometric's function of this name.
    """
    sender, receiver = batch.edge_index  # sorted by receiver
    arriving = torch.bincount(receiver, minlength=len(batch.numbers))
    start = arriving.cumsum(0) - arriving
    pairs = arriving[sender]
    edge = torch.arange(len(sender), device=sender.device).repeat_interleave(pairs)
    place = torch.arange(len(edge), device=sender.device) - (pairs.cumsum(0) - pairs)[edge]
    to_sender = start[sender[edge]] + place
    back = (sender[to_sender] == receiver[edge]) & (batch.images[to_sender] == -batch.images[edge]).all(dim=1)
    return to_sender[~back], edge[~back]


def harmonic(degree, cosines):
    """The spherical harmonic of order 0 of the angle with these cosines."""
    powers = np.polynomial.legendre.leg2poly([0] * degree + [1]) * math.sqrt((2 * degree + 1) / (4 * math.pi))
    value = torch.zeros_like(cosines)
    for coefficient in powers[::-1]:
        value = value * cosines + coefficient
    return value
