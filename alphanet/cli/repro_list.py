"""`alphanet repro list`: what can be reproduced here, and what it takes."""

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from alphanet.cli.options import AsJson

if TYPE_CHECKING:
    from alphanet.paper.listing import Listed


def list_(as_json: AsJson = False) -> None:
    """What can be reproduced: scales, cost as the cards state it, and whether data and environments are here."""
    from alphanet.paper.listing import list_benchmarks

    print_listed(list_benchmarks(), as_json=as_json)


def print_listed(found: Sequence["Listed"], *, as_json: bool) -> None:
    """One line a benchmark and scale on stdout, or all of it as JSON."""
    from alphanet.cli.bench import print_table

    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in found], ensure_ascii=False))
        return
    rows = [
        (one.name, one.scale, "yes" if one.comparable else "no", one.cost, _data(one), _environments(one))
        for one in found
    ]
    print_table(("name", "scale", "comparable", "cost", "data", "environments"), rows)


def _data(one: "Listed") -> str:
    return f"missing: {', '.join(one.missing_data)}" if one.missing_data else "here"


def _environments(one: "Listed") -> str:
    if not one.environments:
        return "none needed"
    made = len(one.environments) - len(one.missing_environments)
    return f"{made} of {len(one.environments)} made" + (", the rest on demand" if one.missing_environments else "")
