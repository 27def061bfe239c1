"""Rows of the conversation table become records: who asked whom, and what was said first.

Who is the client, in this order; `roles` of the record says which of them decided:
"syn"           TCP: who sent the SYN; a SYN+ACK alone shows it as well.
"protocol"      the bytes show it; found later, by identification, which then calls `turned`.
"cast"          an address that stands for many never asks.
"first-sender"  datagrams: who was heard first. A question comes before its answer, and what only
                ever goes one way has no other sign. It errs where a capture begins between a
                question and its answer; then the bytes mostly tell, and they go before.
"port"          TCP whose beginning was not seen: there, whose segment comes first is chance, so
                the lower band (0-1023, -49151, -65535) serves where the bands differ; else the
                first sender stands, as the weakest of signs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

import msgspec

from portbook.evidence.serving import services
from portbook.evidence.table import Row
from portbook.ports import Band, Transport
from portbook.protocols import Cast, Payload, Side
from portbook.records import LOCAL_SITE, Conversation

__all__ = ["Observed", "address_text", "mac_text", "records", "services", "turned"]

TRANSPORTS = {
    6: Transport.TCP,
    17: Transport.UDP,
    33: Transport.DCCP,
    132: Transport.SCTP,
}
_EVERYBODY = b"\xff\xff\xff\xff"
_CAST_TEXT = {cast: cast.value for cast in Cast}
_BANDS = (Band.SYSTEM, Band.USER, Band.DYNAMIC)


class Observed(NamedTuple):
    """A conversation with what its identification and its rhythm need."""

    conversation: Conversation
    payload: Payload
    times: tuple[int, ...]  # when its bursts began: the first 8 and the last 56, nanoseconds
    candidates: int  # prefilter bits over both directions
    roles_known: bool  # a SYN told who is the client
    where: int = 0  # octet of the source at which its first packet stands


def records(
    rows: Iterable[Row], source: str, site: str = LOCAL_SITE, part: int | None = None
) -> Iterator[Observed]:
    """Turn rows of the table into records, one by one.

    source: name of the capture or interface
    part: which time conversations were cut for lack of memory, from 1; what the table holds at
    the end is the last part; None when nothing was cut
    """
    for row in rows:
        asks, roles = _roles(row)
        cast = _cast(row)
        yield Observed(
            _conversation(row, asks, roles, cast, source, site, part),
            _payload(row, asks, cast),
            row.times,
            row.candidates,
            roles == "syn",
            row.where,
        )


def turned(one: Observed) -> Observed:
    """Return it with client and server exchanged, as a protocol's bytes have shown.

    A SYN outranks the bytes, and a broadcast or group address never becomes the client: then it
    is returned as it stands.
    """
    if one.roles_known or one.payload.cast is not Cast.UNICAST:
        return one
    told = one.conversation
    exchanged = msgspec.structs.replace(
        told,
        client=told.server,
        client_port=told.server_port,
        client_mac=told.server_mac,
        server=told.client,
        server_port=told.client_port,
        server_mac=told.client_mac,
        packets_to_server=told.packets_to_client,
        packets_to_client=told.packets_to_server,
        payload_octets_to_server=told.payload_octets_to_client,
        payload_octets_to_client=told.payload_octets_to_server,
        answered=told.packets_to_server > 0,
        roles="protocol",
    )
    return one._replace(conversation=exchanged, payload=one.payload.swapped())


def _by_syn(seen: int) -> bool | None:
    """Tell from `Row.syn` whether `a` is the client; None when no SYN was seen."""
    syn_a, syn_b, both_a, both_b = (seen >> bit & 1 for bit in range(4))
    # both sent SYNs (simultaneous open, or a port used again): the SYN+ACK decides if it can
    for a_asks, b_asks in ((syn_a, syn_b), (both_b, both_a)):
        if a_asks != b_asks:
            return bool(a_asks)
    return True if syn_a else None


# by `Row.syn`; worked out once: this runs a million times
BY_SYN = tuple(_by_syn(seen) for seen in range(16))


def _roles(row: Row) -> tuple[bool, str]:
    """Return whether `a` is the client, and how that was decided."""
    if row.transport != 6:
        if _is_group(row.a) and not _is_group(row.b):
            return False, "cast"
        return True, "first-sender"
    asks = BY_SYN[row.syn & 15]
    if asks is not None:
        return asks, "syn"
    band_a, band_b = _BANDS.index(Band.of(row.a_port)), _BANDS.index(Band.of(row.b_port))
    if band_a != band_b:
        return band_a > band_b, "port"
    return True, "first-sender"


def _conversation(
    row: Row, asks: bool, roles: str, cast: Cast, source: str, site: str, part: int | None
) -> Conversation:
    ends = ((row.a, row.a_port, row.a_mac), (row.b, row.b_port, row.b_mac))
    packets, octets = (row.packets_ab, row.packets_ba), (row.payload_ab, row.payload_ba)
    there, back = (0, 1) if asks else (1, 0)
    (client, client_port, client_mac), (server, server_port, server_mac) = ends[there], ends[back]
    return Conversation(
        transport=TRANSPORTS[row.transport],
        client=address_text(client),
        client_port=client_port,
        server=address_text(server),
        server_port=server_port,
        source=source,
        packets=row.packets_ab + row.packets_ba,
        octets=row.octets_ab + row.octets_ba,
        payload_octets=row.payload_ab + row.payload_ba,
        first_ns=row.first_ns,
        last_ns=row.last_ns,
        site=site,
        vlan=row.vlan,
        tunnel=row.tunnel,
        packets_to_server=packets[there],
        packets_to_client=packets[back],
        payload_octets_to_server=octets[there],
        payload_octets_to_client=octets[back],
        roles=roles,
        bursts=row.bursts,
        cast=_CAST_TEXT[cast],
        client_mac=mac_text(client_mac),
        server_mac=mac_text(server_mac),
        part=part,
        answered=_answered(row, asks),
    )


def _answered(row: Row, asks: bool) -> bool:
    """Tell whether the server's end answered; a TCP reset is no answer."""
    packets, payload, syn_ack = (
        (row.packets_ba, row.payload_ba, row.syn & 8)
        if asks
        else (row.packets_ab, row.payload_ab, row.syn & 4)
    )
    if row.transport != 6:
        return packets > 0
    asked = row.payload_ab if asks else row.payload_ba
    return bool(syn_ack or payload or (packets and asked))


