"""The types of the description are what the output contract writes, field by field."""

from __future__ import annotations

import json

import msgspec
import pytest

from portbook.addresses import Scope
from portbook.book import Book, Seen
from portbook.emulators import plant
from portbook.faces.exports import document, line
from portbook.faces.web.api.contract import any_sighting, sighting, told, written
from portbook.faces.web.stations_records import Gap, Run
from portbook.planning import Plan, check
from portbook.ports import PortRange, Transport
from portbook.records import (
    Announcement,
    Claim,
    ClaimKind,
    Confidence,
    Conversation,
    Device,
    Finding,
    Instance,
    Level,
    Listener,
    Oddity,
    Owner,
    Service,
    Source,
    Summary,
)

AT = plant.START_NS
CLAIM = Claim(PortRange(1, 2), Transport.TCP, "x", ClaimKind.SITE, Source("s"))
RECORDS = [
    CLAIM,
    Conversation(
        Transport.UDP, "10.0.0.1", 1, "10.0.0.2", 2, "x.pcap", 3, 4, 5, AT, AT,
        confidence=Confidence.CONFIRMED, facts={"a": [1, {"b": None}]},
    ),
    Service("10.0.0.1", 502, Transport.TCP, ("modbus",), (), 1, AT, AT, "x.pcap", vlan=7),
    Device(
        "10.0.0.1", {"vendor": "V"}, ("it said so",), AT, AT, "x.pcap",
        instances=(Instance("codesys-v3", "10.0.0.1", 1740, 0, None, AT, AT),),
    ),
    Announcement(
        "10.0.0.1", "10.0.0.255", (1740,), Transport.UDP, 60.0, 0.1, 3, 3,
        Confidence.PLAUSIBLE, AT, AT, "x.pcap", beats_ns=(AT, AT + 1),
    ),
    Listener(Transport.TCP, "::", 1, Scope.ANY, "listen", AT, owners=(Owner(1, "init"),)),
    Oddity("truncated-frame", 1, "x.pcap"),
    Finding("PB301", "n", Level.ERROR, "s", "m", "a", parameters={"port": 1}),
    Seen("service", "s", "local", None, "x", AT, AT, 1, None, {"address": "10.0.0.1"}),
    Summary(1, 2, 3, 0.5),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: type(one).__name__)
def test_a_record_as_it_is_written_is_of_its_type(record: msgspec.Struct) -> None:
    kind, fields = told(type(record)), json.loads(line(record))
    names = {one.encode_name for one in msgspec.structs.fields(kind)} | {"kind"}

    assert names == set(fields)
    assert fields == msgspec.to_builtins(msgspec.convert(fields, kind))


def test_a_plan_with_its_reasons_is_of_its_type() -> None:
    plan = document(check(Plan(lambda number, transport: [CLAIM]), 1743))
    kind = told(type(check(Plan(lambda number, transport: []), 1)), "Plan")

    assert plan["reasons"][0]["claim"]
    assert msgspec.convert(plan, kind)


@pytest.mark.parametrize("kind", ["service", "device", "announcement", "finding"])
def test_what_a_real_book_has_is_of_its_type(kind: str, filled: str) -> None:
    with Book.open(filled, readonly=True) as book:
        rows = [document(one) for one in book.found("10.20.0", 50) if one.of == kind]

    assert rows
    for one in rows:
        assert msgspec.convert(one, sighting(kind))
        assert msgspec.convert(one, any_sighting())


def test_moments_within_records_within_records_are_written_as_texts() -> None:
    found = written((Gap(0, 1_500_000_000), Run((1,), (2,), (3,))))

    assert [
        {"from": "1970-01-01T00:00:00.000000000Z", "until": "1970-01-01T00:00:01.500000000Z"},
        {"columns": [1], "lowest": [2], "highest": [3]},
    ] == found
