"""`portbook serve`: the book in a browser."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portbook.errors import SourceError, UsageError

if TYPE_CHECKING:
    from portbook.faces.cli.endpoints import Endpoint
    from portbook.faces.web.guard.certificates import Certified
    from portbook.faces.web.guard.rules import Rules
    from portbook.faces.web.settings import Serving

LISTEN = "127.0.0.1:8743"
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    short_help="The book in a browser, and its API.",
    help="""Serve the book as pages and an API, until Ctrl-C or SIGTERM.

    \b
      portbook serve --open
      portbook serve --interface eth1 --capture plant.pcap
      portbook serve --rtpd 127.0.0.1:2581 --rtpd-config rtpd.toml
      ssh -L 8743:127.0.0.1:8743 server    then http://localhost:8743/ shows the server's

    It listens on loopback: everybody who has an account on this machine can read it. For readers
    elsewhere, best through a tunnel as above; else with a token, and TLS of its own or a proxy's:

    \b
      portbook serve --make-token token
      portbook serve --listen 0.0.0.0:8743 --token-file token --certificate cert.pem --key key.pem
      portbook serve --behind-proxy --token-file token --host-name plant.example

    Nothing is sent on the network but to readers. Secrets are never taken from the command line:
    they come from files, or PORTBOOK_TOKEN. docs/serve.md tells how to run it as a service.
    """,
)
@click.option(
    "--listen", default=LISTEN, metavar="ADDRESS:PORT", show_default=True, help="Where to listen."
)
@click.option("--book", type=_FILE, metavar="FILE", help="The book; made when absent.")
@click.option("--site", metavar="NAME", help="Name of the site, part of every key in the book.")
@click.option("--policy", metavar="NAME|FILE", help="Judge ports by a policy: `opto22`, or a file.")
@click.option("--interface", multiple=True, metavar="NAME", help="Listen there live; repeatable.")
@click.option(
    "--capture", multiple=True, type=_FILE, metavar="FILE", help="Read at the start; repeatable."
)
@click.option("--rtpd", metavar="ADDRESS:PORT", help="Status of the REF TEK receiver to show.")
@click.option("--rtpd-config", type=_FILE, metavar="FILE", help="Its settings: names of stations.")
@click.option("--token-file", type=_FILE, metavar="FILE", help="Tokens that let in, a line each.")
@click.option("--password-file", type=_FILE, metavar="FILE", help="A password for the log-in page.")
@click.option("--make-token", type=_FILE, metavar="FILE", help="Write a new token, and leave.")
@click.option("--certificate", type=_FILE, metavar="PEM", help="Serve by TLS, with this chain.")
@click.option("--key", type=_FILE, metavar="PEM", help="The key, where it stands in its own file.")
@click.option(
    "--host-name", multiple=True, metavar="NAME", help="Answer to this name too; repeatable."
)
@click.option("--behind-proxy", is_flag=True, help="A proxy on this machine does the TLS.")
@click.option("--plain", is_flag=True, help="Off loopback without TLS: say it twice, with --yes.")
@click.option("--yes", metavar="ADDRESS", help="The address again, with --plain.")
@click.option("--readonly", is_flag=True, help="Write nothing in the book; take in no captures.")
@click.option(
    "--most-upload", default="512MB", metavar="SIZE", show_default=True, help="Of one capture."
)
@click.option("--language", metavar="TAG", help="For browsers that ask for none that there is.")
@click.option("--log-requests", is_flag=True, help="Tell each request on standard error.")
@click.option("--open", "opens", is_flag=True, help="Open it in a browser.")
def command(make_token: Path | None, opens: bool, **told: Any) -> int:
    """Look at everything that was told before anything is opened, then serve."""
    if make_token is not None:
        return _make_token(make_token)
    _needs_extra()
    import msgspec

    from portbook.faces.web import running

    here = _endpoint(told["listen"])
    certified = _certified(told["certificate"], told["key"])
    rules = _rules(here, certified, told)
    serving = _serving(here, certified is not None, told)
    door = running.bound(*here)
    try:
        from portbook.faces.web.app import make
        from portbook.faces.web.desk import Desk
        from portbook.faces.web.doors import pages

        address = running.address(door, certified is not None)
        desk = Desk.open(serving)
        running.run(
            make(desk),
            door,
            msgspec.structs.replace(rules, cookie=_cookie(door), pages=pages(desk)),
            tls=certified and certified.context,
            ready=lambda: _begun(address, opens),
        )
    finally:
        door.close()
    return 0


def _needs_extra() -> None:
    from importlib.util import find_spec

    missing = [one for one in ("litestar", "uvicorn", "jinja2", "babel") if find_spec(one) is None]
    if missing:
        raise UsageError(f"pages need {', '.join(missing)}; install portbook[web]")


def _make_token(path: Path) -> int:
    from portbook.faces.web.guard.secret_files import make

    make(path)
    click.echo(f"portbook: {path} has a new token; start with: portbook serve --token-file {path}")
    return 0


def _endpoint(text: str) -> Endpoint:
    from portbook.addresses import parse
    from portbook.faces.cli.endpoints import Endpoint, endpoint

    host, port = endpoint(text, "127.0.0.1")
    if host == "localhost":
        host = "127.0.0.1"
    address = parse(host)
    if address is None or "%" in host:
        raise UsageError(
            f"--listen {text}: write an address of this machine, as 127.0.0.1:8743 or [::1]:8743; "
            "0.0.0.0 stands for all of IPv4, [::] for all"
        )
    return Endpoint(str(address), port)


def _certified(certificate: Path | None, key: Path | None) -> Certified | None:
    if certificate is None:
        if key is not None:
            raise UsageError("--key is of no use without --certificate")
        return None
    from portbook.faces.web.guard.certificates import certified

    found = certified(certificate, key)
    if found.warning:
        _warn(found.warning)
    return found


def _rules(here: Endpoint, certified: Certified | None, told: dict[str, Any]) -> Rules:
    import msgspec

    from portbook.faces.web.guard import secret_files
    from portbook.faces.web.guard.admission import admitted
    from portbook.faces.web.settings import octets

    secrets = secret_files.read(told["token_file"], told["password_file"])
    for warning in secrets.warnings:
        _warn(warning)
    rules = admitted(
        here.host,
        credentials=secrets.credentials,
        tls=certified is not None,
        behind_proxy=told["behind_proxy"],
        plain=told["plain"],
        yes=told["yes"],
        names=(*told["host_name"], *(certified.names if certified else ())),
    )
    return msgspec.structs.replace(
        rules,
        readonly=told["readonly"],
        limits=msgspec.structs.replace(rules.limits, upload_octets=octets(told["most_upload"])),
        log=_log if told["log_requests"] else None,
    )


def _serving(here: Endpoint, tls: bool, told: dict[str, Any]) -> Serving:
    from portbook import config
    from portbook.faces.web.settings import ENGLISH, Serving, octets

    flags = {"book": told["book"], "site": told["site"], "policy": told["policy"]}
    chosen = config.load({key: value and str(value) for key, value in flags.items()})
    return Serving(
        book=chosen.book,
        claims=chosen.claims,
        site=chosen.site,
        policy=chosen.policy,
        interfaces=tuple(map(_interface, dict.fromkeys(told["interface"]))),
        captures=tuple(map(_capture, told["capture"])),
        rtpd=_status_of(told["rtpd"]),
        rtpd_config=told["rtpd_config"],
        readonly=told["readonly"],
        most_upload=octets(told["most_upload"]),
        language=_language(told["language"]) if told["language"] else ENGLISH,
        host=here.host,
        port=here.port,
        tls=tls,
        behind_proxy=told["behind_proxy"],
    )


def _interface(name: str) -> str:
    known = [one for _, one in socket.if_nameindex()] if hasattr(socket, "if_nameindex") else [name]
    if name not in known:
        raise UsageError(
            f"--interface {name}: there is none of that name; here: {', '.join(known)}"
        )
    return name


def _capture(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path.absolute()
    except OSError as error:
        raise SourceError(f"--capture {path}: {error.strerror}") from error


def _status_of(text: str | None) -> str | None:
    if text is None:
        return None
    from portbook.faces.cli.endpoints import endpoint

    host, port = endpoint(text, "127.0.0.1")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _language(tag: str) -> str:
    from portbook.faces.languages import languages

    known = {one.lower(): one for one in languages()}
    if tag.lower() not in known:
        raise UsageError(f"--language {tag}: there is {', '.join(known.values())}")
    return known[tag.lower()]


def _cookie(door: socket.socket) -> str:
    return f"portbook-{door.getsockname()[1]}"


def _begun(address: str, opens: bool) -> None:
    from portbook.daemons.watchdog.notify import Notifier

    click.echo(f"portbook: {address} shows the book; Ctrl-C ends")
    sys.stdout.flush()
    told = Notifier()
    told.ready(address)
    told.close()
    if opens:
        import threading
        import webbrowser

        # some browsers let their caller wait until they are closed
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _log(line: str) -> None:
    click.echo(line, err=True)


def _warn(text: str) -> None:
    click.echo(f"portbook: {text}", err=True)
