"""What many tests need: where the real captures are, and examples of protocols."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
CAPTURES = SHARED / "captures"
DATA = SHARED / "data"

needs_captures = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="the real captures (../shared/captures) are absent"
)
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real registry files (../shared/data) are absent"
)
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark, the independent witness, is absent"
)
needs_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="needs root, to make users or namespaces"
)
