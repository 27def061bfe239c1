"""From the octets of a capture to findings, on captures of our own making."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.captured import ONE, THREE, TWO, demo, ordered, read, told
from support.knowing import knowledge

from portbook.emulators import plant
from portbook.emulators.frames import Frame, Host, Section, TcpTalk, ethernet, pcap, pcapng
from portbook.evidence import readers
from portbook.records import Confidence, Conversation, Level
from portbook.survey.naming import key
from portbook.survey.story import Story
from portbook.survey.wants import Wants, wanted_ports

SECOND = 1_000_000_000
GET = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nServer: example-httpd/1.4\r\nContent-Length: 2\r\n\r\nhi"


def web(
    client: Host, server: Host, port: int, *, number: int = 50000, at_s: int = 0
) -> list[Frame]:
    """Return a web session on any port."""
    talk = TcpTalk(client, number, server, port, start_ns=plant.START_NS + at_s * SECOND)
    return talk.to_server(GET).to_client(PAGE).close()


def sums(story: Story) -> dict[object, tuple[int, ...]]:
    """Return packets and octets of each conversation, its parts added up."""
    found: dict[object, Counter[str]] = defaultdict(Counter)
    for one in story.conversations:
        both = ((one.client, one.client_port), one.packets_to_server, one.payload_octets_to_server)
        back = ((one.server, one.server_port), one.packets_to_client, one.payload_octets_to_client)
        for end, packets, payload in (both, back):
            found[key(one)].update({f"{end} packets": packets, f"{end} payload": payload})
        found[key(one)].update({"octets": one.octets, "packets": one.packets})
    return {which: tuple(sorted(count.items())) for which, count in found.items()}


def test_the_demo_is_named_to_its_last_conversation(tmp_path: Path) -> None:
    story = told(tmp_path, demo())
    names = Counter((one.protocol, one.transport, one.server_port) for one in story.conversations)

    assert {
        ("codesys-v3", "udp", 1740): 4, ("codesys-v3", "udp", 1741): 2,
        ("codesys-v3", "udp", 1742): 2, ("codesys-v3", "udp", 1743): 2,
        ("codesys-v3", "tcp", 11740): 1, ("unitrends", "tcp", 1743): 1, ("reftek", "udp", 2543): 1,
        ("modbus", "tcp", 8502): 1, ("http", "tcp", 502): 1, ("optommp", "tcp", 2001): 1,
        ("dns", "udp", 53): 3, ("ntp", "udp", 123): 1,
    } == names  # fmt: skip
    assert {Confidence.CONFIRMED} == {one.confidence for one in story.conversations}
    summary = story.summary
    assert (252, 2, 20, 20) == (
        summary.packets,
        summary.no_ports,
        summary.conversations,
        summary.named,
    )
    assert (1, 0, 0, 0) == (
        summary.sources,
        summary.failed_sources,
        summary.oddities,
        summary.closed_early,
    )
    assert (len(plant.frames()), ()) == (summary.packets, story.problems)
    assert sum(len(frame.octets) for frame in plant.frames()) == summary.octets


def test_the_demos_controllers_announce_and_tell_who_they_are(tmp_path: Path) -> None:
    story = told(tmp_path, demo())

    assert {
        ("10.20.0.11", (1740, 1741, 1742, 1743), 60.0, 6, Confidence.CONFIRMED),
        ("10.20.0.12", (1740, 1741, 1742, 1743), 60.0, 6, Confidence.CONFIRMED),
    } == {
        (one.source, one.ports, one.period_s, one.times, one.confidence)
        for one in story.announcements
    }
    devices = {one.address: dict(one.facts) for one in story.devices}
    assert "Example Controller 300" == devices["10.20.0.11"]["product"]
    assert "conveyor-2" == devices["10.20.0.12"]["name"]
    assert ("REF TEK", "9D20") == (
        devices["10.20.0.40"]["vendor"],
        devices["10.20.0.40"]["serial"],
    )


def test_the_demos_findings_say_what_speaks_where_it_should_not(tmp_path: Path) -> None:
    said = {(one.code, one.level, one.subject) for one in told(tmp_path, demo()).findings}

    assert {
        ("PB101", Level.WARNING, "tcp 10.20.0.22:502"),
        ("PB102", Level.WARNING, "tcp 10.20.0.21:8502"),
        ("PB301", Level.ERROR, "tcp 10.20.0.11:11740"),
    } <= said


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 13, 20, 21])
def test_conversations_cut_for_lack_of_memory_add_up(limit: int, tmp_path: Path) -> None:
    whole, cut = told(tmp_path, demo()), told(tmp_path, demo(), limit=limit)

    assert sums(whole) == sums(cut)
    assert whole.summary.conversations == cut.summary.conversations == 20
    assert (limit >= 20) == (cut.summary.closed_early == 0)
    parts: dict[object, list[int | None]] = defaultdict(list)
    for one in cut.conversations:
        parts[key(one)].append(one.part)
    for told_parts in parts.values():
        several = list(range(1, len(told_parts) + 1))
        assert told_parts in ([None], several)
        assert len(told_parts) > 1 or told_parts == [None]


def test_later_parts_keep_the_name_and_the_roles_of_the_first(tmp_path: Path) -> None:
    """A web session goes on while others come; its later parts hold no first words any more."""
    talk = TcpTalk(ONE, 50000, TWO, 8080, start_ns=plant.START_NS, step_ns=SECOND // 10)
    talk.to_server(GET).to_client(PAGE)
    for _ in range(3):
        talk.wait(10 * SECOND).to_client(b"\x17" * 300)  # the server goes on by itself
    scan = [
        Frame(plant.START_NS + (2 + at) * SECOND, THREE.datagram(4000 + at, TWO, 7, b"?"))
        for at in range(60)
    ]
    story = told(tmp_path, ordered([*talk.close(), *scan]), limit=3)

    parts = [one for one in story.conversations if one.server_port == 8080]
    assert len(parts) > 2
    assert {("10.30.0.1", "10.30.0.2")} == {(one.client, one.server) for one in parts}
    assert {("http", Confidence.CONFIRMED)} == {(one.protocol, one.confidence) for one in parts}
    assert list(range(1, len(parts) + 1)) == [one.part for one in parts]
    assert 61 == story.summary.conversations
    assert 1 == story.summary.named
    (service,) = [one for one in story.services if one.port == 8080]
    assert 1 == service.conversations


def test_an_announcement_survives_that_its_conversations_are_cut(tmp_path: Path) -> None:
    whole, cut = told(tmp_path, demo()), told(tmp_path, demo(), limit=2)

    def shown(story: Story) -> set[tuple[object, ...]]:
        return {
            (one.source, one.ports, one.period_s, one.times, one.expected, one.confidence)
            for one in story.announcements
        }

    assert 2 == len(shown(whole))
    assert shown(whole) == shown(cut)


def test_what_is_young_is_named_before_its_longer_head_is_given_back(tmp_path: Path) -> None:
    """The first controller's answer is longer than what is kept of everyone; then the pool ends."""
    first, second = plant.frames()[48:50], plant.frames()[50:52]
    filler = [
        Frame(0, THREE.datagram(9, TWO, 9, Random(at).randbytes(1400))) for at in range(900)
    ]  # more than one block
    octets = pcap([*first, *filler, *second, *filler, *first[:1]])
    rich, poor = told(tmp_path, octets), told(tmp_path, octets, pool_octets=2 * 16384)

    assert {one.address for one in rich.devices if one.facts} == {"10.20.0.11", "10.20.0.12"}
    assert rich.devices == poor.devices
    assert rich.conversations == poor.conversations


