"""What is on the shelf: an entry a story, each with a small file of its own beside the story's."""

from __future__ import annotations

import os
import re
import secrets
import string
from pathlib import Path

import msgspec

from portbook.book.stories import DONE, FAILED, READING, removed
from portbook.records import Summary

WAITING = "waiting"  # for its turn to be read
INTERRUPTED = FAILED + "interrupted: the server ended before it was read; give it once more"
CAPTURE, INTERFACE = "capture", "interface"
LONGEST_NAME = 200  # letters
_ID = re.compile(r"[0-9a-z]{12}\Z")
_LETTERS = string.digits + string.ascii_lowercase
_LARGEST_OCTETS = 64 << 10  # of an entry's file


class Told(msgspec.Struct, frozen=True):
    """One story of the shelf.

    kind: "capture" or "interface"; name: as its owner calls it: text from outside
    state: "waiting", "reading" (of an interface: it is listened to), "done", "failed: why"
    progress: 0 to 1, of reading; step: what it is at, None when it is at nothing
    problem: what is wrong with a story that is there all the same: the capture was cut, ...
    octets: of the capture; origin: of a capture that was read where it stands: what it was then
    """

    id: str
    kind: str
    name: str
    state: str
    began_ns: int
    progress: float = 0.0
    step: str | None = None
    summary: Summary | None = None
    problem: str | None = None
    octets: int | None = None
    ended_ns: int | None = None
    origin: str | None = None
    keeps: bool = False  # what is seen is written in the book

    @property
    def active(self) -> bool:
        """Tell whether somebody works on it, or will."""
        return self.state in (WAITING, READING)


class Entries:
    """The files of the shelf's folder, which is made when the first story comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def story(self, name: str) -> Path:
        """Return where a story's records are."""
        return self.folder / f"{name}.story"

    def upload(self, name: str) -> Path:
        """Return where a capture is kept until it is read."""
        return self.folder / f"{name}.upload"

    def make(self) -> None:
        """Make the folder; what networks carry is nobody else's to read."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, one: Told) -> None:
        """Write an entry, whole or not at all."""
        path = self.folder / f"{one.id}.json"
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(msgspec.json.encode(one))
        fresh.replace(path)

    def forget(self, name: str) -> None:
        """Remove all files of a story."""
        for suffix in (".json", ".new", ".upload"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        removed(self.story(name))

    def found(self) -> list[Told]:
        """Return the entries of an earlier run, and remove what belongs to none.

        What was not done then is a failed one now.
        """
        if not self.folder.is_dir():
            return []
        told = []
        for path in sorted(self.folder.iterdir()):
            name, _, suffix = path.name.partition(".")
            if not _ID.match(name):
                continue
            if suffix == "json" and (one := _loaded(path, name)):
                told.append(one)
        known = {one.id for one in told}
        settled = [self._settled(one) for one in told]
        waiting = {one.id for one in settled if one.state == WAITING}
        for path in sorted(self.folder.iterdir()):
            name, _, suffix = path.name.partition(".")
            needed = {"new": set(), "upload": waiting}.get(suffix, known)
            ours = suffix in ("json", "new", "upload") or suffix.startswith("story")
            if _ID.match(name) and ours and name not in needed:
                path.unlink(missing_ok=True)
        return settled

    def _settled(self, one: Told) -> Told:
        if not one.active or (one.state == WAITING and self.upload(one.id).exists()):
            return one
        state = DONE if one.kind == INTERFACE and self.story(one.id).exists() else INTERRUPTED
        one = msgspec.structs.replace(one, state=state, step=None, ended_ns=one.began_ns)
        self.save(one)
        return one


def fresh_id() -> str:
    """Return an id that nobody can guess, for addresses and file names alike."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def clean_name(name: str) -> str:
    """Return a capture's name as it is shown: no folders, nothing that is not printable."""
    last = re.split(r"[/\\]", name.strip())[-1]
    shown = "".join(one if one.isprintable() else "�" for one in last)
    return shown.encode("utf-8", "replace").decode()[:LONGEST_NAME] or "capture"


def _loaded(path: Path, name: str) -> Told | None:
    try:
        with path.open("rb") as file:
            one = msgspec.json.decode(file.read(_LARGEST_OCTETS), type=Told)
    except (OSError, msgspec.MsgspecError):
        return None
    return one if one.id == name else None
