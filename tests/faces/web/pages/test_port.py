"""The page of a port: claims with sources, evidence, what to do, for every port."""

from __future__ import annotations

import re
import shutil
import time
from html import unescape
from pathlib import Path

import pytest
from support.served import Served, served


def _shown(html: str) -> str:
    """Return the text of a page's main part, as it is read."""
    main = html.split("<main", 1)[1].split("</main>", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def test_all_who_claim_a_port_stand_on_its_page_with_their_sources(pages: Served) -> None:
    text = _shown(pages.ask("/1743").text)

    for claimant in ("cinegrfx-lm", "Unitrends", "CODESYS V3", "KDE Connect"):
        assert claimant in text
    assert "IANA Service Name and Transport Protocol Port Number Registry" in text
    assert "3 parties claim 1743/tcp:" in text
    assert "3 parties claim 1743/udp:" in text


def test_a_transport_has_a_page_of_its_own(pages: Served) -> None:
    tcp, udp = (_shown(pages.ask(f"/1743/{one}").text) for one in ("tcp", "udp"))

    assert "Unitrends" in tcp
    assert "CODESYS V3: discovery" in udp
    assert "3 parties claim 1743/udp:" not in tcp


def test_what_was_seen_on_a_port_is_told_with_where(pages: Served) -> None:
    text = _shown(pages.ask("/1743").text)

    assert "10.20.0.30" in text
    assert "plant.pcap" in text
    assert "codesys-v3" in text


def test_what_a_band_means_is_said(pages: Served) -> None:
    assert "A system port, one of 0 to 1023" in _shown(pages.ask("/80").text)
    assert "A user port, one of 1024 to 49151" in _shown(pages.ask("/1024").text)
    assert "A dynamic port, one of 49152 to 65535" in _shown(pages.ask("/49152").text)


def test_commands_to_check_have_the_number_filled_in(pages: Served) -> None:
    html = unescape(pages.ask("/4711/udp").text)

    for command in (
        "sudo ss -ulnp 'sport = :4711'",
        "sudo lsof -nP -iUDP:4711",
        "Get-NetUDPEndpoint -LocalPort 4711",
        "sudo portbook watch eth0 --port 4711/udp",
        "sudo tcpdump -n udp port 4711",
    ):
        assert f"<code>{command}</code>" in html


def test_ports_that_belong_together_are_named(pages: Served) -> None:
    html = pages.ask("/1743").text

    for number in (1740, 1741, 1742):
        assert f'href="/{number}/udp">{number}</a>' in html
    assert 'href="/1743/udp" aria-current="true">1743</a>' in html
    assert 'href="/11740/tcp">11740</a>' in html
    assert 'href="/1745/tcp">1745-1844/tcp</a>' in html


def test_what_is_wrong_on_a_port_of_the_network_stands_on_its_page(pages: Served) -> None:
    shown = _shown(pages.ask("/8502").text)

    assert "modbus answers on 8502/tcp, a port claimed by ftnmtp" in shown
    assert "modbus speaks on 8502/tcp; it is usual on 502" in shown
    assert 'href="/rules/PB301"' in pages.ask("/11740/tcp").text
    assert 'href="/rules/PB301"' not in pages.ask("/11740/udp").text


def test_of_many_findings_the_gravest_stand_and_the_others_are_linked(pages: Served) -> None:
    html = pages.ask("/502").text
    found = re.search(r'href="/findings\?port=502">([0-9]+) more findings</a>', html)

    assert found
    assert f"{int(found[1]) + 6} rows" in _shown(pages.ask("/findings?port=502").text)


def test_a_device_on_a_port_is_called_by_its_name(pages: Served) -> None:
    text = _shown(pages.ask("/11740/tcp").text)

    assert "10.20.0.11 tcp press-1 · Example Controls · Example Controller 300" in text


def test_the_captures_in_which_a_port_was_met_tell_its_rhythm(pages: Served) -> None:
    until = time.monotonic() + 60
    while "6 of 6 heard" not in (html := pages.ask("/1743/udp").text):  # it is being read
        assert time.monotonic() < until
    found = re.search(r'href="/announcements\?of=(.{12})&amp;port=1743/udp">2</a>', html)

    assert found
    assert f'href="/captures/{found[1]}">plant.pcap</a>' in html
    assert 200 == pages.ask(f"/announcements?of={found[1]}&port=1743/udp").status


def test_a_page_that_is_only_read_asks_nothing_of_its_readers(filled: Path, tmp_path: Path) -> None:
    book = Path(shutil.copy(filled, tmp_path / "book.sqlite"))
    with served(tmp_path / "served", "--readonly", book=book) as own:
        html = own.ask("/1743").text

    assert "10.20.0.30" in html
    assert 'action="/feedback"' not in html


def test_port_nought_can_be_held_by_nobody(pages: Served) -> None:
    text = _shown(pages.ask("/0").text)

    assert "No program can hold port 0" in text
    assert "ss -" not in text


def test_what_malicious_software_used_is_said_apart(pages: Served) -> None:
    text = _shown(pages.ask("/502").text)

    assert "Used by malicious software FrostyGoop" in text
    assert "says nothing about what is on it here" in text


def test_a_socket_of_this_machine_is_shown_with_its_owner(pages: Served) -> None:
    port = pages.home.rpartition(":")[2]

    def shown() -> str:
        return _shown(pages.ask(f"/{port}/tcp").text)

    until = time.monotonic() + 30
    while "This machine is being looked at" in shown():
        assert time.monotonic() < until
    assert f"tcp 127.0.0.1:{port} listens this machine only" in shown()
    assert str(pages.process.pid) in shown()
    czech = _shown(pages.ask(f"/{port}/tcp", accept_language="cs").text)
    assert f"tcp 127.0.0.1:{port} naslouchá jen tento počítač" in czech


@pytest.mark.parametrize(
    "number", [0, 1, 1023, 1024, 49151, 49152, 65534, 65535, 1740, 22001, 2543]
)
def test_every_port_has_a_page(pages: Served, number: int) -> None:
    answer = pages.ask(f"/{number}")

    assert 200 == answer.status
    assert f"<title>Port {number} · portbook</title>" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/65536", "/99999999999999999999", "/-1", "/1743/icmp", "/x", "/%31743x", "/1743/tcp/x"],
)
def test_what_is_no_port_has_none(pages: Served, path: str) -> None:
    assert 404 == pages.ask(path).status


def test_a_number_written_otherwise_leads_to_its_page(pages: Served) -> None:
    answer = pages.ask("/01743/udp")

    assert 301 == answer.status
    assert "/1743/udp" == answer.headers["location"]


def test_a_page_that_has_not_changed_is_not_sent_twice(pages: Served) -> None:
    first = pages.ask("/4712")

    again = pages.ask("/4712", if_none_match=first.headers["etag"])

    assert again.status in (200, 304)  # 200 when the network changed in between
    if again.status == 304:
        assert b"" == again.body
