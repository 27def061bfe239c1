"""Finds a command by its file in `commands/` and loads it only when it is asked for."""

from __future__ import annotations

import gc
import importlib

import click

from portbook.errors import UsageError
from portbook.ports import parse_range

_HOME = "portbook.faces.cli.commands"


class Commands(click.Group):
    """The commands of the program; a bare port number asks for that port's page."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands: the files of `commands/`."""
        import pkgutil

        path = importlib.import_module(_HOME).__path__
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(path))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, or None when there is no file of that name."""
        module = cmd_name.replace("-", "_")
        if not module.isidentifier():
            return None
        try:
            command = importlib.import_module(f"{_HOME}.{module}").command
        except ModuleNotFoundError as error:
            if error.name != f"{_HOME}.{module}":
                raise
            return None
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Turn `portbook 1743/udp` into `portbook port 1743/udp`."""
        word = args[0]
        if word[:1].isdigit():
            parse_range(word)
            args = ["port", *args]
        elif self.get_command(ctx, word) is None:
            raise UsageError(_unknown(word, self.list_commands(ctx)))
        found = super().resolve_command(ctx, args)
        gc.enable()  # the start is over; a command may live long
        return found


def _unknown(word: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"no command {word!r}; did you mean `portbook {near[0]}`?"
    return f"no command {word!r}; for the ports of a service write `portbook port {word}`"
