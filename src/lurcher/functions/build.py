"""How rows with a Python function in place of a template make their SQL: the same templates, filled in on the spot."""

from __future__ import annotations

import zlib
from typing import NoReturn

from lurcher.errors import LurcherError
from lurcher.sql import tree as t
from lurcher.sql.template import Argument, parse_template


def fill(text: str, **args: Argument) -> t.SqlExpr:
    """The SQL of a template over operands. What it binds is named by what it stands for: the same text gives the same names,
    and two different values never share one."""
    seed = zlib.crc32(repr((text, args)).encode())
    number = iter(range(seed * 100, seed * 100 + 100))
    return parse_template(text).fill(args, lambda: next(number))


def constant(function: str, parameter: str, value: t.SqlExpr) -> str:
    """The text of an argument that must be a constant (a regular expression, a date part, a format).

    Raises LurcherError where it is computed from rows. A strcat() of literals counts as a constant, as in the service."""
    found = constant_text(value)
    if found is None:
        refuse(f"{function}(): its {parameter} must be a literal, this one is computed")
    return found


def constant_text(value: t.SqlExpr) -> str | None:
    match value:
        case t.Literal(str() as text):
            return text
        case t.Cast(inner, "VARCHAR"):
            return constant_text(inner)
        case t.Fragment(("concat(", *parts, ")")):
            slots = [p for p in parts if p != ", "]
            texts = [constant_text(p.expr) if isinstance(p, t.Slot) else None for p in slots]
            return None if None in texts else "".join(x for x in texts if x is not None)
    return None


def constant_integer(value: t.SqlExpr) -> int | None:
    match value:
        case t.Literal(int() as number) if not isinstance(number, bool):
            return number
        case t.Cast(inner, "BIGINT" | "INTEGER"):
            return constant_integer(inner)
        case t.Op("-", (inner,)) | t.Fragment(("-", t.Slot(inner, _))):
            positive = constant_integer(inner)
            return None if positive is None else -positive
    return None


def refuse(message: str, hint: str = "") -> NoReturn:
    """Stop a query whose constant argument this function cannot honour."""
    raise LurcherError(message, hint, kind="unsupported")
