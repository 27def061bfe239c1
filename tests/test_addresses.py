"""How far addresses reach."""

import pytest

from portbook.addresses import Scope, on_link, scope_of


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("127.0.0.53", Scope.LOOPBACK),
        ("::1", Scope.LOOPBACK),
        ("0.0.0.0", Scope.ANY),
        ("::", Scope.ANY),
        ("*", Scope.ANY),
        ("169.254.255.42", Scope.LINK),
        ("fe80::1%eth0", Scope.LINK),
        ("255.255.255.255", Scope.LINK),
        ("224.0.0.251", Scope.LINK),
        ("ff02::fb", Scope.LINK),
        ("239.255.255.250", Scope.PRIVATE),
        ("233.1.1.1", Scope.PUBLIC),
        ("10.1.2.3", Scope.PRIVATE),
        ("172.15.255.255", Scope.PUBLIC),
        ("172.16.0.1", Scope.PRIVATE),
        ("172.32.0.0", Scope.PUBLIC),
        ("192.168.190.175", Scope.PRIVATE),
        ("100.64.0.1", Scope.PRIVATE),
        ("100.128.0.1", Scope.PUBLIC),
        ("fd00::1", Scope.PRIVATE),
        ("2001:4860::1", Scope.PUBLIC),
        ("::ffff:10.0.0.1", Scope.PRIVATE),
        ("8.8.8.8", Scope.PUBLIC),
        ("not an address", Scope.PUBLIC),
    ],
)
def test_an_address_reaches_as_far_as_its_rfc_says(text: str, scope: Scope) -> None:
    assert scope == scope_of(text)


def test_an_address_inside_an_own_prefix_is_on_the_link() -> None:
    assert Scope.LINK == scope_of("192.168.1.75", ("192.168.1.0/24",))
    assert Scope.LINK == scope_of("8.8.8.8", ("8.8.8.0/24",))
    assert Scope.PRIVATE == scope_of("192.168.2.75", ("192.168.1.0/24", "fd00::/64"))
    assert not on_link("nonsense", ("192.168.1.0/24",))


def test_scopes_are_ordered_by_how_far_they_reach() -> None:
    order = [Scope.LOOPBACK, Scope.LINK, Scope.PRIVATE, Scope.PUBLIC, Scope.ANY]
    assert order == sorted(order, key=lambda scope: scope.rank)
