"""What speaks, or who listens, is not what is claimed."""

from __future__ import annotations

import socket

import msgspec
import pytest
from findings.cases import (
    NOW,
    PROTOCOLS,
    TCP,
    UDP,
    claims_at,
    findings,
    listener,
    service,
    told,
)

from portbook.addresses import scope_of
from portbook.findings import Case, judge
from portbook.findings.parties import names_of
from portbook.ports import PortRange, Transport
from portbook.records import Claim, ClaimKind, Confidence, Listener, Owner, Source


def test_http_on_502_is_not_what_is_claimed() -> None:
    (found,) = findings("PB101", services=[service("10.0.0.9", 502, "http")])

    assert ("warning", "tcp 10.0.0.9:502") == (found.level.value, found.subject)
    assert ("mbap",) == found.parameters["claimants"]
    assert "http answers on 502/tcp, a port claimed by mbap" == found.message
    assert any("IANA registry, 2026-08-17" in line for line in found.because)


def test_ssh_on_a_plant_port_is_a_warning() -> None:
    assert [("warning", "tcp 10.0.0.9:1743")] == told(
        findings("PB101", services=[service("10.0.0.9", 1743, "ssh")])
    )


@pytest.mark.parametrize(
    ("number", "name", "transport"),
    [
        (502, "modbus", TCP),
        (1743, "codesys-v3", UDP),
        (1743, "unitrends", TCP),
        (80, "http", TCP),
        (443, "tls", TCP),
        (443, "http", TCP),
        (2001, "optommp", TCP),
        (5355, "dns", UDP),
    ],
)
def test_what_fits_any_claim_is_no_finding(number: int, name: str, transport: Transport) -> None:
    given = [service("10.0.0.9", number, name, transport=transport)]

    assert [] == findings("PB101", services=given)
    assert [] == findings("PB102", services=given)


def test_a_guess_by_shape_stays_a_note() -> None:
    given = service("10.0.0.9", 502, "ssh", confidence=Confidence.PLAUSIBLE)

    assert [("note", "tcp 10.0.0.9:502")] == told(findings("PB101", services=[given]))


def test_a_product_that_rides_on_http_does_not_contradict_its_port() -> None:
    found = findings("PB101", services=[service("10.0.0.9", 3000, "http")])

    assert [("note", "tcp 10.0.0.9:3000")] == told(found)


def test_a_block_lent_to_clients_claims_nothing_of_one_port() -> None:
    assert [] == findings("PB101", services=[service("10.0.0.9", 40000, "http")])


def test_bytes_without_a_name_say_nothing() -> None:
    silent = service("10.0.0.9", 502)

    assert [] == findings("PB101", services=[silent])
    assert [] == findings("PB102", services=[silent])
    assert [] == findings("PB105", services=[silent])


def test_modbus_on_8502_is_on_an_unusual_port() -> None:
    (found,) = findings("PB102", services=[service("10.0.0.9", 8502, "modbus", vlan=12)])

    assert ("warning", "tcp 10.0.0.9:8502", 12) == (found.level.value, found.subject, found.vlan)
    assert ("502",) == found.parameters["usual"]


def test_a_web_server_on_an_unclaimed_port_is_a_note_only() -> None:
    assert ["note"] == [
        one.level.value for one in findings("PB102", services=[service("10.0.0.9", 8765, "http")])
    ]


def test_a_web_server_on_a_lent_or_dynamic_port_is_nothing() -> None:
    lent = [service("10.0.0.9", 40001, "http"), service("10.0.0.9", 61000, "http")]

    assert [] == findings("PB102", services=lent, ephemeral=PortRange(32768, 60999))


def test_a_protocol_over_a_transport_without_usual_ports_is_nothing() -> None:
    assert [] == findings("PB102", services=[service("10.0.0.9", 9, "modbus", transport=UDP)])


def test_a_real_socket_on_2543_held_by_this_test_is_told_with_its_owner() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        try:
            held.bind(("127.0.0.1", 2543))
        except OSError:
            pytest.skip("port 2543 is taken on this machine")
        address, number = held.getsockname()
        seen = Listener(
            UDP, address, number, scope_of(address), "unconnected", 1, (Owner(1, "sipd"),)
        )
        (found,) = findings("PB103", listeners=[seen])

    assert ("warning", "udp 127.0.0.1:2543") == (found.level.value, found.subject)
    assert "REF TEK port 2543/udp is held by sipd, not a seismic program" == found.message


