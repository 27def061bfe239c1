"""A Unitrends appliance's control channel: greets, and never says more.

Sources: those of `protocols.unitrends`. What it is sent is counted and thrown away: nothing of it
is carried out, kept or passed on. Nobody listens on the data port that it announces.
"""

from __future__ import annotations

from portbook.emulators.controllers import NANO, Device, Door, Plate, Session
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.unitrends import GREETING

OPEN_S = 3.0
MOST_READ = 4096


class Unitrends(Device):
    """An appliance; data_port: the one that its greeting announces."""

    kind = "unitrends"
    title = "Unitrends control channel"
    usual = Plate(vendor="Unitrends")
    carries = ()
    doors = (Door(Transport.TCP, 1743),)

    def __init__(self, plate: Plate | None = None, *, data_port: int = 36092) -> None:
        super().__init__(plate)
        if not 1 <= data_port <= 65535:
            raise UsageError(f"a data port is 1 to 65535, got {data_port}")
        self.greeting = greeting(data_port)

    def session(self, now_ns: int) -> Session:
        """Return a session that greets."""
        self.tally.note("connection, greeted")
        return _Greeting(self, now_ns)


class _Greeting(Session):
    def __init__(self, device: Unitrends, now_ns: int) -> None:
        self._device = device
        self._read = 0
        self.until_ns = now_ns + round(OPEN_S * NANO)

    def begin(self, now_ns: int) -> bytes:
        """Greet: the server speaks first."""
        return self._device.greeting

    def receive(self, octets: bytes, now_ns: int) -> bytes:
        """Throw away what comes, and close when it is too much."""
        if not self._read:
            self._device.tally.note("something sent, thrown away")
        self._read += len(octets)
        self.ended = self._read >= MOST_READ
        return b""


def greeting(data_port: int) -> bytes:
    """Return the greeting that announces a port."""
    argument = b"Connect%d\0\0\0" % data_port
    # two arguments: type, length 1, one octet; type, length, text; inferred
    between = (1).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\0"
    between += (2).to_bytes(4, "big") + len(argument).to_bytes(4, "big")
    head = GREETING.write(length=29 + len(argument))[:12]
    return head + between + argument
