"""Writes REF TEK packets of every type, as recorders and their files carry them.

Source: portbook's docs on REF TEK; 130 Recording Format 3.4.5, facts only. EH, DT and ET are like
real ones octet for octet; of the other types no real ones are public.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from portbook.emulators.reftek.dates import Tag

SIZE, HEAD, FRONT, FILLER = 1024, 16, 24, 40
MODULUS = 10_000
TEXT_FROM, TEXT_MOST = 24, 1000
_BCD = [bytes.fromhex(f"{number:04}") for number in range(MODULUS)]
_BYTE = [bytes.fromhex(f"{number:02}") for number in range(100)]
_CODES = {"16": 0x16, "32": 0x32, "33": 0x33, "C0": 0xC0, "C1": 0xC1, "C2": 0xC2, "C3": 0xC3}
_IMPLEMENTED = 1008  # when a parameter packet took effect
_ET_OCTETS = 416  # what real EH and ET packets say, though they fill more


class Station(NamedTuple):
    """What an EH or ET packet tells beside its times; each array has an entry a channel."""

    name: str = "PB01"
    stream_name: str = "CONTINUOUS"
    trigger: str = "CON"
    source: str = "2"  # of time: 1 internal, 2 GPS
    quality: str = "0"  # ? never locked, else days since the lock
    nominal: str = "104.2 mV"
    weights: tuple[str, ...] = ("1.585 uV", "1.587 uV", "1.587 uV")
    gains: str = "111"
    resolutions: str = "333"
    full_scales: str = "333"
    sensor_scales: str = ""
    sensor_volts: tuple[str, ...] = ()
    sensor_units: str = ""
    installed: str = "3"
    comment: str = "MADE UP BY PORTBOOK"
    position: str = "N 4807.311E01235.830+00547"


def head(kind: str, unit: int, tag: Tag, octets: int, sequence: int, experiment: int = 0) -> bytes:
    """Return the sixteen octets that every packet begins with."""
    return b"".join(
        (
            kind.encode(),
            _BYTE[experiment],
            _BYTE[tag.year % 100],
            unit.to_bytes(2),
            bytes.fromhex(tag.digits),
            _BCD[octets],
            _BCD[sequence % MODULUS],
        )
    )


def data(
    unit: int,
    tag: Tag,
    sequence: int,
    *,
    event: int,
    stream: int,
    channel: int,
    samples: int,
    coding: str,
    body: bytes,
    flags: int = 0,
) -> bytes:
    """Return a DT packet; body: what follows octet 24, at most 1000 octets."""
    size = {"16": 2, "32": 4, "33": 4}.get(coding)
    octets = SIZE if size is None else FRONT + size * samples
    packet = b"".join(
        (
            head("DT", unit, tag, octets, sequence),
            _BCD[event % MODULUS],
            _BYTE[stream],
            _BYTE[channel],
            _BCD[samples],
            bytes((flags, _CODES[coding])),
            body,
        )
    )
    return packet.ljust(SIZE, b"\0")


def event(
    kind: str,
    unit: int,
    trigger: Tag,
    sequence: int,
    *,
    number: int,
    stream: int,
    rate: str,
    coding: str,
    first: Tag,
    last: Tag | None = None,
    detrigger: Tag | None = None,
    station: Station | None = None,
) -> bytes:
    """Return an event's header (EH) or trailer (ET, which alone tells the last sample).

    trigger, first, detrigger, last: of the trigger, the first sample, and how it ended
    """
    told = station or Station()
    packet = bytearray(b" " * SIZE)
    packet[:HEAD] = head(kind, unit, trigger, _ET_OCTETS, sequence)
    front = _BCD[number % MODULUS], _BYTE[stream], bytes(4), bytes((_CODES[coding],))
    packet[HEAD:FRONT] = b"".join(front)
    texts = {
        24: f"Trigger Time = {trigger.text}\r\n{told.source}{told.quality}",
        59: f"{told.name[4:5]:1}{told.name[:4]:4}{told.stream_name:16}",
        88: f"{rate:4}{told.trigger:4}{trigger.text}{first.text}",
        128: (detrigger.text if detrigger else "").ljust(16) + (last.text if last else ""),
        160: told.nominal * len(told.weights),
        288: "".join(told.weights),
        416: told.gains,
        432: told.resolutions,
        448: told.full_scales,
        528: told.sensor_scales,
        544: "".join(f"{volts:6}" for volts in told.sensor_volts),
        640: told.sensor_units,
        860: f"{told.installed:2}{told.comment}",
        918: told.position,
    }
    _put(packet, texts)
    return bytes(packet)


def health(unit: int, tag: Tag, sequence: int, lines: Iterable[tuple[Tag, str]]) -> list[bytes]:
    """Return the SH packets of state-of-health lines; an entry may run on into the next packet."""
    text = "".join(f"{at.clock} {said}\r\n" for at, said in lines).encode("ascii", "replace")
    found: list[bytes] = []
    for begin in range(0, len(text), TEXT_MOST):
        part = text[begin : begin + TEXT_MOST]
        octets = head("SH", unit, tag, TEXT_FROM + len(part), sequence + len(found))
        found.append((octets + b" " * 8 + part).ljust(SIZE, b" "))
    return found


def parameters(
    kind: str, unit: int, tag: Tag, sequence: int, texts: Mapping[int, str | bytes]
) -> bytes:
    """Return a parameter packet (SC, OM, DS, AD, CD, FD): texts by their offset, else spaces."""
    packet = bytearray(b" " * SIZE)
    packet[:HEAD] = head(kind, unit, tag, SIZE, sequence)
    _put(packet, {**texts, _IMPLEMENTED: tag.text})
    return bytes(packet)


def channels_of(
    serial: str, station: str, channels: Sequence[str], name: str = "EMULATED", sensor: str = ""
) -> dict[int, str]:
    """Return the texts of an SC packet: station and channels, at most five."""
    texts = {16: "00", 18: name, 82: "0001", 86: station, 150: "RT130", 162: serial}
    for index, channel in enumerate(channels[:5]):
        at = 202 + 146 * index
        texts |= {at: str(index + 1), at + 2: channel, at + 70: "1", at + 74: sensor or "SENSOR"}
        texts |= {at + 86: "0001", at + 138: "104.2 mV"}
    return texts


def streams_of(streams: Iterable[tuple[int, int, str, str, int]]) -> dict[int, str]:
    """Return the texts of a DS packet, at most four streams.

    streams: wire number, channels, rate, format, record length in seconds of each
    """
    texts: dict[int, str] = {}
    for index, (number, channels, rate, coding, seconds) in enumerate(list(streams)[:4]):
        at = 16 + 230 * index
        texts |= {at: str(number + 1), at + 2: "HH", at + 18: "  Y ", at + 26: "Y" * channels}
        texts |= {at + 42: rate, at + 46: coding, at + 64: "CON", at + 68: str(seconds)}
    return texts


OPERATION: dict[int, str] = {18: "SC", 24: "Y", 26: "66", 32: "N", 36: "3"}
AUXILIARY: dict[int, str] = {16: "99", 18: "YYY", 34: "10", 42: "16", 44: "3600", 52: "  Y "}
CALIBRATION: dict[int, str] = {130: "1Y10  6 1.0 3 30"}
# One block: no more to follow, filter "Y", decimation 2, scale 15, four coefficients of 32 bits.
FILTERS: dict[int, bytes] = {
    16: bytes.fromhex("0059020f04040032")
    + b"".join(one.to_bytes(4, signed=True) for one in (1, -2, 3, -4))
}


def _put(packet: bytearray, texts: Mapping[int, str | bytes]) -> None:
    for at, text in texts.items():
        octets = text if isinstance(text, bytes) else text.encode("ascii", "replace")
        packet[at : at + len(octets)] = octets
