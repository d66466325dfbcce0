"""What a name of a model means: every form, the same for every command, and one line for what is none of them."""

import json
import re

import pytest
import yaml
from fake_baseline import CARD, WORKER

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.potentials.forms import FORMS, MODEL_FORMS, file_label, short_name
from alphanet.potentials.specification import common_dtype, specified, with_checkouts
from alphanet.provenance import code_digest

RELEASED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with weights, a card, a training of AlphaNet, one of the card, and a module."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALPHANET_BASELINES", raising=False)
    (tmp_path / "m.safetensors").write_text("weights")
    (tmp_path / "own" / "fake").mkdir(parents=True)
    (tmp_path / "own" / "fake" / "card.yaml").write_text(yaml.safe_dump(CARD | {"checkpoints": RELEASED}))
    (tmp_path / "own" / "fake" / "worker.py").write_text(WORKER)
    for name in ("alphanet", "fake"):
        training(tmp_path / "runs" / name, name)
    (tmp_path / "mine.py").write_text("def make():\n    return 1\n")
    (tmp_path / "mine").mkdir()  # a folder beside the module does not stand in for it
    return tmp_path


def training(folder, name):
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_text(f"of {name}")
    digest = sha256_of(folder / "model.safetensors")
    values = {"name": name, "model": "model.safetensors", "sha256": digest, "elements": []}
    (folder / "result.json").write_text(json.dumps(values))


def test_names_of_alphanet(here):
    assert (specified("alphanet").kind, specified("alphanet").reading) == ("random", "paper")
    assert specified("alphanet-v1@mptrj-v1").reading == "official-v1"
    assert specified("alphanet-v1@mptrj-v1").preset == "mptrj-v1"
    assert specified("alphanet-oma-v1").kind == "released"
    (here / "alphanet").write_text("a file of that name does not stand in for it")
    assert specified("alphanet").kind == "random"
    assert specified("./alphanet").kind == "file"


def test_files_and_folders_of_trainings_have_whole_paths(here):
    file, run = specified("m.safetensors"), specified("runs/alphanet")
    assert (file.kind, file.absolute, file.run) == ("file", str(here / "m.safetensors"), None)
    assert (run.kind, run.absolute) == ("file", str(here / "runs" / "alphanet"))
    assert run.file.read_text() == "of alphanet" and run.run.name == "alphanet"
    assert file.has_weights and run.digest != file.digest


def test_a_card_by_its_path_or_folder_with_its_weights(here, monkeypatch):
    for text in ("own/fake/card.yaml", "own/fake", "own/fake/"):
        model = specified(text)
        assert (model.kind, model.card.name, model.absolute) == ("baseline", "fake", str(here / "own" / "fake"))
        assert not model.has_weights
    assert specified("own/fake/card.yaml:first").checkpoint == "first"
    assert specified("own/fake:m.safetensors").file.read_text() == "weights"
    assert specified("own/fake:runs/fake").file.read_text() == "of fake"
    assert specified("own/fake/card.yaml@mini").preset == "mini"
    again = specified(specified("own/fake:m.safetensors").absolute)
    assert (again.card.name, again.file.name) == ("fake", "m.safetensors")
    monkeypatch.setenv("ALPHANET_BASELINES", str(here / "own"))
    assert specified("fake:runs/fake").file.read_text() == "of fake"
    assert specified("runs/fake").card.name == "fake"
    assert specified("runs/fake").file.read_text() == "of fake"


def test_models_are_compared_in_a_precision_that_one_of_them_has(here):
    (here / "own" / "fake" / "card.yaml").write_text(yaml.safe_dump(CARD | {"dtypes": ["float64"]}))
    assert common_dtype(["own/fake"]) == "float64"
    assert common_dtype(["own/fake", "m.safetensors"]) == common_dtype(["m.safetensors"]) == "float32"


def test_another_worker_is_another_digest(here):
    before = specified("own/fake").digest
    (here / "own" / "fake" / "worker.py").write_text(WORKER + "\n")
    assert specified("own/fake").digest != before


