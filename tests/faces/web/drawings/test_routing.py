"""Lines between hosts, bundled when many go the same way, and ways through the gaps."""

from __future__ import annotations

from faces.web.drawings.networks import Link, along, plant

from portbook.faces.web.drawings.arranging import Arranged, arranged
from portbook.faces.web.drawings.buses import buses
from portbook.faces.web.drawings.grouping import people
from portbook.faces.web.drawings.routing import MOST_LINES, bundled, free_height, ways

SERIES = {"modbus": 1, "tls": 2}


def place(links: list[Link], width: float = 1200) -> Arranged:
    return arranged(people(links).rooms, width, 40, {})


def test_links_of_one_protocol_between_two_hosts_are_one_line() -> None:
    links = [
        Link("10.0.0.5", "10.0.0.9", conversations=2, octets=10),
        Link("10.0.0.5", "10.0.0.9", server_port=503, conversations=3, octets=5),
        Link("10.0.0.5", "10.0.0.9", protocol="tls"),
        Link("10.0.0.5", "10.0.0.9", protocol="unheard-of"),
    ]
    lines, few = bundled(links, place(links), SERIES)

    assert few
    assert [(1, 5, 15), (2, 1, 1000), (8, 1, 1000)] == [
        (one.series, one.conversations, one.octets) for one in lines
    ]


def test_lines_to_a_room_of_many_end_at_the_room() -> None:
    links = [Link("10.0.0.5", f"10.0.1.{at}") for at in range(1, 61)]
    (line,), _ = bundled(links, place(links), SERIES)

    assert ((None, 60), ("10.0.0.5",)) == ((line.server.row, len(line.servers)), line.clients)


def test_no_link_is_lost_when_lines_are_too_many() -> None:
    links = plant(500)
    told = place(links)
    lines, few = bundled(links, told, SERIES)

    assert not few or len(lines) <= MOST_LINES
    assert sum(one.conversations for one in links) == sum(one.conversations for one in lines)
    assert sum(one.octets for one in links) == sum(one.octets for one in lines)


def test_a_way_begins_at_who_asks_and_arrives_at_who_is_asked() -> None:
    links = [Link("10.0.0.5", "10.0.0.9")]
    told = place(links)
    (way,) = ways(bundled(links, told, SERIES)[0], told)
    points = list(along(way.path))
    client, server = (one.spots[0] for one in told.placed)

    assert (round(told.placed[0].box.right), round(client.y)) == tuple(map(round, points[0]))
    assert (round(told.placed[1].box.x), round(server.y)) == tuple(map(round, points[-1]))
    assert (told.placed[1].box.x, server.y) == way.arrival


def test_ways_through_a_column_lie_between_its_rooms() -> None:
    told = place([Link("10.0.0.1", "10.0.0.2"), Link("10.0.0.2", "10.0.0.3")])
    box = next(one.box for one in told.placed if one.column == 1)

    for lane in range(12):
        for wanted in (-50.0, box.y + 1, box.y + box.height / 2, box.bottom - 1, 900.0):
            height = free_height(told, 1, wanted, lane)
            assert not box.y <= height <= box.bottom


def test_every_room_is_wired_to_the_bar_of_each_protocol_that_it_speaks() -> None:
    links = plant(500)
    told = place(links)
    series = {"modbus": 1, "s7comm": 2, "enip": 3, "tls": 4, "codesys-v3": 5, None: 0}
    lines, few = bundled(links, told, series)
    drawn = buses(lines, told)
    wired = {(way.line.series, bool(way.arrival)) for way in drawn}
    heads = [way for way in drawn if way.arrival]

    assert not few
    # each series has bars and asking wires without a head, and wires with one
    assert {(one.series, head) for one in lines for head in (True, False)} == wired
    assert {(one.server.room, one.series) for one in lines} == {
        (_room_at(told, way.arrival), way.line.series) for way in heads if way.arrival
    }
    assert all(way.dots for way in heads)


def _room_at(told: Arranged, point: tuple[float, float]) -> int:
    """Return the room at whose edge a point is."""
    (found,) = [
        number
        for number, one in enumerate(told.placed)
        if point[0] in (one.box.x, one.box.right) and one.box.y <= point[1] <= one.box.bottom
    ]
    return found
