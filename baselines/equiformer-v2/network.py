"""A network of fairchem-core 1 as its configuration describes it: `name`, settings, and a `normalizer` of outputs."""

import difflib
import inspect
from dataclasses import replace

import torch
from ase.data import atomic_numbers
from fairchem1 import GemNetOC, Normalizer, SchNetWrap, cg_change_mat, model_class, packed
from torch_kit import Network
from worker_kit import RefusedError


def build(architecture, elements):
    """A network for whichever elements; the embeddings know a range of atomic numbers."""
    return FairchemNetwork(architecture, elements)


class FairchemNetwork(Network):
    """Any of the package's networks; those that predict no forces are differentiated outside."""

    def __init__(self, architecture, elements):
        super().__init__()
        settings = dict(architecture)
        scales = settings.pop("normalizer", {})
        self.network = _made(settings.pop("name", None), settings)
        self.normalizers = torch.nn.ModuleDict({key: Normalizer(**_floats(one)) for key, one in scales.items()})
        backbone = getattr(self.network, "backbone", self.network)
        self.direct = _predicts_forces(backbone)
        if not self.direct:
            backbone.regress_forces = False
        self.cutoff = float(getattr(backbone, "cutoff_aint", backbone.cutoff))
        self.elements = tuple(elements) or None
        largest = _largest_number(backbone)
        strange = [symbol for symbol in elements if atomic_numbers[symbol] > largest]
        if strange:
            raise RefusedError(f"this network knows atomic numbers up to {largest}, not {', '.join(strange)}")

    def make_compilable(self):
        """Only SchNet; of EquiformerV2, torch.compile makes 37 pieces, most of them anew for every size."""
        if not isinstance(self.network, SchNetWrap):
            raise RefusedError(
                f"{type(self.network).__name__} has no compiled mode: its forward pass makes the graph and branches on "
                "it, so that torch.compile would compile it in pieces and anew for every size"
            )

    def forward(self, batch):
        """Energies (B,), and if `direct` forces (N, 3) and, where there is a head for it, stresses (B, 3, 3)."""
        found = self._predicted(batch)
        if not self.direct:
            return found["energy"]
        return tuple(found[key] for key in ("energy", "forces", "stress") if key in found)

    def _predicted(self, batch):
        self._refuse_isolated(batch)
        company = self._lacks_short_edges(batch)
        answer = _flat(self.network(packed(_in_company(batch) if company else batch, self.dtype)))
        if company:
            answer = {
                key: value[: len(batch.numbers if key == "forces" else batch.counts)] for key, value in answer.items()
            }
        for key, normalizer in self.normalizers.items():
            if key in answer:
                answer[key] = normalizer(answer[key])
        answer["energy"] = answer["energy"].view(-1)
        if "stress_anisotropic" in answer:
            answer["stress"] = _composed(answer["stress_isotropic"], answer["stress_anisotropic"])
        return answer

    def _lacks_short_edges(self, batch):
        """Whether GemNet-OC finds no edge at all for its quadruplets, for which its reshapes are not made."""
        if not (isinstance(self.network, GemNetOC) and self.network.quad_interaction):
            return False
        return not bool((batch.vectors().detach().norm(dim=1) < self.network.cutoff_qint).any())

    def _refuse_isolated(self, batch):
        """The package fails without a single edge; GemNet-OC also where one structure of a batch has none."""
        edges = torch.bincount(batch.batch[batch.edge_index[1]], minlength=len(batch.counts))
        if not (edges.all() if isinstance(self.network, GemNetOC) else edges.any()):
            raise RefusedError(f"a structure has no two atoms within {self.cutoff} Å of each other")


def _in_company(batch):
    """The batch with one more structure, a triangle of 1 Å; structures do not see each other."""
    first, structure = len(batch.numbers), len(batch.counts)
    corners = batch.positions.new_tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.75**0.5, 0.0]])
    pairs = [(first + i, first + j) for j in range(3) for i in range(3) if i != j]  # sorted by receiver
    edges = batch.edge_index.new_tensor(pairs).t()
    return replace(
        batch,
        counts=torch.cat([batch.counts, batch.counts.new_tensor([3])]),
        numbers=torch.cat([batch.numbers, batch.numbers[:1].expand(3)]),
        positions=torch.cat([batch.positions, corners]),
        cells=torch.cat([batch.cells, torch.zeros_like(batch.cells[:1])]),
        pbc=torch.cat([batch.pbc, torch.zeros_like(batch.pbc[:1])]),
        batch=torch.cat([batch.batch, batch.batch.new_full((3,), structure)]),
        edge_index=torch.cat([batch.edge_index, edges], dim=1),
        images=torch.cat([batch.images, batch.images.new_zeros(len(pairs), 3)]),
    )


def _made(name, settings):
    try:
        kind = model_class(name)
    except KeyError:
        raise RefusedError(f"fairchem-core 1 has no network called {name!r} here") from None
    known = list(inspect.signature(kind).parameters)
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise RefusedError(f"{name} has no setting {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        return kind(**settings)
    except (TypeError, ValueError, KeyError, AssertionError) as error:
        raise RefusedError(f"{name} cannot be made of these settings: {type(error).__name__}: {error}") from None


def _predicts_forces(backbone):
    """GemNet-OC says so itself; the transformers only say that they do not differentiate; the others differentiate."""
    return bool(getattr(backbone, "direct_forces", not getattr(backbone, "grad_forces", True)))


def _largest_number(backbone):
    """The last atomic number that the embedding of the atoms has a row for."""
    rows = next(part.num_embeddings for part in backbone.modules() if isinstance(part, torch.nn.Embedding))
    return rows if isinstance(backbone, GemNetOC) else rows - 1  # GemNet-OC has no row for zero


def _floats(values):
    return {key: float(value) for key, value in values.items()}


def _flat(answer):
    """Outputs by property, whether or not a head is named around them."""
    flat = {}
    for key, value in answer.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat


def _composed(isotropic, anisotropic):
    """(B, 3, 3) symmetric tensors from their parts of degree 0 (B, 1) and 2 (B, 5)."""
    degree_1 = anisotropic.new_zeros(len(anisotropic), 3)
    parts = torch.cat([isotropic.view(-1, 1), degree_1, anisotropic.view(-1, 5)], dim=1)
    return (parts @ cg_change_mat(2, parts.device).to(parts)).view(-1, 3, 3)
