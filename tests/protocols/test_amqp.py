"""AMQP 0-9-1 and 1.0: the header that is granted, who the broker is, no password told."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.amqp import recognise

TCP = Transport.TCP
# RabbitMQ 3.10.8 with aiormq 7.2.4 and Qpid Proton 0.40 on loopback, 2026-11-21
OLD = unhex("414d515000000901")
START = unhex(
    "010000000001ed000a000a0009000001c80c6361706162696c697469657346000000c7127075626c69736865725f63"
    "6f6e6669726d7374011a65786368616e67655f65786368616e67655f62696e64696e677374010a62617369632e6e61"
    "636b740116636f6e73756d65725f63616e63656c5f6e6f74696679740112636f6e6e656374696f6e2e626c6f636b65"
    "64740113636f6e73756d65725f7072696f72697469657374011c61757468656e7469636174696f6e5f6661696c7572"
    "655f636c6f73657401107065725f636f6e73756d65725f716f7374010f6469726563745f7265706c795f746f74010c"
    "636c75737465725f6e616d65530000000670313340766d09636f707972696768745300000037436f70797269676874"
    "2028632920323030372d3230323220564d776172652c20496e632e206f722069747320616666696c69617465732e0b"
    "696e666f726d6174696f6e53000000394c6963656e73656420756e64657220746865204d504c20322e302e20576562"
    "736974653a2068747470733a2f2f7261626269746d712e636f6d08706c6174666f726d530000001145726c616e672f"
    "4f54502032352e322e330770726f6475637453000000085261626269744d510776657273696f6e5300000006332e31"
    "302e380000000e414d51504c41494e20504c41494e00000005656e5f5553ce"
)
STARTED = unhex(
    "01000000000140000a000b0000011c0c6361706162696c6974696573460000006f1c61757468656e7469636174696f"
    "6e5f6661696c7572655f636c6f736574010a62617369632e6e61636b740112636f6e6e656374696f6e2e626c6f636b"
    "6564740116636f6e73756d65725f63616e63656c5f6e6f746966797401127075626c69736865725f636f6e6669726d"
    "7374010b696e666f726d6174696f6e53000000275365652068747470733a2f2f6769746875622e636f6d2f6d6f7371"
    "7569746f2f61696f726d712f08706c6174666f726d530000003043507974686f6e20332e31312e3720286d61696e20"
    "6275696c64204d617920203920323032362030373a33353a3235290770726f64756374530000000661696f726d7107"
    "76657273696f6e5300000005372e322e3405504c41494e0000000c00677565737400677565737405656e5f5553ce"
)
TUNE = unhex("0100000000000c000a001e07ff00020000003cce")
TUNED = unhex("0100000000000c000a001f07ff00020000003cce")
SASL, NEW = unhex("414d515003010000"), unhex("414d515000010000")
MECHANISMS = unhex(
    "0000003402010000005340c02701e02403b300000009414e4f4e594d4f555300000008414d51504c41494e00000005"
    "504c41494e"
)
INIT = unhex("0000002302010000005341c01602a305504c41494ea00c006775657374006775657374")
OUTCOME = unhex("0000001102010000005344c00402500040")
OPEN = unhex(
    "0000004702000000005310c03a04a12466343031303863382d623839372d346138322d393366372d6563653032613636"
    "66396135a1093132372e302e302e317000008000607fff"
)
OPENED = unhex("0000001f02000000005310d0 0000000f 00000004 a106 70313340766d 40 43 40")
OPENED = len(OPENED).to_bytes(4, "big") + OPENED[4:]

EXAMPLES = [
    Example(
        "0-9-1, aiormq with RabbitMQ 3.10.8, captured on loopback",
        Payload.of(TCP, [OLD, STARTED, TUNED], [START, TUNE]),
        "amqp",
        facts={"version": "0-9-1", "platform": "Erlang/OTP 25.2.3"},
        client={"product": "aiormq", "version": "7.2.4"},
        server={"product": "RabbitMQ", "version": "3.10.8", "name": "p13@vm"},
    ),
    Example(
        "1.0 with SASL, Qpid Proton with RabbitMQ, captured on loopback",
        Payload.of(TCP, [SASL, INIT, NEW, OPEN], [SASL, MECHANISMS, OUTCOME, NEW, OPENED]),
        "amqp",
        facts={"version": "1.0", "login": "SASL"},
        client={"name": "f40108c8-b897-4a82-93f7-ece02a66f9a5"},
        server={"name": "p13@vm"},
    ),
    Example("another version is named", Payload.of(TCP, [NEW], [OLD]), "amqp", PLAUSIBLE),
    Example("a header alone", Payload.of(TCP, [OLD]), "amqp", PLAUSIBLE),
    Example("a header of no version", Payload.of(TCP, [b"AMQP\x09\x09\x09\x09"]), None),
]


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("no end", START[:-1] + b"\0"),
        ("another method", START[:10] + b"\x32" + START[11:]),
        ("a kind of frame that nobody knows", b"\x07" + START[1:]),
        ("text of another protocol", b"220 mail.example.com ESMTP\r\n"),
    ],
)
def test_an_answer_that_does_not_fit_is_not_amqp(why: str, answer: bytes) -> None:
    assert recognise(Payload.of(TCP, [OLD], [answer])) is None, why
    assert recognise(Payload.of(TCP, [NEW], [answer])) is None, why


def test_no_password_is_told() -> None:
    for asked, answered in (((OLD, STARTED), (START,)), ((SASL, INIT), (SASL, MECHANISMS))):
        told = recognise(Payload.of(TCP, asked, answered))

        assert told is not None
        assert "guest" not in str((told.because, told.facts, told.client, told.server))


def test_a_broker_is_known_by_what_was_kept_of_its_first_frame() -> None:
    cut = Side(START[:128], ((len(START), 128),), len(START))

    told = recognise(Payload(TCP, Side.of(OLD), cut))
    assert told is not None
    assert {} == dict(told.server)


def test_a_frame_of_1_0_that_is_too_short_for_its_own_offset_is_none() -> None:
    assert recognise(Payload.of(TCP, [NEW], [NEW, unhex("0000000402000000")])) is None


@pytest.mark.parametrize("octets", [b"", b"AMQ", b"amqp\0\0\x09\x01", OLD[:7]])
def test_what_does_not_begin_so_is_not_amqp(octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets], [START])) is None
