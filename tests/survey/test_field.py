"""The whole path on every real capture: what portbook tells equals what its README says.

The README's counts and labels are TShark's. Where the two differ, what portbook tells stands here
with the reason, looked into frame by frame.
"""

from __future__ import annotations

import pytest
from support import CAPTURES, captured, field, needs_captures
from support.field import DAMAGED, Count, Place

from portbook.evidence import readers
from portbook.records import Confidence

pytestmark = [pytest.mark.shared, needs_captures]

CUSTOM = "custom blocks are no packets; the dissector numbers each of them like one"
LINK = "the dissector does not know the link type and stops; the packet is counted here"
# packets, conversations and their packets
COUNTED_OTHERWISE: dict[str, tuple[int, Count, str]] = {
    "pcapng-le-test017.pcapng": (0, Count(0, 0), CUSTOM),
    "pcapng-le-test018.pcapng": (4, Count(2, 4), CUSTOM),
    "pcapng-le-test102.pcapng": (5, Count(3, 5), CUSTOM),
    "pcapng-le-test202.pcapng": (8, Count(3, 8), CUSTOM),
    "malformed/tcpdump-juniper_monitor_invalid_cookie_length.pcap": (1, Count(0, 0), LINK),
    "malformed/tcpdump-vtp_asan-2.pcap": (1, Count(0, 0), LINK),
    "malformed/pcapplusplus-crash-exception-cast-constructed-record.pcap": (
        2,
        Count(1, 1),
        "two records stand before the damage; the dissector takes the file for a variant whose "
        "record headers have 24 octets, and finds one",
    ),
}
BY_PORT = "named by its port only: the bytes are none of the protocol"
INSIDE = "TLS begins inside another protocol, whose first words name the conversation"
UNKNOWN_THERE = "the dissector does not know the protocol"
DAMAGED_BGP = "damaged on purpose: a marker that is not all ones, or an open of another version"
ENCRYPTED = "joined in the middle: all of it is encrypted"
NAMED_OTHERWISE: dict[str, tuple[dict[Place, int], str]] = {
    "s7comm-scan-test.pcap": (
        {("s7comm", "tcp", 102): 2, ("cotp", "tcp", 102): 0},
        "two frames of COTP stand before two of S7, and the dissector counts frames",
    ),
    "dnp3-on-port-20001.pcap": ({("dnp3", "tcp", 20001): 1}, "no label off its port"),
    "beckhoff-ams.pcapng": ({("ams", "udp", 48899): 1}, "discovery of routers: no label"),
    "c37118-udp-on-other-port.pcap": ({("c37118", "udp", 40713): 1}, "no label off its port"),
    "bsap-ip.pcap": ({("bsap", "udp", 1234): 1}, UNKNOWN_THERE),
    "melsoft-udp.pcap": (
        {("melsoft", "udp", 5560): 216, **{("melsoft", "udp", n): 1 for n in range(62657, 62873)}},
        f"{UNKNOWN_THERE}; answers are broadcast to the port that asked",
    ),
    "plant-profinet-cm-33hosts.pcap": (
        {
            ("profinet-cm", "udp", 49152): 14,
            ("profinet-cm", "udp", 49153): 8,
            ("profinet-cm", "udp", 49154): 2,
            ("profinet-cm", "udp", 49155): 10,
            ("profinet-cm", "udp", 49216): 1,
            ("profinet-cm", "udp", 49344): 1,
            ("profinet-cm", "udp", 65151): 1,
        },
        "answers from another port than was asked; the README counts the lower of two free ones",
    ),
    "genisys.pcap": ({("genisys", "tcp", 10001): 1}, UNKNOWN_THERE),
    "niagara-fox.pcap": ({("fox", "tcp", 1911): 1}, UNKNOWN_THERE),
    "rocplus-tcp.pcap": ({("roc-plus", "tcp", 4000): 1}, UNKNOWN_THERE),
    "rocplus-udp.pcap": (
        {("roc-plus", "udp", 4000): 1},
        "E100 by its port only: the checksums of ROC Plus agree",
    ),
    "odd-http-on-5432.pcap": ({("http", "tcp", 5432): 1}, "no label off its port"),
    "ftp-auth-tls.pcap": ({("tls", "tcp", 21): 0, ("ftp", "tcp", 21): 1}, INSIDE),
    "smtp-starttls.pcap": ({("tls", "tcp", 25): 0, ("smtp", "tcp", 25): 1}, INSIDE),
    "container-pcapng-ether-and-sll.pcapng": (
        {("tls", "tcp", 3306): 0, ("ssh", "tcp", 22): 0, ("x11", "tcp", 6000): 7},
        f"MySQL, in which {INSIDE}; SSH {ENCRYPTED}",
    ),
    "container-pcapng-zstd.pcapng.zst": (
        {("tls", "tcp", 3306): 0, ("ssh", "tcp", 22): 0, ("x11", "tcp", 6000): 7},
        f"MySQL, in which {INSIDE}; SSH {ENCRYPTED}",
    ),
    "mixed-ot-it-synthetic-352hosts.pcap": (
        {("http", "tcp", 80): 22},
        "one goes over to a web socket, which has more frames than HTTP before it",
    ),
    "it-tls-236conversations.pcap": (
        {("http", "tcp", 80): 2},
        "one request whose end was not captured: the dissector waits for it",
    ),
    "ext-ipv6-hopbyhop-routing.pcap": ({("dns", "udp", 53): 0}, f"three octets XXX: {BY_PORT}"),
    "frag-ipv4-nfs.pcap": (
        {("sunrpc", "udp", 2049): 1},
        "NFS is called over ONC RPC; the README counts the lower port, which is the client's",
    ),
    "frag-ipv6.pcap": (
        {("ws-discovery", "udp", 3702): 1},
        "Windows greets in fragments; the dissector gives no label",
    ),
    "odd-socks-on-10080.pcap": ({("socks", "tcp", 10080): 1}, "no label off its port"),
    "frag-socks-http.pcap": (
        {("http", "tcp", 21477): 0, ("socks", "tcp", 21477): 1},
        "SOCKS, in which HTTP begins: its first words are not HTTP",
    ),
    "dhcp-31hosts-with-dhcpv6.pcap": (
        {("dhcpv6", "udp", 546): 1, ("dhcpv6", "udp", 547): 5, ("syslog", "udp", 546): 0},
        f"the README counts the lower port, which is the clients'; as syslog {BY_PORT}",
    ),
    **{
        f"malformed/pcapplusplus-{name}.pcap": ({("bgp", "tcp", port): 0}, DAMAGED_BGP)
        for name, port in (
            ("39d92632b6a92f1c682c052febfbc74b0561536687be3b7ce7b9508e8b9726d6", 179),
            ("6fda21d7ebaa0391434f17eecf25b1d7c58633f96b6906183c626cbdfc35b325", 179),
            ("a7a658b6e51576eafe7990dbc35c5bfff991d914c9ead914e26e3bfc3e88221c", 179),
        )
    },
    "malformed/pcapplusplus-fuzz-5758569646653440.pcap": ({("bgp", "tcp", 0): 0}, BY_PORT),
    "malformed/tcpdump-ikev2-id-short.pcap": (
        {("ike", "udp", 500): 0},
        "a payload of 5 octets in a message of 76, and nothing after it",
    ),
    "malformed/tcpdump-bgp_pmsi_tunnel-oobr.pcap": ({("bgp", "tcp", 0): 0}, DAMAGED_BGP),
    "malformed/pcapplusplus-fuzz-4829420752470016.pcap": (
        {("http", "tcp", 80): 0},
        "a status line without its numbers, then zeros",
    ),
    "malformed/pcapplusplus-fuzz-5654053026791424.pcap": ({("dns", "udp", 10): 0}, BY_PORT),
    "malformed/pcapplusplus-fuzz-5766939894087680.pcap": ({("dns", "udp", 53): 0}, BY_PORT),
    "malformed/pcapplusplus-fuzz-5700358767902720.pcap": (
        {("tls", "tcp", 261): 0},
        "a record of 8447 octets whose handshake says 2105376: all blanks",
    ),
}
# small groups, which those rows do not name; seen with TShark one by one
UNNAMED_THERE: dict[str, dict[Place, int]] = {
    "codesys-v3-announcements-3min-with-iec104.pcap": {
        ("mdns", "udp", 5353): 1, ("nbdgm", "udp", 138): 1,
    },
    "smtp-8conversations.pcap": {("nbdgm", "udp", 138): 1},
    "plant-profinet-16hosts.pcap": {
        ("ssdp", "udp", 1900): 1, ("nbdgm", "udp", 138): 1, ("profinet-cm", "udp", 34964): 4,
        ("dhcpv6", "udp", 547): 2,
        **{("profinet-cm", "udp", port): 1 for port in (49152, 49154, 49161, 65151)},
    },
    "plant-mms-goose-smb-13hosts.pcap": {
        ("snmp", "udp", 161): 2, ("nbns", "udp", 137): 1, ("sunrpc", "udp", 111): 1,
    },
    "it-1149conversations.pcapng": {
        ("ntp", "udp", 123): 1, ("nbdgm", "udp", 138): 3, ("dhcpv6", "udp", 547): 1,
    },
    "it-many-services-on-their-ports.pcap": {
        ("ntp", "udp", 123): 1, ("dropbox-lan", "udp", 17500): 1,
    },
    "container-pcapng-three-link-types.pcapng": {("ntp", "udp", 123): 1},
    "container-sll.pcap": {("dhcp", "udp", 67): 1},
    "it-155conversations-with-ftp.pcap": {
        ("dhcp", "udp", 67): 3, ("dns", "udp", 53): 14, ("ftp", "tcp", 21): 1,
        ("ssdp", "udp", 1901): 1, ("dhcpv6", "udp", 547): 1,
    },
    "it-windows-198conversations.pcap": {
        ("dhcp", "udp", 67): 3, ("smb", "tcp", 139): 2, ("ssdp", "udp", 1900): 1,
        ("nbdgm", "udp", 138): 2,
    },
    "mixed-ot-it-synthetic-352hosts.pcap": {
        ("ptp", "udp", 319): 1, ("ptp", "udp", 320): 1,
        ("bacnet", "udp", 47808): 1, ("c1222", "tcp", 1153): 1, ("c37118", "udp", 4712): 1,
        ("rdp", "tcp", 3389): 1, ("dhcp", "udp", 67): 2,
        ("dns", "tcp", 53): 2, ("enip", "udp", 44818): 3,
        ("enip", "udp", 50005): 1, ("ftp", "tcp", 21): 1, ("http", "tcp", 443): 1,
        ("llmnr", "udp", 5355): 2, ("mdns", "udp", 5353): 2, ("modbus", "tcp", 502): 3,
        ("modbus", "tcp", 49701): 1, ("mqtt", "tcp", 1883): 2, ("nbns", "udp", 137): 2,
        ("nbns", "udp", 49153): 1, ("ntp", "udp", 123): 2, ("s7comm", "tcp", 102): 2,
        ("smb", "tcp", 445): 4, ("smtp", "tcp", 25): 2, ("snmp", "udp", 161): 1,
        ("snmp", "udp", 162): 1, ("ssh", "tcp", 22): 5, ("bgp", "tcp", 179): 2,
        ("dcerpc", "tcp", 135): 1, ("dhcpv6", "udp", 547): 4, ("kerberos", "udp", 88): 1,
        ("kerberos", "tcp", 88): 1,
        ("ldap", "tcp", 389): 1, ("radius", "udp", 1812): 3, ("sip", "tcp", 5060): 1,
        ("sip", "udp", 5060): 1, ("stun", "udp", 3478): 1, ("tftp", "udp", 69): 2,
        ("dtls", "udp", 443): 1, ("dtls", "udp", 5684): 1, ("ike", "udp", 500): 2,
        ("imap", "tcp", 143): 2, ("irc", "tcp", 6667): 3, ("mysql", "tcp", 3306): 2,
        ("netflow", "udp", 2055): 4, ("netflow", "udp", 4739): 2, ("sflow", "udp", 6343): 2,
        ("socks", "tcp", 1080): 2, ("oracle-tns", "tcp", 1521): 2,
        ("postgresql", "tcp", 5432): 1, ("quic", "udp", 443): 2,
    },
    "container-pcapng-ether-and-sll.pcapng": {("mysql", "tcp", 3306): 1},
    "container-pcapng-zstd.pcapng.zst": {("mysql", "tcp", 3306): 1},
}  # fmt: skip
PARTS = (
    "conversations", "services", "devices", "announcements", "oddities", "findings", "problems",
)  # fmt: skip
every_row = pytest.mark.parametrize("name", field.rows())


