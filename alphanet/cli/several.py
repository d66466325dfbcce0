"""A command group that takes several names at once: `repro fig3a table5 --device cuda` runs both with these options."""

import itertools
from typing import Any

from typer.core import TyperGroup


class SeveralNames(TyperGroup):
    """Leading names run one after the other with the options that follow; the first that fails ends it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Run all named commands but the last, which is left to the caller."""
        names = list(itertools.takewhile(self.commands.__contains__, args))
        options = args[len(names) :]
        # All are parsed before the first is run: a mistake must not show after hours.
        contexts = [self.commands[name].make_context(name, list(options), parent=ctx) for name in names[:-1]]
        if len(names) > 1:
            self.commands[names[-1]].make_context(names[-1], list(options), parent=ctx)
        for context in contexts:
            with context:
                context.command.invoke(context)
        return super().resolve_command(ctx, [*names[-1:], *options])
