"""Values of OPC UA's binary encoding, read with every length checked: texts, headers, endpoints.

Source: OPC 10000-6, section 5.2 (built-in types); OPC 10000-4, sections 7.1, 7.14, 7.32, 7.33.
"""

from __future__ import annotations

from typing import NamedTuple

TEXT_AT_MOST = 4096
ENDPOINTS_AT_MOST = 64
FIND_SERVERS, GET_ENDPOINTS, CREATE_SESSION = 422, 428, 461
NODE_SIZES = {
    0: 1,
    1: 3,
    2: 6,
    4: 18,
}  # two-octet, four-octet, numeric, GUID: behind the form octet
TEXT_NODES = (3, 5)  # a text, a string of octets: behind a namespace of two octets
HAS_LOCALE, HAS_TEXT = 1, 2
HAS_BODY = 1
KINDS = {0: "server", 1: "client", 2: "client and server", 3: "discovery server"}


class Endpoint(NamedTuple):
    """One endpoint, or one server of a list: where it is and what it says of itself."""

    url: str
    policy: str
    application: dict[str, str]


class Reader:
    """Reads values one after the other; past the end every value is empty, and `ended` is True."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0
        self.ended = False

    def take(self, size: int) -> bytes:
        """Return the next octets; nothing, and the end, when there are fewer."""
        if size < 0 or self.at + size > len(self.octets):
            self.ended = True
            self.at = len(self.octets)
            return b""
        self.at += size
        return self.octets[self.at - size : self.at]

    def number(self, size: int = 4) -> int:
        """Return a little-endian number."""
        return int.from_bytes(self.take(size), "little")

    def raw(self) -> bytes:
        """Return a string of octets; a length of -1 is null."""
        size = self.number()
        return b"" if size == 0xFFFFFFFF else self.take(size)

    def text(self) -> str:
        """Return a text, empty when it is null, too long or not printable."""
        octets = self.raw()
        text = octets[:TEXT_AT_MOST].decode("utf-8", "replace")
        return text if text.isprintable() else ""

    def localized(self) -> str:
        """Return the text of a localized text."""
        has = self.number(1)
        if has & HAS_LOCALE:
            self.raw()
        return self.text() if has & HAS_TEXT else ""

    def texts(self) -> tuple[str, ...]:
        """Return an array of texts; it stops where the octets end."""
        count = self.number()
        found: list[str] = []
        while not self.ended and count != 0xFFFFFFFF and len(found) < min(count, 1024):
            found.append(self.text())
        return tuple(found)

    def node(self) -> None:
        """Go past a node id."""
        form = self.number(1)
        if form & 0x3F in TEXT_NODES:
            self.take(2)
            self.raw()
        else:
            self.take(NODE_SIZES.get(form & 0x3F, -1))
        if form & 0x80:
            self.raw()
        if form & 0x40:
            self.take(4)

    def extension(self) -> None:
        """Go past an extension object."""
        self.node()
        if self.number(1) & HAS_BODY:
            self.raw()

    def request_header(self) -> None:
        """Go past a request's header."""
        self.node()
        self.take(8 + 4 + 4)  # time, handle, diagnostics wanted
        self.raw()
        self.take(4)
        self.extension()

    def response_header(self) -> bool:
        """Go past an answer's header; tell whether the service went well."""
        self.take(8 + 4)
        status = self.number()
        if self.number(1):  # diagnostics inside: nothing worth reading comes after
            self.ended = True
        self.texts()
        self.extension()
        return status == 0 and not self.ended


def application(reader: Reader) -> dict[str, str]:
    """Read an application description: URI, product, name, kind."""
    uri, product, name = reader.text(), reader.text(), reader.localized()
    kind = KINDS.get(reader.number(), "")
    reader.raw()
    reader.raw()
    reader.texts()
    if reader.ended:
        return {}
    told = {"name": name, "product": product, "application uri": uri, "application type": kind}
    return {key: value for key, value in told.items() if value}


def endpoints(service: int, body: bytes) -> list[Endpoint]:
    """Read the endpoints or servers that the answer to a service lists.

    service: type id of the request; body: the answer behind its type id
    """
    if service not in (FIND_SERVERS, GET_ENDPOINTS, CREATE_SESSION):
        return []
    reader = Reader(body)
    if not reader.response_header():
        return []
    if service == CREATE_SESSION:
        reader.node()
        reader.node()
        reader.take(8)  # session timeout
        reader.raw()
        reader.raw()
    count = reader.number()
    found: list[Endpoint] = []
    while count != 0xFFFFFFFF and len(found) < min(count, ENDPOINTS_AT_MOST):
        if service == FIND_SERVERS:
            one = Endpoint("", "", application(reader))
        else:
            one = _endpoint(reader)
        if reader.ended:
            break
        found.append(one)
    return found


def _endpoint(reader: Reader) -> Endpoint:
    url = reader.text()
    told = application(reader)
    reader.raw()  # certificate
    reader.take(4)  # security mode
    policy = reader.text().rsplit("#", 1)[-1]
    for _ in range(min(_count(reader), 64)):
        reader.text()
        reader.take(4)
        for _ in range(3):
            reader.raw()
    reader.raw()  # transport profile
    reader.take(1)  # security level
    return Endpoint(url, policy, told)


def _count(reader: Reader) -> int:
    count = reader.number()
    return 0 if count == 0xFFFFFFFF else count
