"""What plugins are made with: KQL of our own over the tables in front, and questions to the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError
from lurcher.kql import syntax as sx
from lurcher.kql.source import Source
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, ScalarValue, Scope, TableValue, col, project

if TYPE_CHECKING:
    import pyarrow as pa


def quoted(name: str) -> str:
    """A name as KQL has it, whatever it is made of."""
    return "['" + text_of(name) + "']"


def text_of(value: str) -> str:
    """What stands between the quotes of a text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(f"\\u{ord(c):04x}" if ord(c) < 32 else c for c in escaped)


@lru_cache(maxsize=256)
def _parsed(text: str) -> sx.Script:
    from lurcher.kql.parser import parse

    parsed = parse(Source(text, "plugin"))
    assert parsed.ok, (text, parsed.diagnostics)
    return parsed.tree


def written(
    cx: Context, op: sx.EvaluateOp, text: str, tables: Mapping[str, Rel], values: Mapping[str, n.Expr] | None = None
) -> Rel:
    """The result of a query of our own, which sees the tables and values by these names alone. What is wrong with it is said of
    the plugin, where it is called."""
    from lurcher.plan.binder.tables import pipe

    scope = Scope()
    scope.names.update({name: TableValue(rel) for name, rel in tables.items()})
    scope.names.update({name: ScalarValue(value) for name, value in (values or {}).items()})
    statement = _parsed(text).statements[-1]
    assert isinstance(statement, sx.QueryStatement)
    assert isinstance(statement.expression, sx.Pipe)
    said = len(cx.diagnostics)
    outer, ours = cx.outer, cx.ours
    cx.outer, cx.ours = None, True
    try:
        rel = pipe(cx, scope, statement.expression)
    finally:
        cx.outer, cx.ours = outer, ours
    wrong = [d for d in cx.diagnostics[said:] if d.is_error]
    del cx.diagnostics[said:]
    if wrong and not any(d.is_error for d in cx.diagnostics):
        cx.refuse(f"evaluate {op.call.name.text} here", op.call.span, wrong[0].message)
    return rel


def ask(cx: Context, op: sx.EvaluateOp, rel: Rel, rows: int, of: tuple[n.Plan, str] | None = None) -> pa.Table | None:
    """The rows of a small plan, run now; None where nobody may run it (a check, an editor), or it would make no sense as the
    text has an error, or where there are more of them: that is refused. `of` is the plan that the question is about, and what
    is asked of it: it is asked once."""
    if cx.probe is None or any(d.is_error for d in cx.diagnostics):
        return None
    if cx.outer is not None:
        cx.refuse(f"evaluate {op.call.name.text} for each row of an outer query", op.call.span)
        return None
    if of is not None and (known := cx.asked.get((id(of[0]), of[1]))) is not None:
        return known[1]
    limit = n.Lit(type=ScalarType.LONG, value=rows + 1)
    plan = n.Limit(input=rel.plan, count=limit, columns=rel.columns, span=op.span)
    try:
        found = cx.probe(plan)
    except LurcherError as error:
        cx.refuse(f"evaluate {op.call.name.text}, whose columns depend on the rows, here", op.call.span, f"{error}")
        return None
    if found.num_rows > rows:
        cx.refuse(
            f"evaluate {op.call.name.text} that makes more than {rows} columns", op.call.span, "narrow its input before"
        )
        return None
    if of is not None:
        cx.asked[id(of[0]), of[1]] = of[0], found
    return found


def unknown_columns(cx: Context, op: sx.EvaluateOp, rel: Rel, known: Columns) -> Rel:
    """What a plugin gives while nobody has looked into the rows: the columns that do not depend on them, and others. It cannot
    be run: no engine has the plugin."""
    cx.unasked = True
    plan = n.TableFunction(input=rel.plan, name=f"evaluate {op.call.name.text}", args=(), columns=known, span=op.span)
    return Rel(plan, open=True)


def has_no_row(cx: Context, op: sx.EvaluateOp, rel: Rel) -> bool:
    """Whether there is no row to find columns in. The service then knows no such column, and refuses a query that names one; here
    it runs, and gives no row either: a hunt over a day without such events has found nothing, it has not failed."""
    answer = ask(cx, op, written(cx, op, "T | take 1 | project x = 1", {"T": rel}), 1)
    return answer is not None and answer.num_rows == 0


def renamed(rel: Rel, names: Sequence[tuple[str, str]]) -> Rel:
    """A projection of columns, (new name, old name), in order."""
    types = {c.name: c.type for c in rel.columns}
    return project(rel, [(new, col(old, types[old])) for new, old in names])


def named_columns(columns: Sequence[Column]) -> str:
    return ", ".join(quoted(c.name) for c in columns)
