"""REF TEK 130 packets of our own making: an event with its header, data and trailer.

Packets of 1024 octets, as the recorder's files and its link carry them. The samples are those of
a damped swing, plain 16-bit (format 16), computed in integers so that each run gives the same.
Source: portbook's docs on REF TEK, packet layouts of EH, DT and ET.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime

PACKET = 1024
CHANNELS = 3
RATE_HZ = 200
IN_PACKET = 500  # samples of two octets behind the 24 octets of header


def event(unit: str, trigger_ns: int, seconds: int, number: int = 1) -> list[bytes]:
    """Return the packets of one event of three channels in the order that they are sent.

    unit: the recorder's id, four hex digits; seconds: length of the event, rounded to packets
    """
    rounds = max(1, seconds * RATE_HZ // IN_PACKET)
    last_ns = trigger_ns + (rounds * IN_PACKET - 1) * 1_000_000_000 // RATE_HZ
    waves = [_wave(4000 + 900 * channel) for channel in range(CHANNELS)]
    packets = [_frame_packet(b"EH", unit, trigger_ns, number, 0, None)]
    for done in range(rounds):
        first_ns = trigger_ns + done * IN_PACKET * 1_000_000_000 // RATE_HZ
        for channel, wave in enumerate(waves):
            samples = [next(wave) for _ in range(IN_PACKET)]
            packets.append(_data(unit, first_ns, number, len(packets), channel, samples))
    return [*packets, _frame_packet(b"ET", unit, trigger_ns, number, len(packets), last_ns)]


def _data(
    unit: str, time_ns: int, number: int, sequence: int, channel: int, samples: list[int]
) -> bytes:
    octets = 24 + 2 * len(samples)
    head = _header(b"DT", unit, time_ns, octets, sequence)
    head += _bcd(number, 4) + bytes((0, channel)) + _bcd(len(samples), 4) + b"\x00\x16"
    return (head + struct.pack(f">{len(samples)}h", *samples)).ljust(PACKET, b"\0")


def _frame_packet(
    kind: bytes, unit: str, trigger_ns: int, number: int, sequence: int, last_ns: int | None
) -> bytes:
    """Return the event header (EH), or the trailer (ET), which also tells the last sample."""
    trigger = _text_time(trigger_ns)
    texts = {
        24: f"Trigger Time = {trigger}\r\n20 DEMO",
        64: "EVENTS",
        88: f"{RATE_HZ:<4}EVT {trigger}{trigger}",
        160: "104.2 mV" * CHANNELS,
        288: "1.585 uV" * CHANNELS,
        416: "1" * CHANNELS,
        432: "2" * CHANNELS,
        448: "3" * CHANNELS,
        860: "3 MADE UP BY PORTBOOK",
        918: "N 4807.311E01235.830+00547",
    }
    if last_ns is not None:
        texts[128] = _text_time(last_ns) * 2
    packet = bytearray(b" " * PACKET)
    packet[:16] = _header(kind, unit, trigger_ns, 416, sequence)  # real ones say 416 whatever
    packet[16:24] = _bcd(number, 4) + bytes((0, 0, 0, 0, 0, 0x16))
    for at, text in texts.items():
        packet[at : at + len(text)] = text.encode()
    return bytes(packet)


def _header(kind: bytes, unit: str, time_ns: int, octets: int, sequence: int) -> bytes:
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    told = f"{moment:%j%H%M%S}{time_ns // 1_000_000 % 1000:03}"
    head = kind + b"\0" + _bcd(moment.year % 100, 2) + bytes.fromhex(unit) + bytes.fromhex(told)
    return head + _bcd(octets, 4) + _bcd(sequence % 10000, 4)


def _text_time(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y%j%H%M%S}{time_ns // 1_000_000 % 1000:03}"


def _bcd(number: int, digits: int) -> bytes:
    return bytes.fromhex(f"{number:0{digits}}")


def _wave(push: int) -> Iterator[int]:
    """Give a damped swing, in whole numbers: no rounding differs from machine to machine."""
    place, speed = 0, push
    while True:
        speed -= (place >> 4) + (speed >> 9)
        place += speed >> 4
        yield place
