"""Units and containers by the name of their control group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.cgroups import Place, path_of, paths_by_id, place

ID = "4a1f9c3b7d2e" + "0123456789abcdef" * 3 + "0123"

PLACES = {
    "/": Place(),
    "/system.slice/ssh.service": Place("ssh.service"),
    "/system.slice/system-getty.slice/getty@tty1.service": Place("getty@tty1.service"),
    "/user.slice/user-1000.slice/session-3.scope": Place("session-3.scope"),
    "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service": Place("foo.service"),
    "/system.slice/ssh.service/sub": Place("ssh.service"),
    r"/system.slice/dev\x2dlog.service": Place("dev-log.service"),
    f"/system.slice/docker-{ID}.scope": Place(None, ID[:12]),
    f"/docker/{ID}": Place(None, ID[:12]),
    f"/machine.slice/libpod-{ID}.scope/container": Place(None, ID[:12]),
    f"/system.slice/web.service/libpod-payload-{ID}": Place("web.service", ID[:12]),
    f"/kubepods.slice/kubepods-pod12.slice/cri-containerd-{ID}.scope": Place(None, ID[:12]),
    f"/kubepods/burstable/pod12/{ID}": Place(None, ID[:12]),
    f"/system.slice/containerd.service/kubepods:cri-containerd:{ID}": Place(
        "containerd.service", ID[:12]
    ),
    "/lxc.payload.web/system.slice/nginx.service": Place("nginx.service", "web"),
    "/lxc/web": Place(None, "web"),
    "/machine.slice/systemd-nspawn@web.service/payload": Place("systemd-nspawn@web.service", "web"),
}


@pytest.mark.parametrize(("path", "expected"), PLACES.items(), ids=PLACES)
def test_a_path_tells_unit_and_container(path: str, expected: Place) -> None:
    assert expected == place(path)


def test_a_number_that_is_too_short_for_a_container_is_none() -> None:
    assert Place() == place("/process_api/bf050288f8990c0a39553f1933a46d63")


def test_the_path_of_version_two_counts_unless_it_says_nothing() -> None:
    assert "/a.service" == path_of("0::/a.service\n")
    assert "/b.service" == path_of("9:name=systemd:/b.service\n4:memory:/long/path\n0::/\n")
    assert "/long/path" == path_of("9:name=systemd:/\n4:memory:/long/path\n0::/\n")
    assert "/" == path_of("0::/\n") == path_of("") == path_of("odd\nlines")


@given(st.text(max_size=200))
def test_any_text_is_read_without_complaint(text: str) -> None:
    place(path_of(text))
    place(text)


def test_groups_that_are_gone_are_left_out() -> None:
    assert {} == paths_by_id({2**63})
    assert {} == paths_by_id(())
