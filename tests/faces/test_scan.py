"""`portbook scan` as a process in a plant of namespaces: it connects, listens, sends nothing."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("network namespaces are Linux's", allow_module_level=True)

from support.program import Ended, portbook
from support.spaces import ASKER, NEAR, Plant, heard, plant, sent_from
from support.veth import needs_veth

from portbook.emulators.controllers import device
from portbook.emulators.controllers.running import Running, standing
from portbook.emulators.controllers.standing import Stand
from portbook.faces.cli.commands.scan import usual

pytestmark = [pytest.mark.root, needs_veth]


@pytest.fixture(scope="module")
def place() -> Iterator[Plant]:
    with plant() as made:
        yield made


@contextlib.contextmanager
def there(place: Plant, *kinds: str) -> Iterator[Running]:
    with contextlib.ExitStack() as stack:
        with place.near.inside():
            stands = [Stand(device(kind)(), NEAR, yes=NEAR, prefix=24) for kind in kinds]
            running = stack.enter_context(standing(*stands))
        yield running


def scan(place: Plant, home: Path, *words: object) -> Ended:
    with place.asker.inside():
        return portbook(home, "scan", *words, "--no-book")


def ports(*numbers: int) -> list[str]:
    return [word for number in numbers for word in ("--port", str(number))]


def test_what_greets_is_named_what_is_silent_is_left_alone_and_nothing_is_sent(
    place: Plant, tmp_path: Path
) -> None:
    wanted = ports(21, 502, 1743, 2001, 9999)
    with there(place, "ftp", "modbus", "unitrends", "optommp") as running:
        with heard(place.near, "near") as wire:
            told = scan(place, tmp_path, NEAR, *wanted, "--jsonl")
            packets = wire.packets()
        records = running.records()

    assert 0 == told.code, told.err
    assert {} == sent_from(packets, ASKER)
    assert [0, 0, 0, 0] == [one.octets_in for one in records]
    assert {21: "greeted", 502: "open", 1743: "greeted", 2001: "open", 9999: "refused"} == {
        one["port"]: one["outcome"] for one in told.lines("reply")
    }
    named = {one["port"]: one["protocols"] for one in told.lines("service")}
    assert {21: ["ftp"], 502: [], 1743: ["unitrends"], 2001: []} == named
    (summary,) = told.lines("summary")
    assert (0, 0) == (summary["sent"], summary["sent_octets"])
    assert "sends no octet" in told.err


def test_one_connection_at_a_time_and_one_a_second(place: Plant, tmp_path: Path) -> None:
    with there(place, "modbus", "s7"), heard(place.near, "near") as wire:
        scan(place, tmp_path, NEAR, *ports(502, 102, 9998, 9999))
        opened = [one for one in wire.packets() if one.source == ASKER and one.flags & 0x3F == 2]
        ended = [one for one in wire.packets() if one.source == ASKER and one.flags & 5]

    assert [502, 102, 9998, 9999] == [one.target_port for one in opened]
    for earlier, later in pairwise(opened):
        assert later.time_ns - earlier.time_ns >= 990_000_000
    # the first was closed before the second was opened
    assert ended[0].target_port == 502
    assert ended[0].time_ns < opened[1].time_ns


def test_a_question_is_put_only_where_it_was_asked_for(place: Plant, tmp_path: Path) -> None:
    with there(place, "modbus", "s7", "optommp", "unitrends") as running:
        with heard(place.near, "near") as wire:
            told = scan(
                place, tmp_path, NEAR, *ports(102, 502, 1743, 2001), "--ask", "modbus", "--jsonl"
            )
            left = sent_from(wire.packets(), ASKER)
        modbus, s7, opto, unitrends = running.records()

    # S7 is open and silent and was named by --port, so it is asked; guarded ports are not
    assert {(NEAR, 502), (NEAR, 102)} == set(left)
    assert {"read device identification": 1} == modbus.asked
    assert (0, 0) == (opto.octets_in, unitrends.octets_in)
    assert s7.octets_in > 0
    (service,) = [one for one in told.lines("service") if one["port"] == 502]
    assert ["modbus"] == service["protocols"]
    said = {(one["port"], one["octets"]) for one in told.lines("sending")}
    assert (502, left[NEAR, 502].hex()) in said
    assert not {1743, 2001} & {port for port, _ in said}


def test_without_ports_a_question_goes_to_its_usual_one_alone(place: Plant, tmp_path: Path) -> None:
    with place.asker.inside():
        told = portbook(tmp_path, "scan", NEAR, "--ask", "optommp", "--dry-run", "--jsonl")

    assert {2001} == {one["port"] for one in told.lines("sending")}


@pytest.mark.parametrize("port", [1743, 2001, 22001])
def test_nothing_is_ever_asked_there_on_a_guess(port: int, place: Plant, tmp_path: Path) -> None:
    with heard(place.asker, "left") as wire:
        told = scan(place, tmp_path, NEAR, *ports(port), "--ask", "modbus")
        assert [] == wire.packets()

    assert 2 == told.code
    assert "not asked at" in told.err


def test_a_dry_run_sends_nothing(place: Plant, tmp_path: Path) -> None:
    with heard(place.asker, "left") as wire:
        told = scan(place, tmp_path, NEAR, "--ask", "modbus", "--dry-run")
        assert ([], 0) == (wire.packets(), wire.frames)

    assert 0 == told.code
    assert "would connect" in told.out
    assert "000100000005012b0e0100" in told.out
    assert "nothing was sent" in told.out


def test_endless_talk_is_read_to_its_bound_only(place: Plant, tmp_path: Path) -> None:
    import threading

    with place.near.inside(), socket.create_server((NEAR, 9000)) as server:

        def chatter() -> None:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                while True:
                    peer.sendall(bytes(range(32, 127)) * 100)

        talker = threading.Thread(target=chatter)
        talker.start()
        told = scan(place, tmp_path, NEAR, *ports(9000), "--jsonl")
        talker.join()

    (reply,) = told.lines("reply")
    assert ("greeted", 1024) == (reply["outcome"], reply["answer_octets"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["198.51.100.7"], "--public --yes"),
        (["10.71.0.255"], "broadcast"),
        (["plant.example"], "not looked up"),
        (["10.71.0.0/24", "--port", "1-1000"], "at most 4096"),
        ([NEAR, "--port", "0"], "port 0"),
    ],
)
def test_what_is_refused(words: list[str], why: str, place: Plant, tmp_path: Path) -> None:
    told = scan(place, tmp_path, *words)

    assert 2 == told.code
    assert why in told.err


def test_the_usual_ports_are_those_of_protocols_that_are_known() -> None:
    assert {21, 22, 102, 502, 1743, 2001, 4840, 11740, 22001, 44818} <= set(usual())
    assert len(usual()) < 80
