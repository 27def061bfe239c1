"""The TCP block driver of CODESYS V3: a stream of blocks, each with magic and length.

Source: the vendor's runtime interface headers (CmpBlkDrvTcp), checked on a real session.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.protocols.layout import HEX, LE, Field, Layout

MAGIC = bytes.fromhex("000117e8")
LEAST, LARGEST, HOPELESS = 16, 520, 65536
MOST_BLOCKS = 256

HEADER = Layout(
    "CODESYS V3 TCP block header",
    8,
    (
        Field("magic", 0, 4, HEX, None, "always 00 01 17 e8", MAGIC.hex()),
        Field("length", 4, 4, LE, "octet", "of the block, these 8 octets included"),
    ),
)


class Block(NamedTuple):
    """One block of a stream: the datagram in it, as far as kept, and the datagram's true length."""

    datagram: bytes
    length: int


def split(stream: bytes) -> tuple[list[Block], list[str]]:
    """Cut the start of a stream into blocks; a stream of another kind gives none.

    The second part tells what was wrong. The last block may be cut: its datagram is shorter than
    its length.
    """
    blocks: list[Block] = []
    faults: list[str] = []
    at = 0
    while at + HEADER.size <= len(stream) and len(blocks) < MOST_BLOCKS:
        if stream[at : at + 4] != MAGIC:
            if blocks:
                faults.append(f"octet {at}: no block begins here, synchronisation is lost")
            break
        length = HEADER.get(stream, "length", at)
        if length < LEAST or length > HOPELESS:
            faults.append(f"octet {at}: a block of {length} octets")
            break
        if length > LARGEST:
            faults.append(f"octet {at}: a block of {length} octets, at most {LARGEST} are known")
        blocks.append(Block(stream[at + HEADER.size : at + length], length - HEADER.size))
        at += length
    return blocks, faults


def build(datagram: bytes) -> bytes:
    """Put a datagram into a block."""
    return HEADER.write(length=HEADER.size + len(datagram)) + datagram
