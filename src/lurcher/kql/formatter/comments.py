"""What stands between two tokens: comments, line ends, spaces. The lexer keeps none of it; here it is read off the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lurcher.kql.tokens import Tokens

_COMMENT = re.compile(r"//[^\r\n]*")
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment without the white space at its end; `newlines` are the line ends before it (0: it stands behind a token)."""

    text: str
    newlines: int


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands before a token. `newlines` are the line ends after the last comment, or all where there is no comment."""

    comments: tuple[Comment, ...]
    newlines: int
    #: Whether there is anything at all.
    space: bool

    @property
    def breaks(self) -> bool:
        return bool(self.comments or self.newlines)


_NOTHING, _SPACE = Gap((), 0, False), Gap((), 0, True)


def gaps(tokens: Tokens) -> list[Gap]:
    """One for each token, and one for the end of the text."""
    found: list[Gap] = []
    at = 0
    for index in range(len(tokens) + 1):
        found.append(_gap(tokens.text[at : tokens.starts[index]]))
        at = tokens.end(index)
    return found


def _gap(text: str) -> Gap:
    if len(text) < 2 and text not in ("\n", "\r"):
        return _SPACE if text else _NOTHING
    comments: list[Comment] = []
    at = 0
    for match in _COMMENT.finditer(text):
        comments.append(Comment(match[0].rstrip(), _newlines(text[at : match.start()])))
        at = match.end()
    return Gap(tuple(comments), _newlines(text[at:]), True)


def _newlines(text: str) -> int:
    return len(_NEWLINE.findall(text))


def comments_of(tokens: Tokens) -> list[str]:
    """All comments of a text, in order."""
    return [c.text for gap in gaps(tokens) for c in gap.comments]
