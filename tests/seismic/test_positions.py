"""Positions as recorders tell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.seismic.positions import Position, of_header, of_line, place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N 4807.311E01235.830+00547", Position(48.12185, 12.597167, 547.0)),
        ("S04807.311W01235.830-00047", Position(-48.12185, -12.597167, -47.0)),
        ("N 4807.311E01235.830", Position(48.12185, 12.597167)),
        ("N 0000.000E00000.000+00000", None),  # a receiver without a fix
        ("N 9100.000E00000.000+00000", None),
        ("N 4860.000E01235.830+00547", None),
        ("N 4807.311E18100.000+00547", None),
        ("", None),
        (None, None),
        ("  somewhere in the mountains ", None),
    ],
)
def test_an_event_header_tells_degrees_and_minutes(
    text: str | None, expected: Position | None
) -> None:
    assert expected == of_header(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "GPS: POSITION: N41:45:04.50 E103:23:45.46 +01234M",
            Position(41.751250, 103.395961, 1234),
        ),
        ("GPS: POSITION: S41:45:04.50 W103:23:45.46", Position(-41.751250, -103.395961)),
        ("GPS: POSITION: N41:75:04.50 W103:23:45.46", None),
        ("GPS: POSITION: UNKNOWN", None),
        ("INTERNAL CLOCK PHASE ERROR OF 4 USECONDS", None),
    ],
)
def test_a_line_of_state_of_health_tells_seconds_too(text: str, expected: Position | None) -> None:
    assert expected == of_line(text)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_only_zero_and_what_is_off_the_globe_is_no_place(latitude: float, longitude: float) -> None:
    found = place(latitude, longitude)

    assert (found is None) == (not latitude and not longitude)
    assert place(latitude + 181, longitude) is None
    assert place(latitude, longitude - 361) is None


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_none(text: str) -> None:
    for found in (of_header(text), of_line(text), of_line("GPS: POSITION: " + text)):
        assert found is None or (-90 <= found.latitude <= 90 and -180 <= found.longitude <= 180)
