"""Checks of conditions that say something else than they seem to, and of what Sentinel's rules may not do."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.checks.tree import lets
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.content.values import written
from lurcher.kql.diagnostics import Severity
from lurcher.kql.source import Span
from lurcher.kql.syntax import (
    Binary,
    Call,
    Expression,
    In,
    JoinOp,
    Literal,
    NameRef,
    Pipe,
    QueryStatement,
    SampleOp,
    SearchOp,
    TakeOp,
    UnionOp,
)
from lurcher.kql.types import ScalarType

TOO_FAR = declare(
    "LU332",
    "the query looks back {back}, the rule is given {period} of rows: older ones are never there",
    Severity.WARNING,
)
ALL_TABLES = declare("LU333", "an analytics rule may not use '{what}'", Severity.WARNING)
NEVER = declare("LU334", "{function}() never gives '{text}': this is never true", Severity.WARNING)
ALWAYS = declare("LU335", "one of the two is always true: '{name}' is never both", Severity.WARNING)
FOLDED = declare("LU336", "{function}() on every row; '{operator}' compares without regard to case", Severity.NOTE)
NO_JOIN_KIND = declare(
    "LU337", "a join without kind is innerunique: of equal keys on the left only one row is kept", Severity.NOTE
)
ANY_ROWS = declare("LU338", "the result ends in '{operator}': which rows it shows is chance", Severity.NOTE)
PLACEHOLDER = declare(
    "LU339", "'{text}' is filled in by Sentinel's hunting page alone; elsewhere it is no time and nothing is found",
    Severity.WARNING,
)  # fmt: skip

#: Microseconds; what looks back further looks back that far.
_CENTURY = 36_525 * 86_400 * 1_000_000


@check(
    TOO_FAR,
    "A scheduled rule sees the rows of its `queryPeriod` and no others, whatever `ago(...)` says. Set the period to the look-back.",
)
def too_far(ctx: Context) -> Iterator[Placed]:
    period = ctx.rule.schedule.query_period
    if ctx.rule.kind != "Scheduled" or period is None:
        return
    known = lets(ctx.compiled.script) if ctx.compiled.script is not None else {}
    for node in ctx.nodes:
        if not isinstance(node, Call) or node.name.text != "ago" or len(node.arguments) != 1:
            continue
        back = node.arguments[0]
        if isinstance(back, NameRef):
            back = known.get(back.name.text, back)
        if isinstance(back, Literal) and back.type is ScalarType.TIMESPAN and isinstance(back.value, int):
            micros = back.value // 10
            if period < dt.timedelta(microseconds=min(micros, _CENTURY)):
                span = dt.timedelta(microseconds=min(micros, _CENTURY))
                yield ctx.in_query(TOO_FAR, node.span, back=written(span), period=written(period))


@check(ALL_TABLES, "Sentinel refuses rules with `search *` or `union *`: name the tables.")
def all_tables(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.kind not in ("Scheduled", "NRT"):
        return
    piped = {id(o) for p in ctx.nodes if isinstance(p, Pipe) for o in p.operators[0 if p.source is not None else 1 :]}
    for node in ctx.nodes:
        if isinstance(node, SearchOp) and not node.tables and id(node) not in piped:
            yield ctx.in_query(ALL_TABLES, node.span, what="search *")
        elif isinstance(node, UnionOp) and any(isinstance(t, NameRef) and t.name.text == "*" for t in node.tables):
            yield ctx.in_query(ALL_TABLES, node.span, what="union *")


def _folding(node: Expression) -> Call | None:
    """`tolower(...)` or `toupper(...)` of something that is not a constant."""
    found = isinstance(node, Call) and node.name.text in ("tolower", "toupper") and len(node.arguments) == 1
    return node if found and isinstance(node, Call) and not isinstance(node.arguments[0], Literal) else None


def _fold(function: str, text: str) -> str:
    # What other scripts fold to is the service's matter.
    if not text.isascii():
        return text
    return text.lower() if function == "tolower" else text.upper()


_EXACT = ("==", "startswith_cs", "endswith_cs", "contains_cs", "has_cs", "hasprefix_cs", "hassuffix_cs")


@check(
    NEVER,
    "A text that was made lower-case has no capitals to be equal to. Write the constant in the same case, or use `=~`.",
)
def never(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Binary) and node.op in _EXACT:
            for left, right in ((node.left, node.right), (node.right, node.left)):
                call = _folding(left)
                text = right.value if isinstance(right, Literal) else None
                if call is not None and isinstance(text, str) and _fold(call.name.text, text) != text:
                    yield ctx.in_query(NEVER, node.span, function=call.name.text, text=text)
        elif isinstance(node, In) and node.op == "in" and (call := _folding(node.left)) is not None:
            for item in node.right:
                text = item.value if isinstance(item, Literal) else None
                if isinstance(text, str) and _fold(call.name.text, text) != text:
                    yield ctx.in_query(NEVER, item.span, function=call.name.text, text=text)


@check(ALWAYS, "`x != 'a' or x != 'b'` holds for every x. `x !in ('a', 'b')` was meant, or `and`.")
def always(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Binary) and node.op == "or":
            left, right = _differs(node.left), _differs(node.right)
            if left and right and left[0] == right[0] and left[1] != right[1]:
                yield ctx.in_query(ALWAYS, node.span, name=left[0])


def _differs(node: Expression) -> tuple[str, str] | None:
    """Column and constant of `column != 'constant'`."""
    if isinstance(node, Binary) and node.op in ("!=", "<>", "!~") and isinstance(node.left, NameRef):
        value = node.right.value if isinstance(node.right, Literal) else None
        if isinstance(value, str):
            return node.left.name.text, value.lower() if node.op == "!~" else value
    return None


@check(FOLDED, "Write `x =~ 'text'` for `tolower(x) == 'text'`: it need not make a new text of every row.")
def folded(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Binary) and node.op in ("==", "!="):
            call = _folding(node.left)
            text = node.right.value if isinstance(node.right, Literal) else None
            if call is not None and isinstance(text, str) and _fold(call.name.text, text) == text and text.isascii():
                better = "=~" if node.op == "==" else "!~"
                yield ctx.in_query(FOLDED, node.span, function=call.name.text, operator=better)


@check(NO_JOIN_KIND, "`join kind=inner` keeps every pair; write the kind that is meant.")
def no_join_kind(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, JoinOp) and not any(p.name == "kind" for p in node.parameters):
            yield ctx.in_query(NO_JOIN_KIND, Span(node.span.start, node.span.start + len("join")))


@check(ANY_ROWS, "`take`, `limit` and `sample` leave some rows, others each time. Sort with `top`, or leave it out.")
def any_rows(ctx: Context) -> Iterator[Placed]:
    script = ctx.compiled.script
    for statement in script.statements if script is not None else ():
        if isinstance(statement, QueryStatement) and isinstance(statement.expression, Pipe):
            last = statement.expression.operators[-1]
            if isinstance(last, (TakeOp, SampleOp)):
                word = "sample" if isinstance(last, SampleOp) else "take"
                yield ctx.in_query(ANY_ROWS, last.span, operator=word)


_HUNTING = re.compile(r"\{\{\s*\w+\s*\}\}")


@check(PLACEHOLDER, "Use `ago(7d)` and `now()`: the query then means the same wherever it runs.")
def placeholder(ctx: Context) -> Iterator[Placed]:
    for node in ctx.nodes:
        if isinstance(node, Literal) and isinstance(node.value, str) and _HUNTING.fullmatch(node.value):
            yield ctx.in_query(PLACEHOLDER, node.span, text=node.value)
