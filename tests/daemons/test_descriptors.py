"""The limit of open files: raised as far as it goes, and never used up by connections."""

from __future__ import annotations

import resource

import pytest

from portbook.daemons.sources import descriptors

NO_LIMIT = resource.RLIM_INFINITY


class Limits:
    """A system whose limits are ours to tell."""

    def __init__(self, soft: int, hard: int, *, refuses: bool = False) -> None:
        self.soft, self.hard, self.refuses = soft, hard, refuses

    def get(self, _: int) -> tuple[int, int]:
        return self.soft, self.hard

    def set(self, _: int, limits: tuple[int, int]) -> None:
        if self.refuses:
            raise ValueError("not allowed to raise maximum limit")
        self.soft, self.hard = limits


def on(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, *, refuses: bool = False) -> Limits:
    limits = Limits(soft, hard, refuses=refuses)
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.set)
    return limits


@pytest.mark.parametrize(
    ("soft", "hard", "limit"),
    [
        (1024, 4096, 3000),
        (1024, 2000, 2000),
        (1024, NO_LIMIT, 3000),
        (5000, 8000, 5000),
        (NO_LIMIT, NO_LIMIT, NO_LIMIT),
    ],
)
def test_the_limit_is_raised_as_far_as_wanted_and_allowed(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, limit: int
) -> None:
    limits = on(monkeypatch, soft, hard)

    assert (3000 if limit == NO_LIMIT else limit) == descriptors.allow(3000)
    assert (limit, hard) == (limits.soft, limits.hard)


def test_a_system_that_refuses_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, 1024, 4096, refuses=True)
    assert 1024 == descriptors.allow(3000)


@pytest.mark.parametrize(
    ("soft", "last"), [(1024, 1023 - descriptors.RESERVED), (100, 49), (NO_LIMIT, 10**6)]
)
def test_connections_leave_some(monkeypatch: pytest.MonkeyPatch, soft: int, last: int) -> None:
    on(monkeypatch, soft, NO_LIMIT)

    assert descriptors.spare(last)
    assert descriptors.spare(last + 1) == (soft == NO_LIMIT)
