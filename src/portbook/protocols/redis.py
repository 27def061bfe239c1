"""Redis: commands as arrays of counted words or as plain lines, and counted answers.

Valkey, KeyDB and others speak it as well. Words of commands (passwords among them) are never told.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, both, walk
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "redis"
LONGEST_LINE = 20  # digits of a count
LONGEST_TEXT = 4096
STEPS = 4096  # values inside one answer: a bound for a hostile peer
MOST = 1 << 29
COMMANDS = frozenset(
    b"""ACL APPEND AUTH BGSAVE BLPOP BRPOP CLIENT CLUSTER COMMAND CONFIG DBSIZE DECR DECRBY DEL
    DISCARD DUMP ECHO EVAL EVALSHA EXEC EXISTS EXPIRE EXPIREAT FLUSHALL FLUSHDB GEOADD GET GETDEL
    GETRANGE GETSET HDEL HELLO HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HMSET HSCAN HSET
    HSETNX HVALS INCR INCRBY INFO KEYS LASTSAVE LINDEX LLEN LPOP LPUSH LRANGE LREM LSET LTRIM
    MEMORY MGET MIGRATE MONITOR MSET MSETNX MULTI OBJECT PERSIST PEXPIRE PFADD PFCOUNT PING PSETEX
    PSUBSCRIBE PSYNC PTTL PUBLISH PUBSUB PUNSUBSCRIBE QUIT RANDOMKEY READONLY RENAME REPLCONF
    RESTORE ROLE RPOP RPUSH SADD SAVE SCAN SCARD SCRIPT SELECT SENTINEL SET SETEX SETNX SETRANGE
    SHUTDOWN SINTER SISMEMBER SLOWLOG SMEMBERS SORT SPOP SREM SSCAN STRLEN SUBSCRIBE SYNC TIME TTL
    TYPE UNLINK UNSUBSCRIBE UNWATCH WAIT WATCH XACK XADD XDEL XGROUP XINFO XLEN XRANGE XREAD
    XREADGROUP XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZRANGE ZRANGEBYSCORE ZRANK ZREM ZSCORE""".split()
)
# what some commands are answered with, where that is told by the command alone
KINDS = {
    word: kinds
    for kinds, words in (
        (b"+", b"PING SET SELECT FLUSHALL FLUSHDB MSET HMSET RENAME LSET LTRIM"),
        (b":", b"APPEND DBSIZE DECR DECRBY DEL EXISTS EXPIRE HDEL HEXISTS HLEN HSET HSETNX INCR "
               b"INCRBY LASTSAVE LLEN LPUSH MSETNX PERSIST PTTL PUBLISH RPUSH SADD SCARD SETNX "
               b"SETRANGE SISMEMBER SREM STRLEN TTL ZADD ZCARD ZCOUNT"),
        (b"$", b"GET GETSET HGET INFO GETRANGE LINDEX"),
        (b"*", b"HGETALL HKEYS HMGET HVALS KEYS LRANGE MGET SCAN SMEMBERS ZRANGE ZRANGEBYSCORE"),
    )
    for word in words.split()
}  # fmt: skip
MOST_LINES = 256
TEXTS, COUNTED, HOLDING = b"+-:,#_(", b"$=!", {b"*": 1, b"~": 1, b">": 1, b"%": 2}

_COMMAND = re.compile(rb"\*[1-9][0-9]{0,5}\r\n\$[1-9][0-9]?\r\n([A-Za-z]{2,20})\r\n")
_TOLD = re.compile(rb"\b(redis|valkey)_version:([0-9][0-9A-Za-z.-]{0,30})")


def recognise(payload: Payload) -> Identification | None:
    """Name Redis by known commands, whole, and answers that follow each other without a gap."""
    if payload.transport is not Transport.TCP:
        return None
    if payload.to_server.octets[:1].isalpha():
        return _inline(payload)
    if payload.to_server.octets[:1] != b"*":
        return None
    asked, answered = both(payload, _measure)
    words = [_word(octets) for octets in asked.messages]
    if not words or asked.wrong or not all(words):
        return None
    because = [f"{len(words)} known commands, whole"]
    if not payload.to_client:
        return plausible(NAME, *because)
    if not answered or answered.wrong or payload.to_client.octets[:1] not in b"+-:$*%>~_":
        return None
    because.append("the answers follow each other without a gap")
    return confirmed(NAME, *because, server=_server(payload.to_client.octets))


def _inline(payload: Payload) -> Identification | None:
    """Name commands that somebody typed, by answers of the kind that each of them has.

    Words on a line are of many protocols: without their answers they get no name.
    """
    side, told = payload.to_server, walk(payload.to_client, Transport.TCP, _measure)
    *lines, rest = side.octets.split(b"\n", MOST_LINES)
    if (
        not told.messages
        or told.wrong
        or len(told.messages) > len(lines)
        or (rest and side.complete)
    ):
        return None
    proven = 0
    for line, answer in zip_longest(lines, told.messages, fillvalue=b""):
        word = line.split(b" ", 1)[0].rstrip(b"\r").upper()
        if word not in COMMANDS:
            return None
        kinds = KINDS.get(word)
        fits = bool(kinds) and answer[:1] in (kinds or b"")
        if answer and kinds and not fits and answer[:1] != b"-":
            return None
        proven += bool(answer) and fits and (word != b"PING" or answer == b"+PONG\r\n")
    if not proven:
        return None
    return confirmed(
        NAME,
        f"{len(lines)} known commands in plain words",
        f"{proven} answers of the kind that their command has",
        server=_server(payload.to_client.octets),
    )


def _word(octets: bytes) -> bytes | None:
    match = _COMMAND.match(octets)
    return match[1] if match and match[1].upper() in COMMANDS else None


def _measure(octets: bytes, at: int) -> int | None:
    """Return the size of one value with all that it holds."""
    here, pending, steps = at, 1, 0
    while pending:
        steps += 1
        end = octets.find(b"\r\n", here, here + LONGEST_TEXT)
        kind = octets[here : here + 1]
        if steps > STEPS:
            return None
        if end < 0:
            whole = len(octets) - here >= LONGEST_TEXT
            known = kind in TEXTS or kind in COUNTED or kind in HOLDING
            return MORE if not whole and known else None
        line, here = octets[here + 1 : end], end + 2
        pending -= 1
        if kind in TEXTS:
            continue
        count = _count(line)
        if count is None:
            return None
        if kind in COUNTED:
            if count >= 0:
                if octets[here + count : here + count + 2] not in (b"", b"\r", b"\r\n"):
                    return None
                here += count + 2
        elif kind in HOLDING:
            pending += max(0, count) * HOLDING[kind]
        else:
            return None
    return here - at


def _count(line: bytes) -> int | None:
    if len(line) > LONGEST_LINE or not line.removeprefix(b"-").isdigit():
        return None
    count = int(line)
    return count if -1 <= count <= MOST else None


def _server(octets: bytes) -> dict[str, str]:
    told = {match[1]: match[2] for match in _TOLD.finditer(octets[: 1 << 14])}
    for name, product in ((b"valkey", "Valkey"), (b"redis", "Redis")):
        if name in told:
            return {"product": product, "version": clean(told[name])}
    return {}


PROTOCOL = Protocol(
    name=NAME,
    title="Redis",
    recognise=recognise,
    sources=(
        Source("Redis documentation, serialization protocol specification (RESP)", "2023"),
        Source("Redis documentation, commands", "2023", "names of commands; port 6379"),
    ),
    signatures=(
        *(Signature(Transport.TCP, 0, b"*" + str(digit).encode()) for digit in range(1, 10)),
        # how commands without counts are answered
        *(Signature(Transport.TCP, 0, start) for start in (b"+OK\r\n", b"+PONG\r\n", b"-ERR ")),
        *(Signature(Transport.TCP, 0, kind + b"0", b"\xff\xf0") for kind in (b":", b"$")),
        Signature(Transport.TCP, 0, b"$-1\r\n"),
    ),
    usual=(Usual(PortRange(6379, 6379), Transport.TCP, confidence="verified", source=1),),
    safety="Often open without a password, and whoever reaches it may run commands on the machine.",
    programs=("redis-server", "valkey-server", "keydb-server"),
)
