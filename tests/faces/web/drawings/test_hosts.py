"""The map of hosts: every host is there once, no two labels overlap, and nothing is believed."""

from __future__ import annotations

import random
from urllib.parse import unquote

import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG, WORDS, Link, plant, tangle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.grouping import MOST_HOSTS
from portbook.faces.web.drawings.hosts import map_of_hosts
from portbook.faces.web.drawings.svg import Drawn
from portbook.ports import Transport

SIZES = [(5, 328), (5, 1200), (60, 328), (60, 1200), (500, 328), (500, 1200)]
WIDTHS = st.sampled_from([280, 328, 640, 900, 1200, 2400])


def check(drawn: Drawn) -> None:
    root = networks.parsed(drawn)

    assert [] == networks.overlaps(drawn.boxes)
    assert [] == [box for box in drawn.boxes if not box.within(drawn.width, drawn.height)]
    assert [] == [
        (x, y)
        for x, y in networks.points(root)
        if not (0 <= x <= drawn.width and 0 <= y <= drawn.height)
    ]
    assert f"0 0 {drawn.width:g}" == " ".join((root.get("viewBox") or "").split()[:3])


def devices(drawn: Drawn) -> dict[str, str]:
    """Return the addresses that the map leads to, each with its title."""
    found = {}
    for one in networks.parsed(drawn).iter(f"{SVG}a"):
        assert (one.get("href") or "").startswith("/devices/")
        found[unquote((one.get("href") or "").removeprefix("/devices/"))] = (
            one.findtext(f"{SVG}title") or ""
        )
    return found


@pytest.mark.parametrize(("hosts", "width"), SIZES)
def test_a_plant_of_any_size_is_drawn_without_overlapping_labels(hosts: int, width: int) -> None:
    links = plant(hosts)
    drawn = map_of_hosts(links, width=width, words=WORDS)

    check(drawn)
    assert {one.client for one in links} <= devices(drawn).keys()
    assert 0 == drawn.left_out


@pytest.mark.parametrize("width", [328, 1200])
def test_three_thousand_links_without_any_order_are_drawn(width: int) -> None:
    links = tangle(500, 3000)
    drawn = map_of_hosts(links, width=width, words=WORDS)

    check(drawn)
    assert {end for one in links for end in one[:2]} == devices(drawn).keys()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(networks.links, max_size=120),
    WIDTHS,
    st.dictionaries(st.ip_addresses(v=4).map(str), st.sampled_from(HOSTILE), max_size=5),
)
def test_whatever_is_on_a_network_is_drawn_well(
    links: list[Link], width: int, names: dict[str, str]
) -> None:
    check(map_of_hosts(links, width=width, words=WORDS, names=names))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 500), st.integers(0, 1500), st.integers(), WIDTHS)
def test_networks_of_any_size_are_drawn_well(hosts: int, links: int, seed: int, width: int) -> None:
    check(map_of_hosts(tangle(hosts, links, seed), width=width, words=WORDS))


@pytest.mark.parametrize("hosts", [5, 60, 500])
@pytest.mark.parametrize("width", [328, 1200])
def test_no_line_crosses_the_label_of_a_host(hosts: int, width: int) -> None:
    drawn = map_of_hosts(plant(hosts), width=width, words=WORDS)
    root = networks.parsed(drawn)
    rooms = [
        (float(one.get("x", 0)), float(one.get("y", 0)), float(one.get("width", 0)))
        for one in root.iter(f"{SVG}rect")
        if "d-room" in (one.get("class") or "")
    ]
    heights = [
        float(one.get("height", 0))
        for one in root.iter(f"{SVG}rect")
        if "d-room" in (one.get("class") or "")
    ]

    # hosts' labels are inside their rooms, and lines end at a room's edge
    assert [] == [
        (x, y)
        for line in networks.lines(root)
        for x, y in networks.along(line.get("d", ""))
        for (left, top, wide), high in zip(rooms, heights, strict=True)
        if left + 0.2 < x < left + wide - 0.2 and top + 0.2 < y < top + high - 0.2
    ]


@pytest.mark.parametrize("hosts", [5, 60, 500])
def test_the_order_of_links_changes_nothing(hosts: int) -> None:
    links = plant(hosts)
    mixed = random.Random(7).sample(links, len(links))

    assert (
        map_of_hosts(links, width=1200, words=WORDS).svg
        == map_of_hosts(mixed, width=1200, words=WORDS).svg
    )


