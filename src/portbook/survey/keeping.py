"""How many conversations are told one by one, whatever comes: the rest is counted, and said."""

from __future__ import annotations

from collections.abc import Callable

from portbook.ports import Transport
from portbook.records import Conversation
from portbook.survey.naming import Named


class Keeping:
    """Lets conversations through as long as there is room for them.

    A flood must not drive out what matters: when half of the room is taken, what nobody answered
    and whose bytes say nothing is counted only.
    """

    def __init__(self, give: Callable[[Named], object], most: int) -> None:
        self._give, self._most = give, most
        self._given = 0
        self.left_out = 0
        self.left_out_named = 0

    def take(self, one: Named) -> None:
        """Give a conversation on, or count it."""
        room = self._most // 2 if is_lost(one.conversation) else self._most
        if self._given < room:
            self._given += 1
            self._give(one)
        else:
            self.left_out += 1
            self.left_out_named += one.conversation.protocol is not None


def is_lost(one: Conversation) -> bool:
    """Tell whether nobody answered over TCP, and the bytes say nothing: no rule looks at it."""
    return one.transport is Transport.TCP and not one.protocol and not one.answered
