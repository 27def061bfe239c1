"""`portbook completion`: the script that completes portbook's words in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(
    help="Print the completion script for a shell.\n\n\b\n"
    '  eval "$(portbook completion bash)"            now\n'
    "  portbook completion fish > ~/.config/fish/completions/portbook.fish"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script."""
    maker = get_completion_class(shell)
    assert maker is not None
    root = ctx.find_root()
    click.echo(maker(root.command, {}, "portbook", "_PORTBOOK_COMPLETE").source())
