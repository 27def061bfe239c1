"""Tokens and the password, and the sessions that they open.

What was told is kept as a keyed digest and compared in constant time; the key is made anew by each
process. Sessions are signed by another key of that kind: a restart ends them all.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from portbook.errors import UsageError

LEAST_LETTERS = 16  # of a token
LEAST_PASSWORD = 12
LEAST_DIFFERENT = 6  # letters: "aaaaaaaaaaaaaaaa" is long and weak
MOST_LETTERS = 1024
SESSION_S = 12 * 3600
MOST_ENDED = 10_000  # sessions that were left before their time


class Credentials:
    """Who may come in. Raises UsageError for a secret that is too weak, without telling it.

    tokens: for programs and for the form; password: for the form alone
    clock: seconds, for the ends of sessions
    """

    __slots__ = ("_clock", "_ended", "_key", "_passwords", "_sessions_key", "_tokens")

    def __init__(
        self,
        tokens: Iterable[str] = (),
        password: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._sessions_key = secrets.token_bytes(32), secrets.token_bytes(32)
        self._clock = clock
        self._ended: OrderedDict[bytes, float] = OrderedDict()
        self._tokens = tuple(self._digest(checked(one).encode()) for one in tokens)
        self._passwords = (
            (self._digest(checked(password, LEAST_PASSWORD, "password").encode()),)
            if password is not None
            else ()
        )
        if not self._tokens and not self._passwords:
            raise UsageError("no token and no password: nobody could come in")

    def __repr__(self) -> str:
        return f"Credentials({len(self._tokens)} tokens, {len(self._passwords)} passwords)"

    def token(self, told: bytes) -> bool:
        """Tell whether a program may come in with this."""
        return self._known(told, self._tokens)

    def login(self, told: bytes) -> bool:
        """Tell whether a person may come in with this: a token or the password."""
        return self._known(told, (*self._tokens, *self._passwords))

    def session(self) -> str:
        """Return a new session, signed: `END.NONCE.SIGNATURE`, good for SESSION_S."""
        head = f"{int(self._clock()) + SESSION_S}.{secrets.token_hex(8)}"
        return f"{head}.{self._signature(head.encode())}"

    def good(self, session: bytes) -> bool:
        """Tell whether a session is ours, has not run out, and was not left."""
        end = self._end(session)
        return end is not None and end > self._clock() and session not in self._ended

    def end(self, session: bytes) -> None:
        """Leave a session: it is good no more, whoever else may hold it."""
        end = self._end(session)
        if end is None:
            return
        self._ended[session] = end
        now = self._clock()
        while self._ended and next(iter(self._ended.values())) <= now:
            self._ended.popitem(last=False)
        if len(self._ended) > MOST_ENDED:
            # too many to remember: a new signature ends every session there is
            self._ended.clear()
            self._sessions_key = secrets.token_bytes(32)

    def _end(self, session: bytes) -> int | None:
        """Return when a session of ours ends, None for one that is none."""
        if len(session) > 200:
            return None
        head, _, signature = session.rpartition(b".")
        wanted = self._signature(head).encode()
        if not hmac.compare_digest(wanted, signature):
            return None
        return int(head.partition(b".")[0])

    def _signature(self, head: bytes) -> str:
        return hmac.digest(self._sessions_key, head, "sha256").hex()

    def _digest(self, told: bytes) -> bytes:
        return hmac.digest(self._key, told, "sha256")

    def _known(self, told: bytes, known: tuple[bytes, ...]) -> bool:
        if len(told) > MOST_LETTERS:
            return False
        digest, found = self._digest(told), False
        for one in known:  # to the end, whichever fits: time tells nothing
            found |= hmac.compare_digest(digest, one)
        return found


def checked(text: str, least: int = LEAST_LETTERS, what: str = "token") -> str:
    """Return a secret that is strong enough; the UsageError for another never tells it.

    what: "token", which travels in a header and has no spaces, or "password"
    """
    if what == "token" and not (text.isascii() and text.isprintable() and " " not in text):
        raise UsageError(f"a {what} has letters, digits and signs of ASCII only, and no spaces")
    if not text.isprintable() or len(text) > MOST_LETTERS // 4:
        raise UsageError(f"a {what} is one line of at most {MOST_LETTERS // 4} printable letters")
    if len(text) < least:
        raise UsageError(
            f"this {what} is too short: {len(text)} letters, at least {least} are needed; "
            "`portbook serve --make-token FILE` makes a good one"
        )
    if len(set(text)) < LEAST_DIFFERENT:
        raise UsageError(
            f"this {what} repeats a few letters and is soon guessed; "
            "`portbook serve --make-token FILE` makes a good one"
        )
    return text
