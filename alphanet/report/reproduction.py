"""Reproduce a benchmark by its name: load its card, run it, write its result and tables."""

from typing import Any

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.report.tables import write_tables
from alphanet.results.schema import BenchmarkResult


def reproduce(benchmark: str | AnyCard, options: RunOptions | None = None, **changes: Any) -> BenchmarkResult:
    """Measure the missing cells of a benchmark, and write figures, `results.json` and tables.

    Args:
        benchmark: the name of a card, or a card made in memory.
        options: of the run; by default scale `mini` into the folder `runs`.
        changes: fields of `RunOptions`, in place of those of `options`.

    Returns:
        The measured numbers and verdicts, as in `results.json` in `options.out / name`.

    Raises:
        UserError: there is no such benchmark, its card is wrong, or options name something that it does not have.
            Failed tasks raise nothing; they are in `failures` of the result.
    """
    card = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    chosen = RunOptions.model_validate({**(options or RunOptions()).model_dump(), **changes})
    result = run_benchmark(card, chosen)
    write_tables(chosen.out / card.name, result)
    return result
