"""find: the rows of several tables for which a predicate holds, each with the name of its table.

Each table is filtered and projected, then they are a union. A table that has none of the columns that the predicate names is
left out. A column that some table lacks is empty in its rows: what holds for an empty value (`!=`, `isempty`) is refused of
such a column, for the service does not say whether it holds there.

A table whose columns are not all listed has those that its rows have.

Without `project`: the columns that all tables have, as the first has them, then those that the predicate names, then a bag of
what else a table has (`pack_`), where any has more. A column of several types becomes one for each, as in a union.

Source: "find operator" (Kusto documentation); the order of the columns is that of Microsoft's parser.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS142, KS171, LU001, LU011
from lurcher.kql.source import Span
from lurcher.kql.syntax.base import meaning_fields
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, near, null, operator, project, source
from lurcher.plan.binder.expressions import convert, function
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.names import unique
from lurcher.plan.binder.unions import MAX_TABLES, Leg, everything, search_legs, search_predicate, united

T = ScalarType
PACK = "pack_"
_Types = dict[str, dict[ScalarType, None]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A column of the result: what it is called, and which column of a table it is, of which type there."""

    name: str
    type: ScalarType
    source: str
    stored: ScalarType


@source(sx.FindOp)
def _find_first(cx: Context, scope: Scope, op: sx.FindOp) -> Rel:
    legs = search_legs(cx, scope, op.tables) if op.tables else everything(cx, scope, op.span)
    return _found(cx, scope, legs, op)


@operator(sx.FindOp)
def _find_piped(cx: Context, scope: Scope, rel: Rel, op: sx.FindOp) -> Rel:
    # Microsoft's parser takes it, and takes it for a find over all tables.
    cx.refuse("find behind a pipe", op.span, "where finds rows of one table; find in (T1, T2) of several")
    return Rel(rel.plan, open=True)


def _found(cx: Context, scope: Scope, legs: list[Leg], op: sx.FindOp) -> Rel:
    """The tables' union, each filtered and projected. What is refused is typed all the same."""
    all_types = _types(legs)
    is_open = any(rel.open for _, rel in legs) or not legs
    tag = parameter(op, "withsource") or parameter(op, "with_source") or "source_"
    named = [name for name in dict.fromkeys(_names(op.predicate)) if name in all_types]
    terms = _has_terms(op.predicate)
    if len(legs) > 1 and not terms and named:
        legs = [leg for leg in legs if any(c.name in named for c in leg[1].columns)]
    types = _types(legs)
    errors = sum(d.is_error for d in cx.diagnostics)
    shown, packed = _projected(cx, op, all_types, is_open) if op.project else _smart(legs, types, named)
    env = Env(scope, types={name: next(iter(kinds)) for name, kinds in all_types.items()})
    env.open = is_open
    condition = search_predicate(cx, env, op.predicate, False)
    columns = (Column(tag, T.STRING), *(Column(s.name, s.type) for s in shown))
    columns += (Column(PACK, T.DYNAMIC),) if packed else ()
    refused = _refused(legs, types, named, terms, tag, packed)
    if refused is None and (strange := next((x for x in _columns(condition) if x not in all_types), "")):
        refused = f"find on {strange}, which is no column that a table lists"
    if refused is None:
        unsure = (_unsure(condition, set(named) - {c.name for c in rel.columns}) for _, rel in legs)
        if found := next(filter(None, unsure), ""):
            refused = f"find where {found} is compared so, which not all of the tables have"
    if refused is None and sum(d.is_error for d in cx.diagnostics) == errors:
        whole = [
            (label, _leg(cx, scope, rel, op, condition, shown, packed, types, named, terms)) for label, rel in legs
        ]
        return united(cx, whole, op.span, tag=tag)
    if refused is not None and sum(d.is_error for d in cx.diagnostics) == errors:
        cx.say(LU001, op.span, construct=refused, hint="union the tables and filter with where")
    return Rel(n.TableFunction(input=None, name="find", args=(), columns=columns, span=op.span), open=is_open)


def _types(legs: list[Leg]) -> _Types:
    types: _Types = {}
    for _, rel in legs:
        for column in rel.columns:
            types.setdefault(column.name, {})[column.type] = None
    return types


def _smart(legs: list[Leg], types: _Types, named: list[str]) -> tuple[list[_Shown], bool]:
    """The columns where none are named, and whether there are more of them."""
    shared = set(types).intersection(*({c.name for c in rel.columns} for _, rel in legs)) if legs else set()
    order = [c.name for c in legs[0][1].columns if c.name in shared] if legs else []
    order += [name for name in named if name not in shared]
    shown: list[_Shown] = []
    taken = {name for name in order if len(types[name]) == 1}
    for name in order:
        for type in types[name]:
            as_ = name if len(types[name]) == 1 else unique(f"{name}_{type}", taken)
            taken.add(as_)
            shown.append(_Shown(as_, type, name, type))
    return shown, any(name not in order for name in types)


