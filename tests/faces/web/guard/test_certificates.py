"""TLS with certificates made here by openssl: what serves, and what is said of the others."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from support.guarded import TOKEN, guarded_by_token, serving, until

from portbook.errors import UsageError
from portbook.faces.web.guard import Limits, Rules, connections
from portbook.faces.web.guard.certificates import certified

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificates, is absent"
)


class Made(NamedTuple):
    certificate: Path
    key: Path


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


def made(folder: Path, *more: str) -> Made:
    folder.mkdir(exist_ok=True)
    found = Made(folder / "certificate.pem", folder / "key.pem")
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=plant.example", "-keyout", str(found.key), "-out", str(found.certificate),
        *(more or ("-days", "9", "-addext", "subjectAltName=DNS:Plant.Example,DNS:*.x,IP:::1")),
    )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("good"))


def test_a_good_certificate_tells_its_names(good: Made) -> None:
    found = certified(good.certificate, good.key)

    assert found.warning is None
    assert "plant.example" in found.names
    assert "*.x" not in found.names
    assert ssl.TLSVersion.TLSv1_2 == found.context.minimum_version


def test_certificate_and_key_may_stand_in_one_file(good: Made, tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    path.write_bytes(good.certificate.read_bytes() + good.key.read_bytes())

    assert certified(path, None).warning is None


AUTHORITY = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:plant.example
"""


def test_a_certificate_that_has_run_out_is_told_and_serves(good: Made, tmp_path: Path) -> None:
    old, asked, config = tmp_path / "old.pem", tmp_path / "asked.pem", tmp_path / "ca.cnf"
    (tmp_path / "index").touch()
    config.write_text(AUTHORITY.format(folder=tmp_path))
    openssl("req", "-new", "-key", str(good.key), "-subj", "/CN=plant.example", "-out", str(asked))
    openssl(
        "ca", "-config", str(config), "-batch", "-selfsign", "-keyfile", str(good.key),
        "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-notext",
        "-in", str(asked), "-out", str(old),
    )  # fmt: skip
    found = certified(old, good.key)

    assert found.warning is not None
    assert "expired" in found.warning
    assert "renew" in found.warning


def test_a_certificate_without_names_is_told(tmp_path: Path) -> None:
    found = certified(*made(tmp_path / "nameless", "-days", "9"))

    assert found.names == ()
    assert found.warning is not None
    assert "subjectAltName" in found.warning


def test_what_does_not_serve_is_told_with_what_to_do(good: Made, tmp_path: Path) -> None:
    other = made(tmp_path / "other")
    locked, text = tmp_path / "locked.pem", tmp_path / "text.pem"
    openssl("pkey", "-in", str(good.key), "-aes256", "-passout", "pass:x", "-out", str(locked))
    text.write_text("hello\n")
    for certificate, key, why in (
        (good.certificate, other.key, "does not belong"),
        (good.certificate, None, "--key"),
        (good.certificate, locked, "openssl pkey"),
        (text, good.key, "PEM"),
        (good.key, good.certificate, "PEM"),
        (tmp_path / "absent.pem", good.key, "make one with: openssl req"),
        (good.certificate, tmp_path / "absent.pem", "No such file"),
    ):
        with pytest.raises(UsageError, match=why):
            certified(certificate, key)


def test_pages_come_by_tls_with_a_cookie_that_goes_nowhere_else(good: Made) -> None:
    context = certified(good.certificate, good.key).context
    rules = guarded_by_token(strict_transport=True, hosts=frozenset({"127.0.0.1", "plant.example"}))
    with serving(rules=rules, tls=context) as here:
        told = here.ask("GET", "/1743", authorization=f"Bearer {TOKEN}")
        assert (200, "https") == (told.status, told.told["scheme"])
        assert "strict-transport-security" not in told.headers  # by an address that all have
        named = here.ask("GET", "/", authorization=f"Bearer {TOKEN}", host="plant.example")
        assert named.headers["strict-transport-security"].startswith("max-age=")
        entered = here.log_in()
        assert 303 == entered.status
        assert entered.headers["set-cookie"].startswith("__Host-portbook-")
        assert "; Secure" in entered.headers["set-cookie"]
        assert 403 == here.log_in(origin=f"http://{here.name}").status
        cookie = entered.headers["set-cookie"].split(";")[0]
        assert 200 == here.ask("GET", "/1743", cookie=cookie).status
        plain = cookie.removeprefix("__Host-")  # as another program of this host could have set it
        assert 401 == here.ask("GET", "/1743", cookie=plain).status


def test_plain_http_to_a_port_of_tls_gets_nothing(good: Made) -> None:
    with serving(tls=certified(good.certificate, good.key).context) as here:
        came = here.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert b"HTTP/1.1" not in came


def test_who_never_ends_a_handshake_keeps_nobody_out(
    good: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.02)
    context = certified(good.certificate, good.key).context
    limits = Limits(connections=20, head_s=0.5)
    with serving(rules=Rules(limits=limits), tls=context) as here:
        silent = [here.connect() for _ in range(60)]
        assert 200 == here.ask("GET", "/1743").status
        assert len(here.running._connections) <= 20
        until(lambda: len(here.running._connections) == 0)
        for sock in silent:
            sock.close()
