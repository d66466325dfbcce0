"""Facts behind a number, as short texts: record, model, data, protocol, machine, versions, code."""

import contextlib
from collections.abc import Iterable, Mapping

from pydantic import JsonValue, ValidationError

from alphanet.results.records import Record
from alphanet.results.schema import Code, Hardware, Number, Provenance

SHORTEST = 1e-6  # a smaller value is written with an exponent
LONGEST = 100  # characters of a fact; settings of whole networks are in the run's own files


def cell_facts(records: Iterable[Record]) -> dict[str, str]:
    """Facts of a cell: those of its first record, and the ids and dates of all."""
    records = list(records)
    facts = record_facts(records[0])
    if len(records) > 1:
        facts["record"] = ", ".join(record.id for record in records)
        facts["mean of"] = f"{len(records)} records, seeds {', '.join(_seed(record) for record in records)}"
    return facts


def record_facts(record: Record) -> dict[str, str]:
    """All facts that a record holds about its numbers."""
    facts = {"record": record.id, "when": record.when}
    facts |= {name: listed(getattr(record, name)) for name in ("model", "data", "protocol")}
    return facts | environment_facts(record.environment)


def provenance_facts(provenance: Provenance) -> dict[str, str]:
    """Hardware, versions and code of a run."""
    software = ", ".join(f"{name} {version}" for name, version in provenance.software.items())
    return {"hardware": hardware_text(provenance.hardware), "software": software, "code": code_text(provenance.code)}


def environment_facts(environment: Mapping[str, JsonValue]) -> dict[str, str]:
    """Hardware, versions and code of a record's environment, as far as it has them in their form."""
    facts = {}
    with contextlib.suppress(ValidationError):
        facts["hardware"] = hardware_text(Hardware.model_validate(environment.get("hardware")))
    if isinstance(software := environment.get("software"), dict):
        facts["software"] = ", ".join(f"{name} {version}" for name, version in software.items())
    with contextlib.suppress(ValidationError):
        facts["code"] = code_text(Code.model_validate(environment.get("code")))
    return facts


def hardware_text(hardware: Hardware) -> str:
    """One line: GPUs if any, CPU, cores, memory."""
    return ", ".join([*hardware.gpus, f"{hardware.cpu}, {hardware.cores} cores, {hardware.memory_gib} GiB"])


def device_text(hardware: Hardware, device: str) -> str:
    """The processor that `device` (cpu, cuda:0) names: the CPU, or the GPUs."""
    return hardware.cpu if device.partition(":")[0] == "cpu" else ", ".join(hardware.gpus) or device


def code_text(code: Code) -> str:
    """Version, commit, and whether files differed from it."""
    commit = f", commit {code.commit[:12]}" if code.commit else ""
    return f"{code.version}{commit}{' with changes' if code.dirty else ''}"


def listed(values: Mapping[str, JsonValue]) -> str:
    """The short values of a mapping: `seed 0, dtype float32`."""
    parts = []
    for key, value in values.items():
        text = f"({listed(value)})" if isinstance(value, dict) else _short(value)
        if value not in (None, "", {}) and not isinstance(value, list) and len(text) <= LONGEST:
            parts.append(f"{key.replace('_', ' ')} {text}")
    return ", ".join(parts)


def _short(value: JsonValue) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _seed(record: Record) -> str:
    return str(record.protocol.get("seed", "?"))


def number_or_dash(value: float | None, origin: str, digits: str | None = None, *, factor: float = 1.0) -> str | Number:
    """A number of a grid, times a factor, by `value_text` or in the format `digits`; a dash if there is none."""
    if value is None:
        return "–"
    value = factor * value
    return Number(text=value_text(value) if digits is None else format(value, digits), value=value, origin=origin)


def value_text(value: float | None, spread: float | None = None) -> str:
    """Three significant digits, and the spread to the same place; whole numbers as they are.

    An exponent stands where the value would begin with more than five zeros.
    """
    if value is None:
        return "–"
    if spread is None and float(value).is_integer():
        return f"{value:.0f}"
    if 0 < abs(value) < SHORTEST:
        return f"{value:.2e}" if spread is None else f"{value:.2e} ± {spread:.0e}"
    # The digits of the rounded value: 99.96 is 100, not 100.0.
    magnitude = f"{abs(value):.2e}"
    decimals = max(0, 2 - int(magnitude.partition("e")[2])) if value else 0
    text = f"{value:.{decimals}f}"
    return text if spread is None else f"{text} ± {spread:.{decimals}f}"
