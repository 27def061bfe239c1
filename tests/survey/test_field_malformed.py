"""Each published malformed capture: the oddities that it is told with, or why there are none.

What portbook reads are containers, link layers, IP, fragments, tunnels and the headers of TCP, UDP
and SCTP. Damage behind those is no oddity of traffic: the octets are then unnamed, or named with
doubt.
Damage of the container itself is a problem of the source (`support.field.DAMAGED`).
"""

from __future__ import annotations

import pytest
from support import CAPTURES, field, needs_captures
from support.field import DAMAGED
from support.reading import maker, octets_of, push

from portbook.evidence import readers
from portbook.evidence.oddities import CUT_FRAME, MEANINGS
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence

pytestmark = [pytest.mark.shared, needs_captures]

ODD = {  # beside what the one line of DAMAGED says
    "pcapplusplus-crash-eec28dafde1f1ac2299674a75a914ae16d4046fa.pcap": "bad-ip-header cut-frame",
    "pcapplusplus-fuzz-4672344017862656.pcap": "bad-udp-length cut-frame",
    "pcapplusplus-fuzz-4683685084594176.pcap": "bad-udp-length cut-frame",
    "pcapplusplus-fuzz-4829420752470016.pcap": "cut-frame",
    "pcapplusplus-fuzz-5165927376355328.pcap": "cut-file cut-frame unknown-link-type",
    "pcapplusplus-fuzz-5421416466481152.pcap": "bad-udp-length cut-frame",
    "pcapplusplus-fuzz-5643903448645632.pcap": "cut-file",
    "pcapplusplus-fuzz-5654053026791424.pcap": "cut-frame datagram-beyond-frame",
    "pcapplusplus-fuzz-5700358767902720.pcap": "cut-frame",
    "pcapplusplus-fuzz-5716696466980864.pcap": "cut-frame",
    "pcapplusplus-fuzz-5717750942269440.pcap": "cut-frame short-frame",
    "pcapplusplus-fuzz-5758569646653440.pcap": "cut-frame",
    "pcapplusplus-fuzz-5766939894087680.pcap": "bad-udp-length cut-frame",
    "pcapplusplus-fuzz-5781142119907328.pcap": "cut-frame unknown-link-type",
    "pcapplusplus-fuzz-6207688043397120.pcap": "cut-file cut-frame",
    "pcapplusplus-fuzz-6223613626941440.pcap": "bad-ip-header cut-frame",
    "pcapplusplus-fuzz-6303070823907328.pcap": "cut-frame",
    "pcapplusplus-fuzz-6604968558198784.pcap": "cut-frame short-frame",
    "tcpdump-bgp_pmsi_tunnel-oobr.pcap": "cut-fragment cut-frame",
    "tcpdump-cve-2014-8769-AODV.pcap": "datagram-beyond-frame",
    "tcpdump-dccp_options-oobr.pcap": "cut-frame",
    "tcpdump-esis_snpa_asan-3.pcap": "cut-frame",
    "tcpdump-esis_snpa_asan-4.pcap": "cut-frame",
    "tcpdump-getname_2_read4_asan.pcap": "cut-frame",
    "tcpdump-heapoverflow-ip_demux_print.pcap": "cut-frame",
    "tcpdump-ip6_frag_asan.pcap": "bad-extension-header cut-frame",
    "tcpdump-ipv4_invalid_hdr_length.pcap": "bad-ip-header",
    "tcpdump-isis_poi.pcap": "unknown-link-type",
    "tcpdump-isoclns-heapoverflow.pcap": "cut-frame",
    "tcpdump-juniper_monitor_invalid_cookie_length.pcap": "unknown-link-type",
    "tcpdump-lldp_8023_mtu-oobr.pcap": "cut-frame",
    "tcpdump-mobility_opt_asan_4.pcap": "cut-frame",
    "tcpdump-of10_7050sx_bsn-oobr.pcap": "cut-frame",
    "tcpdump-relts-0x80000000.pcap": "cut-frame",
    "tcpdump-unsupported-link-type-160.pcap": "unknown-link-type",
    "tcpdump-vtp_asan-2.pcap": "cut-frame unknown-link-type",
}
WIRELESS = "management of a wireless network: no IP in it, and codes that a printer has to know"
ABOVE = "its header, link layer and IP are whole; what is odd is in a protocol without ports"
SILENT = {  # nothing is wrong in what is read, for this reason: all frames are without ports
    "tcpdump-3560_CDP.pcap": "CDP, whole",
    "tcpdump-PIM_register_register-stop.pcap": "PIM and ICMP, whole",
    "tcpdump-chdlc-slarp-short.pcap": "a keep-alive of the link itself, too short for its fields",
    "tcpdump-dccp_partial_csum_v4_longer.pcap": "DCCP, which is not read",
    "tcpdump-e1000g.pcap": "ICMP, whole",
    "tcpdump-icmpv6-ni-flags.pcap": ABOVE,
    "tcpdump-icmpv6-ns-nonce.pcap": ABOVE,
    "tcpdump-ieee802.11_rx-stbc.pcap": WIRELESS,
    "tcpdump-ipv6-srh-ext-header.pcap": "routing headers are whole; ICMPv6 follows",
    "tcpdump-ipv6-srh-tlv-hmac.pcap": "routing headers are whole; nothing follows",
    "tcpdump-lldp-infinite-loop-2.pcap": "LLDP, whose own elements have no length",
    "tcpdump-ospf-ack.pcap": ABOVE,
    "tcpdump-ospf-gmpls.pcap": ABOVE,
    "tcpdump-ospf_graceful_restart_rfc3623.pcap": ABOVE,
    "tcpdump-pppoes.pcap": "the link's own control protocol, whole",
    "tcpdump-rpl-19-pickdag.pcap": ABOVE,
    "tcpdump-rpl-26-senddaoack.pcap": ABOVE,
    "tcpdump-udld-inf-loop-1.pcapng": "UDLD, whose own elements have no length",
    **{f"tcpdump-reason_code-{at}.pcap": WIRELESS for at in (13, 34, 37, 48, 56, 57, 61)},
    **{
        f"tcpdump-status_code-{at}.pcap": WIRELESS
        for at in (5, 26, 35, 40, 44, 56, 69, 70, 80, 100, 101, 103, 106)
    },
}
BGP = "BGP with a damaged marker or message: not called BGP"
FRACTION = "fractions of more than a second are added to it; the frames keep their order"
PRINTED = "whole; published because a program printed it wrongly"
BEHIND = {  # conversations: whatever is wrong is in the application's octets
    "libpcap-pcap-invalid-version-2.pcap": "version 2.5 says nothing that 2.4 does not",
    "pcapplusplus-39d92632b6a92f1c682c052febfbc74b0561536687be3b7ce7b9508e8b9726d6.pcap": BGP,
    "pcapplusplus-6fda21d7ebaa0391434f17eecf25b1d7c58633f96b6906183c626cbdfc35b325.pcap": BGP,
    "pcapplusplus-a7a658b6e51576eafe7990dbc35c5bfff991d914c9ead914e26e3bfc3e88221c.pcap": BGP,
    "tcpdump-RADIUS-RFC5176-2.pcap": PRINTED,
    "tcpdump-babel_pad1.pcap": "Babel, which is not known",
    "tcpdump-bgp-aigp-2.pcap": PRINTED,
    "tcpdump-bgp-encap.pcap": PRINTED,
    "tcpdump-bgp-extended-optional-parameters-length.pcapng": PRINTED,
    "tcpdump-dhcp-option-33.pcap": PRINTED,
    "tcpdump-dhcpv6-AFTR-Name-RFC6334.pcap": PRINTED,
    "tcpdump-dhcpv6-ntp-server.pcap": PRINTED,
    "tcpdump-hncp_prefix-oobr.pcap": "HNCP and Babel, which are not known",
    "tcpdump-ikev2-id-short.pcap": "IKE whose identity is too short: not called IKE",
    "tcpdump-mptcp-aa-v1.pcap": PRINTED,
    "tcpdump-radius_rfc5447.pcap": PRINTED,
    "tcpdump-resp_2_inline.pcap": PRINTED,
    "tcpdump-timestamp_invalid_nano.pcap": FRACTION,
}
SURE = ("tcpdump-dhcp-option-33.pcap", "tcpdump-resp_2_inline.pcap")
NAMES = [name for name in field.rows() if name.startswith("malformed/")]
every = pytest.mark.parametrize("name", NAMES or ["malformed/"])


