"""Reading and writing models, and what happens with files that are not what they should be."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from model_samples import alloy, answer, official_config, paper_config, random_model
from safetensors.torch import load_file, save_file

from alphanet.errors import UserError
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model, read_metadata, save_model
from alphanet.model.config import OfficialConfig, preset, preset_names
from alphanet.model.create import create_model

PUBLIC_JSON = {
    "num_layers": 2, "hidden_channels": 16, "head": 4, "num_radial": 6, "cutoff": 4.0, "main_chi1": 8, "mp_chi1": 8,
    "hidden_channels_chi": 16, "has_dropout_flag": False, "compute_stress": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def public() -> InteratomicModel:
    return create_model(official_config(), seed=3).double()


def public_state(model: InteratomicModel, prefix: str = "model.") -> dict[str, torch.Tensor]:
    """As the public code saves it: prefixed, with keys that the model never uses, without our references."""
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("reference.")}
    state |= {"message_layers.0.unitary": torch.eye(8), "message_layers.1.fc_dx.bias": torch.zeros(16)}
    return {prefix + key: value for key, value in state.items()}


@pytest.mark.parametrize("config", [paper_config(), official_config()], ids=["paper", "official-v1"])
def test_round_trip_keeps_every_bit_also_of_the_references(config, tmp_path: Path) -> None:
    model = random_model(config)
    model.set_reference(dict.fromkeys(config.elements, -1228.7012345678901), 0.3)
    save_model(model, tmp_path / "m.safetensors", extra={"seed": "5"})
    again = load_model(tmp_path / "m.safetensors", dtype="float64")
    assert again.config == config
    assert read_metadata(tmp_path / "m.safetensors")["seed"] == "5"
    assert torch.equal(answer(again, alloy()).energy, answer(model, alloy()).energy)


def test_float32_does_not_lose_large_reference_energies() -> None:
    model = random_model(paper_config())
    model.set_reference(dict.fromkeys(model.config.elements, -1228.7012345678901), 0.3)
    exact = answer(model, alloy()).energy
    rounded = answer(model.float(), alloy()).energy
    assert rounded.dtype == torch.float64
    assert abs(rounded - exact) < 1e-5  # float32 resolves 5e-4 eV at -4915 eV


@pytest.mark.parametrize("nesting", ["flat", "state_dict", "lightning", "safetensors"])
def test_public_checkpoints_in_every_wrapping(public: InteratomicModel, nesting: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(PUBLIC_JSON))
    if nesting == "safetensors":
        save_file(public_state(public), tmp_path / "m.safetensors")
        file = tmp_path / "m.safetensors"
    else:
        content = {
            "flat": public_state(public),
            "state_dict": {"state_dict": public_state(public), "epoch": 3},
            "lightning": {
                "state_dict": public_state(public, "model.model."),
                "hyper_parameters": {"where": Path("x"), "args": Foreign()},
            },
        }[nesting]
        torch.save(content, tmp_path / "m.ckpt")
        file = tmp_path / "m.ckpt"
    loaded = load_model(file, tmp_path / "c.json", "float64")
    assert isinstance(loaded.config, OfficialConfig)
    assert torch.equal(answer(loaded, alloy()).energy, answer(public, alloy()).energy)


class Foreign:
    """An object whose unpickling would be noticed."""

    def __reduce__(self) -> tuple:
        return touch, (str(Path(__file__).with_name("unpickled")),)


def touch(path: str) -> None:
    Path(path).touch()


def test_pickled_code_never_runs(public: InteratomicModel, tmp_path: Path) -> None:
    trace = Path(__file__).with_name("unpickled")
    torch.save({"state_dict": public_state(public), "object": Foreign()}, tmp_path / "m.ckpt")
    load_model(tmp_path / "m.ckpt", PUBLIC_JSON)
    assert not trace.exists()
    (tmp_path / "raw.ckpt").write_bytes(pickle.dumps(Foreign()))
    with pytest.raises(UserError, match="not a readable torch checkpoint"):
        load_model(tmp_path / "raw.ckpt", PUBLIC_JSON)
    assert not trace.exists()


def test_keys_and_shapes_that_do_not_fit_are_all_listed(public: InteratomicModel, tmp_path: Path) -> None:
    state = public_state(public)
    del state["model.last_layer.bias"]
    state["model.a"] = torch.zeros(7)
    state["model.extra"] = torch.zeros(1)
    torch.save(state, tmp_path / "m.ckpt")
    with pytest.raises(UserError) as error:
        load_model(tmp_path / "m.ckpt", PUBLIC_JSON)
    for words in ("missing keys: last_layer.bias", "unexpected keys: extra", "a is (7,), expected (108,)"):
        assert words in str(error.value)


def test_another_configuration_than_the_files_own_is_refused(tmp_path: Path) -> None:
    save_model(random_model(paper_config()), tmp_path / "m.safetensors")
    with pytest.raises(UserError, match=r"another configuration.*num_layers 2 against 3"):
        load_model(tmp_path / "m.safetensors", paper_config(num_layers=3))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.ckpt", None, "no such file"),
        ("empty.ckpt", b"", "not a readable torch checkpoint"),
        ("noise.ckpt", b"\x00\x01noise" * 100, "not a readable torch checkpoint"),
        ("noise.safetensors", b"\x00\x01noise" * 100, "not a readable safetensors file"),
    ],
)
def test_files_that_are_no_checkpoints(name: str, content: bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        load_model(tmp_path / name, PUBLIC_JSON)


def test_truncated_checkpoint(tmp_path: Path) -> None:
    save_model(random_model(paper_config()), tmp_path / "m.safetensors")
    whole = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a readable safetensors file"):
        load_model(tmp_path / "m.safetensors")


def test_a_checkpoint_without_configuration_asks_for_one(public: InteratomicModel, tmp_path: Path) -> None:
    torch.save(public_state(public), tmp_path / "m.ckpt")
    with pytest.raises(UserError, match=r"its JSON file \(config\)"):
        load_model(tmp_path / "m.ckpt")


def test_unknown_public_setting_names_the_nearest(public: InteratomicModel, tmp_path: Path) -> None:
    torch.save(public_state(public), tmp_path / "m.ckpt")
    with pytest.raises(UserError, match="'num_radials'; did you mean 'num_radial'"):
        load_model(tmp_path / "m.ckpt", {**PUBLIC_JSON, "num_radials": 3})


def test_other_tools_can_write_weights(tmp_path: Path) -> None:
    """safetensors with our metadata is all it takes."""
    save_model(random_model(paper_config()), tmp_path / "m.safetensors")
    state = {k: torch.zeros_like(v) for k, v in load_file(tmp_path / "m.safetensors").items()}
    save_file(state, tmp_path / "n.safetensors", metadata=read_metadata(tmp_path / "m.safetensors"))
    assert float(answer(load_model(tmp_path / "n.safetensors", dtype="float64"), alloy()).energy) == 0.0


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, file = random_model(paper_config()), tmp_path / "m.safetensors"
    save_model(model, file)
    before = file.read_bytes()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alphanet.model.checkpoint.save_file", full)
    with pytest.raises(UserError, match=r"cannot write .*m.safetensors: No space left"):
        save_model(model, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_same_seed_same_weights() -> None:
    one, other = create_model(paper_config(), 4).state_dict(), create_model(paper_config(), 4).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("reading", ["paper", "official-v1"])
@pytest.mark.parametrize("name", preset_names())
def test_presets_are_sound(name: str, reading: str) -> None:
    config = preset(name, reading=reading)
    assert config.reading == reading


def test_presets_are_table_6(shared: Path) -> None:
    import yaml

    table = yaml.safe_load((shared / "paper" / "tables.yaml").read_text())["table6"]
    ours = ["table1-graphene", "table1-formate", "zeolite", "oc2m", "mptrj"]
    for key, field in (("num_layers", "num_layers"), ("heads", "heads"), ("num_basis", "num_basis"),
                       ("hidden_channels", "hidden_channels"), ("cutoff_angstrom", "cutoff")):  # fmt: skip
        assert [getattr(preset(name), field) for name in ours] == table[key], key


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'mptrj-v1'"):
        preset("mptrj-v2")


def test_public_parameter_counts() -> None:
    """Counts of the public code at Table 6's OC2M, MPtrj and the released v1 settings (errata: 10.0, 16.4, 4.84 M)."""
    expected = {"oc2m": 10.0e6, "mptrj": 16.4e6, "mptrj-v1": 4.84e6}
    with torch.device("meta"):
        for name, count in expected.items():
            counted = create_model(preset(name, reading="official-v1")).n_parameters
            assert counted == pytest.approx(count, rel=0.02), name
