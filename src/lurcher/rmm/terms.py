"""KQL's string predicates on one text, for judging the terms of a rule against names that we know.

Source: "String operators", "What is a term?" (Kusto documentation): a term is a run of letters and digits of any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

#: What changes more often than the name of a company, at its end.
LEGAL_FORM = re.compile(
    r"(?:[.,]|\b(?:Inc|LLC|Ltd|Limited|GmbH|AG|Corp|Corporation|S\.?r\.?l|SAS|OÜ|Pte|Co|s\.?r\.?o|bvba|ApS|d\.?o\.?o|PTE))\.?\s*$",
    re.IGNORECASE,
)


@lru_cache(maxsize=1 << 16)
def _fold(text: str) -> str:
    """Without case, character by character, so that places stay (`ß` and `İ` are left alone, as an ordinal comparison does)."""
    return "".join(u if len(u := c.upper()) == 1 else c for c in text)


def _solid(char: str) -> bool:
    return unicodedata.category(char)[0] == "L" or unicodedata.category(char) == "Nd"


def _bounded(term: str, text: str, *, start: bool, end: bool) -> bool:
    """Whether the term occurs, with no letter or digit before it (`start`) and after it (`end`)."""
    if not term:
        return True
    at = text.find(term)
    while at >= 0:
        after = at + len(term)
        free_before = not start or at == 0 or not _solid(text[at - 1]) or not _solid(term[0])
        free_after = not end or after == len(text) or not _solid(text[after]) or not _solid(term[-1])
        if free_before and free_after:
            return True
        at = text.find(term, at + 1)
    return False


def has(text: str, term: str) -> bool:
    """`text has term`: without case, at the bounds of terms."""
    return _bounded(_fold(term), _fold(text), start=True, end=True)


#: Operator -> does it hold for (the value, the literal). The negated ones are not here: they take rows away.
HOLDS: dict[str, Callable[[str, str], bool]] = {
    "==": lambda text, term: text == term,
    "=~": lambda text, term: _fold(text) == _fold(term),
    "has": has,
    "has_cs": lambda text, term: _bounded(term, text, start=True, end=True),
    "hasprefix": lambda text, term: _bounded(_fold(term), _fold(text), start=True, end=False),
    "hassuffix": lambda text, term: _bounded(_fold(term), _fold(text), start=False, end=True),
    "contains": lambda text, term: _fold(term) in _fold(text),
    "contains_cs": lambda text, term: term in text,
    "startswith": lambda text, term: _fold(text).startswith(_fold(term)),
    "startswith_cs": lambda text, term: text.startswith(term),
    "endswith": lambda text, term: _fold(text).endswith(_fold(term)),
    "in": lambda text, term: text == term,
    "in~": lambda text, term: _fold(text) == _fold(term),
    "has_any": has,
}
