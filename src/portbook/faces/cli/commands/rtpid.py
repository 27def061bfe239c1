"""`portbook rtpid`: keeps a REF TEK receiver running, and its ports open while it is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import click

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.cli.receiver_options import Chosen, receiving

_NO_WATCHDOG = 4


@click.command(
    short_help="Keep the REF TEK receiver running.",
    help="""Hold the receiver's ports open, run `portbook rtpd` on them, replace it when it fails.

    \b
      portbook rtpid --config rtpd.toml        run, until SIGTERM; SIGHUP goes on to rtpd
      portbook rtpid --archive /srv/raw --listen 0.0.0.0:2543 --source 10.1.0.0/16
      portbook rtpid --status                  who runs, the last restarts and why
      portbook rtpid --hold "disk is replaced" hands off: rtpd is neither started nor ended
      portbook rtpid --release                 watch again

    rtpd is replaced when it dies, hangs, does not answer at its port, or moves no data although
    data wait or instruments are up; never because no instrument sends. Meanwhile nobody is
    refused: connections and datagrams wait in the ports. Each restart and its reason is in the
    log, in restarts.jsonl of the receiver's folder, and an alarm.
    """,
)
@receiving
@click.option("--status", is_flag=True, help="Tell who runs, and of the last restarts.")
@click.option("--hold", metavar="WHY", help="Keep hands off rtpd, until --release.")
@click.option("--release", is_flag=True, help="End --hold.")
@shaped
def command(chosen: Chosen, status: bool, hold: str | None, release: bool, shape: Shape) -> int:
    """Do the one thing that was asked for."""
    if status + (hold is not None) + release > 1:
        raise UsageError("--status, --hold and --release exclude each other")
    settings = chosen.read()
    if status:
        return _status(settings.folder, shape)
    if shape is not Shape.TABLE:
        raise UsageError("--json and --jsonl go with --status")
    if hold is None and not release:
        from portbook.daemons.watchdog import launching

        words = _words(click.get_current_context())
        launching.launch(settings, launching.receiver_command(words), os.environ)
    return _lock(Path(settings.folder), hold)


def _words(context: click.Context) -> list[str]:
    """Return the options that rtpd shares with us as they were given, for its command line."""
    found: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in ("status", "hold", "release", "as_json", "as_jsonl") or not value:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            found += [parameter.opts[0], str(one)]
    return found


def _status(folder: str, shape: Shape) -> int:
    from portbook.faces import rtpid_status

    state, found = rtpid_status.watchdog(folder), rtpid_status.ends(folder)
    if shape is Shape.TABLE:
        rtpid_status.show(state, found)
    else:
        from portbook.faces.cli.output import write_records

        write_records([state, *found], shape)
    return 0 if state.pid else _NO_WATCHDOG


def _lock(folder: Path, why: str | None) -> int:
    """Set or remove the operator's lock; the watchdog looks for it once a second."""
    from portbook.daemons.watchdog.rtpid import LOCK

    path = folder / LOCK
    try:
        if why is None:
            path.unlink(missing_ok=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{why}\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    click.echo("rtpd is watched again" if why is None else f"hands off rtpd: {path}", err=True)
    return 0
