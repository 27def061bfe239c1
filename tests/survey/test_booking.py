"""A story in a real book: what is new, what is the same, what is gone, what was accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.captured import ONE, THREE, TWO, demo, ordered, read
from support.knowing import knowledge
from support.sockets import linux_only, number, tcp

from portbook.book import Book, Change
from portbook.emulators import plant
from portbook.emulators.frames import Frame, Host, TcpTalk, pcap
from portbook.records import Level
from portbook.survey import machine
from portbook.survey.booking import booked
from portbook.survey.story import Story

SECOND = 1_000_000_000
HOUR, DAY = 3600 * SECOND, 86400 * SECOND
T0 = plant.START_NS + HOUR
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Book.open(tmp_path / "book.sqlite") as opened:
        yield opened


def web(client: Host, server: Host, port: int, at_ns: int = plant.START_NS) -> list[Frame]:
    talk = TcpTalk(client, 50000, server, port, start_ns=at_ns)
    return talk.to_server(b"GET / HTTP/1.1\r\n\r\n").to_client(NOT_FOUND).close()


def seen(folder: Path, octets: bytes, site: str = "local") -> Story:
    """Read a capture that has the same name each time, as that of an interface has."""
    path = folder / "eth0.pcap"
    path.write_bytes(octets)
    return read(path, site=site)


def told(changes: list[Change]) -> set[tuple[str, str, str]]:
    return {(one.what, one.of, one.subject) for one in changes}


def test_everything_is_new_at_first(book: Book, tmp_path: Path) -> None:
    story = seen(tmp_path, demo())
    booked(story, book, "local", T0)
    found = told(book.changes(0, T0))

    assert {"new"} == {what for what, _, _ in found}
    assert {"service": 10, "device": 8, "announcement": 2, "finding": len(story.findings)} == {
        kind: sum(of == kind for _, of, _ in found)
        for kind in ("service", "device", "announcement", "finding")
    }
    assert ("new", "service", "tcp 10.20.0.22:502") in found


def test_a_second_look_at_the_same_changes_nothing(book: Book, tmp_path: Path) -> None:
    for at in (T0, T0 + HOUR):
        booked(seen(tmp_path, demo()), book, "local", at)

    assert [] == book.changes(T0, T0 + HOUR)
    assert {1} == {one.count for one in book.seen(502)}


def test_a_service_that_was_not_there_before_is_new(book: Book, tmp_path: Path) -> None:
    booked(seen(tmp_path, demo()), book, "local", T0)
    more = pcap(ordered([*plant.frames(), *web(plant.SCADA, plant.METER, 8080)]))
    booked(seen(tmp_path, more), book, "local", T0 + HOUR)
    found = told(book.changes(T0, T0 + HOUR))

    assert ("new", "service", "tcp 10.20.0.21:8080") in found
    assert {"new"} == {what for what, _, _ in found}
    assert {"tcp 10.20.0.21:8080"} == {name for _, of, name in found if of == "service"}


def test_another_protocol_on_the_same_port_is_a_change(book: Book, tmp_path: Path) -> None:
    modbus = TcpTalk(ONE, 50000, TWO, 502, start_ns=plant.START_NS)
    modbus.to_server(bytes.fromhex("0d2f0000000601030000000a"))
    modbus.to_client(bytes.fromhex("0d2f00000017010314") + bytes(20))
    booked(seen(tmp_path, pcap(modbus.close())), book, "local", T0)
    later = web(ONE, TWO, 502, plant.START_NS + DAY // 2)
    booked(seen(tmp_path, pcap(later)), book, "local", T0 + DAY)
    found = told(book.changes(T0, T0 + DAY))

    assert ("changed", "service", "tcp 10.30.0.2:502") in found
    assert any(of == "finding" and name.startswith("PB101") for _, of, name in found)


def test_what_falls_silent_is_gone_but_not_in_a_capture_that_was_cut(
    book: Book, tmp_path: Path
) -> None:
    both = [*web(ONE, TWO, 80), *web(ONE, THREE, 80)]
    booked(seen(tmp_path, pcap(both)), book, "local", T0)
    later = pcap(web(ONE, TWO, 80, plant.START_NS + 3 * DAY))
    cut = seen(tmp_path, later[:-5])
    assert cut.problems
    booked(cut, book, "local", T0 + 3 * DAY)
    silent = ("gone", "service", "tcp 10.30.0.3:80")

    assert silent not in told(book.changes(T0, T0 + 3 * DAY))
    booked(seen(tmp_path, later), book, "local", T0 + 3 * DAY + HOUR, whole=False)
    assert silent not in told(book.changes(T0, T0 + 3 * DAY + HOUR))
    booked(seen(tmp_path, later), book, "local", T0 + 3 * DAY + 2 * HOUR)
    assert silent in told(book.changes(T0, T0 + 3 * DAY + 2 * HOUR))


def test_sites_with_the_same_addresses_stay_apart(book: Book, tmp_path: Path) -> None:
    for at, site in ((T0, "north"), (T0 + HOUR, "south")):
        booked(seen(tmp_path, demo(), site), book, site, at)
    found = book.changes(T0, T0 + HOUR)

    assert {("new", "south")} == {(one.what, one.site) for one in found}
    assert {"north", "south"} == {one.site for one in book.seen(502)}


def test_several_captures_are_a_look_each(book: Book, tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    (folder / "a.pcap").write_bytes(pcap(web(ONE, TWO, 80)))
    (folder / "b.pcap").write_bytes(pcap(web(ONE, THREE, 80)))
    booked(read(folder), book, "local", T0)

    assert {
        ("tcp 10.30.0.2:80", str(folder / "a.pcap")),
        ("tcp 10.30.0.3:80", str(folder / "b.pcap")),
    } == {(one.subject, one.source) for one in book.seen(80)}


def test_an_accepted_finding_is_marked_counted_and_left_out(book: Book, tmp_path: Path) -> None:
    story = booked(seen(tmp_path, demo()), book, "local", T0)
    (error,) = story.at_least(Level.ERROR)
    assert 0 == story.summary.accepted
    assert 1 == book.accept(error.code, error.subject, T0 + DAY, "the supplier's station", T0)

    again = booked(seen(tmp_path, demo()), book, "local", T0 + HOUR)
    (marked,) = [one for one in again.findings if one.accepted]
    assert (error.code, error.subject) == (marked.code, marked.subject)
    assert "the supplier's station" in str(marked.accepted)
    assert () == again.at_least(Level.ERROR)
    assert 1 == again.summary.accepted
    assert story.findings == tuple(
        msgspec.structs.replace(one, accepted=None) for one in again.findings
    )

    late = booked(seen(tmp_path, demo()), book, "local", T0 + 2 * DAY)
    assert (0, 1) == (late.summary.accepted, len(late.at_least(Level.ERROR)))


def test_an_accepted_finding_returns_when_it_changes(book: Book, tmp_path: Path) -> None:
    story = booked(seen(tmp_path, demo()), book, "local", T0)
    (error,) = story.at_least(Level.ERROR)
    book.accept(error.code, error.subject, T0 + DAY, "the supplier's station", T0)
    stranger = Host("203.0.113.77", plant.ROUTER.mac)
    others = [
        Frame(frame.time_ns, frame.octets.replace(_packed(plant.OUTSIDE), _packed(stranger)))
        for frame in plant.frames()
    ]
    again = booked(
        seen(tmp_path, pcap(ordered([*plant.frames(), *others]))), book, "local", T0 + HOUR
    )

    (returned,) = again.at_least(Level.ERROR)
    assert error.subject == returned.subject
    assert "203.0.113.77" in returned.message
    assert 0 == again.summary.accepted


def _packed(host: Host) -> bytes:
    return bytes(map(int, host.address.split(".")))


def test_a_ports_page_finds_services_and_announcements(book: Book, tmp_path: Path) -> None:
    booked(seen(tmp_path, demo()), book, "local", T0)

    assert {"service", "announcement"} == {one.of for one in book.seen(1743)}


@linux_only
def test_a_socket_comes_and_goes(book: Book) -> None:
    made = tcp()
    here = number(made)
    first = machine.look(knowledge(), now_ns=T0)
    booked(first, book, "local", T0)
    booked(machine.look(knowledge(), now_ns=T0 + SECOND), book, "local", T0 + SECOND)
    mine = f"tcp 127.0.0.1:{here}"
    assert ("new", "listener", mine) in told(book.changes(0, T0))
    assert mine not in {one.subject for one in book.changes(T0, T0 + SECOND)}

    made.close()
    part = machine.look(knowledge(), now_ns=T0 + HOUR, port=here)
    booked(part, book, "local", T0 + HOUR, whole=False)
    assert mine not in {one.subject for one in book.changes(T0, T0 + HOUR)}
    booked(machine.look(knowledge(), now_ns=T0 + DAY), book, "local", T0 + DAY)
    assert ("gone", "listener", mine) in told(book.changes(T0, T0 + DAY))
