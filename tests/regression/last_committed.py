"""The last committed measurements; `python tests/regression/last_committed.py` measures anew, if a change is meant."""

import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

import miniature_errors  # noqa: E402
import time_ratios  # noqa: E402

from alphanet.measure.speed.statistics import RatioInterval  # noqa: E402
from alphanet.provenance import hardware  # noqa: E402

ACCURACY, SPEED = (Path(__file__).with_name(name) for name in ("accuracy.json", "speed.json"))


def last_errors() -> miniature_errors.Errors:
    """Errors by seed."""
    return json.loads(ACCURACY.read_text())


def last_ratios() -> tuple[str, dict[str, RatioInterval]]:
    """The processor, and ratios that were measured on it."""
    values = json.loads(SPEED.read_text())
    return values["cpu"], {key: RatioInterval.model_validate(ratio) for key, ratio in values["ratios"].items()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ALPHANET_HOME"] = f"{folder}/home"
        ACCURACY.write_text(json.dumps(miniature_errors.measured(Path(folder)), indent=1) + "\n")
        ratios = {key: ratio.model_dump() for key, ratio in time_ratios.measured().items()}
    SPEED.write_text(json.dumps({"cpu": hardware()["cpu"], "ratios": ratios}, indent=1) + "\n")
