"""The page in a real browser, where one is installed (`pip install PyQt6-WebEngine`, which is no dependency)."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from report_runs import every_run

from alphanet.report.page.collect import collect
from alphanet.report.page.write import write_report

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("PyQt6") is None or importlib.util.find_spec("PyQt6.QtWebEngineCore") is None,
        reason="no browser here: PyQt6-WebEngine is not installed",
    ),
]


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)], ids=["phone", "desk"])
def test_the_page_in_chromium(tmp_path, width, height):
    page = write_report(tmp_path / "out", collect([every_run(tmp_path / "runs")]))
    command = [sys.executable, str(Path(__file__).with_name("browser.py")), str(page), str(width), str(height)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    found = json.loads(shown.splitlines()[-1])
    assert found["title"].startswith("AlphaNet")
    assert found["console"] == []
    assert set(found["requests"]) <= {"file", "data"}
    assert found["wide"] <= 0, "the page scrolls sideways"
    assert all(found["images"]) and found["images"]
    assert (found["scrolled"] > 0) or width > 1000  # wide tables scroll inside their own boxes
    assert found["origin"].startswith(("record", "model"))  # what the first number rests on
    assert found["pdf"] == "%PDF-" and found["pdf_bytes"] > 10_000
