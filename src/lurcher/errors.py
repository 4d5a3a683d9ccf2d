"""Errors that are meant for people.

A diagnostic (`lurcher.kql.diagnostics`) points into a text: a query, a rule file. What goes wrong beside texts (a file that
is not there, a lake of another version, a full disk) is a `LurcherError`. Both carry data; the command line prints them, and
nothing else of an exception ever reaches a user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What sort of refusal it is: the `error.kind` of the JSON lines protocol.
ErrorKind = Literal["syntax", "semantic", "unsupported", "denied", "error"]


@dataclass
class LurcherError(Exception):
    """Something a user can act upon: what is wrong, where, and what to do about it.

    `message` names the thing ("no lake in /cases/17"), `hint` says what to do ("make one with: lurcher init /cases/17").
    """

    message: str
    hint: str = ""
    path: str = ""
    line: int = 0
    kind: ErrorKind = "error"

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the message, as the command line has it."""
        return [f"error: {self}"]


def shown(text: str, most: int = 80) -> str:
    """A text out of the data, as a message may hold it: what a terminal obeys (line ends, NUL, signs that turn the direction of
    writing, halves of surrogates) is written out as an escape, and of a long one the beginning is shown."""
    cut = text if len(text) <= most else text[:most] + "..."
    return cut if cut.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in cut)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode()
