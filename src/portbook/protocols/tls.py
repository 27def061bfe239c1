"""TLS over TCP: the hellos, alerts, and the certificate where it travels in the clear.

TLS 1.3 encrypts the certificate. A stream that was joined in the middle shows data records only:
plausible at the most. DTLS and QUIC are other protocols.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    moulds,
    plausible,
    x509,
)
from portbook.protocols.handshake import VERSIONS, Hello, Reader, client_hello, server_hello
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import (
    Counted,
    Length,
    Message,
    Mould,
    Number,
    Octets,
    Repeat,
    Rest,
    Sized,
    Speech,
    Step,
)
from portbook.records import Identification, Source

NAME = "tls"
SOURCES = (
    Source("RFC 8446, TLS 1.3", "2018-08", "sections 4.1, 5.1 and 6"),
    Source("RFC 5246, TLS 1.2", "2008-08", "sections 6.2 and 7.4; appendix E.2: SSLv2 hello"),
    Source("RFC 2818, HTTP over TLS", "2000-05", "section 2.3: port 443"),
    Source("RFC 6101, SSL 3.0", "2011-08", "appendix E"),
)
CHANGE, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
LONGEST = 16384 + 2048  # octets of a record, RFC 5246 section 6.2.3
RECORDS = 64

RECORD = Layout(
    "TLS record header",
    5,
    (
        Field("type", 0, 1, BE, None, "20 change cipher, 21 alert, 22 handshake, 23 data"),
        Field("version", 1, 2, BE, None, "0301 to 0304; often lower than what is spoken"),
        Field("length", 3, 2, BE, "byte", "of what follows"),
    ),
)
SSL2_HELLO = Layout(
    "SSL 2.0 client hello",
    11,
    (
        Field("length", 0, 2, BE, "byte", "highest bit set, then what follows these two octets"),
        Field("type", 2, 1, BE, None, "1 client hello"),
        Field("version", 3, 2, BE, None, "0002, or 03xx offered in the old way"),
        Field("ciphers", 5, 2, BE, "byte", "three for each cipher"),
        Field("session", 7, 2, BE, "byte", "session id"),
        Field("challenge", 9, 2, BE, "byte", "16 to 32"),
    ),
)


class Records(NamedTuple):
    """The start of one direction, taken apart."""

    handshake: bytes  # what the handshake records in the clear carry, joined
    kinds: tuple[int, ...]  # of the records, in order
    alert: str | None
    sound: bool  # nothing else is in it; the last record may go on
    whole: int  # records that were kept whole


def recognise(payload: Payload) -> Identification | None:
    """Name TLS by a hello of either side, an alert, or data records whose lengths agree."""
    if payload.transport is not Transport.TCP:
        return None
    old = _ssl2(payload.to_server)
    asks, answers = records(payload.to_server), records(payload.to_client)
    offered = old or _hello(asks, CLIENT_HELLO)
    chosen = _hello(answers, SERVER_HELLO)
    if (asks.handshake and not offered) or (answers.handshake and not (chosen or offered)):
        return None
    if offered or chosen:
        return _greeted(payload, offered, chosen, asks, answers)
    return _without_hello(payload, asks, answers)


def _greeted(
    payload: Payload, offered: Hello | None, chosen: Hello | None, asks: Records, answers: Records
) -> Identification:
    because = ["client hello"] if offered else []
    because += ["server hello"] if chosen else []
    against: tuple[str, ...] = ()
    if payload.to_client and not chosen and not answers.kinds:
        against += ("the answer is not TLS",)
    elif answers.alert and not chosen:
        because.append(f"alert {answers.alert}")
    hellos = [one for one in (offered, chosen) if one]
    if not all(one.exact for one in hellos):
        against += ("a hello is not whole",)
    else:
        because.append("all lengths agree")
    told = confirmed if not against or (offered and chosen) else plausible
    mine, theirs = _certificate(asks.handshake), _certificate(answers.handshake)
    return told(
        NAME,
        *because,
        against=against,
        facts=_facts(offered, chosen, theirs),
        client=_device(mine),
        server=_device(theirs),
    )


def _without_hello(payload: Payload, asks: Records, answers: Records) -> Identification | None:
    sides = [one for one, side in ((asks, payload.to_server), (answers, payload.to_client)) if side]
    if not sides or not all(one.sound and one.kinds for one in sides):
        return None
    alert = next((one.alert for one in sides if one.alert), None)
    if alert:
        return plausible(NAME, f"alert {alert}", against=("no hello was seen",))
    if sum(one.whole for one in sides) < 2 and not any(
        _fills(side) for side in (payload.to_server, payload.to_client)
    ):
        return None
    return plausible(
        NAME, "records whose lengths agree", against=("joined in the middle: no hello was seen",)
    )


def _fills(side: Side) -> bool:
    """Tell whether one record of some length is exactly one segment."""
    header = RECORD.read(side.first.octets)
    length = header["length"] if header else 0
    return length >= 16 and side.first.length == RECORD.size + length


def records(side: Side) -> Records:
    """Take the start of one direction apart; what is not TLS ends it."""
    octets, at = side.octets, 0
    handshake, kinds = bytearray(), list[int]()
    alert, sound, whole, encrypted = None, True, 0, False
    while at < len(octets) and len(kinds) < RECORDS:
        header = RECORD.read(octets, at)
        if header is None:
            sound = bool(kinds)
            break
        if not _possible(header):
            sound = False
            break
        end = at + RECORD.size + header["length"]
        body = octets[at + RECORD.size : end]
        if header["type"] == HANDSHAKE and not encrypted:
            handshake += body
        alert = alert or (_alert(body) if header["type"] == ALERT and not encrypted else None)
        encrypted = encrypted or header["type"] in (CHANGE, DATA)
        kinds.append(header["type"])
        whole += end <= len(octets)
        at = end
    if at > len(octets) and side.complete and not whole:
        sound = False  # one record, and its length lies
    return Records(bytes(handshake), tuple(kinds), alert, sound, whole)


def _possible(header: dict[str, Any]) -> bool:
    kind, length = header["type"], header["length"]
    if not CHANGE <= kind <= HEARTBEAT or header["version"] not in range(0x0300, 0x0305):
        return False
    if kind == CHANGE and length != 1:
        return False
    return 0 < length <= LONGEST and not (kind == ALERT and length < 2)


def _alert(body: bytes) -> str | None:
    if len(body) != 2 or body[0] not in (1, 2):
        return None
    return f"{'warning' if body[0] == 1 else 'fatal'} {body[1]}"


def _messages(handshake: bytes) -> list[tuple[int, bytes, bool]]:
    found: list[tuple[int, bytes, bool]] = []
    reader = Reader(handshake)
    while not reader.done and len(found) < 16:
        kind = reader.number(1)
        body = reader.counted(3)
        found.append((kind, body, not reader.cut))
    return found


def _hello(found: Records, kind: int) -> Hello | None:
    for number, body, whole in _messages(found.handshake)[:1]:
        if number == kind:
            hello = client_hello(body) if kind == CLIENT_HELLO else server_hello(body)
            return hello and hello._replace(exact=hello.exact and whole)
    return None


def _ssl2(side: Side) -> Hello | None:
    header = SSL2_HELLO.read(side.octets)
    if header is None or header["type"] != CLIENT_HELLO or header["version"] not in VERSIONS:
        return None
    if not header["length"] & 0x8000 or not header["ciphers"] or header["ciphers"] % 3:
        return None
    rest = header["ciphers"] + header["session"] + header["challenge"]
    length = header["length"] & 0x7FFF
    if header["session"] not in (0, 16) or not 16 <= header["challenge"] <= 32:
        return None
    if length != SSL2_HELLO.size - 2 + rest or side.first.length < 2 + length:
        return None
    return Hello(header["version"], len(side.octets) >= 2 + length)


def _certificate(handshake: bytes) -> x509.Certificate | None:
    for kind, body, _ in _messages(handshake):
        if kind == CERTIFICATE:
            reader = Reader(Reader(body).counted(3))
            one = reader.counted(3)
            return None if reader.cut else x509.read(one)
    return None


def _facts(
    offered: Hello | None, chosen: Hello | None, certificate: x509.Certificate | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    spoken = chosen or offered
    if spoken:
        facts["tls_version"] = VERSIONS.get(spoken.version, f"{spoken.version:04x}")
    if offered and offered.server_name:
        facts["server_name"] = offered.server_name
    names = chosen.protocols if chosen and chosen.protocols else offered and offered.protocols
    if names:
        facts["alpn"] = names
    return facts | x509.told(certificate) if certificate else facts


def _device(certificate: x509.Certificate | None) -> dict[str, str]:
    if certificate is None:
        return {}
    told = {"name": certificate.subject, "serial": certificate.serial}
    return {key: value for key, value in told.items() if value}


def _signatures() -> tuple[Signature, ...]:
    kinds = (HANDSHAKE, ALERT, DATA, CHANGE)
    new = [Signature(Transport.TCP, 0, bytes((kind, 3, 0)), b"\xff\xff\xf8") for kind in kinds]
    old = [
        Signature(Transport.TCP, 0, b"\x80\x00\x01" + version, b"\x80\x00\xff\xff" + mask)
        for version, mask in ((b"\x00\x02", b"\xff"), (b"\x03\x00", b"\xf8"))
    ]
    return (*new, *old)


def _mould() -> Mould:
    """A client hello in a record of its own, and the server's hello or an alert."""
    version = Number(2, 0x0300, 0x0304)
    record = (Octets(bytes((HANDSHAKE,))), version, Length(2, high=LONGEST))
    extensions = Sized(2, (Repeat((moulds.Any(2), Counted(2))),))
    begins = (Octets(b"\3"), moulds.Any(1 + 32), Counted(1, 0, 32))
    ciphers = Sized(2, (moulds.Any(2), Repeat((moulds.Any(2),))))
    asks = (*begins, ciphers, Counted(1, 1, 255))
    tells = (*begins, moulds.Any(3))

    def hello(kind: int, *steps: Step) -> Message:
        return (*record, Octets(bytes((kind,))), Sized(3, steps))

    alert = (Octets(bytes((ALERT,))), version, Octets(b"\0\2"), Number(1, 1, 2), moulds.Any(1))
    return Mould(
        Transport.TCP,
        Speech((hello(CLIENT_HELLO, *asks, extensions), hello(CLIENT_HELLO, *asks)), ()),
        Speech(
            (
                (*hello(SERVER_HELLO, *tells, extensions), Rest()),
                (*hello(SERVER_HELLO, *tells), Rest()),
                alert,
            ),
            (),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Transport Layer Security",
    recognise=recognise,
    sources=SOURCES,
    signatures=_signatures(),
    usual=(
        Usual(
            PortRange(443, 443),
            Transport.TCP,
            title="HTTP over TLS",
            confidence="verified",
            source=2,
        ),
    ),
    moulds=(_mould(),),
    layouts=(RECORD, SSL2_HELLO),
    safety="Encrypted; versions before TLS 1.2 are broken and should be off.",
    programs=("nginx", "apache2", "httpd", "stunnel", "stunnel4", "haproxy"),
)
