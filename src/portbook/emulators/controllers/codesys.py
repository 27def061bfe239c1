"""A CODESYS V3 runtime: announces itself, answers the name service; never a session.

Sources: those of `protocols.codesys`. Answers go to the address that the question encodes, as the
real ones do, and only inside the own subnet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from portbook.addresses import parse
from portbook.emulators.controllers import NANO, Device, Door, Framed, Plate, Sent, dotted
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.codesys import addresses, blocks, channel, naming
from portbook.protocols.codesys import datagram as router

UDP_DRIVER, TCP_DRIVER = 5, 1
ORIGIN_HOPS, ANNOUNCEMENT_HOPS = 14, 1
NOT_A_SERVER = 2  # result of an open request
META_HEAD = struct.Struct("<BBHI")
OPEN_ANSWER = struct.Struct("<IHHIBBH")


class Codesys(Device):
    """A runtime with its router.

    period_s: between announcements, 0 for none; announce_to: addresses of the own subnet, none for
    its broadcast address; answers: whether it answers the name service; the others are fields of
    its identification
    """

    kind = "codesys"
    title = "CODESYS V3 runtime"
    usual = Plate("portbook", "portbook stand-in", "Stand-in Controller", "3.5.20.40", "SN-0001")
    carries = ("name", "vendor", "product", "version", "serial")
    doors = (
        Door(Transport.UDP, addresses.FIRST_PORT, addresses.PORTS, broadcast=True),
        Door(Transport.TCP, 11740, addresses.PORTS),
    )
    needs_ipv4 = True

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        period_s: float = 60.0,
        announce_to: tuple[str, ...] = (),
        answers: bool = True,
        target_type: int = 0x1000,
        target_id: int = 0x00420001,
        channels: int = 4,
        flags: int = 1,
    ) -> None:
        super().__init__(plate)
        self._period_ns = round(period_s * NANO)
        for one in announce_to:
            if not isinstance(parse(one), IPv4Address):
                raise UsageError(f"a runtime announces to an IPv4 address, got {one!r}")
        self._announce_to = announce_to
        self._answers = answers
        version = int.from_bytes(dotted(self.plate.version, 4, "a CODESYS version"), "big")
        self._fixed = {
            "channels": channels,
            "target_type": target_type,
            "target_id": target_id,
            "target_version": version,
            "flags": flags,
        }
        self._next_ns = 0

    @property
    def node(self) -> bytes:
        """Return its address over UDP, as the router layer writes it."""
        index = self.ports[Transport.UDP] - self.first_ports[Transport.UDP]
        return addresses.encode(self._ipv4, addresses.FIRST_PORT + index, self.prefix)

    @property
    def tcp_node(self) -> bytes:
        """Return its address over TCP: port, then IPv4 address."""
        return self.ports[Transport.TCP].to_bytes(2, "big") + self._ipv4

    def placed(
        self,
        address: str,
        prefix: int,
        ports: dict[Transport, int],
        first_ports: dict[Transport, int] | None = None,
    ) -> None:
        """Learn where it stands; raises UsageError when it is to announce to another subnet."""
        super().placed(address, prefix, ports, first_ports)
        for one in self._announce_to:
            if parse(one) not in self._subnet:
                raise UsageError(f"{one} is outside {self._subnet}: a router announces inside it")

    def next_ns(self) -> int | None:
        """Return when it announces itself next."""
        return self._next_ns if self._period_ns else None

    def beat(self, now_ns: int) -> Iterable[Sent]:
        """Announce itself: the same datagram to all four ports, in their order."""
        if not self._period_ns or now_ns < self._next_ns:
            return ()
        self._next_ns = (self._next_ns or now_ns) + self._period_ns
        if self._next_ns <= now_ns:
            self._next_ns = now_ns + self._period_ns
        octets = self.announcement()
        first = self.first_ports[Transport.UDP]
        targets = self._announce_to or (str(self._subnet.broadcast_address),)
        return [
            Sent(octets, (target, first + index))
            for target in targets
            for index in range(addresses.PORTS)
        ]

    def announcement(self) -> bytes:
        """Return the router's address request, which is all that an announcement is."""
        return router.build(router.ADDRESS_REQUEST, self.node, hops=ANNOUNCEMENT_HOPS)

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Answer "identify yourself"; nothing else, and nothing malformed."""
        request = self._asked(octets)
        if request is None:
            return ()
        told, found = request
        where = addresses.decode(found.sender, self._ipv4, self.prefix)
        if found.receiver not in (b"", self.node) or where is None or not self._near(where[0]):
            self.tally.note("question that names another node, or nobody to answer")
            return ()
        answer = router.build(
            router.NAME_ANSWER,
            self.node,
            found.sender,
            self._identification(told, UDP_DRIVER),
            hops=ORIGIN_HOPS,
        )
        port = self.first_ports[Transport.UDP] + where[1] - addresses.FIRST_PORT
        return [Sent(answer, (str(IPv4Address(where[0])), port))]

    def session(self, now_ns: int) -> Framed:
        """Return a session of the TCP block driver."""
        return _Blocks(self)

    def block(self, octets: bytes) -> tuple[bytes, bool]:
        """Return the answer to a datagram that came in a block, and whether it is the last."""
        found = router.read(octets)
        if found is not None and found.service == router.CHANNEL and not found.faults:
            return self._refused(found)
        request = self._asked(octets)
        if request is None:
            return b"", False
        told, found = request
        answer = router.build(
            router.NAME_ANSWER,
            self.tcp_node,
            found.sender,
            self._identification(told, TCP_DRIVER),
            hops=ORIGIN_HOPS,
        )
        return blocks.build(answer), False

    def _asked(self, octets: bytes) -> tuple[naming.Request, router.Datagram] | None:
        found = router.read(octets) if len(octets) <= router.LARGEST else None
        if found is None or found.faults:
            self.tally.strange += 1
            return None
        if found.service != router.NAME_REQUEST:
            self.tally.note(f"{router.SERVICES[found.service]}, heard only")
            return None
        told = naming.read(found.payload)
        sound = found.sound and isinstance(told, naming.Request) and not told.warnings
        if not sound or not isinstance(told, naming.Request) or not found.sender:
            self.tally.strange += 1
            return None
        self.tally.note(f"name service {naming.PACKAGES[told.package]}")
        asks = told.package == naming.IDENTIFY and self._answers
        return (told, found) if asks else None

    def _identification(self, told: naming.Request, driver: int) -> bytes:
        plate = self.plate
        return naming.build_answer(
            told.request,
            plate.name,
            plate.product,
            plate.vendor,
            plate.serial,
            driver=driver,
            **self._fixed,
        )

    def _refused(self, found: router.Datagram) -> tuple[bytes, bool]:
        package = channel.read(found.payload)
        if package is None or package.kind != channel.OPEN_REQUEST or not package.checked:
            self.tally.note("channel package without a channel")
            return b"", False
        self.tally.note("open channel, refused")
        request = int.from_bytes(found.payload[8:12], "little")
        answer = open_answer(request, NOT_A_SERVER)
        octets = router.build(router.CHANNEL, self.tcp_node, found.sender, answer, hops=ORIGIN_HOPS)
        return blocks.build(octets), True

    @property
    def _ipv4(self) -> bytes:
        return IPv4Address(self.address).packed

    @property
    def _subnet(self) -> IPv4Network:
        return IPv4Network(f"{self.address}/{self.prefix}", strict=False)

    def _near(self, ipv4: bytes) -> bool:
        """Tell whether an address is another host's own, not the subnet's or its broadcast."""
        ends = (self._subnet.network_address, self._subnet.broadcast_address)
        return IPv4Address(ipv4) not in ends


class _Blocks(Framed):
    """A connection of the TCP block driver; it is closed after 60 s without a block."""

    device: Codesys
    largest = blocks.LARGEST

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the block at the start."""
        if not blocks.MAGIC.startswith(octets[:4]):
            return None
        if len(octets) < blocks.HEADER.size:
            return 0
        length = int(blocks.HEADER.get(octets, "length"))
        return length if blocks.LEAST <= length <= blocks.LARGEST else None

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer the datagram in a block."""
        octets, self.ended = self.device.block(message[blocks.HEADER.size :])
        return octets


def open_answer(
    request: int, result: int, at: int = 0, buffer: int = 0, most_words: int = 0
) -> bytes:
    """Return the answer to an open request: result 0 with a channel, or why there is none."""
    body = OPEN_ANSWER.pack(request, result, at, buffer, 0, most_words, 0)
    package = META_HEAD.pack(channel.OPEN_ANSWER, 0, channel.META_VERSION, 0) + body
    return package[:4] + channel.meta_checksum(package).to_bytes(4, "little") + body
