"""Tell CODESYS V3 by its bytes: who asks, what was said, which node told what of itself.

Sources: those of the package. The rule for datagrams took 352 of 537,705 UDP payloads of public
captures, all of them genuine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portbook.ports import Transport
from portbook.protocols import Payload, Side, confirmed, plausible
from portbook.protocols.codesys import addresses, blocks, channel, datagram, naming, services
from portbook.records import Identification

NAME = "codesys-v3"
_ENCRYPTION = {0: "not supported", 1: "supported", 2: "required", 3: "required"}


def recognise(payload: Payload) -> Identification | None:
    """Name CODESYS V3 over UDP or TCP; None when the client's and server's roles do not fit."""
    if payload.transport not in (Transport.UDP, Transport.TCP):
        return None
    asking, answering = (
        _Heard(payload.transport, side) for side in (payload.to_server, payload.to_client)
    )
    if not (asking.datagrams or answering.datagrams):
        return None
    if asking.votes < answering.votes or not (asking.datagrams or answering.votes < 0):
        return None
    against = tuple(dict.fromkeys(asking.against + answering.against))
    mixed = any(one.strange and not one.datagrams for one in (asking, answering))
    because = tuple(dict.fromkeys(asking.because + answering.because))
    sure = bool(asking.sound or answering.sound) and not mixed
    return (confirmed if sure else plausible)(
        NAME,
        *because,
        against=against,
        facts=_facts(asking, answering, payload.transport),
        client=asking.device,
        server=answering.device,
    )


class _Heard:
    """What one side said: its datagrams, and all that follows from them.

    votes: above zero it asks, below zero it answers
    sound: messages whose lengths or checksums agree
    """

    def __init__(self, transport: Transport, side: Side) -> None:
        self.datagrams: list[datagram.Datagram] = []
        self.because: list[str] = []
        self.against: list[str] = []
        self.facts: dict[str, Any] = {}
        self.device: dict[str, str] = {}
        self.calls: list[str] = []
        self.packages: list[channel.Package] = []
        self.votes = self.sound = self.strange = 0
        if transport is Transport.TCP:
            cut, faults = blocks.split(side.octets)
            self.against += faults
            self._take_all((block.datagram, block.length) for block in cut)
            self.strange += bool(side.octets) and not cut
            if self.datagrams:
                self.because.append("TCP blocks with the magic 00 01 17 e8 and their length")
        else:
            self._take_all((piece.octets, piece.length) for piece in side if piece.octets)
        self._join()

    def _take_all(self, parts: Iterable[tuple[bytes, int]]) -> None:
        for octets, length in parts:
            found = datagram.read(octets, length)
            if found is None or not self._take(found):
                self.strange += 1
            else:
                self.datagrams.append(found)
        if self.strange and self.datagrams:
            self.against.append(f"{self.strange} of its messages are none of CODESYS V3")

    def _take(self, found: datagram.Datagram) -> bool:
        self.against += (f"malformed: {fault}" for fault in found.faults)
        self.against += found.unusual
        if found.faults:
            self.because.append("magic c5 and a known service")
            return True
        if found.service in (datagram.NAME_REQUEST, datagram.NAME_ANSWER):
            return self._name_service(found)
        if found.service == datagram.CHANNEL:
            return self._channel(found)
        if found.service == datagram.ADDRESS_NOTIFICATION:
            self.because.append("address notification: as long as its addresses say")
            self.against.append("service 2, never met in traffic")
            return True
        self.because.append("announcement: magic c5 and as long as its addresses say")
        self.sound += found.sound
        return True

    def _name_service(self, found: datagram.Datagram) -> bool:
        told = naming.read(found.payload, found.missing)
        asks = found.service == datagram.NAME_REQUEST
        if told is None or isinstance(told, naming.Request) is not asks:
            return False
        self.votes += 1 if asks else -1
        self.against += told.warnings
        if isinstance(told, naming.Request):
            self.because.append(f"name-service request {told.package:04X}")
            self.facts.setdefault("asks", naming.PACKAGES[told.package])
            self.sound += found.sound and not told.warnings
            return True
        self.against += (f"malformed: {fault}" for fault in told.faults)
        self.because.append("name-service answer C280")
        if found.sound and not told.faults and not any("version" in one for one in told.warnings):
            self.because.append("the lengths of its names agree")
            self.sound += 1
        self._node(told)
        return True

    def _node(self, node: naming.Node) -> None:
        fixed = node.fixed
        texts = {
            "vendor": node.vendor,
            "product": node.device,
            "version": node.target_version if fixed else None,
            "name": node.name,
            "serial": node.serial,
        }
        for key, text in texts.items():
            if text and "names misaligned" not in node.faults:
                self.device.setdefault(key, text)
        if not fixed:
            return
        driver = fixed.get("driver")
        facts = {
            "target_type": f"{fixed['target_type']:#06x}",
            "target_id": f"{fixed['target_id']:#010x}",
            "target_version": node.target_version,
            "max_channels": fixed["channels"],
            "byte_order": "Intel" if fixed["order"] else "Motorola",
        }
        if "flags" in fixed:
            facts["encryption"] = _ENCRYPTION[fixed["flags"] & 3]
        if driver is not None:
            known = driver < len(naming.DRIVERS)
            facts["driver"] = naming.DRIVERS[driver] if known else f"{driver:#04x}"
        for key, value in facts.items():
            self.facts.setdefault(key, value)

    def _channel(self, found: datagram.Datagram) -> bool:
        package = channel.read(found.payload, found.missing)
        if package is None:
            return False
        self.packages.append(package)
        self.against += (f"malformed: {fault}" for fault in package.faults)
        self.because.append("channel layer")
        if package.asking is not None:
            self.votes += 1 if package.asking else -1
        if package.checked and found.sound:
            self.because.append("checksums or exact lengths of channel packages agree")
            self.sound += 1
        return True

    def _join(self) -> None:
        for message, _, faults in channel.messages(self.packages):
            self.against += (f"malformed: {fault}" for fault in faults)
            call = services.read(message)
            if call is None or faults:
                continue
            self.sound += 1
            self.because.append("services layer, its message checksum agrees")
            self.against += (f"malformed: {fault}" for fault in call.faults)
            self.calls.append("encrypted" if call.secure else call.title)
            if call.answer and (call.group, call.command) == (1, 1):
                self._device(services.device(call.content))

    def _device(self, told: dict[str, str | tuple[str, ...]]) -> None:
        for key in ("vendor", "product", "name", "serial"):
            if key in told:
                self.device.setdefault(key, str(told[key]))
        # The runtime's own version says more than that of the device description.
        version = told.get("runtime_version", told.get("device_version"))
        if version:
            self.device["version"] = str(version)
        for key in ("runtime_version", "device_version", "adapters"):
            if key in told:
                self.facts.setdefault(key, told[key])


def _facts(asking: _Heard, answering: _Heard, transport: Transport) -> dict[str, Any]:
    kinds = [
        datagram.SERVICES[one.service] for side in (asking, answering) for one in side.datagrams
    ]
    facts: dict[str, Any] = {"messages": tuple(dict.fromkeys(kinds))}
    for key, side in (("client", asking), ("server", answering)):
        first = next((one for one in side.datagrams if one.sender), None)
        if first is None:
            continue
        facts[f"{key}_address"] = addresses.text(first.sender)
        facts[f"{key}_hops"] = first.hops
        where = addresses.tcp_text(first.sender) if transport is Transport.TCP else None
        if where:
            facts[f"{key}_claims"] = where  # what that side believes, not what is on the wire
    calls = tuple(dict.fromkeys(asking.calls + answering.calls))
    if calls:
        facts["calls"] = calls
    return {**facts, **answering.facts, **asking.facts}
