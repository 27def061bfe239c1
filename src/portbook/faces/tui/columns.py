"""What is shown of each kind of row: its columns, what tells rows apart, what text finds them.

A column's `order` sorts it; where there is none, its text does. Of `drawn` ones the text depends
on the room and on the time. All text passes `cells.plain` before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from types import MappingProxyType
from typing import Any, NamedTuple

from portbook.faces import tables
from portbook.faces.terminal import LEVEL_STYLES
from portbook.faces.times import lasting
from portbook.faces.tui import beats
from portbook.faces.tui.when import ago, clock
from portbook.records import Announcement, Conversation, Device, Finding, Listener, Service

_MAPPED = b"\0" * 10 + b"\xff\xff"  # an IPv4 address in IPv6's clothes, RFC 4291
Value = Callable[[Any], Any]
Styled = Callable[[Any], str]
NO_MARKS: Mapping[str, str] = MappingProxyType({})


class Moment(NamedTuple):
    """The time of a picture: now, until when silence counts, and when nobody listened."""

    now_ns: int
    heard_ns: int
    pauses: tuple[beats.Pause, ...] = ()


class Column(NamedTuple):
    """One column of a kind of row.

    down: the largest or latest first, when it is sorted by; whole: an address, cut in the middle
    spare: left out where there is no room; wide: takes what room is left; least: cells that it
    keeps; marks: letters of it that have a style of their own
    """

    name: str
    value: Value
    order: Value | None = None
    down: bool = False
    right: bool = False
    whole: bool = False
    spare: bool = False
    wide: bool = False
    least: int = 6
    drawn: Callable[[Any, Moment, int], str] | None = None
    style: Styled | None = None
    marks: Mapping[str, str] = NO_MARKS


class Kind(NamedTuple):
    """A kind of row. word: the command line's; known: what tells two rows apart."""

    word: str
    columns: tuple[Column, ...]
    known: Value
    text: Callable[[Any], str]
    first: Value  # the order where two rows are equal in the chosen column


def _cells(columns: tuple[tables.Column, ...]) -> dict[str, Value]:
    """Return what the tables of the command line show, by heading without its marks."""
    return {heading.rstrip("#!?"): value for heading, value in columns}


_SERVICE, _DEVICE = _cells(tables.SERVICE), _cells(tables.DEVICE)
_TALK, _SAID = _cells(tables.CONVERSATION), _cells(tables.ANNOUNCEMENT)
_SOCKET = _cells(tables.LISTENER)


def place(address: str, port: int = 0) -> tuple[int, bytes, str, int]:
    """Return what sorts addresses as people expect: by number, IPv4 first.

    Of each of 200,000 rows, so by the system's own reader, which is ten times as fast as ours.
    """
    text = address.partition("%")[0]
    try:
        if ":" not in text:
            return 4, inet_pton(AF_INET, text), address, port
        packed = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        return 0, b"", address, port
    if packed.startswith(_MAPPED):
        return 4, packed[len(_MAPPED) :], address, port
    return 6, packed, address, port


def _service_place(one: Service) -> tuple[Any, ...]:
    return place(one.address, one.port)


def _device_place(one: Device) -> tuple[Any, ...]:
    return place(one.address)


def _announcer_place(one: Announcement) -> tuple[Any, ...]:
    return place(one.source, one.source_port or 0)


def _socket_place(one: Listener) -> tuple[Any, ...]:
    return one.port, one.transport.value, place(one.address)


