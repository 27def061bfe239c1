"""Options that many commands share, so that the same words mean the same everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import click

from portbook.records import Level

Command = TypeVar("Command", bound=Callable[..., Any])


class Shape(StrEnum):
    """How records are written: for people, as one document, or one record a line."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class Duration(click.ParamType):  # type: ignore[type-arg]  # older ones take no argument
    """A time that something takes: `30s`, `10m`, `2h`; a bare number counts seconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return seconds; the usage error names the option."""
        from portbook.errors import UsageError
        from portbook.faces.times import duration_s

        text = str(value)
        try:
            return duration_s(f"{text}s" if text.replace(".", "", 1).isdecimal() else text)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def shaped(command: Command) -> Command:
    """Add --json and --jsonl; the command gets `shape`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    @click.option("--jsonl", "as_jsonl", is_flag=True, help="One JSON record a line.")
    @wraps(command)
    def with_shape(*args: Any, as_json: bool, as_jsonl: bool, **more: Any) -> Any:
        if as_json and as_jsonl:
            raise click.UsageError("--json and --jsonl exclude each other")
        shape = Shape.JSON if as_json else Shape.JSONL if as_jsonl else Shape.TABLE
        return command(*args, shape=shape, **more)

    return with_shape  # type: ignore[return-value]


with_host = click.option(
    "--host", multiple=True, metavar="ADDRESS", help="Address or prefix; repeatable."
)
with_port = click.option(
    "--port", multiple=True, metavar="PORT", help="1743, 1743/udp or 1740-1743; repeatable."
)


def placed(command: Command) -> Command:
    """Add --host and --port, all that sockets can be asked for; the command gets `wants`."""

    @with_host
    @with_port
    @wraps(command)
    def with_wants(*args: Any, host: tuple[str, ...], port: tuple[str, ...], **more: Any) -> Any:
        from portbook.survey.wants import Wants, wanted_host, wanted_ports

        wants = Wants(hosts=tuple(map(wanted_host, host)), ports=wanted_ports(port))
        return command(*args, wants=wants, **more)

    return with_wants  # type: ignore[return-value]


def filtered(command: Command) -> Command:
    """Add --host --port --protocol --since --until; the command gets `wants`."""

    @with_host
    @with_port
    @click.option(
        "--protocol", multiple=True, metavar="NAME", help="A protocol, or `unknown`; repeatable."
    )
    @click.option("--since", metavar="TIME", help="2026-11-21T08:00Z, or 2h for two hours ago.")
    @click.option("--until", metavar="TIME", help="The same, for the end.")
    @wraps(command)
    def with_wants(
        *args: Any,
        host: tuple[str, ...],
        port: tuple[str, ...],
        protocol: tuple[str, ...],
        since: str | None,
        until: str | None,
        **more: Any,
    ) -> Any:
        from portbook.faces.times import moment_ns
        from portbook.survey.wants import Wants, wanted_host, wanted_ports

        now_ns = time.time_ns()
        wants = Wants(
            hosts=tuple(map(wanted_host, host)),
            ports=wanted_ports(port),
            protocols=tuple(name.lower() for part in protocol for name in part.split(",")),
            since_ns=moment_ns(since, now_ns) if since else None,
            until_ns=moment_ns(until, now_ns) if until else None,
        )
        return command(*args, wants=wants, **more)

    return with_wants  # type: ignore[return-value]


def booked(command: Command) -> Command:
    """Add --site, --book and --no-book; the command gets `site` and `book_path` (or None)."""

    @click.option("--site", help="Name of the site, part of every key in the book.")
    @click.option(
        "--book",
        "path",
        type=click.Path(dir_okay=False),
        help="Keep what is seen in this book, made when absent. Default: the user's own, if there "
        "is one (`portbook book create`).",
    )
    @click.option("--no-book", is_flag=True, help="Keep nothing.")
    @wraps(command)
    def with_book(
        *args: Any, site: str | None, path: str | None, no_book: bool, **more: Any
    ) -> Any:
        from portbook import config

        chosen = config.load({"site": site, "book": path})
        named = chosen.origins["book"] != "default"
        keeps = not no_book and (named or chosen.book.exists())
        book_path = chosen.book if keeps else None
        return command(*args, site=chosen.site, book_path=book_path, **more)

    return with_book  # type: ignore[return-value]


def judged(default: str) -> Callable[[Command], Command]:
    """Add --policy, --network, --fail-on and --strict: the words of all that judges.

    The command gets `knowledge`, ready made, `fail_on` (a level or "never") and `strict`.
    default: of --fail-on
    """

    def decorate(command: Command) -> Command:
        @click.option(
            "--policy",
            metavar="NAME|FILE",
            help="Judge ports by a policy: `opto22`, or a site's own file.",
        )
        @click.option(
            "--network",
            multiple=True,
            metavar="PREFIX",
            help="A prefix that counts as the own link: 192.168.1.0/24; repeatable.",
        )
        @click.option(
            "--fail-on",
            type=click.Choice(["never", *(level.value for level in Level)]),
            help=f"Leave with 1 when a finding of this level or above is there; default {default}.",
        )
        @click.option(
            "--strict", is_flag=True, help="Leave with 3 when something was hidden from us."
        )
        @wraps(command)
        def with_judgement(
            *args: Any,
            policy: str | None,
            network: tuple[str, ...],
            fail_on: str | None,
            **more: Any,
        ) -> Any:
            from portbook import config
            from portbook.faces.cli.knowing import knowledge

            chosen = config.load({"policy": policy})
            level = fail_on or (chosen.fail_on.value if chosen.fail_on else default)
            known = knowledge(chosen.policy, network)
            return command(*args, knowledge=known, fail_on=level, **more)

        return with_judgement  # type: ignore[return-value]

    return decorate
