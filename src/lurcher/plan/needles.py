"""What a text has to hold at least for a test of it to be true: texts to be found in it, which costs no regular expression.

A term that is in a text is a part of it, so that `contains` is true wherever `has` is. Case: texts and needles are folded alike,
a character at a time (`lurcher.functions.terms.fold`), and what is equal with its case is equal without.
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.functions.terms import fold
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.windows import operands

#: Operators that are true only of texts in which their needle is.
_PARTS = frozenset(
    f"{name}{case}"
    for name in ("has", "hasprefix", "hassuffix", "contains", "startswith", "endswith")
    for case in ("", "_cs")
) | {"==", "=~", ":"}
#: Of these, those that ask for more than a part by a regular expression.
_TERMS = {f"{name}{case}": f"contains{case}" for name in ("has", "hasprefix", "hassuffix") for case in ("", "_cs")}


def looser(test: n.Expr) -> n.Expr:
    """A test that is true wherever this one is, and asks for parts of texts in place of terms."""
    for op in ("and", "or"):
        if len(operands(test, op)) > 1:
            assert isinstance(test, n.Call)
            return _joined(op, [looser(part) for part in operands(test, op)])
    match test:
        case n.Call(function=function, args=(text, n.Lit(type=ScalarType.STRING) as needle)):
            name = _TERMS.get("has" if function.name == ":" else function.name)
            known = name is not None and function.kind is FunctionKind.OPERATOR and text.type is ScalarType.STRING
            return _part(name or "", text, needle) if known else test
        case n.InList(op="has_any" | "has_all" as op, operand=text, values=values) if values:
            if all(isinstance(v, n.Lit) and v.type is ScalarType.STRING and isinstance(v.value, str) for v in values):
                return _joined("or" if op == "has_any" else "and", [_part("contains", text, v) for v in values])
    return test


def _part(name: str, text: n.Expr, needle: n.Expr) -> n.Expr:
    (function,) = (o for o in overloads(FunctionKind.OPERATOR, name) if o.name == name)
    return n.Call(type=ScalarType.BOOL, function=function, args=(text, needle))


def _joined(op: str, parts: list[n.Expr]) -> n.Expr:
    function = next(iter(overloads(FunctionKind.OPERATOR, op)))
    # In halves: a long chain would be as deep as it is long.
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [n.Call(type=ScalarType.BOOL, function=function, args=tuple(p)) if len(p) > 1 else p[0] for p in pairs]
    return parts[0]


def needles(test: n.Expr) -> frozenset[str] | None:
    """Folded texts of which at least one is in each text, folded, for which a test of a text column is true. None where none are
    known."""
    either = operands(test, "or")
    if len(either) > 1:
        return _any_of([needles(part) for part in either])
    all_of = operands(test, "and")
    if len(all_of) > 1:
        known = [found for part in all_of if (found := needles(part)) is not None]
        # The longest is the rarest.
        return max(known, key=lambda found: min(map(len, found)), default=None)
    match test:
        case n.Call(function=function, args=(n.Col(), n.Lit(type=ScalarType.STRING, value=str(needle)))):
            if function.kind is FunctionKind.OPERATOR and function.name in _PARTS and needle:
                return frozenset((fold(needle),))
        case n.InList(op="in" | "in~" | "has_any", operand=n.Col(), values=values):
            return _any_of([_of_value(v) for v in values])
        case n.InList(op="has_all", operand=n.Col(), values=values):
            known = [found for v in values if (found := _of_value(v)) is not None]
            return max(known, key=lambda found: min(map(len, found)), default=None)
    return None


def _of_value(value: n.Expr) -> frozenset[str] | None:
    if isinstance(value, n.Lit) and value.type is ScalarType.STRING and isinstance(value.value, str) and value.value:
        return frozenset((fold(value.value),))
    return None


def _any_of(found: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [one for one in found if one is not None]
    return frozenset().union(*known) if known and len(known) == len(found) else None
