"""The map of units to codes: what it holds is found, what cannot be is said."""

from __future__ import annotations

import pytest

from portbook.errors import UsageError
from portbook.seismic import stations
from portbook.seismic.miniseed import Name

GOOD = """
[unit.ae4c]
network = "XX"
station = "FUR"
location = "00"
stream.1 = ["HHZ", "HHN", "HHE"]
stream.9 = ["LKI"]
"""


def test_channels_are_found_by_the_numbers_of_packets() -> None:
    found = stations.read(GOOD, "map.toml")

    assert Name("XX", "FUR", "00", "HHN") == found.name("AE4C", 0, 1)
    assert Name("XX", "FUR", "00", "LKI") == found.name("AE4C", 8, 0)
    assert found.name("AE4C", 1, 0) is None
    assert found.name("AE4D", 0, 0) is None
    assert 4 == len(found)


def test_the_receivers_settings_are_a_map_as_well() -> None:
    more = '[unit.9EEF]\naddresses = ["10.1.0.0/16"]\nsilence_s = 60\n[listen]\nfield = "x"\n'
    found = stations.read(
        f'folder = "/srv"\n{GOOD}addresses = []\nrate.1 = 200\n{more}', "rtpd.toml"
    )

    assert 4 == len(found)
    assert found.name("9EEF", 0, 0) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + '[unti.9EEF]\nnetwork = "XX"', "nothing but the receiver's settings"),
        (GOOD + "[unit.9EEF]", "name its channels"),
        ("[unit.AE4C", "map.toml: "),
        ("", r"tables \[unit.XXXX\]"),
        ("[unit]", r"tables \[unit.XXXX\]"),
        ("[station.AE4C]", r"tables \[unit.XXXX\]"),
        (GOOD.replace("ae4c", "AE4"), "four hex digits"),
        (GOOD.replace("location", "place"), "place is not known"),
        (GOOD.replace("stream.1", "stream.0"), "they count from 1"),
        (GOOD.replace('["LKI"]', '"LKI"'), "is a list"),
        (GOOD.replace('"LKI"', '"TOOLONG"'), "TOOLONG.*does not fit"),
        (GOOD.replace('"LKI"', "7"), "texts"),
        (GOOD.replace('"XX"', '""'), "say something"),
        (GOOD.replace('"FUR"', '"A/B"'), "A/B.*does not fit"),
        (GOOD.replace("LKI", "HHZ"), "XX.FUR.00.HHZ stands for two channels"),
        ('[unit.AE4C]\nnetwork="X"\nstation="Y"', "name its channels"),
        ("unit.AE4C = 1", "write network, station"),
    ],
)
def test_what_cannot_be_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stations.read(text, "map.toml")
