"""Which way packets are heard, by system and by wish."""

from __future__ import annotations

import sys
from ipaddress import ip_network

import pytest
from support.reading import maker, udp_frame

from portbook.errors import UsageError
from portbook.evidence import capture_ways, pcap_library
from portbook.evidence.capture_ways import LIBPCAP, RING, opened, told, usual


def test_linux_has_its_ring_and_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_ways.sys, "platform", "linux")

    assert usual() == RING
    assert told().there
    assert "ring" in told().by


@pytest.mark.parametrize("system", ["darwin", "freebsd14", "win32"])
def test_elsewhere_it_is_libpcap_and_the_ring_is_refused(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setattr(capture_ways.sys, "platform", system)

    assert usual() == LIBPCAP
    with pytest.raises(UsageError, match="the kernel's ring is Linux's"):
        opened("en0", way=RING)


def test_where_libpcap_is_missing_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_ways.sys, "platform", "darwin")
    monkeypatch.setattr(pcap_library, "version", lambda: None)

    assert (LIBPCAP, False, "libpcap") == told()


if sys.platform == "linux":
    from support.veth import needs_veth, pair, send

    @pytest.mark.root
    @needs_veth
    @pytest.mark.parametrize(
        "way",
        [
            RING,
            pytest.param(
                LIBPCAP,
                marks=pytest.mark.skipif(
                    pcap_library.version() is None, reason="libpcap is absent"
                ),
            ),
        ],
    )
    def test_either_way_the_same_packets_come(way: str) -> None:
        frames = [udp_frame(b"a", 40000, 1740), udp_frame(b"b", 40000, 502)]
        table, got = maker("plain")(), 0
        hosts, ports = [ip_network("10.0.0.0/24")], [(502, 502, None)]
        with pair(), opened("right", hosts, ports, way=way) as live:
            send(frames)
            while block := live.block(0.5):
                if block.first is None:
                    table.feed(block.octets)
                else:
                    table.ring(block.octets, block.first, live.link, twice=live.twice)
                got += block.packets
                live.give_back()

        assert 1 == got
        assert [502] == [row.b_port for row in table.rows()]