def _projected(cx: Context, op: sx.FindOp, types: _Types, is_open: bool) -> tuple[list[_Shown], bool]:
    """The columns that are named, and whether the rest is to be packed."""
    shown: dict[str, _Shown] = {}
    packed = False
    for item in op.project:
        if item.star:
            cx.refuse("find project *", item.span, "without project it gives the columns that all tables have")
        elif item.pack_all and item.name is not None:
            # By its text all columns, by its example the others; called column1 or pack_.
            cx.refuse("find project pack_all()", item.span, "pack(*) packs the columns that are not named")
        elif item.name is None:
            packed = True
            if item is not op.project[-1]:
                cx.say(LU011, item.span, message="pack(*) stands last")
        elif (name := item.name.text) in shown:
            cx.say(KS171, item.span, name=name)
        elif name in types:
            shown[name] = _column(cx, item, types[name])
        elif is_open:
            cx.refuse(f"find project {name}, which is no column that a table lists", item.span)
            shown[name] = _Shown(name, item.type or T.UNKNOWN, name, T.UNKNOWN)
        else:
            cx.say(KS142, item.span, name=name, hint=near(name, types))
    return list(shown.values()), packed


def _column(cx: Context, item: sx.FindColumn, kinds: dict[ScalarType, None]) -> _Shown:
    assert item.name is not None
    name, stored = item.name.text, next(iter(kinds))
    type = item.type or stored
    if len(kinds) > 1:
        cx.refuse(f"find project {name}, which has several types", item.span, "union the tables and convert the column")
    elif type is not stored and type is T.DYNAMIC:
        cx.refuse(f"find project {name} as a dynamic", item.span, "convert it afterwards: extend ... = todynamic(...)")
    return _Shown(name, type, name, stored)


def _refused(legs: list[Leg], types: _Types, named: list[str], terms: bool, tag: str, packed: bool) -> str | None:
    """What of a find is refused, by name."""
    if not legs or len(legs) > MAX_TABLES:
        return f"find over {len(legs)} tables"
    if not named and not terms and len(legs) > 1:
        return "find where no column is named"
    if tag in types:
        return f"find over a table that has a column {tag}"
    if packed and (PACK in types or tag == PACK):
        return f"find over a table that has a column {PACK}"
    for name in named:
        if len(types[name]) > 1:
            return f"find on {name}, which has several types"
    return None


def _leg(
    cx: Context,
    scope: Scope,
    rel: Rel,
    op: sx.FindOp,
    condition: n.Expr,
    shown: list[_Shown],
    packed: bool,
    types: _Types,
    named: list[str],
    terms: bool,
) -> Rel:
    """A table's rows for which the condition holds, under the columns of the result."""
    own = {c.name: c.type for c in rel.columns}
    columns = rel.columns
    lacking = [(name, null(next(iter(types[name])))) for name in named if name not in own]
    if lacking:
        rel = project(rel, [*keep(columns), *lacking], op.span)
    if terms:
        # A term is looked for in the table's own columns.
        condition = search_predicate(cx, Env(scope, rel), op.predicate, False)
    rel = rel.over(n.Filter(input=rel.plan, predicate=condition, columns=rel.columns, span=op.span))
    items: list[n.Item] = [
        (s.name, convert(col(s.source, s.stored), s.type) if own.get(s.source) is s.stored else null(s.type))
        for s in shown
    ]
    if packed:
        seen = {s.source for s in shown}
        items.append((PACK, _bag(cx, [c for c in columns if c.name not in seen], columns, op.span)))
    return project(rel, items, op.span)


def _bag(cx: Context, rest: list[Column], columns: tuple[Column, ...], span: Span) -> n.Expr:
    if not rest:
        # An empty bag, or none.
        return function(cx, "__untold_pack", (col(columns[0].name, columns[0].type),), span)
    args: list[n.Expr] = []
    for column in rest:
        args += (n.Lit(type=T.STRING, value=column.name, span=span), col(column.name, column.type))
    return function(cx, "bag_pack", tuple(args), span)


def _names(node: sx.Node) -> list[str]:
    """Every name that may be a column's, in order."""
    if isinstance(node, sx.NameRef):
        return [node.name.text]
    if isinstance(node, sx.Pipe):
        return []
    if isinstance(node, sx.Path):
        return _names(node.base) + (_names(node.member) if isinstance(node.member, sx.Call) else [])
    found: list[str] = []
    for field in meaning_fields(type(node)):
        value = getattr(node, field)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, sx.Expression):
                found += _names(child)
    return found


def _has_terms(node: sx.Expression) -> bool:
    """Whether a text is looked for in all columns: `'a'`, `* has 'a'`, `*:'a'`."""
    if isinstance(node, sx.Binary) and node.op in ("and", "or"):
        return _has_terms(node.left) or _has_terms(node.right)
    if isinstance(node, sx.Call) and node.name.text == "not":
        return any(_has_terms(argument) for argument in node.arguments)
    if isinstance(node, sx.Literal):
        return node.type is not T.BOOL
    return any(isinstance(getattr(node, side, node), sx.Star) for side in ("left", "operand"))


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
