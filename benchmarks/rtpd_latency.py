"""How long a packet takes from a recorder's datagram to the clients of the REF TEK receiver.

    python benchmarks/rtpd_latency.py [--rate N] [--seconds N] [--clients N] [--silence S]

As asked for: 1,000 packets/s and 100 clients, 99th percentile at most 10 ms, and after a minute of
silence (--silence 60). Each packet carries the moment of its sending in octets that nobody reads;
every tenth client notes when it came. So the time counts what the system, the receiver and the
reading process take together.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from pathlib import Path

from rtpd_load import Receiver, account, reading, sending

SAMPLED = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--silence", type=float, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        receiver = Receiver(Path(folder))
        try:
            measure(receiver, asked)
        finally:
            receiver.end()


def measure(receiver: Receiver, asked: argparse.Namespace) -> None:
    load = (asked.rate, asked.seconds, 64, asked.silence)
    with reading(receiver, asked.clients, "unfiltered", SAMPLED) as clients:
        with sending(receiver, *load) as sender:
            sent = account(sender)
        time.sleep(1)
        clients.send_signal(signal.SIGTERM)
        read = account(clients)
    took = [(stamp, ns / 1e6) for stamp, ns in read["took"]]
    single = set(sorted({stamp for stamp, _ in took})[-3:]) if asked.silence else set()
    flow = sorted(ms for stamp, ms in took if stamp not in single)
    alone = sorted(ms for stamp, ms in took if stamp in single)
    timed = len(took) / -(-asked.clients // SAMPLED)
    print(f"{asked.rate:,.0f} packets/s, {asked.clients} clients")
    print(f"{timed:,.0f} of {sent['sent'] - 64:,} packets timed")  # of 64 headers none is
    print("in flow       " + told(flow))
    if alone:
        print(f"after {asked.silence:g} s of silence " + told(alone))
    p99 = flow[int(len(flow) * 0.99)]
    print(f"goal: 99 % within 10 ms: {'reached' if p99 <= 10 else 'MISSED'}")


def told(ms: list[float]) -> str:
    def at(share: float) -> float:
        return ms[min(len(ms) - 1, int(len(ms) * share))]

    return f"p50 {at(0.5):6.2f} ms, p99 {at(0.99):6.2f} ms, longest {ms[-1]:6.2f} ms"


if __name__ == "__main__":
    main()
