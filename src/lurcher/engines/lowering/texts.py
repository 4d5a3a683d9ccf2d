"""Dynamic columns at rest, read as the JSON texts that they are.

What a lake of ours holds was JSON when it was written. A column of the engine's type JSON is checked to be so for each row that is
read, and what looks into it reads the text again. The view of a table therefore has the text as well (`Stored.texts`), and what
takes a text, and does the same with it, is given that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lurcher.sql import tree as t
from lurcher.sql.walk import rewrite

#: Of these the first argument may be either.
_READERS = frozenset(
    {"json_extract", "json_extract_string", "json_type", "json_keys", "json_array_length", "starts_with"}
)
_OPENINGS = tuple(f"{name}(" for name in _READERS)
_TESTS = frozenset({"IS NULL", "IS NOT NULL"})


def twin(name: str) -> str:
    """The name of the text beside a column."""
    return f"{name}~text"


def as_text(node: t.SqlExpr, texts: frozenset[str], alias: str) -> t.SqlExpr | None:
    """For `sql.walk.rewrite`: the node with the texts of some columns of a table in place of these, where they do as well; None
    where it has none."""
    match node:
        case t.Call(name, (t.Ident() as column, *others)) if name in _READERS and _has_text(column, texts, alias):
            return _rest(replace(node, args=(_twin(column), *others)), texts, alias)
        case t.Op(op, (t.Ident() as column,)) if op in _TESTS and _has_text(column, texts, alias):
            return replace(node, args=(_twin(column),))
        case t.Fragment(parts):
            made = _fragment(node, parts, texts, alias)
            return None if made is node else _rest(made, texts, alias)
    return None


def _rest(node: t.SqlExpr, texts: frozenset[str], alias: str) -> t.SqlExpr:
    """The node with its other operands changed likewise."""
    return rewrite(node, lambda inner: as_text(inner, texts, alias))


def _fragment(node: t.Fragment, parts: tuple[Any, ...], texts: frozenset[str], alias: str) -> t.Fragment:
    changed = list(parts)
    for i, part in enumerate(parts):
        if not (isinstance(part, t.Slot) and isinstance(part.expr, t.Ident)):
            continue
        if not _has_text(part.expr, texts, alias):
            continue
        before = parts[i - 1] if i else ""
        after = parts[i + 1] if i + 1 < len(parts) else ""
        opened = isinstance(before, str) and before.endswith(_OPENINGS) and _begins(before)
        tested = isinstance(after, str) and after.startswith((" IS NULL", " IS NOT NULL"))
        alone = before == "" or (isinstance(before, str) and before.endswith(("(", "WHEN ", "AND ", "OR ")))
        if opened or (tested and alone):
            changed[i] = replace(part, expr=_twin(part.expr))
    return replace(node, parts=tuple(changed)) if changed != list(parts) else node


def _begins(text: str) -> bool:
    """Whether a text ends with the whole name of a reader, and not with a longer one that ends alike."""
    name = text[:-1]
    word = name[len(name.rstrip("abcdefghijklmnopqrstuvwxyz_")) :]
    return word in _READERS


def _has_text(column: t.Ident, texts: frozenset[str], alias: str) -> bool:
    return column.name in texts and column.table in ("", alias)


def _twin(column: t.Ident) -> t.Ident:
    return t.Ident(twin(column.name), column.table)
