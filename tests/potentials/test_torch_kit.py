"""The kit for networks in PyTorch, as the workers import it: by its bare name."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import primitive_neighbor_list

import alphanet.potentials.kit
from alphanet.hardware import WORKER_PATH
from alphanet.measure.conformance import cluster, crystal
from alphanet.potentials.kit.worker_kit import packed

pytestmark = pytest.mark.integration

CUTOFF = 4.0


@pytest.fixture(scope="module")
def kit():
    folder = str(Path(alphanet.potentials.kit.__file__).parent)
    sys.path[:0] = [folder, str(WORKER_PATH)]
    try:
        import torch_kit
        from worker_kit import Structures

        yield torch_kit, Structures
    finally:
        del sys.path[:2]


def wire() -> Atoms:
    """Periodic along a vector that is none of the axes, without other lattice vectors."""
    return Atoms(
        "C3", [[0, 0, 0], [0.3, 1.2, 0.9], [2.0, 0.1, 2.1]], cell=[[0, 0, 3.1], [0, 0, 0], [0, 0, 0]], pbc=[1, 0, 0]
    )


@pytest.mark.parametrize("atoms", [crystal(("C", "O")), cluster(("C",)), wire(), Atoms("H")], ids=str)
def test_edges_equal_ases(kit, atoms):
    torch_kit, structures = kit
    other = crystal(("Si",), seed=5)  # edges of a batch do not mix
    edges, images = torch_kit.periodic_edges(structures(**packed([other, atoms])), CUTOFF)
    first = len(other)
    mine = edges[0] >= first
    found = sorted(
        zip((edges[1, mine] - first).tolist(), (edges[0, mine] - first).tolist(), images[mine].tolist(), strict=True)
    )
    cell = atoms.cell.complete().array
    expected = primitive_neighbor_list("ijS", atoms.pbc, cell, atoms.positions, CUTOFF)
    assert found == sorted(
        (int(i), int(j), shift.astype(float).tolist()) for i, j, shift in zip(*expected, strict=True)
    )
    assert np.all(np.diff(edges[1]) >= 0)


def toy_model(torch_kit, **request):
    import torch

    class Toy(torch_kit.Network):
        """A sum over pairs that falls off with their distance; the weights are too small for its labels of zero."""

        cutoff = CUTOFF

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, batch):
            lengths = batch.vectors().norm(dim=1, keepdim=True).to(self.dtype)
            pairs = torch.tanh(self.layer(lengths)) * (1 - lengths / CUTOFF) ** 2
            owner = batch.batch[batch.edge_index[1]]
            return pairs.new_zeros(len(batch.counts)).index_add(0, owner, pairs.view(-1))

    torch.manual_seed(0)
    return torch_kit.Model(torch_kit.Scaled(Toy(), stress=True), {"device": "cpu", **request})


def assert_close(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, atol=tolerance)


def test_reference_is_in_float64_and_leaves_the_model_alone(kit):
    torch_kit, structures = kit
    model = toy_model(torch_kit)
    given = structures(**packed([crystal(("C", "O")), cluster(("C",))]))
    before = model.predict(given)
    assert_close(before, model.reference(given), 1e-5)
    assert model.info["dtype"] == "float32" and model.info["reference"] == "float64 eager"
    assert_close(model.predict(given), before, 0.0)


def test_training_steps_lower_the_loss_of_a_copy(kit):
    torch_kit, structures = kit
    model = toy_model(torch_kit)
    given = structures(**packed([crystal(("C", "O"))]))
    before = model.predict(given)
    batch = model.prepare(given)
    losses = [model.train_step(batch) for _ in range(20)]
    assert losses[-1] < losses[0]
    assert_close(model.predict(given), before, 0.0)


def test_a_dimer_changes_nothing_else(kit):
    torch_kit, structures = kit
    model = toy_model(torch_kit)
    given = structures(**packed([crystal(("C", "O")), Atoms("H")]))
    joined = model.evaluate(torch_kit.batched(torch_kit.with_dimer(given), CUTOFF))
    assert_close(torch_kit.without_dimer(joined), model.predict(given), 1e-12)


def test_a_compiled_model_equals_its_reference_at_every_size(kit):
    torch_kit, structures = kit
    import torch

    try:
        torch_kit.require_compiler("cpu")
    except torch_kit.RefusedError as refusal:
        pytest.skip(str(refusal))
    model = toy_model(torch_kit, mode="compiled")
    assert model.info["mode"] == "compiled"
    torch._dynamo.utils.counters.clear()
    for frames in ([Atoms("H")], [crystal(("C", "O"))], [cluster(("C",)), wire(), crystal(("Si",))]):
        given = structures(**packed(frames))
        assert_close(model.predict(given), model.reference(given), 1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_without_a_compiler_the_compiled_mode_is_refused(kit):
    torch_kit, _ = kit
    from torch._inductor import config

    missing = config.patch({"cpp.cxx": ("no-such-compiler",)})  # monkeypatch would delete it for other tests
    with missing, pytest.raises(torch_kit.RefusedError, match=r"C\+\+ compiler"):
        toy_model(torch_kit, mode="compiled")
