"""IEC 60870-5-104: a walk over its frames, and data units whose objects fill them exactly."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Length,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
)
from portbook.records import Identification, Source

NAME = "iec104"
HEADER = Layout(
    "IEC 104 control information (APCI)",
    6,
    (
        Field("start", 0, 1, BE, None, "always 0x68", 0x68),
        Field("length", 1, 1, BE, "octet", "octets that follow, 4 to 253"),
        Field("send", 2, 2, LE, None, "I: twice the number of this frame; S: 1; U: function"),
        Field("receive", 4, 2, LE, None, "twice the number of the next frame expected"),
    ),
)
UNIT = Layout(
    "IEC 104 data unit (ASDU) header",
    6,
    (
        Field("type", 0, 1, BE, None, "type identification"),
        Field("objects", 1, 1, BE, None, "how many; bit 7: one address, values in sequence"),
        Field("cause", 2, 1, BE, None, "cause of transmission in bits 0 to 5"),
        Field("originator", 3, 1, BE, None, "who asked"),
        Field("address", 4, 2, LE, None, "common address of the station"),
    ),
)
START, LEAST, MOST = 0x68, 4, 253
ASKED = {0x07: "STARTDT", 0x13: "STOPDT"}  # said by the controlling station only
GRANTED = {0x0B: "STARTDT", 0x23: "STOPDT"}  # said by the controlled station only
TESTS = (0x43, 0x83)
ADDRESS = 3  # octets of an object's address
SIZES = {
    1: 1, 2: 4, 3: 1, 4: 4, 5: 2, 6: 5, 7: 5, 8: 8, 9: 3, 10: 6, 11: 3, 12: 6, 13: 5, 14: 8,
    15: 5, 16: 8, 17: 6, 18: 7, 19: 7, 20: 5, 21: 2, 30: 8, 31: 8, 32: 9, 33: 12, 34: 10, 35: 10,
    36: 12, 37: 12, 38: 10, 39: 11, 40: 11, 45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4,
    58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11, 70: 1, 100: 1, 101: 1, 102: 0, 103: 7,
    104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5, 113: 1,
}  # fmt: skip
FILES = range(120, 128)
NAMES = {
    1: "M_SP_NA_1", 2: "M_SP_TA_1", 3: "M_DP_NA_1", 4: "M_DP_TA_1", 5: "M_ST_NA_1", 6: "M_ST_TA_1",
    7: "M_BO_NA_1", 8: "M_BO_TA_1", 9: "M_ME_NA_1", 10: "M_ME_TA_1", 11: "M_ME_NB_1",
    12: "M_ME_TB_1", 13: "M_ME_NC_1", 14: "M_ME_TC_1", 15: "M_IT_NA_1", 16: "M_IT_TA_1",
    17: "M_EP_TA_1", 18: "M_EP_TB_1", 19: "M_EP_TC_1", 20: "M_PS_NA_1", 21: "M_ME_ND_1",
    30: "M_SP_TB_1", 31: "M_DP_TB_1", 32: "M_ST_TB_1", 33: "M_BO_TB_1", 34: "M_ME_TD_1",
    35: "M_ME_TE_1", 36: "M_ME_TF_1", 37: "M_IT_TB_1", 38: "M_EP_TD_1", 39: "M_EP_TE_1",
    40: "M_EP_TF_1", 45: "C_SC_NA_1", 46: "C_DC_NA_1", 47: "C_RC_NA_1", 48: "C_SE_NA_1",
    49: "C_SE_NB_1", 50: "C_SE_NC_1", 51: "C_BO_NA_1", 58: "C_SC_TA_1", 59: "C_DC_TA_1",
    60: "C_RC_TA_1", 61: "C_SE_TA_1", 62: "C_SE_TB_1", 63: "C_SE_TC_1", 64: "C_BO_TA_1",
    70: "M_EI_NA_1", 100: "C_IC_NA_1", 101: "C_CI_NA_1", 102: "C_RD_NA_1", 103: "C_CS_NA_1",
    104: "C_TS_NA_1", 105: "C_RP_NA_1", 106: "C_CD_NA_1", 107: "C_TS_TA_1", 110: "P_ME_NA_1",
    111: "P_ME_NB_1", 112: "P_ME_NC_1", 113: "P_AC_NA_1", 120: "F_FR_NA_1", 121: "F_SR_NA_1",
    122: "F_SC_NA_1", 123: "F_LS_NA_1", 124: "F_AF_NA_1", 125: "F_SG_NA_1", 126: "F_DR_TA_1",
    127: "F_SC_NB_1",
}  # fmt: skip
MONITORING = range(1, 45)  # types that only the controlled station sends
END_OF_INITIALISATION = 70
ACTIVATION, DEACTIVATION = 6, 8
CONFIRMATIONS = (7, 9, 10, 44, 45, 46, 47)
CAUSES_AT_MOST = 47


class Frame(NamedTuple):
    """One frame, whole: numbered data (I), an acknowledgement (S) or a function (U)."""

    send: int
    type: int | None  # type identification of the data unit, None without one
    cause: int
    address: int
    exact: bool  # the objects fill the frame


def recognise(payload: Payload) -> Identification | None:
    """Name IEC 104 when frames fill both directions and each side says what is its own."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    requests, answers = _frames(asked), _frames(answered)
    frames = [*requests, *answers]
    if not frames or _stray(asked) or _stray(answered) or _backwards(requests, answers):
        return None
    exact = sum(frame.exact for frame in frames)
    units = sum(frame.type is not None for frame in frames)
    functions = sum(frame.send & 3 == 3 for frame in frames)
    if not exact and not functions and not (requests and answers and len(frames) > 2):
        return None
    because = [f"{len(frames)} frames follow each other without a gap"]
    if exact:
        because.append(f"in {exact} of {units} data units the objects fill the frame")
    against = tuple(text for text in (asked.wrong, answered.wrong) if text)
    if units > exact:
        against += (f"{units - exact} data units do not fill their frame",)
    agree = (requests and answers) or exact
    say = confirmed if agree and not asked.wrong and not answered.wrong else plausible
    return say(NAME, *because, against=against, facts=_facts(frames))


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at] != START:
        return None
    if at + HEADER.size > len(octets):
        return None if at + 1 < len(octets) and not _length_fits(octets[at + 1]) else MORE
    length, send, receive = octets[at + 1], octets[at + 2 : at + 4], octets[at + 4 : at + 6]
    if not _length_fits(length) or receive[0] & 1:
        return None
    if send[0] & 1 == 0:
        return 2 + length if length >= LEAST + UNIT.size else None
    if send[0] == 1:
        fits = send[1] == 0
    else:
        known = send[0] in ASKED or send[0] in GRANTED or send[0] in TESTS
        fits = known and not any((send[1], *receive))
    return 2 + length if fits and length == LEAST else None


