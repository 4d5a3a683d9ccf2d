"""The example fleet in a lake, for tests: made once a session."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTENT = ROOT / "content" / "rmm"
PUBLISHED = CONTENT / "ninjarmm-file-signature.yaml"
OURS = CONTENT / "ninjaone-file-signature.yaml"
#: When the tests' data were added.
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def make_exports(folder: Path) -> Path:
    """The fleet's exports and files below a folder."""
    sys.path.insert(0, str(ROOT / "examples" / "fleet"))
    try:
        from make import make
    finally:
        sys.path.pop(0)
    make(folder)
    return folder


def make_case(folder: Path) -> Path:
    """A lake with the fleet in it."""
    from lurcher.app.add import add
    from lurcher.lake import Lake

    fleet = make_exports(folder / "fleet")
    lake = Lake.create(folder / "case")
    report = add(lake, [fleet / "exports"], now=NOW)
    assert report.rows == 18_008
    assert not report.failed
    return lake.path
