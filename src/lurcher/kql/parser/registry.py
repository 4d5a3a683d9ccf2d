"""Which word starts which operator: each is declared once, beside the function that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.syntax import Expression, Operator

#: Reads an operator whose keyword has been taken; `start` is the keyword's token.
Parse = Callable[[Cursor, int], Operator]
#: Where an operator may stand: after a pipe, at the head of a query (it brings its own rows), or either.
Place = Literal["pipe", "head", "either"]


@dataclass(frozen=True, slots=True)
class OperatorRule:
    parse: Parse
    place: Place


OPERATORS: dict[str, OperatorRule] = {}


def operator(*words: str, place: Place = "pipe") -> Callable[[Parse], Parse]:
    """Declare the operator that these words start (more than one for its other spellings)."""

    def declare(parse: Parse) -> Parse:
        for word in words:
            if word in OPERATORS:
                raise ValueError(f"the operator {word} is declared twice")
            OPERATORS[word] = OperatorRule(parse, place)
        return parse

    return declare


#: Reads a primary whose first word is at `start` and not yet taken; None, with nothing taken, where the word is a name here.
ParsePrimary = Callable[[Cursor, int], Expression | None]

#: Words that start something else than a name or a plain call: `dynamic(...)`, `datatable(...)`.
PRIMARIES: dict[str, ParsePrimary] = {}
#: Words that do so only where a query starts: `materialize(...)`.
HEAD_WORDS: dict[str, Callable[[Cursor, int], Expression]] = {}


def primary_word(*words: str) -> Callable[[ParsePrimary], ParsePrimary]:
    def declare(parse: ParsePrimary) -> ParsePrimary:
        PRIMARIES.update(dict.fromkeys(words, parse))
        return parse

    return declare
