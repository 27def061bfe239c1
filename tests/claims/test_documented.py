"""Documented uses: every row has a source, and the rows that people ask for are there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.documented import SHIPPED, documented, parse_documented
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols import protocols
from portbook.records import ClaimKind

KNOWN_LATER = {"reftek", "optommp", "s7comm", "seedlink", "datalink"}


def kinds(number: int, transport: Transport) -> set[tuple[str, str]]:
    return {
        (claim.claimant, claim.claim.value)
        for claim in documented()
        if number in claim.ports and claim.transport in (None, transport)
    }


def test_nothing_stands_without_a_source_and_a_confidence() -> None:
    for claim in documented():
        assert claim.source.title
        assert claim.confidence in ("verified", "two sources", "one source")
        assert claim.claimant


def test_two_sources_are_two() -> None:
    for claim in documented():
        if claim.confidence == "two sources":
            assert len({claim.source, *claim.also}) >= 2, claim


def test_claims_by_kind() -> None:
    told = Counter(claim.claim for claim in documented())

    assert told[ClaimKind.UNOFFICIAL] >= 120
    assert told[ClaimKind.MALWARE] >= 15
    assert told[ClaimKind.VENDOR_RESERVED] >= 10
    assert told[ClaimKind.DYNAMIC_USE] >= 15
    assert told[ClaimKind.OS_EXCLUDED] == 2
    assert sum(told.values()) >= 165


@pytest.mark.parametrize(
    ("number", "transport", "expected"),
    [
        (1743, "udp", {("CODESYS V3", "unofficial"), ("KDE Connect", "unofficial")}),
        (
            1743,
            "tcp",
            {
                ("Unitrends", "unofficial"),
                ("KDE Connect", "unofficial"),
                ("Windows with Hyper-V", "os-excluded"),
            },
        ),
        (11742, "tcp", {("CODESYS V3", "unofficial")}),
        (2001, "tcp", {("Opto 22", "vendor-reserved")}),
        (22003, "udp", {("Opto 22", "vendor-reserved"), ("Multi Theft Auto", "unofficial")}),
        (22510, "tcp", {("Opto 22", "vendor-reserved")}),
        (
            18000,
            "tcp",
            {("SeedLink", "unofficial"), ("Iconics GenBroker", "unofficial")},
        ),
        (502, "tcp", {("FrostyGoop", "malware")}),
        (
            50500,
            "udp",
            {("Opto 22", "vendor-reserved"), ("Opto 22", "dynamic-use"), ("Linux", "dynamic-use")},
        ),
        (31337, "udp", {("Back Orifice", "malware")}),
        (9, "tcp", set()),
    ],
)
def test_who_is_documented_on_a_port(
    number: int, transport: str, expected: set[tuple[str, str]]
) -> None:
    assert expected == kinds(number, Transport(transport))


def test_a_claim_carries_all_its_sources() -> None:
    (claim,) = [one for one in documented() if one.claimant == "CODESYS V3" and 1740 in one.ports]

    assert "CODESYS FAQ" == claim.source.title
    assert 3 == len(claim.also)
    assert "codesys-v3" == claim.protocol


def test_protocols_that_rows_speak_of_exist() -> None:
    named = {claim.protocol for claim in documented() if claim.protocol}

    assert named <= {*protocols(), *KNOWN_LATER}


def test_malware_is_told_with_its_source_and_never_as_a_protocol() -> None:
    for claim in documented():
        if claim.claim is ClaimKind.MALWARE:
            assert claim.protocol is None


GOOD = (
    "source: A | a list | 2020 | page 1 | CC0\n"
    "claim: 1, 3-4 | tcp udp | unofficial | X | x | | A(p2) | 1 |"
)


def test_one_line_gives_a_claim_for_each_range_and_transport() -> None:
    claims = parse_documented(GOOD)

    assert [("1", "tcp"), ("1", "udp"), ("3-4", "tcp"), ("3-4", "udp")] == [
        (str(claim.ports), claim.transport) for claim in claims
    ]
    assert "page 1: p2" == claims[0].source.where


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("| A(p2) |", "| |"), "line 2: no source; nothing loads without one"),
        (("| A(p2) |", "| B |"), "line 2: no source has the key 'B'"),
        (("| 1 |", "| 9 |"), "line 2: a claim names its claimant and its confidence"),
        (("| X |", "| |"), "line 2: a claim names its claimant"),
        (("unofficial", "official"), "line 2: no kind of claim: 'official'"),
        (("tcp udp", "tcp ipx"), "line 2: not a transport"),
        (("tcp udp", ""), "line 2: name a transport"),
        (("1, 3-4", "1, 4-3"), "line 2: a port range runs upwards"),
        (("1, 3-4", "1/tcp"), "line 2: the transport has its own field"),
        (("claim:", "claims:"), "line 2: a line is a source or a claim"),
        (("| a list", "|"), "line 1: a source is"),
        (("| x | |", "|"), "line 2: a claim has nine fields"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(
    change: tuple[str, str], expected: str
) -> None:
    with pytest.raises(UsageError) as raised:
        parse_documented(GOOD.replace(*change), "uses.txt")

    assert f"uses.txt, {expected}" in str(raised.value)


@given(st.text(max_size=120))
def test_odd_rows_are_refused_or_empty(text: str) -> None:
    try:
        assert () == parse_documented(text.replace("claim", ""))
    except UsageError as error:
        assert str(error).startswith("documented uses, line")  # noqa: PT017


def test_licences_are_named_in_the_file() -> None:
    text = Path(SHIPPED).read_text(encoding="utf-8")

    for line in text.splitlines():
        if line.startswith(("source: ITI", "source: MAL", "source: ATT", "source: OCD")):
            assert line.split("|")[4].strip()
