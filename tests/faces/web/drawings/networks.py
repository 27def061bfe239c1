"""Networks to draw: a plant of any size, and whatever hypothesis thinks of."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from hypothesis import strategies as st

from portbook.faces.web.drawings.hosts import MapWords
from portbook.faces.web.drawings.placing import Box
from portbook.faces.web.drawings.svg import Drawn
from portbook.ports import Transport

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "]]><svg onload=alert(1)>",
    "\u202egnp.exe\x00\x1b[31m",
    "輸送帶控制器二號機房東側第三機櫃輸送帶控制器二號機房東側第三機櫃",
    "Z̸̡̢͓̗a̵̧͎͈l̶̨̛g̷̢o",
    "\ufdfd\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\ud800",
    "",
    "W" * 300,
)

WORDS = MapWords(
    title="Who speaks what to whom",
    description="Hosts and their conversations",
    roles=("Asks", "Asks and answers", "Answers", "Sent to everybody"),
    elsewhere="Other addresses",
    unnamed="unnamed",
    others="other protocols",
    hosts=lambda count: f"{count} hosts",
    host=lambda who, asks, asked: f"{who}: asks {asks}, asked by {asked}",
    line=lambda client, server, name, count, octets: (
        f"{client} to {server}: {name}, {count} conversations, {octets} octets"
    ),
    left_out=lambda count: f"{count} hosts are not drawn",
)


class Link(NamedTuple):
    client: str
    server: str
    transport: Transport = Transport.TCP
    server_port: int = 502
    protocol: str | None = "modbus"
    conversations: int = 1
    packets: int = 10
    octets: int = 1000


def plant(hosts: int, seed: int = 1) -> list[Link]:
    """Return a plant: stations that poll controllers, screens that ask stations, announcements."""
    chance = random.Random(seed)
    nets = max(1, hosts // 60)
    every = [f"10.20.{at % nets}.{10 + at // nets}" for at in range(hosts)]
    stations = every[: max(1, hosts // 25)]
    screens = every[len(stations) : len(stations) + hosts // 8]
    found = []
    for one in every[len(stations) + len(screens) :]:
        spoken = chance.choice(["modbus", "s7comm", "enip"])
        found.append(
            Link(chance.choice(stations), one, protocol=spoken, octets=chance.randint(1, 10**7))
        )
        found.append(Link(one, one.rpartition(".")[0] + ".255", Transport.UDP, 1743, "codesys-v3"))
    return found + [
        Link(one, chance.choice(stations), protocol=chance.choice(["tls", None])) for one in screens
    ]


def tangle(hosts: int, links: int, seed: int = 2) -> list[Link]:
    """Return a network without any order: everybody speaks anything to everybody."""
    chance = random.Random(seed)
    every = [f"10.{chance.randint(0, 3)}.{at // 12}.{at % 12 + 1}" for at in range(hosts)]
    names = ["modbus", "s7comm", "enip", "tls", "ssh", "smb", "http", "opcua", "ntp", None]
    return [
        Link(
            chance.choice(every),
            chance.choice(every),
            protocol=chance.choice(names),
            octets=chance.randint(0, 10**8),
        )
        for _ in range(links)
    ]


_addresses = st.one_of(
    st.builds(
        "10.{}.{}.{}".format,
        st.integers(0, 2),
        st.integers(0, 30),
        st.integers(0, 255),
    ),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=4).map(str),
    st.sampled_from(["255.255.255.255", "ff02::1", "224.0.0.251", "fe80::1%eth0", *HOSTILE]),
)
links = st.builds(
    Link,
    client=_addresses,
    server=_addresses,
    transport=st.sampled_from([Transport.TCP, Transport.UDP]),
    protocol=st.one_of(st.none(), st.sampled_from(["modbus", "tls", "dns", "m", *HOSTILE])),
    conversations=st.integers(0, 10**6),
    octets=st.integers(0, 2**63),
)


def parsed(drawn: Drawn) -> ElementTree.Element:
    """Return the drawing's root; fails when it is not well-formed."""
    return ElementTree.fromstring(drawn.svg)


def overlaps(boxes: Sequence[Box]) -> list[tuple[Box, Box]]:
    """Return the pairs of boxes that overlap, found the plain way."""
    return [(one, two) for one, two in combinations(boxes, 2) if one.overlaps(two)]


def points(root: ElementTree.Element) -> Iterator[tuple[float, float]]:
    """Give points of lines and rectangles of a drawing, those of curves by their own formula."""
    for one in root.iter(f"{SVG}rect"):
        x, y = float(one.get("x", 0)), float(one.get("y", 0))
        yield x, y
        yield x + float(one.get("width", 0)), y + float(one.get("height", 0))
    for one in root.iter(f"{SVG}circle"):
        yield float(one.get("cx", 0)), float(one.get("cy", 0))
    for one in lines(root):
        yield from along(one.get("d", ""))


def lines(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Give the lines between hosts."""
    for group in root.findall(f"{SVG}g"):
        if "d-line" in (group.get("class") or ""):
            yield from group.findall(f"{SVG}path")


def along(path: str) -> Iterator[tuple[float, float]]:
    """Give points along a path of M, L and C with absolute numbers."""
    here = (0.0, 0.0)
    for step in path.replace("M", "|M").replace("L", "|L").replace("C", "|C").split("|")[1:]:
        numbers = [float(one) for one in step[1:].replace(",", " ").split()]
        ends = list(zip(numbers[::2], numbers[1::2], strict=True))
        a, (b, c, d) = here, (ends if step[0] == "C" else [ends[0], ends[0], ends[0]])
        if step[0] == "L":
            b, c = a, d
        for at in range(21) if step[0] != "M" else (20,):
            t, u = at / 20, 1 - at / 20
            yield (
                u**3 * a[0] + 3 * u * u * t * b[0] + 3 * u * t * t * c[0] + t**3 * d[0],
                u**3 * a[1] + 3 * u * u * t * b[1] + 3 * u * t * t * c[1] + t**3 * d[1],
            )
        here = d
