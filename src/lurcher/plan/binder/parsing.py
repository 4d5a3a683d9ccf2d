"""parse, parse-where: columns out of a text.

A simple pattern becomes a regular expression that is anchored at both ends: a text between captures stands for itself, a
`*` and a capture for as little as can be, the last one for the rest. A typed capture that cannot be read as its type makes
the whole row a non-match (`relaxed`: only itself null). `kind=regex` is in `parse_regex`.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS171
from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, col, null, operator, project
from lurcher.plan.binder.expressions import both, convert, function, operator_call, scalar
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.parse_regex import regex_pattern
from lurcher.plan.binder.rows import environment

T = ScalarType


def quoted(text: str) -> str:
    """A text as a regular expression that matches it alone (RE2)."""
    return "".join("\\" + c if c in r"\.+*?()|[]{}^$" else c for c in text)


#: How a typed column reads that stands right before a `*`, where no text says where it ends.
_SHAPES = dict.fromkeys((T.INT, T.LONG), r"(\s*[-+]?\d+)")


def pattern(cx: Context, parts: tuple[sx.Literal | sx.ParseCapture, ...]) -> tuple[str, list[sx.ParseCapture]]:
    """The regular expression of a simple pattern, and its captures in order."""
    regex = ["(?s)^"]
    captures: list[sx.ParseCapture] = []
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        follows = parts[i + 1] if not last else None
        if isinstance(part, sx.Literal):
            regex.append(quoted(str(part.value)))
        elif part.skip or part.name is None:
            regex.append(".*" if last else ".*?")
        else:
            captures.append(part)
            if isinstance(follows, sx.ParseCapture) and follows.skip:
                if part.type is T.STRING:
                    # The service says the same: "Using '*' after string column is ambiguous".
                    cx.refuse("a string column before a * in parse", part.span, "put a text between them")
                elif part.type not in _SHAPES:
                    cx.refuse(f"a column of type {part.type} before a * in parse", part.span)
                shape = _SHAPES.get(part.type, "(.*?)")
                # A * that ends the pattern leaves it open whether the column is there.
                regex.append(shape + ("?" if i == len(parts) - 2 else ""))
            else:
                regex.append("(.*)" if last else "(.*?)")
    return "".join(regex) + "$", captures


@operator(sx.ParseOp)
def _parse(cx: Context, scope: Scope, rel: Rel, op: sx.ParseOp) -> Rel:
    env = environment(cx, scope, rel)
    env.wins = None
    subject = scalar(cx, env, op.expression)
    if subject.type is T.DYNAMIC:
        subject = convert(subject, T.STRING)
    if subject.type not in (T.STRING, T.UNKNOWN):
        cx.say(KS107, op.expression.span, expected="string", actual=subject.type)
    kind = parameter(op, "kind") or "simple"
    flags = parameter(op, "flags")
    if flags and kind != "regex":
        cx.refuse(f"parse flags={flags} without kind=regex", op.span)
    if op.where and kind == "relaxed":
        cx.refuse("parse-where kind=relaxed", op.span, "the service has it for parse alone")
    regex, captures = regex_pattern(cx, op, flags) if kind == "regex" else pattern(cx, op.pattern)
    expr = n.Lit(type=T.STRING, value=regex, span=op.span)
    matched = operator_call(cx, "matches regex", (convert(subject, T.STRING), expr), T.BOOL, op.span)
    values: dict[str, n.Expr] = {}
    checks: list[n.Expr] = []
    for i, capture in enumerate(captures, 1):
        assert capture.name is not None
        group = n.Lit(type=T.LONG, value=i, span=capture.span)
        found = function(cx, "extract", (expr, group, subject), capture.span)
        # A dynamic column is what its text says, not the text.
        value = (
            function(cx, "parse_json", (found,), capture.span)
            if capture.type is T.DYNAMIC
            else convert(found, capture.type)
        )
        if capture.name.text in values:
            cx.say(KS171, capture.span, name=capture.name.text)
        values[capture.name.text] = value
        if capture.type not in (T.STRING, T.DYNAMIC, T.UNKNOWN):
            checks.append(function(cx, "isnotnull", (value,), capture.span))
    if op.where:
        whole = both(cx, "and", [matched, *checks], op.span)
        rel = rel.over(n.Filter(input=rel.plan, predicate=whole, columns=rel.columns, span=op.span))
    elif checks and kind != "relaxed" and len(values) > 1:
        whole = both(cx, "and", list(checks), op.span)
        values = {
            name: function(cx, "iff", (whole, value, null(value.type)), op.span) for name, value in values.items()
        }
    return with_columns(rel, values, op.span)


def with_columns(rel: Rel, values: dict[str, n.Expr], span: Span) -> Rel:
    """The columns that are parsed: in place of one of the same name and type, else at the end."""
    items: list[n.Item] = []
    for c in rel.columns:
        same = c.name in values and values[c.name].type is c.type
        items.append((c.name, values.pop(c.name) if same else col(c.name, c.type)))
    sides = Sides((c.name for c in rel.columns), values)
    return project(rel, [*items, *((sides.add(name), value) for name, value in values.items())], span)
