"""Addresses with ports on the command line, and the word that lets something leave this machine."""

from __future__ import annotations

from typing import NamedTuple

from portbook.errors import UsageError


class Endpoint(NamedTuple):
    """Host and port, as `socket` takes them."""

    host: str
    port: int


def endpoint(text: str, host: str | None) -> Endpoint:
    """Read `HOST:PORT`, `[V6]:PORT`, or a bare port where there is a usual host."""
    name, _, number = text.rpartition(":")
    if not name and host:
        name = host
    name = name.removeprefix("[").removesuffix("]")
    if not name or not number.isascii() or not number.isdecimal() or int(number) > 65535:
        raise UsageError(f"write HOST:PORT, as 127.0.0.1:2543, got {text!r}")
    return Endpoint(name, int(number))


def allowed(one: Endpoint, yes: str | None, verb: str) -> None:
    """Raise UsageError when an address is not loopback and was not named a second time."""
    from portbook.addresses import Scope, scope_of

    if one.host == "localhost" or scope_of(one.host) is Scope.LOOPBACK or yes == one.host:
        return
    raise UsageError(
        f"{verb} {one.host} leaves this machine's loopback; when that is what you want, "
        f"say it again: --yes {one.host}"
    )
