"""The plant's own protocols on every real capture: found where they are, and nowhere else."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

from support import CAPTURES, needs_captures
from support.examples import CONFIRMED

from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records
from portbook.protocols import Protocol, identify, protocols
from portbook.protocols.codesys import addresses
from portbook.protocols.prefilter import prefilter
from portbook.records import Identification

NAMES = (
    "codesys-v2",
    "codesys-v3",
    "datalink",
    "optommp",
    "pac-control",
    "reftek",
    "seedlink",
    "unitrends",
)
ANNOUNCED = "codesys-v3-announcements-3min-with-iec104.pcap"
SECOND = "codesys-v3-announcements-second-instance.pcap"
SCAN = "codesys-v3-scan-request-reply.pcap"
OPTO = "optommp-quadlet-tcp-and-udp.pcap"


@cache
def _observed(name: str) -> tuple[Observed, ...]:
    table = readers.table(prefilter().rows, seed=1)
    (capture,) = captures.find([str(CAPTURES / name)]).captures
    with contextlib.suppress(SourceError):  # a cut capture keeps what was read before
        captures.read(capture, table, full=lambda: None, starved=table.release)
    return tuple(records(table.rows(), name))


def _named(name: str) -> Iterator[tuple[Observed, Identification]]:
    for one in _observed(name):
        told = identify(one.payload, roles_known=one.roles_known)
        if told:
            yield one, told


@needs_captures
def test_three_minutes_of_announcements_are_codesys() -> None:
    told = [(one, by) for one, by in _named(ANNOUNCED) if by.protocol == "codesys-v3"]

    assert [1740, 1741, 1742, 1743] == sorted(one.conversation.server_port for one, _ in told)
    assert {CONFIRMED} == {by.confidence for _, by in told}
    assert {("004B", "192.168.1.75")} == {
        (by.facts["client_address"], one.conversation.client) for one, by in told
    }


@needs_captures
def test_a_second_instance_announces_itself_with_its_own_index() -> None:
    told = [(one, by) for one, by in _named(SECOND) if by.protocol == "codesys-v3"]

    assert 4 == len(told)
    for one, by in told:
        sent = bytes(map(int, one.conversation.client.split(".")))
        everyone = bytes(map(int, one.conversation.server.split(".")))
        words = addresses.parse(by.facts["client_address"])
        assert words is not None
        port = one.conversation.client_port
        assert (24,) == addresses.fitting_prefixes(words, sent, port, everyone)


@needs_captures
def test_a_scan_tells_the_device_that_answers() -> None:
    told = [by for _, by in _named(SCAN) if by.server]

    assert 1 == len(told)
    assert {
        "vendor": "3S - Smart Software Solutions GmbH",
        "product": "CODESYS Control Win V3",
        "version": "3.5.14.20",
        "name": "DESKTOP-J5MJ2CU",
        "serial": "7AA78BA7-83968B3A-A3561016-448E5059",
    } == dict(told[0].server)
    assert {"codesys-v3": 5} == Counter(by.protocol for _, by in _named(SCAN))


@needs_captures
def test_a_real_opto_22_device_is_named_over_tcp_and_udp() -> None:
    told = list(_named(OPTO))

    assert [("optommp", CONFIRMED)] * 2 == [(by.protocol, by.confidence) for _, by in told]
    assert {2001} == {one.conversation.server_port for one, _ in told}
    for _, by in told:
        assert ("digital channel read, old F0800180",) == by.facts["writes"]


@needs_captures
def test_no_other_capture_holds_any_of_them() -> None:
    mine = [protocols()[name] for name in NAMES]
    taken = Counter()
    asked = 0
    for name in _captures():
        for one in _observed(name):
            asked += 1
            for protocol in mine:
                for payload in (one.payload, one.payload.swapped()):
                    if protocol.recognise(payload):
                        taken[name, protocol.name] += 1

    assert asked > 1000
    assert {} == taken


@needs_captures
def test_the_prefilter_seldom_asks_about_them_in_vain() -> None:
    chosen: Counter[str] = Counter()
    asked = 0
    for name in _captures():
        for one in _observed(name):
            asked += 1
            chosen.update(_mine(prefilter().candidates(one.payload)))

    assert asked > 1000
    assert all(count <= asked / 50 for count in chosen.values())


def _captures() -> list[str]:
    known = {ANNOUNCED, SECOND, SCAN, OPTO, "README.md"}
    return sorted(
        str(path.relative_to(CAPTURES))
        for path in CAPTURES.rglob("*")
        if path.is_file()
        and path.name not in known
        and path.parent.name not in ("reftek", "seedlink")
    )


def _mine(found: tuple[Protocol, ...]) -> list[str]:
    return [one.name for one in found if one.name in NAMES]
