"""The book: what is kept, what a change is, and what can happen to its file."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import needs_root

from portbook.addresses import scope_of
from portbook.book import Book, Change, schema
from portbook.book.entries import is_change, merged
from portbook.errors import SourceError, UsageError
from portbook.findings.accepted import fingerprint
from portbook.ports import Transport
from portbook.records import (
    Announcement,
    Confidence,
    Device,
    Finding,
    Level,
    Listener,
    Owner,
    Service,
)

TCP, UDP = Transport.TCP, Transport.UDP
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
T0 = 1_790_000_000 * SECOND


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Book.open(tmp_path / "book.sqlite") as opened:
        yield opened


def service(
    address: str = "10.0.0.9",
    port: int = 502,
    *protocols: str,
    at: int = T0,
    transport: Transport = TCP,
    **more: Any,
) -> Service:
    return Service(address, port, transport, protocols, ("mbap",), 1, at, at, "eth0", **more)


def listener(port: int = 502, *programs: str, at: int = T0, pid: int = 7, **more: Any) -> Listener:
    owners = tuple(
        Owner(pid + number, name, command=f"{name} --password=hunter2")
        for number, name in enumerate(programs)
    )
    address = more.pop("address", "0.0.0.0")
    return Listener(
        more.pop("transport", TCP),
        address,
        port,
        scope_of(address),
        "listen",
        at,
        owners,
        owners_hidden=not programs,
        inode=pid * 11,
        **more,
    )


def finding(code: str = "PB301", subject: str = "tcp 10.0.0.9:502", **more: Any) -> Finding:
    parameters = more.pop("parameters", {"peers": ("203.0.113.9",)})
    return Finding(
        code,
        "controller-reachable",
        more.pop("level", Level.ERROR),
        subject,
        "said",
        "do",
        parameters,
        **more,
    )


def announcement(at: int = T0, period_s: float = 60.0) -> Announcement:
    return Announcement(
        "10.0.0.5",
        "10.0.0.255",
        (1740, 1741, 1742, 1743),
        UDP,
        period_s,
        0.01,
        5,
        5,
        Confidence.CONFIRMED,
        at,
        at,
        "eth0",
        protocol="codesys-v3",
    )


def device(at: int = T0, **facts: str) -> Device:
    return Device("10.0.0.9", facts, ("told",), at, at, "eth0")


def look(book: Book, at: int, *sockets: Listener, **more: Any) -> None:
    seen = [msgspec.structs.replace(one, seen_ns=at) for one in sockets]
    book.record("local", "this machine", at, listeners=seen, **more)


def told(found: list[Change]) -> list[tuple[str, str, str]]:
    return [(one.what, one.of, one.subject) for one in found]


def test_what_is_seen_twice_has_its_first_and_last_time_and_a_count(book: Book) -> None:
    book.record("local", "eth0", T0, services=[service(at=T0)])
    book.record("local", "eth0", T0 + HOUR, services=[service(at=T0 + HOUR)])

    (seen,) = book.seen(502)

    assert (T0, T0 + HOUR, 2, "tcp 10.0.0.9:502") == (
        seen.first_ns,
        seen.last_ns,
        seen.count,
        seen.subject,
    )


def test_the_same_capture_read_again_counts_once(book: Book) -> None:
    for at in (T0, T0 + HOUR):
        book.record("local", "plant.pcap", at, services=[service()])

    assert [1] == [one.count for one in book.seen(502)]
    assert [] == book.changes(T0, T0 + HOUR)


def test_site_and_vlan_are_part_of_every_key(book: Book) -> None:
    given = {
        "services": [service(vlan=4), service(vlan=5), service()],
        "devices": [msgspec.structs.replace(device(), vlan=vlan) for vlan in (4, 5, None)],
        "findings": [finding(vlan=4), finding(vlan=5), finding()],
    }
    for site in ("north", "south"):
        book.record(site, "eth0", T0, **given)

    assert {"device": 6, "finding": 6, "service": 6} == book.size().sightings
    assert {None, 4, 5} == {one.vlan for one in book.seen(502)}
    assert {"north", "south"} == {one.site for one in book.seen(502)}


def test_everything_is_new_at_first(book: Book) -> None:
    book.record(
        "local", "eth0", T0,
        services=[service()], devices=[device(vendor="Opto 22")],
        announcements=[announcement()], findings=[finding()],
    )  # fmt: skip
    look(book, T0, listener(502, "mbserverd"))

    found = book.changes(T0 - 1, T0)

    assert [
        ("new", "announcement", "udp 10.0.0.5 to 10.0.0.255 port 1740,1741,1742,1743"),
        ("new", "device", "10.0.0.9"),
        ("new", "finding", "PB301 tcp 10.0.0.9:502"),
        ("new", "listener", "tcp 0.0.0.0:502"),
        ("new", "service", "tcp 10.0.0.9:502"),
    ] == told(found)
    assert b'"kind":"change"' in msgspec.json.encode(found[0])
    assert [] == book.changes(T0, T0 + DAY)


def test_a_restart_that_only_changed_a_process_id_is_no_change(book: Book) -> None:
    sockets = [listener(502, "mbserverd", pid=7), listener(22, "sshd"), listener(502, "helper")]
    look(book, T0, *sockets)
    again = [listener(502, "helper", pid=91), listener(22, "sshd"), listener(502, "mbserverd")]
    look(book, T0 + HOUR, *again)

    assert [] == book.changes(T0, T0 + HOUR)


def test_a_port_that_another_program_took_is_changed_not_gone_and_new(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"))
    look(book, T0 + HOUR, listener(502, "nginx"))

    (found,) = book.changes(T0, T0 + HOUR)

    assert ("changed", "listener", T0 + HOUR) == (found.what, found.of, found.at_ns)
    assert {"programs": ["mbserverd"]} == found.before
    assert ["nginx"] == found.details["programs"]


def test_a_look_without_the_right_to_see_owners_changes_nothing(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"))
    look(book, T0 + HOUR, listener(502))
    look(book, T0 + 2 * HOUR, listener(502, "mbserverd"))

    assert [] == book.changes(T0, T0 + 2 * HOUR)
    assert ["mbserverd"] == book.seen(502)[0].details["programs"]


def test_a_socket_missing_from_the_next_look_is_gone(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"), listener(22, "sshd"))
    look(book, T0 + HOUR, listener(22, "sshd"))

    assert [("gone", "listener", "tcp 0.0.0.0:502")] == told(book.changes(T0, T0 + HOUR))
    assert T0 + HOUR == book.seen(502)[0].gone_ns


def test_a_machine_with_nothing_open_any_more_is_told(book: Book) -> None:
    look(book, T0, listener(22, "sshd"))
    look(book, T0 + HOUR)

    assert [("gone", "listener", "tcp 0.0.0.0:22")] == told(book.changes(T0, T0 + HOUR))


def test_a_filtered_look_makes_nothing_go(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"), listener(22, "sshd"))
    look(book, T0 + HOUR, listener(22, "sshd"), whole=False)

    assert [] == book.changes(T0, T0 + HOUR)


def test_another_machines_look_makes_nothing_go(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"))
    book.record("local", "other machine", T0 + HOUR, listeners=[])
    book.record("south", "this machine", T0 + HOUR, listeners=[])

    assert [] == book.changes(T0, T0 + HOUR)


def test_what_went_and_came_back_as_it_was_is_no_change(book: Book) -> None:
    look(book, T0, listener(502, "mbserverd"))
    look(book, T0 + HOUR)
    look(book, T0 + 2 * HOUR, listener(502, "mbserverd"))

    assert [] == book.changes(T0, T0 + 2 * HOUR)
    assert [("new", "listener", "tcp 0.0.0.0:502")] == told(book.changes(T0 + HOUR, T0 + 2 * HOUR))


def test_what_came_and_went_between_two_moments_is_told_twice(book: Book) -> None:
    look(book, T0)
    look(book, T0 + HOUR, listener(4444, "nc"))
    look(book, T0 + 2 * HOUR)

    assert [
        ("new", "listener", "tcp 0.0.0.0:4444"),
        ("gone", "listener", "tcp 0.0.0.0:4444"),
    ] == told(book.changes(T0, T0 + 2 * HOUR))


def test_a_change_that_was_undone_is_no_change(book: Book) -> None:
    for hour, program in enumerate(("mbserverd", "nginx", "mbserverd")):
        look(book, T0 + hour * HOUR, listener(502, program))

    assert [] == book.changes(T0, T0 + 2 * HOUR)
    assert [("changed", "listener", "tcp 0.0.0.0:502")] == told(
        book.changes(T0 + HOUR, T0 + 2 * HOUR)
    )


def test_a_finding_of_this_machine_is_gone_when_the_next_look_does_not_meet_it(
    book: Book,
) -> None:
    look(book, T0, findings=[finding("PB302", "tcp *:502"), finding("PB104", "tcp *:502")])
    look(book, T0 + HOUR, findings=[finding("PB104", "tcp *:502")])

    assert [("gone", "finding", "PB302 tcp *:502")] == told(book.changes(T0, T0 + HOUR))


def test_a_finding_with_another_peer_is_changed(book: Book) -> None:
    book.record("local", "eth0", T0, findings=[finding()])
    other = finding(parameters={"peers": ("203.0.113.9", "198.51.100.7")})
    book.record("local", "eth0", T0 + HOUR, findings=[other])

    assert [("changed", "finding", "PB301 tcp 10.0.0.9:502")] == told(book.changes(T0, T0 + HOUR))


def test_traffic_is_gone_after_a_day_of_watching_without_it(book: Book) -> None:
    def watch(at: int, *addresses: str, source: str = "eth0") -> None:
        book.record("local", source, at, services=[service(one, at=at) for one in addresses])

    watch(T0, "10.0.0.9", "10.0.0.8")
    watch(T0 + 23 * HOUR, "10.0.0.8")
    assert [] == book.changes(T0, T0 + 23 * HOUR)
    watch(T0 + 30 * HOUR, "10.0.0.8", source="eth1")
    assert [] == book.changes(T0, T0 + 30 * HOUR)
    watch(T0 + 31 * HOUR, "10.0.0.7")
    assert [("new", "service", "tcp 10.0.0.7:502"), ("gone", "service", "tcp 10.0.0.9:502")] == (
        told(book.changes(T0, T0 + 31 * HOUR))
    )
    watch(T0 + 32 * HOUR, "10.0.0.9")
    assert [("new", "service", "tcp 10.0.0.9:502")] == told(
        book.changes(T0 + 31 * HOUR, T0 + 32 * HOUR)
    )


def test_an_announcement_is_gone_after_five_of_its_periods(book: Book) -> None:
    def watch(at: int, *given: Announcement) -> None:
        book.record("local", "eth0", at, services=[service(at=at)], announcements=given)

    watch(T0, announcement(T0))
    watch(T0 + 299 * SECOND)
    assert [] == book.changes(T0, T0 + 299 * SECOND)
    watch(T0 + 300 * SECOND)
    assert ["gone"] == [one.what for one in book.changes(T0, T0 + 300 * SECOND)]


def test_a_period_that_is_not_exact_is_no_change(book: Book) -> None:
    for hour, period_s in enumerate((60.0, 60.011, 59.98)):
        at = T0 + hour * SECOND
        book.record("local", "eth0", at, announcements=[announcement(at, period_s)])

    assert [] == book.changes(T0, T0 + HOUR)


def test_an_old_capture_read_late_undoes_nothing(book: Book) -> None:
    book.record("local", "eth0", T0 + DAY, devices=[device(T0 + DAY, version="3.2")])
    book.record("local", "old.pcap", T0 + 2 * DAY, devices=[device(T0, version="3.1", name="P7")])

    assert [] == book.changes(T0 + DAY, T0 + 2 * DAY)
    book.record("local", "eth0", T0 + 3 * DAY, devices=[device(T0 + 3 * DAY, version="3.3")])
    (found,) = book.changes(T0 + 2 * DAY, T0 + 3 * DAY)
    assert {"version": "3.3", "name": "P7"} == found.details["facts"]
    assert T0 == found.first_ns


def test_bytes_too_few_to_name_do_not_unname_a_service(book: Book) -> None:
    for hour, names in enumerate((("modbus",), (), ("modbus",))):
        at = T0 + hour * HOUR
        book.record("local", "eth0", at, services=[service("10.0.0.9", 502, *names, at=at)])
    assert [] == book.changes(T0, T0 + 2 * HOUR)

    later = T0 + 3 * HOUR
    book.record("local", "eth0", later, services=[service("10.0.0.9", 502, "ssh", at=later)])
    (found,) = book.changes(T0, later)

    assert ["modbus", "ssh"] == found.details["protocols"]


def test_learning_more_is_no_change_and_another_value_is() -> None:
    assert not is_change({"facts": {"name": "P7"}}, {"facts": {"serial": "12"}})
    assert is_change({"facts": {"serial": "11"}}, {"facts": {"serial": "12"}})
    assert not is_change({"mac": None}, {"mac": "00:a0:3d:01:05:e1"})
    assert {"facts": {"name": "P7", "serial": "12"}, "mac": "m"} == merged(
        {"facts": {"name": "P7"}, "mac": "m"}, {"facts": {"serial": "12"}, "mac": None}
    )


def test_one_look_may_meet_a_thing_twice(book: Book) -> None:
    parts = [service("10.0.0.9", 502, "modbus", at=T0), service("10.0.0.9", 502, at=T0 + 5)]
    book.record("local", "two captures", T0, services=parts)

    (seen,) = book.seen(502)

    assert (T0, T0 + 5, ["modbus"]) == (seen.first_ns, seen.last_ns, seen.details["protocols"])


def test_a_port_page_finds_announcements_by_any_of_their_ports(book: Book) -> None:
    book.record(
        "local", "eth0", T0,
        services=[service("10.0.0.20", 1743, "unitrends")], announcements=[announcement()],
    )  # fmt: skip

    assert ["announcement"] == [one.of for one in book.seen(1742)]
    assert {"announcement", "service"} == {one.of for one in book.seen(1743)}
    assert ["service"] == [one.of for one in book.seen(1743, TCP)]
    assert [] == book.seen(1744)


def test_secrets_and_command_lines_never_reach_the_file(book: Book, tmp_path: Path) -> None:
    facts = {"vendor": "Acme", "community": "hunter2", "ftp_user": "hunter2", "Password": "hunter2"}
    book.record("local", "eth0", T0, devices=[device(**facts)])
    look(book, T0, listener(21, "ftpd"))

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"Acme" in kept
    assert b"hunter2" not in kept


def test_names_that_are_no_text_are_kept_as_they_can_be(book: Book) -> None:
    odd = os.fsdecode(b"\xffd\xfe")
    book.record(f"s{odd}", f"{odd}.pcap", T0, devices=[device(name=odd, **{f"k{odd}": "v"})])
    look(book, T0, listener(9, odd, interface=odd))

    assert ["\\udcffd\\udcfe"] == book.seen(9)[0].details["programs"]
    assert 2 == len(book.changes(0, T0))


def test_times_that_no_clock_can_show_are_held_at_the_end(book: Book) -> None:
    book.record("local", "eth0", 2**70, services=[service(at=2**70)])

    assert 1 == len(book.changes(-1, 2**80))
    assert 0 == book.prune(-5)
    assert 2**63 - 1 == book.seen(502)[0].last_ns


def test_an_accepted_finding_is_marked_until_it_changes_or_expires(book: Book) -> None:
    book.record("local", "eth0", T0, findings=[finding()])

    assert 1 == book.accept("PB301", "tcp 10.0.0.9:502", T0 + DAY, "remote service", T0)
    (marked,) = book.marked([finding()], T0)
    assert "until 2026-09-22: remote service" == marked.accepted
    changed = finding(parameters={"peers": ("198.51.100.7",)})
    assert [None] == [one.accepted for one in book.marked([changed], T0)]
    assert [None] == [one.accepted for one in book.marked([finding()], T0 + DAY)]
    (kept,) = book.accepted()
    assert (fingerprint(finding()), "local", None, T0) == (
        kept.fingerprint,
        kept.site,
        kept.vlan,
        kept.accepted_ns,
    )
    assert [] == book.accepted("south")
    assert 1 == book.unaccept("PB301", "tcp 10.0.0.9:502")
    assert 0 == book.unaccept("PB301", "tcp 10.0.0.9:502")
    assert [] == book.accepted()


def test_a_finding_on_several_vlans_is_accepted_on_all_or_on_one(book: Book) -> None:
    found = [finding(vlan=4), finding(vlan=5)]
    book.record("local", "eth0", T0, findings=found)

    assert 1 == book.accept("PB301", "tcp 10.0.0.9:502", T0 + DAY, "yes", T0, vlan=4)
    assert [4] == [one.vlan for one in book.accepted()]
    assert 2 == book.accept("PB301", "tcp 10.0.0.9:502", T0 + DAY, "yes", T0)
    assert all(one.accepted for one in book.marked(found, T0))


def test_a_finding_accepted_before_it_was_met_is_the_first_one_met(book: Book) -> None:
    assert 0 == book.accept("PB301", "tcp 10.0.0.9:502", T0 + DAY, "expected", T0)
    book.record("local", "eth0", T0, findings=[finding()])

    assert [fingerprint(finding())] == [one.fingerprint for one in book.accepted()]
    worse = finding(parameters={"peers": ("198.51.100.7",)})
    assert [None] == [one.accepted for one in book.marked([worse], T0)]


def test_an_acceptance_needs_a_date_to_come_and_a_reason(book: Book) -> None:
    with pytest.raises(UsageError, match="passed already"):
        book.accept("PB301", "x", T0, "why", T0)
    with pytest.raises(UsageError, match="--reason"):
        book.accept("PB301", "x", T0 + 1, "  ", T0)


def test_pruning_forgets_what_was_not_written_lately_and_makes_the_file_smaller(
    book: Book,
) -> None:
    many = [service(f"10.0.{at >> 8}.{at & 255}") for at in range(5000)]
    book.record("local", "eth0", T0, services=many)
    look(book, T0 + DAY, listener(22, "sshd"))
    before = book.size()

    assert 5000 == book.prune(T0 + HOUR)
    assert {"listener": 1} == book.size().sightings
    assert book.size().octets < before.octets / 4
    assert 0 == book.prune(T0 + HOUR)


def test_an_old_capture_read_today_is_not_pruned_as_old(book: Book) -> None:
    book.record("local", "2019.pcap", T0, services=[service(at=T0 - 3000 * DAY)])

    assert 0 == book.prune(T0 - 90 * DAY)


# What can happen to the file.


def test_a_new_book_is_its_owners_alone_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "book.sqlite"
    with Book.open(path):
        pass

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_a_book_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no book there yet"):
        Book.open(tmp_path / "absent", readonly=True)

    assert not (tmp_path / "absent").exists()


def test_a_book_is_read_while_another_writes_it(book: Book) -> None:
    book.record("local", "eth0", T0, services=[service()])
    with Book.open(book.path, readonly=True) as reader:
        book.record("local", "eth0", T0 + 1, services=[service(port=503)])

        assert 1 == len(reader.seen(503))
        with pytest.raises(UsageError, match="reading only"):
            reader.record("local", "eth0", T0)


@pytest.mark.parametrize(
    "octets", [b"hello", b"\xd4\xc3\xb2\xa1" + b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4080]
)
@pytest.mark.parametrize("readonly", [True, False])
def test_a_file_that_is_no_book_is_told_and_left_alone(
    tmp_path: Path, octets: bytes, readonly: bool
) -> None:
    path = tmp_path / "plant.pcap"
    path.write_bytes(octets)

    with pytest.raises(SourceError, match=r"plant\.pcap: (not a book|.*damaged)"):
        Book.open(path, readonly=readonly)

    assert octets == path.read_bytes()


def test_another_programs_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(SourceError, match="but not a book"):
        Book.open(path)

    assert before == path.read_bytes()


def test_a_newer_book_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book.open(path).close()
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()

    for readonly in (True, False):
        with pytest.raises(SourceError, match=r"newer portbook \(schema 99, this one knows") as e:
            Book.open(path, readonly=readonly)
        assert "\n" not in str(e.value)


def test_an_older_book_is_brought_up_to_date_and_keeps_what_it_holds(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.record("local", "eth0", T0, services=[service()])
    book.close()
    newer = (*schema.MIGRATIONS, "CREATE TABLE feedback (page TEXT) STRICT")
    monkeypatch.setattr(schema, "MIGRATIONS", newer)

    with pytest.raises(SourceError, match="brings it up to date"):
        Book.open(book.path, readonly=True)
    with Book.open(book.path) as opened:
        assert 1 == len(opened.seen(502))
    with closing(sqlite3.connect(book.path)) as checked, checked:
        assert [(len(newer),)] == checked.execute("PRAGMA user_version").fetchall()
        assert [] == checked.execute("SELECT * FROM feedback").fetchall()
    checked.close()


def test_a_failed_migration_leaves_the_older_book(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.close()
    known = schema.MIGRATIONS
    broken = (*known, "CREATE TABLE more (x TEXT) STRICT;\nCREATE TABLE sightings (x)")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(SourceError):
        Book.open(book.path)

    monkeypatch.setattr(schema, "MIGRATIONS", known)
    with Book.open(book.path) as opened:
        assert {} == opened.size().sightings


def test_a_damaged_book_is_told(book: Book) -> None:
    book.record(
        "local", "eth0", T0, services=[service(f"10.0.{at >> 8}.{at & 255}") for at in range(3000)]
    )
    book.prune(0)
    book.close()
    path = Path(book.path)
    with closing(sqlite3.connect(path)) as reader:
        (page,) = reader.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'sightings'"
        ).fetchone()
    octets = bytearray(path.read_bytes())
    octets[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(octets)

    with Book.open(path) as opened, pytest.raises(SourceError, match="damaged; move it away"):
        opened.record("local", "eth0", T0 + 1, services=[service("10.0.0.1")])


def test_a_folder_in_the_books_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        Book.open(tmp_path)


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SourceError, match=r"File exists|Not a directory"):
        Book.open(tmp_path / "file" / "book")


def test_a_book_locked_for_too_long_is_told(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portbook.book.store.PATIENCE_S", 0.01)
    holder = sqlite3.connect(book.path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with Book.open(book.path) as other, pytest.raises(SourceError, match="another program"):
            other.record("local", "eth0", T0, services=[service()])
    finally:
        holder.close()


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "book"
    problems: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with Book.open(path) as mine:
                for turn in range(20):
                    given = [service(f"10.{number}.{turn}.{at}") for at in range(20)]
                    mine.record("local", f"eth{number}", T0 + turn, services=given)
        except BaseException as error:
            problems.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [] == problems
    with Book.open(path, readonly=True) as reader:
        assert {"service": 1200} == reader.size().sightings


def test_many_programs_may_begin_a_book_at_the_same_moment(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def begin(path: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            with Book.open(path):
                pass
        except BaseException as error:
            problems.append(error)

    for turn in range(60):
        together = threading.Barrier(4)
        given = (tmp_path / f"book{turn}", together)
        beginners = [threading.Thread(target=begin, args=given) for _ in range(4)]
        for beginner in beginners:
            beginner.start()
        for beginner in beginners:
            beginner.join()

    assert [] == problems


def test_a_failure_while_records_are_made_leaves_the_book_as_it_was(book: Book) -> None:
    def breaking() -> Iterator[Service]:
        yield service()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        book.record("local", "eth0", T0, services=breaking())

    assert [] == book.seen(502)
    book.record("local", "eth0", T0, services=[service()])
    assert 1 == len(book.seen(502))


def _child(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_RECORDS = """
import sys
from portbook.book import Book
from portbook.ports import Transport
from portbook.records import Service
def services(turn, count):
    for at in range(count):
        address = f"10.{turn}.{at >> 8}.{at & 255}"
        yield Service(address, 502, Transport.TCP, ("modbus",), (), 1, 1, 1, "eth0")
