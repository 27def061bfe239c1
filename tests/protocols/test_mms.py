"""MMS: sessions that open its syntax, units whose lengths agree down to the service."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.mms import recognise

TCP = Transport.TCP
CONNECT = unhex("0300001611e00000000100c0010ac2020001c1020001")
CONFIRM = unhex("0300001611d00001000500c0010ac1020001c2020001".replace("c1020001", "c2020001"))
OPEN = unhex("0300001802f0800d0f0506130100160102060528ca220201")
ACCEPT = unhex("0300001802f0800e0f0506130100160102060528ca220201")
NAMES = unhex("0300002402f0800100010061173015020103a010a00e020101a109a003800109a1028000")
NAMES_TOLD = unhex(
    "0300002a02f08001000100611d301b020103a016a114020101a10fa00a1a08494544314c443031810100"
)
ERROR = unhex("0300002202f0800100010061153013020103a00ea20c800304a273a205a003870102")
VALUE = unhex("0300002202f0800100010061153013020103a00ea10c020304a274a405a10380010a")
CONCLUDE = unhex("0300001602f0800100010061093007020103a0028b00")
CONCLUDED = unhex("0300001602f0800100010061093007020103a0028c00")
REPORT = unhex("0300002902f08001000100611c301a020103a015a313a011a1058003525054a0088403024004830100")
IDENTIFY = unhex("0300001b02f08001000100610e300c020103a007a0050201098200")
IDENTIFIED = unhex(
    "0300003202f0800100010061253023020103a01ea11c020109a217800641636d6520318106496564"
    "2d39398205312e322e33"
)

EXAMPLES = [
    Example(
        "a session opened from both sides, shortened from cotp.pcap to the syntax",
        Payload.of(TCP, [CONNECT, OPEN], [CONFIRM, ACCEPT]),
        "mms",
    ),
    Example(
        "an answer and a refusal, Sample_File_MMS_and_GOOSE.pcap",
        Payload.of(TCP, [CONCLUDE], [ERROR, VALUE, CONCLUDED]),
        "mms",
        PLAUSIBLE,
        facts={"services": ["read"]},
    ),
    Example(
        "a list of names, built from ISO 9506-2",
        Payload.of(TCP, [NAMES], [NAMES_TOLD]),
        "mms",
        facts={"services": ["get name list"]},
    ),
    Example(
        "reports of one side, built from IEC 61850-8-1",
        Payload.of(TCP, [], [REPORT, REPORT]),
        "mms",
        PLAUSIBLE,
        facts={"services": ["report"]},
    ),
    Example(
        "who are you, built from ISO 9506-2",
        Payload.of(TCP, [IDENTIFY], [IDENTIFIED]),
        "mms",
        server={"vendor": "Acme 1", "product": "Ied-99", "version": "1.2.3"},
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("no transport", VALUE[7:]),
        ("another session", VALUE[:7] + b"\x19" + VALUE[8:]),
        ("presentation that ends early", VALUE[:12] + b"\x14" + VALUE[13:]),
        ("a list that ends early", VALUE[:14] + b"\x12" + VALUE[15:]),
        ("a unit that ends early", VALUE[:21] + b"\x0b" + VALUE[22:]),
        ("a unit that is none", VALUE[:20] + b"\xae" + VALUE[21:]),
        ("no number", VALUE[:22] + b"\x04" + VALUE[23:]),
        ("another syntax", OPEN[:-1] + b"\x09"),
    ],
)
def test_what_does_not_fit_is_not_mms(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [], [octets])) is None, why


def test_who_reports_is_the_server() -> None:
    told = identify(Payload.of(TCP, [REPORT], []))

    assert told is not None
    assert told.swapped


def test_an_answer_in_another_tongue_is_not_mms() -> None:
    assert recognise(Payload.of(TCP, [NAMES], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


def test_a_service_that_has_no_name_here_counts_all_the_same() -> None:
    directory = unhex("0300001e02f080010001006111300f020103a00aa008020101bf4d02a000")

    told = recognise(Payload.of(TCP, [directory], [CONCLUDED]))
    assert told is not None
    assert dict(told.facts) == {}
