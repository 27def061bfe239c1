"""What a receiver (`portbook rtpd`) tells of its stations, for pages.

It is asked while somebody looks, and not more often than every two seconds, however many look.
Waveforms and state of health are read from its disk in other threads: that holds up nobody, neither
this program's loop nor the receiver.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from portbook.daemons.configuration.places import Endpoint, endpoint
from portbook.faces.web import stations_asking, stations_reading
from portbook.faces.web.stations_asking import Unanswered
from portbook.faces.web.stations_reading import Names
from portbook.faces.web.stations_records import (
    Envelope,
    Health,
    Place,
    Problem,
    Recent,
    Told,
    Trouble,
)
from portbook.seismic.positions import Position

if TYPE_CHECKING:
    from portbook.daemons.configuration.settings import Settings
    from portbook.faces.rtpid_status import Restart, Watchdog
    from portbook.faces.web.settings import Serving
    from portbook.seismic.stations import Stations as Codes

FRESH_S = 2.0  # an answer, and what was read, is told again for so long
SECONDS, WIDTH = 300, 720  # of an envelope, unless it is asked for otherwise
HEALTH_S = 24 * 3600
MOST_KEPT = 64  # envelopes and states of health that are kept for others who look
MOST_READING = 2  # threads that read at a time
MOST_PLACES = 4096
MOST_RESTARTS = 50
_NANO = 1_000_000_000
Made = TypeVar("Made")


class Restarts(NamedTuple):
    """What the receiver's watchdog wrote down: how it stands; why receivers ended, newest first."""

    watchdog: Watchdog
    ends: tuple[Restart, ...]


