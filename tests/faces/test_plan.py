"""`portbook plan` as a user meets it: plans, the book, SARIF, firewall rules, hostile files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.program import Ended, portbook
from support.sarif import check

from portbook.book import Book
from portbook.emulators import plant
from portbook.faces.sarif import uri
from portbook.ports import Transport
from portbook.records import Service

PLAN = """host,port,transport,use
10.0.0.5,22004,tcp,chart
10.0.0.5,22001,tcp,chart
10.0.0.9,502,tcp,Modbus
10.0.0.9,61000,tcp,historian
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "site.csv"
    path.write_text(PLAN)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "plant.book"
    services = [
        Service("10.0.0.9", port, Transport.TCP, ("modbus",), (), 3, 1, 2, "plant.pcap")
        for port in (502, 61000, 22004)
    ]
    with Book.open(path) as opened:
        opened.record("local", "plant.pcap", 3, services=services)
    return path


def lint(home: Path, *words: object, **more: object) -> Ended:
    return portbook(home, "plan", "lint", *words, **more)  # type: ignore[arg-type]


def test_a_plan_is_told_as_compilers_tell(tmp_path: Path, plan: Path) -> None:
    run = lint(tmp_path, plan)

    assert 1 == run.code
    assert f"{plan}:3: error NO_OPTO_FIRMWARE: 10.0.0.5 22001/tcp (chart)" in run.out
    assert "free instead: 22005 [policy opto22, 22001; Opto 22, TCP and UDP Port" in run.out
    assert "4 entries: 1 error, 1 warning, " in run.out
    assert ": note " not in run.out
    assert ": note RIGHTFUL: 10.0.0.9 502/tcp" in lint(tmp_path, plan, "--all").out


def test_each_row_has_its_answer_and_each_objection_its_own_record(
    tmp_path: Path, plan: Path
) -> None:
    records = lint(tmp_path, plan, "--jsonl").lines()
    rows = [one for one in records if one["kind"] == "mention"]
    (error,) = (one for one in records if one.get("level") == "error")

    assert [(2, True), (3, False), (4, True), (5, True)] == [
        (one["line"], one["allowed"]) for one in rows
    ]
    assert ("NO_OPTO_FIRMWARE", "10.0.0.5") == (rows[1]["code"], rows[1]["host"])
    assert ("objection", 3, 22005, "policy opto22, 22001") == (
        error["kind"],
        error["line"],
        error["alternative"],
        error["rule"],
    )


def test_the_level_that_fails_can_be_chosen(tmp_path: Path, plan: Path) -> None:
    assert 0 == lint(tmp_path, plan, "--fail-on", "never").code
    plan.write_text(PLAN.replace("22001", "22005").replace("61000", "8085"))
    assert 0 == lint(tmp_path, plan).code
    assert 1 == lint(tmp_path, plan, "--fail-on", "note").code


def test_sarif_is_written_as_the_specification_has_it(tmp_path: Path, plan: Path) -> None:
    run = lint(tmp_path, "site.csv", "--sarif")
    log = check(json.loads(run.out))

    assert 1 == run.code
    (error,) = (one for one in log["results"] if one["level"] == "error")
    place = error["locations"][0]["physicalLocation"]
    assert ("NO_OPTO_FIRMWARE", "site.csv", 3) == (
        error["ruleId"],
        place["artifactLocation"]["uri"],
        place["region"]["startLine"],
    )
    assert 22005 == error["properties"]["alternative"]
    assert 2 == lint(tmp_path, plan, "--sarif", "--json").code


def test_an_audit_is_written_as_the_specification_has_it(tmp_path: Path) -> None:
    capture = tmp_path / "plant.pcap"
    plant.write(capture)
    run = portbook(tmp_path, "audit", capture, "--sarif")
    findings = portbook(tmp_path, "audit", capture, "--jsonl").lines("finding")
    results = check(json.loads(run.out))["results"]

    assert [one["code"] for one in findings] == [one["ruleId"] for one in results]
    assert 1 == run.code
    assert {uri(str(capture))} == {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results
    }
    assert 2 == portbook(tmp_path, "audit", capture, "--sarif", "--jsonl").code


def test_the_book_is_counted_where_there_is_one(tmp_path: Path, plan: Path, book: Path) -> None:
    assert "SEEN" not in lint(tmp_path, plan, "--all").out
    told = lint(tmp_path, plan, "--book", book).out
    assert f"{plan}:5: warning SEEN: 10.0.0.9 61000/tcp (historian)" in told
    assert "UNPLANNED: 10.0.0.9 22004" in lint(tmp_path, plan, "--book", book, "--all").out
    assert 4 == lint(tmp_path, plan, "--book", tmp_path / "nowhere").code


def test_check_and_next_count_what_the_book_has_seen(tmp_path: Path, book: Path) -> None:
    words = ("--policy", "opto22", "--not-here")
    first = ("plan", "next", "--transport", "tcp", "--count", 1, *words, "--jsonl")

    assert [22004] == [one["port"] for one in portbook(tmp_path, *first).lines()]
    assert [22005] == [one["port"] for one in portbook(tmp_path, *first, "--book", book).lines()]
    check_it = ("plan", "check", "61000/tcp", *words, "--book", book)
    assert "SEEN: 10.0.0.9 answers there, tcp: modbus" in portbook(tmp_path, *check_it).out
    assert "SEEN" not in portbook(tmp_path, *check_it, "--no-book").out