@pytest.mark.parametrize("program", ["rtpd", "/opt/rti/bin/RTPD.exe", "reftek_plugin"])
def test_a_seismic_program_on_2543_is_right(program: str) -> None:
    assert [] == findings("PB103", listeners=[listener(2543, program, transport=UDP)])


def test_our_own_receiver_on_2543_is_right() -> None:
    command = "/usr/bin/python3 -m portbook rtpd --archive /data"

    assert [] == findings("PB103", listeners=[listener(2543, "python3", command=command)])
    assert [] == findings("PB103", listeners=[listener(2543, unit="rtpd.service")])


def test_a_hidden_owner_of_2543_is_said_and_stays_a_note() -> None:
    (found,) = findings("PB103", listeners=[listener(2543, transport=UDP)])

    assert ("note", "hidden") == (found.level.value, found.parameters["variant"])
    assert "hidden from this user" in found.message


def test_an_interpreter_on_2543_does_not_tell_what_it_runs() -> None:
    (found,) = findings("PB103", listeners=[listener(2543, "java")])

    assert ("note", "opaque") == (found.level.value, found.parameters["variant"])


def test_other_ports_are_not_the_recorders_business() -> None:
    assert [] == findings("PB103", listeners=[listener(2544, "sipd")])
    assert [] == findings("PB103", listeners=[listener(2543, "sipd", state="connected")])


def test_a_web_server_on_502_is_not_known_to_speak_modbus() -> None:
    (found,) = findings("PB104", listeners=[listener(502, "nginx")])

    assert ("note", "tcp *:502") == (found.level.value, found.subject)
    assert "nginx holds 502/tcp, a usual port of modbus" in found.message


@pytest.mark.parametrize(
    "owner",
    [
        listener(502, "mbserverd"),
        listener(502, "modbus-gateway"),
        listener(502, "docker-proxy"),
        listener(502, "python3"),
        listener(502),
        listener(80, "nginx"),
        listener(1740, "codesyscontrol.", transport=UDP),
        listener(1743, "codesyscontrols", transport=UDP),
    ],
)
def test_a_program_that_may_rightly_hold_the_port_is_no_finding(owner: Listener) -> None:
    assert [] == findings("PB104", listeners=[owner])


def test_an_interpreter_goes_by_what_it_runs() -> None:
    owner = Owner(7, "python3.11", command="/usr/bin/python3.11 -u /opt/plant/mbserverd.py --fast")

    assert {"python3.11", "mbserverd"} <= names_of(owner)
    assert "mbserverd" not in names_of(Owner(7, "vim", command="vim mbserverd.py"))


def test_a_port_that_answers_in_two_languages_is_told() -> None:
    (found,) = findings("PB105", services=[service("10.0.0.9", 502, "ssh", "modbus")])

    assert ("warning", ("modbus", "ssh")) == (found.level.value, found.parameters["protocols"])


def test_one_family_on_one_port_is_not_two_protocols() -> None:
    both = service("10.0.0.9", 5353, "dns", "mdns", transport=UDP)

    assert [] == findings("PB105", services=[both])
    assert ["note"] == [
        one.level.value
        for one in findings("PB105", services=[service("10.0.0.9", 22, "ssh", "ftp")])
    ]


def test_the_claims_of_the_cases_know_the_transport() -> None:
    assert ["cinegrfx-lm", "CODESYS V3 block driver", "KDE Connect"] == [
        one.claimant for one in claims_at(1743, UDP)
    ]


def test_what_the_site_has_put_on_a_port_is_no_stranger_there() -> None:
    put = Claim(
        PortRange(8502, 8502), TCP, "boiler", ClaimKind.SITE, Source("site"), protocol="modbus"
    )
    given = [service("10.0.0.9", 8502, "modbus")]
    case = Case(lambda number, transport: [*claims_at(number, transport), put], PROTOCOLS, NOW)
    asked = msgspec.structs.replace(case, services=given)

    assert [] == list(judge(asked, only=("PB101", "PB102")))
    assert ["PB102"] == [one.code for one in findings("PB102", services=given)]


def test_a_claim_for_another_protocol_excuses_nothing() -> None:
    put = Claim(
        PortRange(8502, 8502), TCP, "boiler", ClaimKind.SITE, Source("site"), protocol="dnp3"
    )
    case = Case(
        lambda number, transport: [put], PROTOCOLS, NOW, services=[service("h", 8502, "modbus")]
    )

    assert ["PB101", "PB102"] == [one.code for one in judge(case, only=("PB101", "PB102"))]
