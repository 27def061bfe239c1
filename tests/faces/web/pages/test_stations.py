"""The pages of stations: through the real server to a real browser, and word by word."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from daemons.running import SETTINGS, Running, running
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient
from support import reftek
from support.browser import DESKTOP, PHONE, Chromium, Reader
from support.looking import accessible, fits
from support.plain_words import plain_words
from support.served import Served, served

from portbook.daemons.configuration.settings import load
from portbook.daemons.watchdog import restarts
from portbook.faces.languages.pseudo import pseudo
from portbook.faces.web import problems, rendering
from portbook.faces.web.pages import stations as page
from portbook.faces.web.stations import Stations

UNIT, HOSTILE = "9D20", "<script>alert(1)</script>"
EVENT = reftek.event(UNIT, seconds=60)
LOST = next(at for at, one in enumerate(EVENT) if at > 20 and one[:2] == b"DT")
NAMED = (
    f'[unit.{UNIT}]\nnetwork = "XX"\nstation = "TEST"\nstream.1 = ["HHZ", "HHN", "HHE"]\n'
    '[unit.AE4C]\nnetwork = "XX"\nstation = "FAR"\nstream.1 = ["HHZ"]\n'
    "position = [24.17, 121.59]\n"
    '[unit.9EEF]\nnetwork = "XX"\nstation = "LOST"\nstream.1 = ["HHZ"]\n'
)
READERS = (DESKTOP, PHONE, DESKTOP._replace(dark=True), PHONE._replace(dark=True, scripts=False))

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the receiver's sockets are Linux's"
)


def _today(line: str) -> str:
    return time.strftime("%j:%H:%M:%S ", time.gmtime()) + line + "\r\n"


def _tell(rtpd: Running) -> None:
    """Send an event with a hole, and state of health with hostile text, and wait for all of it."""
    rtpd.udp(*EVENT[:LOST], *EVENT[LOST + 1 :])
    for at, line in enumerate(
        ("BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V", "CLOCK IS LOCKED", HOSTILE)
    ):
        octets = bytearray(reftek.state_of_health(UNIT, at, _today(line)))
        octets[6:12] = bytes.fromhex(time.strftime("%j%H%M%S000", time.gmtime()))
        rtpd.udp(bytes(octets))
    rtpd.total("packets_archived", len(EVENT) + 2)
    rtpd.until(lambda told: told["totals"]["holes"] == 1)


@pytest.fixture(scope="module")
def rtpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("rtpd"), SETTINGS + NAMED) as made:
        _tell(made)
        restarts.write(str(made.home / "rtpd"), "end", 10**18, pid=7, what="died", why=HOSTILE)
        yield made


@pytest.fixture(scope="module")
def server(rtpd: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    where = f"127.0.0.1:{rtpd.ports['status']}"
    settings = rtpd.home / "rtpd.toml"
    with served(
        tmp_path_factory.mktemp("served"), "--rtpd", where, "--rtpd-config", settings
    ) as made:
        yield made


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
@pytest.mark.parametrize("path", ["/stations", f"/stations/{UNIT}", f"/stations/{UNIT}?since=1m"])
def test_pages_fit_and_everybody_can_use_them(
    chromium: Chromium, server: Served, path: str, reader: Reader
) -> None:
    name = f"stations {path} {reader.name}".replace("/", "-").replace("?", "-")
    with chromium.reading(reader, home=server.home, picture=name) as seen:
        seen.goto(path)
        fits(seen)

        accessible(seen)  # what it cannot decide are letters on a map's land
        assert seen.get_by_text("XX.TEST").count()


def test_the_list_tells_each_station_and_where_it_is(server: Served) -> None:
    text = server.ask("/stations").text

    for words in ("XX.TEST", "XX.FAR", "never heard", "48.1219, 12.5972", "24.1700, 121.5900"):
        assert words in text
    assert "Not on the map, since its position is not known:" in text
    assert '<a href="/stations/9EEF">XX.LOST</a>' in text.replace(' translate="no"', "")
    assert "<script>alert" not in text


def test_a_station_tells_its_channels_holes_health_and_why_the_receiver_ended(
    server: Served,
) -> None:
    text = server.ask(f"/stations/{UNIT}").text
    lost = int(EVENT[LOST][14:16].hex())

    for words in ("HHZ</strong> · stream 1, channel 1", "stream 1, channel 3", f"{lost:04d}"):
        assert words in text
    for words in ("Supply voltage", "Temperature", "Clock", "12.9", "1 packet is missing"):
        assert words in text
    assert 1 == text.count('class="s-gap"') // 2  # for a desk, and for a phone
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stations/FFFF", 404),
        ("/stations/x", 404),
        ("/stations/..%2f..%2fetc", 400),
        (f"/stations/{UNIT}?since=9h", 400),
        (f"/stations/{UNIT}?since=soon", 400),
        (f"/stations/{UNIT.lower()}", 200),
        ("/stations?text=%00&after=%22%3E", 200),
    ],
)
def test_odd_addresses_are_answered_as_they_should(server: Served, path: str, status: int) -> None:
    assert status == server.ask(path).status


def test_a_receiver_that_ends_is_said_so_with_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path, SETTINGS + NAMED) as made:
        where = f"127.0.0.1:{made.ports['status']}"
        with served(
            tmp_path / "served", "--rtpd", where, "--rtpd-config", tmp_path / "rtpd.toml"
        ) as server:
            assert "XX.TEST" in server.ask("/stations").text
            made.end()
            end = time.monotonic() + 30
            while "Nobody answers at" not in (text := server.ask("/stations").text):
                assert time.monotonic() < end, text
                threading.Event().wait(0.2)

            assert where in text
            assert "portbook rtpd --status" in text
            assert "XX.TEST" not in text
            assert "Nobody answers at" in server.ask(f"/stations/{UNIT}").text


def test_without_a_receiver_the_page_says_how_to_have_one(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        for path in ("/stations", f"/stations/{UNIT}"):
            text = server.ask(path).text
            assert "portbook serve --rtpd" in text
            assert "<table" not in text


def _client(known: Stations | None) -> TestClient[Any]:
    about = SimpleNamespace(registry=SimpleNamespace(about=SimpleNamespace(date="2026")))
    settings = SimpleNamespace(language="en", readonly=False)
    desk = SimpleNamespace(problem=None, stations=known, settings=settings, claims=about)
    return TestClient(
        Litestar(
            page.routes,
            state=State({"desk": desk}),
            exception_handlers=problems.HANDLERS,
            openapi_config=None,
        )
    )


def test_no_plain_word_stands_on_a_page(rtpd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rendering, page):
        monkeypatch.setattr(module, "language_of", lambda _: pseudo())
    known = Stations(f"127.0.0.1:{rtpd.ports['status']}", load(rtpd.home / "rtpd.toml"))
    for receiver in (known, None):
        with _client(receiver) as client:
            for path in ("/stations", f"/stations/{UNIT}"):
                answer = client.get(path)
                main = answer.text.partition("<main")[2].partition("</main>")[0]

                assert 200 == answer.status_code, answer.text
                assert [] == plain_words(f"<main{main}</main>"), path
