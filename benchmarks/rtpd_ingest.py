"""How much the REF TEK receiver takes in over UDP, with its archive and clients, and what it costs.

    python benchmarks/rtpd_ingest.py [--rate N] [--seconds N] [--clients N] [--unfiltered]
                                     [--archive-gb N] [--folder DIR]

As asked for: 20,000 packets/s for 60 s and 64 clients that each take the packets of one unit in
64; and with --unfiltered --rate 3000 --seconds 600 --archive-gb 1, 64 clients that take everything,
the archive under a size limit. Sender, clients, receiver and archiver are processes of their own,
all on this machine. No loss means: what was sent is what was delivered, archived, and read by every
client, and the kernel dropped nothing.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from rtpd_load import MESSAGE, Receiver, account, reading, sending


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--unfiltered", action="store_true")
    parser.add_argument("--archive-gb", type=float, default=0)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        receiver = Receiver(Path(folder), asked.archive_gb)
        try:
            measure(receiver, asked)
        finally:
            receiver.end()


def measure(receiver: Receiver, asked: argparse.Namespace) -> None:
    way = "unfiltered" if asked.unfiltered else "filtered"
    load = (asked.rate, asked.seconds, asked.clients, 0)
    with reading(receiver, asked.clients, way, 0) as clients:
        before, begun = receiver.processor_s(), time.monotonic()
        with sending(receiver, *load) as sender:
            waiting, lag = watched(receiver, sender)
            sent = account(sender)
        told, behind_s = settled(receiver, sent["sent"])
        took = time.monotonic() - begun
        after = receiver.processor_s()
        time.sleep(1)
        clients.send_signal(signal.SIGTERM)
        read = account(clients)
    expected = sent["sent"] * (asked.clients if asked.unfiltered else 1)
    counts = [octets // MESSAGE for octets in read["octets"]]  # a heartbeat is less than one
    totals = told["totals"]
    pace = f"{sent['sent'] / sent['seconds']:,.0f}/s; at most {sent['late_s'] * 1000:.0f} ms late"
    lost = sent["sent"] - totals["packets_taken"]
    print(f"sent        {sent['sent']:12,} packets in {sent['seconds']:.1f} s ({pace})")
    print(f"taken       {totals['packets_taken']:12,} lost {lost:,}")
    print(f"delivered   {totals['packets_delivered']:12,}")
    print(f"archived    {totals['packets_archived']:12,} {behind_s:.1f} s behind the last packet")
    print(f"kernel drops{totals['datagrams_dropped']:12,}")
    each = f"{min(counts):,} to {max(counts):,} each"
    print(f"{asked.clients} clients  {sum(counts):12,} of {expected:,}, {each}")
    print(f"clients dropped {totals['clients_dropped']}, furthest behind {lag:,} packets")
    print(f"backlog of the archiver at most {waiting:,} packets")
    cpu = {name: after[name] - before[name] for name in after}
    cpu |= {"sender": sent["cpu_s"], "clients": read["cpu_s"]}
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cpu.items())
    print(f"processor seconds in {took:.1f} s: {spent}")
    print(f"receiver    {cpu['receiver'] / sent['sent'] * 1e6:12.1f} us a packet")
    fine = (
        sent["sent"] == totals["packets_taken"] == totals["packets_archived"]
        and not totals["datagrams_dropped"]
        and sum(counts) == expected
    )
    print("no loss" if fine else "LOSS")


def watched(receiver: Receiver, sender: Any) -> tuple[int, int]:
    """Return the largest backlogs of archive and clients while the sender runs."""
    waiting = lag = 0
    while sender.poll() is None:
        levels = receiver.status()["levels"]
        waiting = max(waiting, levels["spool_waiting_packets"])
        lag = max(lag, levels["client_lag_packets"])
        time.sleep(0.5)
    return waiting, lag


def settled(receiver: Receiver, sent: int) -> tuple[dict[str, Any], float]:
    """Wait until all is archived, or no more comes; return the status, and how long it took."""
    begun, last, since = time.monotonic(), -1, time.monotonic()
    while True:
        told = receiver.status()
        archived = told["totals"]["packets_archived"]
        if archived != last:
            last, since = archived, time.monotonic()
        if archived >= sent or time.monotonic() - since > 10:
            return told, since - begun
        time.sleep(0.2)


if __name__ == "__main__":
    main()
