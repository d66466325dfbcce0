"""The report: every number on the page is one of results.json, every paper value one of a card; nothing is loaded."""

import base64
import re
from html.parser import HTMLParser

import pytest
from report_runs import every_run
from tracing import cell_id, grid_numbers

from alphanet.report.page import view
from alphanet.report.page.collect import collect
from alphanet.report.page.model import Report
from alphanet.report.page.write import CHECKED, FILLS, INK, MARKS, write_report
from alphanet.results.schema import CLAIMS, SETTINGS, VERDICTS

VOID = {"meta", "link", "img", "br", "input"}


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
    """A report of one run of each form: its folder, page and content."""
    folder = tmp_path_factory.mktemp("report")
    page = write_report(folder / "out", collect([every_run(folder / "runs")]))
    text = page.read_text()
    report = Report.model_validate_json((folder / "out" / "results.json").read_text())
    return folder / "out", text, Page(text), report


def cells_of(report):
    return [(run, cell) for run in report.runs if run.result for cell in run.result.cells]


def values_of(report):
    """Every number of results.json by the id that the page calls it by, with its origin."""
    values = {}
    for run, cell in cells_of(report):
        for key in ("measured", "ratio"):
            values[f"{cell_id(run, cell)}#{key}"] = (getattr(cell, key), run.result.origins.get(cell.origin))
    for run in report.runs:
        for claim in run.result.claims if run.result else ():
            values[f"{run.id}/claim-{claim.id}#effect"] = (claim.effect, {"claim": claim.id})
        values |= {key: (item.value, run.result.origins.get(item.origin)) for key, item in grid_numbers(run).items()}
    return values


def assert_rounds_to(value, text):
    shown = re.match(r"-?[\d.]+(e[+-]?\d+)?", text)[0]
    digits = len(shown.partition("e")[0].replace(".", "").lstrip("-0")) or 1
    assert abs(float(shown) - value) <= max(abs(value), 1e-12) * 10 ** (1 - digits)


def test_every_number_is_one_of_the_results_and_rests_on_something(made):
    _, _, page, report = made
    values = values_of(report)
    shown = page.having("data-value")
    assert len(shown) == 7 + 3 + 1 + 1  # measured, ratios of comparable cells, a grid's, effects of claims
    ratios = {key.removesuffix("#ratio") for key, _ in shown if key.endswith("#ratio")}
    assert ratios == {cell_id(run, cell) for run, cell in cells_of(report) if cell.comparable and cell.paper}
    for key, text in shown:
        value, origin = values[key]
        assert_rounds_to(value, text)
        assert origin or key.endswith("#ratio"), key


def test_every_paper_value_is_the_cards(made):
    _, _, page, report = made
    shown = page.having("data-paper")
    printed = {f"{c.table}|{c.row}|{c.column}|{c.metric}": c.printed for _, c in cells_of(report) if c.printed}
    assert len(shown) == 12 + 1 == len(printed) + 1
    for key, text in shown:
        assert text == printed.get(key, "0.799")


def test_the_summary_counts_the_cells(made):
    _, _, page, report = made
    cells = [cell for _, cell in cells_of(report)]
    counts = {key: int(text) for key, text in page.having("data-count")}
    for verdict in VERDICTS:
        assert counts[verdict] == sum(cell.verdict.startswith(verdict) for cell in cells)
    assert counts["cells"] == len(cells) == len(page.having("data-cell")) == 16
    assert counts["claim contradicted"] == counts["claim supported"] == 1
    assert counts["with_errata"] == sum(bool(cell.errata) for cell in cells) == 2
    assert counts["inconsistent"] == 2 and counts["paper inconsistent"] == 1
    assert counts["reproduced"] == 1 and counts["worse"] == 1


def test_a_comparable_cell_says_the_tolerance_and_its_interval(made):
    _, text, _, report = made
    (f1,) = [cell for _, cell in cells_of(report) if cell.metric == "f1"]
    assert f1.outcome == "reproduced" and f1.margin == 0.0005 and f1.interval == (0.795, 0.803)
    assert "0.799 (0.795–0.803)" in text and "±0.0005 allowed" in text


