"""What a disk refuses, said in words: full, read-only, not allowed, gone."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lurcher.errors import LurcherError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# delta-rs and DuckDB hand on the system's words alone.
_FULL_WORDS = ("no space left", "os error 28", "disk quota", "file too large", "os error 27", "not enough space")
_DENIED_WORDS = (
    "permission denied",
    "os error 13",
    "read-only file system",
    "os error 30",
    "not permitted",
    "access is denied",
)


@contextmanager
def told(doing: str, path: Path | str, again: str = "") -> Iterator[None]:
    """Turn what the disk, delta-rs and DuckDB's writer raise into a `LurcherError`: `doing` is what could not be done ("rows of
    T cannot be written"), `again` what to do afterwards. Other errors, and conflicts of commits, pass."""
    try:
        yield
    except OSError as error:
        raise failure(error, doing, path, again) from error
    except Exception as error:
        if not _of_a_library(error):
            raise
        raise failure(error, doing, path, again) from error


def failure(error: Exception, doing: str, path: Path | str, again: str = "") -> LurcherError:
    text, number = str(error).casefold(), getattr(error, "errno", None)
    if number in _FULL or any(w in text for w in _FULL_WORDS):
        why, hint = "the disk is full, or its quota is used up", "make room"
    elif number in _DENIED or any(w in text for w in _DENIED_WORDS):
        why, hint = "it may not be written by this user", "look at the folder's owner and permissions"
    else:
        why, hint = str(getattr(error, "strerror", None) or error).split("\n")[0][:300], ""
    return LurcherError(f"{doing}: {why}", "; ".join(filter(None, (hint, again))), str(path))


def _of_a_library(error: Exception) -> bool:
    kind = type(error)
    if kind.__name__ == "CommitFailedError":
        return False
    return any(
        base.__module__.partition(".")[0] in ("deltalake", "_internal", "duckdb", "_duckdb") for base in kind.__mro__
    )
