"""Figure 1 with fake trainers: trainings taken from the table's run, landscapes, claims, references."""

import json

import pytest
from bilayers import Formula, write_reference
from constant_trainer import ConstantTrainer
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.paper import landscape as module
from alphanet.paper import reproduce as tables
from alphanet.paper.benchmark import load_benchmark, read_benchmark
from alphanet.paper.claims import sliding_claim
from alphanet.paper.landscape import Options, measure_figure
from alphanet.paper.landscape_cards import LandscapeFigure

CARD = read_benchmark("fig1", LandscapeFigure)


class FakeTrainer(ConstantTrainer):
    """Predicts -1 eV/atom after counting its trainings; breaks where the test says so."""

    def __init__(self):
        self.trained = []
        self.broken = None

    def train(self, job, out, report):
        if self.broken:
            raise self.broken
        self.trained.append(job.max_time)
        return super().train(job, out, report)


@pytest.fixture
def trainers(monkeypatch, prepared):
    fakes = {name: FakeTrainer() for name in ("alphanet", "nequip", "mean")}
    monkeypatch.setattr(tables, "trainer_of", fakes.__getitem__)
    monkeypatch.setattr(tables, "prepare", lambda name, scale, **_: prepared(name, scale))
    return fakes


@pytest.fixture
def run(tmp_path, trainers):
    reference = write_reference(tmp_path / "reference.extxyz", Formula())

    def go(**options):
        options = {"scale": "mini", "runs": tmp_path, "device": "cpu", "reference": reference, **options}
        return measure_figure(CARD, Options(**options), lambda _line: None)

    return go


def train_table(tmp_path, **options):
    options = {"scale": "mini", "folder": tmp_path / "table1", "device": "cpu", **options}
    tables.reproduce(load_benchmark("table1"), tables.Options(**options), lambda _line: None)


def test_a_training_that_the_table_finished_is_not_made_again(run, trainers, tmp_path):
    train_table(tmp_path, models=("alphanet",), datasets=("graphene",))
    outcome = run()
    assert len(trainers["alphanet"].trained) == 1 and not (tmp_path / "fig1" / "runs").exists()
    assert set(outcome.samples["AlphaNet"]) == {"train", "valid", "test"} and "AlphaNet" in outcome.landscapes
    assert not outcome.missing and not outcome.failures and not outcome.deviations


def test_without_the_table_it_trains_by_the_same_protocol_and_only_once(run, trainers, tmp_path, whole_records):
    first, second = run(), run()
    usual = load_benchmark("table1").scale("mini").max_time
    assert trainers["alphanet"].trained == [usual] and not trainers["nequip"].trained
    assert (tmp_path / "fig1" / "runs").is_dir() and not (tmp_path / "table1").exists()
    assert first.records["AlphaNet"].id == second.records["AlphaNet"].id
    records = whole_records(tmp_path / "fig1" / "records.jsonl")
    assert [record.how["protocol"] for record in records] == ["table1/mini"] * 3 + ["fig1/mini"]


def test_a_table_run_with_other_settings_is_not_taken(run, trainers, tmp_path):
    train_table(tmp_path, models=("alphanet",), datasets=("graphene",), epochs=1)
    run()
    assert len(trainers["alphanet"].trained) == 2


def test_restart_trains_again_and_leaves_the_table_alone(run, trainers, tmp_path):
    train_table(tmp_path, models=("alphanet",), datasets=("graphene",))
    before = sorted((tmp_path / "table1").rglob("*"))
    run(restart=True)
    assert len(trainers["alphanet"].trained) == 2 and sorted((tmp_path / "table1").rglob("*")) == before


def test_the_record_says_what_on_what_how_and_where(run, tmp_path):
    record = run().records["AlphaNet"]
    assert record.what["sliding_max_difference"] == pytest.approx(0.004)  # of a flat surface: the formula's height
    assert record.on["reference"] == "reference.extxyz" and len(record.on["reference_sha256"]) == 64
    assert record.on["level_of_theory"] == "as given by the user"
    assert record.on["layers_apart"] == [3.35, 3.35] and record.on["sliding"] == 49
    assert record.model["name"] == "mean" and record.how["training"] and record.where["hardware"]["cpu"]


def test_the_shipped_reference_is_taken_unless_another_is_given(run):
    record = run(reference=None).records["AlphaNet"]
    assert record.on["reference"] == "graphene_landscape.extxyz.xz" and record.on["sliding"] == 247
    assert "GFN1-xTB" in record.on["level_of_theory"]


