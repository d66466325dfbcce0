"""Cards of benchmarks: found by name, read by their kind; wrong ones are one line that names file, key and nearest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from alphanet.benchmark.kinds import KINDS
from alphanet.benchmark.loading import benchmark_names, card_path, load_benchmark, read_benchmark
from alphanet.errors import UserError


@pytest.fixture
def values():
    """The content of a card of the tests."""
    return yaml.safe_load((Path(__file__).parent / "cards" / "table.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes cards into a user's folder."""
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))

    def to_file(name, values):
        path = tmp_path / f"{name}.yaml"
        path.write_text(values if isinstance(values, str) else yaml.safe_dump(values | {"name": name}))
        return path

    return to_file


def test_a_folder_of_the_user_adds_cards(write, values):
    write("mine", values)
    assert load_benchmark("mine").name == "mine" and {"mine", "table1"} <= set(benchmark_names())


def test_an_unknown_benchmark_and_an_unknown_scale_get_the_nearest(cards):
    with pytest.raises(UserError, match="did you mean 'table1'"):
        load_benchmark("tabel1")
    with pytest.raises(UserError, match="did you mean 'slice'"):
        load_benchmark("table").scale("slcie")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "acuracy"}, "kind: unknown 'acuracy'; did you mean 'accuracy'?"),
        ({"kind": ["accuracy"]}, "kind: unknown"),
        ({"kind": None}, "key 'kind' is missing; known: "),
        ({"colums": {}}, "unknown key 'colums'; did you mean 'columns'?"),
        ({"paper": {"Peeer": {"formate": {"force_mae": "1"}}}}, "no row 'Peeer'; did you mean 'Peer'?"),
        ({"paper": {"Peer": {"formiate": {"force_mae": "1"}}}}, "no column 'formiate'; did you mean 'formate'?"),
        ({"paper": {"Peer": {"formate": {"forc_mae": "1"}}}}, "no metric 'forc_mae'; did you mean 'force_mae'?"),
        ({"errata": [{"text": "odd", "rows": ["Alphanet"]}]}, "no row 'Alphanet'; did you mean 'AlphaNet'?"),
        ({"scales": {}}, "scales"),
    ],
)
def test_a_wrong_key_is_one_line_that_names_file_key_and_nearest_of_its_kind(write, values, change, message):
    changed = {key: value for key, value in (values | change).items() if value is not None}
    path = write("mine", changed)
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        load_benchmark("mine")
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_run_of_an_unknown_model_is_refused(write, values):
    values["scales"]["mini"]["runs"]["peeer"] = {"formate": {}}
    write("mine", values)
    with pytest.raises(UserError, match="run key 'peeer'; did you mean 'peer'"):
        load_benchmark("mine")


def test_a_scale_that_is_not_comparable_says_why(write, values):
    del values["scales"]["mini"]["reason"]
    write("mine", values)
    with pytest.raises(UserError, match="says why"):
        load_benchmark("mine")


def test_a_run_for_every_column_gives_way_to_one_that_is_named(write, values):
    values["scales"]["mini"]["runs"]["mean"] = {"*": {"batch_size": 3}, "graphene": {"batch_size": 4}}
    write("mine", values)
    scale = load_benchmark("mine").scale("mini")
    assert scale.run_of("mean", "formate").batch_size == 3 and scale.run_of("mean", "graphene").batch_size == 4
    assert scale.run_of("nobody", "formate") is None


def test_printed_digits_are_kept(cards):
    assert str(load_benchmark("table").printed("Peer", "formate", "energy_mae")) == "0.50"


@pytest.mark.parametrize("text", ["- a list", "just text", "kind: [", "", "kind: accuracy\nname: odd"])
def test_a_file_that_is_no_card_is_one_line(write, text):
    path = write("odd", text)
    with pytest.raises(UserError, match=re.escape(str(path))):
        load_benchmark("odd")


def test_a_card_whose_name_is_not_its_file_s_is_refused(write, values):
    path = write("mine", values)
    other = path.rename(path.with_name("yours.yaml"))
    with pytest.raises(UserError, match="must be the name of the file, 'yours'"):
        read_benchmark(other)


def test_a_kind_whose_module_is_missing_is_one_line(write, values, monkeypatch):
    monkeypatch.setitem(KINDS, "lost", "alphanet.benchmark.kinds.lost:Lost")
    write("mine", values | {"kind": "lost"})
    with pytest.raises(UserError, match="the module of 'lost' cannot be imported"):
        load_benchmark("mine")


def test_cards_that_refer_to_each_other_in_a_circle_are_refused(write):
    landscape = yaml.safe_load(card_path("fig1").read_text(encoding="utf-8"))
    write("one", landscape | {"trained": {"table": "two", "column": "graphene"}})
    write("two", landscape | {"trained": {"table": "one", "column": "graphene"}})
    with pytest.raises(UserError, match="in a circle: one -> two -> one"):
        load_benchmark("one")


def test_every_kind_has_a_shipped_card_but_those_that_commands_make():
    shipped = {read_benchmark(card_path(name)).kind for name in benchmark_names()}
    assert shipped == set(KINDS) - {"data", "memory"}


def test_cards_are_read_without_torch():
    code = (
        "import sys\nfrom alphanet.benchmark.loading import benchmark_names, load_benchmark\n"
        "for name in benchmark_names(): load_benchmark(name)\n"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
