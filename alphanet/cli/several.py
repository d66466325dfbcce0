"""A command group that takes several names at once: `repro fig3a table5 --device cuda` runs both with these options."""

import itertools
from typing import Any

from typer.core import TyperGroup

from alphanet.errors import did_you_mean


class SeveralNames(TyperGroup):
    """Leading names run one after the other with the options that follow; the first that fails ends it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Run all named commands but the last, which is left to the caller."""
        names = list(itertools.takewhile(lambda word: self.get_command(ctx, word) is not None, args))
        options = args[len(names) :]
        if len(names) > 1:
            # All are parsed before the first is run: a mistake must not show after hours.
            contexts = [self._parsed(ctx, name, options) for name in names]
            for context in contexts[:-1]:
                with context:
                    context.command.invoke(context)
        if not names and args and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, [*names[-1:], *options])

    def _parsed(self, ctx: Any, name: str, options: list[str]) -> Any:
        command = self.get_command(ctx, name)
        assert command is not None  # names are taken while there is one
        return command.make_context(name, list(options), parent=ctx)
