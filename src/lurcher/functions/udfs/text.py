"""Text functions that SQL cannot say."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError
from lurcher.functions.terms import fold
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import load, text_of
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa


def _replace(text: str, lookups: str, rewrites: str) -> str | None:
    """One lookup after the other over what none has replaced yet."""
    old, new = load(lookups), load(rewrites)
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return None
    pieces: list[tuple[bool, str]] = [(False, text)]
    for lookup, given in zip(old, new, strict=True):
        if not isinstance(lookup, str) or not lookup:
            continue
        # What is no text replaces nothing, but its lookup's places are taken all the same.
        rewrite = given if isinstance(given, str) else lookup
        after: list[tuple[bool, str]] = []
        for done, piece in pieces:
            if done:
                after.append((done, piece))
                continue
            for i, rest in enumerate(piece.split(lookup)):
                if i:
                    after.append((True, rewrite))
                after.append((False, rest))
        pieces = after
    return "".join(piece for _, piece in pieces)


@udf("VARCHAR", "JSON", "JSON", returns="VARCHAR")
def replace_strings(text: pa.Array, lookups: pa.Array, rewrites: pa.Array) -> pa.Array:
    return each(_replace, "string", text, lookups, rewrites)


def _indexof(text: str, match: str, start: int, length: int, occurrence: int) -> int | None:
    if length < -1 or occurrence < 0:
        return None
    # A start before the beginning counts from the end.
    at = max(len(text) + start, 0) if start < 0 else start
    end = len(text) if length == -1 else min(at + length, len(text))
    # The first occurrence lies within the length; a later one may reach beyond it (the documentation's eighth example), and
    # where it begins beyond the length, what the service does is not known.
    found = -1
    for turn in range(max(occurrence, 1)):
        found = text.find(match, at, end if turn == 0 else len(text)) if at <= end else -1
        if found < 0:
            return -1
        if found >= end and length >= 0:
            raise LurcherError(
                "indexof(): an occurrence after the first that begins behind the length", "leave the length out"
            )
        at = found + max(len(match), 1)
    return found


@udf("VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT", returns="BIGINT")
def indexof(text: pa.Array, match: pa.Array, start: pa.Array, length: pa.Array, occurrence: pa.Array) -> pa.Array:
    return each(_indexof, "int64", text, match, start, length, occurrence)


def _is_term(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def _has(text: str, needle: str) -> bool:
    """As the operator `has`: see `lurcher.functions.terms`. Both are folded."""
    if not needle:
        return True
    at = text.find(needle)
    while at >= 0:
        end = at + len(needle)
        left = at == 0 or not (_is_term(needle[0]) and _is_term(text[at - 1]))
        if left and (end == len(text) or not (_is_term(needle[-1]) and _is_term(text[end]))):
            return True
        at = text.find(needle, at + 1)
    return False


def _has_any_index(source: str, values: str) -> int:
    listed = load(values)
    text = fold(source)
    for i, value in enumerate(listed if isinstance(listed, list) else []):
        if value is not None and _has(text, fold(text_of(value))):
            return i
    return -1


@udf("VARCHAR", "JSON", returns="BIGINT")
def has_any_index(source: pa.Array, values: pa.Array) -> pa.Array:
    return each(_has_any_index, "int64", source, values)