def test_claims_grids_and_reasons_of_figures_are_shown(made):
    _, text, page, _ = made
    assert "ahead of it SchNet" in text and "Not comparable: fewer batches" in text
    assert len(page.having("data-claim")) == 2 and "MACE: not run: mace cannot be had" in text
    assert "<summary>All checks (2 rows)</summary>" in text and 'class="verdict v-contradicted">FAILS' in text
    assert "the machine was busy" in text


def test_errata_stand_under_the_table_that_they_touch(made):
    _, text, _, _ = made
    for name in ("table", "scores"):
        section = text.partition(f'<section id="run-{name}">')[2].partition("</section>")[0]
        assert section.count('class="erratum"') == 1 and "Erratum: " in section


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
    assert not {e["tag"] for e in page.elements} & {"iframe", "object", "embed"}
    assert [e["attributes"] for e in page.elements if e["tag"] == "script"] == [{}]  # within the page
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|https?:", script)
    assert all(e["attributes"]["href"] == "data:," for e in page.elements if e["tag"] == "link")
    assert "url(" not in text.partition("<style>")[2].partition("</style>")[0] and "@import" not in text


def test_every_figures_numbers_download_and_its_files_are_there(made):
    out, _, page, report = made
    downloads = {
        e["attributes"]["download"]: e["attributes"]["href"] for e in page.elements if "download" in e["attributes"]
    }
    figures = {f"{run.id}-{name}": files for run in report.runs for name, files in run.figures.items()}
    assert len(figures) == 1 and len(page.having("src")) == 2  # on the first screen and beside its run
    for name, files in figures.items():
        assert {"png", "svg", "pdf", "csv"} <= set(files)
        assert downloads[f"{name}.csv"] == files["csv"] and b"," in (out / files["csv"]).read_bytes()


@pytest.mark.parametrize("single_file", [False, True])
def test_large_drawings_lie_beside_the_page_or_inside_a_single_file(tmp_path, monkeypatch, single_file):
    monkeypatch.setattr(view, "INLINE", 0)
    page = write_report(tmp_path / "out", collect([every_run(tmp_path / "runs")]), single_file=single_file)
    addresses = re.findall(r'<img src="([^"]+)"', page.read_text())
    inside = [address for address in addresses if address.startswith("data:image/svg+xml;base64,")]
    assert len(addresses) == 2 and len(inside) == (2 if single_file else 0)
    assert all((page.parent / address).is_file() for address in set(addresses) - set(inside))
    numbers = re.findall(r'<a href="([^"]+)" download="figure-curves.csv"', page.read_text())
    content = (page.parent / "figures" / "figure-curves.csv").read_bytes()
    if single_file:
        assert base64.b64decode(numbers[0].partition(",")[2]) == content
    else:
        assert numbers == ["figures/figure-curves.csv"]


def test_tables_are_there_in_markdown_and_latex(made):
    out, _, _, _ = made
    written = (out / "tables" / "table.md").read_text()
    assert "| system | metric |  | AlphaNet |" in written
    assert "| formate | energy MAE (meV/atom) | paper | 0.23 |" in written and "| here | 2.10 ± 0.03 |" in written
    assert r"\AA{}" in (out / "tables" / "table.tex").read_text()
    assert len(list((out / "tables").glob("*.tex"))) == len(list((out / "tables").glob("*.md"))) == 3


def test_the_page_reads_on_a_phone_and_in_print(made):
    _, text, page, _ = made
    metas = [e["attributes"] for e in page.elements if e["tag"] == "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in metas
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "@media print" in style and "@media (max-width" in style
    assert re.search(r"\.scroll \{[^}]*overflow-x: auto", style)
    assert text.count("<table") == text.count('<div class="scroll"')
    assert all(e["attributes"].get("alt") for e in page.elements if e["tag"] == "img")


def test_verdicts_are_told_by_word_and_mark_on_colors_with_contrast(made):
    _, _, page, _ = made
    assert set(FILLS) == set(MARKS) == {*VERDICTS, *SETTINGS, *CLAIMS}
    assert all(_contrast(INK, fill) >= 4.5 for fill in FILLS.values())
    verdicts = [e for e in page.elements if e["attributes"].get("class", "").startswith("verdict ")]
    assert verdicts and all(any(word in e["text"] for word in (*FILLS, *CHECKED)) for e in verdicts)


def test_text_of_runs_is_never_markup(made):
    _, text, _, _ = made
    assert "peer &lt;cannot&gt; be had" in text and "a CPU &lt;&amp;&gt;" in text


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
