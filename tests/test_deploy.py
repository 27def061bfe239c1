"""The unit files for systemd agree with the code, with each other, and with systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from portbook.daemons.configuration.settings import Listen, Settings
from portbook.daemons.watchdog.notify import NAMES
from portbook.faces.cli.lazy import Commands

UNITS = Path(__file__).parents[1] / "deploy" / "systemd"
SERVICES = ("rtpd", "rtpid")
needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze, the witness, is absent"
)


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Return the sections of a unit file, each key with all its values."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(match[1], {})
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            section.setdefault(key, []).append(value)
    return sections


def service(name: str) -> dict[str, list[str]]:
    return unit(f"portbook-{name}.service")["Service"]


def test_there_is_a_socket_unit_for_every_socket_that_the_code_knows() -> None:
    assert {f"portbook-{name}@.socket" for name in NAMES} == {
        path.name for path in UNITS.glob("*.socket")
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_socket_unit_hands_over_under_the_name_that_the_code_expects(name: str) -> None:
    told = unit(f"portbook-{name}@.socket")["Socket"]

    assert [name] == told["FileDescriptorName"]
    assert ("ListenDatagram" in told) == (name == "field")
    assert ("ListenStream" in told) == (name != "field")
    assert ["portbook-%i.service"] == told["Service"]


@pytest.mark.parametrize("name", NAMES)
def test_a_socket_unit_listens_where_the_settings_would(name: str) -> None:
    told = unit(f"portbook-{name}@.socket")["Socket"]
    (where,) = told.get("ListenDatagram", told.get("ListenStream", []))

    assert where == (getattr(Listen(), name) or "127.0.0.1:18000")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_the_sockets_that_are_on_by_default(name: str) -> None:
    on = [one for one in NAMES if getattr(Listen(), one)]

    assert [" ".join(f"portbook-{one}@{name}.socket" for one in on)] == service(name)["Sockets"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_a_command_that_there_is_with_options_that_it_has(name: str) -> None:
    (start,) = service(name)["ExecStart"]
    env, program, word, *options = start.split()
    command = Commands().get_command(click.Context(click.Group()), word)

    assert ("/usr/bin/env", "portbook", name) == (env, program, word)
    assert command is not None
    known = {option for one in command.params for option in one.opts}
    assert {one for one in options if one.startswith("--")} <= known


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_hears_the_heartbeat_and_acts_on_it(name: str) -> None:
    told = service(name)

    assert ["notify"] == told["Type"]
    assert ["main"] == told["NotifyAccess"]
    assert ["on-failure"] == told["Restart"]  # which an end by the watchdog is, too
    assert ["0"] == unit(f"portbook-{name}.service")["Unit"]["StartLimitIntervalSec"]


def test_systemd_waits_for_a_heartbeat_as_long_as_rtpid_does() -> None:
    limit_s = Settings().watchdog.limit_s

    assert [f"{limit_s:g}"] == service("rtpd")["WatchdogSec"]
    assert Settings().watchdog.beat_s * 3 <= limit_s


@pytest.mark.parametrize("name", SERVICES)
def test_the_two_services_exclude_each_other(name: str) -> None:
    other = next(one for one in SERVICES if one != name)

    assert [f"portbook-{other}.service"] == unit(f"portbook-{name}.service")["Unit"]["Conflicts"]


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"),
        ("StateDirectory", "portbook"),
        ("DynamicUser", "yes"),
    ],
)
def test_a_service_may_do_no_more_than_it_has_to(name: str, key: str, value: str) -> None:
    assert [value] == service(name)[key]


@needs_analyze
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_no_fault_in_the_units(name: str, tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        shutil.copy(path, tmp_path / path.name.replace("@.", f"@{name}."))
    files = [tmp_path / f"portbook-{name}.service", *sorted(tmp_path.glob("*.socket"))]
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # it loads what ours depend on as well, and has opinions on that
    ours = [line for line in ended.stderr.splitlines() if "portbook" in line]

    assert [] == ours
    assert 0 == ended.returncode, ended.stderr
