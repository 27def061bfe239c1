"""The heart: spooled before anything else, each once, in order; refused by name."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from daemons.hearsay import Heard, arrival
from support import reftek

from portbook.daemons.configuration.places import EVERYWHERE
from portbook.daemons.sources.admission import FORGET_NS, TURNS_NS, Admission, Rules
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.receiver import CALM_NS, Receiver
from portbook.seismic.ordering import Order
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Arrival, Mode, Spool, SpoolFull
from portbook.seismic.store import ArchiveError

UNIT, OTHER = "9D20", "AE4C"
EVENT = reftek.event(UNIT, seconds=20)
NOW = reftek.START_NS + 60_000_000_000
SECOND = 1_000_000_000


class Heart:
    """A receiver with all that it needs, on a folder."""

    def __init__(self, folder: Path, rules: Rules | None = None, **spool: Any) -> None:
        self.voice = Heard()
        self.spool = Spool(folder, **spool)
        first, entries = self.spool.refill(1024)
        self.ring = Ring(1024, first)
        self.order = Order()
        for entry in entries:
            self.order.restore(entry.arrival.octets)
        self.ring.append([entry.arrival.octets for entry in entries])
        self.peers = Peers()
        self.admission = Admission(
            rules or Rules(frozenset(), EVERYWHERE, {}), self.voice, self.peers
        )
        self.steady_ns = 0
        self.receiver = Receiver(
            self.spool,
            self.order,
            self.ring,
            self.admission,
            self.voice,
            steady=lambda: self.steady_ns,
        )
        self.fed: list[tuple[int, bytes]] = []
        self.receiver.feeds.append(lambda at, octets: self.fed.append((at, octets)))

    def take(self, *packets: bytes, at_s: float = 0, **more: Any) -> bool:
        now_ns = NOW + int(at_s * SECOND)
        return self.receiver.take([arrival(one, now_ns, **more) for one in packets])

    def out(self) -> list[bytes]:
        return [bytes(self.ring.packet(at)) for at in range(self.ring.tail, self.ring.head)]

    def wait(self) -> None:
        """Let the time pass that packets wait for others before them."""
        self.steady_ns += 3 * SECOND
        self.receiver.due()

    def spooled(self) -> list[bytes]:
        return [one.octets for one in self.arrivals()]

    def arrivals(self) -> list[Arrival]:
        from portbook.seismic.spool import Follower

        return [one.arrival for one in Follower(self.spool.folder, 0).take(10_000)]


@pytest.fixture
def heart(tmp_path: Path) -> Iterator[Heart]:
    made = Heart(tmp_path)
    yield made
    made.spool.close()


def test_a_batch_goes_to_the_spool_the_ring_and_the_feeds(heart: Heart) -> None:
    pumped: list[int] = []
    asked: list[int] = []
    heart.receiver.pumps.append(lambda: pumped.append(heart.ring.head))
    heart.receiver.written = asked.append

    assert heart.take(*EVENT[:5])
    assert heart.take(*EVENT[5:])
    assert heart.spooled() == EVENT
    assert heart.out() == EVENT
    assert heart.fed == list(enumerate(EVENT))
    assert pumped == asked == [5, len(EVENT)]
    assert heart.receiver.counts["taken"] == heart.receiver.counts["delivered"] == len(EVENT)


def test_what_comes_early_or_twice_is_spooled_as_it_came_and_goes_out_in_order(
    heart: Heart,
) -> None:
    mixed = [EVENT[0], EVENT[2], EVENT[1], EVENT[1], EVENT[4], EVENT[3], EVENT[4]]
    heart.take(*mixed)

    assert heart.spooled() == mixed
    assert heart.out() == EVENT[:5]


def test_what_never_comes_is_waited_for_and_then_given_up(heart: Heart) -> None:
    heart.take(EVENT[0], EVENT[2])
    assert heart.out() == EVENT[:1]
    deadline = heart.receiver.next_deadline()
    assert deadline is not None
    heart.steady_ns = deadline
    heart.receiver.due()

    assert heart.out() == [EVENT[0], EVENT[2]]
    assert heart.receiver.next_deadline() is None


def test_an_impossible_packet_is_refused_by_name_and_costs_the_others_nothing(
    heart: Heart,
) -> None:
    impossible = EVENT[1][:20] + b"\x99\x99" + EVENT[1][22:]
    heart.take(EVENT[0], impossible, EVENT[1])
    heart.take(impossible)

    assert heart.spooled() == EVENT[:2]
    assert heart.receiver.refused == {"samples": 2}
    assert heart.peers.rows() == {"127.0.0.1": {"impossible packet: samples": 2}}
    assert len(heart.voice.texts("warning")) == 1  # the second time is not told


def test_a_unit_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    heart = Heart(tmp_path, Rules(frozenset({bytes.fromhex(OTHER)}), EVERYWHERE, {}))
    heart.take(*EVENT[:3], *reftek.event(OTHER)[:1])

    assert heart.spooled() == reftek.event(OTHER)[:1]
    assert heart.receiver.counts["refused"] == 3
    assert heart.voice.texts("warning") == ["refused from 127.0.0.1: unit not allowed (9D20)"]


def test_data_of_a_unit_from_a_wrong_address_are_an_alarm_and_no_data(tmp_path: Path) -> None:
    place = {bytes.fromhex(UNIT): (ip_network("10.1.0.0/16"),)}
    heart = Heart(tmp_path, Rules(frozenset(), EVERYWHERE, place))
    heart.take(EVENT[0], address="10.1.0.5")
    heart.take(EVENT[1], address="10.2.0.5")
    heart.take(EVENT[1], address="10.1.9.9")

    assert heart.out() == EVENT[:2]
    assert [one.address for one in heart.arrivals()] == ["10.1.0.5", "10.1.9.9"]
    assert heart.voice.standing[f"address:{UNIT}"][0] == "address"
    assert "10.2.0.5" in heart.voice.standing[f"address:{UNIT}"][1]
    heart.receiver.look(NOW)
    heart.receiver.look(NOW + FORGET_NS + 1)
    assert heart.voice.history == [f"+address:{UNIT}", f"-address:{UNIT}"]


def test_another_rtpd_speaks_for_its_units_from_its_own_address(tmp_path: Path) -> None:
    place = {bytes.fromhex(UNIT): (ip_network("10.1.0.0/16"),)}
    heart = Heart(tmp_path, Rules(frozenset(), EVERYWHERE, place))
    heart.take(EVENT[0], address="192.0.2.1", mode=Mode.UPSTREAM)
    heart.take(EVENT[0], EVENT[1], address="10.1.0.5")
    heart.take(EVENT[1], EVENT[2], address="192.0.2.1", mode=Mode.UPSTREAM)

    assert heart.out() == EVENT[:3]  # two ways of one recorder are one order
    assert heart.voice.history == []


def test_a_unit_that_moves_is_told_and_goes_on(heart: Heart) -> None:
    heart.take(*EVENT[:2], address="10.0.0.1")
    heart.take(*EVENT[2:4], address="10.0.0.2", at_s=1)

    assert heart.out() == EVENT[:4]
    assert heart.voice.history == []
    assert heart.voice.texts("info") == [f"unit {UNIT} sends from 10.0.0.2 now, was 10.0.0.1"]


def test_a_unit_that_comes_back_after_more_than_a_minute_has_only_moved(heart: Heart) -> None:
    heart.take(EVENT[0], address="10.0.0.1")
    heart.take(EVENT[1], address="10.0.0.2", at_s=1)
    heart.take(EVENT[2], address="10.0.0.1", at_s=62)

    assert heart.voice.history == []
    assert heart.out() == EVENT[:3]


LONG = reftek.event(UNIT, seconds=60)
# another recorder of that id: its event is 77
TWIN = [one[:16] + b"\x00\x77" + one[18:] for one in reftek.event(UNIT, seconds=60)]
FIRST, SECOND_WAY = "10.0.0.1", "10.0.0.2"


def test_two_recorders_of_one_id_are_an_alarm_and_keep_their_own_order(heart: Heart) -> None:
    for at in range(40):
        heart.take(LONG[at], address=FIRST, at_s=at)
        heart.take(TWIN[at], address=SECOND_WAY, at_s=at)
    heart.wait()
    out = heart.out()

    assert heart.voice.history == [f"+twice:{UNIT}"]
    assert [one for one in out if one in LONG] == LONG[:40]
    assert [one for one in out if one in TWIN] == TWIN[:40]


def test_other_data_under_the_same_numbers_are_an_alarm_soon_and_nothing_is_lost(
    heart: Heart,
) -> None:
    alike = [one[:-1] + bytes((one[-1] ^ 1,)) for one in LONG]  # same event, same sequences
    for at in range(6):
        heart.take(LONG[at], address=FIRST, at_s=at)
        heart.take(alike[at], address=SECOND_WAY, at_s=at)
    assert heart.voice.history == [f"+twice:{UNIT}"]
    for at in range(6, 30):
        heart.take(LONG[at], address=FIRST, at_s=at)
        heart.take(alike[at], address=SECOND_WAY, at_s=at)
    heart.wait()
    out = heart.out()

    assert heart.voice.history == [f"+twice:{UNIT}"]
    assert [one for one in out if one in LONG] == LONG[:30]
    assert [one for one in out if one in alike] == alike[:30]


@pytest.mark.parametrize("late", [0, 1, 7])
def test_one_recorder_with_two_ways_is_one_and_each_packet_goes_out_once(
    heart: Heart, late: int
) -> None:
    for at in range(len(LONG) + late):
        if at < len(LONG):
            heart.take(LONG[at], address=FIRST, at_s=at / 10)
        if 0 <= at - late < len(LONG):
            heart.take(LONG[at - late], address=SECOND_WAY, at_s=at / 10)
        heart.receiver.look(NOW + at * SECOND // 10)
    heart.wait()

    assert heart.out() == LONG
    assert heart.voice.standing == {}
    told = [one for one in heart.voice.texts("info") if "two ways" in one]
    assert told == [
        f"unit {UNIT}: the same packets from {FIRST} and {SECOND_WAY}: one recorder with two ways "
        "here, each of them goes out once"
    ]


def test_two_ways_that_lose_and_take_turns_in_being_first_are_one_all_the_same(
    heart: Heart,
) -> None:
    chance = random.Random(11)
    long = reftek.event(UNIT, seconds=600)
    arrived: list[tuple[float, bytes, str]] = []
    for at, octets in enumerate(long):
        by = [one for one in (FIRST, SECOND_WAY) if chance.random() > 0.2]
        arrived += [(at + 4 * chance.random(), octets, one) for one in by]
    for at_s, octets, address in sorted(arrived):
        heart.take(octets, address=address, at_s=at_s / 10)
        heart.steady_ns = int(at_s * SECOND / 10)
        heart.receiver.due()
    heart.wait()
    came = {octets for _, octets, _ in arrived}

    assert sorted(heart.out()) == sorted(came)
    # before it was known that it is one, each way had an order of its own
    assert heart.out()[-500:] == [one for one in long if one in came][-500:]
    assert heart.voice.history == []


def test_a_way_that_was_far_behind_is_one_of_two_as_soon_as_it_sends_what_is_known(
    heart: Heart,
) -> None:
    long = reftek.event(UNIT, seconds=300)
    for at in range(60, len(long)):
        heart.take(*long[:60] if at == 60 else (), long[at], address=FIRST, at_s=at / 10)
        heart.take(long[at - 60], address=SECOND_WAY, at_s=at / 10)
    heart.wait()

    assert heart.voice.history == [f"+twice:{UNIT}", f"-twice:{UNIT}"]
    assert set(heart.out()) == set(long)
    assert len(heart.out()) < len(long) + 60


def test_the_alarm_about_two_is_over_when_one_is_silent(heart: Heart) -> None:
    for at in range(40):
        heart.take(LONG[at], address=FIRST, at_s=at)
        heart.take(TWIN[at], address=SECOND_WAY, at_s=at / 4)
    heart.take(LONG[40], address=FIRST, at_s=50)
    heart.receiver.look(NOW + 69 * SECOND)
    assert heart.voice.history == [f"+twice:{UNIT}"]
    heart.receiver.look(NOW + 70 * SECOND)
    assert heart.voice.history == [f"+twice:{UNIT}", f"-twice:{UNIT}"]
    heart.take(LONG[41], address=FIRST, at_s=71)

    assert heart.voice.history == [f"+twice:{UNIT}", f"-twice:{UNIT}"]
    assert heart.out()[-1] == LONG[41]
    assert TURNS_NS == 60 * SECOND


def test_one_way_of_two_may_fall_silent_and_come_back_without_a_word(heart: Heart) -> None:
    def both(first: int, last: int, at_s: float) -> None:
        for at in range(first, last):
            for address in (FIRST, SECOND_WAY):
                heart.take(LONG[at], address=address, at_s=at_s)

    both(0, 20, 0)
    heart.take(*LONG[20:30], address=SECOND_WAY, at_s=90)
    heart.receiver.look(NOW + 91 * SECOND)
    heart.take(*LONG[30:40], address=SECOND_WAY, at_s=92)
    both(40, 60, 93)
    heart.wait()

    assert heart.out() == LONG[:60]
    assert heart.voice.history == []
    assert 1 == sum("two ways" in one for one in heart.voice.texts("info"))


def test_a_clock_days_ahead_goes_to_the_archive_and_not_out(heart: Heart) -> None:
    ahead = reftek.event(OTHER, at_s=3 * 86400)[:2]
    heart.take(EVENT[0], *ahead, EVENT[1])

    assert heart.spooled() == [EVENT[0], *ahead, EVENT[1]]
    assert heart.out() == EVENT[:2]
    assert heart.receiver.counts["ahead"] == 2
    assert heart.voice.standing[f"ahead:{OTHER}"][0] == "clock"
    heart.receiver.look(NOW + CALM_NS + 1)
    assert heart.voice.history == [f"+ahead:{OTHER}", f"-ahead:{OTHER}"]


@pytest.mark.parametrize(("hours", "live"), [(23.9, True), (24.2, False), (-9000, True)])
def test_a_day_ahead_is_where_live_ends(heart: Heart, hours: float, live: bool) -> None:
    packet = reftek.event(OTHER, at_s=60 + hours * 3600)[0]
    heart.take(packet)

    assert heart.out() == ([packet] if live else [])


def test_a_restart_brings_the_ring_back_with_its_sequences(tmp_path: Path) -> None:
    before = Heart(tmp_path)
    before.take(*EVENT[:4], EVENT[5])  # the last one waits for the one before it
    before.spool.close()
    heart = Heart(tmp_path)

    assert heart.out() == EVENT[:4]
    assert heart.ring.head == 4
    heart.receiver.again(list(heart.spool.undelivered()))
    assert heart.out() == EVENT[:4]
    heart.take(EVENT[3], EVENT[4])  # the sender did not hear that the first had come
    assert heart.out() == EVENT[:6]
    assert heart.fed == [(4, EVENT[4]), (5, EVENT[5])]
    heart.spool.close()


def test_a_full_spool_refuses_loudly_and_takes_again_when_there_is_room(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart.take(EVENT[0])

    def full(_: object) -> int:
        raise SpoolFull("no room on the disk; make some")

    with monkeypatch.context() as patch:
        patch.setattr(heart.spool, "write", full)
        assert not heart.take(EVENT[1], EVENT[2])
        assert not heart.take(EVENT[1])
    assert heart.receiver.full
    assert heart.receiver.counts["unroomed"] == 3
    assert "no room on the disk; make some" in heart.voice.standing["disk:spool"][1]
    assert heart.take(EVENT[1])
    assert heart.voice.history == ["+disk:spool", "-disk:spool"]
    assert heart.out() == EVENT[:2]


def test_an_order_log_that_fails_holds_packets_back_and_loses_none(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> int:
        raise ArchiveError("order log: Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(heart.spool, "delivered", broken)
        heart.take(*EVENT[:3])
        heart.take(EVENT[3])
    assert heart.out() == []
    assert "disk:order-log" in heart.voice.standing
    heart.receiver.due()

    assert heart.out() == EVENT[:4]
    assert heart.voice.history == ["+disk:order-log", "-disk:order-log"]


def test_a_reload_takes_effect_at_once(heart: Heart) -> None:
    heart.take(EVENT[0])
    heart.admission.reload(Rules(frozenset({bytes.fromhex(OTHER)}), EVERYWHERE, {}))
    heart.take(EVENT[1])
    heart.admission.reload(Rules(frozenset(), EVERYWHERE, {}))
    heart.take(EVENT[1])

    assert heart.spooled() == EVENT[:2]


def test_sources_are_asked_by_network(tmp_path: Path) -> None:
    heart = Heart(tmp_path, Rules(frozenset(), (ip_network("10.1.0.0/16"),), {}))

    assert heart.admission.source_allowed("10.1.2.3")
    assert not heart.admission.source_allowed("10.2.2.3")
    assert not heart.admission.source_allowed("::1")
    heart.admission.reload(Rules(frozenset(), (ip_network("10.2.0.0/16"),), {}))
    assert heart.admission.source_allowed("10.2.2.3")
    heart.spool.close()


def test_alarms_of_before_a_restart_end_some_day(heart: Heart) -> None:
    keys = ["disk:spool", "disk:order-log", f"twice:{UNIT}", f"address:{UNIT}", f"ahead:{UNIT}"]
    for key in keys:
        heart.voice.alarm(key, "x", "from before")
    heart.receiver.stood([*keys, "silence:9D20"])
    assert set(heart.voice.standing) == {"disk:spool", f"address:{UNIT}", f"ahead:{UNIT}"}
    heart.take(EVENT[0])
    assert "disk:spool" not in heart.voice.standing
    far = time.time_ns() + 2 * CALM_NS
    heart.receiver.look(far)
    heart.receiver.look(far + FORGET_NS + 1)

    assert heart.voice.standing == {}
