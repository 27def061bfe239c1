"""All RTPDs that we read from: begun, ended and changed with the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from portbook.daemons.configuration.settings import Upstream as Told
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.upstream import Upstream, UpstreamStatus
from portbook.daemons.voices.voice import Voice
from portbook.seismic.relays import Relay
from portbook.seismic.spool import Arrival

AGAIN_S = 30.0  # after a fault of our own


class Upstreams:
    """Runs one task for each upstream of the settings.

    deliver: takes packets; False: it has no room; peers: where what cannot be is counted;
    recalled: addresses that packets of upstreams came from before a restart
    """

    def __init__(
        self,
        deliver: Callable[[list[Arrival]], object],
        voice: Voice,
        peers: Peers | None = None,
        recalled: Iterable[str] = (),
    ) -> None:
        self._deliver, self._voice, self._peers = deliver, voice, peers
        self._recalled = frozenset(recalled)
        self._away: dict[Told, int] = {}  # when each was last known to be away
        self._running: dict[Told, tuple[Upstream, asyncio.Task[None]]] = {}
        self._addresses: dict[Told, str] = {}  # where the packets of each came from last

    def run_only(self, wanted: Iterable[Told]) -> None:
        """Run these and no others; those that are the same go on undisturbed."""
        told = dict.fromkeys(wanted)
        for gone in [one for one in self._running if one not in told]:
            upstream, task = self._running.pop(gone)
            self._addresses.pop(gone, None)
            self._away.pop(gone, None)
            task.cancel()
            self._voice.clear(f"upstream:{upstream.name}")
        loop = asyncio.get_running_loop()
        for one in told:
            if one not in self._running:
                upstream = Upstream(
                    one.host,
                    one.port,
                    one.wish(),
                    partial(self._took, one),
                    self._voice,
                    timeout_s=one.timeout_s,
                    peers=self._peers,
                )
                task = loop.create_task(self._run(upstream), name=f"upstream {upstream.name}")
                self._running[one] = upstream, task

    async def stop(self) -> None:
        """End all of them, and wait until they have said good-bye."""
        tasks = [task for _, task in self._running.values()]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def status(self) -> list[UpstreamStatus]:
        """Return how each stands."""
        return [upstream.status() for upstream, _ in self._running.values()]

    def connected(self) -> set[str]:
        """Return the addresses whose connection is up, as their packets came from them."""
        return {
            self._addresses.get(told, told.host)
            for told, (upstream, _) in self._running.items()
            if upstream.status().state == "open"
        }

    def relays(self, stands: Callable[[str], bool], now_ns: int) -> dict[str, Relay]:
        """Return those that are away, or were, by the addresses that their packets came from.

        stands: tells whether an alarm of that key stands
        """
        found: dict[str, Relay] = {}
        for told, (upstream, _) in self._running.items():
            away = stands(f"upstream:{upstream.name}")
            if away:
                self._away[told] = now_ns
            if told in self._away:
                relay = Relay(upstream.name, None if away else self._away[told])
                found |= dict.fromkeys(self._behind(told), relay)
        return found

    def _behind(self, told: Told) -> set[str]:
        """Return where its packets come from; before the first, what nobody else accounts for."""
        known = self._addresses.get(told)
        if known is not None:
            return {known}
        return {told.host} | (self._recalled - set(self._addresses.values()))

    def _took(self, told: Told, arrivals: list[Arrival]) -> object:
        self._addresses[told] = arrivals[-1].address
        return self._deliver(arrivals)

    async def _run(self, upstream: Upstream) -> None:
        while True:
            try:
                await upstream.run()
            except Exception as error:  # a fault of one must not end the others, nor be silent
                self._voice.say("error", f"upstream {upstream.name}: {error!r}; a fault of ours")
                await asyncio.sleep(AGAIN_S)
