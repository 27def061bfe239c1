"""What was ever found: inputs, as hex, that a target did not bear before it was mended."""

from __future__ import annotations

from collections.abc import Mapping

FOUND: Mapping[str, tuple[str, ...]] = {}