def _joined(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def _service_text(one: Service) -> str:
    return _joined(_SERVICE["service"](one), one.transport.value, *one.protocols, *one.claims)


def _device_text(one: Device) -> str:
    return _joined(
        one.address, *one.addresses, *one.macs, one.mac, *one.facts.values(), *one.protocols,
        *one.roles,
    )  # fmt: skip


def _announcement_text(one: Announcement) -> str:
    return _joined(*(_SAID[name](one) for name in ("from", "to", "ports", "protocol")))


def _conversation_text(one: Conversation) -> str:
    ends = one.client, one.client_port, one.server, one.server_port
    return _joined(*ends, one.transport.value, one.protocol or "unknown", *one.claims)


def _finding_text(one: Finding) -> str:
    return _joined(one.code, one.name, one.level.value, one.subject, one.message)


def _listener_text(one: Listener) -> str:
    return _joined(
        *(_SOCKET[name](one) for name in ("address", "", "state", "reaches", "program", "user")),
        *one.claims,
    )


def _rhythm(one: Announcement, moment: Moment, room: int) -> str:
    """Return the beat line; of what the book keeps, which has no beats, when it was last heard."""
    if not one.beats_ns:
        return f"last heard {ago(one.last_ns, moment.now_ns)}"
    return beats.line(one.beats_ns, one.period_s, moment.heard_ns, room, moment.pauses)


def _seen(one: Announcement) -> str:
    return f"{one.times} of {one.expected}" if one.times else ""


def _last(one: Any, moment: Moment, room: int) -> str:
    return ago(one.last_ns, moment.now_ns)


def _level_style(one: Finding) -> str:
    return "dim" if one.accepted else LEVEL_STYLES[one.level.value]


def _level(one: Finding) -> str:
    return f"({one.level.value})" if one.accepted else one.level.value


_LAST = Column(
    "last", lambda one: one.last_ns, lambda one: one.last_ns, True, True, spare=True, drawn=_last
)
_TRANSPORT = Column("", lambda one: one.transport.value, least=3)

SERVICES = Kind(
    "service",
    (
        Column("service", _SERVICE["service"], _service_place, whole=True, least=15),
        _TRANSPORT,
        Column("speaks", _SERVICE["speaks"], least=10),
        Column("claimed", _SERVICE["claimed"], wide=True, least=10),
        Column("clients", lambda one: one.clients or "", lambda one: one.clients, True, True),
        Column("conversations", lambda one: one.conversations or "",
               lambda one: one.conversations, True, True, spare=True),
        _LAST,
    ),
    lambda one: (one.site, one.vlan, one.source, one.transport, one.address, one.port),
    _service_text,
    _service_place,
)  # fmt: skip
DEVICES = Kind(
    "device",
    (
        Column("device", _DEVICE["device"], _device_place, whole=True, least=15),
        Column("what it is", _DEVICE["what it is"], wide=True, least=14),
        Column("name", _DEVICE["name"], least=8),
        Column("speaks", _DEVICE["speaks"], least=10),
        Column("serial", _DEVICE["serial"], spare=True),
        Column("mac", _DEVICE["mac"], spare=True, whole=True, least=17),
        _LAST,
    ),
    lambda one: (one.site, one.vlan, one.source, one.address),
    _device_text,
    _device_place,
)
ANNOUNCEMENTS = Kind(
    "announcement",
    (
        Column("from", _SAID["from"], _announcer_place, whole=True, least=15),
        Column("to", _SAID["to"], lambda one: place(one.destination), whole=True, spare=True,
               least=15),
        Column("ports", _SAID["ports"], lambda one: one.ports, spare=True),
        Column("protocol", _SAID["protocol"], least=8),
        Column("every", _SAID["every"], lambda one: one.period_s, right=True),
        Column("seen", _seen, lambda one: one.times, True, True, spare=True),
        Column("beats", lambda one: one.last_ns, lambda one: one.last_ns, True,
               wide=True, least=16, drawn=_rhythm, marks={beats.MISSED: "bold red"}),
    ),
    lambda one: (one.site, one.vlan, one.capture, one.transport, one.source, one.source_port,
                 one.destination),
    _announcement_text,
    _announcer_place,
)  # fmt: skip
CONVERSATIONS = Kind(
    "conversation",
    (
        Column("octets", lambda one: f"{one.octets:,}", lambda one: one.octets, True, True),
        Column("client", _TALK["client"], lambda one: place(one.client, one.client_port),
               whole=True, least=15),
        Column("server", _TALK["server"], lambda one: place(one.server, one.server_port),
               whole=True, least=15),
        _TRANSPORT,
        Column("protocol", _TALK["protocol"], least=8),
        Column("packets", lambda one: f"{one.packets:,}", lambda one: one.packets, True, True,
               spare=True),
        Column("claimed", _TALK["claimed"], wide=True, spare=True, least=10),
        Column("for", _TALK["for"], lambda one: one.last_ns - one.first_ns, True, True, spare=True),
        _LAST,
    ),
    lambda one: (one.site, one.vlan, one.tunnel, one.source, one.transport, one.part,
                 *sorted(((one.client, one.client_port), (one.server, one.server_port)))),
    _conversation_text,
    lambda one: one.first_ns,
)  # fmt: skip
FINDINGS = Kind(
    "finding",
    (
        Column("level", _level, lambda one: (one.accepted is None, one.level.rank), True,
               style=_level_style, least=7),
        Column("rule", lambda one: one.code, least=5),
        Column("about", lambda one: one.subject, whole=True, least=20),
        Column("what", lambda one: one.message, wide=True, least=30),
    ),
    lambda one: (one.site, one.vlan, one.source, one.code, one.subject),
    _finding_text,
    lambda one: (one.code, one.subject),
)  # fmt: skip
LISTENERS = Kind(
    "listener",
    (
        Column("socket", _SOCKET["address"], _socket_place, whole=True, least=12),
        Column("", _SOCKET[""], least=3),
        Column("reaches", _SOCKET["reaches"], lambda one: one.scope.rank, True, least=8),
        Column("program", _SOCKET["program"], wide=True, least=12),
        Column("user", _SOCKET["user"], spare=True),
        Column("claimed", _SOCKET["claimed"], least=10),
        Column("state", _SOCKET["state"], spare=True),
    ),
    lambda one: (one.site, one.namespace, one.interface, one.transport, one.address, one.port,
                 one.peer, one.inode),
    _listener_text,
    _socket_place,
)  # fmt: skip
NEWS = Kind(
    "news",
    (
        Column("at", lambda one: clock(one.at_ns), lambda one: one.at_ns, True, least=9),
        Column("", lambda one: one.what, least=4),
        Column("what", lambda one: one.text, wide=True, least=20),
    ),
    lambda one: one.known,
    lambda one: _joined(one.what, one.text),
    lambda one: 0,
)


def age(one: Any, now_ns: int) -> str:
    """Return since when something is known and when it was last seen, in words."""
    first, last = ago(one.first_ns, now_ns), ago(one.last_ns, now_ns)
    return f"first seen {first}, last {last}, for {lasting((one.last_ns - one.first_ns) / 1e9)}"


__all__ = [
    "ANNOUNCEMENTS", "CONVERSATIONS", "DEVICES", "FINDINGS", "LISTENERS", "NEWS", "SERVICES",
    "Column", "Kind", "Moment", "age", "place",
]  # fmt: skip
