"""Pages of the book's lists: against plain Python, forward and back, and while rows are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import sighted
from support.sighted import DAY, KINDS, T0, TCP, UDP, book_in_memory, held

from portbook.book import Asked, Book, Seen, sighting_parts
from portbook.book.cursors import Cursor, mark
from portbook.book.sighting_pages import ORDERS, OWN
from portbook.errors import UsageError
from portbook.ports import PortRange
from portbook.records import Level

# How many rows each way to a page is for: as they are, all but none gathered, all sorted, all
# walked without patience.
WAYS = ((10_000, 3_000, 15_000, 40_000), (0, 0, 0, 40_000), (2, 0, 6, 40_000), (0, 0, 0, 1))
ADDRESSES = ("10.0.0.9", "10.0.0.10", "10.0.1.200", "172.16.0.1", "fe80::1", "2001:db8::5")
FOURS = ADDRESSES[:4]
PORTS = (22, 80, 502, 1742, 40_000)


@pytest.fixture
def book() -> Iterator[Book]:
    with book_in_memory() as opened:
        yield opened


addresses, ports = st.sampled_from(ADDRESSES), st.sampled_from(PORTS)
moments = st.integers(0, 4).map(lambda seconds: T0 + seconds)
services = st.builds(
    lambda address, port, names, transport, first, length: sighted.service(
        address, port, *names, transport=transport, first=first, at=first + length
    ),
    addresses,
    ports,
    st.lists(st.sampled_from(["modbus", "http", "tls", "s7comm"]), unique=True, max_size=2),
    st.sampled_from([TCP, UDP]),
    moments,
    st.integers(0, 3),
)
devices = st.builds(
    lambda address, at, facts: sighted.device(address, at=at, **facts),
    st.sampled_from([*ADDRESSES, sighted.MAC]),
    moments,
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["Pump 1", "S7 pump", "valve"]),
            "vendor": st.sampled_from(["Siemens AG", "Opto 22"]),
        },
    ),
)
listeners = st.builds(
    lambda port, names, address, transport: sighted.listener(
        port, *names, address=address, transport=transport
    ),
    ports,
    st.lists(st.sampled_from(["sshd", "nginx"]), unique=True, max_size=1),
    st.sampled_from(["0.0.0.0", "::", "10.0.0.9", "fe80::1"]),
    st.sampled_from([TCP, UDP]),
)
announcements = st.builds(
    sighted.announcement,
    st.sampled_from(FOURS),
    st.sampled_from(["10.0.0.255", "239.0.0.1"]),
    st.sampled_from([(1740, 1742), (80,)]),
    st.sampled_from([None, "codesys-v3"]),
    moments,
)
findings = st.builds(
    sighted.finding,
    st.sampled_from(["PB301", "PB104"]),
    st.one_of(
        st.builds(lambda at, port: f"tcp {at}:{port}", st.sampled_from(FOURS), ports),
        st.sampled_from(["udp *:502", "tcp ports of nginx"]),
    ),
    st.sampled_from(list(Level)),
)
looks = st.fixed_dictionaries(
    {
        "services": st.lists(services, max_size=8),
        "devices": st.lists(devices, max_size=6),
        "listeners": st.lists(listeners, max_size=6),
        "announcements": st.lists(announcements, max_size=6),
        "findings": st.lists(findings, max_size=6),
    }
)
places = st.tuples(st.sampled_from(["local", "south"]), st.sampled_from(["eth0", "a.pcap"]))
filters = st.fixed_dictionaries(
    {"gone": st.booleans(), "most": st.integers(1, 5)},
    optional={
        "text": st.lists(
            st.sampled_from(
                ["10.0.0.1", "10.", "1", "502", "tcp", "mod", "s7", "s", "pump", "siemens", "HTTP",
                 "fe80::1", "codesys", "10.0.0.255", "pb30", "said", "ssh", "nothing"]
            ),
            min_size=1, max_size=2,
        ).map(" ".join),
        "host": st.sampled_from(["10.0.0.9", "10.0.0.0/24", "10.0.0.0/15", "fe80::/10", "::/0"]),
        "ports": st.lists(
            st.sampled_from([PortRange(502, 502), PortRange(1740, 1743), PortRange(22, 80)]),
            min_size=1, max_size=2,
        ).map(tuple),
        "transport": st.sampled_from([TCP, UDP]),
        "protocol": st.sampled_from(["modbus", "http", "codesys-v3", "unknown", "dnp3"]),
        "level": st.sampled_from(list(Level)),
        "source": st.sampled_from(["eth0", "a.pcap", "absent"]),
        "site": st.sampled_from(["local", "south"]),
        "since_ns": moments,
        "until_ns": moments,
    },
)  # fmt: skip


def fill(book: Book, given: dict[str, list[Any]], place: tuple[str, str], at: int = T0) -> None:
    book.record(*place, at, **given)  # type: ignore[arg-type]


def read(book: Book, kind: str, asked: Asked) -> tuple[list[Seen], list[Seen]]:
    """Return the rows of all pages forward, and of all pages back again from the last."""
    page = book.listed(kind, asked)
    assert page.previous is None
    forward = list(page.rows)
    last = page
    while last.next is not None:
        last = book.listed(kind, msgspec.structs.replace(asked, after=last.next))
        assert last.rows
        assert last.previous is not None
        forward += last.rows
    back = list(last.rows)
    while last.previous is not None:
        last = book.listed(kind, msgspec.structs.replace(asked, after=last.previous))
        back = [*last.rows, *back]
    return forward, back


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(looks, places), min_size=1, max_size=2),
    st.booleans(),
    filters,
    st.sampled_from(WAYS),
    st.data(),
)
def test_every_page_is_what_plain_python_gives(
    looks: list[tuple[dict[str, list[Any]], tuple[str, str]]],
    later: bool,
    words: dict[str, Any],
    ways: tuple[int, int, int, int],
    data: st.DataObject,
) -> None:
    kind = data.draw(st.sampled_from(KINDS), "kind")
    order = data.draw(st.sampled_from(["", *ORDERS[kind]]), "order")
    way = data.draw(st.sampled_from(["", "-"]), "way") if order else ""
    asked = Asked(order=way + order, **words)
    with book_in_memory() as book, pytest.MonkeyPatch.context() as patch:
        for given_, place in looks:
            fill(book, given_, place)
        if later:  # what is not seen again is gone
            seen = [sighted.service(at=T0 + 2 * DAY)]
            fill(book, {"services": seen, "listeners": []}, ("local", "eth0"), T0 + 2 * DAY)
        expected = [one for one in held(book, kind) if sighted.wanted(one, asked)]
        for name, value in zip(("FEW", "FEWER", "SOME", "PATIENCE"), ways, strict=True):
            patch.setattr(sighting_parts, name, value)

        forward, back = read(book, kind, asked)

        assert Counter(map(msgspec.json.encode, expected)) == Counter(
            map(msgspec.json.encode, forward)
        )
        assert forward == back
        by = asked.order or OWN[kind]
        keys = [sighted.key(one, by) for one in forward]
        assert sorted(keys, reverse=by.startswith("-")) == keys
        page = book.listed(kind, asked)
        assert len(expected) == page.counted or (page.more and page.counted < len(expected))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(services, min_size=6, max_size=12),
    st.lists(st.lists(services, max_size=4), min_size=3, max_size=6),
    st.sampled_from(["address", "-address", "port", "-last", "first", "-protocol"]),
    st.booleans(),
    st.integers(1, 3),
)
def test_rows_that_are_written_meanwhile_move_no_others(
    begun: list[Any], meanwhile: list[list[Any]], order: str, filtered: bool, most: int
) -> None:
    with book_in_memory() as book:
        fill(book, {"services": begun}, ("local", "eth0"))
        asked = Asked(order=order, most=most, host="10.0.0.0/8" if filtered else None)
        before = {one.subject: one for one in read(book, "service", asked)[0]}
        found: Counter[str] = Counter()
        page = book.listed("service", asked)
        found.update(one.subject for one in page.rows)
        turn = 0
        while page.next is not None:
            for one in meanwhile[turn : turn + 1]:
                fill(book, {"services": one}, ("local", "eth1"), T0 + turn)
            page = book.listed("service", msgspec.structs.replace(asked, after=page.next))
            found.update(one.subject for one in page.rows)
            turn += 1
        written = {
            f"{one.transport.value} {'[' * (':' in one.address)}{one.address}"
            f"{']' * (':' in one.address)}:{one.port}"
            for looks in meanwhile
            for one in looks
        }

        untouched = before.keys() - written
        assert dict.fromkeys(untouched, 1) == {subject: found[subject] for subject in untouched}


def test_the_way_back_from_behind_the_last_row_begins_with_it(book: Book) -> None:
    for port in (1, 2, 3):
        fill(book, {"services": [sighted.service(port=port)]}, ("local", "eth0"), T0 + port)
    asked = Asked(order="port", most=2)
    first = book.listed("service", asked)
    book.prune(T0 + 3)
    book._connection.execute("DELETE FROM sightings WHERE port = 3")

    empty = book.listed("service", msgspec.structs.replace(asked, after=first.next))

    assert ((), None) == (empty.rows, empty.next)
    assert empty.previous is not None
    fill(book, {"services": [sighted.service(port=2)]}, ("local", "eth0"), T0 + 9)
    back = book.listed("service", msgspec.structs.replace(asked, after=empty.previous))
    assert [2] == [one.details["port"] for one in back.rows]


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "å",
        "A" * 2000,
        "AAAAAAAA",
        "====",
        "\0",
        mark(Cursor("device", "address", "[]", 1)),
    ],
)
def test_a_mark_that_is_none_of_ours_is_refused(book: Book, after: str) -> None:
    with pytest.raises(UsageError, match="begin again with the first page"):
        book.listed("service", Asked(after=after))


@pytest.mark.parametrize(
    "value",
    ['["4", "x"]', "[1, 2]", '["4"]', "{}", "x", f'["4", {2**64}]', '["4", true]', "[" * 300],
)
def test_a_mark_with_other_values_than_the_order_has_is_refused(book: Book, value: str) -> None:
    with pytest.raises(UsageError, match="damaged"):
        book.listed("service", Asked(after=mark(Cursor("service", "address", value, 1))))


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_mark(text: str) -> None:
    with book_in_memory() as book, pytest.raises(UsageError):
        book.listed("service", Asked(after=text))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(order="shoe size"), "known: address, first"),
        (Asked(order="--port"), "no order"),
        (Asked(most=0), "1 to 1000"),
        (Asked(most=5_000), "1 to 1000"),
        (Asked(host="10.0.0.0/99"), "not an address or prefix"),
        (Asked(ports=(PortRange(1, 2),) * 129), "at most 128 ports"),
    ],
)
def test_what_cannot_be_asked_is_told(book: Book, asked: Asked, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        book.listed("service", asked)


def test_many_ports_may_be_asked_for_at_once(book: Book) -> None:
    fill(book, {"services": [sighted.service(port=502)]}, ("local", "eth0"))
    spans = tuple(PortRange(at, at) for at in range(400, 528))

    assert 1 == book.listed("service", Asked(ports=spans, transport=TCP)).counted
    assert 0 == book.listed("service", Asked(ports=spans, transport=UDP)).counted


def test_a_list_that_there_is_not_is_told(book: Book) -> None:
    with pytest.raises(UsageError, match="known: service, device"):
        book.listed("shoe", Asked())


def test_a_list_is_counted_up_to_a_bound(book: Book) -> None:
    many = [sighted.service(f"10.{at >> 8}.{at & 255}.1", 80) for at in range(10_050)]
    fill(book, {"services": [*many, sighted.service("192.168.0.1", 80)]}, ("local", "eth0"))

    for asked in (Asked(), Asked(ports=(PortRange(80, 80),)), Asked(text="10."), Asked(gone=True)):
        page = book.listed("service", asked)
        assert (10_000, True) == (page.counted, page.more)
    assert 1 == book.listed("service", Asked(host="192.168.0.0/16")).counted
