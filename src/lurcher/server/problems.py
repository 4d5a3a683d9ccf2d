"""What is wrong with a question, before an API puts it in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source

Kind = Literal[
    "syntax", "semantic", "unsupported", "denied", "request", "unknown", "limit", "timeout", "busy", "gone", "error"
]
_STATUS: dict[Kind, int] = {"denied": 403, "unknown": 404, "timeout": 504, "busy": 429, "gone": 499, "error": 500}


@dataclass
class Problem(Exception):
    """`line` and `column` count from 1, 0 where there is no place. `status` is HTTP's; `diagnostics` what else is wrong."""

    kind: Kind
    message: str
    hint: str = ""
    code: str = ""
    line: int = 0
    column: int = 0
    more: tuple[str, ...] = field(default=())

    @property
    def status(self) -> int:
        return _STATUS.get(self.kind, 400)

    @property
    def text(self) -> str:
        """All of it in a sentence or two."""
        return self.message + (f" ({self.hint})" if self.hint else "")


def of_refusal(refused: Refused, source: Source) -> Problem:
    errors = [d for d in refused.diagnostics if d.is_error]
    first = errors[0]
    line, column = source.position(min(first.span.start, len(source.text)))
    kind: Kind = "syntax" if first.kind == "syntax" else "unsupported" if first.kind == "unsupported" else "semantic"
    return Problem(
        kind, first.message, _told(first.hint), first.code, line, column, tuple(d.message for d in errors[1:5])
    )  # fmt: skip


def of_error(error: LurcherError) -> Problem:
    """Paths of this machine are no business of whoever asks."""
    kind: Kind = "timeout" if error.message.startswith("the query took longer") else "semantic"
    if error.message.startswith("the query needs more memory"):
        kind = "limit"
    if error.message.startswith("the query was interrupted"):
        kind = "gone"
    return Problem(kind, error.message, _told(error.hint))


def _told(hint: str) -> str:
    """An option of the command line is no help to whoever asks from afar, and its value is none of their business."""
    return "" if "--" in hint else hint
