"""Keep a finished run as the reference report: `python reports/keep_reference.py RUNS REPORT`, by `make reference`.

Copies the page with its tables and PDF figures, and of every run the small files that its numbers are in, of records
those that it rests on. Other copies of figures (the page has their SVG and CSV in it), weights, journals stay behind.
"""

import json
import re
import shutil
import sys
from collections.abc import Container
from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"
KEPT = ("*.json", "records.jsonl", "table.*", "*/speed.json")
LEFT = ("*.png", "*.svg", "*.csv")
LINK = re.compile(r'<a href="figures/[^"]*\.(png|svg)">(PNG|SVG)</a>\s?')


def keep(runs: Path, report: Path, reference: Path = REFERENCE) -> None:
    """Replace `reference` by what `report` shows of `runs`."""
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    fresh = reference.with_name(f".{reference.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(report, fresh, ignore=shutil.ignore_patterns(*LEFT))
    for run in results["runs"]:
        for figure in run["figures"]:
            figure["files"] = {kind: name for kind, name in figure["files"].items() if kind == "pdf"}
        folder = runs / Path(run["folder"]).name
        for path in (path for pattern in KEPT for path in sorted(folder.glob(pattern))):
            target = fresh / "records" / folder.name / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_kept(path, results["records"]), encoding="utf-8")
    page = (fresh / "index.html").read_text(encoding="utf-8")
    (fresh / "index.html").write_text(LINK.sub("", page), encoding="utf-8")
    (fresh / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(reference, ignore_errors=True)
    fresh.rename(reference)


def _kept(path: Path, records: Container[str]) -> str:
    """The file's text; of records only those that the page rests on, byte for byte."""
    text = path.read_text(encoding="utf-8")
    if path.name != "records.jsonl":
        return text
    return "".join(line for line in text.splitlines(keepends=True) if json.loads(line)["id"] in records)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
    size = sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file())
    print(f"{REFERENCE}: {size / 1e6:.1f} MB")
