"""S7comm and S7comm-plus (Siemens S7 controllers) inside ISO transport, and what a CPU tells.

A connect alone is no S7comm: MMS and RDP connect alike. Only units of data that begin with 0x32
or 0x72 count. Named `s7comm` both; the fact `dialect` tells which.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible, s7_asking
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import Any, Message, Mould, Octets, Rest, Sized, Speech
from portbook.protocols.tpkt import (
    CARRIES,
    CONFIRM,
    CONFIRMS,
    CONNECT,
    CONNECTS,
    NOTHING,
    TPKT,
    Stream,
    measure,
    read,
)
from portbook.records import Identification, Source

NAME = "s7comm"
HEADER = Layout(
    "S7comm header",
    10,
    (
        Field("protocol", 0, 1, BE, None, "always 0x32", 0x32),
        Field("type", 1, 1, BE, None, "1 job, 2 acknowledge, 3 answer, 7 user data"),
        Field("redundancy", 2, 2, BE, None, "always 0", 0),
        Field("reference", 4, 2, BE, None, "chosen by who asks, repeated in the answer"),
        Field("parameters", 6, 2, BE, "octet", "length of the parameters"),
        Field("data", 8, 2, BE, "octet", "length of the data"),
    ),
)
PLUS = Layout(
    "S7comm-plus header",
    4,
    (
        Field("protocol", 0, 1, BE, None, "always 0x72", 0x72),
        Field("version", 1, 1, BE, None, "1, 2, 3; 0xFE: system event"),
        Field("length", 2, 2, BE, "octet", "of the data that follow"),
    ),
)
JOB, ACKNOWLEDGE, ANSWER, USER_DATA = 1, 2, 3, 7
SIZES = {JOB: 10, ACKNOWLEDGE: 12, ANSWER: 12, USER_DATA: 10}  # with the error code of an answer
VERSIONS = frozenset((1, 2, 3, 0xFE))
PLUS_SIGNED = 3  # data begin with a length and a digest of that length
PLUS_QUESTION, PLUS_ANSWER, PLUS_NEWS = 0x31, 0x32, 0x33
READ_LIST = (4, 1)  # user data: group CPU functions, system status list
LIST_AT_MOST = 65536
MODULE_LIST, COMPONENT_LIST = 0x0011, 0x001C
MODULE_SIZES = (28, 26)  # octets of a record; servers in software leave its version out
MODULES = {1: "order number", 6: "hardware", 7: "version"}
COMPONENTS = {
    1: "name", 2: "module name", 3: "plant", 5: "serial", 7: "product", 8: "memory card",
}  # fmt: skip
COPYRIGHT = 4


class Unit(NamedTuple):
    """One message of either dialect."""

    plus: bool
    type: int  # S7comm: type; S7comm-plus: operation, 0 where it is not told
    reference: int
    agrees: bool  # the lengths inside fill the unit exactly
    parameters: bytes = b""
    data: bytes = b""


def recognise(payload: Payload) -> Identification | None:
    """Name S7comm or S7comm-plus when every unit of data is such a message."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = read(payload.to_server), read(payload.to_client)
    if not (speaks_s7(asked) or speaks_s7(answered)) or _backwards(asked, answered):
        return None
    if answered.walk.wrong and not answered.telegrams:
        return None  # asked in S7, answered in another tongue
    requests, answers = _units(asked), _units(answered)
    units = [*requests, *answers]
    wrong = tuple(text for text in (asked.walk.wrong, answered.walk.wrong) if text)
    agreeing = [sum(unit.agrees for unit in side) for side in (requests, answers)]
    because = [f"{len(units)} units of data with the S7 mark"]
    if any(agreeing):
        because.append(f"in {sum(agreeing)} of them all inner lengths agree")
    odd = len(asked.units) + len(answered.units) - sum(agreeing)
    if odd:
        wrong += (f"{odd} units are no S7 or do not agree with their inner lengths",)
    if not units:
        because = ["a unit of data begins with the S7 mark"]
        wrong += ("the capture cut the first unit",)
    plus = {unit.plus for unit in units} or {(asked.started or answered.started)[:1] == b"\x72"}
    facts = {"dialect": " and ".join("s7comm-plus" if one else "s7comm" for one in sorted(plus))}
    say = confirmed if all(agreeing) or (any(agreeing) and not wrong) else plausible
    return say(NAME, *because, against=wrong, facts=facts, server=identity(answers))


