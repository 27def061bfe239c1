"""Rows of the conversation table, as tests need them."""

from __future__ import annotations

from ipaddress import ip_address

from portbook.evidence.table import Row

TCP, UDP = 6, 17


def packed(address: str) -> bytes:
    return ip_address(address).packed


def row(
    transport: int = UDP,
    a: str = "10.0.0.5",
    a_port: int = 50000,
    b: str = "10.0.0.9",
    b_port: int = 502,
    *,
    to_b: tuple[bytes, ...] = (),
    to_a: tuple[bytes, ...] = (),
    packets: tuple[int, int] | None = None,
    syn: int = 0,
    times: tuple[int, ...] = (1_000_000_000,),
    bursts: int | None = None,
    broadcast: bool = False,
    macs: tuple[bytes, bytes] = (b"\2\0\0\0\0\5", b"\2\0\0\0\0\t"),
    vlan: int | None = None,
    candidates: int = 0,
) -> Row:
    """Make a row from what both ends said; a packet for each payload unless `packets` says more."""
    packets_ab, packets_ba = packets or (len(to_b), len(to_a))
    sizes = sum(map(len, to_b)), sum(map(len, to_a))
    datagrams = transport != TCP
    return Row(
        transport=transport,
        a=packed(a),
        a_port=a_port,
        b=packed(b),
        b_port=b_port,
        vlan=vlan,
        tunnel=None,
        packets_ab=packets_ab,
        packets_ba=packets_ba,
        octets_ab=sizes[0] + 60 * packets_ab,
        octets_ba=sizes[1] + 60 * packets_ba,
        payload_ab=sizes[0],
        payload_ba=sizes[1],
        first_ns=times[0],
        last_ns=times[-1],
        syn=syn,
        started_ab=datagrams or bool(syn & 5),
        started_ba=datagrams or bool(syn & 10),
        head_ab=b"".join(to_b),
        head_ba=b"".join(to_a),
        pieces_ab=tuple((len(one), len(one)) for one in to_b),
        pieces_ba=tuple((len(one), len(one)) for one in to_a),
        bursts=bursts or len(times),
        times=times,
        a_mac=macs[0],
        b_mac=macs[1],
        broadcast=broadcast,
        candidates=candidates,
        where=24,
    )
