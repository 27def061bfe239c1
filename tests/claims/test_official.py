"""The registry as IANA publishes it: both forms, plain or packed, whole or hostile."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DATA, needs_data

from portbook.claims.official import checked_update, parse_official, render
from portbook.claims.registry import Registry
from portbook.claims.rows import State
from portbook.claims.table import About, Row, Table, parse, table
from portbook.errors import SourceError
from portbook.ports import Transport

HEADER = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,"
    "Registration Date,Modification Date,Reference,Service Code,{},Assignment Notes"
)
LINES = (
    "ssh,22,tcp,The Secure Shell (SSH) Protocol,[IESG],[IETF_Chair],,2021-10-01,[RFC4251],,,",
    '"http",80,tcp,World Wide Web HTTP,[IESG],[IETF_Chair],,2021-10-01,[RFC9110],,,"Defined TXT\n'
    'keys: u=<username>"',
    ",788-799,,Unassigned,,,,,,,Unauthorized Use Known on port 796,",
    "https,443,tcp,http protocol over TLS/SSL,[IESG],[IETF_Chair],2002-01,2021-10-01,,,,",
    'x11,6000-6063,tcp,"X Window System\nand more",[Stephen_Gildea],[Stephen_Gildea],,,,,,',
    "exp1,1021,dccp,RFC3692-style,[IESG],[IETF_Chair],,,[RFC4727][RFC6335],12345,,",
    "aircontrol,,tcp,a name without a port,[A][B],[A][B],,,,,,",
)
CSV = "\r\n".join((HEADER.format("Unauthorized Use Reported"), *LINES, "")).encode()
XML = b"""<?xml version='1.0' encoding='UTF-8'?>
<?xml-stylesheet type="text/xsl" href="x.xsl"?>
<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">
  <title>Service Name and Transport Protocol Port Number Registry</title>
  <updated>2026-08-17</updated>
  <note>documented in <xref type="rfc" data="rfc6335"/>.</note>
  <record updated="2021-10-01">
    <name>ssh</name><protocol>tcp</protocol>
    <assignee><xref type="person" data="IESG"/></assignee>
    <description>The Secure Shell (SSH) Protocol</description><number>22</number>
    <xref type="person" data="IETF_Chair"/><xref type="rfc" data="rfc4251"/>
  </record>
  <record updated="2021-10-01">
    <name>http</name><protocol>tcp</protocol>
    <assignee><xref type="person" data="IESG"/></assignee>
    <description>World Wide Web HTTP</description><number>80</number>
    <xref type="person" data="IETF_Chair"/><xref type="rfc" data="rfc9110"/>
    <note>Defined TXT
keys: u=&lt;username&gt;</note>
  </record>
  <record>
    <description>Unassigned</description><number>788-799</number>
    <unauthorized>Unauthorized Use Known on port 796</unauthorized>
  </record>
  <record date="2002-01" updated="2021-10-01">
    <name>https</name><protocol>tcp</protocol>
    <assignee><xref type="person" data="IESG"/></assignee>
    <description>http protocol over TLS/SSL</description><number>443</number>
    <xref type="person" data="IETF_Chair"/>
  </record>
  <record>
    <name>x11</name><protocol>tcp</protocol><xref type="person" data="Stephen_Gildea"/>
    <description>X Window System
and more</description><number>6000-6063</number>
  </record>
  <record>
    <name>exp1</name><protocol>dccp</protocol>
    <assignee><xref type="person" data="IESG"/></assignee>
    <description>RFC3692-style</description><number>1021</number>
    <xref type="person" data="IETF_Chair"/><xref type="rfc" data="rfc4727"/>
    <xref type="text">RFC6335</xref><sc>12345</sc>
  </record>
  <record>
    <name>aircontrol</name><protocol>tcp</protocol>
    <xref type="person" data="A"/><xref type="person" data="B"/>
    <description>a name without a port</description>
  </record>
  <people><person id="A"><name>Anna</name><uri>mailto:anna&amp;example.com</uri></person></people>