def _length_fits(length: int) -> bool:
    return LEAST <= length <= MOST


def _frames(found: Walk) -> list[Frame]:
    return [_frame(octets) for octets in found.messages]


def _frame(octets: bytes) -> Frame:
    send = int.from_bytes(octets[2:4], "little")
    read = UNIT.read(octets, HEADER.size) if not send & 1 else None
    if read is None:
        return Frame(send, None, 0, 0, exact=False)
    kind, cause = read["type"], read["cause"] & 0x3F
    known = kind in SIZES or kind in FILES
    exact = known and 1 <= cause <= CAUSES_AT_MOST and _fills(kind, read["objects"], octets)
    return Frame(send, kind, cause, read["address"], exact)


def _fills(kind: int, objects: int, octets: bytes) -> bool:
    """Tell whether the objects of a data unit fill it (IEC 60870-5-101, section 7.3)."""
    count, rest = objects & 0x7F, len(octets) - HEADER.size - UNIT.size
    if kind in FILES:
        return rest > ADDRESS
    size = SIZES[kind]
    if objects & 0x80:
        return count > 0 and rest == ADDRESS + count * size
    return count > 0 and rest == count * (ADDRESS + size)


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found.messages


def _backwards(requests: list[Frame], answers: list[Frame]) -> bool:
    """Tell whether a side says what only the other may: data, a grant, a confirmation."""
    return any(map(_controlled, requests)) or any(map(_controlling, answers))


