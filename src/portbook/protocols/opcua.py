"""OPC UA binary: typed, sized chunks; endpoint and application as far as they travel in clear.

A server may call its client (reverse hello): then the OPC UA server is who opened the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Signature,
    Usual,
    confirmed,
    opcua_asking,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import LE, TEXT, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Counted,
    Length,
    Message,
    Mould,
    Octets,
    OneOf,
    Rest,
    Speech,
)
from portbook.protocols.opcua_values import Reader, application, endpoints
from portbook.records import Identification, Source

NAME = "opcua"
HEADER = Layout(
    "OPC UA message header",
    8,
    (
        Field("type", 0, 3, TEXT, None, "HEL, ACK, ERR, RHE, OPN, MSG, CLO"),
        Field("chunk", 3, 1, TEXT, None, "F: last, C: more follow, A: abandoned", "F"),
        Field("size", 4, 4, LE, "octet", "of the whole chunk, these eight included"),
    ),
)
HELLO = Layout(
    "OPC UA hello, after its header",
    24,
    (
        Field("version", 0, 4, LE, None, "of the protocol", 0),
        Field("receive", 4, 4, LE, "octet", "buffer for receiving"),
        Field("send", 8, 4, LE, "octet", "buffer for sending"),
        Field("message", 12, 4, LE, "octet", "largest message, 0: no limit"),
        Field("chunks", 16, 4, LE, None, "most chunks of a message, 0: no limit"),
        Field("url_size", 20, 4, LE, "octet", "of the endpoint's URL that follows"),
    ),
)
TYPES = (b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO")
MOST = 64 << 20
URL_AT_MOST = 4096
NOTHING_TOLD = 0xFFFFFFFF  # the length of a text that is null
SECURED = 24  # header, channel, token, sequence, request: where the body of MSG and CLO begins
MESSAGE_AT_MOST = 1 << 20
ANSWER = 3  # an answer's type id is its request's plus three
FIND_SERVERS, GET_ENDPOINTS, CREATE_SESSION = 422, 428, 461
REQUESTS = {
    FIND_SERVERS: "FindServers", GET_ENDPOINTS: "GetEndpoints", CREATE_SESSION: "CreateSession",
    467: "ActivateSession", 473: "CloseSession", 452: "CloseSecureChannel", 527: "Browse",
    533: "BrowseNext", 554: "TranslateBrowsePaths", 631: "Read", 664: "HistoryRead", 673: "Write",
    712: "Call", 751: "CreateMonitoredItems", 763: "ModifyMonitoredItems",
    781: "DeleteMonitoredItems", 787: "CreateSubscription", 793: "ModifySubscription",
    799: "SetPublishingMode", 826: "Publish", 832: "Republish", 847: "DeleteSubscriptions",
}  # fmt: skip
SERVER_SAYS, CLIENT_SAYS = (b"ACK", b"RHE"), (b"HEL", b"CLO")


class Service(NamedTuple):
    """One service message that travelled in clear."""

    type: int
    body: bytes  # behind the type id


def recognise(payload: Payload) -> Identification | None:
    """Name OPC UA when chunks of the sizes that they tell fill what each side sent."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    chunks = [*asked.messages, *answered.messages]
    if not (asked or answered) or _stray(asked) or _stray(answered):
        return None
    reverse = (asked.messages or (b"",))[0][:3] == b"RHE"
    questions, replies = (answered, asked) if reverse else (asked, answered)
    if _backwards(questions, replies):
        return None
    calls, results = _services(questions), _services(replies)
    against = tuple(text for text in (asked.wrong, answered.wrong) if text)
    if not chunks:
        against += ("the capture cut the first message",)
    kinds = sorted({chunk[:3].decode("ascii") for chunk in chunks})
    because = [f"{len(chunks)} chunks of the size that they tell: {', '.join(kinds)}"]
    if not chunks:
        because = ["a chunk begins with a known type"]
    sure = bool(asked.messages and answered.messages) or _greets(chunks)
    client, server = _client(calls), _server(results, replies)
    if reverse:
        client, server = server, client
    facts = _facts(questions, calls, results, reverse=reverse)
    say = confirmed if sure and not against else plausible
    return say(NAME, *because, against=against, facts=facts, client=client, server=server)


def _measure(octets: bytes, at: int) -> int | None:
    start = octets[at : at + 3]
    final = octets[at + 3 : at + 4]
    if not any(kind.startswith(start) for kind in TYPES) or final not in (b"", b"F", b"C", b"A"):
        return None
    if at + HEADER.size > len(octets):
        return MORE
    size = HEADER.get(octets, "size", at)
    if not HEADER.size <= size <= MOST:
        return None
    return int(size) if _fits(octets, at, int(size), start) else None


def _fits(octets: bytes, at: int, size: int, kind: bytes) -> bool:
    """Tell whether the fixed parts of a chunk agree with its size, as far as they are there."""
    if kind == b"ACK":
        return size == HEADER.size + HELLO.size - 4
    if kind == b"HEL":
        told = HELLO.get(octets, "url_size", at + HEADER.size)
        length = 0 if told in (None, NOTHING_TOLD) else told
        return size >= HEADER.size + HELLO.size and (
            told is None or (length <= URL_AT_MOST and size == HEADER.size + HELLO.size + length)
        )
    return size >= {b"ERR": 16, b"RHE": 16, b"OPN": 24}.get(kind, SECURED)


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found.messages


