"""Whether a use names a service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.planning.names import names_it


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("Modbus", "Modbus/TCP"),
        ("modbus to the boiler", "modbus"),
        ("PAC Control host", "PAC Control host port"),
        ("OptoMMP", "OptoMMP or OptoControl host port"),
        ("Opto MMP", "optommp"),
        ("EtherNet/IP", "EtherNet/IP messages"),
        ("codesys gateway", "CODESYS V3"),
        ("FTP", "FTP"),
        ("S7comm", "s7comm"),
    ],
)
def test_a_use_names_its_service(use: str, name: str) -> None:
    assert names_it(use, (name,))


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("chart", "ports for users' chart logic"),
        ("", "Modbus"),
        ("port", "PAC Control host port"),
        ("web server", "Modbus/TCP server"),
        ("historian", "nobody"),
        ("system", "system and registered ports"),
        ("x", "x"),
        ("Modbus", ""),
    ],
)
def test_common_words_name_nothing(use: str, name: str) -> None:
    assert not names_it(use, (name,))


@given(st.text(max_size=40), st.text(max_size=40))
def test_odd_texts_give_an_answer(use: str, name: str) -> None:
    assert names_it(use, (name,)) in (True, False)
