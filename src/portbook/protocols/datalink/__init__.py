"""DataLink: packets of seismic data between programs and a ring server, TCP 16000.

Each frame is DL, one octet with the length of an ASCII header, that header, and the data that the
header's last word announces. Source: DataLink protocol description
(EarthScope libdali).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "datalink"
MAGIC = b"DL"
LARGEST = 1 << 24  # octets of data in one frame
MOST_FRAMES = 512

# Word -> how many words follow it, at least; whether the last one counts octets of data.
COMMANDS = {
    "ID": (1, False),
    "POSITION": (2, False),
    "MATCH": (1, True),
    "REJECT": (1, True),
    "WRITE": (4, True),
    "READ": (1, False),
    "INFO": (1, False),
    "STREAM": (0, False),
    "ENDSTREAM": (0, False),
}
ANSWERS = {
    "ID": (1, False),
    "ERROR": (2, True),
    "OK": (2, True),
    "INFO": (2, True),
    "PACKET": (5, True),
    "ENDSTREAM": (0, False),
}
_VERSION = re.compile(r"DataLink\s+\(?v?([0-9][0-9.]*)")

HEADER = Layout(
    "DataLink frame",
    3,
    (
        Field("magic", 0, 2, TEXT, None, "always DL", "DL"),
        Field("length", 2, 1, BE, "octet", "of the ASCII header that follows"),
    ),
)


class Frame(NamedTuple):
    """One frame: the words of its header, octets of data behind it, whether all was kept."""

    words: tuple[str, ...]
    size: int
    whole: bool


def recognise(payload: Payload) -> Identification | None:
    """Name DataLink by commands to the server and answers to the client."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = frames(payload.to_server, COMMANDS), frames(payload.to_client, ANSWERS)
    if not (asked or answered):
        return None
    if (payload.to_server and not asked) or (payload.to_client and not answered):
        return None
    hello = " ".join(answered[0].words) if answered else ""
    named = _VERSION.search(hello)
    if not asked and not named and not any(one.words[0] == "PACKET" for one in answered):
        return None  # ID, INFO, ENDSTREAM alone do not tell which side it is
    because = ["frames: DL, the length of an ASCII header, a word that is known"]
    if any(one.whole and one.size for one in (*asked, *answered)):
        because.append("data as long as the header says")
    if named:
        because.append("the server calls itself DataLink")
    sure = bool(asked and answered) or bool(named)
    facts = {}
    if asked:
        facts["commands"] = tuple(dict.fromkeys(one.words[0] for one in asked))
        if asked[0].words[0] == "ID":
            facts["client_id"] = (" ".join(asked[0].words[1:]),)
    streams = dict.fromkeys(
        one.words[1] for one in (*asked, *answered) if one.words[0] in ("WRITE", "PACKET")
    )
    if streams:
        facts["streams"] = tuple(streams)[:64]
    server = {"product": "DataLink server", "version": named[1]} if named else {}
    return (confirmed if sure else plausible)(NAME, *because, facts=facts, server=server)


def frames(side: Side, known: dict[str, tuple[int, bool]]) -> list[Frame]:
    """Cut the start of a stream into frames; empty when anything in it is no frame."""
    octets, found, at = side.octets, list[Frame](), 0
    while at < len(octets) and len(found) < MOST_FRAMES:
        begin = at + HEADER.size
        if begin > len(octets) or octets[at : at + 2] != MAGIC:
            return found if _open_end(side, at, 2) and octets[at:].startswith(b"D") else []
        end = begin + octets[at + 2]
        header = octets[begin:end]
        if end > len(octets):
            return found if not side.complete else []
        words = _words(header)
        if not words or words[0] not in known:
            return []
        least, counts = known[words[0]]
        size = _size(words) if counts else 0
        if len(words) <= least or size is None:
            return []
        found.append(Frame(words, size, end + size <= len(octets)))
        at = end + size
    return found


def _open_end(side: Side, at: int, need: int) -> bool:
    return not side.complete and at + need >= len(side.octets)


def _words(header: bytes) -> tuple[str, ...]:
    if not header.isascii() or not header.decode("ascii").rstrip("\0\n").isprintable():
        return ()
    return tuple(header.decode("ascii").rstrip("\0\n").split())


def _size(words: tuple[str, ...]) -> int | None:
    last = words[-1]
    return int(last) if last.isdecimal() and len(last) < 9 and int(last) <= LARGEST else None


PROTOCOL = Protocol(
    name=NAME,
    title="DataLink: seismic packets to and from a ring server",
    recognise=recognise,
    sources=(
        Source("DataLink protocol (EarthScope libdali)", where="DataLink.protocol at 119f0ade"),
        Source("EarthScope ringserver: default ports", where="doc/ring.conf"),
    ),
    signatures=(Signature(Transport.TCP, 0, MAGIC),),
    usual=(
        Usual(
            PortRange(16000, 16000),
            Transport.TCP,
            "server",
            "DataLink server (ringserver)",
            "two sources",
            1,
        ),
    ),
    layouts=(HEADER,),
    safety="Whoever may write here puts data into the ring: limit the addresses that may.",
    programs=("ringserver", "ew2ringserver", "slink2dali", "dalitool", "miniseed2dmc", "portbook"),
)
