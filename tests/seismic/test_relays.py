"""An RTPD that is away is one alarm, not one of each recorder behind it."""

from __future__ import annotations

from support.reftek import START_NS, event

from portbook.seismic.alarms import Alarm, Alarms
from portbook.seismic.instruments import Instrument, Verdict
from portbook.seismic.liveness import Liveness
from portbook.seismic.relays import Relay
from portbook.seismic.tags import NANO
from portbook.seismic.verdicts import judge

RTPD, DIRECT = "192.0.2.7", "10.1.0.5"
NAME = "rtpd.example.org:2543"
UNITS = [f"A{number:03}" for number in range(30)]
SILENCE_S = 600


class Play:
    """Units behind an RTPD, and one beside it; seconds from the beginning."""

    def __init__(self) -> None:
        self.alive = Liveness(2026, silence_s=SILENCE_S)
        self.alarms = Alarms()
        self.back_s: float | None = None
        self.away = False

    def send(self, at_s: int, *units: str, address: str = RTPD) -> None:
        for unit in units:
            octets = event(unit, seconds=3, at_s=at_s)[1]
            self.alive.heard(octets, address, START_NS + at_s * NANO)

    def look(self, at_s: float) -> tuple[list[Instrument], list[Alarm]]:
        now_ns = START_NS + int(at_s * NANO)
        relays = {}
        if self.away:
            relays[RTPD] = Relay(NAME, None)
        elif self.back_s is not None:
            relays[RTPD] = Relay(NAME, START_NS + int(self.back_s * NANO))
        connected = () if self.away else (RTPD,)
        found = self.alive.look(now_ns, connected, relays)
        return found, judge(
            found, self.alarms, now_ns, started_ns=START_NS - NANO, silence_s=SILENCE_S
        )


def _play() -> Play:
    play = Play()
    for at_s in range(0, 100, 20):
        play.send(at_s, *UNITS)
        play.send(at_s, "BBBB", address=DIRECT)
    return play


def test_units_behind_one_that_is_away_say_so_and_raise_nothing() -> None:
    play = _play()
    play.away = True
    found, told = play.look(2 * SILENCE_S)

    assert ["silence:BBBB"] == [one.key for one in told]
    assert {Verdict.AWAY} == {one.verdict for one in found if one.unit in UNITS}
    assert {f"upstream {NAME} is away; silent for 18 min"} == {
        one.said for one in found if one.unit in UNITS
    }
    assert Verdict.SILENT == found[-1].verdict
    assert not any(stream.late for one in found if one.unit in UNITS for stream in one.streams)


def test_before_its_limit_a_unit_is_up_whatever_is_away() -> None:
    play = _play()
    play.away = True
    found, told = play.look(200)

    assert ({Verdict.UP}, []) == ({one.verdict for one in found}, told)


def test_one_that_stays_silent_after_it_is_back_alarms_as_usual() -> None:
    play = _play()
    play.away = True
    play.look(7200)
    play.away, play.back_s = False, 7200
    play.send(7210, *UNITS[1:])
    play.send(7210, "BBBB", address=DIRECT)
    found, told = play.look(7220)

    assert ["silence:BBBB"] == [one.key for one in told]  # over
    assert (Verdict.AWAY, f"upstream {NAME} was away; link up, data stopped for 119 min") == (
        found[0].verdict,
        found[0].said,
    )
    assert {Verdict.UP} == {one.verdict for one in found[1:]}

    for at_s in range(7300, 7200 + 720, 20):
        play.send(at_s, *UNITS[1:])
        play.send(at_s, "BBBB", address=DIRECT)

    assert [] == play.look(7200 + 700)[1]
    assert [f"silence:{UNITS[0]}"] == [one.key for one in play.look(7200 + 721)[1]]


def test_an_alarm_that_stood_before_stands_on_and_ends_when_it_is_heard() -> None:
    play = _play()
    for at_s in range(100, 1000, 20):
        play.send(at_s, *UNITS[1:], "BBBB")

    assert [f"silence:{UNITS[0]}"] == [one.key for one in play.look(1000)[1]]

    play.away = True

    assert [] == play.look(5000)[1]
    assert [f"silence:{UNITS[0]}"] == [one.key for one in play.alarms.standing()]

    play.away, play.back_s = False, 5000
    play.send(5010, *UNITS, "BBBB")

    assert [(f"silence:{UNITS[0]}", False)] == [
        (one.key, one.cleared_ns is None) for one in play.look(5011)[1]
    ]
