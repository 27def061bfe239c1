"""Reads messages of the DNS format, which DNS, mDNS, LLMNR and NBNS share.

Names that point in circles, lengths that lie and counts that promise too much end the reading;
what was read until then stays.
Source: RFC 1035 section 4.1, RFC 6891 section 6.1 (OPT), RFC 6762 section 18 (top class bits).
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.protocols.layout import BE, Field, Layout

LABEL = 63
NAME_OCTETS = 255
HOPS = 32  # of compression pointers; each must point backwards anyway
RECORDS = 1000
OPT, CLASSES = 41, frozenset((1, 3, 4, 254, 255))
A, NS, CNAME, PTR, TXT, AAAA, SRV = 1, 2, 5, 12, 16, 28, 33

HEADER = Layout(
    "DNS message header",
    12,
    (
        Field("id", 0, 2, BE, None, "joins answer and question; 0 in mDNS"),
        Field("flags", 2, 2, BE, None, "response, operation, and more"),
        Field("questions", 4, 2, BE, None, "how many questions follow"),
        Field("answers", 6, 2, BE, None, "records of the answer"),
        Field("authorities", 8, 2, BE, None, "records that name an authority"),
        Field("additionals", 10, 2, BE, None, "further records"),
    ),
)
_QUESTION = Layout(
    "DNS question after its name", 4, (Field("type", 0, 2, BE), Field("class", 2, 2, BE))
)
_RECORD = Layout(
    "DNS record after its name",
    10,
    (
        Field("type", 0, 2, BE),
        Field("class", 2, 2, BE),
        Field("ttl", 4, 4, BE, "s"),
        Field("length", 8, 2, BE, "byte"),
    ),
)


class Name(NamedTuple):
    """A domain name, and where reading goes on after it."""

    labels: tuple[bytes, ...]
    end: int

    @property
    def text(self) -> str:
        """Return the name as people write it, with control characters as `?`."""
        joined = b".".join(self.labels).decode("utf-8", "replace")
        return "".join(one if one.isprintable() else "?" for one in joined)


class Question(NamedTuple):
    """What is asked for."""

    name: Name
    type: int
    rr_class: int  # with the top bit that mDNS puts there


class Record(NamedTuple):
    """A resource record; `at` is where its data begins in the message."""

    name: Name
    type: int
    rr_class: int
    at: int
    length: int


class Message(NamedTuple):
    """A message as far as it could be read."""

    id: int
    flags: int
    questions: tuple[Question, ...]
    records: tuple[Record, ...]
    end: int  # where reading stopped
    whole: bool  # all that the header counts was read
    more: bool = False  # octets follow that the header does not count

    @property
    def response(self) -> bool:
        """Tell whether it is an answer."""
        return bool(self.flags & 0x8000)

    @property
    def operation(self) -> int:
        """Return the operation code: 0 query, 5 update, ..."""
        return self.flags >> 11 & 15


def read_name(octets: bytes, at: int) -> Name | None:
    """Read a name, following pointers backwards only; None when it is none or is cut."""
    labels: list[bytes] = []
    end, size, lowest = None, 0, at
    for _ in range(HOPS + NAME_OCTETS):
        if at >= len(octets):
            return None
        length = octets[at]
        if length == 0:
            return Name(tuple(labels), end if end is not None else at + 1)
        if length >= 0xC0:
            if at + 2 > len(octets):
                return None
            end = end if end is not None else at + 2
            at = int.from_bytes(octets[at : at + 2], "big") & 0x3FFF
            if at >= lowest:
                return None
            lowest = at
            continue
        label = octets[at + 1 : at + 1 + length]
        size += length + 1
        if length > LABEL or len(label) < length or size >= NAME_OCTETS:
            return None
        labels.append(label)
        at += length + 1
    return None


def read(octets: bytes, classes: frozenset[int] = CLASSES) -> Message | None:
    """Read a message; None when its header or its first entry cannot be one.

    A name that is malformed or a class that does not exist ends the reading, with `whole` False.
    """
    header = HEADER.read(octets)
    if header is None or header["flags"] & 0x0040:  # the Z bit must be zero
        return None
    counted = header["answers"] + header["authorities"] + header["additionals"]
    questions, at = _questions(octets, header["questions"], classes)
    records: tuple[Record, ...] = ()
    if len(questions) == header["questions"]:
        records, at = _records(octets, at, counted, classes)
    whole = len(questions) == header["questions"] and len(records) == counted
    if not whole and not questions and not records:
        return None
    return Message(header["id"], header["flags"], questions, records, at, whole)


def _questions(
    octets: bytes, count: int, classes: frozenset[int]
) -> tuple[tuple[Question, ...], int]:
    found: list[Question] = []
    at = HEADER.size
    while len(found) < min(count, RECORDS):
        name = read_name(octets, at)
        rest = _QUESTION.read(octets, name.end) if name else None
        if name is None or rest is None or rest["class"] & 0x7FFF not in classes:
            break
        found.append(Question(name, rest["type"], rest["class"]))
        at = name.end + _QUESTION.size
    return tuple(found), at


def _records(
    octets: bytes, at: int, count: int, classes: frozenset[int]
) -> tuple[tuple[Record, ...], int]:
    found: list[Record] = []
    while len(found) < min(count, RECORDS):
        name = read_name(octets, at)
        rest = _RECORD.read(octets, name.end) if name else None
        if name is None or rest is None:
            break
        data = name.end + _RECORD.size
        # The class of an OPT record is a size, not a class.
        known = rest["type"] == OPT or rest["class"] & 0x7FFF in classes
        if not known or data + rest["length"] > len(octets):
            break
        found.append(Record(name, rest["type"], rest["class"], data, rest["length"]))
        at = data + rest["length"]
    return tuple(found), at
