"""Models with weights that are neither initial nor tiny, and structures that are hard, for the tests of models."""

import math

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, fcc110, molecule
from hypothesis import strategies as st

from alphanet.model.base import InteratomicModel
from alphanet.model.config import AlphaNetConfig, OfficialConfig
from alphanet.model.create import create_model
from alphanet.model.prediction import Prediction, predict

ELEMENTS = ("H", "C", "O", "Si", "Cu")


def paper_config(**overrides: object) -> AlphaNetConfig:
    """A small model of the paper's reading, with every component on."""
    small = {"num_layers": 2, "hidden_channels": 16, "heads": 4, "num_basis": 6, "temporal_channels": 4}
    return AlphaNetConfig(**{"elements": ELEMENTS, "cutoff": 4.0, **small, **overrides})


def official_config(**overrides: object) -> OfficialConfig:
    """A small model of the reading official-v1."""
    small = {"num_layers": 2, "hidden_channels": 16, "heads": 4, "num_basis": 6, "temporal_channels": 8}
    return OfficialConfig(cutoff=4.0, message_channels=8, complex_channels=16, dropout=False, **{**small, **overrides})


CONFIGS = {
    "paper": paper_config(),
    "paper, 3 layers": paper_config(num_layers=3),
    "paper, 1 layer": paper_config(num_layers=1),
    "paper, exponential, cosine": paper_config(rotation="exponential", envelope="cosine"),
    "paper, bump, no RoPE": paper_config(envelope="bump", rope=False),
    "paper, no temporal": paper_config(temporal=False),
    "paper, no FTE": paper_config(frame_transition=False),
    "paper, nothing": paper_config(rope=False, temporal=False, frame_transition=False, num_layers=1),
    "paper, zbl": paper_config(zbl=True),
    "official": official_config(),
    "official, zbl": official_config(zbl=True),
    "official, 3 layers": official_config(num_layers=3),
    "official, norm after": official_config(norm_before=False, norm_after=True),
    "official, no norm, 1 layer": official_config(norm_before=False, num_layers=1),
    "official, few neighbors": official_config(max_neighbors=7),
}
"""Every switch of both readings that the fast path has, by name"""
REFERENCE_ONLY = {
    "second moments": paper_config(moments=2),
    "temporal residual": paper_config(temporal_residual=True),
    "no gate": paper_config(transition_gate=False),
}
"""Switches of the reading `paper` that only the reference has"""


def random_model(config: AlphaNetConfig | OfficialConfig, seed: int = 1, spread: float = 0.1) -> InteratomicModel:
    """A float64 model whose every weight and bias is moved away from its initial value."""
    model = create_model(config, seed).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    model.set_reference({symbol: -3.0 - 0.1 * k for k, symbol in enumerate(config.elements)}, 1.7)
    return model


def patterned_model(config: AlphaNetConfig | OfficialConfig) -> InteratomicModel:
    """A float64 model whose weights are a formula, so that golden values do not depend on a random generator."""
    model = create_model(config).double().eval()
    with torch.no_grad():
        for index, (_, parameter) in enumerate(sorted(model.named_parameters())):
            k = torch.arange(parameter.numel(), dtype=torch.float64).reshape(parameter.shape)
            width = parameter.shape[-1] if parameter.dim() > 1 else 4
            parameter.copy_(torch.sin(1.3 * k + 0.7 * index) * math.sqrt(2 / width))
        for name, parameter in model.named_parameters():
            if name.endswith("bessel_weights"):
                parameter.copy_(math.pi * torch.arange(1, parameter.numel() + 1))
    return model


def answer(model: InteratomicModel, atoms: Atoms) -> Prediction:
    """Energy, forces and stress in the model's precision."""
    return predict(model, model.graph(atoms))


def alloy() -> Atoms:
    """A rattled periodic crystal in a triclinic cell smaller than the cutoff, far from any symmetry."""
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[1] = "O"
    atoms.set_cell(atoms.cell @ np.array([[1, 0.1, 0], [0.05, 0.97, 0.2], [0, 0.02, 1.03]]), scale_atoms=True)
    atoms.rattle(0.2, seed=3)
    return atoms


def slab() -> Atoms:
    """A formate-like molecule above a copper slab, periodic in two directions."""
    atoms = fcc110("Cu", (2, 2, 2), vacuum=6.0)
    atoms += Atoms("HCOO", positions=np.array([[2, 2, 11.5], [2, 2, 10.4], [1, 2.2, 9.7], [3.1, 1.9, 9.8]]))
    atoms.pbc = (True, True, False)
    atoms.rattle(0.1, seed=4)
    return atoms


def ethanol() -> Atoms:
    """A molecule without a cell."""
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=5)
    return atoms


SAMPLES = {"alloy": alloy, "slab": slab, "ethanol": ethanol}


@st.composite
def structures(draw) -> Atoms:
    """Between none and all periodic directions, 1 to 7 atoms, from isolated to dense."""
    n_atoms = draw(st.integers(1, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    cell = np.diag(random.uniform(2.5, 9.0, 3)) + random.uniform(-0.5, 0.5, (3, 3))
    sites = random.permutation(8)[:n_atoms]
    fractional = np.stack(np.unravel_index(sites, (2, 2, 2)), axis=1) / 2 + random.uniform(0, 0.12, (n_atoms, 3))
    return Atoms(random.choice([1, 6, 8, 14, 29], n_atoms), fractional @ cell, cell=cell, pbc=pbc)
