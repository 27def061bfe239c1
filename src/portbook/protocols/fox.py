"""Niagara Fox: frames of text, whose hello tells station, host and software of both sides.

There is no public specification; what stands here was read from real conversations.
"""

from __future__ import annotations

import re

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.records import Identification, Source

NAME = "fox"
FRAME = re.compile(rb"fox ([a-z]) (\d{1,10}) (-1|\d{1,10}) ([a-zA-Z]{1,20}) ([a-zA-Z]{1,20})\n\{\n")
VALUE = re.compile(rb"^([A-Za-z.]{1,40})=([si]):([^\n]{1,200})$", re.MULTILINE)
END = b"\n};;"
HELLO = (b"fox", b"hello")
TOLD = {
    "app.name": "product",
    "app.version": "version",
    "station.name": "name",
    "hostId": "serial",
    "hostName": "host name",
    "hostAddress": "address told",
    "os.name": "os",
    "os.version": "os version",
    "brandId": "brand",
    "vm.name": "vm",
    "vm.version": "vm version",
}


def recognise(payload: Payload) -> Identification | None:
    """Name Fox by the first frame of each side; what its hello tells becomes facts."""
    sides = (payload.to_server, payload.to_client)
    frames = [FRAME.match(side.octets) for side in sides]
    if any(bool(side.octets) != bool(frame) for side, frame in zip(sides, frames, strict=True)):
        return None
    found = [frame for frame in frames if frame]
    if payload.transport is not Transport.TCP or not found:
        return None
    hellos = [frame for frame in found if frame.groups()[3:] == HELLO]
    client, server = (_told(side) for side in sides)
    if len(found) == 2 and hellos:
        because = "a hello, and a frame in the other direction"
        return confirmed(NAME, because, client=client, server=_with_vendor(server))
    if hellos and b"\nfox.version=s:" in payload.to_server.octets + payload.to_client.octets:
        because = "a hello with its version"
        return confirmed(NAME, because, client=client, server=_with_vendor(server))
    return plausible(NAME, "the first line of a frame", client=client, server=server)


def _told(side: Side) -> dict[str, str]:
    """Return what the hello of a side tells of it; secrets stand in later frames only."""
    frame = FRAME.match(side.octets)
    if not frame or frame.groups()[3:] != HELLO:
        return {}
    body = side.octets[frame.end() :].split(END, 1)[0]
    found: dict[str, str] = {}
    for key, _, value in VALUE.findall(body + b"\n"):
        text = value.decode("utf-8", "replace")
        if key.decode() in TOLD and text.isprintable():
            found[TOLD[key.decode()]] = text
    return found


def _with_vendor(told: dict[str, str]) -> dict[str, str]:
    return {"vendor": "Tridium", **told} if told else {}


PROTOCOL = Protocol(
    name=NAME,
    title="Niagara Fox",
    recognise=recognise,
    sources=(
        Source("Nmap, fox-info.nse", "2014", "the hello and its keys"),
        Source("Tridium Niagara: station and platform ports", None, "Fox 1911, Foxs 4911"),
    ),
    signatures=(Signature(Transport.TCP, 0, b"fox \0 ", b"\xff\xff\xff\xff\0\xff"),),
    usual=(Usual(PortRange(1911, 1911), Transport.TCP, confidence="two sources"),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "A Niagara station runs a building's controllers; Fox tells its versions to anyone and "
        "takes logins in the clear. Keep it inside, and prefer Foxs (4911, in TLS)."
    ),
)
