"""Other settings while it runs: what takes effect now, and what waits for the next start."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from portbook.daemons.configuration.settings import Settings, changes


def merged(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...], tuple[str, ...]]:
    """Return settings to go on with, the keys that changed, and those that need a restart.

    The latter keep their old values, so that no part sees a folder or an address that the others
    do not use yet.
    """
    found = changes(old, new := _at_home(old, new))
    kept = new
    for name in found.restart:
        table, _, key = name.partition(".")
        if key:
            value = getattr(getattr(old, table), key)
            kept = replace(kept, **{table: replace(getattr(kept, table), **{key: value})})
        else:
            kept = replace(kept, **{table: getattr(old, table)})
    return kept, found.now, found.restart


def _at_home(old: Settings, new: Settings) -> Settings:
    """Return new settings whose file of alarms is below the folder that is still in use."""
    file = new.alarms.file
    if new.folder == old.folder or not file or not Path(file).is_relative_to(new.folder):
        return new
    there = Path(old.folder) / Path(file).relative_to(new.folder)
    return replace(new, alarms=replace(new.alarms, file=str(there)))
