"""PAC Control: the host protocol of Opto 22's control engine, TCP 22001.

Its framing is not public. A compiled strategy is source text of a Forth dialect, and some of its
words are nobody else's; downloads are normally compressed, so most of its traffic stays unnamed.
Source: the vendor's own test strategy (Opto22/node-red-contrib-pac). Plausible at the most.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, plausible
from portbook.records import Identification, Source

NAME = "pac-control"
LOOKED_AT = 16384  # octets
ENOUGH = 2  # different words

WORDS = (
    b"_END NEW $$$.RUN",
    b"FORGET $$$.RUN",
    b"MAKECHECK",
    b"DL.STAT",
    b"_HSV_SEMA",
    b"_HNV_INIT_IO",
    b"CRCSTAMP",
    b"DATESTAMP",
    b"TIMESTAMP",
    b"FILENAME>$",
    b"START.T",
    b"SETTASK",
    b"CLEAR.BREAKS",
    b"I!AUTORUN",
    b"MBOARD",
    b'""DOWNLOAD_COMPRESSION_OFF',
)
# DATESTAMP and TIMESTAMP are words of many languages: they count only beside others.
_OWN = tuple(word for word in WORDS if word not in (b"DATESTAMP", b"TIMESTAMP"))


def recognise(payload: Payload) -> Identification | None:
    """Name PAC Control by the words of a strategy that goes to the server."""
    if payload.transport is not Transport.TCP:
        return None
    octets = payload.to_server.octets[:LOOKED_AT]
    if not octets.startswith(_OWN):
        return None
    words = [word.decode() for word in WORDS if _is_word(octets, word)]
    own = [word for word in words if word.encode() in _OWN]
    if len(words) < ENOUGH or not own:
        return None
    return plausible(
        NAME,
        f"words of a compiled strategy: {', '.join(words[:6])}",
        against=("the framing of this protocol is not public",),
        facts={"words": tuple(words)},
    )


def _is_word(octets: bytes, word: bytes) -> bool:
    """Tell whether a word stands there between blanks or line ends, as Forth reads it."""
    at = octets.find(word)
    while at >= 0:
        before, after = octets[at - 1 : at] if at else b"", octets[at + len(word) :][:1]
        if not before.strip() and not after.strip():
            return True
        at = octets.find(word, at + 1)
    return False


PROTOCOL = Protocol(
    name=NAME,
    title="PAC Control: host port of Opto 22 control engines",
    recognise=recognise,
    sources=(
        Source("TCP and UDP Port Assignments (Opto 22 technical page)", where="22001, 22002"),
        Source(
            "Opto22/node-red-contrib-pac: a compiled test strategy",
            where="test/pac/NodeRedTester.cdf",
        ),
    ),
    signatures=tuple(Signature(Transport.TCP, 0, word[:8]) for word in _OWN),
    usual=(
        Usual(
            PortRange(22001, 22001),
            Transport.TCP,
            "server",
            "Opto 22 PAC Control and ioControl host port",
            "two sources",
            0,
        ),
        Usual(
            PortRange(22002, 22002),
            Transport.TCP,
            "server",
            "Opto 22 PAC Control background download",
            "one source",
            0,
        ),
    ),
    # the ports of serial modules carry what is sent straight to a serial line
    guards=(PortRange(22001, 22002), PortRange(22500, 22531)),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Strategies are loaded, started and stopped here, without log-in. Connecting is safe, "
        "sending is not: portbook sends nothing."
    ),
    programs=("termcl", "termcl.exe", "Opto22.Controller", "PACControl.exe", "PACDisplay.exe"),
)
