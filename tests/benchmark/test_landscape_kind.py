"""A figure of landscapes with fake trainers: trainings taken from the table's run, references, claims, drawings."""

import pytest
import yaml
from bilayers import Formula, write_reference

from alphanet.benchmark.kinds.accuracy import Accuracy
from alphanet.benchmark.loading import card_path, load_benchmark
from alphanet.cards import read_yaml
from alphanet.errors import UserError

pytestmark = pytest.mark.integration

MAX_TIME = 150.0  # of the table at scale mini
ONE = ("alphanet/graphene",)


@pytest.fixture
def figure(run, tmp_path):
    """A function that runs the figure with a reference of four atoms a cell."""
    reference = write_reference(tmp_path / "reference.extxyz", Formula())

    def go(**options):
        return run("sliding", **({"reference": reference} | options))

    return go


def landscape_of(result, row="AlphaNet"):
    """The record of a row's landscape with one seed."""
    identity = result.origins[f"landscape/{row}"]["record"]
    return result.records[identity]


def times(trainer):
    return [request.max_time for request in trainer.requests]


def test_a_training_that_the_table_finished_is_not_made_again(run, figure, rendered, trainers, tmp_path):
    run(only=ONE)
    result = figure()
    assert len(trainers["alphanet"].requests) == 1 and not (tmp_path / "sliding" / "runs").exists()
    assert [one.name for one in result.figures] == ["parity_graphene_alphanet", "sliding_alphanet", "binding_alphanet"]
    assert result.failures == () and result.grids[0].columns == ("quantity", "reference", "AlphaNet")
    assert landscape_of(result).protocol["training_record"] in (tmp_path / "table/records.jsonl").read_text()


def test_without_the_table_it_trains_by_the_same_protocol_and_only_once(figure, trainers, tmp_path, whole_records):
    first, second = figure(), figure()
    assert times(trainers["alphanet"]) == [MAX_TIME] and trainers["peer"].requests == []
    assert (tmp_path / "sliding" / "runs").is_dir() and not (tmp_path / "table").exists()
    assert second.grids == first.grids and second.claims == first.claims and second.figures == first.figures
    records = whole_records(tmp_path / "sliding" / "records.jsonl")
    assert [record.protocol["benchmark"] for record in records] == ["table/mini"] * 3 + ["sliding/mini"]


def test_a_table_run_with_other_settings_is_not_taken(run, figure, trainers):
    run(only=ONE, epochs=1)
    figure()
    assert len(trainers["alphanet"].requests) == 2


def test_restart_trains_again_and_leaves_the_table_alone(run, figure, trainers, tmp_path):
    run(only=ONE)
    before = sorted((tmp_path / "table").rglob("*"))
    figure(restart=True)
    assert len(trainers["alphanet"].requests) == 2 and sorted((tmp_path / "table").rglob("*")) == before


def test_another_reference_is_another_measurement(figure, trainers, tmp_path):
    first = landscape_of(figure())
    other = write_reference(tmp_path / "other.extxyz", Formula(height=0.002))
    second = landscape_of(figure(reference=other))
    assert first.value("corrugation_reference") == pytest.approx(2 * second.value("corrugation_reference"))
    assert len(trainers["alphanet"].requests) == 1


def test_the_record_says_what_was_measured_on_what_how_and_where(figure):
    record = landscape_of(figure())
    assert record.value("sliding_max_difference") == pytest.approx(0.004)  # of a flat surface: the formula's height
    assert record.data["reference"] == "reference.extxyz" and len(record.data["reference_sha256"]) == 64
    assert record.data["level_of_theory"] == "as given by the user"
    assert record.data["layers_apart"] == [3.35, 3.35] and record.data["sliding"] == 49
    assert record.protocol["training"] and record.environment["hardware"]["cpu"]


def test_the_shipped_reference_is_taken_unless_another_is_given(figure, tmp_path):
    result = figure(reference=None)
    record = landscape_of(result)
    assert record.data["reference"] == "graphene_landscape.extxyz.xz" and record.data["sliding"] == 247
    assert record.data["level_of_theory"] == "GFN1-xTB"
    lines = (tmp_path / "sliding" / "sliding_alphanet.csv").read_text().splitlines()
    differences = [abs(float(line.rpartition(",")[2])) for line in lines[1:]]
    assert len(differences) == 247 and 1e-3 * max(differences) == pytest.approx(record.value("sliding_max_difference"))


def test_rows_beside_the_papers_are_measured_if_they_are_selected(figure):
    left_out = figure()
    assert "Peer: not run: not in the paper's figure; measured if it is selected" in left_out.problems
    result = figure(only=("peer", "alphanet"))
    assert result.grids[0].columns == ("quantity", "reference", "AlphaNet", "Peer")
    with pytest.raises(UserError, match="did you mean 'Peer'"):
        figure(only=("Pear",))


def test_full_needs_a_reference_and_says_which_but_shows_the_training(figure):
    result = figure(scale="full", reference=None)
    assert result.claims[0].verdict == "not tested: AlphaNet: needs energies of bilayers" and result.failures == ()
    assert [one.name for one in result.figures] == ["parity_graphene_alphanet"]
    again = figure(scale="full")
    assert again.comparable and again.claims[0].outcome == "undecided"