book = Book.open(sys.argv[1])
"""


def test_a_writer_killed_in_the_middle_leaves_a_book_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "book"
    code = (
        _RECORDS
        + """
book.record("local", "eth0", 1, services=services(0, 100))
import portbook.book.looks as looks
def stop(*_):
    print("half", flush=True)
    sys.stdin.read()
looks._let_go = stop
book.record("local", "eth0", 2, services=services(1, 20000))
"""
    )
    with _child(code, str(path)) as child:
        assert child.stdout is not None
        assert "half\n" == child.stdout.readline()
        child.kill()

    with Book.open(path) as opened:
        assert {"service": 100} == opened.size().sightings
        opened.record("local", "eth0", 3, services=[service()])
    _is_sound(path)


def test_a_writer_killed_at_any_moment_loses_at_most_the_last_look(tmp_path: Path) -> None:
    path = tmp_path / "book"
    code = (
        _RECORDS
        + """
for turn in range(1, 200):
    book.record("local", "eth0", turn, services=services(turn, 200))
    print(turn, flush=True)
"""
    )
    with _child(code, str(path)) as child:
        assert child.stdout is not None
        for _ in range(5):
            child.stdout.readline()
        child.kill()
        done = 5 + len(child.stdout.readlines())

    with Book.open(path, readonly=True) as opened:
        held = opened.size().sightings["service"]
    assert 0 == held % 200
    assert done * 200 <= held <= (done + 1) * 200
    _is_sound(path)


def _is_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as checked, checked:
        assert [("ok",)] == checked.execute("PRAGMA integrity_check").fetchall()
    checked.close()


def _tries_to_fill(path: Path, before: str = "") -> str:
    code = (
        _RECORDS
        + before
        + """