def speaks_s7(stream: Stream) -> bool:
    """Tell whether a direction has a unit of either dialect, or begins one that was cut."""
    return any(unit.agrees for unit in _units(stream)) or any(
        _marked(octets) for octets in (*stream.units[:1], stream.started)
    )


def _marked(octets: bytes) -> bool:
    if len(octets) < 2:
        return False
    return octets[1] in {0x32: SIZES.keys(), 0x72: VERSIONS}.get(octets[0], ())


def identity(answers: Iterable[Unit]) -> dict[str, str]:
    """Return what a CPU told of itself in its system status lists 0x0011 and 0x001C.

    Source: SIMATIC System Software for S7-300/400, System and Standard Functions, chapter
    "System status list".
    """
    found: dict[str, str] = {}
    for octets in _lists(answers):
        kind, size, count = (int.from_bytes(octets[at : at + 2], "big") for at in (0, 4, 6))
        records = [octets[8 + size * i : 8 + size * (i + 1)] for i in range(min(count, 64))]
        if kind == MODULE_LIST and size in MODULE_SIZES:
            found |= _modules(records)
        elif kind == COMPONENT_LIST and size == 34:
            found |= _components(records)
    if "order number" in found:
        found.setdefault("product", found["order number"])
    return found


def _modules(records: list[bytes]) -> dict[str, str]:
    found = {}
    for record in records:
        if len(record) < min(MODULE_SIZES):
            break
        what = MODULES.get(int.from_bytes(record[:2], "big"))
        if what == "order number":
            found[what] = _text(record[2:22])
            if found[what].startswith("6ES7"):
                found["vendor"] = "Siemens"
        elif what == "version" and record[24:25] == b"V":
            found[what] = "V" + ".".join(map(str, record[25:28]))
    return {key: value for key, value in found.items() if value}


def _components(records: list[bytes]) -> dict[str, str]:
    found = {}
    for record in records:
        index, text = int.from_bytes(record[:2], "big"), _text(record[2:34])
        if index in COMPONENTS and text:
            found[COMPONENTS[index]] = text
        elif index == COPYRIGHT and "Siemens" in text:
            found["vendor"] = "Siemens"
    return found


def _text(octets: bytes) -> str:
    text = octets.split(b"\0", 1)[0].decode("latin-1").strip()
    return text if text.isprintable() else ""


def _lists(answers: Iterable[Unit]) -> list[bytes]:
    """Return the system status lists that were read, their parts put together.

    Parameters of the answer: 00 01 12, length, method, type and group, function, sequence, part
    reference, 00 = last part, error. Data: return code, kind, length, octets.
    """
    found: list[bytes] = []
    rest = b""
    for unit in answers:
        told = unit.parameters
        if unit.type != USER_DATA or unit.plus or len(told) < 10:
            continue
        if (told[5], told[6]) != (0x80 | READ_LIST[0], READ_LIST[1]) or unit.data[:1] != b"\xff":
            continue
        rest = (rest + unit.data[4:])[:LIST_AT_MOST]
        if not told[9]:
            found.append(rest)
            rest = b""
    return [*found, rest] if rest else found


def _units(stream: Stream) -> list[Unit]:
    """Read the units of data that are of either dialect."""
    read = (_plus(octets) if octets[0] == 0x72 else _classic(octets) for octets in stream.units)
    return [unit for unit in read if unit]


def _classic(octets: bytes) -> Unit | None:
    read = HEADER.read(octets)
    if read is None or read["protocol"] != 0x32 or read["redundancy"] or read["type"] not in SIZES:
        return None
    start = SIZES[read["type"]]
    middle = start + read["parameters"]
    return Unit(
        False,
        read["type"],
        read["reference"],
        len(octets) == middle + read["data"],
        octets[start:middle],
        octets[middle : middle + read["data"]],
    )


