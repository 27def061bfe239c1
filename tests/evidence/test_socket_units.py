"""systemd's socket units, from their files."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.socket_units import listens, unit_for, units
from portbook.ports import Transport

TCP, UDP = Transport.TCP, Transport.UDP


def test_streams_and_datagrams_are_read_with_and_without_address() -> None:
    text = """[Socket]
# a comment
ListenStream=22
ListenStream = 127.0.0.1:631
ListenDatagram=[::1]:69
ListenStream=/run/cups/cups.sock
ListenStream=vsock:2:1234
ListenStream=99999
"""

    assert ((TCP, None, 22), (TCP, "127.0.0.1", 631), (UDP, "::1", 69)) == listens([text])


def test_an_empty_value_forgets_what_was_said_before_for_that_transport() -> None:
    texts = ["ListenStream=22\nListenDatagram=69\n", "ListenStream=\nListenStream=2222\n"]

    assert ((UDP, None, 69), (TCP, None, 2222)) == listens(texts)


def test_the_first_folder_wins_and_drop_ins_of_all_count(tmp_path: Path) -> None:
    etc, lib = tmp_path / "etc", tmp_path / "lib"
    for folder in (etc, lib):
        folder.mkdir()
    (lib / "ssh.socket").write_text("ListenStream=1\n")
    (etc / "ssh.socket").write_text("ListenStream=22\n")
    (lib / "ssh.socket.d").mkdir()
    (lib / "ssh.socket.d" / "more.conf").write_text("ListenStream=0.0.0.0:23\n")
    (lib / "ssh.service").write_text("ListenStream=24\n")

    assert {(TCP, None, 22): "ssh.socket", (TCP, "0.0.0.0", 23): "ssh.socket"} == units(
        (str(etc), str(lib), str(tmp_path / "absent"))
    )


def test_a_unit_for_the_very_address_comes_before_one_for_any() -> None:
    known = {(TCP, None, 22): "any.socket", (TCP, "10.0.0.1", 22): "one.socket"}

    assert "one.socket" == unit_for(known, TCP, "10.0.0.1", 22)
    assert "any.socket" == unit_for(known, TCP, "::", 22)
    assert unit_for(known, UDP, "::", 22) is None


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_is_read_without_complaint(texts: list[str]) -> None:
    for _, _, port in listens(texts):
        assert 0 <= port <= 65535
