"""What a sighting is listed by: keys that sort and are searched, worked out from its details.

Each sighting has one row, so only what differs from row to row and never from look to look is kept
beside it. Services and announcements are told by address, port and protocols alone; the others
have texts of their own, which `searching` keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from portbook.addresses import parse
from portbook.ports import HIGHEST
from portbook.records import Level

TRANSPORTS = ("dccp", "sctp", "tcp", "udp")  # two bits of a code, in order of name
_CODES = {name: number for number, name in enumerate(TRANSPORTS)}
NO_RANK = -1
ANYWHERE = ""  # the key of what is bound to every address, or is about none
LONGEST_LABEL = 200  # letters
LONGEST_TEXT = 1_000
_LONGEST_KEY = 64
_MOST_PORTS = 64  # of one range in a finding's subject
GAP = "  "  # before each word, so that short ones can be met at its beginning

_PLAIN_FOUR = re.compile(r"\.".join(4 * ["(0|[1-9][0-9]{0,2})"]) + r"\Z")
_END = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s\[\]:]+)):(?P<ports>\d[\d-]*)\Z")
_NUMBER = re.compile(r"(?P<ports>\d+)(?:/(?P<transport>[a-z]+))?\Z")
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z")


class Facets(NamedTuple):
    """What one sighting is listed by.

    address: key of the host it is about; rank: code of its port, or the level of a finding
    label: protocols, program, name, or a finding's code; text: what else is searched, "" for none
    hosts, ports: keys and codes of further ones, for kinds that may have several
    """

    address: str
    rank: int
    label: str
    text: str = ""
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


def facets(kind: str, details: Mapping[str, Any]) -> Facets:
    """Return what an entry is listed by."""
    return _KINDS[kind](details)


@lru_cache(maxsize=65536)
def address_key(text: str) -> str:
    """Return what an address sorts by: IPv4, then IPv6, then what is no IP address.

    A network is a range of keys: those of its first and last address.
    """
    if plain := _PLAIN_FOUR.match(text):  # a look may bring 100,000 of them
        one, two, three, four = map(int, plain.groups())
        if one < 256 and two < 256 and three < 256 and four < 256:
            return f"4{(one << 24) + (two << 16) + (three << 8) + four:08x}"
    known = parse(text)
    if known is None:
        return "z" + folded(text)[:_LONGEST_KEY]
    if known.version == 4:
        return f"4{int(known):08x}"
    return f"6{int(known):032x}"


def code(port: int, transport: str) -> int:
    """Return a number that sorts by port, then transport."""
    return port * 4 + _CODES[transport]


def folded(text: str) -> str:
    """Return a text as it is compared: without case, control characters and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text.lower()
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown.casefold().encode("utf-8", "replace").decode()


def _service(details: Mapping[str, Any]) -> Facets:
    rank = details["port"] * 4 + _CODES[details["transport"]]
    return Facets(
        address_key(details["address"]), rank, ",".join(details["protocols"])[:LONGEST_LABEL]
    )


def _announcement(details: Mapping[str, Any]) -> Facets:
    ports = tuple(code(port, details["transport"]) for port in details["ports"])
    return Facets(
        address_key(details["source"]),
        ports[0] if ports else NO_RANK,
        (details["protocol"] or "")[:LONGEST_LABEL],
        hosts=(address_key(details["destination"]),),
        ports=tuple(dict.fromkeys(ports)),
    )


def _device(details: Mapping[str, Any]) -> Facets:
    facts: Mapping[str, str] = details["facts"]
    name = folded(facts.get("name") or "")[:LONGEST_LABEL]
    return Facets(
        address_key(details["address"]),
        NO_RANK,
        name,
        _text("device", (details["address"], details["mac"], *facts.values())),
    )


def _listener(details: Mapping[str, Any]) -> Facets:
    address, port, transport = details["address"], details["port"], details["transport"]
    known = parse(address)
    everywhere = address in ("*", "") or (known is not None and known.is_unspecified)
    lists = ("programs", "units", "containers", "users", "state")
    told = (one for name in lists for one in details[name])
    end = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    texts = (address, end, f"{port}/{transport}", transport, details["namespace"], *told)
    return Facets(
        ANYWHERE if everywhere else address_key(address),
        code(port, transport),
        folded(",".join(details["programs"]))[:LONGEST_LABEL],
        _text("listener", texts),
    )


def _finding(details: Mapping[str, Any]) -> Facets:
    subject: str = details["subject"]
    hosts, ports = ends(subject)
    texts = (details["code"], details["name"], details["level"], subject, details["message"])
    return Facets(
        hosts[0] if hosts else ANYWHERE,
        Level(details["level"]).rank,
        details["code"][:LONGEST_LABEL],
        _text("finding", texts),
        hosts[1:],
        ports or (NO_RANK,),
    )


_KINDS = {
    "service": _service,
    "device": _device,
    "listener": _listener,
    "announcement": _announcement,
    "finding": _finding,
}
KINDS = tuple(_KINDS)

# Three letters that no word can hold begin the text of a kind: an index of three letters tells
# the kinds apart by them.
MARKS = {"device": "\x01\x01d", "listener": "\x01\x01l", "finding": "\x01\x01f"}


def _text(kind: str, told: Iterable[str | None]) -> str:
    words = [word for one in told if one for word in folded(one).split()]
    return (MARKS[kind] + GAP + GAP.join(words))[:LONGEST_TEXT]


def ends(subject: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the addresses and ports that a finding's subject names.

    Rules write `udp 10.0.0.9:1740`, `tcp [::1]:502 in namespace x`, `port 1743/udp`, or
    `udp 10.0.0.5:1740 to 10.0.0.255:1740-1743`.
    """
    words = subject.split(" ")[:16]
    own = words[0] if words[0] in TRANSPORTS else None
    hosts: dict[str, None] = {}
    ports: dict[int, None] = {}
    for before, word in zip(("", *words), words, strict=False):
        end = _END.match(word) or (_NUMBER.match(word) if before == "port" else None)
        if end is not None:
            named = end.groupdict()
            host = named.get("six") or named.get("host")
            ports.update(dict.fromkeys(_codes(end["ports"], named.get("transport") or own)))
        else:
            host = word
        if host and parse(host) is not None:
            hosts[address_key(host)] = None
    return tuple(hosts), tuple(ports)


def _codes(text: str, transport: str | None) -> Iterator[int]:
    told = _RANGE.match(text)
    if told is None:
        return
    first, last = int(told[1]), int(told[2] or told[1])
    for port in range(first, min(last, first + _MOST_PORTS - 1, HIGHEST) + 1):
        for one in (transport,) if transport in TRANSPORTS else TRANSPORTS:
            yield code(port, one)
