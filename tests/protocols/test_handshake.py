"""TLS hellos: what a client offers and a server chose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.handshake import Reader, client_hello, server_hello

RANDOM = bytes(32)


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def hello(*extensions: bytes) -> bytes:
    block = b"".join(extensions)
    return (
        unhex("0303") + RANDOM + unhex("00 0002 1301 0100") + len(block).to_bytes(2, "big") + block
    )


def test_the_highest_version_that_is_offered_is_told_and_grease_is_not() -> None:
    found = client_hello(
        hello(
            extension(0x0A0A, b""),
            extension(43, unhex("06 7a7a 0304 0303")),
            extension(16, unhex("0007 02 6a6a 03") + b"h2c"),
        )
    )

    assert found is not None
    assert (0x0304, True, ("h2c",)) == (found.version, found.exact, found.protocols)


def test_grease_in_the_protocols_is_left_out() -> None:
    found = client_hello(hello(extension(16, unhex("0006 02 dada 02 6832"))))

    assert found is not None
    assert ("h2",) == found.protocols


def test_a_server_name_without_control_characters_is_told() -> None:
    found = client_hello(hello(extension(0, unhex("0008 00 0005") + b"a\x1b[1m")))

    assert found is not None
    assert found.server_name is not None
    assert found.server_name.isprintable()


def test_an_extension_past_the_end_is_not_exact() -> None:
    whole = hello(extension(16, unhex("0003 02 6832")))
    cut = client_hello(whole[:-1])
    more = client_hello(whole + b"\0")

    assert cut is not None
    assert more is not None
    assert (False, False) == (cut.exact, more.exact)


def test_what_cannot_be_a_hello_is_none() -> None:
    assert client_hello(unhex("0203") + hello()[2:]) is None
    assert client_hello(unhex("0303") + RANDOM + unhex("00 0000 0100")) is None
    assert client_hello(unhex("0303") + RANDOM + unhex("21") + bytes(60)) is None
    assert server_hello(b"") is None


def test_a_reader_past_its_end_gives_nothing_and_says_so() -> None:
    reader = Reader(b"\x05ab")

    assert b"ab" == reader.counted(1)
    assert (0, True, True) == (reader.number(2), reader.cut, reader.done)


@given(st.binary(max_size=200))
def test_any_octets_are_read_without_an_error(octets: bytes) -> None:
    for read in (client_hello, server_hello):
        found = read(b"\x03\x03" + octets)
        assert found is None or found.version <= 0xFFFF
