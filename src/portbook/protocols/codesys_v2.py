"""CODESYS V2: log-in to older runtimes, TCP 1200, 1201, 2455. Another protocol than V3.

Each message begins bb bb and a length in the byte order of the target.
Sources: SOURCES below; two answers are known, no capture.
"""

from __future__ import annotations

from typing import Literal

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, HEX, LE, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "codesys-v2"
MAGIC = b"\xbb\xbb"
LARGEST = 65536  # octets of one message; the largest known has 212
LOG_IN = 1

Order = Literal["little", "big"]


def _layout(order: Order) -> Layout:
    coding = LE if order == "little" else BE
    return Layout(
        f"CODESYS V2 log-in answer, {order}-endian target",
        212,
        (
            Field("magic", 0, 2, HEX, None, "always bb bb", MAGIC.hex()),
            Field("length", 2, 4, coding, "octet", "of what follows"),
            Field("result", 6, 2, coding, None, "03e8 in the answers known"),
            Field("system", 64, 28, TEXT, None, "operating system"),
            Field("version", 96, 32, TEXT, None, "version of the operating system or runtime"),
            Field("vendor", 128, 28, TEXT),
        ),
    )


ANSWERS: dict[Order, Layout] = {"little": _layout("little"), "big": _layout("big")}


def recognise(payload: Payload) -> Identification | None:
    """Name CODESYS V2 by a log-in request, its answer, or both."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = payload.to_server, payload.to_client
    order = _framed(answered) or _framed(asked)
    if order is None or (answered and _framed(answered) is None):
        return None
    if asked and not asked.octets.startswith(MAGIC):
        return None
    logs_in = asked.octets[6:7] == bytes((LOG_IN,))
    server = _server(answered, order)
    if not (logs_in or server or (asked and answered)):
        return None
    because = ["magic bb bb", f"the length behind it agrees, {order}-endian"]
    against: tuple[str, ...] = ()
    if logs_in:
        because.append("a log-in request")
    if server:
        because.append("an answer that names system and vendor")
    if asked and _framed(asked) != order:
        against = ("the request's length is not in the byte order of the answer",)
    sure = bool(server) or bool(asked and answered and not against)
    facts = {"byte_order": order} | ({"asks": "log in"} if logs_in else {})
    if server:
        facts["system"] = ANSWERS[order].get(answered.octets, "system") or ""
    return (confirmed if sure else plausible)(
        NAME, *because, against=against, facts=facts, server=server
    )


def _framed(side: Side) -> Order | None:
    """Return the byte order in which whole messages fill the start of a stream."""
    octets = side.octets
    if len(octets) < 7 or octets[:2] != MAGIC:
        return None
    orders: tuple[Order, ...] = ("little", "big")
    for order in orders:
        at = 0
        while at + 6 <= len(octets) and octets[at : at + 2] == MAGIC:
            told = int.from_bytes(octets[at + 2 : at + 6], order)
            if not 1 <= told <= LARGEST:
                break
            at += 6 + told
        if at == len(octets) or (at > len(octets) and not side.complete):
            return order
    return None


def _server(side: Side, order: Order) -> dict[str, str]:
    layout = ANSWERS[order]
    if not layout.fits(side.octets) or layout.get(side.octets, "length") != layout.size - 6:
        return {}
    texts = {
        "vendor": layout.get(side.octets, "vendor"),
        "version": layout.get(side.octets, "version"),
        "product": "CODESYS V2 runtime",
    }
    return {key: text for key, text in texts.items() if text and text.isprintable()}


SOURCES = (
    Source("zmap/zgrab2, module codesys2: requests and two answers", where="e8fbc9ef"),
    Source("digitalbond/Redpoint: codesys-v2-discover.nse", where="requests, fields of the answer"),
    Source("IANA: wago-io-system, 2455", where="service names and port numbers registry"),
    Source("nmap service probes and Snort rules (madconnon/SCADA-Rules)", where="1210, 1211"),
)
_SESSIONS = "CODESYS V2 runtime: log-in, programming"

PROTOCOL = Protocol(
    name=NAME,
    title="CODESYS V2: programming of older controllers",
    recognise=recognise,
    sources=SOURCES,
    signatures=(Signature(Transport.TCP, 0, MAGIC),),
    usual=(
        Usual(PortRange(1200, 1201), Transport.TCP, "server", _SESSIONS, "two sources", 0),
        Usual(
            PortRange(2455, 2455),
            Transport.TCP,
            "server",
            "CODESYS V2 runtime of WAGO controllers",
            "two sources",
            2,
        ),
        Usual(
            PortRange(1210, 1211),
            Transport.TCP,
            "server",
            "CODESYS V2 gateway server",
            "one source",
            3,
        ),
    ),
    layouts=tuple(ANSWERS.values()),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Old runtimes give a command shell and file transfer without log-in (CVE-2012-6068, "
        "CVE-2012-6069); keep them inside. Even the smallest question to them is a log-in attempt, "
        "so portbook only listens."
    ),
    programs=("plclinux_rt", "codesyssp", "CoDeSysSP.exe", "Codesys.exe", "Gateway.exe"),
)