def test_slice_lacks_the_data_and_says_so(figure):
    result = figure(scale="slice")
    assert result.claims[0].needs == "the paper's data and settings (a part of the frames)" and result.failures == ()


def test_a_wrong_reference_is_told_before_anything_is_trained(figure, trainers, tmp_path):
    result = figure(reference=write_reference(tmp_path / "bare.extxyz", None))
    assert "frame 0 has no energy" in result.failures[0] and trainers["alphanet"].requests == []


def test_a_training_that_fails_costs_only_its_row(figure, trainers):
    trainers["alphanet"].broken = UserError("no memory")
    result = figure(only=("*",))
    assert result.failures == ("AlphaNet on graphene, seed 0: no memory",)
    assert result.grids[0].columns == ("quantity", "reference", "Peer")


def test_a_budget_runs_the_whole_training_or_none(figure, trainers, monkeypatch):
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: 60.0)
    result = figure(budget=0.5)
    assert trainers["alphanet"].requests == [] and "needs about 1 min" in str(result.problems)
    figure(budget=2)
    assert times(trainers["alphanet"]) == [MAX_TIME]
    assert figure(scale="full", budget=2).comparable


def test_a_training_that_was_cut_is_in_no_figure_and_no_claim(figure, trainers):
    trainers["alphanet"].stop = "stopped at step 3 of 12"
    result = figure()
    assert result.claims[0].effect is None
    assert result.figures == () and any("stopped at step 3 of 12" in problem for problem in result.problems)


def test_all_seeds_decide_the_first_is_drawn_and_those_of_the_table_are_taken(run, figure, trainers, tmp_path):
    run(only=ONE, seeds=2)
    result = figure(scale="mini", seeds=3)
    assert [request.seed for request in trainers["alphanet"].requests] == [0, 1, 2]  # the third is the figure's own
    records = [record for record in result.records.values() if record.protocol["benchmark"] == "sliding/mini"]
    assert sorted(record.protocol["seed"] for record in records) == [0, 1, 2]
    (grid,) = result.grids
    assert grid.title.endswith("(mean ± standard deviation over seeds)") and "±" in grid.rows[0][2].text
    assert "seeds 0, 1, 2" in result.origins["landscape/AlphaNet"]["mean of"]
    assert [one.name for one in result.figures] == ["parity_graphene_alphanet", "sliding_alphanet", "binding_alphanet"]
    again = figure(seeds=3)
    assert again.grids == result.grids and len(trainers["alphanet"].requests) == 3


def test_three_seeds_decide_the_claim(figure):
    (claim,) = figure(scale="full", seeds=3).claims
    assert claim.outcome == "contradicted" and claim.seeds == 3 and claim.effect == pytest.approx(4.0)


def test_a_seed_that_fails_costs_itself_and_the_rest_is_shown(figure, trainers):
    trainers["alphanet"].stop = {0: "stopped at step 3 of 12"}
    result = figure(seeds=3)
    assert "mean of" in result.origins["landscape/AlphaNet"] and len(result.grids) == 1
    assert {one.name for one in result.figures} >= {"sliding_alphanet", "binding_alphanet"}


def test_the_claim_is_tested_with_the_papers_data_alone_and_not_by_one_seed(figure):
    (mini,) = figure().claims
    assert mini.outcome == "not tested" and mini.needs == "the paper's data and settings (miniature)"
    (full,) = figure(scale="full").claims
    assert full.effect == pytest.approx(4.0) and full.threshold == 0.4 and full.unit == "meV/atom"
    assert full.outcome == "undecided" and full.needs == "a second seed, at least" and full.seeds == 1


def test_energies_that_were_deleted_are_measured_again(figure, trainers, tmp_path):
    first = figure()
    (file,) = (tmp_path / "sliding" / "landscapes").iterdir()
    file.unlink()
    assert figure().grids == first.grids and file.is_file() and len(trainers["alphanet"].requests) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drawn": ["MACE"]}, "no row 'MACE'"),
        ({"scales": {"full": {"comparable": True, "protocol": "some", "level_of_theory": "DFT"}}}, "give a reference"),
        ({"trained": {"table": "table", "column": "grafene"}}, "did you mean 'graphene'"),
        ({"trained": {"table": "presets", "column": "OC2M"}}, "of kind settings, not accuracy"),
    ],
)
def test_a_wrong_card_is_told(figure, tmp_path, monkeypatch, changes, message):
    folder = tmp_path / "cards"
    folder.mkdir()
    for name in ("sliding", "table", "presets"):
        values = read_yaml(card_path(name)) | (changes if name == "sliding" else {})
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(folder))
    with pytest.raises(UserError, match=message):
        figure()


def test_the_shipped_figure_rests_on_a_column_of_its_table():
    card = load_benchmark("fig1")
    assert card.references == ("table1",)
    assert all(scale.seeds == 3 for name, scale in card.scales.items() if name != "slice")
    assert load_benchmark("table1").columns[card.trained.column].dataset == "graphene"
