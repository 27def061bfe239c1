"""Counts a pcap file's conversations with dpkt, in a few lines as one would; for `read.py`.

    python benchmarks/read_dpkt.py FILE

Both directions of an address and port pair are one conversation; VLAN tags are looked through.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dpkt


def main() -> None:
    """Print how many packets and conversations there are."""
    counts: dict[tuple[object, ...], list[int]] = {}
    packets = 0
    with Path(sys.argv[1]).open("rb") as capture:
        for time, frame in dpkt.pcap.Reader(capture):
            packets += 1
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)):
                continue
            inner = ip.data
            if not isinstance(inner, (dpkt.tcp.TCP, dpkt.udp.UDP)):
                continue
            one, other = (ip.src, inner.sport), (ip.dst, inner.dport)
            key = (ip.p, one, other) if one < other else (ip.p, other, one)
            row = counts.get(key)
            if row is None:
                counts[key] = [1, len(frame), time, time]
            else:
                row[0] += 1
                row[1] += len(frame)
                row[3] = time
    print(packets, len(counts))


if __name__ == "__main__":
    main()
