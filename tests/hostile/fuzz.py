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
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
COUNTS = Path("build/fuzz/executions.json")
MEMORY = Path("/dev/shm")  # files of readers are there, if it is
SHORTEST = 5  # seconds
TURN = 200_000  # executions of a reader at a time


def main() -> int:
    """Fuzz the readers; 1 if something was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, help="of all readers together")
    parser.add_argument(
        "--executions", type=int, default=sys.maxsize, help="of each reader, with those of earlier runs"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="readers at a time")
    parser.add_argument("--readers", nargs="*", help="only these")
    asked = parser.parse_args()
    counts: dict[str, int] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    turns = Turns(asked.readers or names(), counts, asked.executions, asked.jobs, time.monotonic() + 60 * asked.minutes)
    print("| reader | executions | in all | a second | findings |\n|---|---:|---:|---:|---|", flush=True)
    with ThreadPoolExecutor(asked.jobs) as pool:
        for job in [pool.submit(turns.run) for _ in range(asked.jobs)]:
            job.result()
    return int(turns.found)


class Turns:
    """Readers that wait for their next turn. A run that is killed loses the counts of the turns that it was in."""

    def __init__(self, readers: list[str], counts: dict[str, int], executions: int, jobs: int, end: float) -> None:
        self.waiting = deque(name for name in readers if counts.get(name, 0) < executions)
        self.counts, self.executions, self.jobs, self.end = counts, executions, jobs, end
        self.found, self._lock = False, threading.Lock()

    def run(self) -> None:
        """Give the readers turns until none waits or the time is over; one thread of several."""
        while (seconds := self.end - time.monotonic()) > SHORTEST:
            with self._lock:
                if not self.waiting:
                    return
                name = self.waiting.popleft()
                share = min(seconds, max(SHORTEST, seconds * self.jobs / (len(self.waiting) + 1)))
            left = self.executions - self.counts.get(name, 0)
            executions, rate, finding = fuzzed(name, round(share), min(left, TURN))
            with self._lock:
                self.counts[name] = self.counts.get(name, 0) + executions
                COUNTS.write_text(json.dumps(self.counts, indent=1, sort_keys=True) + "\n")
                self.found = self.found or bool(finding)
                if not finding and self.counts[name] < self.executions:
                    self.waiting.append(name)
                row = f"| {name} | {executions:,} | {self.counts[name]:,} | {rate:,} | {finding or 'none'} |"
                print(row, flush=True)


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
