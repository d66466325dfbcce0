"""Keep a finished run as the reference report: `python reports/keep_reference.py RUNS REPORT`, by `make reference`.

Copies the page with its tables and figures, and of every run the small files that its numbers are in. PNG copies of
figures, weights and journals stay behind, so that a few megabytes are left.
"""

import json
import re
import shutil
import sys
from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"
KEPT = ("*.json", "records.jsonl", "table.*", "*/speed.json")
LINK = re.compile(r'<a href="figures/[^"]*\.png">PNG</a>\s?')


def keep(runs: Path, report: Path, reference: Path = REFERENCE) -> None:
    """Replace `reference` by what `report` shows of `runs`."""
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    fresh = reference.with_name(f".{reference.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(report, fresh, ignore=shutil.ignore_patterns("*.png"))
    for run in results["runs"]:
        for figure in run["figures"]:
            figure["files"].pop("png", None)
        folder = runs / Path(run["folder"]).name
        for path in (path for pattern in KEPT for path in sorted(folder.glob(pattern))):
            target = fresh / "records" / folder.name / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    page = (fresh / "index.html").read_text(encoding="utf-8")
    (fresh / "index.html").write_text(LINK.sub("", page), encoding="utf-8")
    (fresh / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(reference, ignore_errors=True)
    fresh.rename(reference)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
    size = sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file())
    print(f"{REFERENCE}: {size / 1e6:.1f} MB")
