"""What holds for every protocol: sources, examples, the prefilter, hostile octets, no mix-ups.

Each `test_NAME.py` beside this file lists its EXAMPLES; they are run here against all recognisers.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import Example, mutations

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Protocol, Side, identify, protocols
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence


def _all_examples() -> list[Example]:
    found: list[Example] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("test_") and module.name != "test_every_protocol":
            found += getattr(importlib.import_module(f"protocols.{module.name}"), "EXAMPLES", ())
    return found


EXAMPLES = _all_examples()
everything = pytest.mark.parametrize("protocol", protocols().values(), ids=lambda one: one.name)
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.title)


@everything
def test_it_has_sources_and_an_example_in_both_senses(protocol: Protocol) -> None:
    assert protocol.sources
    assert all(source.title for source in protocol.sources)
    assert all(usual.source < len(protocol.sources) for usual in protocol.usual)
    assert any(one.protocol == protocol.name for one in EXAMPLES), "no example of it"


@each_example
def test_an_example_gets_its_name(example: Example) -> None:
    told = identify(example.payload)

    if example.protocol is None:
        assert told is None
        return
    assert told is not None
    assert (example.protocol, example.confidence) == (told.protocol, told.confidence)
    assert told.because
    for part in ("facts", "client", "server"):
        wanted, got = getattr(example, part), getattr(told, part)
        assert dict(wanted) == {key: got.get(key) for key in wanted}


@each_example
def test_no_other_protocol_takes_it(example: Example) -> None:
    takers = set()
    for protocol in protocols().values():
        for payload in (example.payload, example.payload.swapped()):
            told = protocol.recognise(payload)
            if told and told.protocol not in (example.protocol, *example.also):
                takers.add((told.protocol, told.confidence.value))
    assert set() == takers


@each_example
def test_the_prefilter_lets_it_through(example: Example) -> None:
    names = {protocol.name for protocol in prefilter().candidates(example.payload)}
    assert example.protocol is None or example.protocol in names


@each_example
def test_hostile_octets_raise_nothing(example: Example) -> None:
    payload = example.payload
    for side in ("to_server", "to_client"):
        octets = getattr(payload, side).octets
        for changed in mutations(octets[:1500]):
            identify(_with(payload, side, Side.of(changed)))
            cut = Side(changed, ((len(octets), len(changed)),), len(octets))
            identify(_with(payload, side, cut))


def _with(payload: Payload, side: str, value: Side) -> Payload:
    sides = {"to_server": payload.to_server, "to_client": payload.to_client, side: value}
    return Payload(payload.transport, cast=payload.cast, group=payload.group, **sides)


some_octets = st.binary(max_size=200)


@given(
    st.sampled_from(list(Transport)),
    st.lists(some_octets, max_size=3),
    st.lists(some_octets, max_size=3),
    st.sampled_from(list(Cast)),
)
def test_random_octets_raise_nothing(
    transport: Transport, to_server: list[bytes], to_client: list[bytes], cast: Cast
) -> None:
    payload = Payload.of(transport, to_server, to_client, cast)
    for protocol in protocols().values():
        told = protocol.recognise(payload)
        assert told is None or isinstance(told.confidence, Confidence)
