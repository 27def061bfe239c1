"""`portbook emulate`: stand-ins for devices, for tests and demonstrations."""

from __future__ import annotations

import click

from portbook.faces.cli import emulate_controllers, emulate_reftek


@click.group(
    short_help="Stand-ins for devices, on loopback.",
    help="""Stand-ins for devices: they say what they will send, and then send it.

    \b
      portbook emulate reftek --to 127.0.0.1:2543 --units 3
      portbook emulate reftek --serve 2543 --profile clock
      portbook emulate codesys --name press-1
      portbook emulate plant --ports any

    Nothing leaves this machine unless you name the address twice: --to 10.0.0.5:2543 --yes 10.0.0.5
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


command.add_command(emulate_reftek.command)
for one in emulate_controllers.commands():
    command.add_command(one)
