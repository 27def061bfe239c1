"""How wide columns are: nothing passes the room, what tells most is cut last."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from portbook.faces.tui.columns import Column
from portbook.faces.tui.layout import BETWEEN, widths


def column(name: str = "x", **more: object) -> Column:
    return Column(name, str, **more)  # type: ignore[arg-type]


COLUMNS = (
    column("address", whole=True, least=8),
    column("name", least=6),
    column("serial", spare=True, least=6),
    column("what", wide=True, least=10),
)


def test_where_there_is_room_all_stand_as_wide_as_they_are() -> None:
    assert [15, 12, 9, 40] == widths(COLUMNS, [15, 12, 9, 40], 100)


def test_a_spare_column_goes_before_another_is_cut() -> None:
    assert [15, 12, 0, 40] == widths(COLUMNS, [15, 12, 9, 40], 72)


def test_addresses_are_cut_last() -> None:
    assert [15, 8, 0, 10] == widths(COLUMNS, [15, 12, 9, 40], 37)


def test_what_has_no_room_at_all_is_left_out_from_the_right() -> None:
    assert [9, 6, 0, 0] == widths(COLUMNS, [15, 12, 9, 40], 17)
    assert [3, 0, 0, 0] == widths(COLUMNS, [15, 12, 9, 40], 3)


ANY = st.builds(
    column,
    st.text("abc", max_size=20),
    whole=st.booleans(),
    spare=st.booleans(),
    wide=st.booleans(),
    least=st.integers(1, 40),
)


@given(st.lists(st.tuples(ANY, st.integers(1, 400)), min_size=1, max_size=12), st.integers(1, 300))
def test_columns_never_pass_the_room(given: list[tuple[Column, int]], room: int) -> None:
    columns, natural = zip(*given, strict=True)
    assume(not all(one.spare for one in columns))
    found = widths(columns, natural, room)
    shown = [one for one in found if one]

    assert shown
    assert sum(shown) + BETWEEN * (len(shown) - 1) <= room
    assert all(cells <= wanted for cells, wanted in zip(found, natural, strict=True))
