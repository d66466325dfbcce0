"""From a name to a potential."""

import json

import pytest
from ase import Atoms
from fake_baseline import CARD

from alphanet.errors import UserError
from alphanet.model.checkpoint import save_model
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.potentials.opening import LoadOptions, open_potential

FRAMES = [Atoms("H2", [[0, 0, 0], [0, 0, 1]]), Atoms("CH", [[0, 0, 0], [0, 0, 1.1]])]
RELEASED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}


def energy(name, **how):
    potential = open_potential(name, LoadOptions(**how), lambda: FRAMES)
    try:
        return potential.predict(FRAMES[:1])[0].energy, potential.provenance()
    finally:
        potential.close()


def test_random_weights_know_the_elements_of_the_frames(installed):
    installed()
    value, about = energy("fake", untrained=True, seed=7)
    assert value == pytest.approx(0.5 * 2.0)
    assert list(about["weights"]["untrained"]["elements"]) == ["H", "C"]
    assert about["weights"]["untrained"]["seed"] == 7


def test_alphanet_has_modes_and_baselines_have_none(installed):
    installed()
    eager, _ = energy("alphanet", untrained=True)
    value, about = energy("alphanet", untrained=True, mode="blocked", max_memory=0.001)
    assert value == pytest.approx(eager, rel=1e-5)
    assert about["mode"] == "blocked"
    with pytest.raises(UserError, match="mode blocked is an option of AlphaNet's files; fake runs as its package"):
        energy("fake", untrained=True, mode="blocked")
    with pytest.raises(UserError, match="unknown mode 'fast'"):
        energy("alphanet", untrained=True, mode="fast")


def test_a_checkpoint_is_a_file_or_a_name_in_the_card(installed, tmp_path):
    installed(checkpoints=RELEASED)
    file = tmp_path / "weights.txt"
    file.write_text("8.0")
    value, about = energy(f"fake:{file}")
    assert value == pytest.approx(0.5 * 8.0)
    assert len(about["weights"]["sha256"]) == 64
    for name in ("fake", "fake:first"):
        value, about = energy(name)
        assert value == pytest.approx(0.5 * 5.0)
        assert about["weights"] == {"package": "first"}
    with pytest.raises(UserError, match="no checkpoint nowhere; its released weights: first"):
        energy("fake:nowhere")
    with pytest.raises(UserError, match="weights are either first or random"):
        energy("fake:first", untrained=True)


def test_a_bare_name_without_released_weights_lists_the_trainings_and_takes_none(installed, tmp_path, monkeypatch):
    from alphanet.files import sha256_of
    from alphanet.potentials.runs import RESULT

    installed()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"fake has no released weights: train it, name a checkpoint \(fake:FILE\)"):
        energy("fake")
    for name, stiffness in (("fake-a-mini-seed0", "3.0"), ("fake-b-mini-seed0", "4.0")):
        folder = tmp_path / "runs" / "train" / name
        folder.mkdir(parents=True)
        (folder / "w.txt").write_text(stiffness)
        digest = sha256_of(folder / "w.txt")
        written = {"name": "fake", "model": "w.txt", "sha256": digest, "elements": ["Cu"]}
        (folder / RESULT).write_text(json.dumps(written))
    (tmp_path / "runs" / "train" / "fake-other-mini-seed0").mkdir()  # of a baseline whose name begins alike
    other = written | {"name": "fake-other", "model": "../fake-b-mini-seed0/w.txt"}
    (tmp_path / "runs" / "train" / "fake-other-mini-seed0" / RESULT).write_text(json.dumps(other))
    with pytest.raises(UserError, match=r"name a training, fake:\S*fake-a\S* or fake:\S*fake-b\S*w\.txt, or ask"):
        energy("fake")
    assert energy("fake:runs/train/fake-b-mini-seed0/w.txt")[0] == pytest.approx(0.5 * 4.0)
    (folder / "w.txt").write_text("9.0")  # no longer what the training wrote
    with pytest.raises(UserError, match=r"name a training, fake:\S*fake-a\S*, or"):
        energy("fake")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fake", {"preset": "small"}, "preset small is an option of random weights"),
        ("fake:first", {"seed": 1}, "seed 1 is an option of random weights"),
        ("fake", {"max_memory": 1.0, "untrained": True}, "max_memory 1.0 is an option of AlphaNet's files"),
        ("alphanet", {"max_memory": 1.0, "untrained": True}, "max_memory is an option of every mode but eager"),
        ("alphanet", {"trust": True, "untrained": True}, "trust True is an option of a baseline's released weights"),
        (
            "python_potentials:harmonic",
            {"threads": 2},
            "threads 2 is an option which python_potentials",
        ),
    ],
)
def test_an_option_without_a_use_is_refused(installed, name, options, message):
    installed(checkpoints=RELEASED)
    with pytest.raises(UserError, match=message):
        energy(name, **options)


def test_threads_are_those_of_torch(tmp_path):
    import torch

    before = torch.get_num_threads()
    try:
        energy("alphanet", untrained=True, threads=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_file_for_a_row_that_loads_pickles_needs_trust(installed, tmp_path):
    installed(checkpoints={"first": {"source": "https://example.org/w", "trained_on": "nothing", "pickled": True}})
    (tmp_path / "w.txt").write_text("8.0")
    with pytest.raises(UserError, match=r"w\.txt: fake loads pickles, which run any code; set trust if it is yours"):
        energy(f"fake:{tmp_path / 'w.txt'}")
    assert energy(f"fake:{tmp_path / 'w.txt'}", trust=True)[0] == pytest.approx(4.0)


def test_alphanet_by_file_and_by_name(tmp_path):
    file = tmp_path / "model.safetensors"
    model = create_model(preset("fig3a", elements=["H", "C"]), seed=3)
    save_model(model, file)
    from_file, _ = energy(str(file), dtype="float64")
    random, _ = energy("alphanet", untrained=True, seed=3, dtype="float64")
    assert from_file == pytest.approx(random, rel=1e-12)
    with pytest.raises(UserError, match=r"random weights \(untrained\) go with a name"):
        energy(str(file), untrained=True)
    with pytest.raises(UserError, match="name a checkpoint file, or ask for random weights"):
        energy("alphanet")


def test_unknown_names_suggest_the_nearest(installed):
    installed()
    with pytest.raises(UserError, match="no such file, and no potential of that name; did you mean 'fake'"):
        energy("fak")
    with pytest.raises(UserError, match=r"cannot read nowhere\.safetensors"):
        energy("nowhere.safetensors")


def test_a_row_without_presets_has_no_random_weights(installed):
    installed(presets={}, checkpoints=RELEASED, trainable=False)
    with pytest.raises(UserError, match="fake has no random weights"):
        energy("fake", untrained=True)


def test_variables_of_the_card_reach_the_worker(installed):
    card = installed(environment=CARD["environment"] | {"variables": {"FAKE_VARIABLE": "a b"}})
    from alphanet.potentials.remote import RemotePotential

    with RemotePotential(card) as potential:
        assert potential.info()["variable"] == "a b"