def test_without_any_pool_the_first_octets_still_name(tmp_path: Path) -> None:
    story = told(tmp_path, demo(), pool_octets=0)

    assert 20 == story.summary.named
    assert told(tmp_path, demo()).announcements == story.announcements


def test_several_sources_stay_apart_and_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "day.pcap").write_bytes(demo())
    (tmp_path / "night" / "a.pcap.gz").write_bytes(gzip.compress(pcap(web(ONE, TWO, 502))))
    (tmp_path / "night" / "notes.txt").write_text("nothing to read here\n")
    story = read(tmp_path / "day.pcap", tmp_path / "night", tmp_path / "gone.pcap")

    assert {str(tmp_path / "day.pcap"): 20, str(tmp_path / "night" / "a.pcap.gz"): 1} == Counter(
        one.source for one in story.conversations
    )
    assert (3, 1, 21) == (
        story.summary.sources,
        story.summary.failed_sources,
        story.summary.conversations,
    )
    (problem,) = story.problems
    assert (str(tmp_path / "gone.pcap"), None) == (problem.source, problem.offset)
    assert "no such file or folder" in problem.message
    said = {one.subject: one.source for one in story.findings if one.code == "PB101"}
    assert str(tmp_path / "night" / "a.pcap.gz") == said["tcp 10.30.0.2:502"]


