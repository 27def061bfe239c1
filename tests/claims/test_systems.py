"""What operating systems lend by default."""

from __future__ import annotations

import pytest

from portbook.claims.loading import systems
from portbook.claims.policies import LINUX_EPHEMERAL
from portbook.claims.systems import parse_systems
from portbook.errors import UsageError


def test_the_three_systems_are_known_each_with_its_source() -> None:
    told = {one.name: one for one in systems()}

    assert LINUX_EPHEMERAL == told["linux"].ephemeral
    assert "49152-65535" == str(told["windows"].ephemeral) == str(told["macos"].ephemeral)
    assert all(one.source.title and one.source.where for one in systems())


@pytest.mark.parametrize(
    "row",
    [
        "system: x | X | 1-2 | | y",
        "system: x | X | 1-2",
        "linux: x | X | 1-2 | s | y",
        "system: x | X | 9-2 | s | y",
    ],
)
def test_a_row_without_source_or_sense_is_refused(row: str) -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse_systems(f"# table\n{row}\n", "systems.txt")
