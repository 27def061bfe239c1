"""How fast questions leave: so many a second altogether, and one a second for a device."""

from __future__ import annotations

import asyncio

DEVICE_S = 1.0
RATE_HZ = 10.0


class Pace:
    """Gives each message its turn.

    rate_hz: messages a second altogether; device_s: least time between two to one host
    """

    def __init__(self, rate_hz: float = RATE_HZ, device_s: float = DEVICE_S) -> None:
        self._gap_s, self._device_s = 1 / rate_hz, device_s
        self._next = 0.0
        self._devices: dict[str, float] = {}

    async def turn(self, host: str, *, device_s: float | None = None) -> None:
        """Wait until a message may leave for a host.

        device_s: another time since the one before, where several belong together
        """
        clock = asyncio.get_running_loop().time
        wait_s = self._device_s if device_s is None else device_s
        await _until(self._devices.get(host, float("-inf")) + wait_s)
        at = max(clock(), self._next)
        self._next = at + self._gap_s
        await _until(at)
        self.left(host)

    def left(self, host: str) -> None:
        """Note that a message for a host left just now."""
        self._devices[host] = asyncio.get_running_loop().time()


async def _until(moment: float) -> None:
    wait_s = moment - asyncio.get_running_loop().time()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
