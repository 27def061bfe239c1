"""Asking OPC UA servers which endpoints they offer: hello, channel, GetEndpoints, close.

No session is created and nobody logs in; the channel is of policy None.
Source: OPC 10000-6, sections 6.7 and 7.1; OPC 10000-4, sections 5.4.4 and 5.5.
"""

from __future__ import annotations

import struct
from functools import partial

from portbook.ports import Transport
from portbook.protocols.opcua_values import Reader
from portbook.protocols.questions import Asking, Heard, Line, Measure, Question, Verdict

POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"
OPEN_CHANNEL, CLOSE_CHANNEL, GET_ENDPOINTS = 446, 452, 428
BUFFER, LARGEST, CHUNKS = 65536, 65536, 16
LIFETIME_MS = 60_000
NULL = struct.pack("<i", -1)
EPOCH_100NS = 116_444_736_000_000_000  # from 1601 to 1970
CHANNEL = ((8, 4), (12, 4))  # channel and token, which the server gives


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the four messages."""
    url = address(asking.host, asking.port).encode()
    moment = EPOCH_100NS + asking.now_ns // 100
    opens = open_channel(moment)
    return (
        Line(hello(url), f"hello, {url.decode()}", partial(_answers, b"ACK")),
        Line(opens, "open a channel without security", partial(_answers, b"OPN")),
        Line(
            get_endpoints(0, 0, moment, url),
            "GetEndpoints: which endpoints are there",
            partial(_answers, b"MSG"),
            _in_channel,
            CHANNEL,
        ),
        Line(
            close_channel(0, 0, moment),
            "close the channel",
            fill=_in_channel,
            open=CHANNEL,
            answered=False,
        ),
    )


def address(host: str, port: int) -> str:
    """Return the URL of a server."""
    return f"opc.tcp://[{host}]:{port}/" if ":" in host else f"opc.tcp://{host}:{port}/"


def hello(url: bytes, buffer: int = BUFFER, largest: int = LARGEST, chunks: int = CHUNKS) -> bytes:
    """Make a hello; sizes are of what we take."""
    return _chunk(b"HEL", struct.pack("<5I", 0, buffer, buffer, largest, chunks) + _text(url))


def open_channel(
    moment: int, *, handle: int = 1, diagnostics: int = 0, lifetime_ms: int = LIFETIME_MS
) -> bytes:
    """Make a request for a channel without security; moment: 100 ns since 1601."""
    head = struct.pack("<I", 0) + _text(POLICY) + NULL + NULL + struct.pack("<II", 1, 1)
    body = struct.pack("<IIIiI", 0, 0, 1, 0, lifetime_ms)  # version, issue, no security, no nonce
    return _chunk(b"OPN", head + _request(OPEN_CHANNEL, moment, handle, diagnostics) + body)


def get_endpoints(
    channel: int,
    token: int,
    moment: int,
    url: bytes | None,
    *,
    handle: int = 2,
    diagnostics: int = 0,
) -> bytes:
    """Make a GetEndpoints request, the second message of its channel."""
    head = struct.pack("<4I", channel, token, 2, 2)
    body = (NULL if url is None else _text(url)) + struct.pack("<II", 0, 0)
    return _chunk(b"MSG", head + _request(GET_ENDPOINTS, moment, handle, diagnostics) + body)


def close_channel(channel: int, token: int, moment: int) -> bytes:
    """Make the request that closes a channel, its third message."""
    head = struct.pack("<4I", channel, token, 3, 3)
    return _chunk(b"CLO", head + _request(CLOSE_CHANNEL, moment, 3))


def _request(kind: int, moment: int, handle: int, diagnostics: int = 0) -> bytes:
    """Return type id and request header: no session, no audit entry, no time limit."""
    return (
        struct.pack("<BBH2x", 1, 0, kind)
        + struct.pack("<QII", moment, handle, diagnostics)
        + NULL
        + struct.pack("<I3x", 0)
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + b"F" + struct.pack("<I", 8 + len(body)) + body


def _text(octets: bytes) -> bytes:
    return struct.pack("<i", len(octets)) + octets


def _answers(kind: bytes, sent: bytes, came: bytes) -> Verdict:
    if came[:3] not in (kind, b"ERR"):
        return Verdict.OTHER
    return Verdict.PART if came[3:4] == b"C" else Verdict.ANSWER


def _in_channel(octets: bytes, heard: Heard) -> bytes | None:
    """Put channel and token in; nothing is sent in a channel that was not opened."""
    given = _channel(heard[1][-1]) if len(heard) > 1 and heard[1] else None
    if given is None:
        return None
    return octets[:8] + struct.pack("<II", *given) + octets[16:]


def _channel(answer: bytes) -> tuple[int, int] | None:
    if answer[:3] != b"OPN":
        return None
    reader = Reader(answer[8:])
    reader.number()
    for _ in range(3):  # policy, certificate, thumbprint
        reader.raw()
    reader.take(8)
    reader.node()
    if not reader.response_header():
        return None
    reader.number()
    channel, token = reader.number(), reader.number()
    return None if reader.ended else (channel, token)


def questions(measure: Measure) -> tuple[Question, ...]:
    """Return the question over TCP."""
    return (
        Question(
            "opcua",
            "opcua",
            "GetEndpoints: who is there",
            Transport.TCP,
            (4840,),
            lines,
            measure,
        ),
    )
