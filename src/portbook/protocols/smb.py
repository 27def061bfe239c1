"""SMB 1, 2 and 3, directly over TCP and inside the NetBIOS session service."""

from __future__ import annotations

from typing import Any

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    moulds,
    ntlmssp,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, RAW, Field, Layout
from portbook.protocols.moulds import (
    Length,
    Message,
    Mould,
    Octets,
    OneOf,
    Rest,
    Speech,
)
from portbook.protocols.nbns import decode
from portbook.protocols.text import clean, product
from portbook.records import Identification, Source

NAME = "smb"
SOURCES = (
    Source("[MS-SMB2], Server Message Block versions 2 and 3", None, "sections 2.1, 2.2.1, 2.2.4"),
    Source("[MS-CIFS], Common Internet File System", None, "sections 2.2.3.1 and 2.2.4.52"),
    Source("RFC 1002, NetBIOS service on TCP/UDP: details", "1987-03", "section 4.3"),
)
MESSAGE, REQUEST, POSITIVE, NEGATIVE, RETARGET, KEEPALIVE = 0x00, 0x81, 0x82, 0x83, 0x84, 0x85
OLD, NEW, SEALED, PACKED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
REPLY_OLD, REPLY_NEW = 0x80, 0x00000001
NEGOTIATE_OLD, SETUP_OLD, NEGOTIATE_NEW = 0x72, 0x73, 0x0000
UNICODE = 0x8000
DIALECTS = {
    0x0202: "SMB 2.0.2",
    0x0210: "SMB 2.1",
    0x02FF: "SMB 2",
    0x0300: "SMB 3.0",
    0x0302: "SMB 3.0.2",
    0x0311: "SMB 3.1.1",
}

SESSION = Layout(
    "NetBIOS session service header",
    4,
    (
        Field("type", 0, 1, BE, None, "00 message, 81 request, 82 positive, 83 negative, 85 alive"),
        Field("length", 1, 3, BE, "byte", "of what follows"),
    ),
)
HEADER_OLD = Layout(
    "SMB 1 header",
    32,
    (
        Field("mark", 0, 4, RAW),
        Field("command", 4, 1, LE),
        Field("flags", 9, 1, LE, None, "highest bit: reply"),
        Field("flags2", 10, 2, LE, None, "highest bit: Unicode"),
    ),
)
HEADER_NEW = Layout(
    "SMB 2 header",
    64,
    (
        Field("mark", 0, 4, RAW),
        Field("size", 4, 2, LE, "byte", "64"),
        Field("command", 12, 2, LE),
        Field("flags", 16, 4, LE, None, "lowest bit: reply"),
    ),
)
_NEGOTIATED = Layout(
    "SMB 2 negotiate response", 8, (Field("size", 0, 2, LE), Field("dialect", 4, 2, LE))
)


def recognise(payload: Payload) -> Identification | None:
    """Name SMB by its mark behind a length that agrees."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    asked, answered = _marked(asked, payload.to_server), _marked(answered, payload.to_client)
    sides = [
        one for one, side in ((asked, payload.to_server), (answered, payload.to_client)) if side
    ]
    if not sides or not all(sides) or _turned(asked, reply=True) or _turned(answered, reply=False):
        return None
    marks = sorted({kind for one in sides for message in _all(one) if (kind := _kind(message))})
    if not marks:
        return _session_only(asked, answered)
    wrong = tuple(one.wrong for one in sides if one.wrong)
    agree = any(_kind(message) for one in sides for message in one.messages)
    told = confirmed if agree and not wrong else plausible
    return told(
        NAME,
        f"mark of {' and '.join(marks)}",
        *(("lengths agree",) if agree else ()),
        *(("both directions",) if len(sides) == 2 else ()),
        against=wrong if agree else (*wrong, "no message is whole"),
        facts=_facts(asked, answered, marks),
        client=_client(asked),
        server=_server(asked, answered),
    )


def _session_only(asked: Walk, answered: Walk) -> Identification | None:
    called = _called(asked)
    if not called:
        return None
    return plausible(
        NAME,
        "request of a NetBIOS session",
        against=("no SMB message was seen: the session may carry another protocol",),
        client=_client(asked),
        server=_server(asked, answered),
    )


def _marked(walked: Walk, side: Side) -> Walk:
    """Keep a message whose length lies when its mark and its header's size are there."""
    header = HEADER_NEW.read(side.octets, SESSION.size)
    new = bool(header and header["mark"] == NEW and header["size"] == HEADER_NEW.size)
    if walked or side.octets[:1] != b"\0" or not (new or side.octets[4:8] == OLD):
        return walked
    return walked._replace(cut=side.octets)


