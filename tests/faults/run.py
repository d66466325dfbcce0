"""`make faults FAULTS=… SEED=…`: strike commands, run each again, and compare with the undisturbed result.

A command that was struck may end well, by the signal, or with one line and code 1. The same command must then give
the undisturbed result. The table goes to stdout and to `build/faults.md`; the exit code is 1 if anything was not so.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("faults", "", "training", "potentials")]

import psutil  # noqa: E402
from commands import COMMANDS, Command, Outcome, environment  # noqa: E402
from forked import start  # noqa: E402
from kinds import DOWNLOADS, EVERYWHERE, WORKERS, Fault, Scene, mount, unmount  # noqa: E402
from server import serve  # noqa: E402

LONGEST = 20  # times what the undisturbed command takes; it hangs if it takes longer
LEAST = 120.0  # seconds that every command may take


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    said: str
    seconds: float

    def problem(self, *, struck: bool) -> str | None:
        """What is wrong with it; `struck`: a fault was on."""
        if self.code == 0:
            return None
        if "Traceback" in self.said:
            return f"traceback: {self._told()}"
        if struck and (self.code in (1, 128 + signal.SIGTERM) or self.code in (-signal.SIGKILL, -signal.SIGTERM)):
            return None
        return f"code {self.code}: {self._told()}"

    def _told(self) -> str:
        """The last line that says something; frames of messages do not."""
        lines = [line.strip("│ ") for line in self.said.splitlines() if any(map(str.isalnum, line))]
        return lines[-1] if lines else "nothing is said"


@dataclass
class Stage:
    """The folder of a command, a disk of its own where that is allowed; new for every fault."""

    command: Command
    work: Path
    served: Path
    address: str
    usual: Ended | None = None
    outcome: Outcome = field(default_factory=dict)
    grown: int = 0

    @contextlib.contextmanager
    def set(self) -> Iterator[Path]:
        """A fresh folder."""
        folder = self.work / "stage"
        folder.mkdir()
        mounted = mount(folder)
        try:
            shutil.copytree(self.work / "inputs", folder, dirs_exist_ok=True, symlinks=True)
            (folder / "tmp").mkdir()
            yield folder
        finally:
            if mounted:
                unmount(folder)
            shutil.rmtree(folder)

    def run(self, folder: Path, fault: Fault | None = None) -> Ended:
        """Run the command to its end, and let the fault strike."""
        return self.end(self.begin(folder, "process", fault), "process", fault)

    def begin(self, folder: Path, name: str, fault: Fault | None = None) -> psutil.Process:
        """Start the command; `name`: of the files that it prints to."""
        out, err = self.work / f"{name}.out", self.work / f"{name}.err"
        return psutil.Process(start(self.command.words, out, err, lambda: self._prepare(folder, fault)))

    def end(self, process: psutil.Process, name: str, fault: Fault | None = None) -> Ended:
        """Wait for the command's end, and let the fault strike before."""
        longest = max(LEAST, LONGEST * (self.usual.seconds if self.usual else LEAST))
        code = _wait(process, fault.moment if fault else longest)
        if code is None and fault:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                fault.strike(process.pid)
            code = _wait(process, longest)
        said = (self.work / f"{name}.err").read_text(errors="replace")
        if code is None:
            said += f"\nhangs for {longest:.0f} s"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # workers that a kill left behind
        if code is None:
            process.wait()
        return Ended(code if code is not None else 99, said, time.time() - process.create_time())

    def _prepare(self, folder: Path, fault: Fault | None) -> None:
        from alphanet.data import streaming

        os.setsid()
        os.environ.update(environment(self.command, folder, self.address))
        tempfile.tempdir = None
        os.chdir(folder)
        sys.path[:0] = [str(TESTS)]
        streaming.TIMEOUT, streaming.PAUSE = 1.0, 0.0  # type: ignore[assignment]
        if fault:
            fault.inside()

    def measure(self) -> str | None:
        """Run the undisturbed command; what is wrong with it."""
        with self.set() as folder:
            before = _size(folder)
            self.usual = self.run(folder)
            if problem := self.usual.problem(struck=False):
                return f"undisturbed: {problem}"
            self.outcome = self.command.outcome(folder)
            self.grown = _size(folder) - before
        return None if self.outcome else "undisturbed: no outcome"

    def strike(self, kind: str, chance: random.Random) -> tuple[bool, str | None]:
        """Whether a fault broke the command, and what was wrong then or after it."""
        assert self.usual is not None
        with self.set() as folder:
            scene = Scene(folder, self.served, self.usual.seconds, self.grown)
            fault = (EVERYWHERE | WORKERS | DOWNLOADS)[kind](scene, chance)
            fault.before()
            try:
                struck = self.run(folder, fault)
            finally:
                fault.undo()
            if problem := struck.problem(struck=True):
                return True, f"struck: {problem}"
            again = self.run(folder)
            if problem := again.problem(struck=False):
                return struck.code != 0, f"again: {problem}"
            outcome = self.command.outcome(folder)
            wrong = None if outcome == self.outcome else f"differs: {_difference(self.outcome, outcome)}"
            return struck.code != 0, wrong


