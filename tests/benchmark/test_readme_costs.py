"""The README's table of costs is what `repro list` says."""

from itertools import groupby

from alphanet.paper.listing import SCALES, cost_table, list_benchmarks
from alphanet.paths import resources


def test_the_table_of_costs_is_the_list_s():
    readme = (resources("benchmarks").parent / "README.md").read_text(encoding="utf-8")
    listed = list_benchmarks()
    table = cost_table(listed)
    assert table in readme, f"put this into the README:\n{table}"
    lines = table.splitlines()
    assert len(lines) == 2 + len(list(groupby(listed, key=lambda one: one.name)))
    assert {one.scale for one in listed} <= set(SCALES)
    (table1,) = [line for line in lines if line.startswith("| `table1`")]
    assert table1.split(" | ")[1:3] == ["10 min", "4 h"] and "GPU-days" in table1
