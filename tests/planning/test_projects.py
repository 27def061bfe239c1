"""The ports that a controller's project opens."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.planning.projects import Form, form_of, read_plan
from portbook.planning.siteplan import SitePlan
from portbook.ports import Transport

STRATEGY = """( a compiled strategy, its lines as in the vendor's own test strategy )
1 0 0 0 10000 2001 $7F000001 0 MBOARD %Learning_Center
2 5 0 1 10000 22503 $0A000009 0 MBOARD %Serial
" tcp:10.0.0.9:22531" " tcp:22004"
"""
GVL = """<?xml version="1.0"?>
<GVL>
  <Declarations><![CDATA[VAR_GLOBAL
  Port: INT := 99;
END_VAR]]></Declarations>
  <NetvarSettings Protocol="UDP">
    <ListIdentifier>1</ListIdentifier>
    <ProtocolSettings>
      <ProtocolSetting Name="Broadcast Adr." Value="255.255.255.255" />
      <ProtocolSetting Name="Port" Value="{port}" />
    </ProtocolSettings>
  </NetvarSettings>
</GVL>
"""
SETTINGS = """; a runtime's settings
[SysTarget]
NodeName=press
ListenPort=1
[CmpBlkDrvTcp]
ListenPort=11741
[CmpBlkDrvUdp]
DefaultPortIndex=2
[CmpWebServer]
WebServerPortNr=8081
WebServerSecurePortNr=0
;WebServerPortNr=9999
[CmpOPCUAServer]
NetworkPort=4841
[CmpGwCommDrvTcp]
ListenPort = 1218
"""


def told(plan: SitePlan) -> list[tuple[int, str, str, str | None, str]]:
    return [(one.line, one.host, str(one.ports), one.transport, one.role) for one in plan.entries]


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("plan.toml", "", Form.TOML),
        ("PLAN.CSV", "", Form.CSV),
        ("-", "# ours\nhost;port;use\n", Form.CSV),
        ("-", "# ours\n[[port]]\nport = 1\n", Form.TOML),
        ("list.gvl", "", Form.GVL),
        ("list.xml", GVL, Form.GVL),
        ("CODESYSControl.cfg", SETTINGS, Form.SETTINGS),
        ("charts.cdf", "", Form.STRATEGY),
        ("-", STRATEGY, Form.STRATEGY),
        ("compose.yaml", "ports: 80\n", Form.TEXT),
        ("-", "", Form.TEXT),
    ],
)
def test_a_file_is_known_by_its_name_or_its_first_lines(name: str, text: str, form: Form) -> None:
    assert form is form_of(name, text)


def test_a_strategy_opens_handles_and_reaches_units_and_serial_modules() -> None:
    plan = read_plan(STRATEGY, "a.cdf")

    assert [
        (2, "127.0.0.1", "2001", None, "connect-known-service"),
        (3, "10.0.0.9", "22503", None, "connect-known-service"),
        (4, "10.0.0.9", "22531", Transport.TCP, "connect"),
        (4, "*", "22004", Transport.TCP, "listen"),
    ] == told(plan)
    assert {"opto22"} == {one.policy for one in plan.entries}
    assert "serial module at rack position 1, port B" in plan.entries[1].use
    assert "serial module at rack position 15, port B" in plan.entries[2].use


def test_an_export_of_network_variables_names_their_port() -> None:
    (entry,) = read_plan(GVL.format(port=1203), "a.gvl").entries

    assert (10, "1203", Transport.UDP) == (entry.line, str(entry.ports), entry.transport)


def test_a_list_without_a_port_uses_the_usual_one_and_one_without_settings_none() -> None:
    bare = '<GVL>\n<NetvarSettings Protocol="UDP">\n</NetvarSettings></GVL>'

    assert [(2, "1202")] == [(e.line, str(e.ports)) for e in read_plan(bare, "a.gvl").entries]
    assert () == read_plan("<GVL><Declarations/></GVL>", "a.gvl").entries


@pytest.mark.parametrize("port", ["0", "65536", "", "-1", "1e3", "٣", "9" * 5000])
def test_a_port_of_an_export_that_is_none_is_told(port: str) -> None:
    plan = read_plan(GVL.format(port=port), "a.gvl")

    assert ((), [10]) == (plan.entries, [one.line for one in plan.troubles])


def test_a_runtime_s_settings_name_what_it_binds() -> None:
    assert [
        (6, "11741", Transport.TCP),
        (8, "1742", Transport.UDP),
        (10, "8081", Transport.TCP),
        (14, "4841", Transport.TCP),
        (16, "1218", Transport.TCP),
    ] == [(one.line, str(one.ports), one.transport) for one in read_plan(SETTINGS, "a.cfg").entries]


def test_settings_that_cannot_be_are_told() -> None:
    text = "[CmpBlkDrvUdp]\nDefaultPortIndex=4\n[CmpBlkDrvTcp]\nListenPort=70000\n"

    assert [2, 4] == [one.line for one in read_plan(text, "a.cfg").troubles]


BOMB = '<!DOCTYPE a [<!ENTITY a "&b;&b;"><!ENTITY b "&a;&a;">]>\n<GVL>&a;</GVL>'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "line 1: a document type"),
        ("<GVL>" + "<a>" * 5000, "line 1: elements nested deeper"),
        (GVL.format(port=1)[:200], "line 8: .* may be cut"),
        ("no XML", "line 1: "),
        ("<GVL>\n&a;</GVL>", "line 2: undefined entity"),
        ("<GVL>" + "<NetvarSettings/>" * 10_001 + "</GVL>", "more than 10000 lists"),
    ],
)
def test_a_hostile_export_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_plan(text, "a.gvl")


@given(st.text(max_size=200), st.sampled_from(Form))
def test_odd_text_is_read_or_refused(text: str, form: Form) -> None:
    with contextlib.suppress(UsageError):
        assert all(one.line >= 1 for one in read_plan(text, "x", form).entries)


def test_a_unit_of_a_strategy_that_cannot_be_read_is_told() -> None:
    text = STRATEGY + "3 5 0 1 10000 22500 $0A0000ZZ 0 MBOARD %Broken\n"

    plan = read_plan(text, "line.cdf")

    assert [(5, "an I/O unit that cannot be read; PORT $ADDRESS 0 MBOARD %NAME")] == [
        (one.line, one.text) for one in plan.troubles
    ]
    assert 4 == len(plan.entries)
