"""MySQL and MariaDB: the greeting, the login, TLS in between."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.mysql import recognise

TCP = Transport.TCP
GREETING = unhex("""
    640000000a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531000300000057672168
    6e6d5a5c00fef7080200ff81150000000000001d0000003e5f457b5e44774b4f2d3354006d7973716c5f6e617469
    76655f70617373776f726400
""")
LOGIN = unhex("""
    bc00000184a2bf000000100021000000000000000000000000000000000000001d000000726f6f7400006d797371
    6c5f6e61746976655f70617373776f7264007f035f6f73054c696e75780c5f636c69656e745f6e616d650a6c6962
    6d617269616462045f7069640532373430350f5f636c69656e745f76657273696f6e06332e332e3230095f706c61
    74666f726d067838365f36340c70726f6772616d5f6e616d65056d7973716c0c5f7365727665725f686f73740931
    32372e302e302e31
""")
OLD_GREETING = unhex("""
    630000000a352e352e34302d4d6172696144422d307562756e7475302e31342e30342e31002200000022576f4b69
    4f2f3d00ffff0802000fe015000000000000000000002645675861603f577772573b006d7973716c5f6e61746976
    655f70617373776f726400
""")
TLS_WANTED = unhex("2000000185ae3f2000000001210000000000000000000000000000000000000000000000")
HELLO = unhex("16030100050100000103")
REFUSED = b"\xff\x6a\x04Host '10.0.0.5' is not allowed to connect to this MySQL server"

EXAMPLES = [
    Example(
        "captured from MariaDB 10.11 on loopback, 2026-11-21",
        Payload.of(TCP, [LOGIN], [GREETING]),
        "mysql",
        server={"product": "MariaDB", "version": "10.11.19"},
    ),
    Example(
        "MariaDB that turns to TLS, container-pcapng-ether-and-sll.pcapng",
        Payload.of(TCP, [TLS_WANTED, HELLO], [OLD_GREETING, HELLO]),
        "mysql",
        facts={"secured": "TLS"},
        server={"product": "MariaDB", "version": "5.5.40"},
    ),
    Example(
        "MySQL, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(
            TCP,
            [],
            [
                unhex(
                    "5b0000000a382e302e33322d307562756e7475302e32322e30342e310001000000616263646566676800"
                    "ffff210200ffff1500000000000000000000696a6b6c6d6e6f7071727374006d7973716c5f6e61746976"
                    "655f70617373776f726400"
                )
            ],
        ),
        "mysql",
        PLAUSIBLE,
        server={"product": "MySQL", "version": "8.0.32"},
    ),
    Example(
        "turned away, built from the protocol's ERR_Packet",
        Payload.of(TCP, [], [bytes((len(REFUSED), 0, 0, 0)) + REFUSED]),
        "mysql",
        PLAUSIBLE,
        server={"product": "MySQL"},
    ),
    Example(
        "a greeting that ends in zeros, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(TCP, [], [unhex("3200000a352e372e3330 00*40")]),
        None,
        None,
    ),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", LOGIN, GREETING[:-1]),
        ("another sequence", LOGIN, GREETING[:3] + b"\1" + GREETING[4:]),
        ("a filler that says something", LOGIN, GREETING.replace(b"\0" * 6, b"\0\0\1\0\0\0", 1)),
        ("octets in the login's filler", LOGIN[:20] + b"\1" + LOGIN[21:], GREETING),
        ("a client of something else", b"GET / HTTP/1.1\r\n\r\n", GREETING),
        ("a version of letters", LOGIN, GREETING.replace(b"5.5.5", b"five.")),
        ("TLS asked for, and none comes", TLS_WANTED + b"now", OLD_GREETING),
    ],
)
def test_what_does_not_fit_is_not_mysql(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_the_user_never_leaves_the_recogniser() -> None:
    assert "root" not in repr(recognise(Payload.of(TCP, [LOGIN], [GREETING])))
