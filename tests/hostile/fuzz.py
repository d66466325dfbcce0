"""`make fuzz MINUTES=… EXECUTIONS=…`: atheris on every reader in turn; what breaks one is kept in the corpus of tests.

A reader may return or raise UserError. Other exceptions, signals, more time and more memory than `fuzz_reader` allows
are findings. Fuzzing begins from the corpus and goes on from inputs of earlier runs, which `build/fuzz` has, with the
number of executions of each reader so far. A reader that has had EXECUTIONS of them is left out; its time goes to the
others.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
COUNTS = Path("build/fuzz/executions.json")
MEMORY = Path("/dev/shm")  # files of readers are there, if it is
SHORTEST = 5  # seconds


def main() -> int:
    """Fuzz the readers; 1 if something was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, help="of all readers together")
    parser.add_argument("--executions", type=int, help="of each reader, with those of earlier runs")
    parser.add_argument("--readers", nargs="*", help="only these")
    asked = parser.parse_args()
    counts: dict[str, int] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    left = {name: (asked.executions or sys.maxsize) - counts.get(name, 0) for name in asked.readers or names()}
    waiting = [name for name, count in left.items() if count > 0]
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    end, found = time.monotonic() + 60 * asked.minutes, False
    print("| reader | executions | in all | a second | findings |\n|---|---:|---:|---:|---|", flush=True)
    for place, name in enumerate(waiting):
        seconds = max(SHORTEST, round((end - time.monotonic()) / (len(waiting) - place)))
        executions, rate, finding = fuzzed(name, seconds, left[name] if asked.executions else -1)
        counts[name] = counts.get(name, 0) + executions
        COUNTS.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
        found = found or bool(finding)
        print(f"| {name} | {executions:,} | {counts[name]:,} | {rate:,} | {finding or 'none'} |", flush=True)
    return int(found)


def names() -> list[str]:
    """All readers."""
    sys.path.insert(0, str(HERE))
    from readers import READERS

    return list(READERS)


def fuzzed(name: str, seconds: int, executions: int) -> tuple[int, int, str]:
    """Executions of a reader, those a second, and what was found, empty if nothing."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        done = subprocess.run(
            [sys.executable, str(HERE / "fuzz_reader.py"), name, str(seconds), str(executions)],
            env=os.environ | {"TMPDIR": folder},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    return (
        statistic("number_of_executed_units", done.stderr),
        statistic("average_exec_per_sec", done.stderr),
        (finding(done.stderr) if done.returncode else ""),
    )


def statistic(name: str, log: str) -> int:
    """A number that libFuzzer prints at its end; 0 if it did not come so far."""
    numbers = re.findall(rf"^stat::{name}:\s+(\d+)", log, re.MULTILINE)
    return int(numbers[-1]) if numbers else 0


def finding(log: str) -> str:
    """The last line that names an exception or a signal."""
    named = re.compile(r"[\w.]*(Error|Exception)\b|==\d")
    lines = [line for line in log.splitlines() if named.match(line)]
    return (lines[-1] if lines else log[-200:].replace("\n", " "))[:150]


if __name__ == "__main__":
    sys.exit(main())