def _measure(octets: bytes, at: int) -> int | None:
    header = SESSION.read(octets, at)
    if header is None:
        return MORE
    kind, length = header["type"], header["length"]
    mark = octets[at + SESSION.size : at + SESSION.size + 4]
    if kind == MESSAGE:
        fits = length >= 4 and any(one.startswith(mark) for one in (OLD, NEW, SEALED, PACKED))
    elif kind == REQUEST:
        fits = 68 <= length <= 600 and octets[at + 4 : at + 5] in (b"", b"\x20")
    else:
        fits = (kind, length) in ((POSITIVE, 0), (NEGATIVE, 1), (RETARGET, 6), (KEEPALIVE, 0))
    return SESSION.size + length if fits else None


def _all(walked: Walk) -> tuple[bytes, ...]:
    return (*walked.messages, walked.cut) if walked.cut else walked.messages


def _kind(message: bytes) -> str | None:
    mark = message[SESSION.size : SESSION.size + 4]
    return {OLD: "SMB 1", NEW: "SMB 2", SEALED: "SMB 3, encrypted", PACKED: "SMB 3, packed"}.get(
        mark
    )


def _turned(walked: Walk, reply: bool) -> bool:
    """Tell whether the first message goes the other way: a reply, or (reply=False) a request."""
    for message in _all(walked)[:2]:
        if message[0] in (POSITIVE, NEGATIVE, RETARGET) and reply:
            return True
        if message[0] == REQUEST and not reply:
            return True
        kind = _kind(message)
        if kind == "SMB 1":
            flags = HEADER_OLD.get(message, "flags", SESSION.size)
            return flags is not None and bool(flags & REPLY_OLD) is reply
        if kind == "SMB 2":
            flags = HEADER_NEW.get(message, "flags", SESSION.size)
            return flags is not None and bool(flags & REPLY_NEW) is reply
    return False


def _facts(asked: Walk, answered: Walk, marks: list[str]) -> dict[str, Any]:
    dialect = _dialect(asked, answered)
    facts = {"smb_version": ", ".join(sorted({mark[:5] for mark in marks}))}
    return facts | {"dialect": dialect} if dialect else facts


def _dialect(asked: Walk, answered: Walk) -> str | None:
    """Return the dialect chosen last: a first answer may say "SMB 2, ask again"."""
    chosen = None
    for message in answered.messages:
        if _kind(message) == "SMB 2":
            chosen = _chosen_new(message) or chosen
        elif _kind(message) == "SMB 1":
            chosen = _chosen_old(message, _offered(asked)) or chosen
    return chosen


def _chosen_new(message: bytes) -> str | None:
    if HEADER_NEW.get(message, "command", SESSION.size) != NEGOTIATE_NEW:
        return None
    told = _NEGOTIATED.read(message, SESSION.size + HEADER_NEW.size)
    return DIALECTS.get(told["dialect"]) if told and told["size"] == 65 else None


def _chosen_old(message: bytes, offered: list[str]) -> str | None:
    number = _words(message)[:2]
    if HEADER_OLD.get(message, "command", SESSION.size) != NEGOTIATE_OLD or len(number) < 2:
        return None
    at = int.from_bytes(number, "little")
    return offered[at] if at < len(offered) else None


def _words(message: bytes) -> bytes:
    """Return the parameter words of an SMB 1 message."""
    at = SESSION.size + HEADER_OLD.size
    count = message[at] if at < len(message) else 0
    return message[at + 1 : at + 1 + 2 * count]


def _data(message: bytes) -> bytes:
    """Return the data of an SMB 1 message, behind its words and their count."""
    return message[SESSION.size + HEADER_OLD.size + 3 + len(_words(message)) :]


def _offered(asked: Walk) -> list[str]:
    for message in asked.messages:
        command = HEADER_OLD.get(message, "command", SESSION.size)
        if _kind(message) == "SMB 1" and command == NEGOTIATE_OLD:
            texts = _data(message).split(b"\0")[:32]
            return [clean(text[1:], 32) for text in texts if text[:1] == b"\x02"]
    return []


