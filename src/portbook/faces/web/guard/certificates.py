"""TLS: our own context, and a look at the certificate before anybody else finds what is wrong."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from portbook.errors import UsageError

_TURNS = 8  # of a handshake with ourselves; TLS 1.3 takes three
_MAKE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 "
    "-subj /CN=NAME -addext subjectAltName=DNS:NAME -keyout key.pem -out certificate.pem"
)


class Certified(NamedTuple):
    """A context for a server, the names that its certificate bears, and what speaks against it."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    warning: str | None


def certified(certificate: Path, key: Path | None) -> Certified:
    """Return a context of TLS 1.2 and up. key: None when it stands in the certificate's file.

    Raises UsageError for files that do not serve, with what to do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    for path in filter(None, (certificate, key)):
        _readable(path)
    try:
        # an encrypted key must not ask at a terminal that may not be there
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(_trouble(certificate, key, error)) from error
    names, warning = _looked_at(context, certificate)
    return Certified(context, names, warning)


def _readable(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; make one with: {_MAKE}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _trouble(certificate: Path, key: Path | None, error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    where = key or certificate
    if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
        return (
            f"{where}: the key is encrypted; write it plain: openssl pkey -in {where} -out key.pem"
        )
    if reason == "KEY_VALUES_MISMATCH":
        return f"{where}: this key does not belong to the certificate in {certificate}"
    if key is None:
        return f"{certificate}: no certificate and key in PEM are in it; name the key with --key"
    return f"{certificate}, {key}: not a certificate and its key in PEM ({reason or error})"


def _looked_at(context: ssl.SSLContext, certificate: Path) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the certificate, by a handshake with ourselves, and what is wrong."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may stand for itself
    try:
        client.load_verify_locations(certificate)
        told = _handshake(client, context).getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return (), f"{certificate}: {error.verify_message}; browsers will refuse it: renew it"
    except ssl.SSLError as error:
        return (), f"{certificate}: {error.reason or error}; browsers may refuse it"
    pairs: tuple[tuple[str, str], ...] = told.get("subjectAltName", ())  # type: ignore[assignment]
    names = tuple(name.lower() for kind, name in pairs if kind in ("DNS", "IP Address"))
    if not names:
        return (), f"{certificate}: it bears no subjectAltName; browsers will refuse it"
    return tuple(name for name in names if "*" not in name), None


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_side=False)
    answering = server.wrap_bio(up, down, server_side=True)
    for _ in range(_TURNS):
        for side in (asking, answering):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return asking
