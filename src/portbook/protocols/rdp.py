"""Remote Desktop: an ISO transport connect that carries a cookie or asks for a way to be secured.

The cookie names a user, so it is stepped over and never given out.
"""

from __future__ import annotations

import re

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import LE, UTF16, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Length,
    Mould,
    Octets,
    OneOf,
    Rest,
    Run,
    Sized,
    Speech,
    Step,
    Tail,
    Whole,
)
from portbook.protocols.text import clean
from portbook.protocols.tpkt import CONFIRM, CONNECT, DATA, Stream, Telegram, read
from portbook.records import Identification, Source

NAME = "rdp"
NEGOTIATION = Layout(
    "RDP negotiation",
    8,
    (
        Field("type", 0, 1, LE, None, "1 request, 2 response, 3 failure"),
        Field("flags", 1, 1, LE, None, "restricted administration, correlation, ..."),
        Field("length", 2, 2, LE, "octet", "always 8", 8),
        Field("value", 4, 4, LE, None, "protocols wanted, the one selected, or why not"),
    ),
)
CORE = Layout(
    "client core data, as far as the name",
    56,
    (
        Field("type", 0, 2, LE, None, "always 0xC001", 0xC001),
        Field("length", 2, 2, LE, "octet", "of the block"),
        Field("build", 20, 4, LE, None, "build of the client"),
        Field("name", 24, 32, UTF16, None, "name of the client's machine"),
    ),
)
REQUEST, RESPONSE, FAILURE = 1, 2, 3
CORRELATION, CORRELATED = 6, 36  # a block that may follow the request: type, whole length
SECURITY = {0: "RDP", 1: "TLS", 2: "CredSSP", 4: "RDSTLS", 8: "CredSSP early", 16: "Entra ID"}
WANTED = sum(SECURITY)
FAILURES = range(1, 8)
REFERENCES = 5  # two references and the class stand before what is carried
TLS_HANDSHAKE = b"\x16\x03"
INITIAL, CLIENT_DATA = b"\x7f\x65", b"Duca"  # T.125 connect-initial, T.124 key

_COOKIE = re.compile(rb"Cookie: (?:mstshash|msts)=[^\r\n]{0,255}\r\n|tsv://[^\r\n]{1,255}\r\n")


def recognise(payload: Payload) -> Identification | None:
    """Name RDP by what its connect carries, or by the conference that it opens."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = read(payload.to_server), read(payload.to_client)
    if not speaks_rdp(asked, answered):
        return None
    connect, confirm = asked.first(CONNECT), answered.first(CONFIRM)
    because = []
    if _asks(connect):
        because.append("the connect carries a cookie or a negotiation")
    if _answers(confirm):
        because.append("the confirm answers a negotiation")
    if _confers(asked):
        because.append("a conference of T.124 is opened with data of RDP")
    secured = _secured(payload.to_server, asked) or _secured(payload.to_client, answered)
    against = () if secured else tuple(
        one.walk.wrong for one in (asked, answered) if one.walk.wrong
    )  # fmt: skip
    facts = _facts(connect, confirm) | ({"secured": "TLS"} if secured else {})
    agreed = bool(connect and confirm) and (_asks(connect) or _confers(asked))
    say = confirmed if agreed and not against else plausible
    return say(NAME, *because, against=against, facts=facts, client=_client(asked))


def speaks_rdp(asked: Stream, answered: Stream) -> bool:
    """Tell whether a connect, its confirm, or the conference behind them is of RDP."""
    if asked.first(CONFIRM) or answered.first(CONNECT):
        return False
    if any(one.walk.wrong and not one.telegrams for one in (asked, answered)):
        return False
    return _asks(asked.first(CONNECT)) or _answers(answered.first(CONFIRM)) or _confers(asked)


def _asks(connect: Telegram | None) -> bool:
    """Tell whether a cookie, a negotiation or both fill the connect (MS-RDPBCGR 2.2.1.1)."""
    carried = connect.header[REFERENCES:] if connect else b""
    cookie = _COOKIE.match(carried)
    rest = carried[cookie.end() :] if cookie else carried
    if not rest:
        return bool(cookie)
    told = NEGOTIATION.read(rest)
    if told is None or (told["type"], told["length"]) != (REQUEST, NEGOTIATION.size):
        return False
    more = rest[NEGOTIATION.size :]
    fits = not more or (more[0] == CORRELATION and len(more) == more[2] == CORRELATED)
    return fits and not told["value"] & ~WANTED


def _answers(confirm: Telegram | None) -> bool:
    """Tell whether a negotiation's answer fills the confirm (MS-RDPBCGR 2.2.1.2)."""
    carried = confirm.header[REFERENCES:] if confirm else b""
    told = NEGOTIATION.read(carried) if len(carried) == NEGOTIATION.size else None
    if told is None or told["length"] != NEGOTIATION.size:
        return False
    known = {RESPONSE: SECURITY, FAILURE: FAILURES}.get(told["type"], ())
    return told["value"] in known


