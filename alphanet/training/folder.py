"""The folder of a training run: what lies in it, and whether it may be gone on with."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.training.config import RUN_SETTINGS, TrainConfig
from alphanet.training.references import Statistics

CONTENTS = {
    "config.yaml": "settings of this run",
    "statistics.json": "elements, reference energies and force scale of the training data; checksums of its sources",
    "model.safetensors": "best model by validation loss so far",
    "checkpoints/last.ckpt": "state to resume from",
    "logs/metrics.csv": "errors of training and validation; TensorBoard's files beside it",
    "result.json": "what came out, at the end",
}


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run."""

    path: Path

    @property
    def model(self) -> Path:
        """Best model so far."""
        return self.path / "model.safetensors"

    @property
    def last(self) -> Path:
        """Checkpoint to resume from."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def logs(self) -> Path:
        """CSV and TensorBoard."""
        return self.path / "logs"

    def tree(self) -> str:
        """What the run will write, as text."""
        width = max(len(name) for name in CONTENTS)
        return "\n".join([f"{self.path}/", *(f"  {name:<{width}}  {text}" for name, text in CONTENTS.items())])

    def claim(self, config: TrainConfig, resume: bool) -> None:
        """Make the folder this configuration's: write `config.yaml`, or see that the same is there already.

        Args:
            config: of the run.
            resume: keep what an earlier run of the same configuration left; otherwise remove it.

        Raises:
            UserError: the folder holds a run with another configuration.
        """
        if not resume:
            self._clear()
        written = self.path / "config.yaml"
        if written.exists():
            self._require_same(validate(read_yaml(written), TrainConfig, str(written)), config)
        write_text(written, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))

    def write_statistics(self, statistics: Statistics, sources: Mapping[str, str]) -> None:
        """Keep the statistics of the training data, so that they are measured once."""
        write_text(
            self.path / "statistics.json", json.dumps(asdict(statistics) | {"sources": dict(sources)}, indent=1) + "\n"
        )

    def read_statistics(self, sources: Mapping[str, str]) -> Statistics | None:
        """The statistics of an earlier start of this run.

        Raises:
            UserError: they were measured on data with other checksums.
        """
        values = self._read_json("statistics.json")
        if values is None:
            return None
        before = values.pop("sources")
        if before != dict(sources):
            changed = sorted(name for name in before.keys() | sources if before.get(name) != sources.get(name))
            raise UserError(
                f"{self.path} was trained on other data ({', '.join(changed)} changed); "
                "choose another --out, or --restart to train again"
            )
        return Statistics(**values | {"elements": tuple(values["elements"])})

    def write_result(self, values: Mapping[str, Any]) -> None:
        """Keep what came out."""
        write_text(self.path / "result.json", json.dumps(dict(values), indent=1) + "\n")

    def read_result(self) -> dict[str, Any] | None:
        """What came out of an earlier run in this folder."""
        return self._read_json("result.json")

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {path} ({error}); train again with --restart") from error

    def _clear(self) -> None:
        for name in CONTENTS:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.logs, ignore_errors=True)

    def _require_same(self, before: TrainConfig, now: TrainConfig) -> None:
        old, new = _flat(before.model_dump(mode="json")), _flat(now.model_dump(mode="json"))
        different = [
            f"{key} {old.get(key)!r} there, {new.get(key)!r} now"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key) and key.split(".")[0] not in RUN_SETTINGS
        ]
        if different:
            raise UserError(
                f"{self.path} holds a training with another configuration ({'; '.join(different)}); "
                "choose another --out, or --restart to train again"
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
