"""What a plan tells of stretches of ports, and which of them are free."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.stretches import (
    Mark,
    StripPlan,
    StripWords,
    free_stretches,
    listed,
    merged,
    together,
)
from portbook.ports import HIGHEST, PortRange

WORDS = StripWords(
    title="Ports",
    description="All ports",
    bands=("System", "User", "Dynamic"),
    allowed="allowed",
    claimed="claimed",
    reserved="reserved",
    seen="heard",
    listening="listening",
    ephemeral="handed out",
    free="free",
)
ranges = st.tuples(st.integers(0, HIGHEST), st.integers(0, HIGHEST)).map(
    lambda ends: PortRange(min(ends), max(ends))
)


def test_what_nothing_speaks_against_is_free() -> None:
    plan = StripPlan(
        allowed=(PortRange(22004, 22005), PortRange(49152, HIGHEST)),
        claimed=(PortRange(50000, 50999),),
        listening=(Mark(PortRange(65535, 65535), "sshd"),),
        ephemeral=PortRange(32768, 60999),
    )

    assert (PortRange(22004, 22005), PortRange(61000, 65534)) == free_stretches(plan)
    assert (PortRange(61000, 65534),) == free_stretches(plan, least=8)


def test_without_a_policy_the_system_band_is_not_free() -> None:
    assert (PortRange(1024, HIGHEST),) == free_stretches(StripPlan())


def test_a_policy_that_allows_nothing_leaves_nothing_free() -> None:
    assert () == free_stretches(StripPlan(allowed=()))


@given(st.lists(ranges, max_size=8), st.lists(ranges, max_size=8))
def test_free_is_allowed_and_not_claimed(
    allowed: list[PortRange], claimed: list[PortRange]
) -> None:
    found = free_stretches(StripPlan(allowed=tuple(allowed), claimed=tuple(claimed)))
    wanted = {port for one in allowed for port in range(one.first, one.last + 1)}
    wanted -= {port for one in claimed for port in range(one.first, one.last + 1)}

    assert wanted == {port for one in found for port in range(one.first, one.last + 1)}


def test_ranges_that_touch_are_one() -> None:
    given_ones = [PortRange(7, 9), PortRange(3, 6), PortRange(HIGHEST, HIGHEST)]

    assert [PortRange(3, 9), PortRange(HIGHEST, HIGHEST)] == list(merged(given_ones))


def test_marks_of_one_row_are_told_together() -> None:
    one = Mark(PortRange(1740, 1743), "CODESYS", "/1740")
    two = Mark(PortRange(2001, 2001), "OptoMMP", "/2001")

    assert one == together([one])
    assert Mark(PortRange(1740, 1743), "· 2001 ") == together([one, two])


def test_the_list_tells_the_same_as_the_strip() -> None:
    plan = StripPlan(
        allowed=(PortRange(61000, HIGHEST),),
        reserved=(Mark(PortRange(1740, 1743), "CODESYS", "/1740"),),
        seen=(Mark(PortRange(502, 502), "modbus"),),
        listening=(Mark(PortRange(22, 22), "sshd"),),
        ephemeral=PortRange(32768, 60999),
    )

    assert [
        ("0-1023", "System", ""),
        ("22", "listening", "sshd"),
        ("502", "heard", "modbus"),
        ("1024-49151", "User", ""),
        ("1740-1743", "reserved", "CODESYS"),
        ("32768-60999", "handed out", ""),
        ("49152-65535", "Dynamic", ""),
        ("61000-65535", "allowed", ""),
        ("61000-65535", "free", ""),
    ] == [(str(one.ports), one.what, one.text) for one in listed(plan, WORDS)]