@pytest.mark.parametrize("hosts", [61, 120, 500])
def test_a_new_host_moves_the_others_by_one_place_at_most(hosts: int) -> None:
    before = _marks(plant(hosts))
    one = plant(hosts)[0]
    after = _marks([*plant(hosts), one._replace(server="10.20.0.9")])
    height = 22  # of a row

    moved = {
        name: abs(after[name][1] - place[1]) for name, place in before.items() if name in after
    }
    assert len(before) + 1 == len(after)
    assert [] == [name for name, far in moved.items() if far > height]
    assert sum(far == 0 for far in moved.values()) > 0


def _marks(links: list[Link]) -> dict[str, tuple[float, float]]:
    """Return where the labels of hosts are."""
    found = {}
    for one in networks.parsed(map_of_hosts(links, width=1200, words=WORDS)).iter(f"{SVG}a"):
        text = one.find(f"{SVG}text")
        assert text is not None
        found[one.get("href") or ""] = (float(text.get("x", 0)), float(text.get("y", 0)))
    return found


def test_hostile_names_stay_text() -> None:
    links = [Link(name, "10.0.0.9", protocol=name) for name in HOSTILE]
    names = {"10.0.0.9": HOSTILE[0]}
    drawn = map_of_hosts(links, width=1200, words=WORDS, names=names)
    root = networks.parsed(drawn)

    assert {"svg", "title", "desc", "g", "rect", "text", "path", "a", "circle"} >= {
        one.tag.removeprefix(SVG) for one in root.iter()
    }
    assert [] == [
        name for one in root.iter() for name in one.attrib if name.startswith(("on", "style"))
    ]
    assert "\u202e" not in drawn.svg
    assert any(title.startswith(f"{HOSTILE[0]} · 10.0.0.9") for title in devices(drawn).values())


def test_what_is_sent_to_all_is_a_group_and_no_device() -> None:
    everybody = ["10.0.0.255", "255.255.255.255", "224.0.0.251", "ff02::1"]
    links = [Link("10.0.0.5", one, Transport.UDP) for one in everybody]
    drawn = map_of_hosts(links, width=1200, words=WORDS)

    assert {"10.0.0.5"} == devices(drawn).keys()
    assert "Sent to everybody" in drawn.svg


def test_a_group_that_no_rule_tells_may_be_told() -> None:
    links = [Link("10.0.0.5", "10.0.0.127", Transport.UDP)]

    assert {"10.0.0.5"} == devices(
        map_of_hosts(links, width=1200, words=WORDS, groups=("10.0.0.127",))
    ).keys()


def test_colour_is_not_alone() -> None:
    names = ["modbus", "mqtt", "mms", "tls", "ssh", "smb", "s7comm", "dnp3", "http", None]
    links = [Link("10.0.0.5", f"10.0.0.{at + 10}", protocol=name) for at, name in enumerate(names)]
    root = networks.parsed(map_of_hosts(links, width=1200, words=WORDS))
    chips = [
        (one.get("class"), one.findtext(f"{SVG}text"))
        for one in root.iter(f"{SVG}g")
        if "d-chip" in (one.get("class") or "")
    ]
    letters = {kind: {letter for told, letter in chips if told == kind} for kind, _ in chips}

    assert 9 == len(letters)  # seven names, the others, and what has no name
    assert all(len(one) == 1 for one in letters.values())
    assert 9 == len({next(iter(one)) for one in letters.values()})


def test_the_title_of_a_line_tells_who_speaks_what_to_whom() -> None:
    drawn = map_of_hosts(
        [Link("10.0.0.5", "10.0.0.9", conversations=3, octets=77)], width=1200, words=WORDS
    )

    assert "10.0.0.5 to 10.0.0.9: modbus, 3 conversations, 77 octets" in drawn.svg


def test_of_too_many_hosts_the_busiest_are_drawn_and_the_rest_is_counted() -> None:
    links = [
        Link(f"10.0.{at // 200}.{at % 200 + 1}", "10.9.9.9", octets=at + 1)
        for at in range(MOST_HOSTS + 40)
    ]
    drawn = map_of_hosts(links, width=1200, words=WORDS)

    check(drawn)
    assert MOST_HOSTS == len(devices(drawn))
    assert 41 == drawn.left_out
    assert "10.0.0.1" not in devices(drawn)
    assert "41 hosts are not drawn" in drawn.svg


def test_no_links_make_an_empty_map() -> None:
    drawn = map_of_hosts([], width=100, words=WORDS)

    check(drawn)
    assert {} == devices(drawn)