def _controlling(frame: Frame) -> bool:
    """Tell whether only the controlling station, which connects, says this."""
    if frame.type is None:
        return frame.send in ASKED
    return (
        frame.exact
        and frame.type in SIZES
        and frame.type not in MONITORING
        and (frame.cause in (ACTIVATION, DEACTIVATION))
    )


def _controlled(frame: Frame) -> bool:
    """Tell whether only the controlled station says this."""
    if frame.type is None:
        return frame.send in GRANTED
    confirms = frame.type in SIZES and frame.cause in CONFIRMATIONS
    return frame.exact and (
        frame.type in MONITORING or frame.type == END_OF_INITIALISATION or confirms
    )


def _facts(frames: list[Frame]) -> dict[str, object]:
    types = sorted({frame.type for frame in frames if frame.type is not None and frame.exact})
    addresses = sorted({frame.address for frame in frames if frame.exact})
    facts = {
        "types": [f"{NAMES[kind]} ({kind})" if kind in NAMES else str(kind) for kind in types],
        "common addresses": addresses,
    }
    return {key: value for key, value in facts.items() if value}


def _signatures() -> tuple[Signature, ...]:
    """S, U and I frames; also behind the zero octet of a keep-alive, which long links begin with.

    A link of telecontrol stands for months, so a capture mostly joins it in the middle.
    """
    frames = (
        (b"\x68\x04\x01\x00", b"\xff\xff\xff\xff"),
        (b"\x68\x04\x03", b"\xff\xff\x03"),
        (b"\x68\x00\x00\x00\x00", b"\xff\x00\x01\x00\x01"),
    )
    return tuple(
        Signature(Transport.TCP, 0, before + value, b"\xff" * len(before) + mask)
        for before in (b"", b"\0")
        for value, mask in frames
    )


def _mould() -> Mould:
    """A started transfer; commands and their confirmations, data, acknowledgements, tests."""
    start, granted = _function(*ASKED), _function(*GRANTED)
    heard: Message = (Octets(bytes((START, 4, 1, 0))), _EVEN)
    commands = tuple(_unit(Number(1, 45, 113), cause) for cause in (5, ACTIVATION, DEACTIVATION))
    confirmations = tuple(_unit(Number(1, 45, 113), cause) for cause in CONFIRMATIONS)
    data = _unit(Number(1, 1, MONITORING[-1]), None)
    initialised = _unit(Number(1, END_OF_INITIALISATION, END_OF_INITIALISATION), 4)
    tests = _function(*TESTS)
    asks = (heard, *commands, tests, start)
    tells = (data, heard, *confirmations, granted, tests, initialised)
    return Mould(Transport.TCP, Speech((start, tests), asks), Speech(tells))


_EVEN = Octets(b"\0\0", b"\1\0")  # a frame's number stands doubled


def _function(*codes: int) -> Message:
    return (OneOf(tuple(bytes((START, 4, code, 0, 0, 0)) for code in codes)),)


def _unit(kind: Number, cause: int | None) -> Message:
    told = Octets(bytes((cause or 0,)), b"\x3f" if cause else b"\0")
    return (Octets(b"\x68"), Length(1, high=MOST), _EVEN, _EVEN, kind, Any(1), told, Any(3), Rest())


PROTOCOL = Protocol(
    name=NAME,
    title="IEC 60870-5-104",
    recognise=recognise,
    sources=(
        Source("IEC 60870-5-104: Telecontrol over TCP/IP", "2006", "edition 2, clauses 5 and 7"),
        Source("IEC 60870-5-101: Telecontrol", "2003", "edition 2, clause 7, type identifications"),
    ),
    signatures=_signatures(),
    usual=(Usual(PortRange(2404, 2404), Transport.TCP, confidence="two sources"),),
    layouts=(HEADER, UNIT),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "IEC 104 has no login: whoever connects as the controlling station can switch. Keep it "
        "inside the utility's own network, and let only the control centre's addresses connect."
    ),
)
