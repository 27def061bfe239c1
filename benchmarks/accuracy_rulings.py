"""What was found by hand where witnesses disagree, are silent or look at the port only.

Each row was looked into octet by octet; the octets that prove it stand in docs/accuracy.md.
"""

from __future__ import annotations

from typing import NamedTuple

from accuracy_corpus import Key

NOTHING = ""  # no protocol that its octets could prove


MIXED = "mixed-ot-it-synthetic-352hosts.pcap"


class Ruling(NamedTuple):
    """What is true of the conversations of a capture at a port."""

    capture: str
    transport: str
    port: int
    truth: str
    why: str
    address: str | None = None  # of either end, where the port alone is not enough


# nobody else names them, and their octets prove what they are
SILENT: tuple[Ruling, ...] = (
    Ruling("beckhoff-ams.pcapng", "udp", 48899, "ams", "search for routers, 03 66 14 71"),
    Ruling("bsap-ip.pcap", "udp", 1234, "bsap", "0e 00, message serials that answer each other"),
    Ruling("c37118-udp-on-other-port.pcap", "udp", 40713, "c37118", "aa, length, CRC-CCITT agree"),
    Ruling(MIXED, "udp", 4712, "c37118", "aa, length, CRC-CCITT agree"),
    Ruling("dnp3-on-port-20001.pcap", "tcp", 20001, "dnp3", "05 64, every block's CRC agrees"),
    Ruling("genisys.pcap", "tcp", 10001, "genisys", "fb...f6 asked, f1 and f2 answered"),
    Ruling("melsoft-udp.pcap", "udp", 5560, "melsoft", "5a asked, da answered, same serial"),
    Ruling("niagara-fox.pcap", "tcp", 1911, "fox", "fox a 1 -1 fox hello"),
    Ruling("rocplus-tcp.pcap", "tcp", 4000, "roc-plus", "length and CRC-16 of every message"),
    Ruling(MIXED, "tcp", 443, "http", "PRI * HTTP/2.0: the preface of HTTP/2", "10.0.38.1"),
    Ruling("odd-http-on-5432.pcap", "tcp", 5432, "http", "GET, HTTP/1.1 200 OK"),
    Ruling("it-tls-236conversations.pcap", "tcp", 59852, "http", "GET /connecttest.txt HTTP/1.1"),
    Ruling("it-155conversations-with-ftp.pcap", "udp", 1901, "ssdp", "HTTP/1.1 200 OK, ST:, USN:"),
    Ruling("frag-ipv6.pcap", "udp", 3702, "ws-discovery", "SOAP with wsd:Hello"),
    Ruling("odd-socks-on-10080.pcap", "tcp", 10080, "socks", "05 03 00 03 02, answered 05 02"),
)
# a witness names them by the port or by one frame of many; their octets say otherwise
NAMED_OTHERWISE: tuple[Ruling, ...] = (
    Ruling("rocplus-udp.pcap", "udp", 4000, "roc-plus", "E100 by port; ROC Plus by its CRCs"),
    Ruling("frag-socks-http.pcap", "tcp", 21477, "socks", "05 01 00 first; HTTP inside of it"),
    Ruling("malformed/pcapplusplus-fuzz-5654053026791424.pcap", "udp", 53, NOTHING, "DNS by port"),
    Ruling("malformed/pcapplusplus-fuzz-5766939894087680.pcap", "udp", 53, NOTHING, "DNS by port"),
    Ruling(MIXED, "udp", 53, NOTHING, "DNS by port: twelve zeros", "192.0.2.10"),
    Ruling("ext-ipv6-hopbyhop-routing.pcap", "udp", 53, NOTHING, "DNS by port: XXX"),
    Ruling("dhcp-31hosts-with-dhcpv6.pcap", "udp", 514, NOTHING, "syslog by port: no <"),
    Ruling("malformed/pcapplusplus-fuzz-5421416466481152.pcap", "udp", 5061, NOTHING, "INFO"),
    Ruling("malformed/pcapplusplus-fuzz-5700358767902720.pcap", "tcp", 261, NOTHING, "all blanks"),
    Ruling("malformed/pcapplusplus-fuzz-4829420752470016.pcap", "tcp", 80, NOTHING, "HTTP/0.90400"),
    Ruling("malformed/pcapplusplus-fuzz-5758569646653440.pcap", "tcp", 179, NOTHING, "no marker"),
    Ruling("plant-mms-goose-smb-13hosts.pcap", "tcp", 3757, NOTHING, "one octet 00"),
    Ruling("plant-mms-goose-smb-13hosts.pcap", "tcp", 3758, NOTHING, "one octet 00"),
    Ruling("it-1149conversations.pcapng", "udp", 7989, NOTHING, "ADwin by port: a serial number"),
)
RULINGS = SILENT + NAMED_OTHERWISE


def ruling(capture: str, key: Key) -> str | None:
    """Return what was ruled of a conversation, None where nothing was."""
    for one in RULINGS:
        if (one.capture, one.transport) != (capture, key.transport) or one.port not in key.ports:
            continue
        if one.address in (None, key.low[0], key.high[0]):
            return one.truth
    return None
