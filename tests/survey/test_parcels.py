"""Conversations come out of a parcel as they went in."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.captured import demo
from support.knowing import knowledge

from portbook.evidence.captures import Capture
from portbook.ports import Transport
from portbook.records import NOTHING, Confidence, Conversation, Identification
from portbook.survey import parcels
from portbook.survey.looking import look_at
from portbook.survey.naming import Named
from portbook.survey.parcels import Packer, Unpacker

RECORD = Conversation(
    Transport.TCP, "10.0.0.1", 50000, "10.0.0.2", 502, "own.pcap", 3, 300, 30, 1 << 60, 1 << 61
)
TOLD = Identification("modbus", Confidence.CONFIRMED, ("lengths agree",))

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(), inner, max_size=3),
    ),
    max_leaves=8,
)
facts = st.dictionaries(st.text(max_size=5), values, max_size=4)
texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)


def named(**more: Any) -> Named:
    """Return a conversation that modbus was seen in, its record told alike."""
    told = msgspec.structs.replace(TOLD, **more)
    agreeing = {name: getattr(told, name) for name in ("protocol", "confidence", "because")}
    record = msgspec.structs.replace(RECORD, against=told.against, facts=told.facts, **agreeing)
    return Named(record, (1, 2, 3), told, 256, 24)


def sent(seen: list[Named]) -> list[Named]:
    return list(Unpacker().unpack(Packer().pack(seen)))


def kinds(value: Any) -> Any:
    """Return the kinds of a value and of all within it."""
    if isinstance(value, dict):
        return {name: kinds(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value), [kinds(one) for one in value]
    return type(value)


def test_all_of_a_capture_comes_out_as_it_went_in(tmp_path: Path) -> None:
    (tmp_path / "own.pcap").write_bytes(demo())
    capture = Capture("own.pcap", str(tmp_path / "own.pcap"))
    seen = look_at(capture, knowledge().claims).named

    assert any(one.identification and one.identification.server for one in seen)
    assert seen == sent(seen)


@given(facts)
def test_facts_keep_their_kinds(told: dict[str, Any]) -> None:
    (one,) = sent([named(facts=told)])

    assert told == one.conversation.facts
    assert kinds(told) == kinds(dict(one.conversation.facts))
    assert one.identification is not None
    assert kinds(told) == kinds(dict(one.identification.facts))


@given(texts, texts, st.booleans(), st.lists(texts.map(dict), max_size=2).map(tuple))
def test_what_hosts_tell_of_themselves_goes_along(
    client: dict[str, str],
    server: dict[str, str],
    swapped: bool,
    others: tuple[dict[str, str], ...],
) -> None:
    seen = [named(client=client, server=server, swapped=swapped, others=others, ties=("a", "b"))]

    assert seen == sent(seen)


def test_a_record_may_tell_something_else_than_its_identification() -> None:
    one = named(facts={"unit": (1, 2)})
    other = msgspec.structs.replace(one.conversation, protocol="dns", facts={"name": "x"})
    seen = [one._replace(conversation=other), one._replace(identification=None)]

    assert seen == sent(seen)


def test_what_many_have_alike_is_kept_once() -> None:
    one, two = sent([named(because=("a", "b")), named(because=("a", "b"))])

    assert one.conversation.because is two.conversation.because
    assert one.conversation.client is two.conversation.client
    assert one.conversation.facts is NOTHING


def test_several_parcels_share_what_is_alike() -> None:
    packer, unpacker = Packer(), Unpacker()
    first, second = packer.pack([named()] * 5), packer.pack([named()] * 5)

    assert len(second) < len(first)
    assert [named()] * 10 == [*unpacker.unpack(first), *unpacker.unpack(second)]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons with numbers in them may all be different."""
    monkeypatch.setattr(parcels, "MOST_ALIKE", 10)
    seen = [named(because=(f"length {number}",)) for number in range(100)]
    packer, unpacker = Packer(), Unpacker()
    left = iter(seen)
    out: list[Named] = []
    while some := list(islice(left, 7)):
        out += unpacker.unpack(packer.pack(some))
        assert len(unpacker._known) < 10 + 7

    assert seen == out


def test_a_fact_that_cannot_be_written_is_said() -> None:
    with pytest.raises(TypeError, match="a fact cannot be a set"):
        sent([named(facts={"odd": {1, 2}})])


@given(st.binary(max_size=200))
def test_octets_that_no_packer_wrote_raise_what_is_documented(octets: bytes) -> None:
    with suppress(ValueError, IndexError):
        list(Unpacker().unpack(octets))
