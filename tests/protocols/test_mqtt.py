"""MQTT: a connect that its fields fill, and passwords that go nowhere."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.mqtt import recognise
from portbook.records import Confidence

TCP = Transport.TCP
DEMO = unhex("102300044d51545404c2003c000b4d5154545f436c69656e74000464656d6f000464656d6f")
OLD = unhex("102500064d51497364700302000500177061686f2f333441414535344137354438333935363645")
ACCEPTED = unhex("20020000")
ACCEPTED_5 = unhex(
    "203200002f22000a1200296175746f2d31423433453830302d303845332d334241312d324539372d"
    "454139304234303634424635"
)
ODD_PORT = unhex("101100044d5154540402003c00054275733431")
PUBLISH = b"\x30\x0d\x00\x07spBv1.0ABCD"
SUBSCRIBE, SUBSCRIBED = unhex("8206000100016100"), unhex("9003000100")

# captured from mosquitto_pub 2.0.11 and amqtt 0.12.1 on loopback, 2026-11-21
ASKS_5, KNOWS_NO_5 = unhex("101000044d5154540502003c032100140000"), unhex("20020001")


def connect(*fields: bytes, level: int = 4, flags: int = 2, properties: bytes = b"") -> bytes:
    rest = b"\0\4MQTT" + bytes((level, flags)) + b"\0\x3c" + properties
    rest += b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    return bytes((0x10, len(rest))) + rest


FIVE = connect(b"pump", level=5, properties=b"\x05\x11\0\0\0\x0a")
WILL = connect(b"edge", b"spBv1.0/plant/NDEATH/edge", b"\x08\0", flags=0x06)

EXAMPLES = [
    Example(
        "3.1.1 with user name and password, public captures",
        Payload.of(TCP, [DEMO], [ACCEPTED]),
        "mqtt",
        facts={
            "version": "3.1.1",
            "client id": "MQTT_Client",
            "keep alive s": 60,
            "login": "given, in clear",
        },
    ),
    Example(
        "3.1, public captures",
        Payload.of(TCP, [OLD], [ACCEPTED]),
        "mqtt",
        facts={"version": "3.1", "client id": "paho/34AAE54A75D839566E", "login": "none"},
    ),
    Example("connect alone, on TCP 17501", Payload.of(TCP, [ODD_PORT], []), "mqtt"),
    Example(
        "5.0, its acknowledgement from public captures",
        Payload.of(TCP, [FIVE], [ACCEPTED_5]),
        "mqtt",
        facts={"version": "5.0", "client id": "pump"},
    ),
    Example(
        "5.0 refused by an older broker, captured from amqtt 0.12.1 on loopback, 2026-11-21",
        Payload.of(TCP, [ASKS_5], [KNOWS_NO_5]),
        "mqtt",
        facts={"version": "5.0"},
    ),
    Example(
        "a will of Sparkplug",
        Payload.of(TCP, [WILL], [ACCEPTED]),
        "mqtt",
        facts={"will topic": "spBv1.0/plant/NDEATH/edge", "dialect": "sparkplug-b"},
    ),
    Example("a bridge", Payload.of(TCP, [connect(b"b", level=0x84)], [ACCEPTED]), "mqtt"),
    Example(
        "topics, joined in the middle",
        Payload.of(TCP, [SUBSCRIBE, PUBLISH], [SUBSCRIBED, PUBLISH]),
        "mqtt",
        PLAUSIBLE,
    ),
    Example(
        "the broker's side alone",
        Payload.of(TCP, [], [ACCEPTED + SUBSCRIBED + PUBLISH]),
        "mqtt",
        PLAUSIBLE,
    ),
    Example("an acknowledgement alone is too little", Payload.of(TCP, [], [ACCEPTED]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("reserved flag", connect(b"x", flags=3)),
        ("name", DEMO[:4] + b"MQTX" + DEMO[8:]),
        ("name of another length", DEMO[:3] + b"\5" + DEMO[4:]),
        ("level", connect(b"x", level=9)),
        ("flags of the packet", b"\x11" + DEMO[1:]),
        ("length of five octets", b"\x10\xff\xff\xff\xff\x01" + DEMO[2:]),
        ("length past the end", DEMO[:-1]),
    ],
)
def test_what_does_not_fit_is_not_mqtt(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets], [])) is None, why
    assert recognise(Payload.of(Transport.UDP, [DEMO], [])) is None


def test_user_name_and_password_are_never_told() -> None:
    secret = connect(b"pump", b"will", b"words", b"operator7", b"hunter2", flags=0xC6)

    told = recognise(Payload.of(TCP, [secret], [ACCEPTED]))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence
    assert not any(word in repr(told) for word in ("operator7", "hunter2", "words"))


def test_fields_that_do_not_fill_the_connect_are_a_doubt() -> None:
    for octets in (connect(b"x", b"more"), connect(b"x", flags=0x82)):
        told = recognise(Payload.of(TCP, [octets], [ACCEPTED]))
        assert told is not None
        assert Confidence.PLAUSIBLE is told.confidence
        assert told.against == ("the fields of the connect do not fill it, or it was cut",)


def test_a_connect_cut_by_the_capture_is_at_most_plausible() -> None:
    told = recognise(Payload(TCP, Side(DEMO[:20], ((37, 20),), 37)))

    assert told is not None
    assert (Confidence.PLAUSIBLE, "3.1.1") == (told.confidence, told.facts["version"])


def test_a_long_publish_cut_by_the_head_takes_nothing_away() -> None:
    sent = DEMO + b"\x30\xc8\x02\0\1a" + bytes(325)
    cut = Side(sent[:128], ((len(sent), 128),), len(sent))

    told = recognise(Payload(TCP, cut, Side.of(ACCEPTED)))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence


def test_the_side_that_connects_is_the_client() -> None:
    payload = Payload.of(TCP, [ACCEPTED], [DEMO])

    assert recognise(payload) is None
    told = identify(payload)
    assert told is not None
    assert told.swapped


def test_a_connect_answered_in_another_tongue_is_not_mqtt() -> None:
    assert recognise(Payload.of(TCP, [DEMO], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


@pytest.mark.parametrize("answer", ["20020200", "20020006", "200300007f", "2003000000"])
def test_an_acknowledgement_that_is_none(answer: str) -> None:
    assert recognise(Payload.of(TCP, [DEMO], [unhex(answer)])) is None


def test_an_older_broker_does_not_accept_version_5() -> None:
    assert recognise(Payload.of(TCP, [ASKS_5], [ACCEPTED])) is None
