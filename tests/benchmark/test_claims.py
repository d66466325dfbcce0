"""Claims: decided by intervals over seeds and frames, never by one seed, and refused where records do not fit."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from alphanet.benchmark.claims.evaluation import evaluate_claims
from alphanet.benchmark.claims.evidence import Evidence
from alphanet.benchmark.claims.samples import FrameErrorsFile, Sample, Spent, disagreement, samples_of_records
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.kinds.speed.samples import samples_of_sweep
from alphanet.benchmark.loading import card_of, load_benchmark
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.measure.speed.points import SpeedPoint, Times
from alphanet.results.records import Record

SIZES = ("10", "100", "1000")
CARD = {
    "kind": "accuracy",
    "name": "paper",
    "title": "A table of a paper",
    "metrics": {"mae": {"title": "MAE", "unit": "meV"}, "f1": {"title": "F1", "unit": "", "better": "higher"}},
    "columns": {size: {"title": size, "dataset": "zeolite", "train_frames": int(size)} for size in SIZES},
    "rows": {name: {"model": "alphanet", "run": name} for name in ("A", "B", "C")},
    "scales": {
        "mini": {"comparable": False, "reason": "a miniature", "protocol": "short", "runs": {}},
        "full": {"comparable": True, "protocol": "long", "runs": {}},
    },
}
LESS = {"test": "less", "metric": "mae", "row": "A", "than": "B", "columns": "10"}


def claim_of(samples, scale="mini", findings=None, paper=None, **test):
    values = CARD | {
        "claims": [{"id": "it", "text": "A is better", "place": "section 1", **test}],
        "paper": paper or {},
    }
    (claim,) = evaluate_claims(card_of(values, "card"), scale, samples, findings or Findings())
    assert claim.verdict.startswith(claim.outcome) and claim.scale == scale
    return claim


def seeds(*values):
    return Sample(dict(enumerate(values)), "seed")


def samples_of(metric="mae", column="10", **rows):
    return {(row, column, metric): seeds(*values) for row, values in rows.items()}


def test_paired_seeds_decide_and_say_the_effect():
    claim = claim_of(samples_of(A=(8.0, 9.0, 7.1), B=(10.0, 11.1, 9.0)), **LESS)
    assert claim.outcome == "supported" and claim.direction == "below" and claim.threshold == 1
    assert claim.effect == pytest.approx(0.8, abs=0.01) and claim.interval[1] < 1 and claim.p < 0.05
    assert claim.adjusted == claim.p and claim.seeds == 3 and claim.frames == 0
    assert claim.verdict.startswith("supported at scale mini: A / B, 10: 0.8") and claim.needs == ""


@pytest.mark.parametrize(
    ("equal", "of_a", "of_b", "test", "needs"),
    [
        ("compute", 100.0, 91.0, {}, ""),
        ("compute", 100.0, 88.0, {}, "a comparison at equal compute: A 100 s, B 88 s differ by more than 10 %"),
        ("steps", 50.0, 100.0, {}, ""),  # ahead with less
        ("steps", 50.0, 100.0, {"row": "B", "than": "A"}, ""),  # behind with more: contradicted
        ("steps", 50.0, 100.0, {"factor": 0.5}, "a comparison at equal steps: A 50 steps, B 100 steps differ by more"),
        ("convergence", 1.0, 0.0, {}, "a comparison at convergence: B: its validation still falls"),
    ],
)
def test_rows_on_unequal_terms_are_compared_only_where_it_cannot_have_helped(equal, of_a, of_b, test, needs):
    samples = samples_of(A=(8.0, 9.0, 7.1), B=(10.0, 11.1, 9.0))
    spent = {"A": Spent(equal, of_a), "B": Spent(equal, of_b)}
    samples = {place: replace(sample, spent=spent[place[0]]) for place, sample in samples.items()}
    claim = claim_of(samples, **LESS | test)
    assert (claim.outcome == "not tested") == bool(needs) and claim.needs.startswith(needs)
    assert any("A had less" in text for text in claim.details) == (equal == "steps" and not needs)


def test_the_other_side_contradicts():
    claim = claim_of(samples_of(A=(12.0, 13.0, 11.1), B=(10.0, 11.1, 9.0)), **LESS)
    assert claim.outcome == "contradicted" and claim.interval[0] > 1


def test_scatter_leaves_it_open_and_says_how_many_seeds_would_decide():
    claim = claim_of(samples_of(A=(8.0, 11.0, 9.0), B=(10.0, 9.5, 10.5)), **LESS)
    assert claim.outcome == "undecided" and claim.interval[0] < 1 < claim.interval[1]
    assert claim.needs.startswith("about ") and claim.needs.endswith(" seeds") and int(claim.needs.split()[1]) > 3


def test_one_seed_never_decides():
    claim = claim_of(samples_of(A=(1.0,), B=(100.0,)), **LESS)
    assert claim.outcome == "undecided" and claim.interval is None and claim.p is None
    assert claim.needs == "a second seed, at least" and claim.effect == pytest.approx(0.01)


def test_one_seed_with_all_its_frames_never_decides(tmp_path):
    pair = {name: frames_of(tmp_path, name, np.full((1, 50), value)) for name, value in (("A", 1.0), ("B", 2.0))}
    claim = claim_of({(name, "10", "mae"): sample for name, sample in pair.items()}, **LESS)
    assert claim.outcome == "undecided" and claim.frames == 50


def test_nothing_random_decides_alone():
    fixed = {(row, "10", "mae"): Sample({0: value}, "fixed") for row, value in (("A", 1.0), ("B", 2.0))}
    claim = claim_of(fixed, **LESS)
    assert claim.outcome == "supported" and claim.interval is None and claim.seeds == 0


def frames_of(folder, name, errors):
    """A sample of (seeds, frames) errors with the files that hold them."""
    files = {}
    for seed, of_frames in enumerate(errors):
        path = folder / f"{name}-{seed}.npz"
        np.savez(path, total=of_frames, number=np.ones_like(of_frames))
        files[seed] = FrameErrorsFile(path, sha256_of(path), "total", "number")
    values = {seed: float(of_frames.mean()) for seed, of_frames in enumerate(errors)}
    return Sample(values, "seed", frames=files, frames_key="the same")


def test_frames_are_resampled_together(tmp_path):
    """Frames that are hard for both cancel in the ratio; as sets of their own they would hide the difference."""
    hard = np.random.default_rng(0).lognormal(0, 1.5, 60)
    both = {
        (name, "10", "mae"): frames_of(tmp_path, name, factor * hard * np.array([[1.0], [1.01], [0.99]]))
        for name, factor in (("A", 0.9), ("B", 1.0))
    }
    claim = claim_of(both, **LESS)
    assert claim.outcome == "supported" and claim.frames == 60
    apart = {place: Sample(one.values, "seed", frames=one.frames, frames_key=place[0]) for place, one in both.items()}
    assert claim_of(apart, **LESS).outcome == "undecided"


def test_a_changed_file_of_errors_is_not_used(tmp_path):
    sample = frames_of(tmp_path, "A", np.ones((2, 5)))
    np.savez(tmp_path / "A-0.npz", total=np.zeros(5), number=np.ones(5))
    claim = claim_of({("A", "10", "mae"): sample, ("B", "10", "mae"): sample}, **LESS)
    assert claim.outcome == "not tested" and "has changed since its record" in claim.needs


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ({"test": "ratio", "over": "B", "within": [0.7, 1.4]}, "supported"),
        ({"test": "ratio", "over": "B", "within": [0.95, 1.05]}, "contradicted"),
        ({"test": "wins", "over": "B", "share": 1.0}, "supported"),
        ({"test": "wins", "over": "C", "share": 0.9}, "contradicted"),
        ({"test": "monotone"}, "supported"),
        ({"test": "monotone", "relation": "rises"}, "contradicted"),
        ({"test": "power_law", "below": -0.25}, "supported"),
        ({"test": "power_law", "below": -0.5}, "contradicted"),
        ({"test": "slope", "than": "B", "below": -0.05}, "contradicted"),
        ({"test": "bound", "row": ["A"], "below": "10"}, "not tested"),
        ({"test": "best"}, "contradicted"),
        ({"test": "best", "among": ["B"]}, "supported"),
        ({"test": "rank", "at_most": 2}, "supported"),
        ({"test": "rank", "at_most": 1}, "contradicted"),
    ],
)
def test_every_test(test, outcome):
    """Errors fall by half from size to size; A is 20 % below B, and C below both."""
    near = np.array([1.0, 1.001, 0.999])
    samples = {
        (row, size, "mae"): seeds(*(factor * 0.5**place * near))
        for row, factor in (("A", 8.0), ("B", 10.0), ("C", 1.0))
        for place, size in enumerate(SIZES)
    }
    samples |= {
        (row, size, "mae"): seeds(*(one := samples[row, size, "mae"].values.values()), *one) for row, size, _ in samples
    }
    columns = {"columns": "10"} if test["test"] == "rank" else {}
    claim = claim_of(samples, **{"metric": "mae", "row": "A", **columns, **test})
    assert claim.outcome == outcome, claim
    if test["test"] == "wins":
        assert claim.effect == (3 if test["over"] == "B" else 0)


def test_an_absolute_number_is_tested_only_by_the_papers_protocol():
    samples = samples_of(A=(45.0, 45.1, 45.2))
    test = {"test": "value", "metric": "mae", "row": "A", "column": "10", "printed": "45.5"}
    mini, full = (claim_of(samples, scale, **test) for scale in ("mini", "full"))
    assert mini.outcome == "not tested" and mini.needs == "the paper's data and settings (a miniature)"
    assert (
        full.outcome == "supported"
        and full.effect == pytest.approx(45.1)
        and full.bounds == pytest.approx((40.95, 50.05))
    )
    assert claim_of(samples_of(A=(60.0, 60.1)), "full", **test).outcome == "contradicted"
    assert claim_of(samples_of(A=(45.5,)), "full", **test).outcome == "undecided"


def test_where_higher_is_better():
    samples = samples_of("f1", A=(0.8, 0.81, 0.8), B=(0.7, 0.71, 0.7))
    claim = claim_of(samples, test="best", metric="f1", row="A", among="B", columns="10")
    assert claim.outcome == "supported" and claim.direction == "above"


def test_a_rival_that_was_not_measured_leaves_it_open():
    samples = samples_of(A=(8.0, 8.1, 8.0), B=(10.0, 10.1, 10.0))
    findings = Findings(missing={("C", "10"): "needs a GPU"})
    claim = claim_of(samples, findings=findings, test="best", metric="mae", row="A", columns="10")
    assert claim.outcome == "undecided" and claim.needs == "C/10: needs a GPU"


def test_what_was_not_measured_says_what_it_needs():
    findings = Findings(missing={("B", "10"): "needs the whole record"})
    claim = claim_of(samples_of(A=(1.0, 2.0)), findings=findings, **LESS)
    assert claim.outcome == "not tested" and claim.verdict == "not tested: B/10: needs the whole record"
    assert claim_of({}, test="none", needs="molecular dynamics").needs == "molecular dynamics"


def test_what_the_paper_prints_itself_is_a_detail():
    paper = {"A": {"10": {"mae": "12"}}, "B": {"10": {"mae": "10"}}}
    claim = claim_of({}, paper=paper, **LESS)
    assert claim.details == ("the paper's own numbers contradict it: A / B, 10: 1.2",)


def record(seed, value=1.0, software="1", hardware="a", steps=5, finished=True, **data):
    return Record(
        metrics={"mae": value},
        data={"store_sha256": "0", **data},
        model={},
        protocol={"seed": seed, "training": {"steps": steps, "finished": finished}},
        environment={"software": {"torch": software}, "hardware": {"cpu": hardware}},
    )


@pytest.mark.parametrize(
    ("second", "needs"),
    [
        ({"split": "valid"}, "A/10: its seeds differ in data: split"),
        ({"store_sha256": "1"}, "A/10: its seeds differ in data: store sha256"),
        ({"steps": 4}, "A/10: its seeds were trained for 4 and 5 steps"),
        ({"finished": False}, "A/10: a training was stopped before its end"),
        ({"software": "2"}, "records with the same versions: these were made with several"),
    ],
)
def test_seeds_that_disagree_are_no_sample(second, needs):
    records = {("A", "10"): [record(0), record(1, 1.1, **second)], ("B", "10"): [record(0, 2.0), record(1, 2.2)]}
    findings = Findings(records=records)
    samples = samples_of_records(card_of(CARD, "card"), findings)
    assert claim_of(samples, findings=findings, **LESS).needs == needs


def test_a_store_made_again_from_the_same_files_holds_the_same_data():
    made = {"sources": {"file": "0" * 64}}
    assert not disagreement([record(0, **made), record(1, **made, store_sha256="1")])
    other = {"sources": {"file": "1" * 64}}
    assert disagreement([record(0, **made), record(1, **other)]) == "its seeds differ in data: sources"


def test_several_machines_are_allowed_for_accuracy_and_refused_for_times():
    records = {
        row: (record(0, value), record(1, 1.01 * value, hardware="b")) for row, value in (("A", 1.0), ("B", 2.0))
    }
    trained = samples_of_records(card_of(CARD, "card"), Findings({(row, "10"): list(r) for row, r in records.items()}))
    claim = claim_of(trained, **LESS)
    assert claim.outcome == "supported" and "trained on several machines with the same versions" in claim.details
    timed = {place: Sample(one.values, "pass", one.records) for place, one in trained.items()}
    assert claim_of(timed, **LESS).needs == "all times from one machine: these are from several"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row": "AA"}, r"claim it: no row 'AA'; (did you mean 'A'|known: A, B, C)"),
        ({"columns": ["11"]}, "claim it: no column '11'; did you mean '10'"),
        ({"metric": "mea"}, "claim it: no quantity 'mea'; did you mean 'mae'"),
        ({"test": "lesser"}, "claims.0"),
        ({"factors": 2}, "factors"),
    ],
)
def test_a_claim_that_names_what_is_not_there_is_an_error_of_the_card(change, message):
    with pytest.raises(UserError, match=message):
        claim_of({}, **(LESS | change))


def test_many_claims_are_adjusted_together():
    claims = [{"id": f"c{n}", "text": "t", "place": "p", **LESS} for n in range(3)]
    samples = samples_of(A=(8.0, 9.0, 7.1), B=(10.0, 11.1, 9.0))
    evaluated = evaluate_claims(card_of(CARD | {"claims": claims}, "card"), "mini", samples, Findings())
    assert [claim.adjusted for claim in evaluated] == pytest.approx([3 * evaluated[0].p] * 3)
    with pytest.raises(UserError, match="'c0' is the id of several"):
        card_of(CARD | {"claims": [claims[0], claims[0]]}, "card")


def test_a_sweep_gives_times_and_memory_by_pass(speed_cards):
    card = load_benchmark("curves")
    point = SpeedPoint(
        model="first",
        n_atoms=8,
        batch=2,
        status="ok",
        peak_memory_mb={"allocated": 10.0},
        repeats_mb=(10.0, 8.0),
        times_ms={"step": Times.of_milliseconds([4.0])},
        rounds={"step": ((0.004, 0.005, 0.006), (0.003, 0.003, 0.003))},
    )
    summary = SimpleNamespace(tasks=("step",), points_of=lambda model: [point] if model == "first" else [])
    samples = samples_of_sweep(card, "inference", summary, Findings())
    assert set(samples) == {("First", "8", "step"), ("First", "", "inference_speed"), ("First", "", "inference_memory")}
    assert samples["First", "8", "step"].values == {0: 5.0, 1: 3.0} and samples["First", "8", "step"].repeats == "pass"
    assert samples["First", "", "inference_speed"].values == pytest.approx({0: 400.0, 1: 2000 / 3})
    memory = samples["First", "", "inference_memory"]
    assert memory.repeats == "pass" and memory.values == pytest.approx({0: 0.005, 1: 0.004})


def passes(*values):
    return Sample(dict(enumerate(values)), "pass")


@pytest.mark.parametrize(
    ("own", "other", "outcome"),
    [
        ((1.0, 1.01, 1.0), (2.0, 2.1, 1.9), "supported"),
        ((2.0, 2.1, 1.9), (1.0, 1.01, 1.0), "contradicted"),
        ((1.0, 2.0, 1.2), (1.3, 1.2, 1.9), "undecided"),
        ((1.5,), (2.0,), "undecided"),
        ((1.5, 1.5), (2.0, 2.0), "supported"),  # memory that CUDA counts does not vary
    ],
)
def test_memory_and_times_are_decided_by_their_passes(own, other, outcome):
    samples = {("A", "10", "mae"): passes(*own), ("B", "10", "mae"): passes(*other)}
    claim = claim_of(samples, **LESS)
    assert claim.outcome == outcome and claim.repeats == "pass" and claim.seeds == len(own)
    if outcome == "undecided":
        assert claim.needs.endswith(" passes") or claim.needs == "a second pass, at least"


def test_a_record_of_several_passes_gives_one_value_a_pass():
    timed = Record(metrics={"mae": 2.0, "passes": {"mae": [1.0, 3.0]}}, data={}, model={}, protocol={}, environment={})
    samples = samples_of_records(card_of(CARD, "card"), Findings(records={("A", "10"): [timed]}))
    assert samples["A", "10", "mae"].values == {0: 1.0, 1: 3.0} and samples["A", "10", "mae"].repeats == "pass"


def test_the_best_is_looked_for_among_the_rows_of_the_paper_alone():
    """Neither a row beyond the paper nor a floor is a rival, however small its error, unless it is named."""
    rows = CARD["rows"] | {"floor": {"model": "mean", "trivial": True}}
    values = CARD | {"rows": rows, "paper": {"A": {"10": {"mae": "12"}}, "B": {"10": {"mae": "20"}}}}
    samples = samples_of(A=(8.0, 8.1, 8.0), B=(10.0, 10.1, 10.0), C=(1.0, 1.1, 1.0), floor=(0.1, 0.1, 0.1))
    samples |= samples_of("f1", A=(0.8, 0.81), B=(0.7, 0.71), C=(0.9, 0.91), floor=(0.95, 0.95))

    def outcome(**test):
        claims = [{"id": "it", "text": "A is best", "place": "section 1", "row": "A", "columns": "10", **test}]
        (claim,) = evaluate_claims(card_of(values | {"claims": claims}, "card"), "mini", samples, Findings())
        return claim.outcome

    assert outcome(test="best", metric="mae") == "supported"
    assert outcome(test="best", metric="f1") == "supported"  # which the paper prints of no row
    assert outcome(test="rank", metric="mae", at_most=1) == "supported"
    assert outcome(test="best", metric="mae", among=["C"]) == "contradicted"


@pytest.mark.parametrize("name", ["table1", "table3"])
def test_the_best_of_tables_1_and_3_is_one_of_the_papers_rows(name):
    card = load_benchmark(name)
    best = [claim for claim in card.claims if claim.test == "best"]
    for claim in best:
        evidence = Evidence(card, "mini", {}, Findings(), (), claim)
        assert {row for row in card.rows if evidence.wanted(row, claim.metric)} == set(card.paper)
    assert best and len(card.paper) < len(card.rows)


def released(folder, error, scatter):
    """Weights that are evaluated as they are: nothing but the frames is random."""
    errors = error * (1 + scatter * np.linspace(-1, 1, 101)[None])
    one = frames_of(folder, f"{error}-{scatter}", errors)
    return Sample({0: one.values[0]}, "fixed", frames=one.frames, frames_key="the same")


@pytest.mark.parametrize(
    ("error", "scatter", "outcome"),
    [(0.0740, 0.1, "supported"), (0.0740, 0.9, "undecided"), (0.0900, 0.1, "contradicted")],
)
def test_released_weights_meet_the_printed_number_by_their_frames(tmp_path, error, scatter, outcome):
    samples = {("A", "10", "mae"): released(tmp_path, error, scatter)}
    test = {"test": "printed", "metric": "mae", "row": "A", "columns": "10", "margin": 0.05, "about": "suite"}
    paper = {"A": {"10": {"mae": "0.0737"}}}
    claim = claim_of(samples, "full", paper=paper, **test)
    assert claim.outcome == outcome and claim.frames == 101 and claim.seeds == 0 and claim.about == "suite"
    assert claim.effect == pytest.approx(error / 0.0737) and claim.interval[0] < claim.effect < claim.interval[1]
    assert ("test frames" in claim.needs) == (outcome == "undecided")
    assert claim_of(samples, "mini", paper=paper, **test).outcome == "not tested"
    assert claim_of(samples, "full", **test).needs == "a printed mae of A in 10"
    missing = Findings(missing={("A", "10"): "needs a file"})
    assert claim_of({}, "mini", findings=missing, paper=paper, **test).needs == "A/10: needs a file"
