"""`alphanet doctor` and `alphanet clean`: what this machine has and lacks, and caches that can go."""

import logging

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_table

logger = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("doctor", epilog="Examples:\n\nalphanet doctor\n\nalphanet doctor --json")(doctor)
    app.command("clean", epilog="Examples:\n\nalphanet clean --dry-run\n\nalphanet clean prepared own")(clean)


def doctor(as_json: o.AsJson = False) -> None:
    """Print what is installed, what each table and claim lacks on this machine, and the command that mends it."""
    from alphanet.report.doctor import as_json as values
    from alphanet.report.doctor import findings, lacks, sizes

    if as_json:
        print_json("alphanet-doctor", values())
        return
    rows = [(one.about, one.subject, one.state, one.detail, one.mend) for one in findings()]
    titles = ("about", "subject", "state", "detail", "mend")
    print_table(titles, rows, left=titles, title="This machine")
    kept = [(cache.name, f"{size / 1e6:,.1f} MB", cache.meaning, cache.comes_back) for cache, size in sizes()]
    print_table(
        ("cache", "size", "holds", "comes back"), kept, left=("holds", "comes back"), title="\nCaches (alphanet clean)"
    )
    missing = [
        (
            f"{one.benchmark} {one.scale}",
            ", ".join((*one.environments, *one.data)),
            str(len(one.claims)),
            "; ".join(one.mend),
        )
        for one in lacks()
    ]
    title = "\nTables, and how many of their claims wait for it"
    print_table(("table", "lacks", "claims", "mend"), missing, left=("lacks", "mend"), title=title)


def clean(names: o.CacheNames = None, dry_run: o.DryRun = False, as_json: o.AsJson = False) -> None:
    """Remove caches that come back by themselves, or those that are named, and say what it freed."""
    from alphanet import caches

    freed = []
    for cache in caches.chosen(names or []):
        for place in caches.places(cache):
            freed.append((cache.name, place, caches.size(place)))
            if not dry_run:
                caches.remove(place)
    total = sum(size for _, _, size in freed)
    if as_json:
        removed = [{"cache": name, "path": str(place), "bytes": size} for name, place, size in freed]
        print_json("alphanet-clean", {"removed": not dry_run, "bytes": total, "places": removed})
        return
    rows = [(name, str(place), f"{size / 1e6:,.1f} MB") for name, place, size in freed]
    print_table(("cache", "place", "size"), rows, left=("place",))
    print(f"{total / 1e6:,.1f} MB {'would be' if dry_run else 'are'} free again")