def _greets(chunks: list[bytes]) -> bool:
    """Tell whether a hello, an acknowledge or a reverse hello is there, all of it."""
    return any(chunk[:3] in (b"HEL", b"ACK", b"RHE") for chunk in chunks)


def _backwards(questions: Walk, replies: Walk) -> bool:
    """Tell whether a side says what only the other does."""
    asked = {chunk[:3] for chunk in (*questions.messages, questions.cut)}
    replied = {chunk[:3] for chunk in (*replies.messages, replies.cut)}
    if asked & {b"ACK"} or replied & set(CLIENT_SAYS):
        return True
    if asked & set(CLIENT_SAYS) or replied & set(SERVER_SAYS):
        return False
    answers = {kind + ANSWER for kind in REQUESTS}
    return any(one.type in answers for one in _services(questions)) or any(
        one.type in REQUESTS for one in _services(replies)
    )


def _services(found: Walk) -> list[Service]:
    """Return the service messages of one direction, chunks put together, those in clear.

    What a secured channel hides begins with no type id, and is left out.
    """
    services: list[Service] = []
    body = b""
    for chunk in found.messages:
        if chunk[:3] not in (b"MSG", b"CLO") or chunk[3:4] == b"A":
            body = b""
            continue
        body += chunk[SECURED:]
        if chunk[3:4] == b"F" or len(body) > MESSAGE_AT_MOST:
            # type id: a node of namespace 0 in the four-octet form
            if body[:2] == b"\x01\x00" and len(body) >= 4:
                services.append(Service(int.from_bytes(body[2:4], "little"), body[4:]))
            body = b""
    return services


def _client(calls: list[Service]) -> dict[str, str]:
    """Return what the client told of itself when it created a session."""
    for call in calls:
        if call.type == CREATE_SESSION:
            reader = Reader(call.body)
            reader.request_header()
            return application(reader)
    return {}


def _server(results: list[Service], replies: Walk) -> dict[str, str]:
    """Return what the server told of itself: its endpoints, or the servers it knows."""
    for result in results:
        for endpoint in endpoints(result.type - ANSWER, result.body):
            if endpoint.application:
                return endpoint.application
    for chunk in replies.messages:
        if chunk[:3] == b"RHE":
            uri = Reader(chunk[HEADER.size :]).text()
            return {"application uri": uri} if uri else {}
    return {}


def _facts(
    questions: Walk, calls: list[Service], results: list[Service], *, reverse: bool
) -> dict[str, object]:
    facts: dict[str, object] = {}
    for chunk in questions.messages:
        if chunk[:3] == b"HEL":
            url = Reader(chunk[HEADER.size + HELLO.size - 4 :]).text()
            if url:
                facts["endpoint url"] = url
        elif chunk[:3] == b"OPN":
            policy = Reader(chunk[HEADER.size + 4 :]).text()
            if policy:
                facts["security policy"] = policy.rsplit("#", 1)[-1]
    told = [
        endpoint for result in results for endpoint in endpoints(result.type - ANSWER, result.body)
    ]
    urls = list(dict.fromkeys(endpoint.url for endpoint in told if endpoint.url))
    if urls:
        facts["endpoints"] = urls
    policies = sorted({endpoint.policy for endpoint in told if endpoint.policy})
    if policies:
        facts["security policies"] = policies
    names = sorted(set(_names(calls)))
    if names:
        facts["services"] = names
    if reverse:
        facts["reverse"] = "the server opened the connection"
    return facts


def _names(calls: list[Service]) -> Iterator[str]:
    for call in calls:
        if call.type in REQUESTS:
            yield REQUESTS[call.type]


def _mould() -> Mould:
    """A hello, an opened channel, and messages of any service, secured or in clear."""
    hello: Message = (Octets(b"HELF"), _SIZE, Any(20), Counted(4, 0, URL_AT_MOST, little=True))
    heard: Message = (Octets(b"ACKF"), _SIZE, Any(20))
    error: Message = (Octets(b"ERRF"), _SIZE, Rest(8))
    chunks: Message = (OneOf((b"MSGF", b"MSGC", b"OPNF", b"MSGA")), _SIZE, Rest(16))
    closed: Message = (Octets(b"CLOF"), _SIZE, Rest(16))
    return Mould(
        Transport.TCP, Speech((hello,), (chunks, closed)), Speech((heard, error), (chunks, error))
    )


_SIZE = Length(4, -HEADER.size, little=True, high=MOST)


PROTOCOL = Protocol(
    name=NAME,
    title="OPC UA (binary, over TCP)",
    recognise=recognise,
    sources=(
        Source("OPC 10000-6: OPC Unified Architecture, Mappings", "2022-11", "1.05, sections 6, 7"),
        Source("OPC 10000-4: OPC Unified Architecture, Services", "2022-11", "1.05, section 5"),
    ),
    signatures=tuple(Signature(Transport.TCP, 0, kind) for kind in TYPES),
    usual=(Usual(PortRange(4840, 4840), Transport.TCP, confidence="two sources"),),
    layouts=(HEADER, HELLO),
    moulds=(_mould(),),
    questions=opcua_asking.questions(_measure),
    stays_inside=Scope.PRIVATE,
    safety=(
        "OPC UA can sign and encrypt, yet many servers also offer an endpoint of policy None that "
        "lets anybody browse and write. See which endpoints are offered before opening the port."
    ),
)
