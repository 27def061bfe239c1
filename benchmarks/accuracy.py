"""How often portbook names conversations rightly, beside tshark and nDPI on the same ones.

    python benchmarks/accuracy.py [--captures FOLDER] [--json | --markdown]

Every recogniser is asked about every conversation with payload, without its ports. What is true,
a ruling by hand says (`accuracy_rulings.py`), else tshark, else the README of the captures. nDPI
is measured where nfstream is installed. Captures that a test or a recogniser names stand apart
from those that none names. tshark takes minutes: what it said is kept in a file, by the digest
of each capture; progress goes to stderr. docs/accuracy.md looks into each disagreement.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import accuracy_corpus as corpus
from accuracy_names import DISSECTORS
from accuracy_report import Reading, document, markdown, text
from accuracy_scores import Judged, judged, said_by_tshark
from accuracy_witnesses import CACHE, Cache, Nfstream, Tshark

TOGETHER = 2  # tshark processes


def main(arguments: list[str] | None = None) -> int:
    """Print the evaluation; return 0 where it could be made, 2 where there is nothing to read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--captures", type=Path, default=corpus.CAPTURES, help="folder to read")
    parser.add_argument("--json", action="store_true", help="one document, with each disagreement")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/accuracy.md")
    parser.add_argument("--only", default="", help="captures whose name has this word")
    parser.add_argument("--cache", type=Path, default=CACHE, help="what witnesses said before")
    told = parser.parse_args(arguments)
    folder: Path = told.captures
    names = [name for name in corpus.names(folder) if told.only in name] if folder.is_dir() else []
    if not names:
        print(f"skipped: no captures in {folder}; name a folder with --captures", file=sys.stderr)
        return 2
    found = evaluate(folder, names, Cache(told.cache))
    if told.json:
        print(json.dumps(document(found), indent=1))
    else:
        print("\n".join(markdown(found) if told.markdown else text(found)))
    return 0


def evaluate(folder: Path, names: list[str], cache: Cache) -> Reading:
    """Ask everybody about all captures of these names."""
    paths = [folder / name for name in names]
    tshark = Tshark() if Tshark.present() else None
    ndpi = Nfstream() if Nfstream.present() else None
    if tshark is None:
        _say("tshark is not installed: its labels are not measured, only rulings and README count")
    try:
        if tshark:
            _ask_tshark(tshark, paths, cache)
        if ndpi:
            _ask_ndpi(ndpi, paths, cache)
    finally:
        cache.save()
    seen: list[Judged] = []
    silent = 0
    for number, (name, path) in enumerate(zip(names, paths, strict=True), 1):
        _progress("portbook", number, len(names))
        read = corpus.read(folder, name)
        silent += read.silent
        by_tshark = cache.labels(tshark.version, path) if tshark else None
        by_ndpi = cache.labels(ndpi.version, path) if ndpi else None
        row, tuned = corpus.rows(folder).get(name, {}), corpus.tuned(name)
        for one in read.asked:
            # a file that nfstream cannot open says nothing of nDPI
            other = by_ndpi.get(one.key, {}) if by_ndpi else None
            said = by_tshark.get(one.key, {}) if by_tshark is not None else None
            seen.append(judged(one, said, other, row, tuned))
    witnesses = {
        "tshark": tshark.version if tshark else None,
        "nDPI": ndpi.version if ndpi else None,
    }
    agreed = _told(tshark, folder, seen) if tshark else {}
    return Reading(seen, len(names), silent, witnesses, agreed)


def _ask_tshark(tshark: Tshark, paths: list[Path], cache: Cache) -> None:
    missing = cache.missing(tshark.version, paths)
    with ThreadPoolExecutor(TOGETHER) as pool:
        for number, (path, told) in enumerate(
            zip(missing, pool.map(tshark.labels, missing), strict=True), 1
        ):
            _progress("tshark", number, len(missing))
            cache.keep(tshark.version, path, told)


def _ask_ndpi(ndpi: Nfstream, paths: list[Path], cache: Cache) -> None:
    missing = cache.missing(ndpi.version, paths)
    for number, (path, told) in enumerate(ndpi.all(missing), 1):
        _progress("nDPI", number, len(missing))
        cache.keep(ndpi.version, path, told)


def _told(tshark: Tshark, folder: Path, seen: list[Judged]) -> dict[str, bool]:
    """Ask tshark again where only portbook has a name, and tell it the dissector for the port.

    It is a second opinion, not a truth: whoever is told what to see may see it. A frame that it
    then calls malformed speaks against us.
    """
    asked = defaultdict(list)
    for one in seen:
        if one.asked.protocol in DISSECTORS and one.tshark is None:
            asked[one.asked.capture].append(one)
    found: dict[str, bool] = {}
    for number, (name, those) in enumerate(sorted(asked.items()), 1):
        _progress("tshark, told the port", number, len(asked))
        rules = {
            f"{one.asked.key.transport}.port=={port},{DISSECTORS[one.asked.protocol or '']}"
            for one in those
            for port in (one.asked.server_port,)
        }
        labels = tshark.labels(folder / name, *sorted(rules))
        # it ends at once when it is told a dissector that has no such transport
        for one in those if labels else ():
            said = labels.get(one.asked.key, {})
            clean = not any("_ws.malformed" in path for path in said)
            agrees = said_by_tshark(said) == one.asked.protocol
            found[f"{name} {one.asked.key}"] = agrees and clean
    return found


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total or not done % 50:
        _say(f"{what}: {done} of {total}", end="\r" if sys.stderr.isatty() else "\n")


def _say(words: str, end: str = "\n") -> None:
    print(words, file=sys.stderr, end=end, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