</registry>
"""


def test_both_forms_give_the_same_rows() -> None:
    from_csv, from_xml = parse_official(CSV), parse_official(XML)

    assert from_csv.rows == from_xml.rows
    assert [22, 80, 443, 788, 1021, 6000, None] == [row.first for row in from_csv.rows]
    assert Row(6000, 6063, "tcp", "x11", "X Window System and more", "[Stephen_Gildea]") in (
        from_csv.rows
    )
    assert "[RFC4727][RFC6335]" == from_xml.rows[4].reference


def test_contacts_and_people_are_not_kept() -> None:
    for octets in (CSV, XML):
        kept = render(parse_official(octets))

        assert b"IETF_Chair" not in kept
        assert b"anna" not in kept.lower()


def test_the_date_is_the_xml_s_own_and_a_bound_for_a_csv() -> None:
    assert "2026-08-17" == parse_official(XML).about.date
    assert "at least 2021-10-01" == parse_official(CSV).about.date


def test_old_column_names_other_line_ends_and_a_byte_order_mark_are_accepted() -> None:
    old = CSV.replace(b"Unauthorized Use Reported", b"Known Unauthorized Uses")

    assert parse_official(CSV).rows == parse_official(old).rows
    assert parse_official(CSV).rows == parse_official(CSV.replace(b"\r\n", b"\n")).rows
    assert parse_official(CSV).rows == parse_official(b"\xef\xbb\xbf" + CSV).rows


def test_columns_are_found_by_name() -> None:
    def moved(line: str) -> str:
        first, rest = line.split(",", 1)
        return f"{rest},{first}"

    lines = [HEADER.format("Unauthorized Use Reported"), LINES[0], LINES[3]]

    assert (
        parse_official("\n".join(lines).encode()).rows
        == parse_official("\n".join(map(moved, lines)).encode()).rows
    )


@pytest.mark.parametrize("octets", [CSV, XML], ids=["csv", "xml"])
def test_gzip_is_told_by_content(octets: bytes) -> None:
    packed = parse_official(gzip.compress(octets))

    assert parse_official(octets).rows == packed.rows
    assert parse_official(octets).about.sha256 != packed.about.sha256


@pytest.mark.parametrize("octets", [CSV, XML], ids=["csv", "xml"])
def test_a_table_survives_writing_and_reading(octets: bytes) -> None:
    whole = parse_official(octets, source="file:///a\nb", imported="2026-11-21")
    again = parse(render(whole))

    assert whole.rows == again.rows
    assert ("file:///a b", "2026-11-21") == (again.about.source, again.about.imported)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE registry [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;">]><registry xmlns="http://www.iana.org/assignments">&b;'
    b"</registry>"
)
OUTSIDE = (
    b'<!DOCTYPE registry [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<registry xmlns="http://www.iana.org/assignments"><updated>&x;</updated></registry>'
)
NAMESPACE = b'<registry xmlns="http://www.iana.org/assignments">'


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (BOMB, "document type declaration"),
        (OUTSIDE, "document type declaration"),
        (NAMESPACE + b"<a>" * 40, "nested deeper"),
        (NAMESPACE + b"<record><number>1</number>", "line 1: no element found"),
        (b"<html><body>404</body></html>", "root element 'html'"),
        (b"<registry><record/></registry>", "root element 'registry'"),
        (b'<?xml version="1.0" encoding="klingon"?>' + NAMESPACE + b"</registry>", "unknown enc"),
        (NAMESPACE + b"</registry>", "no row in it"),
        (NAMESPACE + b"<record><number>70000</number></record></registry>", "'70000' is no port"),
        (NAMESPACE + b"<record><protocol>ipx</protocol></record></registry>", "no transport"),
        (b"", "has no column"),
        (b"a,b,c\n1,2,3\n", "has no column 'port number'"),
        (CSV[: CSV.index(b"keys")], "the file may be cut"),
        (CSV + b"short,1\r\n", "has 2 columns"),
        (CSV.replace(b",22,", b",22-21,"), "'22-21' is no port"),
        (CSV.replace(b",22,", b",-1,"), "is no port"),
        (CSV + b"\xff\xfe", "not UTF-8"),
        (b"\0" * 100, "line contains NUL|has no column"),
        (gzip.compress(CSV)[:-20], "gzip data is cut|gzip data is damaged"),
        (gzip.compress(CSV)[:20] + b"\xff" * 60, "gzip data is (damaged|cut)"),
        (gzip.compress(b"\0" * (65 << 20)), "unpacks to more than"),
    ],
    ids=itertools.count(),
)
def test_what_is_not_the_registry_is_refused_with_a_reason(octets: bytes, expected: str) -> None:
    with pytest.raises(SourceError, match=expected) as raised:
        parse_official(octets, source="new.bin")

    assert str(raised.value).startswith("new.bin: ")


@given(st.binary(max_size=300))
def test_odd_octets_are_refused_and_nothing_else(octets: bytes) -> None:
    for start in (b"", CSV[:400], XML[:700], b"\x1f\x8b\x08"):
        with suppress(SourceError):
            assert parse_official(start + octets).rows


@pytest.mark.parametrize("octets", [CSV, XML], ids=["csv", "xml"])
def test_every_prefix_is_read_or_refused(octets: bytes) -> None:
    whole = len(parse_official(octets).rows)
    for end in range(0, len(octets), 7):
        with suppress(SourceError):
            assert len(parse_official(octets[:end]).rows) <= whole


def about(rows: int, tcp: int, udp: int, names: int) -> About:
    return About("old", "2020-01-01", (), {"rows": rows, "tcp": tcp, "udp": udp, "names": names})


def grown(count: int, without: int | None = None) -> Table:
    rows = [
        Row(number, number, transport, f"name-{number}", "")
        for number in (22, 80, 443, *range(1000, 1000 + count - 3))
        for transport in ("tcp", "udp")
        if number != without
    ]
    return table(rows, source="new.csv", date="2026-01-01", sha256=(), imported=None)


def test_a_table_that_shrinks_a_little_is_taken() -> None:
    new = grown(95)

    assert new is checked_update(about(200, 100, 100, 100), new)


@pytest.mark.parametrize("old", [about(201, 1, 1, 1), about(1, 101, 1, 1), about(1, 1, 1, 101)])
def test_a_table_that_shrinks_by_more_than_a_twentieth_is_refused(old: About) -> None:
    with pytest.raises(SourceError, match="kept the old one"):
        checked_update(old, grown(95))


@pytest.mark.parametrize("without", [22, 80, 443])
def test_a_table_without_the_ports_that_all_know_is_refused(without: int) -> None:
    with pytest.raises(SourceError, match=f"no service on port {without}; kept the old table"):
        checked_update(about(1, 1, 1, 1), grown(95, without))


@pytest.fixture(scope="module")
def official() -> dict[str, Table]:
    return {
        form: parse_official((DATA / f"iana-service-names-port-numbers.{form}").read_bytes())
        for form in ("csv", "xml")
    }


@needs_data
def test_counts_of_the_official_files(official: dict[str, Table]) -> None:
    csv, xml = official["csv"].about, official["xml"].about

    assert {"rows": 14499, "tcp": 6586, "udp": 6345, "sctp": 93, "dccp": 11, "none": 1464} == {
        name: count for name, count in csv.counts.items() if name != "names"
    }
    assert 7327 == xml.counts["names"]
    assert (14533, 6606, 6356, 93, 11, 1467) == tuple(
        xml.counts[name] for name in ("rows", "tcp", "udp", "sctp", "dccp", "none")
    )
    assert ("at least 2026-02-13", "2026-08-17") == (csv.date, xml.date)
    assert ("361899a76482379959543892e489689a45f676feba5988f7d4d369517da5bbad",) == csv.sha256


@needs_data
def test_shapes_of_rows(official: dict[str, Table]) -> None:
    shapes = Counter(
        (
            bool(row.name),
            "none" if row.first is None else "single" if row.first == row.last else "range",
            bool(row.transport),
        )
        for row in official["xml"].rows
    )

    assert shapes == {
        (True, "single", True): 11720,
        (True, "range", True): 3,
        (True, "single", False): 11,
        (True, "range", False): 5,
        (True, "none", False): 581,
        (True, "none", True): 489,
        (False, "single", True): 853,
        (False, "range", True): 1,
        # 113 and 757 as written: six ranges run from a number to the same number.
        (False, "single", False): 119,
        (False, "range", False): 751,
    }


@needs_data
def test_dates_notes_and_codes(official: dict[str, Table]) -> None:
    def lengths(form: str, column: str) -> dict[int, int]:
        return Counter(len(getattr(row, column)) for row in official[form].rows)

    assert {0: 9808, 7: 2618, 10: 2107} == lengths("xml", "registered")
    assert {0: 13931, 7: 2, 10: 600} == lengths("xml", "modified")
    assert {0: 9804, 7: 2618, 10: 2077} == lengths("csv", "registered")
    assert {0: 13923, 7: 2, 10: 574} == lengths("csv", "modified")
    rows = official["xml"].rows
    assert 112 == sum(bool(row.unauthorized) for row in rows)
    assert 4 == sum(bool(row.code) for row in rows)
    assert 184 == sum("This entry is an alias to" in row.note for row in rows)
    assert 1015 == sum("TXT keys" in row.note for row in rows)
    assert 1023 == sum("txt keys" in row.note.lower() for row in rows)
    assert 13 == sum("unassigned but widespread use" in row.note for row in rows)
    assert 185 == sum(
        not row.name.replace("-", "").isalnum()
        or row.name.startswith("-")
        or row.name.endswith("-")
        or "--" in row.name
        or len(row.name) > 15
        or not any(letter.isalpha() for letter in row.name)
        for row in rows
        if row.name
    )


@needs_data
def test_names_and_their_ports(official: dict[str, Table]) -> None:
    rows = official["xml"].rows
    ports: dict[str, set[int]] = {}
    for row in rows:
        if row.name and row.first is not None:
            ports.setdefault(row.name, set()).add(row.first)

    assert 6341 == len(ports)
    assert 34 == sum(len(numbers) > 1 for numbers in ports.values())
    assert {591, 8008, 8080} == ports["http-alt"]
    assert 7327 == len({row.name.casefold() for row in rows if row.name})
    assert len(rows) == len(set(rows))


@needs_data
def test_states_of_the_official_table(official: dict[str, Table]) -> None:
    registry = Registry(render(official["xml"]))

    def states(transport: Transport) -> Counter[str]:
        return Counter(registry.state(number, transport).value for number in range(65536))

    keys = ("assigned", "reserved", "unassigned", "other", "silent")
    tcp, udp = states(Transport.TCP), states(Transport.UDP)
    assert (6148, 250, 42721, 16, 16401) == tuple(tcp[key] for key in keys)
    assert (5756, 635, 42723, 19, 16403) == tuple(udp[key] for key in keys)
    both = [
        (registry.state(number, Transport.TCP), registry.state(number, Transport.UDP))
        for number in range(49152)
    ]
    assert 556 == both.count((State.ASSIGNED, State.RESERVED))
    assert 171 == both.count((State.RESERVED, State.ASSIGNED))
    assert 17 == sum(tcp is State.SILENT for tcp, _ in both)
    assert 19 == sum(udp is State.SILENT for _, udp in both)
    free = (State.UNASSIGNED, State.UNASSIGNED)
    assert 15885 == both[:22004].count(free)
    assert 26836 == both[22006:].count(free)


@needs_data
def test_the_shipped_table_against_the_official_one(official: dict[str, Table]) -> None:
    shipped, whole = Registry.load(), Registry(render(official["xml"]))

    def names(registry: Registry, number: int, transport: Transport) -> set[str]:
        return {row.name for row in registry.rows(number, transport) if row.name}

    pairs = [(n, t) for n in range(65536) for t in (Transport.TCP, Transport.UDP)]
    assert [(5543, Transport.TCP)] == [p for p in pairs if names(shipped, *p) != names(whole, *p)]
    assert [(49151, Transport.TCP), (49151, Transport.UDP)] == [
        p for p in pairs if shipped.state(*p) is not whole.state(*p)
    ]


@needs_data
def test_both_official_files_may_replace_the_shipped_table(official: dict[str, Table]) -> None:
    for whole in official.values():
        assert whole is checked_update(Registry.load().about, whole)
        assert whole.rows == parse(render(whole)).rows


@needs_data
def test_the_two_forms_differ_only_by_half_a_year(official: dict[str, Table]) -> None:
    csv, xml = set(official["csv"].rows), set(official["xml"].rows)

    # 38 rows changed or went, 72 changed or came between February and August 2026.
    assert (38, 72) == (len(csv - xml), len(xml - csv))
