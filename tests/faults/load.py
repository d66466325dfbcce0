"""`make load`: memory that does not grow over thousands of calls, and processes that share folders.

The memory of a process is read after a fifth of its calls and after all of them. The table goes to stdout and to
`build/load.md`; the exit code is 1 if memory grew by 2 % or more, or if processes disturb each other.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("faults", "", "training", "potentials")]

import psutil  # noqa: E402
from commands import COMMANDS  # noqa: E402
from run import Stage, import_what_commands_need, staged  # noqa: E402

GROWTH = 0.02  # of the memory, that is too much
PROCESSES = 8
SHARED = ("data fetch", "data convert", "train")  # a cache, a store and a run folder


def predictions(count: int, folder: Path) -> Iterator[None]:
    """Of energy and forces, with new positions each."""
    from training_samples import copper_frames

    from alphanet.calculator import AlphaNetCalculator

    frames = copper_frames(10, seed=0)
    calculator = AlphaNetCalculator(_model(folder))
    for number in range(count):
        atoms = frames[number % len(frames)]
        atoms.calc = calculator
        atoms.rattle(1e-3, seed=number)
        atoms.get_forces()
        yield


def relaxations(count: int, folder: Path) -> Iterator[None]:
    """Of cell and positions, at most three steps each."""
    from training_samples import copper_frames

    from alphanet.measure.relaxation.protocol import RelaxationProtocol
    from alphanet.measure.relaxation.relax import relax
    from alphanet.potentials.local import AlphaNetPotential

    frames = copper_frames(10, seed=0)
    potential, protocol = AlphaNetPotential(_model(folder)), RelaxationProtocol(max_steps=3)
    for number in range(count):
        relax(str(number), frames[number % len(frames)], potential, protocol)
        yield


def training_steps(count: int, folder: Path) -> Iterator[None]:
    """Of the optimizer, in one training."""
    import threading

    from training_samples import small_config, write_data

    from alphanet.potentials.kit.loop.module import TrainingModule
    from alphanet.training.run import run_training

    taken, go_on = threading.Semaphore(0), threading.Semaphore(0)
    step = TrainingModule.optimizer_step

    def counted(self: TrainingModule, *args: object) -> None:
        step(self, *args)  # type: ignore[arg-type]
        taken.release()
        go_on.acquire()

    TrainingModule.optimizer_step = counted  # type: ignore[method-assign,assignment]
    data = write_data(folder)
    training = threading.Thread(target=run_training, args=(small_config(epochs=count // 5), data, folder / "run"))
    training.start()
    for _ in range(count):
        taken.acquire()
        yield
        go_on.release()
    training.join()


LOADS: dict[Callable[[int, Path], Iterator[None]], int] = {
    predictions: 10_000,
    relaxations: 2_000,
    training_steps: 1_000,
}


def main() -> int:
    """Every load once; 1 if one of them is too much."""
    lines = ["| load | memory, MB | growth |", "|---|---:|---:|"]
    wrong = 0
    import_what_commands_need()
    for load, count in LOADS.items():
        first, last = _measured(load, count)
        growth = last / first - 1
        wrong += growth >= GROWTH
        lines.append(f"| {count:,} {load.__name__.replace('_', ' ')} | {last / 1e6:.0f} | {growth:+.1%} |")
        print(lines[-1], flush=True)
    lines += ["", f"| {PROCESSES} processes at once | undisturbed result |", "|---|---|"]
    for name in SHARED:
        with staged(COMMANDS[name]) as stage:
            problem = _shared(stage)
        wrong += problem is not None
        lines.append(f"| `{name}` | {problem or 'yes'} |")
        print(lines[-1], flush=True)
    Path("build").mkdir(exist_ok=True)
    Path("build/load.md").write_text("\n".join(lines) + "\n")
    return int(wrong > 0)


def _shared(stage: Stage) -> str | None:
    """What goes wrong when processes run the same command in the same folder."""
    if problem := stage.measure():
        return problem
    with stage.set() as folder:
        started = {name: stage.begin(folder, name) for name in map(str, range(PROCESSES))}
        for ended in [stage.end(process, name) for name, process in started.items()]:
            if problem := ended.problem(struck=True):
                return problem
        outcome = stage.command.outcome(folder)
    return None if outcome == stage.outcome else "the result differs"


def _measured(load: Callable[[int, Path], Iterator[None]], count: int) -> tuple[int, int]:
    """Bytes in memory after a fifth and at the end, in a process of its own."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_memory, (load, count))


def _memory(load: Callable[[int, Path], Iterator[None]], count: int) -> tuple[int, int]:
    process, first = psutil.Process(), 0
    with tempfile.TemporaryDirectory() as folder:
        for number, _ in enumerate(load(count, Path(folder)), 1):
            if number == count // 5:
                first = process.memory_info().rss
        return first, process.memory_info().rss


def _model(folder: Path) -> Path:
    """A small network with random weights."""
    from training_samples import small_config

    from alphanet.model.checkpoint import save_model
    from alphanet.model.config import AlphaNetConfig
    from alphanet.model.create import create_model

    settings = small_config().model
    path = folder / "model.safetensors"
    save_model(create_model(AlphaNetConfig(elements=("Cu", "Au"), **settings)), path)
    return path


if __name__ == "__main__":
    sys.exit(main())
