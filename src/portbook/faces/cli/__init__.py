"""The command line: `portbook`, one program.

Each command is one file of `commands/`, found by its name and loaded when it is asked for, so
that `portbook 1743` answers at once. Exit codes are those of docs/cli.md.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, NoReturn

import click

from portbook import __version__
from portbook.errors import SourceError, UsageError
from portbook.faces.cli.lazy import Commands

OK, FOUND, USAGE, PART, NO_SOURCE, INTERRUPTED = 0, 1, 2, 3, 4, 130

HELP = """What is really on this port, and should it be?

\b
  portbook 1743              who claims the port, and what is there
  portbook here              this machine's sockets and who owns them
  portbook read plant.pcap   what a capture really holds
  portbook audit plant.pcap  findings only, for scripts and nightly runs
  portbook demo              a small plant of our own, written and read

A port number is a claim. portbook puts the evidence beside it. It sends nothing on a network.
"""


@click.group(
    cls=Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="portbook")
def portbook() -> None:
    """Do nothing: each command does its own work."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        return _leave(portbook.main(args=arguments, standalone_mode=False, prog_name="portbook"))
    except BrokenPipeError:
        return _quiet_pipe()
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except UsageError as error:
        click.echo(f"portbook: {error}", err=True)
        return USAGE
    except SourceError as error:
        click.echo(f"portbook: {error}", err=True)
        return NO_SOURCE


def _leave(result: Any) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_pipe()
    except OSError as error:
        click.echo(
            f"portbook: standard output: {error.strerror}; nothing more was written", err=True
        )
        return _silent(NO_SOURCE)
    return result if isinstance(result, int) else OK


def _quiet_pipe() -> int:
    """End without a word when the reader of our output has gone."""
    return _silent(OK)


def _silent(code: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
