"""What counts as a service, and what does not."""

from __future__ import annotations

import msgspec
from support.rows import TCP, UDP, row

from portbook.evidence.conversations import records, services
from portbook.evidence.table import Row
from portbook.records import Confidence, Conversation


def _told(made: Row, protocol: str | None = None, claims: tuple[str, ...] = ()) -> Conversation:
    (one,) = records([made], "test.pcap")
    confidence = Confidence.CONFIRMED if protocol else None
    return msgspec.structs.replace(
        one.conversation, protocol=protocol, confidence=confidence, claims=claims
    )


def test_what_answers_is_a_service_and_its_conversations_are_counted() -> None:
    asked = row(TCP, syn=9, to_b=(b"q",), to_a=(b"a",), times=(5, 9))
    (found,) = services(
        [
            _told(asked, "modbus", ("mbap",)),
            _told(asked._replace(a=bytes((10, 0, 0, 6)), first_ns=2), None, ("mbap",)),
            _told(asked._replace(a_port=50001), "http"),
        ]
    )

    assert ("10.0.0.9", 502, ("http", "modbus"), ("mbap",)) == (
        found.address,
        found.port,
        found.protocols,
        found.claims,
    )
    assert (3, 2, 2, 9) == (found.conversations, found.clients, found.first_ns, found.last_ns)
    assert Confidence.CONFIRMED is found.confidence


def test_a_refused_connection_and_a_lone_probe_are_none() -> None:
    assert [] == services(
        [
            _told(row(TCP, syn=1, packets=(1, 1))),
            _told(row(UDP, b_port=161, to_b=(b"probe",)), "snmp"),
            _told(row(UDP, to_b=(b"x", b"y", b"z"))),
        ]
    )


def test_a_receiver_that_never_answers_is_one_when_its_protocol_is_known() -> None:
    (found,) = services([_told(row(UDP, b_port=2543, to_b=(b"x", b"y", b"z")), "reftek")])

    assert ("10.0.0.9", 2543, ("reftek",)) == (found.address, found.port, found.protocols)


def test_who_announces_from_the_very_port_is_one_and_the_broadcast_address_never() -> None:
    beacons = [
        _told(row(UDP, a_port=1740, b="10.0.0.255", b_port=port, to_b=(b"x",) * 5, broadcast=True))
        for port in (1740, 1741)
    ]
    named = [
        msgspec.structs.replace(one, protocol="codesys-v3", confidence=Confidence.PLAUSIBLE)
        for one in beacons
    ]

    assert [] == services(beacons)
    (found,) = services(named)
    assert ("10.0.0.5", 1740, 1) == (found.address, found.port, found.conversations)
    nobody = msgspec.structs.replace(named[0], client="0.0.0.0")
    assert [] == services([nobody])


def test_places_with_the_same_address_stay_apart_by_tag_and_site() -> None:
    one = _told(row(UDP, to_b=(b"x",), to_a=(b"y",)))
    others = [
        msgspec.structs.replace(one, vlan=7),
        msgspec.structs.replace(one, site="north"),
        msgspec.structs.replace(one, source="other.pcap"),
    ]

    assert 4 == len(services([one, *others, one]))


def test_parts_of_one_conversation_count_once() -> None:
    one = _told(row(UDP, to_b=(b"x",), to_a=(b"y",)))
    other = msgspec.structs.replace(one, client_port=50001)
    parts = [msgspec.structs.replace(one, part=part) for part in (2, 3, 4)]
    parts.append(msgspec.structs.replace(other, part=4))

    assert 2 == services(parts)[0].conversations
