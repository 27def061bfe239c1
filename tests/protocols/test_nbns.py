"""NetBIOS name service: names of 32 letters, registrations, status answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.nbns import decode, recognise

UDP = Transport.UDP
# suricata-verify smb2-ntlmssp-negotiateflags, frames 89 and 68
QUERY = unhex(
    "a7890110000100000000000020464846414542454543414341434143414341434143"
    "41434143414341434141410000200001"
)
REGISTERS = unhex(
    "a7842810000100000000000120454545464644454c464545504641434e464744424547454244414646464241410000"
    "200001c00c00200001000493e000060000c0a8c785"
)


def encoded(name: bytes, suffix: int) -> bytes:
    octets = name.ljust(15) + bytes((suffix,))
    return bytes(0x41 + half for octet in octets for half in (octet >> 4, octet & 15))


def status(*names: tuple[bytes, int, int]) -> bytes:
    head = unhex("0001 8400 0000 0001 0000 0000 20") + encoded(b"*", 0) + unhex("00 0021 0001")
    body = bytes((len(names),)) + b"".join(
        name.ljust(15) + bytes((suffix,)) + flags.to_bytes(2, "big")
        for name, suffix, flags in names
    )
    data = body + bytes(46)
    return head + bytes(4) + len(data).to_bytes(2, "big") + data


EXAMPLES = [
    Example(
        "query for WPAD, suricata-verify smb2-ntlmssp-negotiateflags frame 89",
        Payload.of(UDP, (QUERY,), cast=Cast.BROADCAST),
        "nbns",
        facts={"operation": "query"},
    ),
    Example(
        "registration, the same capture, frame 68",
        Payload.of(UDP, (REGISTERS,), cast=Cast.BROADCAST),
        "nbns",
        facts={"operation": "registration"},
        client={"name": "DESKTOP-V1FA0UQ"},
    ),
    Example(
        "status answer of a workstation",
        Payload.of(UDP, (QUERY,), (status((b"PLANT", 0, 0x8400), (b"HMI7", 0, 0x0400)),)),
        "nbns",
        server={"name": "HMI7"},
    ),
    Example("query with an octet too many", Payload.of(UDP, (QUERY + b"\0",)), "nbns", PLAUSIBLE),
    Example(
        "NetBIOS datagram service, start of a public capture's frame",
        Payload.of(
            UDP, (unhex("1102f93fc0a801c8008a00ca000020454545464644454c464545504641 41*40 00"),)
        ),
        None,
        None,
    ),
]


def test_a_cut_query_is_plausible() -> None:
    told = recognise(Payload(UDP, Side(QUERY, ((90, len(QUERY)),), 90)))

    assert told is not None
    assert PLAUSIBLE is told.confidence


def test_a_group_name_is_no_name_of_a_host() -> None:
    grouped = REGISTERS[:-6] + b"\x80\x00" + REGISTERS[-4:]
    told = recognise(Payload.of(UDP, (grouped,), cast=Cast.BROADCAST))

    assert told is not None
    assert {} == dict(told.client)


def test_a_status_answer_that_is_cut_tells_what_is_there() -> None:
    answer = status((b"HMI7", 0, 0x0400))
    lies = answer.replace(b"\x01HMI7", b"\xffHMI7")
    told = recognise(Payload.of(UDP, (), (lies,)))

    assert told is not None
    assert {"name": "HMI7"} == dict(told.server)


@given(st.from_regex(rb"[A-Z0-9-]{1,15}", fullmatch=True), st.integers(0, 255))
def test_a_name_encoded_is_the_name_decoded(name: bytes, suffix: int) -> None:
    assert (name.decode(), suffix) == decode(encoded(name, suffix))


@given(st.binary(max_size=64))
def test_any_label_is_decoded_or_refused(label: bytes) -> None:
    found = decode(label)

    assert found is None or len(found[0]) <= 15
