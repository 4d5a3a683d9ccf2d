"""Files that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lurcher.errors import LurcherError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of the file at the end: whatever happens it has the old content or the new one.
    Its permissions stay, and a link to it stays a link. Raises `LurcherError` where it cannot be written."""
    target = path.resolve()
    partial = target.with_name(target.name + ".partial")
    try:
        yield partial
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except OSError as error:
        raise LurcherError(
            f"the file cannot be written: {error.strerror or error}", "check that its folder is there", str(path)
        ) from None
    finally:
        partial.unlink(missing_ok=True)
