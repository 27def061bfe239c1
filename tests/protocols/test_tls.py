"""TLS: hellos, alerts, certificates in the clear, and streams joined in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.tls import recognise, records

TCP = Transport.TCP
HELLO = unhex(
    "16030100680100006403014f04b8255a563d0522c4244a93e2399b94c5181f31dcd7e0f02f0b2fd654db19200537"
    "db6759b7489b6afa9c10b1f03a4ae6d0a41a92d2a0d31495687ef448b675001600040005000a0009006400620003"
    "000600130012006301000005ff01000100"
)
ALERT = unhex("15030100020246")
# Made with OpenSSL 3: client and server of TLS 1.2, server with a certificate of its own; and of
# TLS 1.3, where the first answer is cut behind the hello.
HELLO_12 = unhex(
    "16030100b0010000ac030329979acb1e8f9c22464e83aa947840fe966d474d6c47006e371c83fa35e34987000004"
    "c02b00ff0100007f000000170015000012706c63372e706c616e742e6578616d706c65000b000403000102000a00"
    "0c000a001d0017001e00190018002300000010000e000c02683208687474702f312e310016000000170000000d00"
    "2a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602"
)
ANSWER_12 = unhex(
    "16030300500200004c0303ff82d6ccf353b88e3449c175cd017dc036fb35dbb430c33285c95db4eb36d81a00c02b"
    "000024ff01000100000b000403000102002300000010000b000908687474702f312e3100170000160303023b0b00"
    "02370002340002313082022d308201d3a003020102021406ebf72ffcea9c8751b0e1e6065f6ae4a3d9d25c300a06"
    "082a8648ce3d0403023053310b300906035504061302444531173015060355040a0c0e4578616d706c652056656e"
    "646f72311b301906035504030c12706c63372e706c616e742e6578616d706c65310e300c0603550405130553432d"
    "3432301e170d3236313132313136303631395a170d3336313131383136303631395a3053310b3009060355040613"
    "02444531173015060355040a0c0e4578616d706c652056656e646f72311b301906035504030c12706c63372e706c"
    "616e742e6578616d706c65310e300c0603550405130553432d34323059301306072a8648ce3d020106082a8648ce"
    "3d030107034200046d05525460c57c4cee1057543a3913c69be24a27c1515b5a304550d50e2bfcede26b4e27640c"
    "341b995372ade36729d21757497a011b04782b62a32c5be2bf4aa38184308181301d0603551d0e04160414a64559"
    "378b66ca5bf74e9aa45aee6d5b8d961053301f0603551d23041830168014a64559378b66ca5bf74e9aa45aee6d5b"
    "8d961053300f0603551d130101ff040530030101ff302e0603551d11042730258212706c63372e706c616e742e65"
    "78616d706c65820f2a2e706c616e742e6578616d706c65300a06082a8648ce3d0403020348003045022033dd0914"
    "94bf13d0c814c45e595c628db76a5b0a57a87374657295366961e38502210098b95c4b15073c3cec6edd1cef596b"
    "6611ffbc9899e89f4d6d22d5cdf231747116030300720c00006e03001d2048c9254287a77dd6fefb0c93fb0f4197"
    "f60e08a6f95d1e807f7fc42f38d1af5b04030046304402200bcd520285149d40a8981fefbc4e9004efcc29147d80"
    "ca422a91486d66cdad35022073f100256afd929170122af1d18d8a899262a6eda3c4fecae3d503c7cf35f82b1603"
    "0300040e000000"
)
HELLO_13 = unhex(
    "1603010200010001fc03034f8ac5674076684637ad49812c8f34753a88a6b53a896937f2b6ecb225d200cc204b25"
    "ec0faa8a86ba9d0ff092ba6b95c5a474c6e3684b12f9ad29af1b64c13a28000813021303130100ff010001ab0000"
    "00170015000012706c63372e706c616e742e6578616d706c65000b000403000102000a00160014001d0017001e00"
    "19001801000101010201030104002300000010000e000c02683208687474702f312e310016000000170000000d00"
    "1e001c040305030603080708080809080a080b080408050806040105010601002b0003020304002d000201010033"
    "00260024001d00201f70453a1cff4d822a4f2b85e8d27004f5ed645925e359f4b46bf01865da9178001500f30000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000"
)
ANSWER_13 = unhex(
    "160303007a0200007603037a5b64394cbae5f876c0e24b697a3cfcdedb4122957ef0e49b4aae4ba253023f204b25"
    "ec0faa8a86ba9d0ff092ba6b95c5a474c6e3684b12f9ad29af1b64c13a28130200002e002b000203040033002400"
    "1d00200d88f83c37b24c3ff733073134b8f413395c780aa578bd12ed2a57723f567a2e"
)
SSL2 = unhex("802e 01 0002 0015 0000 0010 0100800200800300800400800500800600400700c0 00*16")
DATA = unhex("1703030020 aa*32")

EXAMPLES = [
    Example(
        "client hello and alert, public captures",
        Payload.of(TCP, (HELLO,), (ALERT,)),
        "tls",
        facts={"tls_version": "TLS 1.0"},
    ),
    Example("client hello alone", Payload.of(TCP, (HELLO,)), "tls"),
    Example("alert alone", Payload.of(TCP, (), (ALERT,)), "tls", PLAUSIBLE),
    Example(
        "TLS 1.2 with a certificate in the clear, made with OpenSSL 3",
        Payload.of(TCP, (HELLO_12,), (ANSWER_12,)),
        "tls",
        facts={
            "tls_version": "TLS 1.2",
            "server_name": "plc7.plant.example",
            "alpn": ("http/1.1",),
            "certificate_subject": "plc7.plant.example",
            "certificate_organisation": "Example Vendor",
            "certificate_names": ("plc7.plant.example", "*.plant.example"),
        },
        server={"name": "plc7.plant.example", "serial": "SC-42"},
    ),
    Example(
        "TLS 1.3, made with OpenSSL 3",
        Payload.of(TCP, (HELLO_13,), (ANSWER_13,)),
        "tls",
        facts={"tls_version": "TLS 1.3", "alpn": ("h2", "http/1.1")},
    ),
    Example("server hello alone", Payload.of(TCP, (), (ANSWER_12,)), "tls"),
    Example(
        "hello of SSL 2.0, made by hand after RFC 6101 appendix E",
        Payload.of(TCP, (SSL2,)),
        "tls",
        facts={"tls_version": "SSL 2.0"},
    ),
    Example(
        "joined in the middle: one record fills the segment",
        Payload.of(TCP, (DATA,)),
        "tls",
        PLAUSIBLE,
    ),
    Example("a record whose length lies", Payload.of(TCP, (DATA[:-1],)), None, None),
    Example("zeros behind a type", Payload.of(TCP, (b"\x16\x03\x01" + bytes(40),)), None, None),
]


def test_an_answer_that_is_not_tls_stands_against_it() -> None:
    told = recognise(Payload.of(TCP, (HELLO,), (b"HTTP/1.1 400 Bad Request\r\n\r\n",)))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("the answer is not TLS",) == told.against


@pytest.mark.parametrize("size", [64, 128])
def test_a_hello_cut_by_what_was_kept_is_plausible(size: int) -> None:
    cut = Side(HELLO_12[:size], ((len(HELLO_12), size),), len(HELLO_12))
    told = recognise(Payload(TCP, cut))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("a hello is not whole",) == told.against


def test_a_hello_split_over_two_records_is_joined() -> None:
    body = HELLO_12[5:]
    split = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (body[:50], body[50:])
    )
    told = recognise(Payload.of(TCP, (split,)))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert "plc7.plant.example" == told.facts["server_name"]


def test_a_certificate_that_is_cut_is_left_out() -> None:
    cut = Side(ANSWER_12[:300], ((len(ANSWER_12), 300),), len(ANSWER_12))
    told = recognise(Payload(TCP, Side.of(HELLO_12), cut))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert {} == dict(told.server)


def test_hellos_keep_their_direction() -> None:
    assert recognise(Payload.of(TCP, (ANSWER_12,))) is None
    assert recognise(Payload.of(TCP, (), (HELLO,))) is None
    assert recognise(Payload.of(Transport.UDP, (HELLO,))) is None


@pytest.mark.parametrize(
    "octets",
    [
        "802e 01 0002 0014 0000 0010",  # ciphers not by three
        "802e 01 0002 0015 0000 0008",  # challenge too short
        "802d 01 0002 0015 0000 0010",  # lengths do not agree
        "002e 01 0002 0015 0000 0010",  # no highest bit
    ],
)
def test_an_old_hello_whose_lengths_do_not_agree_is_none(octets: str) -> None:
    assert recognise(Payload.of(TCP, (unhex(octets) + bytes(37),))) is None


@given(st.binary(max_size=200))
def test_any_octets_behind_a_record_header_are_read_without_an_error(octets: bytes) -> None:
    for kind in (20, 21, 22, 23):
        record = bytes((kind, 3, 3)) + len(octets).to_bytes(2, "big") + octets
        found = records(Side.of(record))
        recognise(Payload.of(TCP, (record,), (record,)))
        assert len(found.handshake) <= len(octets)
