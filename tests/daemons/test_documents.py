"""Records as daemons write them are those of the output contract."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.voices.documents import document, line, rfc3339
from portbook.faces import exports
from portbook.records import Level
from portbook.seismic.alarms import Alarm
from portbook.seismic.instruments import Instrument, StreamState, Verdict

STREAM = StreamState(1, 2, 3, None, 5.0, ended=False, missing=0, late=True)


@pytest.mark.parametrize(
    "record",
    [
        Alarm("k", "disk", Level.ERROR, "m", 10**18, cleared_ns=10**18 + 1),
        Instrument("AE4C", Verdict.UP, "up", arrived_ns=10**18, addresses=("a", "b")),
    ],
)
def test_they_are_written_as_the_command_line_writes_them(record: Alarm | Instrument) -> None:
    assert json.loads(b"".join(exports.lines([record]))) == json.loads(line(record))


def test_times_inside_of_records_are_told_as_times_too() -> None:
    told = document(Instrument("AE4C", Verdict.STOPPED, "s", streams=(STREAM,)))

    assert ("instrument", "data stopped") == (told["kind"], told["verdict"])
    assert "1970-01-01T00:00:00.000000003Z" == told["streams"][0]["arrived"]
    assert told["streams"][0]["data"] is None
    assert "data_ns" not in told


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_time_can_be_told(time_ns: int) -> None:
    assert exports.rfc3339(time_ns) == rfc3339(time_ns)
