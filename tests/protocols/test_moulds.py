"""Moulds against recognisers: what fits a mould is confirmed, by that protocol and no other."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.moulded import Talk, talks

from portbook.errors import UsageError
from portbook.evidence.judging import Judge, judge
from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify, protocols
from portbook.protocols.moulds import Ber, Mould, Octets, Rest, Speech, program
from portbook.records import Confidence

MOULDS = [
    pytest.param(one.name, number, id=f"{one.name}-{number}")
    for one in protocols().values()
    for number in range(len(one.moulds))
]
QUIET = settings(
    deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


class Judges(dict[Mould, Judge]):
    """A judge for each mould."""

    def __repr__(self) -> str:
        return "judges"  # a report with all moulds in it would tell nothing else


@pytest.fixture(scope="module")
def judges() -> Judges:
    """Return a judge for each mould."""
    found = {mould: judge([mould]) for one in protocols().values() for mould in one.moulds}
    if None in found.values():
        pytest.skip("the compiled modules are not built: moulds are not used")
    return Judges((mould, one) for mould, one in found.items() if one)


@pytest.mark.parametrize(("name", "number"), MOULDS)
@QUIET
@given(st.data())
def test_what_fits_a_mould_is_confirmed_under_its_name(
    judges: Judges, name: str, number: int, data: st.DataObject
) -> None:
    mould = protocols()[name].moulds[number]
    talk = data.draw(talks(mould))
    assume(talk is not None)
    assert talk is not None
    assert fits(judges[mould], mould, *sides(mould, talk))  # else the test below proves nothing
    confirmed(name, *sides(mould, talk), mould)


@pytest.mark.parametrize(("name", "number"), MOULDS)
@QUIET
@given(st.data())
def test_what_still_fits_when_it_is_damaged_or_cut_is_confirmed_as_well(
    judges: Judges, name: str, number: int, data: st.DataObject
) -> None:
    mould = protocols()[name].moulds[number]
    talk = data.draw(talks(mould))
    assume(talk is not None)
    assert talk is not None
    asked, told = sides(mould, damaged(data, talk))
    if data.draw(st.booleans()):
        asked = cut(asked, data.draw(st.integers(0, len(asked.octets))))
    if data.draw(st.booleans()):
        told = cut(told, data.draw(st.integers(0, len(told.octets))))
    if fits(judges[mould], mould, asked, told):
        confirmed(name, asked, told, mould)


def test_a_mould_that_compiled_code_cannot_take_is_refused() -> None:
    deep: tuple[Ber, ...] = (Ber(2),)
    for _ in range(9):
        deep = (Ber(0x30, deep),)
    for steps in (deep, (Octets(bytes(9)),), (Octets(b"ab", b"\xff"),)):
        with pytest.raises(UsageError):
            program(steps)


def test_a_mould_looks_at_no_octet_that_was_not_kept() -> None:
    one = judge([Mould(Transport.TCP, *[Speech(((Octets(b"ab"), Rest()),))] * 2)])
    if one is None:
        pytest.skip("the compiled modules are not built: moulds are not used")
    assert not one.fits(0, True, [(b"", 4)], [(b"", 4)])
    assert not one.fits(0, True, [(b"a", 1)], [(b"a", 1)])


def test_a_stream_of_more_messages_than_a_recogniser_judges_fits_no_mould() -> None:
    mould = protocols()["optommp"].moulds[0]
    one = judge([mould])
    if one is None:
        pytest.skip("the compiled modules are not built: moulds are not used")
    ask, tell = bytes.fromhex("000000400000fffff0800180"), bytes.fromhex("00000060") + bytes(12)
    for count, known in ((512, Confidence.CONFIRMED), (513, Confidence.PLAUSIBLE)):
        asked, told = Side.of(*[ask] * count), Side.of(*[tell] * count)
        found = identify(Payload(Transport.TCP, asked, told))

        assert found is not None
        assert known == found.confidence
        assert (known is Confidence.CONFIRMED) == fits(one, mould, asked, told)


def sides(mould: Mould, talk: Talk) -> tuple[Side, Side]:
    return Side.of(*talk.asked), Side.of(*talk.told)


def damaged(data: st.DataObject, talk: Talk) -> Talk:
    """Change an octet or none, and perhaps leave a message out or say it twice."""
    both = [list(talk.asked), list(talk.told)]
    for _ in range(data.draw(st.integers(0, 2))):
        said = both[data.draw(st.integers(0, 1))]
        which = data.draw(st.integers(0, len(said) - 1))
        octets = bytearray(said[which])
        if octets:
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        said[which] = bytes(octets)
    if data.draw(st.booleans()):
        said = both[data.draw(st.integers(0, 1))]
        said.insert(0, said[data.draw(st.integers(0, len(said) - 1))])
    return Talk(*both)


def cut(side: Side, kept: int) -> Side:
    """Return a side of which only the first octets were kept."""
    pieces, left = [], kept
    for length, _ in side.pieces:
        pieces.append((length, min(left, length)))
        left -= pieces[-1][1]
    return Side(side.octets[:kept], tuple(pieces), side.total, side.started)


def fits(one: Judge, mould: Mould, asked: Side, told: Side) -> bool:
    if mould.transport is Transport.TCP:
        pieces = [[(side.octets, side.total)] for side in (asked, told)]
        return one.fits(0, True, *pieces)
    pieces = [[(piece.octets, piece.length) for piece in side] for side in (asked, told)]
    return one.fits(0, False, *pieces)


def confirmed(name: str, asked: Side, told: Side, mould: Mould) -> None:
    payload = Payload(mould.transport, asked, told)
    for roles_known in (True, False):
        found = identify(payload, roles_known=roles_known)
        assert found is not None, (asked.octets.hex(), told.octets.hex())
        assert (name, Confidence.CONFIRMED, False) == (
            found.protocol,
            found.confidence,
            found.swapped,
        ), (found.because, found.against, asked.octets.hex(), told.octets.hex())