def test_rows_beside_the_paper_s_are_measured_if_asked_for(run, trainers):
    assert set(run(models=("nequip", "alphanet")).landscapes) == {"AlphaNet", "NequIP"}
    with pytest.raises(UserError, match="did you mean 'nequip'"):
        run(models=("nequp",))


def test_full_needs_a_reference_and_says_which(run, trainers):
    outcome = run(scale="full", reference=None)
    assert "PBE+MBD energies" in outcome.missing["AlphaNet"] and not outcome.failures
    assert outcome.samples["AlphaNet"] and not outcome.landscapes
    assert run(scale="full").landscapes


def test_slice_lacks_the_data_and_says_so(run):
    outcome = run(scale="slice")
    assert "zenodo.org/records/10374206" in outcome.missing["AlphaNet"] and not outcome.failures


def test_a_wrong_reference_is_told_before_anything_is_trained(run, trainers, tmp_path):
    with pytest.raises(UserError, match="has no energy"):
        run(reference=write_reference(tmp_path / "bare.extxyz", None))
    assert not trainers["alphanet"].trained


def test_a_training_that_fails_costs_only_its_row(run, trainers):
    trainers["alphanet"].broken = UserError("no memory")
    outcome = run(models=("nequip", "alphanet"))
    assert outcome.missing == {"AlphaNet": "no memory"} and "no memory" in outcome.failures[0]
    assert set(outcome.landscapes) == {"NequIP"}


def test_a_budget_shortens_the_training_and_is_a_deviation(run, trainers):
    outcome = run(minutes=0.5)
    assert 0 < trainers["alphanet"].trained[0] < 30
    assert outcome.deviations == {"AlphaNet": "--budget 0.5"}


def test_the_claim_holds_below_the_paper_s_limit_only(run):
    landscape = run().landscapes["AlphaNet"]
    found = sliding_claim(CARD, landscape, "small")
    assert (
        found["verdict"] == "does not hold (small)" and found["value"] == pytest.approx(4.0) and found["below"] == 0.4
    )
    assert "4 meV/atom" in found["details"][0]
    close = type(landscape)(**{**vars(landscape), "sliding": landscape.sliding / 11})
    assert sliding_claim(CARD, close, "")["verdict"] == "holds"
    assert sliding_claim(CARD, None, "no data")["verdict"] == "not measured (no data)"


def test_the_command_writes_figures_numbers_and_results(trainers, tmp_path):
    command = ["repro", "fig1", "--out", str(tmp_path), "--device", "cpu"]
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    folder = tmp_path / "fig1"
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found == json.loads((folder / "results.json").read_text())
    for stem in ("parity_alphanet", "sliding_alphanet", "binding_alphanet"):
        assert all((folder / f"{stem}.{ending}").stat().st_size for ending in ("png", "svg", "pdf", "csv"))
    assert found["claims"][0]["verdict"].startswith("does not hold (miniature") and not found["comparable"]
    lines = (folder / "sliding_alphanet.csv").read_text().splitlines()
    differences = [abs(float(line.rpartition(",")[2])) for line in lines[1:]]
    assert len(differences) == 247 and max(differences) == pytest.approx(found["claims"][0]["value"])
    text = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert "largest difference (meV/atom)" in text and "claimed:" in text


def test_the_command_tells_a_wrong_reference_in_one_line(trainers, tmp_path):
    bare = write_reference(tmp_path / "bare.extxyz", None)
    result = CliRunner().invoke(app, ["repro", "fig1", "--out", str(tmp_path), "--reference", str(bare)])
    assert isinstance(result.exception, UserError) and "frame 0 has no energy" in str(result.exception)


def test_a_card_names_its_rows_and_says_what_a_scale_needs():
    values = CARD.model_dump()
    with pytest.raises(ValueError, match="no row called MACE"):
        LandscapeFigure.model_validate(values | {"drawn": ["MACE"]})
    bare = {"comparable": True, "protocol": "some", "level_of_theory": "DFT"}
    with pytest.raises(ValueError, match="give a reference"):
        LandscapeFigure.model_validate(values | {"scales": {"full": bare}})
    with pytest.raises(UserError, match="did you mean 'mini'"):
        CARD.scale("min")
    assert module.load_benchmark(CARD.trained.table).columns[CARD.trained.column].dataset == "graphene"
