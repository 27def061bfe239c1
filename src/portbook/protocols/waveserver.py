"""Earthworm wave servers: commands in lines, answers that repeat the id of the request."""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean, first_line, whole_lines
from portbook.records import Identification, Source

NAME = "waveserver"
# How many words follow the command: the request's id, a channel of 3 or 4 words, times, a filler.
COMMANDS = {
    "MENU": (1, 2), "MENUPIN": (2, 2), "MENUSCN": (4, 4), "MENUSCNL": (5, 5), "GETPIN": (4, 5),
    "GETSCN": (6, 7), "GETSCNRAW": (6, 6), "GETSCNL": (7, 8), "GETSCNLRAW": (7, 7),
}  # fmt: skip
TIMED = {"GETSCN": 4, "GETSCNRAW": 4, "GETSCNL": 5, "GETSCNLRAW": 5}  # place of the first time
WORDS_AT_MOST = 9
FLAG = re.compile(r"F[BCGLNRU]?")
TYPE = re.compile(r"[istf][248]")
ID = re.compile(r"[!-~]{1,32}")
LINE_AT_MOST = 200
CHANNELS_AT_MOST = 16


class Request(NamedTuple):
    """One command line."""

    command: str
    id: str
    words: tuple[str, ...]  # what follows the id


def recognise(payload: Payload) -> Identification | None:
    """Name a wave server by whole command lines; confirm it by an answer to one of them."""
    if payload.transport is not Transport.TCP:
        return None
    requests = _requests(payload.to_server)
    if not requests:
        return None
    answer, _ = first_line(payload.to_client.octets)
    facts = {"commands": sorted({one.command for one in requests}), **_channels(requests)}
    because = f"{len(requests)} command lines of a wave server"
    if not payload.to_client:
        return plausible(NAME, because, against=("no answer was seen",), facts=facts)
    if not any(_answers(answer, one) for one in requests):
        return None
    return confirmed(NAME, because, "the answer repeats the id and has its shape", facts=facts)


def _requests(side: Side) -> list[Request] | None:
    """Return the commands of the client; None where a line is none."""
    found = []
    for line in whole_lines(side.octets):
        request = _request(line)
        if request is None:
            return None
        found.append(request)
    return found


def _request(line: bytes) -> Request | None:
    head, colon, rest = line[:LINE_AT_MOST].partition(b":")
    command = head.decode("latin-1")
    if not colon or command not in COMMANDS or len(line) > LINE_AT_MOST:
        return None
    if not rest.isascii() or rest[:1] != b" ":
        return None
    words = rest.decode("ascii").split(None, WORDS_AT_MOST)
    least, most = COMMANDS[command]
    if not least <= len(words) <= most or not all(ID.fullmatch(word) for word in words):
        return None
    place = TIMED.get(command)
    if place is not None and not all(_number(word) for word in words[place : place + 2]):
        return None
    return Request(command, words[0], tuple(words[1:]))


def _answers(line: bytes, request: Request) -> bool:
    """Tell whether a line begins with the id, and goes on with a pin and a channel or a flag."""
    words = line[:LINE_AT_MOST].decode("latin-1").split()
    if not words or words[0] != request.id:
        return False
    if request.command.startswith("MENU"):
        menu = len(words) > 6 and words[1].isdecimal() and any(map(TYPE.fullmatch, words[6:9]))
        return menu or (len(words) == 2 and FLAG.fullmatch(words[1]) is not None)
    channel = () if request.command == "GETPIN" else request.words[: TIMED[request.command] - 1]
    told = tuple(words[2 : 2 + len(channel)])
    return words[1:2] != [] and told == channel and any(map(FLAG.fullmatch, words[2:7]))


def _number(word: str) -> bool:
    try:
        return float(word) >= 0
    except ValueError:
        return False


def _channels(requests: list[Request]) -> dict[str, list[str]]:
    """Return the channels that were asked for, as station, channel, network, location."""
    found = {
        clean(".".join(one.words[: TIMED[one.command] - 1]), 40)
        for one in requests
        if one.command in TIMED
    }
    return {"channels": sorted(found)[:CHANNELS_AT_MOST]} if found else {}


PROTOCOL = Protocol(
    name=NAME,
    title="Earthworm wave server",
    recognise=recognise,
    sources=(
        Source("Earthworm: Wave_serverV protocol", None, "requests, replies, flags"),
        Source("ObsPy, obspy/clients/earthworm/waveserver.py", None, "menu and data requests"),
        Source("ObsPy, obspy/clients/earthworm/client.py", None, "port of its example"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"MENU"),
        Signature(Transport.TCP, 0, b"GETPIN: "),
        Signature(Transport.TCP, 0, b"GETSCN"),
    ),
    usual=(Usual(PortRange(16022, 16022), Transport.TCP, source=2),),
    safety="A wave server gives its data to whoever asks; there is no login.",
    programs=("wave_serverV", "wave_server"),
)
