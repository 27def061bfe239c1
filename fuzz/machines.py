"""Nothing yet."""

from fuzz.target import Target

TARGETS: tuple[Target, ...] = ()
