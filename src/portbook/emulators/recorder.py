"""REF TEK 130 packets of our own making: an event with its header, data and trailer.

Packets of 1024 octets, as the recorder's files and its link carry them. The samples are those of
a damped swing, plain 16-bit (format 16), computed in integers so that each run gives the same.
Source: portbook's docs on REF TEK, packet layouts of EH, DT and ET.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from portbook.emulators.reftek import writer
from portbook.emulators.reftek.dates import tag

CHANNELS = 3
RATE_HZ = 200
IN_PACKET = 500  # samples of two octets behind the 24 octets of header
STATION = writer.Station(
    name="DEMO",
    stream_name="EVENTS",
    trigger="EVT",
    weights=("1.585 uV",) * CHANNELS,
    resolutions="222",
)


def event(unit: str, trigger_ns: int, seconds: int, number: int = 1) -> list[bytes]:
    """Return the packets of one event of three channels in the order that they are sent.

    unit: the recorder's id, four hex digits; seconds: length of the event, rounded to packets
    """
    rounds = max(1, seconds * RATE_HZ // IN_PACKET)
    last_ns = trigger_ns + (rounds * IN_PACKET - 1) * 1_000_000_000 // RATE_HZ
    waves = [_wave(4000 + 900 * channel) for channel in range(CHANNELS)]
    packets = [_edge("EH", unit, trigger_ns, number, 0, None)]
    for done in range(rounds):
        first_ns = trigger_ns + done * IN_PACKET * 1_000_000_000 // RATE_HZ
        for channel, wave in enumerate(waves):
            samples = [next(wave) for _ in range(IN_PACKET)]
            packets.append(_data(unit, first_ns, number, len(packets), channel, samples))
    return [*packets, _edge("ET", unit, trigger_ns, number, len(packets), last_ns)]


def _data(
    unit: str, time_ns: int, number: int, sequence: int, channel: int, samples: list[int]
) -> bytes:
    return writer.data(
        int(unit, 16),
        tag(time_ns),
        sequence,
        event=number,
        stream=0,
        channel=channel,
        samples=len(samples),
        coding="16",
        body=struct.pack(f">{len(samples)}h", *samples),
    )


def _edge(
    kind: str, unit: str, trigger_ns: int, number: int, sequence: int, last_ns: int | None
) -> bytes:
    """Return the event header (EH), or the trailer (ET), which also tells the last sample."""
    trigger = tag(trigger_ns)
    last = None if last_ns is None else tag(last_ns)
    return writer.event(
        kind,
        int(unit, 16),
        trigger,
        sequence,
        number=number,
        stream=0,
        rate=str(RATE_HZ),
        coding="16",
        first=trigger,
        last=last,
        detrigger=last,
        station=STATION,
    )


def _wave(push: int) -> Iterator[int]:
    """Give a damped swing, in whole numbers: no rounding differs from machine to machine."""
    place, speed = 0, push
    while True:
        speed -= (place >> 4) + (speed >> 9)
        place += speed >> 4
        yield place
