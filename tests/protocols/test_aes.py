"""AES-128 and its Galois/Counter Mode against the examples of their standards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols import aes

# McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 4
KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308")
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
SEALED = bytes.fromhex("""
    42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84
    aa051ba30b396a0aac973d58e091 5bc94fbc3221a5db94fae95ae7121a47
""")
PLAIN = bytes.fromhex("""
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6
    b525b16aedf5aa0de657ba637b39
""")


@pytest.mark.parametrize(
    ("key", "plain", "wanted"),
    [
        # FIPS 197, appendix B
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3243f6a8885a308d313198a2e0370734",
            "3925841d02dc09fbdc118597196a0b32",
        ),
        # FIPS 197, appendix C.1
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
    ],
)
def test_a_block_is_encrypted_as_the_standard_has_it(key: str, plain: str, wanted: str) -> None:
    assert wanted == aes.encrypted(bytes.fromhex(key), bytes.fromhex(plain)).hex()


@given(st.binary(min_size=16, max_size=16), st.integers(0, 40))
def test_many_blocks_are_encrypted_as_each_by_itself(key: bytes, many: int) -> None:
    blocks = [bytes((at * 7 + number) % 256 for number in range(16)) for at in range(many)]

    assert b"".join(aes.encrypted(key, one) for one in blocks) == aes.encrypted(
        key, b"".join(blocks)
    )


@pytest.mark.parametrize(
    ("sealed", "plain"),
    [
        ("58e2fccefa7e3061367f1d57a4e7455a", ""),  # test case 1
        (
            "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",  # test case 2
            "00000000000000000000000000000000",
        ),
    ],
)
def test_what_stands_beside_nothing_is_opened(sealed: str, plain: str) -> None:
    assert plain == (aes.open_sealed(bytes(16), bytes(12), b"", bytes.fromhex(sealed)) or b"").hex()


def test_what_is_protected_together_with_more_is_opened() -> None:
    assert PLAIN == aes.open_sealed(KEY, NONCE, ASSOCIATED, SEALED)


@pytest.mark.parametrize("at", range(0, len(SEALED), 5))
def test_one_changed_bit_is_found(at: int) -> None:
    changed = SEALED[:at] + bytes((SEALED[at] ^ 1,)) + SEALED[at + 1 :]

    assert aes.open_sealed(KEY, NONCE, ASSOCIATED, changed) is None


def test_what_stands_beside_it_counts() -> None:
    assert aes.open_sealed(KEY, NONCE, ASSOCIATED[:-1], SEALED) is None
    assert aes.open_sealed(KEY, NONCE[:-1] + b"\0", ASSOCIATED, SEALED) is None


@given(st.binary(max_size=80))
def test_octets_that_nobody_sealed_are_not_opened(octets: bytes) -> None:
    assert aes.open_sealed(KEY, NONCE, ASSOCIATED, octets) is None