@every_row
def test_packets_and_conversations_are_those_of_the_readme(name: str) -> None:
    row, seen = field.rows()[name], field.counted(name)
    wanted: tuple[int, Count] = (row.packets, row.all)
    if name in COUNTED_OTHERWISE:
        wanted = COUNTED_OTHERWISE[name][:2]

    told = field.story(name).summary.packets
    assert wanted == (told, Count(len(seen), sum(one.packets for one in seen)))


@every_row
def test_every_protocol_of_the_readme_is_identified_and_nothing_else(name: str) -> None:
    row = field.rows()[name]
    otherwise = NAMED_OTHERWISE.get(name, ({}, ""))[0]
    unnamed = UNNAMED_THERE.get(name, {})
    wanted = {place: count for place, count in row.named.items() if place not in otherwise}

    got = field.named(name, row.named)
    assert wanted == {place: count for place, count in got.items() if place in wanted}
    beside = {place: many for place, (many, _) in got.items() if place not in wanted}
    assert {place: many for place, many in {**otherwise, **unnamed}.items() if many} == beside
    assert row.shortened or not unnamed


@every_row
def test_without_the_compiled_reader_the_same_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "COMPILED", False)
    plain, story = captured.read(CAPTURES / name), field.story(name)

    for part in PARTS:
        assert getattr(story, part) == getattr(plain, part)
    assert story.summary.packets == plain.summary.packets
    assert story.summary.octets == plain.summary.octets


