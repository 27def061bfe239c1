"""`portbook discover` as a process in a plant of namespaces: what it says, sends and learns."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("network namespaces are Linux's", allow_module_level=True)

from support.program import Ended, environment, portbook
from support.spaces import (
    ASKER,
    EVERYBODY,
    FAR,
    NEAR,
    SUBNET,
    Plant,
    Space,
    heard,
    plant,
    sent_from,
)
from support.veth import needs_veth

from portbook.emulators.controllers import device
from portbook.emulators.controllers.running import Running, standing
from portbook.emulators.controllers.standing import Manners, Stand
from portbook.protocols import questions
from portbook.protocols.codesys import addresses

MILLI = 10**6
SYN = 2
pytestmark = [pytest.mark.root, needs_veth]


@pytest.fixture(scope="module")
def place() -> Iterator[Plant]:
    with plant() as made:
        yield made


@contextlib.contextmanager
def there(
    space: Space, kind: str, address: str, manners: Manners | None = None, **more: Any
) -> Iterator[Running]:
    """Let a stand-in stand in a namespace."""
    with contextlib.ExitStack() as stack:
        with space.inside():
            stand = Stand(device(kind)(**more), address, yes=address, prefix=24, manners=manners)
            running = stack.enter_context(standing(stand))
        yield running


def discover(place: Plant, home: Path, *words: object, **more: str) -> Ended:
    with place.asker.inside():
        return portbook(home, "discover", *words, "--no-book", PORTBOOK_COMMUNITY="public", **more)


def announced(told: Ended) -> dict[tuple[str, int], list[str]]:
    """Return the messages that were announced, by whom they go to."""
    found: dict[tuple[str, int], list[str]] = {}
    for one in told.lines("sending"):
        found.setdefault((one["address"], one["port"]), []).append(one["octets"])
    return found


def fits(template: str, octets: bytes) -> bool:
    """Tell whether octets are as announced: `..` and `**` may be any."""
    pairs = [template[at : at + 2] for at in range(0, len(template), 2)]
    return len(pairs) == len(octets) and all(
        pair in ("..", "**", f"{octet:02x}") for pair, octet in zip(pairs, octets, strict=True)
    )


def logged(path: Path, what: str = "send") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [one for one in lines if one["what"] == what]


KINDS = {
    "optommp": ("optommp", 2001),
    "enip": ("enip", 44818),
    "modbus": ("modbus", 502),
    "bacnet": ("bacnet", 47808),
    "s7": ("s7comm", 102),
    "opcua": ("opcua", 4840),
    "snmp": ("snmp", 161),
    "unitrends": ("unitrends", 1743),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_octet_that_left_was_announced_and_logged(
    kind: str, place: Plant, tmp_path: Path
) -> None:
    protocol, port = KINDS[kind]
    log = tmp_path / "sent.jsonl"
    with there(place.far, kind, FAR) as running, heard(place.far, "far") as wire:
        told = discover(place, tmp_path, kind, FAR, "--jsonl", "--log", log)
        packets = wire.packets()
    left = sent_from(packets, ASKER)

    assert 0 == told.code, told.err
    said, sent = announced(told).get((FAR, port), []), logged(log)
    # all that went over the wire stands in the log, in order; each of it was announced, in order
    assert left.get((FAR, port), b"").hex() == "".join(
        one["octets"].replace("*" * 12, b"public".hex()) for one in sent
    )
    assert set(left) <= {(FAR, port)}
    times = [one.time_ns for one in packets if one.source == ASKER and one.payload]
    assert all(later - earlier >= 990 * MILLI for earlier, later in pairwise(times))
    assert (port in (502, 102, 4840, 1743)) == sum(one.flags & 0x3F == SYN for one in packets)
    rest = iter(said)
    for one in sent:
        octets = bytes.fromhex(one["octets"].replace("*" * 12, b"public".hex()))
        assert any(fits(template, octets) for template in rest), one["octets"]
    (reply,) = told.lines("reply")
    assert ("greeted" if kind == "unitrends" else "answered") == reply["outcome"]
    (summary,) = told.lines("summary")
    assert (len(sent), sum(len(one) for one in left.values())) == (
        summary["sent"],
        summary["sent_octets"],
    )
    (service,) = told.lines("service")
    assert (FAR, port, [protocol]) == (service["address"], service["port"], service["protocols"])
    (record,) = running.records()
    assert 0 == record.strange


@pytest.mark.parametrize("kind", [*KINDS, "codesys", "banner"])
def test_a_dry_run_sends_nothing(kind: str, place: Plant, tmp_path: Path) -> None:
    place.forget()  # else the kernel may look for a neighbour of the test before
    with heard(place.near, "near") as near, heard(place.asker, "left") as wire:
        told = discover(place, tmp_path, kind, NEAR, "--dry-run")
        seen = wire.packets() + near.packets()

    assert (0, [], 0) == (told.code, seen, wire.frames), told.err
    assert "would send" in told.out
    assert "nothing was sent" in told.out
    if kind not in ("unitrends", "banner"):
        lines = questions()[kind][0]
        assert lines.title in told.out


def test_a_dry_run_with_its_number_is_what_is_sent_then(place: Plant, tmp_path: Path) -> None:
    words = ("enip", NEAR, "--number", "123456789", "--jsonl")
    with there(place.near, "enip", NEAR):
        dry, wet = discover(place, tmp_path, *words, "--dry-run"), discover(place, tmp_path, *words)

    assert dry.lines("sending") == wet.lines("sending")
    assert 1 == len(dry.lines("sending"))


def test_codesys_asks_its_subnet_and_nobody_beyond_the_router(place: Plant, tmp_path: Path) -> None:
    log = tmp_path / "sent.jsonl"
    with (
        there(place.near, "codesys", NEAR),
        there(place.far, "codesys", FAR),
        heard(place.near, "near") as near,
        heard(place.far, "far") as far,
    ):
        told = discover(
            place, tmp_path, "codesys", "--interface", "left", "--yes", SUBNET, "--jsonl",
            "--log", log,
        )  # fmt: skip
        packets, beyond = near.packets(), far.packets()
    left = sent_from(packets, ASKER)

    assert 0 == told.code, told.err
    own = bytes(map(int, ASKER.split(".")))
    # the four ports of everybody in the subnet, once each, and nothing else from us
    assert {(EVERYBODY, port) for port in addresses_ports()} == set(left)
    (octets,) = set(left.values())
    assert addresses.encode(own, 1743, 24) == octets[8:10]
    assert {octets.hex()} == {one for several in announced(told).values() for one in several}
    assert [octets.hex()] * 4 == [one["octets"] for one in logged(log)]
    times = [one.time_ns for one in packets if one.source == ASKER]
    assert all(later - earlier >= 190 * MILLI for earlier, later in pairwise(times))
    assert [] == [one for one in beyond if ASKER in (one.source, one.target)]
    (found,) = [one for one in told.lines("device") if one["address"] == NEAR]
    assert "Stand-in Controller" == found["facts"]["product"]
    assert not [one for one in told.lines("device") if one["address"] == FAR]
    (service,) = told.lines("service")
    assert (NEAR, 1740, ["codesys-v3"]) == (
        service["address"],
        service["port"],
        service["protocols"],
    )


def addresses_ports() -> range:
    return range(addresses.FIRST_PORT, addresses.FIRST_PORT + addresses.PORTS)


def test_a_codesys_subnet_is_asked_once_in_ten_minutes(place: Plant, tmp_path: Path) -> None:
    words = ("codesys", NEAR, "--yes", SUBNET, "--jsonl")
    first = discover(place, tmp_path, *words)
    with heard(place.near, "near") as near:
        second = discover(place, tmp_path, *words)
        assert {} == sent_from(near.packets(), ASKER)

    assert (0, "silent") == (first.code, first.lines("reply")[0]["outcome"])
    assert 2 == second.code
    assert "less than 10 min ago" in second.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["codesys", "--interface", "left"], f"--yes {SUBNET}"),
        (["codesys", NEAR], f"--yes {SUBNET}"),
        (["codesys", FAR, "--yes", SUBNET], "--tcp"),
        (["codesys", NEAR, FAR, "--tcp"], "one named host"),
        (["codesys", "10.72.0.0/29", "--tcp"], "one named host"),
        (["codesys", "--interface", "left", "--yes", "10.0.0.0/8"], f"--yes {SUBNET}"),
        (["codesys", f"{NEAR}:2000", "--yes", SUBNET], "its own ports only"),
        (["codesys", "10.71.0.0/27", "--yes", SUBNET], "at most 16"),
        (["modbus", EVERYBODY], "broadcast address"),
        (["modbus", "255.255.255.255"], "broadcast address"),
        (["modbus", "224.0.0.1"], "no address of one host"),
        (["modbus", "--interface", "left", "--yes", SUBNET], "name the hosts"),
        (["enip", "--interface", "left"], f"--yes {SUBNET}"),
        (["modbus", "198.51.100.7"], "--public --yes 198.51.100.7"),
        (["modbus", "198.51.100.7", "--public"], "--public --yes 198.51.100.7"),
        (["modbus", "198.51.100.7", "--yes", "198.51.100.7"], "--public --yes"),
        (["modbus", "10.71.0.0/16"], "at most 256"),
        (["modbus", "plc.example"], "not looked up"),
        (["modbus", f"{NEAR}:2001"], "nothing but optommp"),
        (["modbus", f"{NEAR}:1743"], "nothing but unitrends"),
        (["snmp", NEAR, "--port", "22001"], "nothing but pac-control"),
        (["modbus", NEAR, "--udp"], "over tcp only"),
        (["enip", NEAR, "--interface", "eth9"], "no interface of that name"),
    ],
)
def test_what_is_refused_sends_nothing(
    words: list[str], why: str, place: Plant, tmp_path: Path
) -> None:
    with heard(place.asker, "left") as wire:
        told = discover(place, tmp_path, *words)
        assert {} == sent_from(wire.packets(), ASKER)

    assert 2 == told.code
    assert why in told.err


def test_a_community_that_is_not_given_is_asked_for(place: Plant, tmp_path: Path) -> None:
    with place.asker.inside():
        told = portbook(tmp_path, "discover", "snmp", NEAR)

    assert 2 == told.code
    assert "--community-file" in told.err


def test_a_community_stands_nowhere(place: Plant, tmp_path: Path) -> None:
    secret, log, book = "n0b0dy-kn0ws", tmp_path / "sent.jsonl", tmp_path / "plant.book"
    (tmp_path / "community").write_text(secret + "\n")
    with there(place.near, "snmp", NEAR, community=secret), place.asker.inside():
        told = portbook(
            tmp_path, "discover", "snmp", NEAR, "--community-file", tmp_path / "community",
            "--log", log, "--book", book, "--jsonl",
        )  # fmt: skip

    assert "answered" == told.lines("reply")[0]["outcome"]
    kept = told.out + told.err + log.read_text() + book.read_bytes().decode("latin-1")
    for form in (secret, secret.encode().hex()):
        assert form not in kept
    assert "*" * 24 in log.read_text()


def test_codesys_refuses_when_no_port_is_free(place: Plant, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(there(place.asker, "codesys", ASKER))
        with heard(place.near, "near") as near:
            told = discover(place, tmp_path, "codesys", NEAR, "--yes", SUBNET)
            # what the stand-ins announce goes to everybody, and is theirs
            assert all(place[0] == EVERYBODY for place in sent_from(near.packets(), ASKER))

    assert 2 == told.code
    assert "none of 1740-1743/udp is free" in told.err


def test_codesys_takes_the_highest_free_port_and_gives_it_back(
    place: Plant, tmp_path: Path
) -> None:
    import socket

    with contextlib.ExitStack() as stack:
        # one that is held in another namespace is none of ours
        for space, taken in ((place.asker, (ASKER, 1743)), (place.far, (FAR, 1742))):
            with space.inside():
                other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stack.enter_context(other)
            other.bind(taken)
        with there(place.near, "codesys", NEAR):
            told = discover(place, tmp_path, "codesys", NEAR, "--yes", SUBNET, "--jsonl")

    assert {1742} == {one["own_port"] for one in told.lines("sending")}
    assert "answered" == told.lines("reply")[0]["outcome"]
    with place.asker.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((ASKER, 1742))


def test_codesys_refuses_where_one_of_its_programs_runs(place: Plant, tmp_path: Path) -> None:
    program = tmp_path / "codesyscontrol"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as runtime:
        try:
            told = discover(place, tmp_path, "codesys", NEAR, "--yes", SUBNET)
        finally:
            runtime.kill()

    assert 2 == told.code
    assert "codesyscontrol runs on this machine" in told.err


def test_codesys_asks_one_host_of_another_subnet_over_tcp(place: Plant, tmp_path: Path) -> None:
    with there(place.far, "codesys", FAR):
        told = discover(place, tmp_path, "codesys", FAR, "--tcp", "--jsonl")

    assert "answered" == told.lines("reply")[0]["outcome"]
    (found,) = [one for one in told.lines("device") if one["address"] == FAR]
    assert "Stand-in Controller" == found["facts"]["product"]


@pytest.mark.parametrize("kind", ["enip", "optommp"])
def test_a_subnet_is_asked_with_one_broadcast(kind: str, place: Plant, tmp_path: Path) -> None:
    port = KINDS[kind][1]
    with there(place.near, kind, NEAR), heard(place.far, "far") as far:
        told = discover(place, tmp_path, kind, "--interface", "left", "--yes", SUBNET, "--jsonl")
        assert {} == sent_from(far.packets(), ASKER)

    (sending,) = told.lines("sending")
    assert (EVERYBODY, port) == (sending["address"], sending["port"])
    (service,) = told.lines("service")
    assert (NEAR, port, [kind]) == (service["address"], service["port"], service["protocols"])
    (device,) = told.lines("device")
    assert {"vendor", "product", "version"} <= device["facts"].keys()


def test_a_firewall_that_drops_is_silence_and_one_that_refuses_says_so(
    place: Plant, tmp_path: Path
) -> None:
    with there(place.far, "modbus", FAR):
        outcomes = {}
        for way in ("blackhole", "prohibit"):
            place.router.run(f"ip rule add ipproto tcp dport 502 {way}")
            try:
                outcomes[way] = discover(place, tmp_path, "modbus", FAR, "--jsonl")
            finally:
                place.router.run(f"ip rule del ipproto tcp dport 502 {way}")
        through = discover(place, tmp_path, "modbus", FAR, "--jsonl")

    told = {way: one.lines("reply")[0]["outcome"] for way, one in outcomes.items()}
    assert {"blackhole": "silent", "prohibit": "unreachable"} == told
    assert [0, 4] == [outcomes[way].code for way in ("blackhole", "prohibit")]
    assert "answered" == through.lines("reply")[0]["outcome"]


FAULTS = {
    "it says nothing": ("modbus", Manners(silent=True), "silent"),
    "it hangs up at once": ("modbus", Manners(hangs_up=True), "closed"),
    "its answer breaks off": ("modbus", Manners(cut=5), "cut"),
    "its answer comes in single octets": ("modbus", Manners(dribbles=True), "answered"),
    "its answer comes late": ("modbus", Manners(late_s=0.7), "answered"),
    "its datagram breaks off": ("snmp", Manners(cut=5), "otherwise"),
    "somebody else answers": ("snmp", Manners(stranger="10.72.0.77"), "silent"),
    "it answers many times over TCP": ("modbus", Manners(times=50), "answered"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_device_that_misbehaves_is_told_as_it_is(
    fault: str, place: Plant, tmp_path: Path
) -> None:
    kind, manners, outcome = FAULTS[fault]
    address = "10.72.0.77"
    place.far.run(f"ip address add {address}/24 dev far")
    try:
        with contextlib.ExitStack() as stack:
            with place.far.inside():
                stand = Stand(device(kind)(), FAR, yes=FAR)
                stand.manners = manners  # a stranger's address would have to be said as well
                stack.enter_context(standing(stand))
            told = discover(place, tmp_path, kind, FAR, "--jsonl")
    finally:
        place.far.run(f"ip address del {address}/24 dev far")

    (reply,) = told.lines("reply")
    assert outcome == reply["outcome"], reply
    if manners.stranger:
        (oddity,) = told.lines("oddity")
        assert ("answer-from-elsewhere", f"{FAR} was asked, {address} answers") == (
            oddity["name"],
            oddity["where"],
        )


def test_a_storm_of_answers_is_bounded_named_and_the_rest_is_kept(
    place: Plant, tmp_path: Path
) -> None:
    with there(place.near, "codesys", NEAR, Manners(times=10_000)):
        told = discover(place, tmp_path, "codesys", NEAR, "--yes", SUBNET, "--jsonl")

    (reply,) = told.lines("reply")
    assert ("answered", 4) == (reply["outcome"], reply["answers"])
    (oddity,) = told.lines("oddity")
    assert "answer-storm" == oddity["name"]
    assert oddity["count"] > 50
    assert [one for one in told.lines("device") if one["facts"].get("name") == "portbook"]


def test_nobody_at_a_port_is_refused(place: Plant, tmp_path: Path) -> None:
    told = discover(place, tmp_path, "modbus", NEAR, "--jsonl")
    other = discover(place, tmp_path, "enip", NEAR, "--jsonl")

    assert "refused" == told.lines("reply")[0]["outcome"]
    assert "refused" == other.lines("reply")[0]["outcome"]


def test_unitrends_is_connected_to_once_an_hour(place: Plant, tmp_path: Path) -> None:
    with there(place.near, "unitrends", NEAR) as running:
        first = discover(place, tmp_path, "unitrends", NEAR, "--jsonl")
        second = discover(place, tmp_path, "unitrends", NEAR, "--jsonl")
        (record,) = running.records()

    outcomes = [one.lines("reply")[0]["outcome"] for one in (first, second)]
    assert (["greeted", "left out"], 1, 0) == (outcomes, record.connections, record.octets_in)


def test_a_range_is_asked_host_by_host_and_counted_first(place: Plant, tmp_path: Path) -> None:
    with there(place.near, "enip", NEAR):
        told = discover(place, tmp_path, "enip", "10.71.0.8/30")

    assert 0 == told.code
    assert "to 10.71.0.9, 10.71.0.10, port 44818" in told.out
    assert "answered" in told.out


def test_what_was_learned_is_kept_in_the_book(place: Plant, tmp_path: Path) -> None:
    book = tmp_path / "plant.book"
    with there(place.near, "enip", NEAR), place.asker.inside():
        told = portbook(tmp_path, "discover", "enip", NEAR, "--book", book, "--json")
        kept = portbook(tmp_path, "book", "show", "--book", book, "--jsonl")

    document = json.loads(told.out)
    assert {"sending", "reply", "conversation", "service", "device", "summary"} <= set(document)
    assert [NEAR] == [one["address"] for one in document["reply"]]
    assert {"device": 1, "service": 1} == kept.lines("book")[0]["sightings"]


def test_a_log_that_cannot_be_written_keeps_it_from_asking(place: Plant, tmp_path: Path) -> None:
    with heard(place.near, "near") as near:
        told = discover(place, tmp_path, "enip", NEAR, "--log", tmp_path / "no" / "such" / "log")
        assert {} == sent_from(near.packets(), ASKER)

    assert 4 == told.code


def test_ctrl_c_tells_what_was_learned_and_ends_with_130(place: Plant, tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ["discover", "bacnet", NEAR, "--jsonl", "--no-book", "--log", str(log)]
    with there(place.near, "bacnet", NEAR) as running, place.asker.inside(), subprocess.Popen(
        [sys.executable, "-m", "portbook", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(tmp_path), cwd=tmp_path,
    ) as process:  # fmt: skip
        while not any("ReadProperty" in one for one in running.records()[0].asked):
            assert process.poll() is None
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    told = Ended(process.returncode, out, err)
    assert 130 == told.code, err
    assert "interrupted" == told.lines("reply")[0]["outcome"]
    assert ["bacnet"] == told.lines("service")[0]["protocols"]
    assert "Traceback" not in err
    assert 2 <= len(logged(log)) < 10
