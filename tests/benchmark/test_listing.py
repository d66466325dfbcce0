"""Listing: costs and data by the cards, whatever is here of them."""

import shutil

import pytest

from alphanet.benchmark.listing import list_benchmarks
from alphanet.benchmark.loading import benchmark_names, card_path, load_benchmark
from alphanet.data.fetching import local_path
from alphanet.errors import UserError
from alphanet.measure.discovery.wbm import summary_file


def info(name, scale):
    (listed,) = [one for one in list_benchmarks() if (one.name, one.scale) == (name, scale)]
    return listed


def test_every_card_is_listed_at_every_scale_in_the_order_of_the_paper():
    cards = [load_benchmark(name) for name in benchmark_names()]
    assert [(one.name, one.scale) for one in list_benchmarks()] == [(c.name, s) for c in cards for s in c.scales]
    assert benchmark_names()[:2] == ["table1", "table2"] and benchmark_names()[-2:] == ["properties", "public-si"]


def test_costs_of_trainings_are_those_of_the_card(trainers, tmp_path, monkeypatch):
    for name in ("table", "ablation"):  # their models all have trainers
        shutil.copy(card_path(name), tmp_path)
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    assert info("table", "mini").cost == "4 trainings, about 150 s each: 10 min"
    assert info("table", "full").cost.startswith("4 trainings, as long as their epochs take")
    assert info("ablation", "mini").minutes == pytest.approx(3 * 2 * 40 / 60)
    assert list_benchmarks(seeds=3) != list_benchmarks()


def test_costs_of_the_other_kinds_are_those_of_the_card():
    assert info("table5", "mini").cost.startswith("16 min")
    assert "60 min at most" in info("table5", "full").cost and "A100" in info("table5", "full").cost
    assert info("fig3a", "full").cost.startswith("24 h")
    assert info("fig1", "mini").cost == "3 trainings, unless table1 has run: about 5 min with it, 1 min without"
    assert info("fig1", "slice").cost == "nothing can be trained" and "zenodo" in info("fig1", "slice").impossible[0]
    assert info("fig1", "full").environments == () and "PBE+MBD" in info("fig1", "full").missing_data[1]


def test_data_that_is_not_here_is_named():
    assert info("table1", "mini").missing_data == ()
    assert any("zenodo.org" in missing for missing in info("table1", "slice").missing_data)
    assert "OC20's own structures" in info("table5", "full").missing_data[0]
    assert info("table4", "full").missing_data[0] == "labels" and info("table4", "full").environments == ()
    labels = local_path(summary_file())
    labels.parent.mkdir(parents=True)
    labels.write_bytes(b"")
    assert info("table4", "full").missing_data[0] == "CHGNet"


def test_environments_that_are_not_made_are_counted():
    figure = info("fig3a", "mini")
    assert figure.environments == figure.missing_environments == ("schnet", "painn", "nequip", "mace", "equiformer-v2")


def test_a_broken_card_is_a_line_for_each_key(tmp_path, monkeypatch):
    (tmp_path / "odd.yaml").write_text("kind: accuracy\nname: odd")
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    with pytest.raises(UserError) as raised:
        list_benchmarks()
    lines = str(raised.value).splitlines()
    assert [line.partition("odd.yaml: ")[2] for line in lines] == [
        f"key {key!r} is missing" for key in ("title", "rows", "scales")
    ]