def test_a_callable_is_looked_for_and_not_imported(here):
    (here / "mine.py").write_text("raise ValueError\n")
    before = specified("mine:make.later")
    assert before.kind == "python" and before.digest == sha256_of(here / "mine.py")
    assert specified("python_potentials:lennard_jones").kind == "python"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name of a model is empty; a model is alphanet: "),
        ("nowhere.safetensors", "cannot read nowhere.safetensors: no such file"),
        ("runs/nothing", "cannot read runs/nothing: no such file"),
        ("alphanett", "no such file, and no potential of that name; did you mean 'alphanet'?"),
        ("own", "own is a folder without result.json, which a finished training has, and without card.yaml"),
        ("runs/fake", "runs/fake is a training of fake, and there is no such baseline here"),
        ("own/fake:nowhere", "fake: no checkpoint nowhere; its released weights: first"),
        ("own/fake:own", "fake: own is a folder without result.json"),
        ("own/fake:runs/alphanet", "describes a training of alphanet, not of fake"),
        ("m.safetensors:x", "'m.safetensors' is neither a module nor the card of a baseline"),
        ("m.safetensors@small", "@small names settings of random weights, and this model has its own"),
        ("mine:make@small", "@small names settings of random weights, and this model has its own"),
        ("..:x", "'..' is neither a module nor the card"),
        ("no-module:x", "cannot be imported as module:callable: 'no-module' is not the name of a module"),
        ("mine:1", "cannot be imported as module:callable: '1' is not the name of a callable"),
        ("mine:", "cannot be imported as module:callable: '' is not the name of a callable"),
        ("nomodule:x", "no module named 'nomodule' in this folder"),
        ("mce:x", "no module named 'mce' in this folder, in PYTHONPATH or among the installed ones; did you mean"),
        ("settings.yaml", "settings.yaml is no model: the card of a baseline is called card.yaml"),
    ],
)
def test_what_is_no_model_is_one_line(here, text, said):
    (here / "settings.yaml").write_text("{}")
    with pytest.raises(UserError, match=re.escape(said)) as raised:
        specified(text)
    assert "\n" not in str(raised.value)


def test_a_training_that_is_not_finished_says_what_to_name(here):
    (here / "runs" / "alphanet" / "result.json").unlink()
    with pytest.raises(UserError, match=r"if you mean its weights so far, name runs/alphanet/model\.safetensors"):
        specified("runs/alphanet")


def test_short_names():
    assert short_name("some/folder/model.safetensors") == "model.safetensors"
    assert short_name("my/lj/card.yaml:argon") == short_name("my/lj:argon") == "lj:argon"
    assert short_name("my/lj/card.yaml@small") == "lj@small"
    assert file_label("/a/b/model.safetensors") == "model" and file_label("mace:/a/w.pt2") == "mace-w"
    assert file_label("mine.sub:make") == "mine.sub-make" and file_label("/a/runs/x-seed0") == "x-seed0"


def test_every_command_lists_the_same_forms():
    from typer.main import get_command

    from alphanet.cli import app

    root = get_command(app)
    for words in ("predict", "eval", "bench speed", "bench train-speed", "bench memory", "bench physics", "bench wbm"):
        command = root
        for word in words.split():
            command = command.commands[word]
        (argument,) = [param for param in command.params if param.metavar == "MODEL"]
        assert MODEL_FORMS in argument.help, words
    assert all(form in MODEL_FORMS for form, _ in FORMS)


def test_several_checkouts_are_a_model_each(here, monkeypatch):
    monkeypatch.setenv("ALPHANET_OFFICIAL_SRC", f"{here / 'own'}:{here / 'runs'}")
    names = ["alphanet-official@fig3a", "alphanet-official#2@fig3a"]
    assert list(with_checkouts(["schnet", names[0]])) == ["schnet", *names]
    assert list(with_checkouts([names[1]])) == [names[1]]
    first, second = map(specified, names)
    assert "ALPHANET_OFFICIAL_SRC" not in first.card.environment.variables  # the worker takes the first by itself
    assert second.card.environment.variables["ALPHANET_OFFICIAL_SRC"] == str(here / "runs")
    assert second.preset == "fig3a" and second.absolute == names[1]
    for name, said in (("alphanet-official#3", "names 2 checkouts"), ("schnet#2", "from no checkout")):
        with pytest.raises(UserError, match=said):
            specified(name)


def test_a_checkout_is_known_by_its_sources(here, monkeypatch):
    monkeypatch.setenv("ALPHANET_OFFICIAL_SRC", str(here))
    card = specified("alphanet-official").card
    assert card.checkout_version()["checkout"].endswith(" (not checked)")
    digest = code_digest([here / "alphanet"])
    known = card.checkout.model_copy(update={"checked": {"6f593b8": digest}})
    assert known.version(here) == "6f593b8"