def test_one_conversation_in_two_captures_is_two_conversations(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(pcap(web(ONE, TWO, 80)))
    story = read(tmp_path)

    assert 2 == story.summary.conversations == len(story.services)
    assert 1 == len(story.devices)


def test_the_site_stands_in_every_record_of_evidence(tmp_path: Path) -> None:
    story = told(tmp_path, demo(), site="north")
    evidence = (
        *story.conversations,
        *story.services,
        *story.devices,
        *story.announcements,
        *story.findings,
    )

    assert {"north"} == {one.site for one in evidence}
    assert all((story.services, story.devices, story.announcements, story.findings))


def test_vlans_keep_the_same_addresses_apart(tmp_path: Path) -> None:
    frames = web(ONE, TWO, 80)
    tagged = [
        Frame(one.time_ns, ethernet(one.octets[14:], ONE.mac, TWO.mac, vlans=(vlan,)))
        for one in frames
        for vlan in (7, 8)
    ]
    story = told(tmp_path, [*frames, *tagged])

    assert 3 == len(story.conversations) == len(story.services)
    assert {None, 7, 8} == {one.vlan for one in story.conversations}
    assert {None, 7, 8} == {one.vlan for one in story.services}
    assert {None, 7, 8} == {one.vlan for one in story.devices}


def test_a_device_is_joined_from_all_protocols_that_it_speaks(tmp_path: Path) -> None:
    talk = TcpTalk(ONE, 50001, plant.PRESS, 502, start_ns=plant.START_NS)
    asked = bytes.fromhex("000100000005012b0e0100")
    objects = bytes.fromhex("000756454e444f5220 0105454e2d3939 0203392e39")
    answer = bytes.fromhex("012b0e0183000003") + objects
    talk.to_server(asked)
    talk.to_client(bytes.fromhex("00010000") + len(answer).to_bytes(2, "big") + answer)
    page = web(ONE, plant.PRESS, 8080, at_s=400)
    story = told(tmp_path, [*plant.frames(), *talk.close(), *page])

    device = {one.address: one for one in story.devices}["10.20.0.11"]
    assert {"codesys-v3", "modbus", "http"} == {
        one.protocol for one in story.conversations if one.server == "10.20.0.11"
    }
    assert "press-1" == device.facts["name"]  # which only CODESYS told
    assert plant.PRESS.mac == device.mac
    assert device.first_ns <= plant.START_NS < device.last_ns
    assert any(text.startswith("modbus told vendor") for text in device.because)
    assert any(text.startswith("codesys-v3 told") for text in device.because)
    assert ["vendor", "product", "version", "name", "serial"] == list(device.facts)[:5]


def test_a_routers_mac_is_never_a_devices(tmp_path: Path) -> None:
    router = "02:00:00:00:00:fe"
    far, farther = Host("203.0.113.7", router), Host("203.0.113.8", router)
    story = told(
        tmp_path, [*web(ONE, far, 80), *web(ONE, farther, 80, number=50001), *web(TWO, ONE, 81)]
    )

    macs = {one.address: one.mac for one in story.devices}
    assert {"203.0.113.7": None, "203.0.113.8": None, "10.30.0.1": ONE.mac} == macs


def test_all_containers_tell_the_same(tmp_path: Path) -> None:
    frames = ordered(plant.frames())
    wanted = _content(told(tmp_path, demo()))

    for number, octets in enumerate(
        (
            pcap(frames, nanoseconds=True),
            pcap(frames, big_endian=True),
            pcapng(Section(frames)),
            pcapng(Section(frames[:100], big_endian=True), Section(frames[100:])),
            gzip.compress(pcapng(Section(frames))),
        )
    ):
        assert wanted == _content(told(tmp_path, octets, f"{number}.capture"))


@pytest.mark.parametrize("limit", [3, 1_000_000])
def test_without_the_compiled_reader_the_same_is_told(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _content(told(tmp_path, demo(), limit=limit))
    monkeypatch.setattr(readers, "COMPILED", False)

    assert wanted == _content(told(tmp_path, demo(), limit=limit))


def test_sctp_is_a_conversation_like_the_others(tmp_path: Path) -> None:
    data = bytes.fromhex("13880bb8 00000001 00000000 0003001400000001000000000000000041424344")
    frames = [Frame(at, ONE.packet(TWO, 132, data)) for at in range(3)]
    (one,) = told(tmp_path, frames).conversations

    assert ("sctp", 5000, 3000, 3) == (
        one.transport.value,
        one.client_port,
        one.server_port,
        one.packets,
    )


def _content(story: Story) -> list[object]:
    """Return what was told, without the name of the file and how long it took."""
    plain = []
    for one in (
        *story.conversations, *story.services, *story.devices, *story.announcements,
        *story.findings,
    ):  # fmt: skip
        names = {"source": "x"} if hasattr(one, "server") or hasattr(one, "facts") else {}
        fields = msgspec.structs.asdict(one) | names
        fields.pop("capture", None)
        if "code" in fields or "clients" in fields:
            fields.pop("source")
        plain.append(fields)
    return plain


@pytest.mark.parametrize(
    ("wants", "kept"),
    [
        (Wants(), (20, 10, 8, 2)),
        (Wants(hosts=("10.20.0.60/32",)), (1, 1, 1, 0)),
        (Wants(hosts=("198.51.100.0/24",)), (1, 0, 0, 0)),
        (Wants(ports=wanted_ports(("1743",))), (3, 1, 3, 2)),
        (Wants(ports=wanted_ports(("1743/tcp",))), (1, 1, 1, 0)),
        (Wants(protocols=("codesys-v3",)), (11, 3, 3, 2)),
        (Wants(protocols=("unknown",)), (0, 0, 0, 0)),
        (Wants(since_ns=plant.START_NS + 310 * SECOND), (4, 1, 1, 1)),
        (Wants(until_ns=plant.START_NS + 5 * SECOND), (4, 1, 1, 1)),
    ],
)
def test_filters_leave_what_was_asked_for(
    wants: Wants, kept: tuple[int, int, int, int], tmp_path: Path
) -> None:
    story = told(tmp_path, demo())
    shown = story.only(wants)

    assert kept == tuple(
        map(len, (shown.conversations, shown.services, shown.devices, shown.announcements))
    )
    assert story.summary == shown.summary
    assert all(finding in story.findings for finding in shown.findings)
    assert wants or shown == story


def test_a_filter_leaves_the_findings_about_what_it_shows(tmp_path: Path) -> None:
    story = told(tmp_path, demo())
    shown = story.only(Wants(protocols=("http",)))

    assert ["tcp 10.20.0.22:502"] == [
        one.subject for one in shown.findings if "protocol" in one.parameters
    ]


def test_own_networks_decide_what_is_outside(tmp_path: Path) -> None:
    public = Host("198.51.100.9", "02:00:00:00:00:09")
    talk = TcpTalk(public, 50000, Host("198.51.100.8", ONE.mac), 502)
    talk.to_server(bytes.fromhex("0d2f0000000601030000000a"))
    talk.to_client(bytes.fromhex("0d2f0000001701031400370001003c") + bytes(14))
    frames = talk.close()
    own = msgspec.structs.replace(knowledge(), networks=("198.51.100.0/24",))

    def levels(story: Story) -> set[Level]:
        return {one.level for one in story.findings if one.code == "PB301"}

    assert {Level.ERROR} == levels(told(tmp_path, frames))
    assert Level.ERROR not in levels(told(tmp_path, frames, knowledge=own))


def test_progress_is_told_by_source(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int | None]] = []
    told(tmp_path, demo(), progress=lambda *step: heard.append(step))

    assert (str(tmp_path / "own.pcap"), len(demo()), len(demo())) == heard[-1]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("port", [502, 102, 20000, 44818, 47808, 1740, 1743, 2543, 2001, 18000])
def test_filler_on_a_plants_port_is_nothing(port: int, transport: str, tmp_path: Path) -> None:
    for number, filler in enumerate((bytes(64), b"\xff" * 64, b"A" * 64, Random(1).randbytes(64))):
        if transport == "tcp":
            frames = TcpTalk(ONE, 50000, TWO, port).to_server(filler).to_client(filler).close()
        else:
            frames = [
                Frame(at, here.datagram(mine, there, yours, filler))
                for at in range(4)
                for here, mine, there, yours in ((ONE, 50000, TWO, port), (TWO, port, ONE, 50000))
            ]
        story = told(tmp_path, frames, f"{number}.pcap")

        assert {None} == {one.protocol for one in story.conversations}
        assert not [one for one in story.findings if "protocol" in one.parameters]
        assert story.conversations[0].claims


@pytest.mark.parametrize("port", [502, 102, 20000, 44818, 47808, 1740, 1743, 2543, 2001])
def test_http_on_a_plants_port_is_said_to_be_http(port: int, tmp_path: Path) -> None:
    story = told(tmp_path, web(ONE, TWO, port))

    (one,) = story.conversations
    assert ("http", Confidence.CONFIRMED) == (one.protocol, one.confidence)
    (said,) = [finding for finding in story.findings if finding.code == "PB101"]
    assert f"http answers on {port}/tcp" in said.message
    assert said.because


@settings(max_examples=40)
@given(length=st.integers(0, len(demo())), newer=st.booleans())
def test_any_prefix_tells_what_stands_before_the_cut(
    length: int, newer: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frames = ordered(plant.frames())
    octets = pcapng(Section(frames)) if newer else demo()
    story = told(tmp_path_factory.mktemp("cut"), octets[:length])

    ends = _ends(frames, newer)
    assert sum(end <= length for end in ends) == story.summary.packets
    begun = {28, 48} if newer else {24}  # the headers' ends: a capture without packets
    assert (length in {*begun, *ends, len(octets)}) == (not story.problems)
    for problem in story.problems:
        assert problem.offset is not None
        assert problem.offset <= length
        assert problem.message.count("\n") == 0


def _ends(frames: list[Frame], newer: bool) -> list[int]:
    """Return where each frame's record ends."""
    found, at = [], 48 if newer else 24
    for frame in frames:
        size = len(frame.octets)
        at += 32 + size + -size % 4 if newer else 16 + size
        found.append(at)
    return found


@settings(max_examples=40)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(demo()) - 1), st.binary(min_size=1, max_size=4)))
)
def test_damage_anywhere_raises_nothing(
    changes: list[tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    octets = bytearray(demo())
    for at, value in changes:
        octets[at : at + len(value)] = value
    story = told(tmp_path_factory.mktemp("damaged"), bytes(octets))

    first = min((at for at, _ in changes), default=len(octets))
    ends = _ends(ordered(plant.frames()), newer=False)
    assert sum(end <= first for end in ends) <= story.summary.packets
    assert len(story.problems) <= 1
    assert sum(map(_packets, story.conversations)) <= story.summary.packets


def _packets(one: Conversation) -> int:
    return one.packets
