"""What a look at the prefilter costs, against how many signatures there are.

    python benchmarks/prefilter.py [--payloads 20000]

The signatures are those of the protocols known, fewer of them by chance, and ten times as many:
the rest is made up, at the same places with other values, each of a protocol of its own. Payloads
are of 60 octets: half by chance, half with a known signature at its place. The best of five turns
is told, in nanoseconds of processor time a payload; `hits` is how many protocols fit one on
average. A row that costs little more than the one above shows that a protocol more does not slow
the others.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

from portbook.evidence import readers
from portbook.evidence.signature_lists import Packed
from portbook.protocols.prefilter import Index, Row, prefilter

SIZE = 60  # octets of a payload
TURNS = 5
NARROW = 24  # bits that a made-up signature asks for at the least: shorter ones hit everything
TCP, UDP = 6, 17


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--payloads", type=int, default=20_000)
    told = arguments.parse_args()
    chance = random.Random(1743)
    known = prefilter().rows
    known_payloads = payloads(known, told.payloads, chance)
    print(f"{'signatures':>10} {'compiled':>10} {'plain':>10} {'hits':>6}")
    for rows in series(known, chance):
        plain = Index(rows).bits
        hits = sum(plain(*one).bit_count() for one in known_payloads) / len(known_payloads)
        fast = cost(compiled(rows), known_payloads) if readers.COMPILED else None
        shown = "not built" if fast is None else f"{fast:.0f} ns"
        slow = f"{cost(plain, known_payloads):.0f} ns"
        print(f"{len(rows):>10} {shown:>10} {slow:>10} {hits:>6.2f}")


def series(known: tuple[Row, ...], chance: random.Random) -> list[tuple[Row, ...]]:
    """Return growing sets of signatures, the last ten times those that are known."""
    shapes = [row for row in known if row.mask.bit_count() >= NARROW]
    first = max(row.bit for row in known) + 1
    made_up = tuple(
        shape._replace(value=chance.getrandbits(8 * shape.length) & shape.mask, bit=first + at)
        for at, shape in enumerate(chance.choices(shapes, k=9 * len(known)))
    )
    few = tuple(chance.sample(known, 10)), tuple(chance.sample(known, 100))
    return [*few, known, known + made_up]


def payloads(known: tuple[Row, ...], count: int, chance: random.Random) -> list[tuple[int, bytes]]:
    """Return payloads with their transport, every second one with a known signature."""
    made = []
    for number in range(count):
        octets = bytearray(chance.randbytes(SIZE))
        transport = chance.choice((TCP, UDP))
        if number % 2:
            row = chance.choice(known)
            end = row.at + row.length
            if end <= SIZE:
                was = int.from_bytes(octets[row.at : end], "big")
                octets[row.at : end] = (was & ~row.mask | row.value).to_bytes(row.length, "big")
                transport = row.transport
        made.append((transport, bytes(octets)))
    return made


def compiled(rows: tuple[Row, ...]) -> Callable[[int, bytes], int]:
    """Return the compiled look-up."""
    from portbook.evidence._signatures import Signatures

    match: Callable[[int, bytes], int] = Signatures(Packed(rows)).match
    return match


def cost(look: Callable[[int, bytes], int], asked: list[tuple[int, bytes]]) -> float:
    """Return the nanoseconds of one look in the best of some turns, call and loop included."""
    turns = []
    for _ in range(TURNS):
        began = time.process_time_ns()
        for transport, octets in asked:
            look(transport, octets)
        turns.append(time.process_time_ns() - began)
    return min(turns) / len(asked)


if __name__ == "__main__":
    main()
