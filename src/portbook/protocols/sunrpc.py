"""SunRPC (ONC RPC) and what is called over it: port mapper, NFS, mount, VXI-11, ...

Numbers of users and groups are stepped over; of a caller only the name of its machine is told.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.framing import MORE, walk
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Counted,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    Repeat,
    Sized,
    Speech,
    Step,
)
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "sunrpc"
CALL = Layout(
    "RPC call",
    32,
    (
        Field("xid", 0, 4, BE, None, "chosen by the caller, repeated in the reply"),
        Field("type", 4, 4, BE, None, "0 call", 0),
        Field("rpc_version", 8, 4, BE, None, "always 2", 2),
        Field("program", 12, 4, BE, None, "100000 port mapper, 100003 NFS, ..."),
        Field("version", 16, 4, BE, None, "of the program"),
        Field("procedure", 20, 4, BE, None, "of the program"),
        Field("flavour", 24, 4, BE, None, "of the credentials: 0 none, 1 system, 6 Kerberos"),
        Field("length", 28, 4, BE, "octet", "of the credentials, at most 400"),
    ),
)
REPLY = Layout(
    "RPC reply",
    12,
    (
        Field("xid", 0, 4, BE, None, "that of the call"),
        Field("type", 4, 4, BE, None, "1 reply", 1),
        Field("state", 8, 4, BE, None, "0 accepted, 1 denied"),
    ),
)
VERIFIER = Layout(
    "verifier", 8, (Field("flavour", 0, 4, BE), Field("length", 4, 4, BE, "octet", "at most 400"))
)
SYSTEM = Layout(
    "credentials of a system",
    8,
    (Field("stamp", 0, 4, BE), Field("length", 4, 4, BE, "octet", "of the machine's name")),
)
PROGRAMS = {
    100000: "portmap", 100001: "rstat", 100003: "nfs", 100004: "ypserv", 100005: "mountd",
    100007: "ypbind", 100011: "rquotad", 100021: "nlockmgr", 100024: "status", 100227: "nfs_acl",
    395183: "VXI-11 core", 395184: "VXI-11 abort", 395185: "VXI-11 interrupt",
}  # fmt: skip
VERSIONS = range(1, 32)
PROCEDURES = range(256)
FLAVOURS = (0, 1, 2, 3, 6, 7)  # RFC 5531 section 8.2 and the registry of IANA
SECRET, MACHINE = 400, 255
LAST = 1 << 31  # RFC 5531 section 11: the last part of a record
MOST = 1 << 24
STATES = range(6)


class Told(NamedTuple):
    """One call: program, version, and who calls."""

    xid: int
    program: int
    version: int
    machine: str


def recognise(payload: Payload) -> Identification | None:
    """Name SunRPC by whole calls; confirm it by a reply with the number of a call."""
    asked = _messages(payload, payload.to_server)
    answered = _messages(payload, payload.to_client)
    if asked is None or answered is None or not asked:
        return None
    calls = [_call(one) for one in asked]
    replies = [_reply(one) for one in answered]
    told = [one for one in calls if one]
    if len(told) < len(calls) or None in replies:
        return None
    known = {one.xid for one in told}
    agreed = sum(one in known for one in replies)
    programs = dict.fromkeys(PROGRAMS.get(one.program, str(one.program)) for one in told)
    facts: dict[str, object] = {
        "programs": list(programs),
        "program_version": told[0].version,
    }
    client = next(({"name": one.machine} for one in told if one.machine), {})
    because = [f"{len(told)} calls whose fields are in range"]
    if agreed:
        because.append(f"{agreed} replies have the number of a call")
        return confirmed(NAME, *because, facts=facts, client=client)
    if any(one.program not in PROGRAMS for one in told):
        return None
    against = ("no reply has the number of a call",)
    return plausible(NAME, *because, against=against, facts=facts, client=client)


def _messages(payload: Payload, side: Side) -> list[Piece] | None:
    """Return the messages of one direction; those of a stream stand in records."""
    if payload.transport is Transport.UDP:
        return [one for one in judged(side) if one.octets]
    found = walk(side, payload.transport, _record)
    if found.wrong:
        return None
    pieces = [Piece(one[4:], len(one) - 4) for one in found.messages]
    if not pieces and len(found.cut) > 4:
        pieces.append(Piece(found.cut[4:], (int.from_bytes(found.cut[:4], "big") ^ LAST)))
    return pieces


def _record(octets: bytes, at: int) -> int | None:
    mark = octets[at : at + 4]
    if len(mark) < 4:
        return MORE if mark[:1] in (b"", b"\x80") else None
    length = int.from_bytes(mark, "big") ^ LAST
    return 4 + length if 12 <= length <= MOST and not length % 4 else None


def _call(piece: Piece) -> Told | None:
    """Read one call (RFC 5531, section 9)."""
    octets = piece.octets
    told = CALL.read(octets)
    if told is None or told["type"] or told["rpc_version"] != 2 or piece.length % 4:
        return None
    sound = told["version"] in VERSIONS and told["procedure"] in PROCEDURES and told["program"]
    if not sound or told["flavour"] not in FLAVOURS or told["length"] > SECRET:
        return None
    if told["length"] % 4 or (not told["flavour"] and told["length"]):
        return None
    here = CALL.size + told["length"]
    if here + VERIFIER.size > piece.length or not _verifies(octets[here:], piece.length - here):
        return None
    machine = _machine(octets[CALL.size : here]) if told["flavour"] == 1 else ""
    if machine is None:
        return None
    return Told(told["xid"], told["program"], told["version"], machine)


def _verifies(octets: bytes, length: int) -> bool:
    told = VERIFIER.read(octets)
    if told is None:
        return len(octets) < length  # it was cut off
    sound = told["flavour"] in FLAVOURS and told["length"] <= SECRET and not told["length"] % 4
    return sound and VERIFIER.size + told["length"] <= length


def _machine(octets: bytes) -> str | None:
    """Return the name in the credentials of a system, None where they are none."""
    told = SYSTEM.read(octets)
    if told is None or told["length"] > MACHINE:
        return None
    name = octets[SYSTEM.size : SYSTEM.size + told["length"]]
    return clean(name, 64) if len(name) == told["length"] else None


def _reply(piece: Piece) -> int | None:
    """Return the number of a reply, None where it is none (RFC 5531, section 9)."""
    told = REPLY.read(piece.octets)
    if told is None or told["type"] != 1 or told["state"] > 1 or piece.length % 4:
        return None
    rest = piece.octets[REPLY.size :]
    if told["state"]:
        return int(told["xid"]) if piece.length in (20, 24) else None
    verifier = VERIFIER.read(rest)
    if verifier is None or not _verifies(rest, piece.length - REPLY.size):
        return None
    here = VERIFIER.size + verifier["length"]
    state = rest[here : here + 4]
    return int(told["xid"]) if int.from_bytes(state, "big") in STATES else None


def _signatures() -> tuple[Signature, ...]:
    """Return a call of version 2; in a stream four octets stand before it."""
    call = bytes(4) + (2).to_bytes(4, "big")
    return (Signature(Transport.UDP, 4, call), Signature(Transport.TCP, 8, call))


def _moulds() -> tuple[Mould, ...]:
    """Calls of nobody or of a system's user, and accepted replies, in records or in datagrams."""
    four = Repeat((Any(4),))
    system = (Any(4), Counted(4, 0, MACHINE, fill=4), Any(8), four)
    users = (
        (Octets(bytes(8)),),
        (Octets(bytes((0, 0, 0, 1, 0, 0, 0))), Sized(1, system)),
    )
    call: tuple[Step, ...] = (
        Mark(4),
        Octets((2).to_bytes(8, "big")),
        Number(4, 1),
        Number(4, 1, 31),
    )
    call = (*call, Number(4, 0, 255))
    asks = tuple((*call, *user, Octets(bytes(8)), four) for user in users)
    tells = (Mark(4), Octets((1 << 32).to_bytes(8, "big")), Octets(bytes(8)), Number(4, 0, 5), four)
    record = (Octets(b"\x80"), Length(3))
    return (
        Mould(Transport.UDP, Speech(asks), Speech((tells,))),
        Mould(
            Transport.TCP,
            Speech(tuple((*record, *one) for one in asks)),
            Speech(((*record, *tells),)),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="ONC RPC (SunRPC): port mapper, NFS, VXI-11",
    recognise=recognise,
    sources=(
        Source("RFC 5531: RPC: Remote Procedure Call Protocol Version 2", "2009-05",
               "sections 8 to 11"),
        Source("RFC 1833: Binding Protocols for ONC RPC Version 2", "1995-08",
               "section 2.1: port 111"),
        Source("RFC 7530: Network File System Version 4", "2015-03", "section 3.1: port 2049"),
        Source("IANA, ONC RPC program numbers", None, "program numbers and flavours"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(111, 111), Transport.UDP, title="RPC port mapper", source=1),
        Usual(PortRange(111, 111), Transport.TCP, title="RPC port mapper", source=1),
        Usual(PortRange(2049, 2049), Transport.TCP, title="NFS", source=2),
        Usual(PortRange(2049, 2049), Transport.UDP, title="NFS, versions 2 and 3", source=2),
    ),
    moulds=_moulds(),
    layouts=(CALL, REPLY),
    stays_inside=Scope.PRIVATE,
    safety="The port mapper tells what runs on a machine, floods others when it is asked in their "
    "name, and NFS trusts whoever says who he is: let no network outside reach it.",
    programs=("rpcbind", "rpc.mountd", "rpc.statd", "nfsd"),
)  # fmt: skip