@every_row
def test_a_damaged_file_is_told_in_one_line_with_file_and_octet(name: str) -> None:
    problems = field.story(name).problems

    assert (name in DAMAGED) == bool(problems)
    for problem in problems:
        assert problem.source.endswith(name)
        assert problem.message.startswith(f"{problem.source}: ")
        assert DAMAGED[name] in problem.message
        assert problem.offset is not None
        assert "\n" not in problem.message


def test_what_is_listed_here_still_differs() -> None:
    for name, (packets, count, reason) in COUNTED_OTHERWISE.items():
        assert reason
        assert (packets, count) != (field.rows()[name].packets, field.rows()[name].all)
    for name, (places, reason) in NAMED_OTHERWISE.items():
        assert reason
        for place, many in places.items():
            assert many != field.rows()[name].named.get(place, Count()).conversations


def test_every_conversation_has_its_reasons_and_adds_up() -> None:
    asked = 0
    for name in field.rows():
        told = field.story(name)
        for one in told.conversations:
            asked += 1
            assert (one.protocol is None) == (one.confidence is None) == (not one.because)
            assert one.packets == one.packets_to_server + one.packets_to_client > 0
            sides = (one.payload_octets_to_server, one.payload_octets_to_client)
            assert one.payload_octets == sum(sides)
            assert one.payload_octets <= one.octets
            assert one.first_ns <= one.last_ns
    assert asked > 5000


