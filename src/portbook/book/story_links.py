"""Who speaks what to whom: conversations of a story's file, added up in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book.listings import UNKNOWN, Asked, rows_of
from portbook.book.story_filters import Filters, host_range
from portbook.book.story_rows import address_key
from portbook.book.story_tables import KINDS, PLACES
from portbook.book.story_ways import whole_rows
from portbook.ports import Transport
from portbook.records import Device

if TYPE_CHECKING:
    from sqlite3 import Connection


class Link(msgspec.Struct, frozen=True, tag="link", tag_field="kind"):
    """All that one host says to another by one protocol."""

    client: str
    server: str
    transport: Transport
    server_port: int | None  # None: several
    protocol: str | None
    conversations: int
    packets: int
    octets: int
    first_ns: int
    last_ns: int


class Linked(msgspec.Struct, frozen=True):
    """The biggest links, and how many there are beside them."""

    links: tuple[Link, ...]
    left_out: int


def rebuild(connection: Connection) -> None:
    """Add all conversations up anew; the caller holds the transaction."""
    connection.execute("DELETE FROM link")
    connection.execute(
        "INSERT INTO link (client, server, transport, protocol, server_port, conversations, "
        f"packets, octets, first_ns, last_ns) {_summed('conversation NOT INDEXED WHERE 1')}"
    )


def links(connection: Connection, asked: Asked, most: int, *, ready: bool) -> Linked:
    """Return the biggest links of what is asked.

    ready: the sums are there already, which serves for a host, a transport and a protocol; for
    other filters conversations are added up anew
    """
    rows_of(msgspec.structs.replace(asked, most=most))
    summed = Asked(host=asked.host, transport=asked.transport, protocol=asked.protocol)
    plain = msgspec.structs.replace(asked, order="", after=None, most=summed.most, gone=False)
    if ready and plain == summed:
        return _ready(connection, asked, most)
    kind = KINDS["conversation"]
    filters = Filters(connection, kind, asked)
    summed_up = _summed(whole_rows(connection, kind, filters))
    summing = f"SELECT *, count(*) OVER () FROM ({summed_up})"
    found = connection.execute(
        f"{summing} ORDER BY octets DESC, client, server LIMIT {most}", filters.values
    ).fetchall()
    return _linked([row[:-1] for row in found], found[0][-1] if found else 0)


def _summed(rows: str) -> str:
    return (
        "SELECT substr(client, 1, length(client) - 2) AS client,"
        " substr(server, 1, length(server) - 2) AS server, transport, protocol,"
        " iif(min(server_port) = max(server_port), min(server_port), NULL) AS server_port,"
        " sum(counts) AS conversations, CAST(total(packets) AS INTEGER) AS packets,"
        " CAST(total(octets) AS INTEGER) AS octets, min(first_ns) AS first_ns,"
        f" max(last_ns) AS last_ns FROM {rows} GROUP BY 1, 2, 3, 4"
    )


def _ready(connection: Connection, asked: Asked, most: int) -> Linked:
    told: list[str] = ["1"]
    values: dict[str, str | bytes] = {}
    if asked.host:
        values["low"], values["high"] = host_range(asked.host)
        told.append(
            "id IN (SELECT id FROM link WHERE client BETWEEN :low AND :high UNION"
            " SELECT id FROM link WHERE server BETWEEN :low AND :high)"
        )
    if asked.transport:
        values["transport"] = asked.transport.value
        told.append("transport = :transport")
    if asked.protocol:
        values["protocol"] = "" if asked.protocol == UNKNOWN else asked.protocol
        told.append("protocol = :protocol")
    where = " AND ".join(told)
    rows = connection.execute(
        "SELECT client, server, transport, protocol, server_port, conversations, packets, octets, "
        f"first_ns, last_ns FROM link WHERE {where} ORDER BY octets DESC, id DESC LIMIT {most}",
        values,
    ).fetchall()
    every = connection.execute(f"SELECT count(*) FROM link WHERE {where}", values).fetchone()[0]
    return _linked(rows, every)


def _linked(rows: list[Any], every: int) -> Linked:
    return Linked(tuple(map(_link, rows)), every - len(rows))


def _link(row: Any) -> Link:
    client, server, transport, protocol, port, *numbers = row
    ends = address_text(client), address_text(server)
    return Link(*ends, Transport(transport), port, protocol or None, *numbers)


def address_text(key: bytes) -> str:
    """Return the address that a key was made of; an IPv4 address inside of IPv6 as IPv4."""
    if len(key) == 5 and key[0] == 4:
        return str(IPv4Address(key[1:]))
    if len(key) == 17 and key[0] == 6:
        return str(IPv6Address(key[1:]))
    return key[1:].decode("utf-8", "replace")


def devices(connection: Connection, addresses: Iterable[str]) -> dict[str, Device]:
    """Return the devices that have these addresses, by address."""
    found: dict[str, Device] = {}
    decoder = msgspec.json.Decoder(Device)
    for one in dict.fromkeys(addresses):
        row = connection.execute(_DEVICE, (PLACES["device"], address_key(one))).fetchone()
        if row:
            found[one] = decoder.decode(row[0])
    return found


_DEVICE = """
SELECT record FROM device_record WHERE id = (
    SELECT h.id FROM hosts h JOIN device d ON d.id = h.id
    WHERE h.kind = ? AND h.address = ? ORDER BY d.last_ns DESC LIMIT 1)
"""
