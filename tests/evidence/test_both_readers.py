"""Both readers on generated hostile captures: every container, every header, tiny tables.

What is compared is all that a table tells, and what was closed and released on the way, driven as
a survey drives it (`fuzz.driving`). Real captures are compared in `test_packets`.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.reading import KINDS, maker, needs_compiled, one
from support.ringed import FIRST, block

from fuzz.driving import Driven, Slow, Way, compare, tables
from fuzz.traffic import linked
from portbook.emulators import frames
from portbook.emulators.frames import Frame, Interface, Section
from portbook.evidence.containers import LAST_NS
from portbook.protocols.prefilter import Row as Signature
from portbook.protocols.prefilter import prefilter

SOME = list(linked())
ETHERNET = [each.octets for each in SOME if each.link == 1]
LINKS = sorted({each.link for each in SOME})
NOW_NS = 1_700_000_000_000_000_000
STEPS_NS = (0, 1, 1000, 999_999_999, 1_000_000_001, 61_000_000_000, -5_000, -(10**15))
FEW = (Signature(17, 0, 2, 0xFFFF, 0x4141, 0), Signature(6, 1, 1, 0x0F, 0x01, 5, True))
hostile = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
orders = st.sampled_from("<>")


@st.composite
def ways(draw: st.DrawFn) -> Way:
    """Give a way to read: tiny tables and pools, blocks of one octet and of many."""
    return Way(
        draw(st.sampled_from(((), FEW, prefilter().rows))),
        draw(st.sampled_from((1 << 20, 1, 2, 3, 9))),
        draw(st.sampled_from((1 << 20, 0, 1, 1024, 16384, 40000))),
        draw(st.sampled_from((1, 2, 100))),
        tuple(draw(st.lists(st.one_of(st.just(1), st.integers(1, 400)), max_size=60))),
    )


@st.composite
def octets_of_a_frame(draw: st.DrawFn, link: int | None = None) -> bytes:
    """Give a frame of our own making, perhaps with octets changed, cut, doubled or behind it."""
    made = draw(st.sampled_from([one.octets for one in SOME if link in (None, one.link)]))
    change = draw(st.integers(0, 5))
    if change == 0:
        return made[: draw(st.integers(0, len(made)))]
    if change == 1:
        return made + draw(st.binary(max_size=20))
    for _ in range(change - 2):
        at = draw(st.integers(0, len(made) - 1))
        made = made[:at] + bytes((draw(st.integers(0, 255)),)) + made[at + 1 :]
    return made


@st.composite
def told(draw: st.DrawFn, link: int) -> list[tuple[int, bytes, int]]:
    """Give times, frames and their lengths on the wire."""
    now_ns, found = NOW_NS, []
    for octets in draw(st.lists(octets_of_a_frame(link), max_size=16)):
        now_ns += draw(st.sampled_from(STEPS_NS))
        found.append((now_ns, octets, len(octets) + draw(st.sampled_from((0, 0, 0, 1, 1000)))))
    return found


@st.composite
def pcaps(draw: st.DrawFn) -> bytes:
    """Give a pcap of any order, resolution, version and link, its lengths exchanged or not."""
    order, link = draw(orders), draw(st.sampled_from((1, 1, 1, *LINKS, 999)))
    magic = draw(st.sampled_from((0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)))
    minor = draw(st.sampled_from((4, 4, 3, 2)))
    data = struct.pack(order + "IHHiIII", magic, 2, minor, 0, 0, 65535, link)
    tick_ns = 1 if magic == 0xA1B23C4D else 1000
    for time_ns, octets, length in draw(told(link if link in LINKS else 1)):
        seconds, rest = divmod(max(0, time_ns), 10**9)
        fraction = draw(st.sampled_from((rest // tick_ns, rest // tick_ns, 0xFFFFFFFF)))
        sizes = (len(octets), length)
        if minor < 4 and draw(st.booleans()):
            sizes = sizes[::-1]
        data += struct.pack(order + "IIII", seconds & 0xFFFFFFFF, fraction, *sizes)
        data += bytes(8 if magic == 0xA1B2CD34 else 0) + octets
    return data


@st.composite
def sections(draw: st.DrawFn) -> bytes:
    """Give a section of pcapng: interfaces with clocks and options, blocks of every kind."""
    order = draw(orders)
    data = frames.pcapng(Section((), (), order == ">"))
    links = draw(st.lists(st.sampled_from((1, 1, 101, 113, 999)), max_size=3))
    for link in links:
        data += draw(interfaces(order, link))
    for time_ns, octets, length in draw(told(1)):
        number = draw(st.integers(0, max(1, len(links))))
        ticks = draw(st.sampled_from((time_ns // 1000, time_ns, 0, (1 << 64) - 1))) % (1 << 64)
        high, low = ticks >> 32, ticks & 0xFFFFFFFF
        kept = octets[: draw(st.sampled_from((1 << 16, 60, 34)))]
        enhanced = struct.pack(order + "IIIII", number, high, low, len(kept), length) + kept
        padded = enhanced + b"\0" * (-len(enhanced) % 4) + _option(order, 2, draw(st.binary()))
        old = struct.pack(order + "HHIIII", number, 5, high, low, len(kept), length) + kept
        simple = struct.pack(order + "I", draw(st.sampled_from((len(kept), 7, 5000)))) + kept
        kind, body = draw(
            st.sampled_from(((6, enhanced), (6, enhanced), (6, padded), (2, old), (3, simple)))
        )
        data += frames.block(kind, body, order)
        if draw(st.integers(0, 5)) == 0:
            data += frames.block(draw(st.sampled_from((4, 5, 0xBAD))), b"z" * 33, order)
    return data


@st.composite
def interfaces(draw: st.DrawFn, order: str, link: int) -> bytes:
    """Give an Interface Description Block; its clock may be none that anybody has."""
    body = struct.pack(order + "HHI", link, 0, draw(st.sampled_from((0, 0, 64, 1 << 30))))
    if draw(st.booleans()):
        body += _option(order, 2, draw(st.binary(max_size=9)))
    if draw(st.booleans()):
        resolution = draw(st.one_of(st.sampled_from((3, 6, 9)), st.integers(0, 255)))
        body += _option(order, 9, bytes((resolution,)))
    if draw(st.booleans()):
        offset_s = draw(st.sampled_from((0, -5, 1 << 40, -(1 << 62), (1 << 63) - 1)))
        body += _option(order, 14, struct.pack(order + "q", offset_s))
    return frames.block(1, body, order)


def _option(order: str, code: int, value: bytes) -> bytes:
    value = value[:40]
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


@st.composite
def damaged(draw: st.DrawFn, sources: st.SearchStrategy[bytes]) -> bytes:
    """Give a source as it is, or cut, or with some octets changed."""
    data = draw(sources)
    if draw(st.booleans()) or not data:
        return data
    at = draw(st.integers(0, len(data) - 1))
    if draw(st.booleans()):
        return data[:at]
    change = draw(st.binary(min_size=1, max_size=4))
    return data[:at] + change + data[at + len(change) :]


everything = damaged(st.one_of(pcaps(), st.lists(sections(), min_size=1, max_size=3).map(b"".join)))


@needs_compiled
@hostile
@given(everything, ways())
def test_both_readers_tell_the_same_of_any_capture_read_in_any_way(data: bytes, way: Way) -> None:
    compare(way, lambda driven: driven.capture(data))


@needs_compiled
@hostile
@given(everything)
@example(frames.pcap([Frame(NOW_NS, one) for one in ETHERNET]))
@example(frames.pcapng(Section([Frame(NOW_NS, one) for one in ETHERNET], (Interface(1, 9),))))
def test_one_octet_at_a_time_makes_no_difference_to_either(data: bytes) -> None:
    whole = Way(FEW, 1 << 20, 1 << 20, 1, ())
    slowly = whole._replace(sizes=(1,) * len(data))
    (_, first), *_ = tables(whole)
    expected = Driven(first, whole)
    expected.capture(data)

    for name, table in tables(slowly):
        driven = Driven(table, slowly)
        driven.capture(data)
        assert expected.told() == driven.told(), name


@needs_compiled
@hostile
@given(st.data(), ways())
def test_both_readers_tell_the_same_of_frames_of_any_link(data: st.DataObject, way: Way) -> None:
    several = data.draw(
        st.lists(
            st.tuples(
                octets_of_a_frame(),
                st.sampled_from((1, 1, *LINKS, 999)),
                st.sampled_from(STEPS_NS),
                st.sampled_from((None, None, 0, 70_000)),
                st.sampled_from((None, None, 0, 7)),
            ),
            max_size=30,
        )
    )

    def source(driven: Driven) -> None:
        now_ns = NOW_NS
        for octets, link, step_ns, length, vlan in several:
            now_ns += step_ns
            driven.frame(octets, link, now_ns, length, vlan)
        driven.table.finish()

    compare(way, source)


@needs_compiled
@hostile
@given(
    st.lists(octets_of_a_frame(1), min_size=1, max_size=16),
    st.lists(st.sampled_from((0, 4)), min_size=16, max_size=16),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4),
    st.booleans(),
    ways(),
)
def test_both_readers_tell_the_same_of_blocks_of_the_ring(
    several: list[bytes],
    kinds: list[int],
    changes: list[tuple[int, int]],
    twice: bool,
    way: Way,
) -> None:
    laid = bytearray(block([(NOW_NS + at, one) for at, one in enumerate(several)], kinds))
    for at, octet in changes:
        laid[FIRST + at % (len(laid) - FIRST)] = octet

    compare(way, lambda driven: driven.ring(bytes(laid), FIRST, 1, twice))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("resolution", "offset_s", "time_ns"),
    [(0x80 | 20, 5, 5 * 10**9), (12, -5, -5 * 10**9), (6, 1 << 56, LAST_NS), (9, 5, 5 * 10**9)],
)
def test_a_time_stamp_of_zero_tells_the_offset_of_its_clock(
    kind: str, resolution: int, offset_s: int, time_ns: int
) -> None:
    options = _option("<", 9, bytes((resolution,))) + _option("<", 14, struct.pack("<q", offset_s))
    interface = frames.block(1, struct.pack("<HHI", 1, 0, 0) + options)
    size = len(ETHERNET[0])
    packet = frames.block(6, struct.pack("<IIIII", 0, 0, 0, size, size) + ETHERNET[0])
    table = maker(kind)()
    table.feed(frames.pcapng(Section((), ())) + interface + packet)

    assert time_ns == one(table).first_ns


def test_what_is_compared_holds_conversations_closed_and_left() -> None:
    """The comparison would see a difference: all kinds of things happen in it."""
    made = frames.pcap([Frame(NOW_NS, one) for one in ETHERNET])
    way = Way(prefilter().rows, 3, 1 << 20, 1, (100, 1, 300))
    driven = Driven(Slow(way.signatures, limit=3), way)
    driven.capture(made)
    closed, rows, counts, oddities, *_ = driven.told()  # type: ignore[misc]

    assert len(ETHERNET) == counts.packets
    assert 3 >= len(rows) > 0
    assert counts.closed == len(closed) > 5
    assert counts.fragments > 3
    assert {"gre", "vxlan", "geneve", "gtp-u", "teredo", "etherip", "6in4", "ip-in-ip"} <= {
        row.tunnel for row in (*closed, *rows)
    }
    assert {6, 17, 132} <= {row.transport for row in (*closed, *rows)}
    assert not oddities or set(oddities) <= {"table-full"}
