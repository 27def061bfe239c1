"""What a worker process does: looks at captures, and tells through a pipe what it finds.

On the pipe each message is a head, its kind, the number of its task and the length of what
follows, and that. A worker takes the number of what to do next from a queue, a pipe too, which
was filled before it began; so whoever is free goes on, and none waits to be told.
"""

from __future__ import annotations

import os
import struct
import traceback
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from portbook.claims.everything import Claims
from portbook.evidence.captures import Capture
from portbook.survey.jobs import Task
from portbook.survey.looking import End, Room, stream
from portbook.survey.naming import Named
from portbook.survey.parcels import PARCEL, Packer
from portbook.survey.summing import sum_up

NUMBER = struct.Struct("<I")  # a task's, in the queue
_HEAD = struct.Struct("<BIQ")
_FAR = struct.Struct("<Q")  # octets that are read
NO_MEMORY = 5  # the exit code of a worker that could not get any


class Kind(IntEnum):
    """What a message tells."""

    BEGAN = 0  # a task
    FAR = 1  # how far its capture is read
    PARCEL = 2  # conversations
    END = 3  # of the task
    BROKE = 4  # a fault of ours


class Work(NamedTuple):
    """All that a worker needs to know."""

    tasks: Sequence[Task]
    together: int  # tasks that one number of the queue stands for
    captures: Sequence[Capture]
    claims: Claims
    site: str
    room: Room
    sums: bool = False  # only what the captures come to is wanted

    def room_of(self, task: Task) -> Room:
        """Return what a task may hold: shares of a capture together as much as one look at it."""
        return self.room.shared(task.part[1])


def work(given: Work, queue: int, pipe: int) -> int:
    """Do what the queue says until it is empty; return the exit code.

    queue, pipe: descriptors to read numbers from, and to write to
    """
    teller = _Teller(pipe)
    try:
        while octets := os.read(queue, NUMBER.size):
            (number,) = NUMBER.unpack(octets)
            first = number * given.together
            for at in range(first, min(first + given.together, len(given.tasks))):
                _look(given, at, teller)
    except MemoryError:
        return NO_MEMORY
    except BrokenPipeError:  # nobody wants to know any more
        return 0
    except Exception:
        teller.tell(Kind.BROKE, 0, traceback.format_exc().encode("utf-8", "replace"))
        return 1
    return 0


def _look(given: Work, at: int, teller: _Teller) -> None:
    task = given.tasks[at]
    held: list[Named] = []

    def take(one: Named) -> None:
        held.append(one)
        if len(held) == PARCEL:
            teller.parcel(at, held)
            held.clear()

    def far(_: str, done: int, total: int | None) -> None:
        teller.tell(Kind.FAR, at, _FAR.pack(done))

    teller.tell(Kind.BEGAN, at)
    capture, room = given.captures[task.capture], given.room_of(task)
    if given.sums:
        found = sum_up(
            capture, given.claims, site=given.site, room=room, progress=far, part=task.part
        )
        for one in found.named:
            take(one)
        end = found.end
    else:
        end = stream(capture, given.claims, take, given.site, room, far, task.part)
    teller.parcel(at, held)
    teller.tell(Kind.END, at, msgspec.msgpack.encode(end))


class _Teller:
    """Writes messages to a pipe whole, however slowly it is read."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._packer = Packer()

    def tell(self, kind: Kind, task: int, octets: bytes = b"") -> None:
        left = memoryview(_HEAD.pack(kind, task, len(octets)) + octets)
        while left:
            left = left[os.write(self._pipe, left) :]

    def parcel(self, task: int, seen: Sequence[Named]) -> None:
        self.tell(Kind.PARCEL, task, self._packer.pack(seen))


class Message(NamedTuple):
    """What a worker tells."""

    kind: Kind
    task: int
    octets: bytes

    @property
    def far(self) -> int:
        """Return how many octets are read, as a message FAR tells."""
        (done,) = _FAR.unpack(self.octets)
        return int(done)

    @property
    def end(self) -> End:
        """Return what a message END tells."""
        return msgspec.msgpack.decode(self.octets, type=End)


def messages(buffer: bytearray) -> Iterator[Message]:
    """Take the messages that are whole out of what came so far."""
    here = 0
    with memoryview(buffer) as view:
        while here + _HEAD.size <= len(view):
            kind, task, length = _HEAD.unpack_from(view, here)
            end = here + _HEAD.size + length
            if end > len(view):
                break
            yield Message(Kind(kind), task, bytes(view[here + _HEAD.size : end]))
            here = end
    del buffer[:here]
