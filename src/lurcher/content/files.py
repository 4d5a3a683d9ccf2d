"""Rule files as text: bounded, decoded, with the bytes kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lurcher.content import codes
from lurcher.content.model import Edit, Placed
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source, Span

#: The largest published rule file that we know has 160 KB; what is larger than this is no rule.
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class TextFile:
    """`source` is the text without its byte order mark; `repairs` says so where there was one."""

    path: str
    original: bytes
    source: Source
    encoding: str = "utf-8"
    repairs: tuple[Diagnostic, ...] = ()

    @property
    def newline(self) -> str:
        first = self.source.text.find("\n")
        return "\r\n" if first > 0 and self.source.text[first - 1] == "\r" else "\n"


def decode(path: str, original: bytes) -> TextFile | Placed:
    """The text of a file's bytes, or why there is none."""
    if len(original) > MAX_BYTES:
        return Placed(
            codes.TOO_LARGE.at(NOWHERE, what=f"{len(original):,} bytes", limit=f"{MAX_BYTES:,} bytes"), Source("", path)
        )
    encoding, marked = "utf-8", False
    if original.startswith(b"\xef\xbb\xbf"):
        marked = True
    elif original[:2] in (b"\xff\xfe", b"\xfe\xff"):
        # What Windows PowerShell's `>` writes.
        encoding, marked = ("utf-16-le" if original[0] == 0xFF else "utf-16-be"), True
    try:
        text = original.decode(encoding)
    except UnicodeDecodeError as error:
        line = original[: error.start].count(b"\n") + 1
        why = f"the bytes of line {line} are not {encoding.upper()}"
        return Placed(codes.NOT_TEXT.at(NOWHERE, why=why, hint="save it as UTF-8"), Source("", path))
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        return Placed(codes.NOT_TEXT.at(NOWHERE, why=f"line {line} has a NUL character"), Source("", path))
    if marked:
        text = text.removeprefix("\ufeff")
    repairs = (codes.BOM.at(Span(0, 0)),) if marked else ()
    return TextFile(path, original, Source(text, path), encoding, repairs)


def read(path: Path) -> TextFile | Placed:
    """A file from disk, never more of it than the limit."""
    try:
        with path.open("rb") as stream:
            original = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Placed(codes.UNREADABLE.at(NOWHERE, why=error.strerror or str(error)), Source("", str(path)))
    return decode(str(path), original)


def edited(text: str, edits: tuple[Edit, ...]) -> str:
    """The text with the edits made. Of two that overlap the first is made: they mend the same place."""
    out: list[str] = []
    at = 0
    for edit in sorted(set(edits), key=lambda e: (e.span.start, e.span.end)):
        if edit.span.start < at:
            continue
        out += (text[at : edit.span.start], edit.text)
        at = edit.span.end
    return "".join((*out, text[at:]))
