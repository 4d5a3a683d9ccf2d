"""Which lake a command works on."""

from __future__ import annotations

from pathlib import Path

from lurcher.errors import LurcherError
from lurcher.lake import Lake


def find_lake(path: Path | None) -> Lake | None:
    """The lake that was named, else the one that the current folder is in, else None. Raises `LurcherError` where the named one
    is none."""
    return Lake.open(path) if path is not None else Lake.find(Path.cwd())


def need_lake(path: Path | None) -> Lake:
    """The same for a command that cannot do without."""
    lake = find_lake(path)
    if lake is None:
        raise LurcherError(
            "no lake here",
            "make one with: lurcher init CASE, then cd CASE; or name one with --lake CASE ($LURCHER_LAKE)",
        )
    return lake
