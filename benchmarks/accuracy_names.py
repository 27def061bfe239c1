"""How witnesses call what portbook calls otherwise: a table of facts.

A name that stands in no table is that of the witness, with `-` for `_`: where portbook has a
protocol of that name, they are taken for the same.
"""

from __future__ import annotations

from collections.abc import Mapping

# layers that carry others: the name is that of what they carry, where that is known
CARRIERS = {
    "tpkt", "cotp", "ses", "pres", "acse", "nbss", "dcerpc", "mbtcp", "bvlc", "bacnet",
    "iec60870_104", "rpc", "udpencap", "tcpencap", "gryphon", "rtitcp", "xot", "clnp", "tcpros",
}  # fmt: skip
TSHARK = {
    "mbtcp": "modbus", "mbudp": "modbus", "mbrtu": "modbus", "cip": "enip", "cipio": "cip-io",
    "bvlc": "bacnet", "bacapp": "bacnet", "tpkt": "cotp",
    "ses": "mms", "pres": "mms", "acse": "mms", "iec60870_104": "iec104",
    "iec60870_asdu": "iec104", "codesysv3": "codesys-v3", "pn_io": "profinet-cm",
    "hart_ip": "hart-ip", "omron": "fins", "synphasor": "c37118", "smb2": "smb",
    "cldap": "ldap", "rpc": "sunrpc", "nfs": "sunrpc", "portmap": "sunrpc", "mount": "sunrpc",
    "isakmp": "ike", "kip": "knxnet-ip", "knxip": "knxnet-ip",
    "ge_srtp": "ge-srtp", "bssap": "bsap", "esio": "slmp", "pgsql": "postgresql",
    "tns": "oracle-tns", "resp": "redis", "cflow": "netflow", "db-lsp-disc": "dropbox-lan",
    "mongo": "mongodb", "memcache": "memcached", "imap": "imap", "pop": "pop3", "wg": "wireguard",
    "classicstun": "stun", "rtps": "rtps", "ms-do": "dcerpc", "afs": "rx",
}  # fmt: skip
# nDPI writes `CARRIER.CONTENT`: the first part counts, except where it is a carrier
NDPI_CARRIERS = {"DCERPC", "NetBIOS"}
NDPI = {
    "OPC-UA": "opcua", "IEEE-C37118": "c37118", "ANSI_C1222": "c1222", "EthernetIP": "enip",
    "CIP": "cip-io", "S7Comm": "s7comm", "S7CommPlus": "s7comm", "IEC60870": "iec104",
    "ISO9506-1-MMS": "mms", "BeckhoffADS": "ams", "HART-IP": "hart-ip", "BACnet": "bacnet",
    "PROFINET_IO": "profinet-cm", "MELSEC": "melsoft", "OMRON_FINS": "fins", "FINS": "fins",
    "DLMS": "dlms", "KNXnet_IP": "knxnet-ip", "GE_SRTP": "ge-srtp", "EGD": "egd",
    "NiagaraFox": "fox", "Opto22": "optommp", "UMAS": "modbus", "PTPv2": "ptp",
    "FTP_CONTROL": "ftp", "SMBv1": "smb", "SMBv23": "smb", "NetBIOS": "nbns", "IPSec": "ike",
    "NFS": "sunrpc", "RPC": "sunrpc", "PostgreSQL": "postgresql", "MongoDB": "mongodb",
    "MsSQL-TDS": "tds", "Oracle": "oracle-tns", "TPLINK_SHP": "tplink-shp", "WSD": "ws-discovery",
    "Radius": "radius", "Teredo": "teredo", "FTP_DATA": "ftp-data", "NetFlow": "netflow",
    "IMAPS": "tls", "SMTPS": "tls", "POPS": "tls", "FTPS": "ftp", "WebSocket": "http",
    "HTTP2": "http", "HTTP_Connect": "http", "HTTP_Proxy": "http", "SOAP": "http",
    "DoH_DoT": "tls", "Dropbox": "dropbox-lan", "DNScrypt": "dnscrypt",
}  # fmt: skip
# which of our names say the same as a witness's, or more
FITS: Mapping[str, frozenset[str]] = {
    "cotp": frozenset({"cotp", "s7comm", "mms", "rdp"}),
    "dcerpc": frozenset({"dcerpc", "profinet-cm"}),
    "nbns": frozenset({"nbns", "nbdgm", "smb"}),  # nDPI has one name for all of NetBIOS
    "nbss": frozenset({"nbss", "smb"}),
    "smb": frozenset({"smb", "nbdgm"}),  # and SMB for what a NetBIOS datagram carries
    "quic": frozenset({"quic", "gquic"}),  # and one for Google's before RFC 9000
}
# tunnels that portbook opens: their conversations are named by what is inside
TUNNELS = frozenset({"vxlan", "geneve", "gtp", "teredo"})
# no protocol above a transport, though the witness lists it there
NOT_ABOVE = {"mptcp", "data"}
# what the dissector is called that is told of a port, where its own choice is none
DISSECTORS = {
    "modbus": "mbtcp", "enip": "enip", "cip-io": "cipio", "bacnet": "bvlc", "dnp3": "dnp3",
    "c37118": "synphasor", "profinet-cm": "dcerpc", "iec104": "iec60870_104", "ams": "ams",
    "http": "http", "tls": "tls", "dns": "dns", "mqtt": "mqtt", "opcua": "opcua", "ssh": "ssh",
    "ftp": "ftp", "smtp": "smtp", "snmp": "snmp", "ntp": "ntp", "dhcp": "dhcp", "smb": "nbss",
    "s7comm": "tpkt", "mms": "tpkt", "cotp": "tpkt", "optommp": "optommp", "rdp": "tpkt",
    "knxnet-ip": "kip", "hart-ip": "hart_ip", "fins": "omron", "quic": "quic", "dtls": "dtls",
    "c1222": "c1222", "stun": "stun", "sip": "sip", "ldap": "ldap", "kerberos": "kerberos",
    "radius": "radius", "bgp": "bgp", "tftp": "tftp", "syslog": "syslog", "ptp": "ptp",
    "rtps": "rtps", "coap": "coap", "egd": "egd", "irc": "irc", "pop3": "pop", "imap": "imap",
}  # fmt: skip
# what controls a plant or measures for it
PLANT = frozenset(
    {
        "ams", "bacnet", "bsap", "c1222", "c37118", "cip-io", "codesys-v2", "codesys-v3", "coap",
        "cotp", "crimson", "datalink", "dlms", "dnp3", "earthworm", "egd", "enip", "fins", "fox",
        "ge-srtp", "genisys", "hart-ip", "iec104", "knxnet-ip", "lonworks-ip", "mbus", "melsoft",
        "mms", "modbus", "modbus-rtu", "mqtt", "netmanage", "opcua", "optommp", "pac-control",
        "pakbus", "pc-worx", "proconos", "profinet-cm", "profinet-dcp", "ptp", "reftek",
        "roc-plus", "rtps", "s7comm", "seedlink", "slmp", "tristation", "unitrends", "waveserver",
    }
)  # fmt: skip


def of_tshark(path: str) -> str | None:
    """Return the name for a path of layers: the first that carries no other, or the last.

    path: `tpkt:cotp:s7comm`; what stands behind the name is its content
    """
    found = None
    for layer in filter(None, path.split(":")):
        if layer.startswith("_ws.") or layer in NOT_ABOVE:
            break
        found = layer
        if layer not in CARRIERS:
            break
    return TSHARK.get(found, found.replace("_", "-")) if found else None


def of_ndpi(label: str) -> str | None:
    """Return the name for `TLS.Google` or `?HTTP`, None for what nDPI does not know."""
    first, _, second = label.removeprefix("?").partition(".")
    name = second if first in NDPI_CARRIERS and second else first
    if name == "Unknown":
        return None
    return NDPI.get(name, name.lower().replace("_", "-"))


def fits(ours: str, witness: str) -> bool:
    """Tell whether our name says what a witness's says, or more."""
    return ours in FITS.get(witness, frozenset({witness}))
