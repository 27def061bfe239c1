"""Puts together how the receiver stands: for its status page, and for its watchdog."""

from __future__ import annotations

import os
import time

from portbook.daemons.reports.snapshot import ClientState, Snapshot, SourceState
from portbook.daemons.running.parts import Parts
from portbook.daemons.sources.buffers import waiting
from portbook.daemons.sources.doors import Doors
from portbook.daemons.watchdog.vitals import Counts
from portbook.protocols.reftek.client import Wish
from portbook.seismic.instruments import Instrument, Verdict
from portbook.seismic.liveness import longest_interval_s

_MOST_PEERS = 200  # in a snapshot; the others are in its sums
_DATAGRAM = 2304  # octets of kernel memory that a packet's datagram takes, about


def vitals(parts: Parts, instruments: list[Instrument]) -> Counts:
    """Return the numbers of a heartbeat."""
    receiver, drain = parts.receiver, parts.drain
    counts = receiver.counts
    elsewhere = counts["refused"] + counts["ahead"] + counts["unroomed"] + parts.order.repeated
    queued = 0
    if drain is not None:
        elsewhere += drain.foreign
        queued = -(-(waiting(parts.doors.sockets["field"]) or 0) // _DATAGRAM)
    return Counts(
        packets=counts["delivered"],
        refused=elsewhere,
        waiting=queued,
        units_up=sum(one.verdict is Verdict.UP for one in instruments),
        sources=sum(one.up for one in sources(parts)),
        expected_s=longest_interval_s(instruments),
        held=next(iter(_troubles(parts)), "") if receiver.full or receiver.held else "",
    )


def sources(parts: Parts) -> list[SourceState]:
    """Return where data come from."""
    found = [
        SourceState(
            name=f"{one.host}:{one.port}",
            how="upstream",
            up=one.state == "open",
            packets=one.packets,
            since_ns=one.since_ns,
            said=one.why or None,
        )
        for one in parts.upstreams.status()
    ]
    if parts.incoming is not None:
        found += [
            SourceState(
                name=f"{one.address}:{one.port}",
                how="stream",
                up=True,
                packets=one.packets,
                since_ns=one.since_ns,
            )
            for one in parts.incoming.status()
        ]
    if parts.links is not None:
        found += [
            SourceState(name=f"{one.address} {one.unit}", how="link", up=True, since_ns=one.last_ns)
            for one in parts.links.status()
        ]
    return found


def snapshot(parts: Parts, instruments: list[Instrument], beat_s: float) -> Snapshot:
    """Return all of it at this moment."""
    clients = _clients(parts)
    found = sources(parts)
    alarms = tuple(parts.speaker.alarms.standing())
    archivist = parts.archivist
    levels: dict[str, float] = {
        "units_up": sum(one.verdict is Verdict.UP for one in instruments),
        "sources_up": sum(one.up for one in found),
        "clients": len(clients),
        "client_lag_packets": max((one.lag for one in clients), default=0),
        "ring_packets": parts.ring.head - parts.ring.tail,
        "spool_octets": parts.spool.octets,
        "spool_waiting_packets": archivist.behind if archivist else 0,
        "spool_unsynced_packets": max(0, parts.spool.next_number - parts.syncing.safe),
        "beat_seconds": round(beat_s, 3),
        **_free(parts),
    }
    return Snapshot(
        at_ns=time.time_ns(),
        started_ns=parts.started_ns,
        pid=os.getpid(),
        troubles=tuple(_troubles(parts)),
        listening=_listening(parts.doors),
        totals=_totals(parts, clients),
        levels=levels,
        refused=dict(parts.receiver.refused),
        peers=dict(list(parts.peers.rows().items())[:_MOST_PEERS]),
        instruments=tuple(instruments),
        sources=tuple(found),
        clients=tuple(clients),
        alarms=alarms,
    )


def _troubles(parts: Parts) -> list[str]:
    found = []
    if parts.receiver.full:
        found.append("the spool takes nothing")
    if parts.receiver.held:
        found.append("the order log takes nothing")
    if parts.broken is not None:
        found.append(f"the spool cannot be synced: {parts.broken}")
    if parts.archivist is not None and parts.archivist.pid is None:
        found.append("the archiver is not running")
    return found


def _totals(parts: Parts, clients: list[ClientState]) -> dict[str, int]:
    counts, drain, archivist = parts.receiver.counts, parts.drain, parts.archivist
    totals = {
        "packets_taken": counts["taken"],
        "packets_delivered": counts["delivered"],
        "packets_refused": counts["refused"],
        "packets_ahead": counts["ahead"],
        "packets_unroomed": counts["unroomed"],
        "duplicates": parts.order.repeated,
        "clients_dropped": parts.fanout.counts["slow"],
        "alarms": parts.speaker.alarms.set_times,
        "alarms_untold": parts.speaker.untold,
        "holes": parts.liveness.holes,
        "packets_missing": parts.liveness.missing,
        "clock_steps": parts.liveness.clock_steps,
        "packets_sent": parts.fanout.counts["octets"] // 1030 + sum(one.packets for one in clients),
    }
    if drain is not None:
        totals["datagrams"] = drain.datagrams
        dropped = drain.dropped()
        if dropped is not None:
            totals["datagrams_dropped"] = dropped
    if archivist is not None:
        totals["packets_archived"] = archivist.archived_number
        records = archivist.counts.get("records")
        if isinstance(records, int):
            totals["records"] = records
    return totals


def _clients(parts: Parts) -> list[ClientState]:
    found = [
        ClientState(
            name=f"{one.address}:{one.port}",
            how="reftek",
            packets=one.packets,
            lag=one.lag,
            program=one.program,
            wants=_wants(one.wish),
            since_ns=one.since_ns,
            said="waits for room in its socket" if one.blocked else None,
        )
        for one in parts.fanout.status()
    ]
    if parts.outlets is not None:
        found += parts.outlets.clients()
    return found


def _wants(wish: Wish | None) -> str | None:
    if wish is None:
        return None
    unit = f"{wish.unit:04X}" if wish.unit else "all units"
    return f"{unit}, packets {wish.packets:x}, streams {wish.streams:x}"


def _listening(doors: Doors) -> dict[str, str]:
    return {name: doors.where(name) for name in doors.sockets}


def _free(parts: Parts) -> dict[str, float]:
    found: dict[str, float] = {}
    told = parts.settings
    for name, folder in (("spool", told.folder), ("archive", told.archive.raw or told.archive.sds)):
        if folder:
            try:
                about = os.statvfs(folder)
            except OSError:
                continue
            found[f"{name}_free_octets"] = about.f_bavail * about.f_frsize
    return found
