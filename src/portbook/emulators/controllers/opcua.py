"""An OPC UA server that lets itself be found: endpoints and servers, without security or session.

Sources: OPC 10000-6 sections 5.2 (encoding), 6.7 (secure conversation), 7.1 (connection protocol);
OPC 10000-4 sections 5.4, 5.5, 7.
"""

from __future__ import annotations

import struct

from portbook.emulators.controllers import Device, Door, Framed, Plate
from portbook.ports import Transport
from portbook.protocols.opcua import (
    ANSWER,
    FIND_SERVERS,
    GET_ENDPOINTS,
    HEADER,
    HELLO,
    REQUESTS,
    SECURED,
    URL_AT_MOST,
)
from portbook.protocols.opcua_values import Reader

OPEN, CLOSE, FAULT = 446, 452, 397
NO_POLICY = "http://opcfoundation.org/UA/SecurityPolicy#None"
PROFILE = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
NO_SECURITY, SERVER, ANONYMOUS = 1, 0, 0
LEAST_BUFFER, BUFFER = 8192, 65536
LIFETIME_MS = 3_600_000
NULL = b"\xff\xff\xff\xff"
BAD_TYPE, BAD_URL, BAD_SIZE, BAD_CHANNEL = 0x807E0000, 0x80830000, 0x80800000, 0x807F0000
BAD_POLICY, BAD_MODE, BAD_SERVICE, BAD_DECODING = 0x80550000, 0x80540000, 0x800B0000, 0x80070000
TOO_LITTLE = 0x80810000  # not enough resources: buffers that are too small
SINCE_1601_S = 11_644_473_600


