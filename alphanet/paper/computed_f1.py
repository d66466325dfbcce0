"""F1 on WBM as a run of Table 4 computed it, for figures that show it."""

import json
from pathlib import Path


def computed_f1(table4: Path) -> dict[str, float]:
    """F1 of each row that a run of `repro table4` computed from all labels; empty where there is no such run.

    Args:
        table4: its folder.
    """
    try:
        cells = json.loads((table4 / "results.json").read_text(encoding="utf-8"))["cells"]
        return {
            cell["row"]: float(cell["measured"])
            for cell in cells
            if cell["metric"] == "f1" and cell["comparable"] and cell["measured"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
