"""Initial packets of QUIC: keys from the connection id, the tag, and the hello in the frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.initials import CLIENT, CONNECTION, HELLO, SERVER, crypto, sealed

from portbook.protocols.handshake import Reader
from portbook.protocols.quic_initial import (
    LONGEST,
    OPENED,
    SALTS,
    V1,
    V2,
    Sealed,
    hello,
    keys_of,
    look,
    number,
    opened,
)

AT = 18  # where the packet number of these examples begins
MESSAGE = HELLO[4:]  # the handshake without the frame around it


def test_keys_come_from_the_connection_id_as_rfc_9001_derives_them() -> None:
    keys = keys_of(V1, CONNECTION)

    assert keys is not None
    assert "1f369613dd76d5467730efcbe3b1a22d" == keys.key.hex()
    assert "fa044b2f42a3fd3b46fb255c" == keys.nonce.hex()
    assert "9f50449e04a0e810283a1e9933adedd2" == keys.header.hex()


def test_keys_of_version_2_are_those_of_rfc_9369() -> None:
    keys = keys_of(V2, CONNECTION)

    assert keys is not None
    assert "8b1a0bc121284290a29e0971b5cd045d" == keys.key.hex()
    assert "91f73e2351d8fa91660e909f" == keys.nonce.hex()
    assert "45b95e15235d6f45a6b19cbcb0294ba9" == keys.header.hex()


def test_the_packet_of_rfc_9001_is_opened_to_its_last_octet() -> None:
    keys = keys_of(V1, CONNECTION)

    assert keys is not None
    assert HELLO + bytes(1162 - len(HELLO)) == opened(Sealed(CLIENT, AT), keys)


def test_what_the_tests_seal_is_what_the_rfcs_print() -> None:
    two = sealed(HELLO, version=V2)

    assert CLIENT == sealed(HELLO)
    # RFC 9369, appendix A.2: the beginning, and the tag, which stands for all of it
    assert two.startswith(
        bytes.fromhex("d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485")
    )
    assert "a18b2faa745b6fe189cf772a9f84cbfc" == two[-16:].hex()


@pytest.mark.parametrize("version", [V1, V2, 0xFF000017, 0xFF00001D, 0xFF000021])
def test_the_hello_tells_whom_the_client_wants(version: int) -> None:
    told = look(version, CONNECTION, [Sealed(sealed(HELLO, version=version), AT)])

    assert told.fits
    assert told.hello is not None
    assert ("example.com", ("alpn",), 0x0304, True) == (
        told.hello.server_name,
        told.hello.protocols,
        told.hello.version,
        told.hello.exact,
    )


def test_a_hello_in_two_packets_and_many_pieces_is_joined() -> None:
    first = bytes(3) + crypto(100, MESSAGE[100:120]) + b"\1" + crypto(0, MESSAGE[:60]) + b"\1"
    # an acknowledgement of one range stands before the rest
    second = b"\2\5\0\0\3" + crypto(50, MESSAGE[50:110]) + bytes(9) + crypto(120, MESSAGE[120:])
    packets = [Sealed(sealed(first, 0), AT), Sealed(sealed(second, 1), AT)]

    half, whole = look(V1, CONNECTION, packets[:1]), look(V1, CONNECTION, packets)
    assert half.hello is not None
    assert not half.hello.exact
    assert whole.hello is not None
    assert whole.hello.exact
    assert "example.com" == whole.hello.server_name


def test_a_hello_without_its_beginning_is_none() -> None:
    told = look(V1, CONNECTION, [Sealed(sealed(crypto(7, MESSAGE[7:])), AT)])

    assert told.fits
    assert told.hello is None


def test_no_more_than_the_first_packets_are_opened() -> None:
    asked = []

    def packets() -> object:
        for at in range(10):
            asked.append(at)
            yield Sealed(sealed(b"\1", at), AT)

    assert look(V1, CONNECTION, packets()).fits  # type: ignore[arg-type]
    assert OPENED == len(asked)


def test_a_packet_to_the_servers_own_id_has_the_keys_of_the_first_one() -> None:
    other = sealed(crypto(60, MESSAGE[60:]), connection=b"\7" * 8, derived=CONNECTION)
    packets = [Sealed(sealed(crypto(0, MESSAGE[:60])), AT), Sealed(other, AT)]

    told = look(V1, CONNECTION, packets).hello
    assert told is not None
    assert told.exact


def test_a_packet_that_others_forged_later_changes_nothing() -> None:
    forged = Sealed(sealed(HELLO.replace(b"example", b"exbmple"), derived=b"wrong"), AT)
    told = look(V1, CONNECTION, [Sealed(sealed(b"\1"), AT), forged, Sealed(CLIENT, AT)])

    assert told.hello is not None
    assert "example.com" == told.hello.server_name


def test_the_server_has_other_keys() -> None:
    assert look(V1, CONNECTION, [Sealed(SERVER, AT)]).fits is False


@pytest.mark.parametrize("at", range(0, len(CLIENT), 43))
def test_one_changed_bit_shows(at: int) -> None:
    changed = CLIENT[:at] + bytes((CLIENT[at] ^ 1,)) + CLIENT[at + 1 :]

    assert look(V1, CONNECTION, [Sealed(changed, AT)]).fits is False


def test_a_version_without_a_salt_is_not_tried() -> None:
    assert look(0x0A0A0A0A, CONNECTION, [Sealed(CLIENT, AT)]).fits is None
    assert look(V1, CONNECTION, []).fits is None
    assert V1 in SALTS


def test_what_is_longer_than_any_first_packet_is_not_opened() -> None:
    keys = keys_of(V1, CONNECTION)

    assert keys is not None
    assert opened(Sealed(CLIENT + bytes(LONGEST), AT), keys) is None
    assert opened(Sealed(CLIENT[:30], AT), keys) is None


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_hostile_frames_raise_nothing(plain: list[bytes]) -> None:
    hello(plain)


@given(st.binary(max_size=60), st.integers(0, 20))
def test_hostile_packets_raise_nothing(octets: bytes, at: int) -> None:
    assert not look(V1, octets[:8], [Sealed(octets, at)]).fits


def test_frames_that_promise_too_much_end() -> None:
    long = b"\xff" * 8
    for frames in (b"\6" + long + long, b"\2" + long * 4, b"\3\0\0" + long, b"\1" * 5000):
        assert hello([frames]) is None


def test_numbers_of_variable_length_are_those_of_rfc_9000() -> None:
    # RFC 9000, appendix A.1
    for text, value in (
        ("c2197c5eff14e88c", 151288809941952652),
        ("9d7f3e7d", 494878333),
        ("7bbd", 15293),
        ("25", 37),
        ("4025", 37),
        ("40", 0),
    ):
        assert value == number(Reader(bytes.fromhex(text)))
