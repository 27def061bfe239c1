"""Stations for programs: a real receiver with real packets, one that is away, and none."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons.running import SETTINGS, Running, running
from support import reftek
from support.asking import Api
from support.served import served

UNIT = "9D20"
SAID = " BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V\r\n"
NAMED = (
    f'[unit.{UNIT}]\nnetwork = "XX"\nstation = "TEST"\nstream.1 = ["HHZ", "HHN", "HHE"]\n'
    '[unit.AE4C]\nnetwork = "XX"\nstation = "FAR"\nstream.1 = ["HHZ"]\nposition = [-41.5, 175.25]\n'
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its sockets are Linux's")


@pytest.fixture
def rtpd(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, SETTINGS + NAMED) as made:
        yield made


@pytest.fixture
def shown(rtpd: Running, tmp_path: Path) -> Iterator[Api]:
    status = f"127.0.0.1:{rtpd.ports['status']}"
    told = ("--rtpd", status, "--rtpd-config", rtpd.home / "rtpd.toml")
    with served(tmp_path / "served", *told) as one:
        yield Api(one)


def test_stations_are_told_as_the_receiver_tells_them(rtpd: Running, shown: Api) -> None:
    rtpd.udp(*reftek.event(UNIT, seconds=30))
    page = shown.until("/stations", lambda page: any(one["packets"] for one in page["rows"]))
    known = {one["unit"]: one for one in page["rows"]}
    found = shown.until(f"/stations/{UNIT.lower()}", lambda one: one["recent"]["envelopes"])

    assert rtpd.process.pid == page["receiver"]["pid"]
    assert {UNIT, "AE4C"} == set(known)
    assert ("XX.TEST", 1) == (known[UNIT]["name"], known[UNIT]["streams"][0]["stream"])
    assert -41.5 == known["AE4C"]["place"]["latitude"]
    assert (UNIT, None) == (found["unit"], found["problem"])
    assert {1, 2, 3} == {one["channel"] for one in found["recent"]["envelopes"]}
    assert rtpd.home.name in found["restarts"]["watchdog"]["folder"]
    lines = shown.served.ask("/metrics").text.splitlines()
    assert {"portbook_receiver_reachable 1", 'portbook_stations{state="never heard"} 1'} < {*lines}


def test_what_a_recorder_says_of_itself_is_told(rtpd: Running, shown: Api) -> None:
    ago_s = time.time() - 600
    line = time.strftime("%j:%H:%M:%S", time.gmtime(ago_s)) + SAID
    rtpd.udp(reftek.state_of_health(UNIT, 0, line, ago_s - reftek.START_NS / 1e9))
    health = shown.until(f"/stations/{UNIT}", lambda one: one["health"]["lines"])["health"]
    (supply,) = (one for one in health["series"] if one["measure"] == "supply")

    assert [12.9] == [point["value"] for point in supply["points"]]
    assert health["from"] < supply["points"][0]["at"] < health["until"]
    assert "BATTERY VOLTAGE" in health["lines"][0]["text"]


def test_a_station_that_the_receiver_does_not_know_is_not_there(shown: Api) -> None:
    shown.until("/stations", lambda page: page["receiver"])

    assert "knows no unit 1234" in shown.problem(404, "/stations/1234")
    assert ["AE4C"] == [one["unit"] for one in shown.told("/stations", text="far")["rows"]]


def test_a_receiver_that_is_away_is_told(rtpd: Running, shown: Api) -> None:
    shown.until("/stations", lambda page: page["receiver"])
    rtpd.end()
    page = shown.until("/stations", lambda page: page["problem"])

    assert ("refused", None, []) == (
        page["problem"]["trouble"],
        page["receiver"],
        page["rows"],
    )
    assert None is shown.told(f"/stations/{UNIT}")["station"]
    assert "portbook_receiver_reachable 0" in shown.served.ask("/metrics").text.splitlines()


def test_without_a_receiver_there_are_no_stations(api: Api) -> None:
    page = api.told("/stations")

    assert ([], "unset") == (page["rows"], page["problem"]["trouble"])
    assert "no receiver is known" in api.problem(404, f"/stations/{UNIT}")


@pytest.mark.parametrize(
    ("path", "words", "detail"),
    [
        ("/stations/XYZ", {}, "unit: A recorder's unit id"),
        ("/stations", {"after": "zz"}, "after: The mark"),
        (f"/stations/{UNIT}", {"width": "1"}, "width: Columns"),
        (f"/stations/{UNIT}", {"since": "long ago"}, "since: The last"),
    ],
)
def test_what_cannot_be_asked_of_stations_is_refused(
    api: Api, path: str, words: dict[str, str], detail: str
) -> None:
    assert detail in api.problem(400, path, **words)
