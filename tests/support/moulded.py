"""Messages made from a mould: whatever its steps allow, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Any as Anything
from typing import NamedTuple
from zlib import crc32

from hypothesis import strategies as st

from portbook.protocols.moulds import (
    ANY_TAG,
    Any,
    Ber,
    Clear,
    Counted,
    Crc32,
    Dnp3,
    Dns,
    Kind,
    Length,
    Line,
    Mark,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Repeat,
    Rest,
    Run,
    Sized,
    Speech,
    Step,
    Tail,
    Until,
    Varint,
    Whole,
    Xor,
)
from support.named import named

Told = int | bytes  # a mark
Draw = Callable[[st.SearchStrategy[Anything]], Anything]
MOST_MESSAGES = 4


class Talk(NamedTuple):
    """What both sides say, a message each entry, and the marks of each."""

    asked: list[bytes]
    told: list[bytes]


class _Message:
    """A message while it is made; what is told of its length is filled in at its end."""

    def __init__(self, draw: Draw, marks: list[Told] | None) -> None:
        self.draw, self.given = draw, list(marks) if marks is not None else None
        self.octets = bytearray()
        self.lengths: list[tuple[int, Length]] = []
        self.marks: list[Told] = []
        self.varint: int | None = None
        self.placed = self.xored = False
        self.xored_from = self.clear = 0
        self.crc: tuple[int, int] | None = None  # from where, where it stands

    def make(self, steps: Message) -> bytes | None:
        for step in steps:
            if not self.take(step):
                return None
        if self.given and not self.placed:
            return None
        return self.finished(steps)

    def finished(self, steps: Message) -> bytes | None:
        for at, length in self.lengths:
            left, rest = divmod(len(self.octets) - at - length.size - length.add, length.scale)
            if rest or not 0 <= left <= min(length.high, (1 << 8 * length.size) - 1):
                return None
            order = "little" if length.little else "big"
            self.octets[at : at + length.size] = left.to_bytes(length.size, order)
        if self.varint is not None:
            self.octets[self.varint : self.varint] = _seven(len(self.octets) - self.varint)
        if self.xored:
            self.octets[-1] ^= reduce(xor, self.octets[self.xored_from :])
        if self.crc:
            begin, at = self.crc
            self.octets[at : at + 4] = crc32(self.octets[begin:]).to_bytes(4, "little")
        if any(isinstance(step, Dnp3) for step in steps):
            return _dnp3(bytes(self.octets))
        return bytes(self.octets)

    def take(self, step: Step) -> bool:
        draw = self.draw
        match step:
            case Octets(value, mask):
                free = draw(st.binary(min_size=len(value), max_size=len(value)))
                kept = mask or b"\xff" * len(value)
                self.octets += bytes(
                    one & bits | other & ~bits & 0xFF
                    for one, bits, other in zip(value, kept, free, strict=True)
                )
            case OneOf(values):
                if not values:
                    return False
                self.octets += draw(st.sampled_from(values))
            case Number(size, low, high, little):
                value = draw(st.integers(low, min(high, (1 << 8 * size) - 1)))
                self.octets += value.to_bytes(size, "little" if little else "big")
            case Any(size):
                self.octets += draw(st.binary(min_size=size, max_size=size))
            case Length(size):
                self.lengths.append((len(self.octets), step))
                self.octets += bytes(size)
            case Varint():
                self.varint = len(self.octets)
            case Counted(size, low, high, little, fill):
                count = draw(st.integers(low, min(high, low + 40)))
                self.octets += count.to_bytes(size, "little" if little else "big")
                count += -count % fill
                self.octets += draw(st.binary(min_size=count, max_size=count))
            case Ber(tag, inner, highest, mark):
                top = highest if highest is not None else tag
                kind = draw(st.integers(0, 255) if tag == ANY_TAG else st.integers(tag, top))
                body = self.inside(inner)
                body = self.repeated(body) if mark and body is not None else body
                if body is None or kind & 0x1F == 0x1F:
                    return False
                self.octets += bytes((kind, *_ber(len(body)))) + body
            case Sized(size, inner, add, little, scale, terms):
                body = self.inside(inner)
                count, rest = divmod(len(body or b"") - add, scale)
                if body is None or rest or not 0 <= count < 1 << 8 * size:
                    return False
                for _ in range(terms - 1):
                    part = draw(st.integers(0, count))
                    self.octets += part.to_bytes(size, "little" if little else "big")
                    count -= part
                self.octets += count.to_bytes(size, "little" if little else "big") + body
            case Until(value, most):
                free = draw(st.binary(max_size=min(60, most - len(value))))
                self.octets += free.split(value)[0] + value
            case Mark():
                return self.mark(step)
            case Repeat(inner, unless, only):
                for _ in range(draw(st.integers(0, 3))):
                    here = len(self.octets)
                    if not all(map(self.take, inner)):
                        return False
                    if self.octets[here] == unless or self.octets[here] != (
                        self.octets[here] if only is None else only
                    ):
                        return False
                self.octets += b"" if unless is None else bytes((unless,))
            case Run(octets, least, most, mark):
                count = draw(st.integers(least, min(most, least + 20)))
                told = bytes(octets[draw(st.integers(0, len(octets) - 1))] for _ in range(count))
                chosen = self.repeated(told) if mark else told
                if chosen is None or not least <= len(chosen) <= most:
                    return False
                self.octets += chosen
            case Line(without, most):
                text = draw(st.binary(max_size=min(60, most - 1))).split(b"\n")[0]
                if any(word in text.upper() for word in without):
                    return False
                self.octets += text + b"\n"
            case Kind(number):
                return self.repeated(number) == number
            case Tail():
                self.octets += draw(st.binary(max_size=60))
            case Dns(questions, netbios):
                self.octets += named(draw, len(self.octets) - 4, questions, netbios)
            case Rest(least):
                self.octets += draw(st.binary(min_size=least, max_size=least + 40))
            case Clear(bits):
                self.clear = bits
            case Xor():
                self.xored, self.xored_from = True, len(self.octets)
            case Crc32(back):
                self.crc = len(self.octets) - back, len(self.octets)
                self.octets += bytes(4)
            case Dnp3() | Whole():
                pass
        return True

    def inside(self, steps: Message | None) -> bytes | None:
        if steps is None:
            return bytes(self.draw(st.binary(max_size=20)))
        before, self.octets = self.octets, bytearray()
        fits = all(map(self.take, steps))
        body, self.octets = self.octets, before
        return bytes(body) if fits else None

    def repeated(self, octets: Told) -> Anything:
        """Return a mark that was given instead of these octets, themselves where none was."""
        if self.given is not None:
            told = self.given.pop(0) if self.given else None
            if not isinstance(told, type(octets)):
                return None
            octets = told
        self.marks.append(octets)
        return octets

    def mark(self, step: Mark) -> bool:
        high = min(step.high, (1 << 8 * step.size) - 1)
        value = self.draw(st.integers(step.low, high)) & ~self.clear
        self.clear = 0
        if self.given is not None:
            if not self.given:
                return False
            if step.place:
                told, self.placed = self.given[(step.place - 1) % len(self.given)], True
            else:
                told = self.given.pop(0)
            if not isinstance(told, int):
                return False
            value = value & ~step.mask | told
            if not step.low <= value <= high:
                return False
        self.marks.append(value & step.mask)
        self.octets += value.to_bytes(step.size, "big")
        return True


@st.composite
def talks(draw: Draw, mould: Mould) -> Talk | None:
    """Make a conversation that fits a mould; None where the draw led nowhere."""
    asked, marks = _said(draw, mould.asks, None)
    told, _ = _said(draw, mould.tells, marks)
    return Talk(asked, told) if asked and told else None


def _said(
    draw: Draw, speech: Speech, marks: list[list[Told]] | None
) -> tuple[list[bytes], list[list[Told]]]:
    messages: list[bytes] = []
    kept: list[list[Told]] = []
    then = speech.first if speech.then is None else speech.then
    for number in range(draw(st.integers(1, MOST_MESSAGES))):
        choices = then if number else speech.first
        if not choices:
            messages.append(draw(st.binary(min_size=1, max_size=60)))
            continue
        steps = draw(st.sampled_from(choices))
        has_marks = _has_marks(steps)
        given = draw(st.sampled_from(marks)) if marks and has_marks else None
        made = _Message(draw, given)
        octets = made.make(steps)
        if octets is None:
            if not number:
                return [], []
            continue
        messages.append(octets)
        if has_marks:
            kept.append(made.marks)
        if any(isinstance(step, Tail) for step in steps):
            break  # nothing that follows is looked at
    return messages, kept


def _has_marks(steps: Message) -> bool:
    return any(
        isinstance(step, Mark | Kind)
        or (isinstance(step, Ber | Run) and step.mark)
        or (
            isinstance(step, Ber | Repeat | Sized)
            and step.steps is not None
            and _has_marks(step.steps)
        )
        for step in steps
    )


def _ber(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes(2, "big").lstrip(b"\0")
    return bytes((0x80 | len(octets),)) + octets


def _seven(value: int) -> bytes:
    octets = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        octets.append(low | (0x80 if value else 0))
        if not value:
            return bytes(octets)


def _dnp3(octets: bytes) -> bytes:
    """Add length and checks to what a data link frame says (IEEE 1815, section 9.2)."""
    head, data = octets[:8], octets[8:]
    frame = head[:2] + bytes((5 + len(data),)) + head[3:8]
    parts = [frame, *(data[at : at + 16] for at in range(0, len(data), 16))]
    return b"".join(part + _check(part) for part in parts)


def _check(octets: bytes) -> bytes:
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return (value ^ 0xFFFF).to_bytes(2, "little")