def test_a_use_chooses_its_policy(tmp_path: Path) -> None:
    words = ("plan", "next", "--for", "chart", "--not-here", "--count", 2, "--jsonl")

    assert ["opto22", "opto22"] == [one["policy"] for one in portbook(tmp_path, *words).lines()]
    assert 1 == portbook(tmp_path, "plan", "check", "22001", "--for", "chart", "--not-here").code
    unknown = portbook(tmp_path, "plan", "next", "--for", "tea")
    assert (2, True) == (unknown.code, "known: chart" in unknown.err)


def test_a_site_s_policy_may_be_toml(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(
        'policy = "plant"\notherwise = "no"\n[[row]]\nports = "5000-5009"\nallowed = "yes"\n'
    )
    words = ("--policy", "plant.toml", "--not-here")

    assert 0 == portbook(tmp_path, "plan", "check", "5003", *words).code
    assert 1 == portbook(tmp_path, "plan", "check", "5010", *words).code
    (tmp_path / "site.csv").write_text("host,port\na,5010\n")
    told = lint(tmp_path, "site.csv", "--policy", "plant.toml").out
    assert "error NO_OTHERWISE" in told
    assert "free instead: 500" in told


def test_this_machine_s_own_rows_are_judged_when_asked(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text("host,port\nlocalhost,61500\n")

    assert 0 == lint(tmp_path, "site.csv", "--here").code


HOSTILE = [
    (b"host,port\na,\xff\n", "line 2: not UTF-8 text at octet 12", 2),
    ("host,port\n".encode("utf-16"), "line 1: not UTF-8", 2),
    (b"\0" * ((16 << 20) + 1), "larger than 16 MiB", 2),
    (b"[[port]]\nport = " + b"[" * 9000, "nested too deep", 2),
    (b"[[port]]\nport =\n", "line 2", 2),
]


@pytest.mark.parametrize(("octets", "why", "code"), HOSTILE)
def test_a_hostile_file_is_named_with_its_line(
    tmp_path: Path, octets: bytes, why: str, code: int
) -> None:
    (tmp_path / "site.toml").write_bytes(octets)
    for words in (("plan", "lint"), ("plan", "firewall")):
        run = portbook(tmp_path, *words, "site.toml")

        assert code == run.code
        assert "site.toml" in run.err
        assert why in run.err
        assert 1 == run.err.count("\n")


def test_a_file_that_is_not_there_is_no_source(tmp_path: Path) -> None:
    assert 4 == lint(tmp_path, "nowhere.csv").code
    assert 4 == lint(tmp_path, ".").code


@pytest.mark.skipif(os.name != "posix", reason="names of files are texts there")
def test_a_name_that_is_no_text_is_shown(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.csv"
    Path(os.fsdecode(name)).write_text(PLAN)

    assert "\ufffd.csv" in lint(tmp_path, os.fsdecode(name), "--json").out


def test_what_a_plan_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text(
        "host,port,transport,use\n\x1b[2Ja,22001,tcp,chart\x1b[31m\n"
    )
    run = lint(tmp_path, "site.csv", "--all")

    assert "\x1b" not in run.out + run.err
    assert (
        "\x1b"
        not in portbook(tmp_path, "plan", "firewall", "site.csv", "--subnet", "10.0.0.0/24").out
    )


def test_firewall_rules_come_from_options_or_the_plan(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(
        'subnets = ["10.0.1.0/24"]\nstations = ["10.0.2.20"]\n'
        '[[port]]\nhost = "10.0.1.5"\nport = 8502\ntransport = "tcp"\nuse = "Modbus"\n'
    )
    by_plan = portbook(tmp_path, "plan", "firewall", "site.toml")
    by_options = portbook(
        tmp_path, "plan", "firewall", "--subnet", "10.0.1.0/24", "--station", "10.0.2.20"
    )

    assert [0, 0] == [by_plan.code, by_options.code]
    assert "tcp dport { 502, 8502 } counter drop" in by_plan.out
    assert "tcp dport { 502 } counter drop" in by_options.out
    assert by_plan.out == portbook(tmp_path, "plan", "firewall", "site.toml").out


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("iptables", "*filter"),
        ("ip6tables", "*filter"),
        ("windows", "#Requires"),
        ("nftables", "table"),
    ],
)
def test_every_form_is_written(tmp_path: Path, form: str, first: str) -> None:
    run = portbook(tmp_path, "plan", "firewall", "--subnet", "10.0.1.0/24", "--form", form)

    assert 0 == run.code
    assert any(line.startswith(first) for line in run.out.splitlines())
    words = ("plan", "firewall", "--subnet", "10.0.1.0/24", "--form", form, "--jsonl")
    (record,) = portbook(tmp_path, *words).lines()
    assert ("firewall", form) == (record["kind"], record["form"])
    assert "modbus" in record["protocols"]


def test_firewall_rules_need_a_place_and_refuse_two(tmp_path: Path) -> None:
    nowhere = portbook(tmp_path, "plan", "firewall")
    both = portbook(tmp_path, "plan", "firewall", "--subnet", "10.0.1.0/24", "--interface", "eth0")

    assert (2, True) == (nowhere.code, "where are the controllers" in nowhere.err)
    assert 2 == both.code


def test_a_row_that_cannot_be_read_is_told_beside_the_rules(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text("host,port\na,99999\n")
    run = portbook(tmp_path, "plan", "firewall", "site.csv", "--subnet", "10.0.1.0/24")

    assert (3, True) == (run.code, "site.csv, line 2: port must be" in run.err)
    assert "table inet portbook" in run.out
