"""GE Ethernet Global Data: datagrams that a producer sends by the clock, each with a status."""

from __future__ import annotations

from typing import Any

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, IPV4, LE, Field, Layout
from portbook.records import Identification, Source

NAME = "egd"
HEADER = Layout(
    "Ethernet Global Data message header",
    32,
    (
        Field("type", 0, 1, BE, None, "13: produced data", 13),
        Field("version", 1, 1, BE, None, "always 1", 1),
        Field("request", 2, 2, LE, None, "counts the samples of an exchange"),
        Field("producer", 4, 4, IPV4, None, "producer id, written as an address"),
        Field("exchange", 8, 4, LE, None, "exchange id"),
        Field("seconds", 12, 4, LE, "s", "when it was produced, Unix time; 0 unknown"),
        Field("nanoseconds", 16, 4, LE, "ns", "below a second"),
        Field("status", 20, 4, LE, None, "of the producer, 1 without error"),
        Field("signature", 24, 4, LE, None, "of the configuration, 0 not used"),
        Field("reserved", 28, 4, LE, None, "always 0", 0),
    ),
)
STATUSES = frozenset((0, 1, 2, 3, 4, 6, 7, 10, 12, 14, 16, 18, 22, 26, 28, 30))
MOST = 1400  # octets of data in one exchange
SECOND_NS = 1_000_000_000
LEAST, STEP_AT_MOST = 2, 16  # samples that must follow each other, and how many may be lost


def recognise(payload: Payload) -> Identification | None:
    """Name EGD when samples of one exchange follow each other; nothing ever answers them."""
    if payload.transport is not Transport.UDP or payload.to_client:
        return None
    samples = []
    for piece in judged(payload.to_server):
        read = HEADER.read(piece.octets)
        if read is None or not _fits(read) or not 0 < piece.length - HEADER.size <= MOST:
            return None
        samples.append((read, piece.length))
    followed = _followed(samples)
    if not followed:
        return None
    exchanges = {(read["producer"], read["exchange"]) for read, _ in samples}
    facts = {
        "producers": sorted({producer for producer, _ in exchanges}),
        "exchanges": sorted(exchange for _, exchange in exchanges),
    }
    return plausible(
        NAME,
        f"{len(samples)} headers of produced data",
        f"{followed} samples follow the one before in number and time",
        against=("nothing answers produced data",),
        facts=facts,
    )


def _fits(read: dict[str, Any]) -> bool:
    if (read["type"], read["version"], read["reserved"]) != (13, 1, 0):
        return False
    known = read["status"] in STATUSES and read["nanoseconds"] < SECOND_NS
    return known and read["producer"] != "0.0.0.0" and read["exchange"] != 0


def _followed(samples: list[tuple[dict[str, Any], int]]) -> int:
    """Count the samples that follow one of the same exchange; 0 where one does not."""
    last: dict[tuple[str, int], tuple[dict[str, Any], int]] = {}
    followed = 0
    for read, length in samples:
        before = last.get((read["producer"], read["exchange"]))
        last[read["producer"], read["exchange"]] = read, length
        if before is None:
            continue
        old, old_length = before
        step = (read["request"] - old["request"]) & 0xFFFF
        later = (read["seconds"], read["nanoseconds"]) >= (old["seconds"], old["nanoseconds"])
        if not (1 <= step <= STEP_AT_MOST and later and length == old_length):
            return 0
        followed += 1
    return followed if followed + 1 >= LEAST else 0


PROTOCOL = Protocol(
    name=NAME,
    title="Ethernet Global Data (GE, Emerson)",
    recognise=recognise,
    sources=(
        Source("Wireshark 4.0.17, packet-egd.c", "2024-11", "header, status codes, port"),
        Source("GFK-2224: TCP/IP Ethernet Communications for PACSystems", None,
               "Ethernet Global Data"),
    ),
    signatures=(Signature(Transport.UDP, 0, b"\x0d\x01"),),
    usual=(Usual(PortRange(18246, 18246), Transport.UDP, "both", confidence="two sources"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "EGD carries process values without any check of who sends them. "
        "Keep it inside the control network."
    ),
)  # fmt: skip