from portbook.errors import SourceError
book.record("local", "eth0", 1, services=services(0, 100))
try:
    book.record("local", "eth0", 2, services=services(1, 60000))
except SourceError as error:
    print(error)
"""
    )
    with _child(code, str(path)) as child:
        out, problems = child.communicate()
    assert "" == problems
    return out


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_file_that_may_not_grow_keeps_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "book"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))\n"

    said = _tries_to_fill(path, limit)

    assert "nothing of this look was written" in said
    with Book.open(path) as opened:
        assert {"service": 100} == opened.size().sightings


@needs_root
def test_a_full_disk_is_told_and_the_book_keeps_what_it_held(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this system does not let root mount a small disk")
    try:
        said = _tries_to_fill(disk / "book")
        assert "the disk is full; nothing of this look was written" in said
        with Book.open(disk / "book") as opened:
            assert {"service": 100} == opened.size().sightings
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_databases_own_limit_is_a_full_disk_too(book: Book) -> None:
    book.record("local", "eth0", T0, services=[service()])
    limit = sqlite3.connect(book.path)
    pages = limit.execute("PRAGMA page_count").fetchone()[0]
    limit.close()
    book._connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    with pytest.raises(SourceError, match="the disk is full"):
        book.record("local", "eth0", T0, services=[service(port=at) for at in range(5000)])

    assert {"service": 1} == book.size().sightings


# Imported before rights are dropped: the interpreter's own folder may be closed to others.
_AS_NOBODY = """
import os, sqlite3, sys, urllib.parse
from portbook.book import Book
from portbook.errors import SourceError
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for readonly in (True, False):
    try:
        with Book.open(sys.argv[1], readonly) as book:
            print(len(book.seen(502)))
            book.record("local", "eth0", 2)
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders are POSIX")
@pytest.mark.parametrize("mode", [0o444, 0o000])
def test_a_read_only_folder_lets_a_book_be_read_and_says_so_on_writing(
    tmp_path_factory: pytest.TempPathFactory, mode: int
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "book"
        with Book.open(path) as opened:
            opened.record("local", "eth0", T0, services=[service()])
        assert [] == [one.name for one in folder.iterdir() if one.name != "book"]
        path.chmod(mode)
        folder.chmod(0o555)
        try:
            with _child(_AS_NOBODY, str(path)) as child:
                out, problems = child.communicate()
        finally:
            folder.chmod(0o700)

    assert "" == problems
    lines = out.splitlines()
    if mode:
        assert ["1", "UsageError"] == [lines[0], lines[1].split()[0]]
        assert "read-only; choose another with --book" in lines[-1]
    else:
        assert all(line.startswith("SourceError") for line in lines)
        assert 2 == len(lines)


def test_opening_a_book_is_what_imports_sqlite() -> None:
    code = "import sys, portbook.book, portbook.config; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()
