"""The summary of a sweep: combined points, ratios and conditions; written as `speed.json`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.measure.speed.machine_noise import MachineNoise, machine_noise
from alphanet.measure.speed.models import TimingSetup
from alphanet.measure.speed.points import SpeedPoint, Typed
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.repeats import Ratio, combined, ratios_to
from alphanet.results.facts import device_text
from alphanet.results.schema import Hardware

SCHEMA: Final = "alphanet-speed"
VERSION: Final = 1
SUMMARY = "speed.json"
CSV_COLUMNS = ("model", "n_atoms", "n_edges", "batch", "dtype", "device", "mode", "threads", "status", "reason")
CSV_MEMORY = ("resident", "allocated", "reserved")
CSV_RATES = ("us_per_atom", "us_per_edge", "ns_per_day", "start_s", "pays_from")


class SweepConditions(Typed):
    """Conditions that must be equal for points to share a curve, and the time of the first point."""

    models: dict[str, dict[str, str]]  # name -> versions of its packages, settings, weights
    structures: str
    setup: TimingSetup
    settings: TimingSettings
    mode: str
    hardware: Hardware
    software: dict[str, str]
    begun: str

    @property
    def place(self) -> str:
        """The device and its threads, in words."""
        device = device_text(self.hardware, self.setup.device)
        return f"{device}, {self.setup.threads} thread{'s' if self.setup.threads > 1 else ''}"


class SweepSummary(Typed):
    """The measurements of a sweep."""

    schema_: Literal["alphanet-speed"] = Field(default=SCHEMA, alias="schema")
    version: Literal[1] = VERSION
    reference: str  # model that ratios are to
    tasks: tuple[str, ...]
    points: tuple[SpeedPoint, ...]  # by model, ascending sizes
    ratios: tuple[Ratio, ...]
    noise: MachineNoise
    conditions: SweepConditions

    @property
    def models(self) -> list[str]:
        """Names in the order of the sweep."""
        return list(dict.fromkeys(point.model for point in self.points))

    @property
    def where(self) -> str:
        """Structures, machine and precision in one line."""
        of = self.conditions
        how = f"{of.setup.dtype}, {of.setup.weights} weights, mode {of.mode}"
        return f"{of.structures} · {of.place} · {how}{' · noisy' if self.noise.noisy else ''}"

    def points_of(self, model: str) -> list[SpeedPoint]:
        """The points of one model that were measured, ascending sizes."""
        return [point for point in self.points if point.model == model and point.ok]

    def write(self, folder: Path) -> Path:
        """Write `speed.json` into `folder`; returns its path.

        Raises:
            UserError: the folder cannot be written.
        """
        path = folder / SUMMARY
        write_text(path, self.model_dump_json(by_alias=True, indent=1) + "\n")
        return path

    def write_csv(self, path: Path) -> None:
        """Write one line a point: medians and quartiles in ms, peak memory in MB, and the first task's rates."""
        quartiles = [f"{task}_ms_{key}" for task in self.tasks for key in ("median", "q25", "q75")]
        text = io.StringIO()
        columns = [*CSV_COLUMNS, *quartiles, *(f"peak_{key}_mb" for key in CSV_MEMORY), *CSV_RATES]
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        for point in self.points:
            times = {
                f"{task}_ms_{key}": getattr(point.times_ms[task], key)
                for task in self.tasks
                if task in point.times_ms
                for key in ("median", "q25", "q75")
            }
            memory = {f"peak_{key}_mb": value for key, value in point.peak_memory_mb.items()}
            own = {name: getattr(point, name) for name in CSV_COLUMNS}
            writer.writerow(own | times | memory | (point.rates(self.tasks[0]) if point.ok else {}))
        write_text(path, text.getvalue())


def summarize(models: Sequence[str], points: Sequence[SpeedPoint], conditions: SweepConditions) -> SweepSummary:
    """The summary of a sweep over `models`, the reference first, from the points of all repeats."""
    tasks = conditions.settings.tasks
    places = {(point.model, point.n_atoms) for point in points}
    ordered = [
        combined([point for point in points if (point.model, point.n_atoms) == place], tasks)
        for place in sorted(places, key=lambda place: (models.index(place[0]), place[1]))
    ]
    return SweepSummary(
        reference=models[0],
        tasks=tasks,
        points=tuple(ordered),
        ratios=tuple(ratio for task in tasks for ratio in ratios_to(models[0], ordered, task)),
        noise=machine_noise([reading for point in points for reading in point.noise_s]),
        conditions=conditions,
    )


def read_summary(path: Path) -> SweepSummary:
    """The summary in `path`, a `speed.json`.

    Raises:
        UserError: the file cannot be read, or is no summary of this version.
    """
    values = read_json_object(path)
    if values.get("schema") != SCHEMA or values.get("version") != VERSION:
        raise UserError(
            f"{path} is no summary of a sweep of version {VERSION}; measure it again, or read it with the program that "
            "wrote it"
        )
    try:
        return SweepSummary.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {key}: {first['msg']}; the file was edited or is damaged") from error
