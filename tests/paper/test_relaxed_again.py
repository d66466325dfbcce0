"""A sample relaxed anew beside published predictions: what agrees, what differs, what cannot be relaxed."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from alphanet.paper.benchmark import read_benchmark
from ase.io import write
from crystals_to_relax import strained_crystals

from alphanet.data.cards import SourceFile
from alphanet.paper.discovery import Options
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.relaxed_again import FOLDER, Sample, comparison_lines, relax_again

MODEL = "python_potentials:Settled"
PUBLISHED = "published.csv.gz"


@pytest.fixture
def card():
    """Two rows: one that runs here, and AlphaNet, whose weights are the user's to name."""
    known = read_benchmark("table4", DiscoveryTable)
    runs = {"model": MODEL, "predictions": SourceFile(url=f"https://example.org/{PUBLISHED}")}
    rows = {"CHGNet": known.rows["CHGNet"].model_copy(update=runs), "AlphaNet": known.rows["AlphaNet"]}
    return known.model_copy(update={"rows": rows})


def publish(folder: Path, values: dict[str, float]) -> None:
    table = pd.DataFrame({"material_id": list(values), "e_form_per_atom": list(values.values())})
    (folder / PUBLISHED).write_bytes(gzip.compress(table.to_csv(index=False).encode()))


def test_a_row_that_runs_here_is_compared_structure_by_structure(tmp_path, card, cluster):
    crystals = strained_crystals()
    for identity, atoms in crystals.items():
        atoms.info["material_id"] = identity
    write(tmp_path / "initial.extxyz", list(crystals.values()))
    elements = {symbol for atoms in crystals.values() for symbol in atoms.get_chemical_symbols()}
    entries = {symbol: {"energy": -1.0, "composition": {symbol: 1}} for symbol in elements}
    (tmp_path / "references.json").write_text(json.dumps(entries))
    publish(tmp_path, dict.fromkeys(crystals, 0.0))
    wanted = Sample(3, cluster, structures=tmp_path / "initial.extxyz", references=tmp_path / "references.json")
    options = Options(tmp_path / "table4", predictions=tmp_path)
    found = relax_again(card, options, wanted, lambda _line: None)
    assert found["CHGNet"]["n"] == 3
    assert "--alphanet FILE" in found["AlphaNet"]["reason"]
    (folder,) = (tmp_path / "table4" / FOLDER).iterdir()
    table = pd.read_csv(folder / "predictions.csv.gz", index_col=0)
    ours = table[next(name for name in table if name.startswith("e_form_per_atom"))].to_dict()
    assert found["CHGNet"]["mae"] == pytest.approx(sum(map(abs, ours.values())) / 3)

    publish(tmp_path, ours | {next(iter(ours)): next(iter(ours.values())) + 0.005})
    again = relax_again(card, options, wanted, lambda _line: None)  # from the records, relaxed once
    assert (again["CHGNet"]["within_1_mev"], again["CHGNet"]["within_10_mev"]) == (2, 3)
    assert comparison_lines(again)[0][:6] == ("CHGNet", "3", "1.67", "-5.00", "2", "3")
