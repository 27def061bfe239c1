"""Certificates: names and validity, as far as they are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.x509 import read

# Made with OpenSSL 3 for this test.
CERTIFICATE = unhex(
    "3082022d308201d3a003020102021406ebf72ffcea9c8751b0e1e6065f6ae4a3d9d25c300a06082a8648ce3d0403"
    "023053310b300906035504061302444531173015060355040a0c0e4578616d706c652056656e646f72311b301906"
    "035504030c12706c63372e706c616e742e6578616d706c65310e300c0603550405130553432d3432301e170d3236"
    "313132313136303631395a170d3336313131383136303631395a3053310b30090603550406130244453117301506"
    "0355040a0c0e4578616d706c652056656e646f72311b301906035504030c12706c63372e706c616e742e6578616d"
    "706c65310e300c0603550405130553432d34323059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "6d05525460c57c4cee1057543a3913c69be24a27c1515b5a304550d50e2bfcede26b4e27640c341b995372ade367"
    "29d21757497a011b04782b62a32c5be2bf4aa38184308181301d0603551d0e04160414a64559378b66ca5bf74e9a"
    "a45aee6d5b8d961053301f0603551d23041830168014a64559378b66ca5bf74e9aa45aee6d5b8d961053300f0603"
    "551d130101ff040530030101ff302e0603551d11042730258212706c63372e706c616e742e6578616d706c65820f"
    "2a2e706c616e742e6578616d706c65300a06082a8648ce3d0403020348003045022033dd091494bf13d0c814c45e"
    "595c628db76a5b0a57a87374657295366961e38502210098b95c4b15073c3cec6edd1cef596b6611ffbc9899e89f"
    "4d6d22d5cdf2317471"
)


def test_subject_issuer_validity_and_names_are_told() -> None:
    found = read(CERTIFICATE)

    assert found is not None
    assert "plc7.plant.example" == found.subject == found.issuer
    assert ("Example Vendor", "SC-42") == (found.organisation, found.serial)
    assert ("plc7.plant.example", "*.plant.example") == found.names
    assert found.until is not None
    assert found.until.startswith("2036-")


@pytest.mark.parametrize("year", [b"49", b"50"])
def test_a_year_of_two_digits_lies_between_1950_and_2049(year: bytes) -> None:
    at = CERTIFICATE.index(b"\x17\x0d", CERTIFICATE.index(b"\x17\x0d") + 2) + 2
    found = read(CERTIFICATE[:at] + year + CERTIFICATE[at + 2 :])

    assert found is not None
    assert found.until is not None
    assert (b"20" if year < b"50" else b"19") + year == found.until[:4].encode()


def test_a_date_that_is_none_is_left_out() -> None:
    at = CERTIFICATE.index(b"\x17\x0d", CERTIFICATE.index(b"\x17\x0d") + 2) + 2
    found = read(CERTIFICATE[:at] + b"xx" + CERTIFICATE[at + 2 :])

    assert found is not None
    assert found.until is None


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"\x30\x02\x30\x00", CERTIFICATE[:200]])
def test_what_is_no_certificate_is_none(octets: bytes) -> None:
    assert read(octets) is None


@given(st.integers(0, len(CERTIFICATE) - 1), st.binary(max_size=3))
def test_changed_octets_raise_nothing(at: int, change: bytes) -> None:
    read(CERTIFICATE[:at] + change + CERTIFICATE[at + 1 :])
    read(CERTIFICATE[:at] + change)
