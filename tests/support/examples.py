"""Examples of protocols: real messages as hex with their source, and what they must be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from portbook.protocols import Payload
from portbook.records import Confidence

CONFIRMED, PLAUSIBLE = Confidence.CONFIRMED, Confidence.PLAUSIBLE


def unhex(text: str) -> bytes:
    """Turn hex into octets; blanks and line ends do not count, `00*22` repeats an octet."""
    octets = bytearray()
    for word in text.split():
        if "*" in word:
            head, times = word.rsplit("*", 1)
            octets += bytes.fromhex(head[:-2]) + bytes.fromhex(head[-2:]) * int(times)
        else:
            octets += bytes.fromhex(word)
    return bytes(octets)


@dataclass(frozen=True)
class Example:
    """A payload, where it comes from, and the name that it must get; None: no name at all.

    also: other protocols that may rightly call it plausible
    """

    title: str  # what it is and its source: "beacon, CoDe16 example.pcap frame 1"
    payload: Payload
    protocol: str | None
    confidence: Confidence | None = CONFIRMED
    facts: Mapping[str, object] = field(default_factory=dict)  # must be among the facts
    client: Mapping[str, str] = field(default_factory=dict)
    server: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()


def mutations(octets: bytes) -> Iterator[bytes]:
    """Give every prefix, then trailing octets, then one octet changed anywhere."""
    step = max(1, len(octets) // 64)
    for end in range(0, len(octets), step):
        yield octets[:end]
    yield octets + b"\0"
    yield octets + b"\xff" * 9
    yield octets + octets
    for at in range(0, len(octets), step):
        for change in (0x00, 0xFF, octets[at] ^ 0x80, octets[at] ^ 0x01):
            yield octets[:at] + bytes((change,)) + octets[at + 1 :]
