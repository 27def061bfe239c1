"""rsync's daemon: both sides begin with a line that names their protocol version."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.records import Identification, Source

NAME = "rsync"
MAGIC = b"@RSYNCD: "

_GREETING = re.compile(rb"@RSYNCD: ([0-9]{2}(?:\.[0-9]{1,3})?)(?: [a-z0-9 ]{2,100})?\r?\n")


def recognise(payload: Payload) -> Identification | None:
    """Name rsync by the greeting of one side or both."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = _version(payload.to_server), _version(payload.to_client)
    if asked and answered:
        spoken = min(asked, answered, key=float)
        facts = {"protocol_version": spoken}
        return confirmed(NAME, "both sides greet with their version", facts=facts)
    if answered and not payload.to_server:
        facts = {"protocol_version": answered}
        return plausible(NAME, "the server greets with its version", facts=facts)
    return None


def _version(side: Side) -> str | None:
    match = _GREETING.match(side.octets[:256])
    return match[1].decode("latin-1") if match else None


PROTOCOL = Protocol(
    name=NAME,
    title="rsync daemon",
    recognise=recognise,
    sources=(
        Source("rsync 3.2 manual, rsyncd.conf, and its source, clientserver.c", "2022",
               "the exchange of greetings"),
        Source("IANA Service Name and Transport Protocol Port Number Registry", None, "port 873"),
    ),
    signatures=(Signature(Transport.TCP, 0, MAGIC[:8]),),
    usual=(Usual(PortRange(873, 873), Transport.TCP, confidence="verified", source=1),),
    safety="Files travel in the clear, and a module may be open to all who reach it.",
    programs=("rsync", "rsyncd"),
)  # fmt: skip