def _confers(asked: Stream) -> bool:
    """Tell whether a conference with the client's data of RDP is opened (MS-RDPBCGR 2.2.1.3)."""
    units = (*asked.units, asked.started)
    return any(one.startswith(INITIAL) and CLIENT_DATA in one for one in units)


def _secured(side: Side, stream: Stream) -> bool:
    """Tell whether a handshake of TLS follows the telegrams (MS-RDPBCGR 5.4.5.1)."""
    here = sum(map(len, stream.walk.messages))
    return bool(stream.walk.messages) and side.octets[here : here + 2] == TLS_HANDSHAKE


def _facts(connect: Telegram | None, confirm: Telegram | None) -> dict[str, object]:
    facts: dict[str, object] = {}
    wanted = connect.header[REFERENCES:] if connect and _asks(connect) else b""
    cookie = _COOKIE.match(wanted)
    told = NEGOTIATION.read(wanted[cookie.end() :] if cookie else wanted)
    if told:
        facts["offered"] = [
            name for bit, name in SECURITY.items() if told["value"] & bit or not bit
        ]
    if confirm and _answers(confirm):
        read_back = NEGOTIATION.read(confirm.header[REFERENCES:])
        if read_back and read_back["type"] == RESPONSE:
            facts["selected"] = SECURITY[read_back["value"]]
        elif read_back:
            facts["refused"] = read_back["value"]
    return facts


def _client(asked: Stream) -> dict[str, str]:
    """Return name and build of the client where it tells them in the clear."""
    for unit in asked.units:
        _, mark, rest = unit.partition(CLIENT_DATA)
        told = CORE.read(rest[2:]) if mark else None  # two octets of length follow the mark
        if told and told["type"] == CORE.fields[0].default:
            name = clean(told["name"], 32)
            return ({"name": name} if name else {}) | {"version": str(told["build"])}
    return {}


def _mould() -> Mould:
    """A connect that negotiates, with a cookie or not, its confirm, then TLS or telegrams."""
    wanted = Octets(bytes(4), bytes((~WANTED & 0xFF, 0xFF, 0xFF, 0xFF)))
    asks: tuple[Step, ...] = (Octets(bytes((REQUEST,))), Any(1), Octets(b"\x08\0"), wanted)
    text = Run(bytes({*range(256)} - {10, 13}), 0)
    cookie = (Octets(b"Cookie: "), Octets(b"mstshash"), Octets(b"="), text, Octets(b"\r\n"))
    head = (Octets(b"\3\0"), Length(2, -4))
    connect = (Octets(bytes((CONNECT,))), Any(REFERENCES))
    confirm = (Octets(bytes((CONFIRM,))), Any(REFERENCES))
    answers: list[tuple[Step, ...]] = [confirm]
    for kind, values in ((RESPONSE, SECURITY), (FAILURE, FAILURES)):
        told = OneOf(tuple(one.to_bytes(4, "little") for one in values))
        answers.append((*confirm, Octets(bytes((kind,))), Any(1), Octets(b"\x08\0"), told))
    later = (
        (Whole(2), Octets(TLS_HANDSHAKE), Tail()),
        (*head, Octets(bytes((2, DATA))), Any(1), Rest()),
    )
    return Mould(
        Transport.TCP,
        Speech(tuple((*head, Sized(1, (*connect, *one, *asks))) for one in ((), cookie)), later),
        Speech(tuple((*head, Sized(1, one)) for one in answers), later),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Remote Desktop Protocol",
    recognise=recognise,
    sources=(
        Source("MS-RDPBCGR: Remote Desktop Protocol", None,
               "sections 2.2.1.1 to 2.2.1.3, 5.4.5.1; 1.9: port 3389"),
        Source("RFC 1006: ISO Transport Service on top of the TCP", "1987-05", "section 6"),
        Source("MS-RDPBCGR: Remote Desktop Protocol", None, "section 4.1: example of a connection"),
    ),
    signatures=(Signature(Transport.TCP, 0, b"\x03\x00"),),
    usual=(Usual(PortRange(3389, 3389), Transport.TCP, confidence="two sources"),),
    moulds=(_mould(),),
    layouts=(NEGOTIATION, CORE),
    stays_inside=Scope.PRIVATE,
    safety="Who gets in works at the machine's screen: let it be reached through a tunnel only.",
    programs=("TermService", "xrdp"),
    rank=1,
)  # fmt: skip
