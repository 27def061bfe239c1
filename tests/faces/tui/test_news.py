"""What is new: the latest kept, all counted, sockets compared."""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.book import Change
from portbook.faces.tui.news import MOST, Newsroom, changed
from portbook.ports import Transport
from portbook.records import Listener, Oddity, Owner, Summary


def listener(port: int, **more: object) -> Listener:
    return Listener(Transport.TCP, "::1", port, Scope.LOOPBACK, "listen", 0, **more)  # type: ignore[arg-type]


def test_the_latest_news_is_first_and_the_oldest_goes() -> None:
    newsroom = Newsroom()
    newsroom.tell([Oddity(f"odd-{at}", 1, "x") for at in range(MOST + 100)], 7)

    assert (MOST, MOST + 100) == (len(newsroom.latest), newsroom.told)
    assert ["oddity odd-599", "oddity odd-598"] == [one.text for one in newsroom.latest[:2]]
    assert len({one.known for one in newsroom.latest}) == MOST


def test_what_is_no_news_to_people_is_left_out() -> None:
    newsroom = Newsroom()
    newsroom.tell([Summary(1, 1, 1, 0.1)], 7)

    assert () == newsroom.latest


def test_sockets_that_were_there_at_first_are_not_new() -> None:
    newsroom = Newsroom()
    newsroom.compare([listener(22), listener(80)], 1)
    newsroom.compare([listener(22), listener(443, owners=(Owner(7, "nginx"),))], 2)
    newsroom.compare([listener(22, owners_hidden=True), listener(443)], 3)  # who owns is no door

    assert [
        ("new", "socket tcp [::1]:443 of nginx"),
        ("gone", "socket tcp [::1]:80 of no owner"),
    ] == [(one.what, one.text) for one in newsroom.latest]


def test_a_change_of_the_book_says_in_what() -> None:
    change = Change("changed", "device", "local", None, "10.0.0.9", 5, 1, 2, "eth1",
                    {"mac": "b", "facts": {}}, {"mac": "a", "facts": {"name": "x"}})  # fmt: skip
    (one,) = changed([change])

    assert ("changed", "device 10.0.0.9: otherwise in facts, mac", change) == (
        one.what,
        one.text,
        one.record,
    )
