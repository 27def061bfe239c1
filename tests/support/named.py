"""Counts, questions and records of DNS messages, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
LETTERS = st.lists(st.sampled_from(b"ABCDEFGHIJKLMNOP"), min_size=32, max_size=32)
OPT = 41


def named(draw: Draw, base: int, questions: int, netbios: bool) -> bytes:
    """Make what follows number and flags: so many questions, and up to four records.

    base: where the message stands in what is made
    """
    counts = [questions, *(draw(st.integers(0, 2)) for _ in range(3))]
    counts[3] += not sum(counts)
    out = bytearray(base + 12)  # so that a place in it is a place in the message
    names: list[int] = []
    for number in range(sum(counts)):
        netbios_here = netbios and not number
        names.append(len(out) - base)
        out += _name(draw, names[:-1], netbios_here)
        kind = draw(st.sampled_from((0x20, 0x21) if netbios_here else (1, 2, 12, 28, 33, OPT)))
        group = 1 | draw(st.sampled_from((0, 0x8000)))
        if number >= questions and kind == OPT:
            group = draw(st.integers(0, 0xFFFF))
        out += kind.to_bytes(2, "big") + group.to_bytes(2, "big")
        if number >= questions:
            data = draw(st.binary(max_size=12))
            out += bytes(4) + len(data).to_bytes(2, "big") + data
    return b"".join(one.to_bytes(2, "big") for one in counts) + bytes(out[base + 12 :])


def _name(draw: Draw, names: list[int], netbios: bool) -> bytes:
    if netbios:
        return b"\x20" + bytes(draw(LETTERS)) + b"\0"
    parts = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4))
    pointer = draw(st.sampled_from(names)) if names and draw(st.booleans()) else None
    end = b"\0" if pointer is None else (0xC000 | pointer).to_bytes(2, "big")
    return b"".join(bytes((len(part),)) + part for part in parts) + end
