"""The docs say what the code does: every record and field, setting, protocol, rule, example."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.program import environment, portbook

import portbook as package
from portbook.addresses import Scope
from portbook.claims.site import parse_site
from portbook.emulators.frames import Frame, Host, TcpTalk, pcap
from portbook.faces import exports
from portbook.ports import PortRange, Transport
from portbook.protocols import protocols
from portbook.records import Claim, ClaimKind, Listener, Source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TELLING = (
    "records", "findings", "planning", "survey", "seismic", "book", "emulators", "faces"
)  # fmt: skip
ROW = re.compile(r"^\| `([a-z]+)` \| `(.+)` \|$", re.MULTILINE)


def structs(kind: type[msgspec.Struct] = msgspec.Struct) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        yield below
        yield from structs(below)


def written() -> dict[str, set[str]]:
    """Return the fields of every kind of record that portbook writes, but `kind` itself."""
    for room in TELLING:
        home = importlib.import_module(f"portbook.{room}")
        for module in pkgutil.walk_packages(getattr(home, "__path__", ()), f"{home.__name__}."):
            importlib.import_module(module.name)
    ours = tuple(f"portbook.{room}" for room in TELLING)
    found = {
        str(one.__struct_config__.tag): {name.removesuffix("_ns") for name in one.__struct_fields__}
        for one in structs()
        if one.__struct_config__.tag and one.__module__.startswith(ours)
    }
    claim = Claim(PortRange(1, 2), Transport.TCP, "x", ClaimKind.SITE, Source("s"))
    listener = Listener(Transport.TCP, "::", 1, Scope.ANY, "listen", 0)
    for one in (claim, listener):  # these two are written otherwise than they are held
        document = exports.document(one)
        found[document["kind"]] = set(document) - {"kind"}
    return found


def told() -> dict[str, set[str]]:
    """Return the fields that docs/output.md names, by kind."""
    rows = ROW.findall((DOCS / "output.md").read_text())
    return {
        kind: set(re.findall(r"[a-z_0-9]+", re.sub(r"`; further `", " ", text)))
        for kind, text in rows
    }


@pytest.mark.parametrize("kind", sorted(written() | told()))
def test_every_field_of_every_record_is_told(kind: str) -> None:
    assert written().get(kind) == told().get(kind)


def test_what_the_demo_writes_is_told(tmp_path: Path) -> None:
    fields = told()
    for record in portbook(tmp_path, "demo", "--jsonl").lines():
        assert record.keys() - {"kind"} <= fields[record["kind"]], record["kind"]


def test_the_tables_of_the_docs_are_those_of_the_code() -> None:
    pages = runpy.run_path(str(ROOT / "scripts" / "update_docs.py"))["pages"]()

    assert {"cli.md", "output.md", "protocols.md", "rules.md"} == {page.name for page in pages}
    for page, text in pages.items():
        assert text == page.read_text(), "run scripts/update_docs.py"


def test_every_kind_of_claim_is_explained() -> None:
    text = (DOCS / "claims.md").read_text()

    assert [] == [kind.value for kind in ClaimKind if f"| `{kind.value}` |" not in text]


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")]), ids=str)
def test_every_page_that_is_linked_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")]), ids=str)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for target in re.findall(
        r"`((?:src|tests|scripts|docs|benchmarks)/[^`\s]+)`", page.read_text()
    ):
        assert "NAME" in target or (ROOT / target).exists(), target


def example() -> str:
    """Return the protocol that CONTRIBUTING.md shows."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def with_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of portbook in it, and the example as one file more."""
    home = tmp_path_factory.mktemp("contributing")
    source = Path(package.__file__).parent
    shutil.copytree(source, home / "portbook", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "portbook" / "protocols" / "plcx.py").write_text(example())
    return home


def run(home: Path, *words: object) -> list[dict[str, object]]:
    paths = os.pathsep.join([str(home), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "portbook", *map(str, words), "--jsonl"],
        env={**environment(home), "PYTHONPATH": paths},
        capture_output=True,
        check=True,
        cwd=home,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_example_of_contributing_names_its_protocol(with_example: Path) -> None:
    asker, controller = Host("10.0.0.5", "02:00:00:00:00:05"), Host("10.0.0.9", "02:00:00:00:00:09")
    whole, lying = b"PX\x01\x00\x08\x00ab", b"PX\x01\x00\x63\x00ab"
    frames = [
        Frame(10**18, asker.datagram(5000, controller, 9999, whole)),
        Frame(10**18 + 1, asker.datagram(5001, controller, 9998, lying)),
        *TcpTalk(asker, 5002, controller, 9997, start_ns=10**18 + 2).to_server(whole).close(),
    ]
    capture = with_example / "plcx.pcap"
    capture.write_bytes(pcap(frames))
    said = {
        one["server_port"]: (one["protocol"], one["confidence"])
        for one in run(with_example, "read", capture)
        if one["kind"] == "conversation"
    }

    assert ("plcx", "confirmed") == said[9999]
    assert ("plcx", "plausible") == said[9998]
    assert (None, None) == said[9997]  # its signature is of UDP


def test_the_example_of_contributing_becomes_a_claim(with_example: Path) -> None:
    found = [one for one in run(with_example, "port", "plcx") if one["kind"] == "claim"]

    assert [(7777, "udp", "plcx")] == [
        (one["first"], one["transport"], one["protocol"]) for one in found
    ]


def test_the_changelog_counts_the_protocols_that_there_are() -> None:
    assert f"in {len(protocols())} protocols" in (ROOT / "CHANGELOG.md").read_text()


def test_the_claims_file_that_the_docs_show_can_be_read() -> None:
    shown = re.search(r"```toml\n(.*?)```", (DOCS / "claims.md").read_text(), re.DOTALL)
    assert shown

    (claim,) = parse_site(shown[1])
    assert ("boiler gateway", "modbus") == (claim.claimant, claim.protocol)
