"""What `portbook plan` knows when it answers: policy, this machine, and what the book has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from portbook.errors import SourceError
from portbook.records import Service

if TYPE_CHECKING:
    from portbook.claims.policies import Policy
    from portbook.planning import Plan
    from portbook.planning.judging import Here, Known

ROLES = ("listen", "connect", "connect-own-protocol", "connect-known-service")
Command = TypeVar("Command", bound=Callable[..., Any])

with_policy = click.option(
    "--policy",
    metavar="NAME|FILE",
    help="opto22, codesys, unitrends, reftek, or a site's own policy file (plain or .toml).",
)


def chosen(command: Command) -> Command:
    """Add --policy, --role and --not-here, as all that plans has them."""
    for option in (
        click.option("--not-here", is_flag=True, help="Do not look at this machine's sockets."),
        click.option(
            "--role",
            type=click.Choice(ROLES),
            default="listen",
            show_default=True,
            help="What the program does with the port.",
        ),
        with_policy,
    ):
        command = option(command)
    return command


def reading_book(command: Command) -> Command:
    """Add --book and --no-book for a command that only reads it; the command gets `seen`."""

    @click.option(
        "--book",
        "path",
        type=click.Path(dir_okay=False),
        help="Count what this book has seen. Default: the user's own, if there is one.",
    )
    @click.option("--no-book", is_flag=True, help="Do not ask the book.")
    @wraps(command)
    def with_seen(*args: Any, path: str | None, no_book: bool, **more: Any) -> Any:
        return command(*args, seen=() if no_book else _seen(path), **more)

    return with_seen  # type: ignore[return-value]


def known_plan(policy: str | None, not_here: bool, seen: Sequence[Service] = ()) -> Plan:
    """Return what is known when one port is chosen.

    Raises SourceError when this machine gives no list of its sockets.
    """
    from portbook import config
    from portbook.claims import loading
    from portbook.faces.cli.knowing import claims
    from portbook.planning import Plan

    settings = config.load({"policy": policy})
    ruled: Policy | None = loading.policy(settings.policy) if settings.policy else None
    if not_here:
        return Plan(claims().of, ruled, seen=seen)
    here = _here()
    return Plan(
        claims().of, ruled, here.taken, seen, ephemeral=here.ephemeral, excluded=here.excluded
    )


def known_all(policy: str | None, here: bool, seen: Sequence[Service] = ()) -> Known:
    """Return what a whole plan is held against: every policy, every system.

    policy: one that binds every entry; here: judge entries for this machine by its own state too
    """
    from portbook import config
    from portbook.claims import loading
    from portbook.faces.cli.knowing import claims
    from portbook.planning.judging import Known

    settings = config.load({"policy": policy})
    policies = [loading.policy(name) for name in loading.SHIPPED]
    bound: set[str] = set()
    if settings.policy:
        own = loading.policy(settings.policy)
        policies = [own, *(one for one in policies if one.name != own.name)]
        bound.add(own.name)
    return Known(
        claims().of,
        policies,
        frozenset(bound),
        loading.systems(),
        seen,
        _here() if here else None,
    )


def _here() -> Here:
    import socket

    from portbook.evidence.listeners import listeners
    from portbook.evidence.surroundings import addresses, excluded, surroundings
    from portbook.planning.judging import Here

    try:
        taken = listeners(now_ns=time.time_ns()).listeners
    except OSError as error:
        raise SourceError(
            f"this system gives no list of its sockets: {error.strerror}; plan with --not-here"
        ) from error
    names = {"localhost", socket.gethostname().casefold(), *addresses()}
    return Here(frozenset(names), taken, surroundings().ephemeral, excluded())


def _seen(path: str | None) -> Sequence[Service]:
    from portbook import config

    settings = config.load({"book": path})
    if settings.origins["book"] == "default" and not settings.book.exists():
        return ()
    return _services(settings.book)


def _services(path: Path) -> list[Service]:
    from portbook.book import Book, service_of

    with Book.open(path, readonly=True) as book:
        return list(map(service_of, book.services()))
