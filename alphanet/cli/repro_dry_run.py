"""What `alphanet repro all --dry-run` says: for each name what it takes, what is here of it, and what is missing."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alphanet.paper.listing import Listed
    from alphanet.paper.needs import Data


def print_dry_run(scale: str, listed: Sequence["Listed"], *, as_json: bool) -> None:
    """A paragraph a name and the totals on stdout, or one JSON object."""
    totals = _totals(listed)
    if as_json:
        names = [dataclasses.asdict(one) for one in listed]
        print(json.dumps({"scale": scale, "names": names, "totals": totals}, ensure_ascii=False))
        return
    for one in listed:
        print(f"{one.name} · scale {scale} · {one.title}")
        for line in _lines(one):
            print(f"  {line}")
    print(f"all {len(listed)} together")
    for line in _total_lines(totals):
        print(f"  {line}")


def _lines(one: "Listed") -> Iterator[str]:
    yield f"cost: {one.cost}"
    if one.estimated:
        yield f"  estimated: {one.estimated}"
    for data in one.data:
        yield f"data: {_data_text(data)}"
    if one.environments:
        made = [name for name in one.environments if name not in one.missing_environments]
        yield f"environments: {', '.join(made) or 'none'} made"
    if one.missing_environments:
        yield f"  to be made on demand: {', '.join(one.missing_environments)}"
    for what in one.impossible:
        yield f"cannot be filled at this scale: {what}"
    if not one.comparable:
        yield f"not comparable with the paper: {one.reason}"


def _data_text(data: "Data") -> str:
    files = "" if data.files is None else f", {data.files} file{'s' if data.files > 1 else ''}"
    size = ", size not stated" if data.size is None else f", {data.size / 1e6:.3g} MB"
    if data.files is None and data.size is None:
        size = ""
    how = data.get or data.address
    state = "here" if data.here else f"MISSING{f': {how}' if how else ''}"
    return f"{data.name}{files}{size}: {state}"


def _totals(listed: Sequence["Listed"]) -> dict[str, Any]:
    """Sums over names; data sets and environments that several need count once."""
    data = {one.name: one for found in listed for one in found.data}
    environments = {name for found in listed for name in found.missing_environments}
    return {
        "minutes": sum(one.minutes or 0.0 for one in listed),
        "gpu_days": sum(one.gpu_days or 0.0 for one in listed),
        "without_estimate": [one.name for one in listed if one.minutes is None and one.gpu_days is None],
        "without_limit": [one.name for one in listed if one.minutes is None],
        "missing_data": [name for name, one in data.items() if not one.here],
        "bytes_of_known_sizes": sum(one.size or 0 for one in data.values()),
        "unknown_sizes": [name for name, one in data.items() if one.size is None],
        "missing_environments": sorted(environments),
    }


def _total_lines(totals: dict[str, Any]) -> Iterator[str]:
    from alphanet.paper.listing import minutes_text

    yield f"time: {minutes_text(totals['minutes'])} at most where something limits it"
    if totals["without_limit"]:
        yield f"  without a limit: {', '.join(totals['without_limit'])}: about {totals['gpu_days']:.3g} GPU-days"
    if totals["without_estimate"]:
        yield f"  of unknown length: {', '.join(totals['without_estimate'])}"
    yield f"data: {totals['bytes_of_known_sizes'] / 1e6:.0f} MB where the size is known"
    if totals["unknown_sizes"]:
        yield f"  of unknown size: {', '.join(totals['unknown_sizes'])}"
    yield f"missing data: {', '.join(totals['missing_data']) or 'none'}"
    yield f"missing environments: {', '.join(totals['missing_environments']) or 'none'}"
