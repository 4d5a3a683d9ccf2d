"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
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
    if target.exists() and not target.is_file():
        # A device or a pipe would be gone, and a file of its name there.
        raise LurcherError("this is there, and no file", "name a file", str(path))
    partial = target.with_name(target.name + ".partial")
    try:
        yield partial
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except OSError as error:
        full = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""
        denied = "look at the folder's owner and permissions" if error.errno in (errno.EACCES, errno.EROFS) else ""
        hint = full or denied or "check that its folder is there"
        raise LurcherError(f"the file cannot be written: {error.strerror or error}", hint, str(path)) from None
    finally:
        partial.unlink(missing_ok=True)