def test_a_plausible_name_has_one_side_only_or_something_against_it() -> None:
    confirmed = 0
    for name in field.rows():
        for one in field.story(name).conversations:
            confirmed += one.confidence is Confidence.CONFIRMED
            sides = (one.payload_octets_to_server, one.payload_octets_to_client)
            if one.confidence is Confidence.PLAUSIBLE and not one.against:
                assert min(sides) <= 1, name  # a keep-alive carries one octet
    assert confirmed > 1300


def test_three_minutes_of_beacons_are_one_announcement() -> None:
    (told,) = field.story("codesys-v3-announcements-3min-with-iec104.pcap").announcements

    assert ("192.168.1.75", "192.168.1.255", 1740) == (
        told.source,
        told.destination,
        told.source_port,
    )
    assert ((1740, 1741, 1742, 1743), "codesys-v3") == (told.ports, told.protocol)
    assert (60.0, 3, 3) == (told.period_s, told.times, told.expected)
    assert told.confidence is Confidence.PLAUSIBLE
    assert told.jitter_s < 1


@pytest.mark.parametrize(
    "name",
    ["codesys-v3-announcements-second-instance.pcap", "codesys-v3-scan-request-reply.pcap"],
)
def test_a_single_round_of_beacons_announces_nothing(name: str) -> None:
    assert () == field.story(name).announcements
    assert "codesys-v3" in {one.protocol for one in field.story(name).conversations}


def test_nothing_else_in_the_field_announces_codesys_and_nobody_announces_nothing() -> None:
    for name in field.rows():
        for one in field.story(name).announcements:
            codesys = one.protocol == "codesys-v3"
            assert codesys == (name == "codesys-v3-announcements-3min-with-iec104.pcap")
            assert one.source not in ("0.0.0.0", "::")
            assert 3 <= one.times <= one.expected
            assert one.times >= 5 or one.confidence is Confidence.PLAUSIBLE
            assert one.ports
            assert one.because


def test_a_question_for_too_many_registers_is_modbus_with_a_doubt() -> None:
    (one,) = field.story("modbus-fuzzed-1011.pcap").conversations

    assert ("modbus", Confidence.PLAUSIBLE) == (one.protocol, one.confidence)
    assert any("asks for 147, not 1 to 125" in text for text in one.against)


@pytest.mark.parametrize(
    ("name", "protocols"),
    [
        ("odd-http-on-5432.pcap", {"http"}),
        ("odd-http-on-irc-port.pcapng", {"http"}),
        ("odd-socks-on-10080.pcap", {"socks"}),
        ("odd-quic-on-4433.pcap", {"quic"}),
        ("odd-tcp-12345.pcap", set()),
    ],
)
def test_a_port_is_never_taken_for_proof(name: str, protocols: set[str]) -> None:
    told = {one.protocol for one in field.story(name).conversations if one.protocol}
    said = {one.parameters.get("protocol") for one in field.story(name).findings}

    assert protocols == told
    assert said - {None} <= protocols


def test_no_other_ot_protocol_is_taken_for_one_that_is_known() -> None:
    others = [row.name for row in field.rows().values() if row.section == "Other OT protocols"]
    named = {
        one.protocol for name in others for one in field.story(name).conversations if one.protocol
    }

    assert len(others) >= 15
    labelled = {place[0] for name in others for place in field.rows()[name].named}
    known = {place[0] for name in others for place in NAMED_OTHERWISE.get(name, ({}, ""))[0]}
    assert labelled | known == named
