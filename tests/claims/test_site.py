"""The site's own claims: read, added to, taken from, with the file's comments left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.site import add_claim, change_site, load_site, parse_site, remove_claim
from portbook.errors import SourceError, UsageError
from portbook.ports import PortRange, Transport
from portbook.records import ClaimKind

TEXT = """# Ports of the plant; ask the control room before changing.

[[claim]]
ports = "5000-5010/tcp"   # the old panels too
claimant = "press line"
title = "operator panels"

# Two stands share this one.
[[claim]]
ports = ["6000/tcp", "6000/udp"]
claimant = "test stand"
date = 2026-01-15

# Not yet in use.
[[claim]]
ports = "7000"
claimant = "conveyor"
# end of file
"""


def test_claims_are_read_with_their_file_as_source() -> None:
    panels, stand, _, conveyor = parse_site(TEXT, "claims.toml")

    assert (PortRange(5000, 5010), Transport.TCP) == (panels.ports, panels.transport)
    assert ClaimKind.SITE is panels.claim
    assert "the site's own claims, claims.toml" == panels.source.title
    assert "2026-01-15" == stand.source.date
    assert None is conveyor.transport


def test_nothing_written_is_nothing_claimed() -> None:
    assert () == parse_site("")
    assert () == parse_site("# only words\n")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"5000-5010/tcp"', '"5000-4000/tcp"'), "claims.toml, line 3: a port range runs upwards"),
        (('"5000-5010/tcp"', '"70000"'), "claims.toml, line 3: port must be 0 to 65535"),
        (('"7000"', "7000.5"), "claims.toml, line 15: not a port: '7000.5'"),
        (('claimant = "conveyor"', ""), "claims.toml, line 15: a claim needs ports"),
        (('claimant = "conveyor"', "claimant = 7"), "line 15: claimant must be a text"),
        (("title =", "tittle ="), "claims.toml, line 3: no such key: 'tittle'"),
        (('"6000/udp"', '"6000/ipx"'), "claims.toml, line 9: not a transport"),
        (('"press line"', '"press line'), "claims.toml: "),
        (("[[claim]]\nports = [", "[[claims]]\nports = ["), "line 9: write [[claim]] tables"),
        (("# Ports", "claim = 5 # Ports"), "claims.toml"),
    ],
)
def test_an_error_names_the_file_and_the_line(change: tuple[str, str], expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_site(TEXT.replace(*change), "claims.toml")

    assert expected in str(raised.value)


def test_broken_toml_is_told_with_its_line() -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse_site('a = 1\nb = "', "claims.toml")


def test_a_port_written_as_a_number_is_understood() -> None:
    (claim,) = parse_site("[[claim]]\nports = 502\nclaimant = 'us'\n")

    assert PortRange(502, 502) == claim.ports


def test_adding_keeps_every_word_that_stood_there() -> None:
    text = add_claim(TEXT, "8000/udp", "crane", note="since the rebuild", date="2026-11-21")

    assert text.startswith(TEXT.rstrip("\n"))
    added = parse_site(text)[-1]
    assert ("crane", "since the rebuild", "2026-11-21") == (
        added.claimant,
        added.note,
        added.source.date,
    )


def test_adding_to_nothing_makes_a_file() -> None:
    (claim,) = parse_site(add_claim("", "8000/udp", "crane"))

    assert ("crane", Transport.UDP) == (claim.claimant, claim.transport)


@pytest.mark.parametrize(
    ("ports", "claimant", "expected"),
    [
        ("8000/ipx", "crane", "not a transport"),
        ("crane", "8000", "not a port"),
        ("8000", " ", "a claim needs"),
        ("5000-5010/tcp", "press line", "claimed for press line already"),
    ],
)
def test_what_cannot_be_added_is_refused(ports: str, claimant: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        add_claim(TEXT, ports, claimant)


def test_removing_takes_the_claim_and_leaves_the_comments() -> None:
    text, count = remove_claim(TEXT, "5000-5010/tcp")

    assert 1 == count
    assert ["test stand", "test stand", "conveyor"] == [one.claimant for one in parse_site(text)]
    for comment in ("# Ports of the plant", "# Two stands share this one.", "# end of file"):
        assert comment in text


def test_removing_one_of_several_ports_leaves_the_others() -> None:
    text, count = remove_claim(TEXT, "6000/udp")

    assert 1 == count
    assert [Transport.TCP] == [
        one.transport for one in parse_site(text) if one.claimant == "test stand"
    ]
    assert "# Not yet in use." in text


def test_a_port_without_transport_stands_for_all_of_it() -> None:
    text, count = remove_claim(TEXT, "6000")

    assert 1 == count
    assert ["press line", "conveyor"] == [one.claimant for one in parse_site(text)]


def test_removing_by_claimant_spares_the_others() -> None:
    text = add_claim(TEXT, "7000", "crane")

    shorter, count = remove_claim(text, "7000", "conveyor")

    assert 1 == count
    assert "crane" in shorter
    assert "conveyor" not in shorter


@pytest.mark.parametrize(("ports", "claimant"), [("5001/tcp", None), ("7000", "crane")])
def test_removing_what_is_not_there_is_an_error(ports: str, claimant: str | None) -> None:
    with pytest.raises(UsageError, match="portbook claim list"):
        remove_claim(TEXT, ports, claimant)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=30)


@given(words.filter(lambda text: text.strip()), words)
def test_any_words_survive_adding_reading_and_removing(claimant: str, note: str) -> None:
    text = add_claim(TEXT, "9000/tcp", claimant, note=note)

    added = parse_site(text)[-1]
    assert (claimant.strip(), note or None) == (added.claimant, added.note)
    shorter, _ = remove_claim(text, "9000/tcp")
    assert parse_site(TEXT) == parse_site(shorter)


@given(st.text(max_size=100))
def test_odd_text_is_refused_or_read(text: str) -> None:
    try:
        parse_site(text, "claims.toml")
    except UsageError as error:
        assert "claims.toml" in str(error)  # noqa: PT017


def test_a_file_that_is_not_there_claims_nothing(tmp_path: Path) -> None:
    assert () == load_site(tmp_path / "claims.toml")


def test_a_file_is_changed_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "claims.toml"
    change_site(path, lambda text: add_claim(text, "8000/udp", "crane"))
    change_site(path, lambda text: add_claim(text, "8001/udp", "crane"))

    assert 2 == len(load_site(path))
    assert ["claims.toml"] == os.listdir(path.parent)


def test_a_refused_change_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(TEXT, encoding="utf-8")

    with pytest.raises(UsageError):
        change_site(path, lambda text: remove_claim(text, "1")[0])
    with pytest.raises(UsageError):
        change_site(path, lambda text: text + "rubbish")

    assert TEXT == path.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")

    with pytest.raises(SourceError, match=r"file.claims\.toml: .*(nothing was changed|not read)"):
        change_site(blocked / "claims.toml", lambda text: add_claim(text, "1/tcp", "x"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match="not UTF-8"):
        load_site(path)


def test_a_claim_may_name_the_protocol_that_belongs_there() -> None:
    text = add_claim("", "8502/tcp", "boiler gateway", protocol="modbus")

    assert ["modbus"] == [one.protocol for one in parse_site(text)]


def test_a_protocol_that_nobody_knows_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no such protocol: 'modbos'; known: .*modbus"):
        add_claim("", "8502/tcp", "boiler gateway", protocol="modbos")


def test_claims_stand_apart_in_the_file() -> None:
    text = add_claim(add_claim("", "1/tcp", "one"), "2/tcp", "two")

    assert "\n\n[[claim]]" in text