def _called(asked: Walk) -> list[str]:
    """Return the two names of a session request, called and calling; empty when it is none."""
    for message in asked.messages[:1]:
        names = [
            decode(message[at + 1 : at + 33])
            for at in (SESSION.size, SESSION.size + 34)
            if message[0] == REQUEST and message[at : at + 1] == b"\x20"
        ]
        if len(names) == 2 and all(names):
            return [name[0] for name in names if name]
    return []


def _client(asked: Walk) -> dict[str, str]:
    facts = ntlmssp.client(b"".join(asked.messages))
    called = _called(asked)
    return facts or ({"name": called[1]} if called and called[1] else {})


def _server(asked: Walk, answered: Walk) -> dict[str, str]:
    facts = ntlmssp.server(b"".join(answered.messages))
    called = _called(asked)
    if called and called[0] and not called[0].startswith("*"):
        facts.setdefault("name", called[0])
    for message in answered.messages:
        command = HEADER_OLD.get(message, "command", SESSION.size)
        if _kind(message) == "SMB 1" and command == SETUP_OLD:
            facts |= _system(*_names(message))
    return facts


def _system(system: str = "", manager: str = "") -> dict[str, str]:
    """Return what a session setup response tells: Samba claims a Windows, then names itself."""
    if manager.startswith("Samba "):
        return product(manager)
    return {"product": system} if system else {}


def _names(message: bytes) -> list[str]:
    """Return the operating system and the LAN manager that a session setup response names."""
    words, data = _words(message), _data(message)
    if len(words) not in (6, 8):
        return []
    # With extended security the fourth word counts the security octets in front of the names.
    skip = int.from_bytes(words[6:8], "little")
    flags2 = HEADER_OLD.get(message, "flags2", SESSION.size) or 0
    if not flags2 & UNICODE:
        return [clean(name, 64) for name in data[skip : skip + 256].split(b"\0")[:2]]
    # Unicode names begin at an even octet of the message.
    skip += (HEADER_OLD.size + 3 + len(words) + skip) % 2
    text = data[skip : skip + 256].decode("utf-16-le", "replace")
    return [clean(name, 64) for name in text.split("\0")[:2]]


def _mould() -> Mould:
    """Requests and replies of all versions, in a NetBIOS session that was asked for or not."""
    head = (Octets(bytes((MESSAGE,))), Length(3))
    start = Octets(bytes((REQUEST, 0, 0, 68, 32))), moulds.Any(67)
    later: tuple[Message, ...] = (
        (*head, OneOf((NEW, OLD, SEALED, PACKED)), Rest()),
        (Octets(bytes((KEEPALIVE, 0, 0, 0))),),
    )

    def messages(old: int, new: int) -> tuple[Message, ...]:
        first = (*head, Octets(NEW), moulds.Any(12), Octets(bytes((new,)), b"\1"), Rest(47))
        flags = Octets(bytes((old,)), bytes((REPLY_OLD,)))
        return first, (*head, Octets(OLD), moulds.Any(5), flags, Rest(22))

    asks, tells = messages(0, 0), messages(REPLY_OLD, REPLY_NEW)
    accepted = Octets(bytes((POSITIVE, 0, 0, 0)))
    return Mould(
        Transport.TCP,
        Speech((*asks, *((*start, *one) for one in asks)), later),
        Speech((*tells, *((accepted, *one) for one in tells)), later),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Server Message Block",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        *(Signature(Transport.TCP, 4, mark) for mark in (OLD, NEW, SEALED, PACKED)),
        Signature(Transport.TCP, 0, b"\x81\0\0\0\x20", b"\xff\xff\xff\0\xff"),
    ),
    usual=(
        Usual(PortRange(445, 445), Transport.TCP, confidence="verified"),
        Usual(
            PortRange(139, 139),
            Transport.TCP,
            title="SMB in a NetBIOS session",
            confidence="verified",
            source=2,
        ),
    ),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    layouts=(SESSION, HEADER_OLD, HEADER_NEW),
    safety="File shares and remote control of Windows; version 1 is broken and should be off.",
    programs=("smbd", "System"),
)