def _plus(octets: bytes) -> Unit | None:
    """Read a unit of S7comm-plus; the last part of a message ends with a second, empty header."""
    read = PLUS.read(octets)
    if read is None or read["version"] not in VERSIONS:
        return None
    end = PLUS.size + read["length"]
    trailer = octets[end:]
    agrees = len(octets) >= end and trailer in (b"", octets[:2] + b"\0\0")
    at = PLUS.size
    if read["version"] == PLUS_SIGNED and at < len(octets):
        at += 1 + octets[at]
    operation = octets[at] if at < len(octets) else 0
    known = operation in (PLUS_QUESTION, PLUS_ANSWER, PLUS_NEWS)
    return Unit(True, operation if known else 0, 0, agrees)


def _backwards(asked: Stream, answered: Stream) -> bool:
    """Tell whether the client answers: it confirms, or its first message is an answer."""
    if asked.first(CONNECT) or answered.first(CONFIRM):
        return False
    if asked.first(CONFIRM) or answered.first(CONNECT):
        return True
    return _first(asked) == "answer" or (not asked.units and _first(answered) == "question")


def _first(stream: Stream) -> str | None:
    """Tell whether the first decisive message of a direction asks or answers."""
    for unit in _units(stream):
        if unit.plus:
            told = {PLUS_QUESTION: "question", PLUS_ANSWER: "answer", PLUS_NEWS: "answer"}
            if unit.type in told:
                return told[unit.type]
        elif unit.type == USER_DATA:
            kind = unit.parameters[5] >> 4 if len(unit.parameters) > 5 else None
            if kind in (4, 8, 0):
                return "question" if kind == 4 else "answer"
        else:
            return "question" if unit.type == JOB else "answer"
    return None


def _mould() -> Mould:
    """A connect, jobs and their answers behind it; or the same in the newer dialect."""
    newer = tuple(
        (*_newer(version), *end) for version in (1, 2, 3) for end in ((), _trailer(version))
    )
    asks = (_classic_unit(JOB), _classic_unit(USER_DATA), *newer)
    tells = (*map(_classic_unit, (ANSWER, USER_DATA, ACKNOWLEDGE)), *newer)
    return Mould(
        Transport.TCP,
        Speech(tuple((*CONNECTS, *one) for one in asks), (*asks, NOTHING)),
        Speech(tuple((*CONFIRMS, *one) for one in tells), (*tells, NOTHING)),
    )


def _classic_unit(kind: int) -> Message:
    code = SIZES[kind] - HEADER.size  # octets of the error, which neither length counts
    body = Sized(2, (Any(code), Rest()), add=code, terms=2)
    return (*CARRIES, Octets(bytes((0x32, kind, 0, 0))), Any(2), body)


def _newer(version: int) -> Message:
    return (*CARRIES, Octets(bytes((0x72, version))), Sized(2, (Rest(),)))


def _trailer(version: int) -> Message:
    return (Octets(bytes((0x72, version, 0, 0))),)


PROTOCOL = Protocol(
    name=NAME,
    title="S7comm (Siemens S7)",
    recognise=recognise,
    sources=(
        Source("Wireshark 4.0.17, packet-s7comm.c", "2024-11", "header, user data, SZL"),
        Source("RFC 1006: ISO Transport Service on top of the TCP", "1987-05", "section 6"),
    ),
    signatures=(Signature(Transport.TCP, 0, b"\x03\x00"),),
    usual=(Usual(PortRange(102, 102), Transport.TCP, confidence="two sources"),),
    layouts=(TPKT, HEADER, PLUS),
    moulds=(_mould(),),
    questions=s7_asking.questions(measure),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Older S7 controllers obey whoever connects: read, write, stop, load. Keep port 102 inside "
        "the control network; some CPUs have few connections, so even a polite question costs one."
    ),
)