class Stations:
    """Asks one receiver, and reads its disk where its settings are known.

    status_address: ADDRESS:PORT of its status, None: as the settings say; settings: as
    `portbook.daemons.configuration.settings.load` returns them, None: names, waveforms and
    restarts are not known. Raises UsageError for an address that is none.
    """

    def __init__(self, status_address: str | None, settings: Settings | None) -> None:
        where = status_address or (settings.listen.status if settings else "")
        self._place: Endpoint | None = endpoint(where)
        self._settings = settings
        self._names = _names(settings)
        self._codes: Codes | None = settings.stations() if settings else None
        self._told: Told | None = None
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()
        self._reading = asyncio.Semaphore(MOST_READING)
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, asyncio.Future[Any]]] = OrderedDict()
        self._places: OrderedDict[str, Place] = OrderedDict()
        self.problem: Problem | None = None if self._place else Problem(Trouble.UNSET)
        self.version = 0  # rises when a list of stations would show something else

    @classmethod
    def open(cls, serving: Serving) -> Stations | None:
        """Return those of a server's settings; None where they name no receiver."""
        if serving.rtpd is None and serving.rtpd_config is None:
            return None
        if serving.rtpd_config is None:
            return cls(serving.rtpd, None)
        from portbook.daemons.configuration.settings import load

        return cls(serving.rtpd, load(serving.rtpd_config))

    @property
    def reads_disk(self) -> bool:
        """Tell whether waveforms, state of health and restarts can be read."""
        return self._settings is not None

    async def latest(self) -> Told | None:
        """Return what the receiver tells, at most two seconds old; None: see `problem`."""
        if self._place is None:
            return None
        async with self._asking:
            if time.monotonic() - self._asked_s >= FRESH_S:
                await self._ask(self._place)
        return self._told

    async def recent(self, unit: str, seconds: int = SECONDS, width: int = WIDTH) -> Recent:
        """Return the last minutes of all channels of a unit, up to its newest data."""
        settings = self._settings
        if settings is None:
            return Recent(unit)
        key = "recent", unit, seconds, width
        return await self._once(
            key, lambda: _recent(settings, self._codes, unit, seconds, width, time.time_ns())
        )

    async def envelope(
        self, unit: str, stream: int, channel: int, seconds: int = SECONDS, width: int = WIDTH
    ) -> Envelope | None:
        """Return the last minutes of a channel, counted from 1; None when none is kept of it."""
        recent = await self.recent(unit, seconds, width)
        return next(
            (one for one in recent.envelopes if (one.stream, one.channel) == (stream, channel)),
            None,
        )

    async def health(self, unit: str, seconds: int = HEALTH_S) -> Health | None:
        """Return what a unit said of itself in a time; None where that cannot be read."""
        settings = self._settings
        if settings is None:
            return None
        return await self._once(
            ("health", unit, seconds), lambda: _health(settings, unit, seconds, time.time_ns())
        )

    async def restarts(self) -> Restarts | None:
        """Return why the receiver was restarted, and when; None where that cannot be read."""
        settings = self._settings
        if settings is None:
            return None
        return await self._once(("restarts",), lambda: _restarts(settings.folder))

    async def watch(self, looked_at: Callable[[], int], tell: Callable[[], object]) -> None:
        """Ask while somebody looks, and tell when something changed; ends by being cancelled.

        looked_at: how many look now
        """
        before = self.version
        while True:
            await asyncio.sleep(FRESH_S)
            if looked_at():
                await self.latest()
            if before != self.version:
                before = self.version
                tell()

    async def _ask(self, place: Endpoint) -> None:
        problem = None
        try:
            octets = await stations_asking.status(place)
            self._told = self._placed(
                await asyncio.to_thread(stations_reading.read, octets, self._names)
            )
        except Unanswered as error:
            problem = error.problem
        except ValueError:
            problem = Problem(Trouble.FOREIGN, str(place))
        if problem is not None:
            self._told = None
        self.version += problem is None or problem != self.problem
        self.problem = problem
        self._asked_s = time.monotonic()

    def _placed(self, told: Told) -> Told:
        """Return it with places of before: a receiver that began anew has not heard them yet."""
        known = []
        for one in told.stations:
            if one.place is not None:
                self._places[one.unit] = one.place
                self._places.move_to_end(one.unit)
            elif one.unit in self._places:
                one = msgspec.structs.replace(one, place=self._places[one.unit])
            known.append(one)
        while len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
        return msgspec.structs.replace(told, stations=tuple(known))

    async def _once(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """Make something in a thread, once for all who ask for it within two seconds."""
        now_s = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or now_s - kept[0] >= FRESH_S:
            while len(self._kept) >= MOST_KEPT:
                self._kept.popitem(last=False)
            future = asyncio.ensure_future(self._read(make))
            kept = self._kept[key] = now_s, future
            self._kept.move_to_end(key)
        # One who goes away must not take it from the others who wait for it.
        made: Made = await asyncio.shield(kept[1])
        return made

    async def _read(self, make: Callable[[], Made]) -> Made:
        async with self._reading:
            return await asyncio.to_thread(make)


def _names(settings: Settings | None) -> Mapping[str, Names]:
    if settings is None:
        return {}
    return {
        unit: Names(
            f"{about.network}.{about.station}" if about.station else None,
            Position(*about.position) if about.position else None,
        )
        for unit, about in settings.unit.items()
    }


def _recent(
    settings: Settings, codes: Codes | None, unit: str, seconds: int, width: int, now_ns: int
) -> Recent:
    from portbook.faces.web import stations_envelopes, stations_tails

    tail = stations_tails.data(settings, unit, seconds * _NANO, now_ns)
    told = {stream: rate for (of, stream), rate in settings.rates().items() if of == unit}
    made = stations_envelopes.envelopes(
        unit,
        tail.packets,
        {**told, **tail.rates},
        codes,
        seconds=seconds,
        width=width,
        near_year=_year(now_ns),
    )
    return Recent(unit, made, tail.source, tail.cut)


def _health(settings: Settings, unit: str, seconds: int, now_ns: int) -> Health:
    from portbook.faces.web import stations_health, stations_tails

    since_ns = now_ns - seconds * _NANO
    tail = stations_tails.health(settings, unit, since_ns, now_ns)
    return stations_health.health(unit, tail.packets, _year(now_ns), since_ns, now_ns)


def _restarts(folder: str) -> Restarts:
    from portbook.faces import rtpid_status

    ends = rtpid_status.ends(folder)
    return Restarts(rtpid_status.watchdog(folder), tuple(reversed(ends[-MOST_RESTARTS:])))


def _year(now_ns: int) -> int:
    return time.gmtime(now_ns // _NANO).tm_year
