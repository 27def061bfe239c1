"""The program `portbook`: its commands, and how it leaves. Exit codes are those of docs/cli.md."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

from portbook import __version__
from portbook.errors import SourceError, UsageError
from portbook.faces.cli.lazy import Commands
from portbook.faces.terminal import safe

OK, USAGE, NO_SOURCE, INTERRUPTED = 0, 2, 4, 130
COMPLETE = "_PORTBOOK_COMPLETE"
LONGEST = 2000  # letters of an error message; names in it come from anywhere

HELP = """What is really on this port, and should it be?

\b
  portbook 1743              who claims the port, and what is there
  portbook here              this machine's sockets and who owns them
  portbook read plant.pcap   what a capture really holds
  portbook audit plant.pcap  findings only, for scripts and nightly runs
  portbook demo              a small plant of our own, written and read

A port number is a claim. portbook puts the evidence beside it. It sends nothing on a network
unless you tell it to ask: `discover` says every octet before it leaves.
"""


@click.group(
    cls=Commands,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="portbook")
def portbook() -> None:
    """Do nothing: each command does its own work."""


def run(arguments: list[str]) -> int:
    """Run the program and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no fault
            stream.reconfigure(errors="backslashreplace")
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(portbook, {}, "portbook", COMPLETE, instruction)
    try:
        # click's own main would turn a closed pipe into exit code 1
        with portbook.make_context("portbook", list(arguments)) as context:
            result = portbook.invoke(context)
        sys.stdout.flush()
    except BrokenPipeError:
        return _silent(OK)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _silent(INTERRUPTED)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except UsageError as error:
        return _said(error, USAGE)
    except SourceError as error:
        return _said(error, NO_SOURCE)
    except OSError as error:
        return _said(f"output: {error.strerror or error}; it is not complete", NO_SOURCE)
    return result if isinstance(result, int) else OK


def _said(what: object, code: int) -> int:
    click.echo(f"portbook: {safe(what, LONGEST)}", err=True)
    return _silent(code)


def _silent(code: int) -> int:
    """Let what still waits to be written go nowhere: its reader has gone, or its disk is full."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