def short(name: str) -> str:
    return name.split("/", 1)[1]


def test_every_malformed_file_has_its_place_here_once() -> None:
    damaged = {short(name) for name in DAMAGED if name.startswith("malformed/")}
    quiet = {**SILENT, **BEHIND}

    assert {short(name) for name in NAMES} == {*ODD, *quiet, *damaged}
    assert len(quiet) == len(SILENT) + len(BEHIND)
    assert not quiet.keys() & (ODD.keys() | damaged)
    assert all(reason.strip() for reason in quiet.values())


@every
def test_its_oddities_are_named_counted_placed_and_explained(name: str) -> None:
    told = field.story(name)

    assert ODD.get(short(name), "").split() == sorted(one.name for one in told.oddities)
    for one in told.oddities:
        assert one.count > 0
        assert one.where.startswith(str(CAPTURES / name))
        assert (one.name == CUT_FRAME) != ("octet" in one.where)
        assert MEANINGS[one.name] == one.advice
    assert sum(one.count for one in told.oddities) == told.summary.oddities
    assert (name in DAMAGED) == bool(told.problems)


@every
def test_where_nothing_is_told_the_reason_holds(name: str) -> None:
    told = field.story(name)
    if short(name) in SILENT:
        assert told.summary.no_ports == told.summary.packets > 0
        assert not told.conversations
    if short(name) in BEHIND:
        assert told.conversations
        sure = any(one.confidence is Confidence.CONFIRMED for one in told.conversations)
        assert sure == (short(name) in SURE)


@every
@pytest.mark.parametrize("limit", [1 << 20, 1])
def test_both_readers_name_the_same_oddities_in_little_room(name: str, limit: int) -> None:
    data = octets_of(CAPTURES / name)
    kinds = ("plain", "compiled") if readers.COMPILED else ("plain",)
    tables = [maker(kind)(prefilter().rows, limit=limit, pool_octets=0) for kind in kinds]
    ended = [push(table, data) for table in tables]

    assert [ended[0]] * len(ended) == ended
    assert [dict(tables[0].oddities())] * len(tables) == [dict(one.oddities()) for one in tables]
    assert [tables[0].counts()] * len(tables) == [one.counts() for one in tables]
