"""Everything that bad input looks like, as datagrams that a receiver has to see through.

Each kind is made from a sound packet. `spoilt` gives packets that a receiver must refuse or, where
the fault is only in the samples, may keep but not decode; `harmless` such as it must take.
Source: portbook's docs on REF TEK, what bad input looks like.
"""

from __future__ import annotations

import random
from collections.abc import Callable

SIZE = 1024
_SIP = b"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060\r\n\r\n"
_MDNS = bytes.fromhex("000000000001000000000000095f7365727669636573075f646e732d7364045f756470")


def _with(at: int, octets: bytes) -> Callable[[bytes, random.Random], bytes]:
    return lambda packet, _: packet[:at] + octets + packet[at + len(octets) :]


# Not even a header: another program's, or digits that cannot be.
FOREIGN: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda packet, made: packet[: made.randrange(16, SIZE)],
    "noise": lambda _, made: made.randbytes(SIZE),
    "sip": lambda _, __: _SIP,
    "mdns": lambda _, __: _MDNS,
    "type": _with(0, b"XX"),
    "time-digits": _with(6, b"\xaa"),
    "day-000": lambda packet, _: packet[:6] + b"\0" + bytes((packet[7] & 0x0F,)) + packet[8:],
    "day-399": lambda packet, _: packet[:6] + b"\x39" + bytes((packet[7] | 0x90,)) + packet[8:],
    "hour-99": lambda packet, _: (
        packet[:7] + bytes((packet[7] & 0xF0 | 9, packet[8] & 0x0F | 0x90)) + packet[9:]
    ),
    "sequence-digits": _with(14, b"\x0f"),
    "octets-9999": _with(12, b"\x99\x99"),
}
# A sound header of a packet that cannot be.
IMPOSSIBLE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "samples-9999": _with(20, b"\x99\x99"),
    "event-digits": _with(16, b"\xff"),
    "stream-digits": _with(18, b"\x1e"),
    "format-cc": _with(23, b"\xcc"),
}
# Only the samples are wrong: a control word, the last sample, the count.
CORRUPT: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "control-word": lambda packet, _: packet[:64] + bytes((packet[64] ^ 0x03,)) + packet[65:],
    "last-sample": lambda packet, _: packet[:72] + bytes((packet[72] ^ 0x55,)) + packet[73:],
    "one-sample-more": lambda packet, _: packet[:21] + _counted(packet[21]) + packet[22:],
}


def spoilt(packet: bytes, kind: str, made: random.Random) -> bytes:
    """Return a packet in which something of that kind is wrong."""
    return {**FOREIGN, **IMPOSSIBLE, **CORRUPT}[kind](packet, made)


def _counted(octet: int) -> bytes:
    """Return the last two digits of a count, one more; 99 becomes 98."""
    digits = int(f"{octet:02x}")
    return bytes.fromhex(f"{digits + 1 if digits < 99 else 98:02}")
