"""find: the rows of several tables for which a predicate holds, each with the name of its table.

It is the tables' union, filtered and projected. A column that some table lacks is empty in its rows: what holds for an empty
value (`!=`, `isempty`) is refused of such a column, for the service does not say whether it holds there. So is what packs
columns into a bag.

Source: "find operator" (Kusto documentation).
"""

from __future__ import annotations

from dataclasses import replace

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS142, LU001
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, keep, near, operator, project, source
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.tables import scan
from lurcher.plan.binder.unions import MAX_TABLES, Leg, label_of, search_legs, search_predicate, united

T = ScalarType


@source(sx.FindOp)
def _find_first(cx: Context, scope: Scope, op: sx.FindOp) -> Rel:
    if not op.tables:
        legs = [(name, rel) for name in cx.catalog.table_names() if (rel := scan(cx, name)) is not None]
    else:
        legs = search_legs(cx, scope, op.tables)
    return _found(cx, scope, legs, op)


@operator(sx.FindOp)
def _find_piped(cx: Context, scope: Scope, rel: Rel, op: sx.FindOp) -> Rel:
    return _found(cx, scope, [(label_of(scope, rel, 0), rel)], op)


def _found(cx: Context, scope: Scope, legs: list[Leg], op: sx.FindOp) -> Rel:
    """The tables' union, filtered and projected. What packs columns into a bag is typed and refused."""
    types: dict[str, dict[ScalarType, None]] = {}
    for _, rel in legs:
        for column in rel.columns:
            types.setdefault(column.name, {})[column.type] = None
    is_open = any(rel.open for _, rel in legs) or not legs
    tag = parameter(op, "withsource") or parameter(op, "with_source") or "source_"
    columns = [Column(tag, T.STRING)]
    names = _named_in(op.predicate)
    if op.project:
        for item in op.project:
            if item.pack_all or item.name is None:
                columns.append(Column("pack_", T.DYNAMIC))
            elif item.name.text in types or is_open:
                known = next(iter(types.get(item.name.text, ())), T.UNKNOWN)
                columns.append(Column(item.name.text, item.type or known))
            else:
                cx.say(KS142, item.span, name=item.name.text, hint=near(item.name.text, types))
    else:
        columns += [Column(name, next(iter(types[name]))) for name in dict.fromkeys(names) if name in types]
        columns.append(Column("pack_", T.DYNAMIC))
    shown = tuple({c.name: c for c in columns}.values())
    refused = _not_found(op, types, tag, shown, names, is_open or len(legs) > MAX_TABLES)
    if refused is not None:
        env = Env(scope, types={name: next(iter(kinds)) for name, kinds in types.items()})
        env.open = is_open
        search_predicate(cx, env, op.predicate, False) if len(types) < 2000 else None
        if not any(d.is_error and d.span == op.span for d in cx.diagnostics):
            cx.say(LU001, op.span, construct=refused, hint="union the tables and filter with where")
        return Rel(n.TableFunction(input=None, name="find", args=(), columns=shown, span=op.span), open=True)
    rel = united(cx, legs, op.span, tag=tag)
    env = Env(scope, rel)
    del env.types[tag]
    condition = search_predicate(cx, env, op.predicate, False)
    lacking = {name for name in types if any(name not in {c.name for c in leg.columns} for _, leg in legs)}
    unsure = _unsure(condition, lacking)
    if unsure:
        cx.refuse(f"find where {unsure} is compared so, which not all of the tables have", op.predicate.span)
    plan = n.Filter(input=rel.plan, predicate=condition, columns=rel.columns, span=op.span)
    return project(replace(rel, plan=plan), keep(shown), op.span)


def _not_found(
    op: sx.FindOp,
    types: dict[str, dict[ScalarType, None]],
    tag: str,
    shown: tuple[Column, ...],
    names: list[str],
    too_many: bool,
) -> str | None:
    """What of a find is refused, by name; None where it is a union that is filtered and projected."""
    if too_many:
        return "find"
    if not op.project or op.project_smart:
        return "find without project"
    if op.project_away:
        return "find project-away"
    if any(item.name is None for item in op.project):
        return "find project pack(*)"
    if tag in types:
        return f"find over a table that has a column {tag}"
    for name in (*names, *(c.name for c in shown)):
        if len(types.get(name, ())) > 1:
            return f"find on {name}, which has several types"
    for column in shown[1:]:
        if column.type not in types[column.name]:
            return f"find project {column.name} as another type"
    return None


def _named_in(node: sx.Expression) -> list[str]:
    if isinstance(node, sx.NameRef):
        return [node.name.text]
    found: list[str] = []
    for part in ("left", "right", "operand", "base", "arguments", "low", "high"):
        value = getattr(node, part, None)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, sx.Expression):
                found += _named_in(child)
    return found


#: What no empty value fulfils, where the other side is not empty.
_POSITIVE = frozenset(
    (
        *("==", "=~", "has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs"),
        *("contains", "contains_cs", "startswith", "startswith_cs", "endswith", "endswith_cs"),
    )
)


def _unsure(condition: n.Expr, lacking: set[str]) -> str:
    """A column that some tables lack, where an empty value might fulfil what is asked of it; "" for none."""
    found = [name for name in _columns(condition) if name in lacking]
    if not found:
        return ""
    if isinstance(condition, n.Call):
        name, args = condition.function.name, condition.args
        if name in ("and", "or"):
            return next((x for a in args if (x := _unsure(a, lacking))), "")
        if name in _POSITIVE and _column_as_text(args[0]) and _full(args[1]):
            return ""
    if isinstance(condition, n.InList) and condition.op in ("in", "in~", "has_any"):
        told = isinstance(condition.operand, n.Col) and all(_full(v) for v in condition.values)
        return "" if told else found[0]
    return found[0]


def _column_as_text(expr: n.Expr) -> bool:
    if isinstance(expr, n.Call) and expr.function.name == "tostring":
        expr = expr.args[0]
    return isinstance(expr.operand if isinstance(expr, n.Convert) else expr, n.Col)


def _full(expr: n.Expr) -> bool:
    return isinstance(expr, n.Lit) and expr.type is not T.DYNAMIC and expr.value is not None and expr.value != ""


def _columns(expr: n.Expr) -> list[str]:
    if isinstance(expr, n.Col):
        return [expr.name]
    if isinstance(expr, n.AnyColumn):
        return []
    parts: tuple[n.Expr, ...] = ()
    if isinstance(expr, (n.Call, n.Win)):
        parts = expr.args
    elif isinstance(expr, n.Convert):
        parts = (expr.operand,)
    elif isinstance(expr, n.InList):
        parts = (expr.operand, *expr.values)
    elif isinstance(expr, n.InQuery):
        parts = (expr.operand,)
    return [name for part in parts for name in _columns(part)]
