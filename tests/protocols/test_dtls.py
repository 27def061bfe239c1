"""DTLS: hellos, the cookie that comes back, and records that fill their datagrams."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.dtls import recognise

UDP = Transport.UDP
HELLO = unhex("""
    16feff000000000000000000d6010000ca00000000000000cafefd01f0f6e7c8b04e8241feb113b5a36fb8c272f0
    070a9b9c04454f2b188c8e83f200000038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c02700
    67c00ac0140039c009c0130033009d009c003d003c0035002f00ff0100006800000012001000000d70756d70372e
    6578616d706c65000b000403000102000a000c000a001d0017001e00190018002300000016000000170000000d00
    2a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602
""")
VERIFY = unhex(
    "16feff00000000000000000023030000170000000000000017feff149a3c1f517390d8903bd67df93de5eb470be5f24e"
)
HELLO_WITH_COOKIE = unhex("""
    16feff000000000000000100ea010000de00010000000000defefd01f0f6e7c8b04e8241feb113b5a36fb8c272f0
    070a9b9c04454f2b188c8e83f200149a3c1f517390d8903bd67df93de5eb470be5f24e0038c02cc030009fcca9cc
    a8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00
    ff0100006800000012001000000d70756d70372e6578616d706c65000b000403000102000a000c000a001d001700
    1e00190018002300000016000000170000000d002a0028040305030603080708080809080a080b08040805080604
    0105010601030303010302040205020602
""")
SERVER_HELLO = unhex("""
    16fefd000000000000000100490200003d000100000000003dfefd8368f9ddd51b7f1f89b32e8788cddd7fcec8b4
    96705e753cb65403ec130064ad00c02c000015ff01000100000b000403000102002300000017000016fefd000000
    0000000002018a0b00017e000200000000017e00017b000178308201743082011ba003020102021400875c816b87
    1f062e37928756725921e4124dd8300a06082a8648ce3d0403023010310e300c06035504030c0570756d7037301e
    170d3236313132313232343934315a170d3236313232313232343934315a3010310e300c06035504030c0570756d
    70373059301306072a8648ce3d020106082a8648ce3d03010703420004a855b32f013b20ab0f74d4287a9d1eaa5f
    f67ddfaa7776a1e1444e83f46a7ceb242ffdac815da1a46aa03a0bc5ae030c966c4de379632349e9ac43b6bc21f3
    36a3533051301d0603551d0e04160414886e58a78e424ec7856a197871bdd9ed900d7268301f0603551d23041830
    168014886e58a78e424ec7856a197871bdd9ed900d7268300f0603551d130101ff040530030101ff300a06082a86
    48ce3d0403020347003044022003ba61b27facf11144442f2469cf32730b70c4d22033ca3d8b0b6274eee36fa902
    204b464be64b7ed76b208b6836fe1534f27635ede5510fe54dc915a906e3989c9216fefd0000000000000003007a
    0c00006e000300000000006e03001d202217ac73599c7d71750eadcc71123a79eed2392e8ae0780c74fae916574c
    7662040300463044022016fa593e779322a4a747fd6bef8e8556cb3a5d1da922d0e81df6968ff99bed5f02203f0b
    2f93cd970c3ad6cf357f0061c2a2fd662a1c28f23108721b3895704f48ef16fefd0000000000000004000c0e0000
    000004000000000000
""")
DATA = unhex("17fefd00010000000000010018 000100000000000150f5c2a1f00bb1e3a7d8c4b2e1a09f8e")
LATER = unhex("17fefd00010000000000020018 000100000000000250f5c2a1f00bb1e3a7d8c4b2e1a09f8d")
BACK = unhex("17fefd00010000000000070018 000100000000000750f5c2a1f00bb1e3a7d8c4b2e1a09f8c")

EXAMPLES = [
    Example(
        "captured from OpenSSL 3 on loopback, 2026-11-21",
        Payload.of(UDP, [HELLO, HELLO_WITH_COOKIE], [VERIFY, SERVER_HELLO]),
        "dtls",
        facts={
            "dtls_version": "DTLS 1.2",
            "server_name": "pump7.example",
            "certificate_subject": "pump7",
            "certificate_issuer": "pump7",
            "certificate_until": "2026-12-21T22:49:41Z",
        },
        server={"name": "pump7"},
    ),
    Example(
        "a hello and the request to verify it, OpenSSL 3 on loopback",
        Payload.of(UDP, [HELLO], [VERIFY]),
        "dtls",
        facts={"server_name": "pump7.example"},
    ),
    Example("a hello alone, OpenSSL 3 on loopback", Payload.of(UDP, [HELLO]), "dtls", PLAUSIBLE),
    Example(
        "joined in the middle, built from RFC 6347, section 4.1",
        Payload.of(UDP, [DATA, LATER], [BACK]),
        "dtls",
        PLAUSIBLE,
    ),
    Example("one record of data", Payload.of(UDP, [DATA], [BACK]), None, None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("TLS's version", b"\x16\x03\x03" + HELLO[3:]),
        ("a length past the end", HELLO[:11] + b"\x01\x00" + HELLO[13:]),
        ("octets behind the record", HELLO + b"\1"),
        ("a kind of record that is none", b"\x30" + HELLO[1:]),
        ("a server's hello from the client", SERVER_HELLO),
        ("half a header", HELLO[:12]),
    ],
)
def test_what_does_not_fit_is_not_dtls(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_a_hello_that_something_else_answers_is_not_dtls() -> None:
    assert recognise(Payload.of(UDP, [HELLO], [b"\x80\0\0\1what is this"])) is None


def test_numbers_that_fall_are_not_data() -> None:
    assert recognise(Payload.of(UDP, [LATER, DATA], [BACK])) is None


def test_a_hello_with_wrong_lengths_inside_confirms_nothing() -> None:
    wrong = HELLO[:59] + b"\xff" + HELLO[60:]  # the session id runs past the end

    told = recognise(Payload.of(UDP, [wrong], [VERIFY]))
    assert told is None or told.confidence is PLAUSIBLE
