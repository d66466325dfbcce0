"""Keep a finished run as a report of the repository: `python reports/keep_reference.py RUNS REPORT [KEPT]`.

`make reference` and `make slice-reference` call it; KEPT is reports/reference if it is not given.

It copies the page with its tables and PDF figures, and for every run the result, the tables, and the records and files
behind its numbers, with the errors of test frames, from which claims' intervals are computed. Copies of figures that
the page does not load, weights and journals are left out.
"""

import json
import re
import shutil
import sys
from collections.abc import Container
from pathlib import Path

from alphanet.report.page.model import Report
from alphanet.results.records import RecordLog
from alphanet.results.schema import RESULTS, BenchmarkResult, read_result

REFERENCE = Path(__file__).parent / "reference"
KEPT = (RESULTS, "records.jsonl", "table.*")
LEFT = "*.png"
LOADED = re.compile(r'<img src="(figures/[^"]*)"')
LINK = re.compile(r'<a href="figures/[^"]*\.(png|svg)">(PNG|SVG)</a>\s?')


def keep(runs: Path, report: Path, reference: Path = REFERENCE) -> None:
    """Replace `reference` by `report` and the small files of `runs` that it shows."""
    content = Report.model_validate_json((report / RESULTS).read_text(encoding="utf-8"))
    fresh = reference.with_name(f".{reference.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(report, fresh, ignore=shutil.ignore_patterns(LEFT))
    kept = []
    for run in content.runs:
        pdf = {name: {"pdf": files["pdf"]} for name, files in run.figures.items() if "pdf" in files}
        kept.append(run.model_copy(update={"figures": pdf}))
        folder = runs / Path(run.folder).name
        result = None if run.result is None else read_result(folder / RESULTS)  # with the records, which a report lacks
        for path in _files_behind(result, folder):
            target = fresh / "records" / folder.name / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_kept(path, result.records if result else ()))
    page = (fresh / "index.html").read_text(encoding="utf-8")
    (fresh / "index.html").write_text(LINK.sub("", page), encoding="utf-8")
    loaded = {fresh / path for path in LOADED.findall(page)}
    for drawing in set((fresh / "figures").glob("*.svg")) - loaded:
        drawing.unlink()
    text = content.model_copy(update={"runs": tuple(kept)}).model_dump_json(by_alias=True, indent=1)
    (fresh / RESULTS).write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(reference, ignore_errors=True)
    fresh.rename(reference)


def _files_behind(result: BenchmarkResult | None, folder: Path) -> list[Path]:
    """The result, records and tables of a run, and the files that its numbers name as their origin."""
    named = {facts["file"] for facts in result.origins.values() if "file" in facts} if result else set()
    for record in RecordLog(folder / "records.jsonl").records:
        errors = record.protocol.get("frame_errors")
        if result and record.id in result.records and isinstance(errors, dict):
            named.add(str(errors["file"]))
    paths = [path for pattern in KEPT for path in sorted(folder.glob(pattern))]
    return paths + [folder / name for name in sorted(named) if name != RESULTS and (folder / name).is_file()]


def _kept(path: Path, records: Container[str]) -> bytes:
    """The file's content; of records only the lines that the result rests on, byte for byte."""
    if path.name != "records.jsonl":
        return path.read_bytes()
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if json.loads(line)["id"] in records)


if __name__ == "__main__":
    runs, report, kept = [*map(Path, sys.argv[1:4]), REFERENCE][:3]
    keep(runs, report, kept)
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    print(f"{kept}: {size / 1e6:.1f} MB")