class OpcUa(Device):
    """A server; limits: octets and chunks of the largest message that it says it takes."""

    kind = "opcua"
    title = "OPC UA server"
    usual = Plate("portbook", "portbook", "stand-in")
    carries = ("name", "vendor", "product")
    doors = (Door(Transport.TCP, 4840),)

    def __init__(self, plate: Plate | None = None, *, limits: tuple[int, int] = (65536, 1)) -> None:
        super().__init__(plate)
        self.limits = limits
        self._channel = 0

    @property
    def url(self) -> str:
        """Return the URL of its endpoint."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"opc.tcp://{host}:{self.ports[Transport.TCP]}/"

    def session(self, now_ns: int) -> Framed:
        """Return a connection, which begins with a hello."""
        return _Connection(self)

    def next_channel(self) -> int:
        """Return the number of a new secure channel."""
        self._channel = self._channel % 0xFFFFFFFF + 1
        return self._channel

    def service(self, kind: int, handle: int, now_ns: int) -> bytes:
        """Return the answer to a service request, its type id first."""
        self.tally.note(REQUESTS.get(kind, f"service {kind}"))
        if kind == GET_ENDPOINTS:
            return _answer(kind + ANSWER, handle, now_ns) + _array([self._endpoint()])
        if kind == FIND_SERVERS:
            return _answer(kind + ANSWER, handle, now_ns) + _array([self._application()])
        return _answer(FAULT, handle, now_ns, BAD_SERVICE)

    def _application(self) -> bytes:
        plate = self.plate
        words = [plate.vendor, plate.product]
        return b"".join(
            (
                _text(f"urn:{_word(plate.name)}:{_word(plate.product)}"),
                _text(":".join(("urn", *map(_word, words)))),
                b"\2" + _text(plate.name),  # localized: a text, no locale
                struct.pack("<I", SERVER),
                NULL + NULL,  # no gateway, no discovery profile
                _array([_text(self.url)]),
            )
        )

    def _endpoint(self) -> bytes:
        token = _text("anonymous") + struct.pack("<I", ANONYMOUS) + NULL * 3
        return b"".join(
            (
                _text(self.url),
                self._application(),
                NULL,  # no certificate
                struct.pack("<I", NO_SECURITY),
                _text(NO_POLICY),
                _array([token]),
                _text(PROFILE),
                b"\0",
            )
        )


class _Connection(Framed):
    """A connection: hello, then a channel, then services; each in one chunk."""

    device: OpcUa
    largest = BUFFER

    def __init__(self, device: OpcUa) -> None:
        super().__init__(device)
        self._greeted = False
        self._channel = self._token = self._sequence = 0

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the chunk at the start."""
        if len(octets) < HEADER.size:
            return 0 if octets[:3].isalpha() else None
        if octets[:3] not in (b"HEL", b"OPN", b"MSG", b"CLO"):
            return None
        size = int(HEADER.get(octets, "size"))
        return size if size >= HEADER.size else None

    def lost(self) -> bytes:
        """Say that no message begins here, or that it is too long."""
        return _error(BAD_TYPE, "no message of this server, or one that is too long")

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one chunk."""
        kind = message[:3]
        if message[3:4] != b"F":
            return self._fail(BAD_SIZE, "one chunk a message")
        if kind == b"HEL":
            return self._hello(message[HEADER.size :])
        if not self._greeted:
            return self._fail(BAD_TYPE, "a hello comes first")
        if kind == b"OPN":
            return self._open(message, now_ns)
        if kind == b"CLO":
            self.device.tally.note("close channel")
            self.ended = True
            return b""
        return self._message(message, now_ns)

    def _hello(self, body: bytes) -> bytes:
        told = HELLO.read(body)
        if self._greeted or told is None:
            return self._fail(BAD_TYPE, "a hello of this form has no place here")
        self.device.tally.note("hello")
        if told["url_size"] > URL_AT_MOST or len(body) != HELLO.size + told["url_size"]:
            return self._fail(BAD_URL, "the URL is not as long as it says")
        receive, send = min(told["send"], BUFFER), min(told["receive"], BUFFER)
        if min(receive, send) < LEAST_BUFFER:
            return self._fail(TOO_LITTLE, f"buffers of {LEAST_BUFFER} octets at least")
        self._greeted = True
        return _chunk(b"ACK", struct.pack("<IIIII", 0, receive, send, *self.device.limits))

    def _open(self, message: bytes, now_ns: int) -> bytes:
        reader = Reader(message[12:])
        policy, certificate, _ = reader.text(), reader.raw(), reader.raw()
        _, request = reader.number(), reader.number()
        kind, handle = _type(reader), _handle(reader)
        _, renew, mode, _, lifetime = (
            reader.number(), reader.number(), reader.number(), reader.raw(), reader.number()
        )  # fmt: skip
        if reader.ended or kind != OPEN:
            return self._fail(BAD_DECODING, "this opens no channel")
        if policy != NO_POLICY or certificate:
            return self._fail(BAD_POLICY, "there is no security here but none")
        if mode != NO_SECURITY:
            return self._fail(BAD_MODE, "there is no security here but none")
        told = int.from_bytes(message[8:12], "little")
        if bool(self._channel) != bool(renew) or told != self._channel:
            return self._fail(BAD_CHANNEL, "another channel is open here, or none")
        self.device.tally.note("renew channel" if renew else "open channel")
        self._channel = self._channel or self.device.next_channel()
        self._token += 1
        life = min(lifetime, LIFETIME_MS) or LIFETIME_MS
        body = _answer(OPEN + ANSWER, handle, now_ns)
        body += struct.pack("<IIIqI", 0, self._channel, self._token, _time(now_ns), life) + NULL
        head = struct.pack("<I", self._channel) + _text(NO_POLICY) + NULL + NULL
        return _chunk(b"OPN", head + self._order(request) + body)

    def _message(self, message: bytes, now_ns: int) -> bytes:
        channel, token, _, request = struct.unpack("<IIII", message[8:SECURED].ljust(16, b"\0"))
        if not self._channel or (channel, token) != (self._channel, self._token):
            return self._fail(BAD_CHANNEL, "no such channel")
        reader = Reader(message[SECURED:])
        kind, handle = _type(reader), _handle(reader)
        if reader.ended or kind is None:
            return self._fail(BAD_DECODING, "this asks for no service")
        head = struct.pack("<II", self._channel, self._token) + self._order(request)
        return _chunk(b"MSG", head + self.device.service(kind, handle, now_ns))

    def _order(self, request: int) -> bytes:
        self._sequence += 1
        return struct.pack("<II", self._sequence, request)

    def _fail(self, status: int, why: str) -> bytes:
        self.device.tally.strange += 1
        self.ended = True
        return _error(status, why)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return HEADER.write(type=kind.decode(), size=HEADER.size + len(body)) + body


def _error(status: int, why: str) -> bytes:
    return _chunk(b"ERR", struct.pack("<I", status) + _text(why))


def _answer(kind: int, handle: int, now_ns: int, status: int = 0) -> bytes:
    """Return the type id and the header of an answer: no diagnostics, no further texts."""
    node = struct.pack("<BBH", 1, 0, kind)
    return node + struct.pack("<qIIBiBBB", _time(now_ns), handle, status, 0, 0, 0, 0, 0)


def _text(text: str) -> bytes:
    octets = text.encode()
    return struct.pack("<I", len(octets)) + octets


def _array(parts: list[bytes]) -> bytes:
    return struct.pack("<I", len(parts)) + b"".join(parts)


def _word(text: str) -> str:
    """Return a text as a part of a URN: letters and digits, the rest as dashes."""
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in text) or "unnamed"


def _time(now_ns: int) -> int:
    """Return a time as OPC UA counts: 100 ns since 1601."""
    return now_ns // 100 + SINCE_1601_S * 10_000_000


def _type(reader: Reader) -> int | None:
    """Read the type id that a message begins with; None when it is no number of this standard."""
    form = reader.number(1)
    if form == 0:
        return reader.number(1)
    if form == 1:
        space, value = reader.number(1), reader.number(2)
    elif form == 2:
        space, value = reader.number(2), reader.number(4)
    else:
        return None
    return None if space else value


def _handle(reader: Reader) -> int:
    """Read a request's header, and return the handle in it."""
    reader.node()
    reader.take(8)
    handle = reader.number()
    reader.take(4)
    reader.raw()
    reader.take(4)
    reader.extension()
    return handle
