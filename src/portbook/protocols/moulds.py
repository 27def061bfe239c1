"""Moulds: what a protocol's ordinary messages look like, as data that compiled code can judge.

A recogniser judges every message there is, in Python, and says why. Where millions of ordinary
conversations only need their name, a mould tells it in a microsecond. It is narrower than the
recogniser and never wider: what fits a mould, the recogniser confirms; what does not is judged by
the recogniser as ever. A mould is a chain of steps over one message, so a test can also make
messages from it and hold the two against each other (`tests/protocols/test_moulds.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from portbook.errors import UsageError
from portbook.ports import Transport

WORDS = 6  # numbers of a step in a program
WIDEST = 8  # octets of a number or of a comparison
DEEPEST = 8  # levels of `Ber` and `Sized`
ANY_TAG = 256


class Octets(NamedTuple):
    """These 1 to 8 octets, as far as the mask counts."""

    value: bytes
    mask: bytes | None = None


class OneOf(NamedTuple):
    """One of these octet strings, 1 to 8 octets each; the first that fits."""

    values: tuple[bytes, ...]


class Number(NamedTuple):
    """An unsigned number of 1 to 8 octets between two values, both included."""

    size: int
    low: int = 0
    high: int = (1 << 64) - 1
    little: bool = False


class Any(NamedTuple):
    """As many octets of any value."""

    size: int


class Length(NamedTuple):
    """A number that tells where the message ends: `add` octets and as many as it says further on.

    The first one of a message sets its end, each later one must agree.
    scale: octets that one of the number stands for; high: the largest that is meant
    """

    size: int
    add: int = 0
    little: bool = False
    scale: int = 1
    high: int = 1 << 31


class Varint(NamedTuple):
    """The same in groups of seven bits, the lowest first, as MQTT writes it; up to 4 octets."""


class Counted(NamedTuple):
    """A number between two values, and as many octets of any value.

    fill: those octets are followed by others, to a whole number of parts of that size
    """

    size: int
    low: int = 0
    high: int = 0xFFFF
    little: bool = False
    fill: int = 1


class Ber(NamedTuple):
    """A value of ASN.1's basic rules with a definite length; the steps fill it exactly.

    tag: its one octet, ANY_TAG for every one; steps: None skips what is in it
    mark: what is in it is repeated by an answer; see `Mark`
    The outermost one of a message sets its end.
    """

    tag: int
    steps: tuple[Step, ...] | None = None
    highest: int | None = None  # tags up to this one are meant
    mark: bool = False


class Sized(NamedTuple):
    """A number, and steps that fill exactly as many octets: `add` and `scale` of them for each one.

    It never sets the end of a message.
    terms: so many numbers of that size stand in a row, and their sum counts
    """

    size: int
    steps: tuple[Step, ...]
    add: int = 0
    little: bool = False
    scale: int = 1
    terms: int = 1


class Until(NamedTuple):
    """Anything up to these 1 to 8 octets and with them, at most so many."""

    value: bytes
    most: int = 4096


class Mark(NamedTuple):
    """A number that an answer repeats of its question; all marks of a message count together.

    mask: what of it is repeated; low, high: between which the whole number lies
    place: where answers tell marks in another order than questions: 1, 2, ... as questions do
    """

    size: int
    mask: int = (1 << 64) - 1
    low: int = 0
    high: int = (1 << 64) - 1
    place: int = 0


class Kind(NamedTuple):
    """A mark that stands in no octets: which kind of question it is that an answer belongs to."""

    number: int


class Repeat(NamedTuple):
    """The steps again and again to the end of the message, or of the `Ber` or `Sized` around.

    unless: up to an octet of this value, which is taken as well
    only: as long as the next octet has this value
    The steps take an octet at least.
    """

    steps: tuple[Step, ...]
    unless: int | None = None
    only: int | None = None


class Run(NamedTuple):
    """Octets of a set, as many as there are up to `most`, and at least so many.

    mark: an answer repeats them; see `Mark`
    """

    octets: bytes
    least: int = 1
    most: int = 255
    mark: bool = False


class Line(NamedTuple):
    """A line of text with its line feed; none of the words is in it, in any case.

    without: words of 1 to 8 capital letters
    """

    without: tuple[bytes, ...] = ()
    most: int = 512


class Tail(NamedTuple):
    """All that this side says from here on: the last message of a stream."""


class Dns(NamedTuple):
    """What follows number and flags of a DNS message: counts, questions, records (RFC 1035, 4.1).

    All of them are of the Internet's class. netbios: the first name is one of 32 letters, else no
    name begins with so long a label. The end of the message must be known.
    """

    questions: int = 1
    netbios: bool = False


class Rest(NamedTuple):
    """All that is left of the message, at least so many octets."""

    least: int = 0


class Whole(NamedTuple):
    """Nothing may be missing of the datagram, not even of a later one.

    least: so many octets are enough, as is none at all; 0: all of it
    """

    least: int = 0


class Xor(NamedTuple):
    """From here to the end of the message, which must be known, all octets make zero by xor."""


class Clear(NamedTuple):
    """None of these bits is set in the octet that comes next."""

    bits: int


class Crc32(NamedTuple):
    """A CRC-32, little-endian, of all from so many octets before it to the end of the message.

    It is taken with its own four octets at zero, and the end must be known.
    """

    back: int


class Dnp3(NamedTuple):
    """Length, checks and blocks of a DNP3 data link frame (IEEE 1815, 9.2); sets the end."""


Step: TypeAlias = (
    Octets
    | OneOf
    | Number
    | Any
    | Length
    | Varint
    | Counted
    | Ber
    | Sized
    | Until
    | Mark
    | Kind
    | Repeat
    | Run
    | Line
    | Tail
    | Dns
    | Rest
    | Whole
    | Xor
    | Clear
    | Crc32
    | Dnp3
)
Message: TypeAlias = tuple[Step, ...]  # which must end where the message ends


class Speech(NamedTuple):
    """What one side says: its first message, and all that follow.

    first: alternatives, of which one must fit; of datagrams each is a message
    then: alternatives for the later ones; None: the same ones, (): anything may follow
    """

    first: tuple[Message, ...]
    then: tuple[Message, ...] | None = None


class Mould(NamedTuple):
    """What client and server say in an ordinary conversation, both from its beginning.

    Both must have said a whole message. Where messages have marks, each answer must repeat those
    of a question, the first one of an early question.

    most: messages of a stream that its recogniser looks at in one direction, where it holds it
    against a stream that more follow; 0: it does not
    """

    transport: Transport
    asks: Speech
    tells: Speech
    most: int = 0


# operations of a program
(
    OCTETS, ONE_OF, NUMBER, ANY, LENGTH, VARINT, COUNTED, BER, CLOSE, UNTIL, MARK, REPEAT,
    AGAIN, REST, DNP3, SIZED, RUN, LINE, KIND, TAIL, DNS, CHECK, END,
) = range(23)  # fmt: skip
UNLESS, ONLY = 1, 2  # how a `Repeat` ends
WHOLE, XOR, CRC32, CLEAR = range(4)  # what is checked
_ALL = (1 << 64) - 1


def program(message: Message) -> list[tuple[int, ...]]:
    """Return a message's steps as numbers: an operation and up to five operands each.

    Raises UsageError for a step that compiled code could not take.
    """
    return [*_steps(message, 0), (END, 0, 0, 0, 0, 0)]


def first_octets(mould: Mould) -> frozenset[int]:
    """Return the octets with which a client that fits a mould may begin."""
    begin = (
        next(one for one in message if not isinstance(one, Whole | Clear))
        for message in mould.asks.first
    )
    return frozenset(octet for step in begin for octet in _first(step))


def _first(step: Step) -> Iterable[int]:
    match step:
        case Octets(value, mask):
            bits = mask[0] if mask else 0xFF
            return [octet for octet in range(256) if octet & bits == value[0] & bits]
        case OneOf(values):
            return {value[0] for value in values}
        case Run(octets, least) if least:
            return octets
        case Ber(tag, _, highest) if tag != ANY_TAG:
            return range(tag, (tag if highest is None else highest) + 1)
        case Dnp3():
            return (0x05,)
        case Number(size, low, high, False) | Mark(size, _, low, high, _):
            unread = 8 * (size - 1)
            return range(low >> unread, (min(high, (1 << 8 * size) - 1) >> unread) + 1)
        case _:
            return range(256)


def _steps(steps: tuple[Step, ...], depth: int) -> list[tuple[int, ...]]:
    if depth > DEEPEST:
        raise UsageError(f"a mould nests deeper than {DEEPEST} levels")
    return [row for step in steps for row in _rows(step, depth)]


def _rows(step: Step, depth: int) -> list[tuple[int, ...]]:
    match step:
        case Octets(value, mask):
            return [_octets(value, mask)]
        case OneOf(values):
            return [_row(ONE_OF, len(values)), *(_octets(value, None) for value in values)]
        case Number(size, low, high, little):
            return [_row(NUMBER, _width(size), low, min(high, (1 << 8 * size) - 1), little)]
        case Any(size):
            return [_row(ANY, size)]
        case Length(size, add, little, scale, high):
            return [_row(LENGTH, _width(size), add & _ALL, little, scale, min(high, 1 << 31))]
        case Varint():
            return [_row(VARINT)]
        case Counted(size, low, high, little, fill):
            return [_row(COUNTED, _width(size), low, high, little, fill)]
        case Ber(tag, inner, highest, mark):
            top = tag if highest is None else highest
            span = (0, 255) if tag == ANY_TAG else (tag, top)
            if inner is None:
                return [_row(BER, *span, 0, mark)]
            return [_row(BER, *span, 1), *_steps(inner, depth + 1), _row(CLOSE)]
        case Sized(size, inner, add, little, scale, terms):
            head = _row(SIZED, _width(size), add & _ALL, little, scale, terms)
            return [head, *_steps(inner, depth + 1), _row(CLOSE)]
        case Until(value, most):
            return [_row(UNTIL, len(value), _ALL >> 64 - 8 * len(value), _number(value), most)]
        case Mark(size, mask, low, high, place):
            return [_row(MARK, _width(size), mask, low, high, place)]
        case Kind(number):
            return [_row(KIND, number)]
        case Repeat(inner, unless, only):
            body = _steps(inner, depth + 1)
            how = (0, 0) if unless is None else (UNLESS, unless)
            how = how if only is None else (ONLY, only)
            return [_row(REPEAT, len(body), *how), *body, _row(AGAIN, len(body))]
        case Run(octets, least, most, mark):
            bits = sum(1 << octet for octet in set(octets))
            return [
                _row(RUN, least, most, mark),
                _row(0, *(bits >> 64 * word & _ALL for word in range(4))),
            ]
        case Line(without, most):
            upper = bytes.maketrans(bytes(range(256)), bytes((0xFF,)) * 0x41 + b"\xdf" * 0xBF)
            found = [_octets(word, word.translate(upper)) for word in without]
            return [_row(LINE, len(found), most), *found]
        case Tail():
            return [_row(TAIL)]
        case Dns(questions, netbios):
            return [_row(DNS, questions, netbios)]
        case Rest(least):
            return [_row(REST, least)]
        case Whole(least):
            return [_row(CHECK, WHOLE, least)]
        case Xor():
            return [_row(CHECK, XOR)]
        case Clear(bits):
            return [_row(CHECK, CLEAR, bits)]
        case Crc32(back):
            return [_row(CHECK, CRC32, back)]
        case Dnp3():
            return [_row(DNP3)]


def _row(*numbers: int) -> tuple[int, ...]:
    return (*map(int, numbers), *(0,) * (WORDS - len(numbers)))


def _octets(value: bytes, mask: bytes | None) -> tuple[int, ...]:
    wanted = _number(mask or b"\xff" * len(value))
    if mask is not None and len(mask) != len(value):
        raise UsageError("a mask of a mould is as long as its octets")
    return _row(OCTETS, _width(len(value)), wanted, _number(value) & wanted)


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _width(size: int) -> int:
    if not 1 <= size <= WIDEST:
        raise UsageError(f"a step of a mould takes 1 to {WIDEST} octets, not {size}")
    return size
