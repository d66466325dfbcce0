"""A command group with a default command: `repro table1` is `repro run table1`.

Typer has groups and commands, and no group that is a command too: names of a group's arguments would be taken for
commands.
"""

from typing import Any

from typer.core import TyperGroup


class DefaultGroup(TyperGroup):
    """A group whose first command is meant if the first word names no other."""

    @property
    def default(self) -> str:
        """Name of the command that was registered first."""
        return next(iter(self.commands))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name before arguments that name no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the arguments of the default command, and the names of the others."""
        command = self.commands[self.default]
        items = [item for argument in command.params[:1] for item in argument.shell_complete(ctx, incomplete)]
        return [*items, *super().shell_complete(ctx, incomplete)]
