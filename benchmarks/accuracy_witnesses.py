"""Other programs' labels of the same conversations: tshark, and nDPI through nfstream.

Both may look at ports, and do. tshark runs with its own defaults and heuristics. What a witness
said of a capture is kept in one file, by the digest of the capture and the witness's version:
tshark is the slow part.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from accuracy_corpus import Key

Labels = Mapping[Key, Mapping[str, int]]  # label -> frames, in the order of their first frame
_NETWORK = ("ip", "ipv6")
_TRANSPORT = ("tcp", "udp", "sctp", "dccp")
_QUOTING = {"icmp", "icmpv6"}  # the packet inside is a quotation, not a conversation
_ENDS = [
    *(f"{name}.{side}" for name in _NETWORK for side in ("src", "dst")),
    *(f"{name}.{side}port" for name in _TRANSPORT for side in ("src", "dst")),
]
_LONGEST_S = 120
_HERE = Path(__file__).resolve()
CACHE = Path(tempfile.gettempdir()) / f"portbook-accuracy-{os.getuid()}.json"


class Cache:
    """What witnesses said before, in one JSON file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._held: dict[str, dict[str, dict[str, int]]] = {}
        if path and path.is_file() and path.stat().st_uid == os.getuid():
            self._held = json.loads(path.read_text())

    def missing(self, version: str, paths: Iterable[Path]) -> list[Path]:
        """Return the captures of which a witness said nothing yet."""
        return [path for path in paths if _name(version, path) not in self._held]

    def keep(self, version: str, path: Path, told: Labels) -> None:
        kept = {str(key): dict(labels) for key, labels in told.items()}
        self._held[_name(version, path)] = kept

    def labels(self, version: str, path: Path) -> Labels:
        """Return what a witness said of a capture."""
        held = self._held.get(_name(version, path), {})
        return {Key.read(text): labels for text, labels in held.items()}

    def save(self) -> None:
        """Write the file anew, whole or not at all."""
        if self._path:
            half = self._path.with_suffix(f".{os.getpid()}")
            half.write_text(json.dumps(self._held))
            half.replace(self._path)


def _name(version: str, path: Path) -> str:
    return f"{version} {_digest(path)}"


@lru_cache(maxsize=4096)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Tshark:
    """The dissector of Wireshark; a label is the path of layers above the transport."""

    def __init__(self) -> None:
        told = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
        self.version = told.stdout.split("\n", 1)[0].split("(Git")[0].strip()

    @staticmethod
    def present() -> bool:
        return shutil.which("tshark") is not None

    def labels(self, path: Path, *told: str) -> Labels:
        """Return the layers of every conversation's frames.

        told: dissectors that it is told for ports, `tcp.port==20001,dnp3`
        """
        fields = [part for field in (*_ENDS, "frame.protocols") for part in ("-e", field)]
        ports = [part for rule in told for part in ("-d", rule)]
        command = ["tshark", "-n", "-r", str(path), *ports, "-T", "fields", "-E", "occurrence=a"]
        try:
            done = subprocess.run(
                [*command, *fields], capture_output=True, timeout=_LONGEST_S, check=False
            )
            lines = done.stdout
        except subprocess.TimeoutExpired as error:
            lines = error.stdout or b""
        found: dict[Key, Counter[str]] = {}
        for line in lines.decode(errors="replace").splitlines():
            for key, layers in _levels(line.split("\t")):
                found.setdefault(key, Counter())[layers] += 1
        return found


def _levels(cells: list[str]) -> Iterator[tuple[Key, str]]:
    """Give each conversation that a frame belongs to, tunnels inside out, with its layers."""
    if len(cells) != len(_ENDS) + 1:
        return
    ends = {
        name: deque(cell.split(",") if cell else ())
        for name, cell in zip(_ENDS, cells, strict=False)
    }
    layers = cells[-1].split(":")
    addresses = ("", "")
    for at, layer in enumerate(layers):
        if layer in _QUOTING:
            return
        if layer in _NETWORK:
            addresses = _next(ends, layer, "src", "dst")
        elif layer in _TRANSPORT and all(addresses):
            ports = _next(ends, layer, "srcport", "dstport")
            if all(ports):
                source, target = zip(addresses, map(int, ports), strict=True)
                yield Key.of(layer, source, target), ":".join(_above(layers[at + 1 :]))


def _next(ends: Mapping[str, deque[str]], layer: str, *sides: str) -> tuple[str, str]:
    one, other = (
        ends[f"{layer}.{side}"].popleft() if ends[f"{layer}.{side}"] else "" for side in sides
    )
    return one, other


def _above(layers: list[str]) -> Iterator[str]:
    """Give the layers up to the next packet inside; the shape of data is no protocol."""
    for layer in layers:
        if layer in _NETWORK or layer in _QUOTING:
            return
        if layer != "data":
            yield layer


class Nfstream:
    """nDPI, through nfstream; a label is nDPI's name, `?` before it where it only guessed."""

    def __init__(self) -> None:
        self.version = f"nfstream {metadata.version('nfstream')}"

    @staticmethod
    def present() -> bool:
        return importlib.util.find_spec("nfstream") is not None

    def all(self, paths: list[Path]) -> Iterator[tuple[Path, Labels]]:
        """Give each capture with nDPI's names; none for one that it cannot read."""
        # a process of its own: a parser in C that meets damaged captures may take it down
        left = deque(paths)
        while left:
            ended = 0
            for path, labels in self._some(list(left)):
                yield path, labels
                ended += 1
            for _ in range(ended):
                left.popleft()
            if left:
                yield left.popleft(), {}

    def _some(self, paths: list[Path]) -> Iterator[tuple[Path, Labels]]:
        """Give captures as far as one process bears them."""
        command = [sys.executable, str(_HERE.with_name("accuracy_ndpi.py")), *map(str, paths)]
        labels: dict[Key, Counter[str]] = {}
        found = 0
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as child:
            assert child.stdout
            for line in child.stdout:
                told = json.loads(line)
                if isinstance(told, str):
                    yield paths[found], labels
                    labels, found = {}, found + 1
                    continue
                transport, one, here, two, there, name = told
                key = Key.of(transport, (one, here), (two, there))
                labels.setdefault(key, Counter())[name] += 1
