"""Training runs of baselines on this disk: made by the worker, described by a `result.json` beside the checkpoint."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alphanet.data.prepare import PreparedData
from alphanet.errors import UserError
from alphanet.files import sha256_of, write_text
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.environments import resolved_versions
from alphanet.potentials.remote import RemotePotential

RUNS = Path("runs/train")  # where `alphanet train` writes unless told otherwise
RESULT = "result.json"


def train_baseline(
    card: BaselineCard,
    data: PreparedData,
    out: Path,
    settings: Mapping[str, Any],
    *,
    device: str,
    threads: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Train a baseline on prepared data into `out`; the same call goes on with what lies there.

    Args:
        card: the baseline; its environment is installed.
        data: stores of frames.
        out: folder of the run.
        settings: see `TrainSettings`.
        device: cpu, cuda, cuda:1, …
        threads: of the worker's libraries.
        report: called with lines of progress.

    Returns:
        What `result.json` holds: model, sha256, energy_mae (eV/atom) and force_mae (eV/Å) on the validation frames,
        epochs, steps, seconds, parameters, settings, data, versions.

    Raises:
        UserError: not installed, not trainable, a wrong setting, or a trainer that fails.
    """
    with RemotePotential(card, settings=None, device=device, threads=threads, timeout=3600.0) as potential:
        trained = potential.train(data.train, data.valid, out, settings, report)
    model = trained["model"]
    result = {
        **trained,
        "baseline": card.name,
        "model": str(model.relative_to(out.resolve())),
        "sha256": sha256_of(model),
        "data": {"dataset": data.name, "scale": data.scale, "sources": data.sources},
        "versions": resolved_versions(card),
    }
    write_text(out / RESULT, json.dumps(result, indent=1) + "\n")
    return result | {"model": str(out / result["model"])}


def trained_model(result: Path) -> Path:
    """The checkpoint that a `result.json` describes.

    Raises:
        UserError: unreadable, or the checkpoint is gone or not the one that was trained.
    """
    try:
        values = json.loads(result.read_text(encoding="utf-8"))
        model, digest = result.parent / values["model"], values["sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{result} does not describe a training run: {error}") from error
    if not model.is_file():
        raise UserError(f"{model} is gone; train again, or name a checkpoint")
    if sha256_of(model) != digest:
        raise UserError(f"{model} is not what the training wrote (see {result}); train again, or name a checkpoint")
    return model