def _payload(row: Row, asks: bool, cast: Cast) -> Payload:
    ab = Side(row.head_ab, row.pieces_ab, row.payload_ab, row.started_ab)
    ba = Side(row.head_ba, row.pieces_ba, row.payload_ba, row.started_ba)
    to_server, to_client, served = (ab, ba, row.b) if asks else (ba, ab, row.a)
    group = address_text(served) if cast is Cast.MULTICAST else None
    return Payload(TRANSPORTS[row.transport], to_server, to_client, cast, group)


def _cast(row: Row) -> Cast:
    """Return what kind of destination was written to; TCP has but one kind."""
    if row.transport == 6:
        return Cast.UNICAST
    for address in (row.b, row.a):
        if _is_multicast(address):
            return Cast.MULTICAST
    if row.broadcast or _EVERYBODY in (row.b, row.a):
        return Cast.BROADCAST
    # without link addresses a directed broadcast shows by its last octet only
    if not row.b_mac and len(row.b) == 4 and row.b[3] == 255 and not row.packets_ba:
        return Cast.BROADCAST
    return Cast.UNICAST


def _is_group(address: bytes) -> bool:
    return address == _EVERYBODY or _is_multicast(address)


def _is_multicast(address: bytes) -> bool:
    return address[0] == 0xFF if len(address) == 16 else address[0] & 0xF0 == 0xE0


@lru_cache(maxsize=65536)
def address_text(address: bytes) -> str:
    """Return an IPv4 or IPv6 address as text (RFC 5952); 4 or 16 octets."""
    if len(address) == 4:
        return ".".join(map(str, address))
    known = IPv6Address(address)
    mapped = known.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else known.compressed


@lru_cache(maxsize=65536)
def mac_text(address: bytes) -> str | None:
    """Return a link address as text, None when there is none."""
    return address.hex(":") if address else None
