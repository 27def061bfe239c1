"""Red Lion Crimson 3: a length, a register, a type; known by the two registers of its identity.

Other registers have nothing of their own to tell them by, so they alone are not named.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, plausible
from portbook.protocols.framing import MORE, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "crimson"
HEADER = Layout(
    "Crimson 3 frame header",
    6,
    (
        Field("length", 0, 2, BE, "octet", "octets that follow this field"),
        Field("register", 2, 2, BE, None, "what is read or written"),
        Field("type", 4, 2, BE, None, "type of what follows"),
    ),
)
VENDOR, MODEL = 0x012B, 0x012A
QUESTIONS = {VENDOR: bytes.fromhex("0004012b1b00"), MODEL: bytes.fromhex("0004012a1a00")}
LEAST, TEXT_AT_MOST = 4, 64  # octets: of a frame behind its length, and of a name


def recognise(payload: Payload) -> Identification | None:
    """Name Crimson by a question for vendor or model, and the names that come back."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong or not asked.messages:
        return None
    questions = {number for number, one in QUESTIONS.items() if one in asked.messages}
    if not questions or asked.messages[0] not in QUESTIONS.values():
        return None
    names = {number: text for one in answered.messages
             for number, text in _named(one) if number in questions}  # fmt: skip
    if answered and not names:
        return None
    server = {key: names[number] for key, number in (("vendor", VENDOR), ("product", MODEL))
              if number in names}  # fmt: skip
    because = ["a question for vendor or model"]
    if names:
        because.append("an answer of the same register with a name")
    against = () if names else ("no answer was seen",)
    return plausible(NAME, *because, against=against, server=server)


def _measure(octets: bytes, at: int) -> int | None:
    length = HEADER.get(octets, "length", at)
    if length is None:
        return MORE
    return 2 + int(length) if length >= LEAST else None


def _named(frame: bytes) -> list[tuple[int, str]]:
    """Return register and text of an answer whose NUL ends it, nothing where it is no text."""
    text = frame[HEADER.size :]
    if not text.endswith(b"\0") or not 1 < len(text) <= TEXT_AT_MOST:
        return []
    name = text[:-1].rstrip(b"\0")
    if not name.isascii() or not name.decode("ascii").isprintable():
        return []
    return [(HEADER.get(frame, "register"), clean(name))]


PROTOCOL = Protocol(
    name=NAME,
    title="Red Lion Crimson 3",
    recognise=recognise,
    sources=(
        Source("cr3-fingerprint.nse, internetofallthethings/cr3-nmap", "2014-09",
               "the questions for vendor and model"),
        Source("praetorian-inc/nerva, crimsonv3", None, "frame and registers"),
    ),
    signatures=tuple(Signature(Transport.TCP, 0, one) for one in QUESTIONS.values()),
    usual=(Usual(PortRange(789, 789), Transport.TCP, confidence="two sources"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Crimson loads a new configuration into a panel, as a rule without a password. "
        "Keep it inside the control network."
    ),
)  # fmt: skip
