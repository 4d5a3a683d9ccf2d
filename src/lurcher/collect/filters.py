"""Which files are looked at: `--include`, `--exclude`, `--max-size`. What is left out is counted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lurcher.errors import LurcherError


@dataclass
class Filters:
    """Patterns are of the path below the folder that the user gave, without regard to case, `/` and `\\` being the same.

    Without a slash a pattern is of the name alone (`*.exe`), at any depth; with one it is of the whole path
    (`Windows/**/*.sys`). `*` and `?` stay within a name, `**` does not; `[abc]` is one of these. A slash at the end means a
    folder and all that is in it (`node_modules/`): such a folder is not even entered where it is excluded. What is excluded is
    so even if it is included too."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_size: int | None = None
    drive: str = ""
    excluded: int = 0
    not_included: int = 0
    too_large: int = 0
    folders: int = 0
    _in: re.Pattern[str] | None = field(default=None, repr=False)
    _out: re.Pattern[str] | None = field(default=None, repr=False)
    _closed: re.Pattern[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._in = self._any(self.include)
        self._out = self._any([p for p in self.exclude if not _is_folder(p)])
        self._closed = self._any([p.rstrip("/\\") for p in self.exclude if _is_folder(p)])

    def wanted(self, relative: str, size: int) -> bool:
        """Whether a file is looked at."""
        if self._in is None and self._out is None and self.max_size is None:
            return True
        path = _plain(relative)
        if self._out is not None and self._out.fullmatch(path):
            self.excluded += 1
        elif self._in is not None and not self._in.fullmatch(path):
            self.not_included += 1
        elif self.max_size is not None and size > self.max_size:
            self.too_large += 1
        else:
            return True
        return False

    def entered(self, relative: str) -> bool:
        """Whether a folder is entered."""
        if self._closed is not None and self._closed.fullmatch(_plain(relative)):
            self.folders += 1
            return False
        return True

    def _any(self, patterns: Sequence[str]) -> re.Pattern[str] | None:
        if not patterns:
            return None
        try:
            return re.compile("|".join(_regex(p, self.drive) for p in patterns), re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise LurcherError(f"a pattern cannot be read: {error}", f"given: {', '.join(patterns)[:200]}") from None


def _is_folder(pattern: str) -> bool:
    return pattern.endswith(("/", "\\"))


def _plain(relative: str) -> str:
    return relative.replace(os.sep, "/") if os.sep != "/" else relative


def _regex(pattern: str, drive: str) -> str:
    text = pattern.replace("\\", "/")
    shown = drive.replace("\\", "/").rstrip("/")
    if shown and text.lower().startswith(shown.lower() + "/"):
        text = text[len(shown) :]
    if not text.strip("/"):
        raise LurcherError(f"'{pattern}' is no pattern", "for example: *.exe, Windows/**/*.sys, node_modules/")
    anywhere = "/" not in text.rstrip("/")
    inside = text.endswith("/")
    text = text.strip("/")
    out, at = "", 0
    while at < len(text):
        if text.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif text.startswith("**", at):
            out, at = out + ".*", at + 2
        elif text[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif text[at] == "?":
            out, at = out + "[^/]", at + 1
        elif text[at] == "[" and (end := text.find("]", at + 2 + (text[at + 1 : at + 2] in ("!", "^")))) > 0:
            body = text[at + 1 : end]
            not_, body = ("^", body[1:]) if body[0] in "!^" else ("", body)
            safe = re.sub(r"([\\\[\]^&~|]|-(?=-))", r"\\\1", body)
            out, at = out + f"(?!/)[{not_}{safe}]", end + 1
        else:
            out, at = out + re.escape(text[at]), at + 1
    return ("(?:.*/)?" if anywhere else "") + out + ("/.*" if inside else "")


def size_of(text: str) -> int:
    """Octets of a size as people write it: `200M`, `1.5 GiB`. Raises `LurcherError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    if match is None:
        raise LurcherError(f"'{text}' is no size", "for example: 200M, 1.5G")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))