@contextlib.contextmanager
def staged(command: Command) -> Iterator[Stage]:
    """The stage of a command, with its inputs and its server."""
    with tempfile.TemporaryDirectory(prefix="alphanet-faults-") as place:
        work, served = Path(place) / "work", Path(place) / "served"
        (work / "inputs").mkdir(parents=True)
        served.mkdir()
        command.prepare(work / "inputs", served)
        server, address = serve(served)
        try:
            yield Stage(command, work, served, address)
        finally:
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)


def main() -> int:
    """Strike so many times; 1 if anything was not as it should be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("faults", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    chosen = parser.parse_args()
    import_what_commands_need()
    total = sum(COMMANDS[name].share for name in chosen.only)
    lines = ["| command | faults | of which broke it | undisturbed result after all |", "|---|---:|---:|---|"]
    wrong = 0
    for name in chosen.only:
        count = max(1, round(chosen.faults * COMMANDS[name].share / total))
        line, problems = _strikes(name, count, chosen.seed)
        wrong += problems
        lines.append(line)
        print(line, flush=True)
        Path("build").mkdir(exist_ok=True)
        Path("build/faults.md").write_text("\n".join(lines) + "\n")
    return int(wrong > 0)


def _strikes(name: str, count: int, seed: int) -> tuple[str, int]:
    command = COMMANDS[name]
    kinds = list(EVERYWHERE) + list(WORKERS) * command.works_apart + list(DOWNLOADS) * 3 * command.downloads
    struck, broke, wrong = Counter[str](), 0, 0
    with staged(command) as stage:
        if problem := stage.measure():
            print(f"{name}: {problem}", flush=True)
            return f"| `{name}` | 0 | 0 | {problem} |", 1
        for number in range(count):
            kind = kinds[number % len(kinds)]
            broken, problem = stage.strike(kind, random.Random(f"{name} {number} {seed}"))
            struck[kind] += 1
            broke += broken
            if problem:
                wrong += 1
                print(f"{name}, fault {number} ({kind}): {problem}", flush=True)
    said = ", ".join(f"{kind} {number}" for kind, number in struck.items())
    return f"| `{name}` | {count} ({said}) | {broke} | {'yes' if not wrong else f'{wrong} times not'} |", wrong


def _wait(process: psutil.Process, seconds: float) -> int | None:
    """The exit code; None if it does not end in so many seconds."""
    try:
        return process.wait(seconds)
    except psutil.TimeoutExpired:
        return None


def import_what_commands_need() -> None:
    """Once, here: forked processes have it."""
    import torch

    torch.set_num_threads(1)
    for name in ("ase.io", "lightning", "matplotlib.pyplot", "pandas", "httpx", "alphanet.report.page.write"):
        import_module(name)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _difference(first: Outcome, second: Outcome) -> str:
    """The first place, with keys from the outside to the inside, that is not the same."""
    name = next(name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name))
    one, other = first.get(name), second.get(name)
    if isinstance(one, dict) and isinstance(other, dict):
        return f"{name}.{_difference(one, other)}"
    return f"{name}: {one} and {other}"[:400]


if __name__ == "__main__":
    sys.exit(main())
