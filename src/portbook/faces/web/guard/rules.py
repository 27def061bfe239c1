"""What the guard is told: who may come, by which names, with how much, how many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from portbook.faces.web.guard.asgi import ASGIApp, Scope
from portbook.faces.web.guard.credentials import Credentials
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.settings import MOST_UPLOAD, PORT

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Limits(msgspec.Struct, frozen=True):
    """Bounds of everything that a reader can make grow."""

    target_octets: int = 4096  # path and query
    headers: int = 64
    header_octets: int = 16_384  # all of them
    body_octets: int = 65_536  # but for uploads
    upload_octets: int = MOST_UPLOAD
    uploads: int = 4  # at once: each becomes a process that reads it
    requests: int = 256  # at once
    viewers: int = 1000  # streams at once
    body_s: float = 10.0  # for a whole small body
    upload_quiet_s: float = 15.0  # without an octet
    upload_octets_a_s: int = 4096  # at least, after `upload_quiet_s` of waiting
    connections: int = 2048  # at once, of everybody
    connections_an_address: int = 512  # of one that is not this machine
    head_s: float = 10.0  # for a whole head, counted from the connection or the last answer
    stall_s: float = 20.0  # for a reader to take anything of what waits for it


class Pages(NamedTuple):
    """How what the guard has to say becomes a page; what is below /api/ never asks these.

    login: given the scope and whether an attempt just failed; the form sends a field `secret` by
    POST to the very address that it was shown at, since where to go then is in its query. The
    program's status is kept.
    refused: given the scope and the refusal, whose headers and status it must keep.
    """

    login: Callable[[Scope, bool], ASGIApp]
    refused: Callable[[Scope, Refusal], ASGIApp]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All that `guarded` needs to know."""

    hosts: frozenset[str] = LOOPBACK_NAMES  # names that the reader may call us by, lower case
    own_addresses: bool = False  # also by whichever address of ours the connection came to
    credentials: Credentials | None = None  # None: whoever can connect may read
    behind_proxy: bool = False  # what the proxy says of the scheme is believed
    plain: bool = False  # secrets may cross a network unencrypted: told twice
    strict_transport: bool = False  # browsers are told to come by TLS only
    readonly: bool = False
    uploads: frozenset[str] = frozenset({"/captures", "/api/v1/captures"})  # paths to send to
    streams: frozenset[str] = frozenset({"/events", "/api/v1/events"})  # paths without an end
    cookie: str = f"portbook-{PORT}"  # cookies know no ports: two of us on one host would mix
    limits: Limits = Limits()
    pages: Pages | None = None  # None: bare ones
    log: Callable[[str], None] | None = None  # a line for each request
