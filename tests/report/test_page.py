"""The report: every number on the page is one of results.json, every paper value one of a card; nothing is loaded."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest
from report_runs import every_run, table1
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.paper.all_cards import any_card
from alphanet.report.page.model import CLAIMS, VERDICTS
from alphanet.report.page.shown import CHECKED, FILLS, INK, MARKS

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Elements of a page with their texts; fails where tags are not closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"an attribute of {tag} is given twice"
        element = {"tag": tag, "attributes": dict(attributes), "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def having(self, name):
        return [(e["attributes"][name], " ".join(e["text"].split())) for e in self.elements if name in e["attributes"]]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of one run of each kind: its folder, page and results."""
    folder = tmp_path_factory.mktemp("report")
    runs, out = every_run(folder / "runs"), folder / "out"
    result = CliRunner().invoke(app, ["report", str(runs), "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0 and result.stdout.strip().endswith(str(out / "index.html"))
    text = (out / "index.html").read_text()
    return out, text, Page(text), json.loads((out / "results.json").read_text())


def values_of(results):
    """Every number of results.json by the id that the page calls it by, with its origin."""
    found = {}
    for run in results["runs"]:
        for cell in run["cells"]:
            for key in ("measured", "ratio"):
                found[f"{cell['id']}#{key}"] = (cell[key], run["origins"].get(cell["origin"]), cell["records"])
        for grid in run["grids"]:
            for item in (item for row in grid["rows"] for item in row if isinstance(item, dict)):
                found[item["id"]] = (item["value"], run["origins"].get(item["origin"]), [])
    return found


def assert_rounds_to(value, text):
    shown = re.match(r"-?[\d.]+(e[+-]?\d+)?", text)[0]
    digits = len(shown.partition("e")[0].replace(".", "").lstrip("-0")) or 1
    assert abs(float(shown) - value) <= max(abs(value), 1e-12) * 10 ** (1 - digits)


def test_every_number_is_one_of_the_results_and_rests_on_something(made):
    _, _, page, results = made
    values = values_of(results)
    shown = page.having("data-value")
    assert len(shown) > 40
    for key, text in shown:
        value, origin, records = values[key]
        assert_rounds_to(value, text)
        assert origin or key.endswith("#ratio"), key
        assert all(record in results["records"] for record in records)
        if key.endswith("#measured"):
            assert records and origin["record"] == records[0]


def test_every_paper_value_is_the_card_s(made):
    _, _, page, results = made
    shown = page.having("data-paper")
    assert len(shown) == 8 + 60 + 14
    for key, text in shown:
        if "|" in key:
            name, row, column, metric = key.split("|")
            assert text == str(any_card(name).printed(row, column, metric))
        else:
            run, row, field = key.split("/")
            printed = getattr(any_card(run).rows[row], field)
            assert text == (f"{printed / 1e6:.3g} M" if field == "parameters" else str(printed))
    cells = [cell for run in results["runs"] for cell in run["cells"]]
    assert sum(cell["printed"] is not None for cell in cells) == 68


def test_the_summary_counts_the_cells(made):
    _, _, page, results = made
    cells = [cell for run in results["runs"] for cell in run["cells"]]
    counts = {key: int(text) for key, text in page.having("data-count")}
    for verdict in VERDICTS:
        assert counts[verdict] == sum(cell["said"].startswith(verdict) for cell in cells)
    assert counts["cells"] == len(cells) == len(page.having("data-cell"))
    assert counts["claim does not hold"] == counts["claim holds"] == 1
    assert counts["with_errata"] == sum(bool(cell["errata"]) for cell in cells) > 0
    assert counts["inconsistent"] == sum(cell["inconsistent"] for cell in cells) == 3
    assert counts["paper inconsistent"] == 2  # EScAIP-Small was not run
    assert counts["reproduced"] == 1 and counts["worse"] > 0 and counts["better"] > 0


def test_a_comparable_cell_says_what_is_allowed_and_its_interval(made):
    _, text, _, results = made
    cells = {cell["id"]: cell for run in results["runs"] for cell in run["cells"]}
    f1 = cells["table4/AlphaNet/wbm/f1"]
    assert f1["verdict"] == "reproduced" and f1["tolerance"] == 0.0005 and f1["interval"] == [0.795, 0.803]
    assert "0.799 (0.795–0.803)" in text and "±0.0005 allowed" in text and "one seed" in text


def test_the_landscape_of_figure_1_is_told_with_its_record(made):
    _, text, _, results = made
    (run,) = (run for run in results["runs"] if run["name"] == "fig1")
    (record,) = (record for key, record in results["records"].items() if "corrugation_reference" in record["what"])
    numbers = {
        item["id"]: item for grid in run["grids"] for row in grid["rows"] for item in row if isinstance(item, dict)
    }
    largest = numbers["fig1/AlphaNet/sliding_max_difference"]
    assert largest["value"] == 1e3 * record["what"]["sliding_max_difference"] and largest["text"] == "0.3"
    assert numbers["fig1/reference/corrugation_reference"]["text"] == "4"
    assert all(run["origins"][item["origin"]]["record"] == record["id"] for item in numbers.values())
    assert run["claims"][0]["verdict"] == "holds" and "largest difference 0.3 meV/atom" in text
    assert run["when"] == record["when"]
    assert {figure["name"] for figure in run["figures"]} == {"fig1-binding-alphanet", "fig1-sliding-alphanet"}
    assert "NequIP: not run: no &lt;nequip&gt;" in text


def test_errata_stand_under_the_table_that_they_touch(made):
    _, text, _, _ = made
    for name in ("table1", "table4"):
        section = text.partition(f'<section id="run-{name}">')[2].partition("</section>")[0]
        assert section.count('class="erratum"') > 1
        assert "Erratum: " in section


def test_links_resolve_and_nothing_is_loaded_from_elsewhere(made):
    out, text, page, _ = made
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(set(ids)) == len(ids)
    for target, _ in page.having("popovertarget"):
        assert target in ids
    for target, _ in page.having("href"):
        if target.startswith("#"):
            assert target[1:] in ids
        elif not target.startswith(("data:", "https://arxiv.org/")):
            assert (out / target).is_file(), target
    assert all(source.startswith("data:image/svg+xml;base64,") for source, _ in page.having("src"))
    assert not {e["tag"] for e in page.elements} & {"script", "iframe", "object", "embed"}
    assert all(e["attributes"]["href"] == "data:," for e in page.elements if e["tag"] == "link")
    assert "url(" not in text.partition("<style>")[2].partition("</style>")[0] and "@import" not in text


def test_every_figure_s_numbers_download_and_its_files_are_there(made):
    out, _, page, results = made
    downloads = {
        e["attributes"]["download"]: e["attributes"]["href"] for e in page.elements if "download" in e["attributes"]
    }
    figures = [figure for run in results["runs"] for figure in run["figures"]]
    assert len(figures) == len(page.having("src")) >= 5
    for figure in figures:
        assert {"png", "svg", "pdf", "csv"} <= set(figure["files"])
        carried = base64.b64decode(downloads[f"{figure['name']}.csv"].partition(",")[2])
        assert carried == (out / figure["files"]["csv"]).read_bytes() and b"," in carried


def test_tables_are_there_in_markdown_and_latex(made):
    out, _, _, results = made
    written = (out / "tables" / "table1.md").read_text()
    assert "| formate: energy MAE (meV/atom) | AlphaNet | 0.23 | 2.10 ± 0.03 |" in written
    assert r"\AA{}" in (out / "tables" / "table1.tex").read_text()
    grids = sum(len(run["grids"]) for run in results["runs"])
    assert len(list((out / "tables").glob("*.tex"))) == len(list((out / "tables").glob("*.md"))) == grids + 2


def test_the_page_reads_on_a_phone_and_in_print(made):
    _, text, page, _ = made
    metas = [e["attributes"] for e in page.elements if e["tag"] == "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in metas
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "@media print" in style and "@media (max-width" in style
    assert re.search(r"\.scroll \{[^}]*overflow-x: auto", style)
    assert text.count("<table") == text.count('<div class="scroll"')
    assert all(e["attributes"].get("alt") for e in page.elements if e["tag"] == "img")


def test_verdicts_are_told_by_word_and_mark_on_colours_with_contrast(made):
    _, _, page, _ = made
    assert set(FILLS) == set(MARKS) == {*VERDICTS, *CLAIMS}
    assert all(_contrast(INK, fill) >= 4.5 for fill in FILLS.values())
    verdicts = [e for e in page.elements if e["attributes"].get("class", "").startswith("verdict ")]
    assert verdicts and all(any(word in e["text"] for word in (*FILLS, *CHECKED)) for e in verdicts)


def test_text_of_runs_is_never_markup(made):
    _, text, _, _ = made
    assert "nequip &lt;cannot&gt; be had" in text and "a CPU &lt;&amp;&gt;" in text


def test_scripts_get_one_object(tmp_path):
    command = ["report", str(table1(tmp_path / "table1")), "-o", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["page"] == str(tmp_path / "out" / "index.html") and found["summary"]["cells"] == 12


def test_open_shows_the_page(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    out = tmp_path / "out"
    command = ["report", "--open", "-o", str(out), str(table1(tmp_path / "table1"))]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert shown == [(out / "index.html").as_uri()]


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
