"""Whether a server may begin as it was told: who could reach it, and how their secrets travel."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from portbook.addresses import Scope, parse, scope_of
from portbook.errors import UsageError
from portbook.faces.web.guard.credentials import Credentials
from portbook.faces.web.guard.hosts import named
from portbook.faces.web.guard.rules import LOOPBACK_NAMES, Rules

_MAKE = "portbook serve --make-token FILE"


def admitted(
    listen: str,
    *,
    credentials: Credentials | None,
    tls: bool,
    behind_proxy: bool = False,
    plain: bool = False,
    yes: str | None = None,
    names: Iterable[str] = (),
) -> Rules:
    """Return the rules for a server that listens at an address.

    names: by which readers may call it, besides those that it has by itself
    plain, yes: secrets may travel unencrypted off loopback, said twice: yes names the address
    Raises UsageError when others could read what they should not, with what to do about it.
    """
    near = scope_of(listen) is Scope.LOOPBACK
    if plain and near:
        raise UsageError("--plain is for an address off loopback; there is nothing to allow here")
    if credentials is None and (behind_proxy or not near):
        who = "a proxy" if behind_proxy else listen
        raise UsageError(
            f"{who} lets others in: a token or a password is needed; make one with `{_MAKE}`, "
            "then start with --token-file FILE"
        )
    if not near and not tls and not (plain and yes == listen):
        raise UsageError(
            f"{listen} without TLS: whoever is on the way can read the token; give --certificate "
            "and --key, or stay on loopback behind a proxy (--behind-proxy) or an SSH tunnel; "
            f"when you want it all the same, say it twice: --plain --yes {listen}"
        )
    return Rules(
        hosts=_hosts(listen, names, near),
        own_addresses=not near,
        credentials=credentials,
        behind_proxy=behind_proxy,
        plain=plain,
        strict_transport=tls or behind_proxy,
    )


def _hosts(listen: str, names: Iterable[str], near: bool) -> frozenset[str]:
    found = set(LOOPBACK_NAMES)
    address = parse(listen)
    if address is not None and not address.is_unspecified:
        found.add(str(address))
    if not near and (own := named(socket.gethostname())):
        found.add(own)
    for text in names:
        name = named(f"[{text}]" if text.count(":") > 1 else text)
        if name is None:
            raise UsageError(f"--host-name {text!r}: write a name or an address, as plant.example")
        found.add(name)
    return frozenset(found)
