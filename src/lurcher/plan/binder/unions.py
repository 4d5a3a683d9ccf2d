"""union and search: several tables as one."""

from __future__ import annotations

from dataclasses import replace

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS204, KS205
from lurcher.kql.source import Span
from lurcher.kql.syntax.base import meaning_fields
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.columns import wildcard
from lurcher.plan.binder.context import (
    Context,
    Env,
    FunctionValue,
    Rel,
    Scope,
    TableValue,
    operator,
    source,
)
from lurcher.plan.binder.expressions import any_column, both, predicate, scalar
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.names import unique
from lurcher.plan.binder.rows import windowed
from lurcher.plan.binder.tables import named_table, scan, table, unknown_table

T = ScalarType
Leg = tuple[str, Rel]
#: A union of more tables than this is refused. The services have 943.
MAX_TABLES = 5_000
#: Unions of many tables are of the same ones again and again (`union *`, `search`): what their columns are, by the identity of
#: the tables' columns, which are kept alive beside it.
_KNOWN: dict[tuple[object, ...], tuple[list[Columns], tuple[Columns, list[dict[str, str]]]]] = {}
_MANY = 64


@source(sx.UnionOp)
def _union_first(cx: Context, scope: Scope, op: sx.UnionOp) -> Rel:
    return _union(cx, scope, None, op)


@operator(sx.UnionOp)
def _union_piped(cx: Context, scope: Scope, rel: Rel, op: sx.UnionOp) -> Rel:
    return _union(cx, scope, rel, op)


def _union(cx: Context, scope: Scope, first: Rel | None, op: sx.UnionOp) -> Rel:
    fuzzy = parameter(op, "isfuzzy").lower() in ("true", "1")
    found: list[Leg] = [] if first is None else [(label_of(scope, first, 0), first)]
    missing = False
    for node in op.tables:
        if isinstance(node, sx.Star):
            node = sx.NameRef(sx.Name("*", True), span=node.span)
        if isinstance(node, sx.NameRef) and node.name.pattern:
            found += _matching(cx, scope, node)
        elif fuzzy and isinstance(node, sx.NameRef) and not _is_table(cx, scope, node.name.text):
            cx.say(KS205, node.span, name=node.name.text)
            missing = True
        elif fuzzy and (root := _missing_root(cx, scope, node)) is not None:
            cx.say(KS205, root.span, name=root.name.text)
            missing = True
        else:
            rel = table(cx, scope, node)
            # A variable that is no more than another name of a table shows the table, one that is more its place.
            name = node.name.text if isinstance(node, sx.NameRef) else ""
            label = name if name and not isinstance(scope.find(name), TableValue) else label_of(scope, rel, len(found))
            found.append((label, rel))
    if not found:
        if not missing:
            return unknown_table(op.span)
        return Rel(n.Values(rows=(), columns=(), span=op.span))
    tag = parameter(op, "withsource") or parameter(op, "with_source")
    return united(cx, found, op.span, tag=tag, inner=parameter(op, "kind") == "inner")


def _missing_root(cx: Context, scope: Scope, node: sx.Expression) -> sx.NameRef | None:
    """The table that a leg starts from, where there is none of that name."""
    while isinstance(node, sx.Pipe) and node.source is not None:
        node = node.source
    return node if isinstance(node, sx.NameRef) and not _is_table(cx, scope, node.name.text) else None


def _is_table(cx: Context, scope: Scope, name: str) -> bool:
    return scope.find(name) is not None or cx.catalog.table(name) is not None


def label_of(scope: Scope, rel: Rel, position: int) -> str:
    """What `withsource` shows for a leg: a table's name, or that of `as`; else its place in the union."""
    if isinstance(rel.plan, n.Scan):
        return rel.plan.table
    if isinstance(rel.plan, n.Shared):
        for name, value in scope.all().items():
            if isinstance(value, TableValue) and value.rel.plan is rel.plan:
                return name
    return f"union_arg{position}"


def _matching(cx: Context, scope: Scope, node: sx.NameRef, *, views_only: bool = False) -> list[Leg]:
    regex = wildcard(node.name.text)
    found: list[Leg] = []
    for name in cx.catalog.table_names():
        if regex.match(name) and (rel := scan(cx, name)) is not None:
            found.append((name, rel))
    for name, value in scope.all().items():
        if not regex.match(name):
            continue
        if isinstance(value, TableValue):
            if views_only and not value.view:
                continue
            found.append((name, value.rel))
        elif isinstance(value, FunctionValue) and value.node.view and not value.node.params:
            found.append((name, named_table(cx, scope, sx.NameRef(sx.Name(name), span=node.span))))
    if not found:
        cx.say(KS204, node.span, name=node.name.text, hint="no table has a name like this")
    return found


def united(cx: Context, legs: list[Leg], span: Span, *, tag: str = "", inner: bool = False) -> Rel:
    """All rows of the legs under one set of columns. A column of one name and several types becomes one for each type."""
    columns, names = _unified([rel for _, rel in legs], tag, inner)
    is_open = any(rel.open for _, rel in legs)
    if len(legs) > MAX_TABLES:
        cx.refuse(f"a union of {len(legs)} tables", span, "name the tables that you mean")
        return Rel(n.TableFunction(input=None, name="union", args=(), columns=columns, span=span), open=is_open)
    wide = len(legs) >= _MANY and not inner
    inputs = tuple(
        _leg(label, rel, mapping, columns, tag, wide) for (label, rel), mapping in zip(legs, names, strict=True)
    )
    if len(inputs) == 1:
        return Rel(inputs[0], open=is_open)
    return Rel(n.Union(inputs=inputs, columns=columns, span=span), open=is_open)


def _leg(label: str, rel: Rel, mapping: dict[str, str], columns: Columns, tag: str, wide: bool) -> n.Plan:
    if not tag and rel.columns == columns:
        return rel.plan
    wide = wide and len(mapping) < len(rel.columns)
    shown = set(mapping.values()) if wide else ()
    dropped = tuple(c.name for c in rel.columns if c.name not in shown) if wide else ()
    return n.Aligned(input=rel.plan, given=mapping, label=label if tag else None, dropped=dropped, columns=columns)


def _unified(rels: list[Rel], tag: str, inner: bool) -> tuple[Columns, list[dict[str, str]]]:
    """The columns of a union, and for each leg: union column -> the leg's column."""
    if len(rels) < _MANY:
        return _merged(rels, tag, inner)
    of_rels = [rel.columns for rel in rels]
    key = (tag, inner, *map(id, of_rels))
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) > 8:
            _KNOWN.clear()
        found = _KNOWN[key] = (of_rels, _merged(rels, tag, inner))
    return found[1]


def _merged(rels: list[Rel], tag: str, inner: bool) -> tuple[Columns, list[dict[str, str]]]:
    types: dict[str, dict[ScalarType, None]] = {}
    first: dict[str, list[ScalarType]] = {}
    count: dict[tuple[str, ScalarType], int] = {}
    for rel in rels:
        for column in rel.columns:
            types.setdefault(column.name, {})[column.type] = None
            first.setdefault(column.name, []).append(column.type)
            count[column.name, column.type] = count.get((column.name, column.type), 0) + 1
    if len(rels) >= _MANY and not inner:
        # Where nobody names the tables, a table among hundreds does not split a column that the first two agree on: what it
        # has there is left out, and the union refused where that table has rows.
        types = {
            name: dict.fromkeys(kinds[:1]) if len(set(kinds[:2])) == 1 else types[name] for name, kinds in first.items()
        }
    taken: set[str] = {name for name, kinds in types.items() if len(kinds) == 1}
    columns: list[Column] = []
    final: dict[tuple[str, ScalarType], str] = {}
    if tag:
        name = unique(tag, taken)
        taken.add(name)
        columns.append(Column(name, T.STRING))
    for name, kinds in types.items():
        for type in kinds:
            if inner and count[name, type] < len(rels):
                continue
            shown = name if len(kinds) == 1 else unique(f"{name}_{type}", taken)
            taken.add(shown)
            final[name, type] = shown
            columns.append(Column(shown, type))
    names = [{final[c.name, c.type]: c.name for c in rel.columns if (c.name, c.type) in final} for rel in rels]
    return tuple(columns), names


# --- search ------------------------------------------------------------------------------------------------------------------
@source(sx.SearchOp)
def _search_first(cx: Context, scope: Scope, op: sx.SearchOp) -> Rel:
    if not op.tables:
        if parameter(op, "kind") == "case_sensitive":
            # Over all tables where they are asked for.
            hint = "say which tables: search kind=case_sensitive in (*) 'term'"
            cx.refuse("search kind=case_sensitive without in (...)", op.span, hint)
        named = _only_columns(op.predicate)
        legs = everything(cx, scope, op.span)
        # "Source tables that don't contain any column used by the predicate evaluation will be filtered out."
        legs = [leg for leg in legs if any(c.name in named for c in leg[1].columns)] or legs if named else legs
    else:
        legs = search_legs(cx, scope, op.tables)
    return _searched(cx, scope, legs, op)


def everything(cx: Context, scope: Scope, span: Span) -> list[Leg]:
    """All tables, and the views that the text declares."""
    return _matching(cx, scope, sx.NameRef(sx.Name("*", True), span=span), views_only=True)


def _only_columns(node: sx.Expression) -> set[str]:
    """The columns that a predicate compares; none where it looks for a term in all of them, or is not that plain."""
    if isinstance(node, sx.Binary) and node.op in ("and", "or"):
        left, right = _only_columns(node.left), _only_columns(node.right)
        return left | right if left and right else set()
    if isinstance(node, sx.Binary) and isinstance(node.left, sx.NameRef) and not node.left.name.pattern:
        return {node.left.name.text} if isinstance(node.right, sx.Literal) else set()
    return set()


@operator(sx.SearchOp)
def _search_piped(cx: Context, scope: Scope, rel: Rel, op: sx.SearchOp) -> Rel:
    return _searched(cx, scope, [(label_of(scope, rel, 0), rel)], op)


def search_legs(cx: Context, scope: Scope, nodes: tuple[sx.Expression, ...]) -> list[Leg]:
    legs: list[Leg] = []
    for node in nodes:
        if isinstance(node, sx.Star):
            node = sx.NameRef(sx.Name("*", True), span=node.span)
        if isinstance(node, sx.NameRef) and node.name.pattern:
            legs += _matching(cx, scope, node)
        else:
            rel = table(cx, scope, node)
            legs.append((node.name.text if isinstance(node, sx.NameRef) else label_of(scope, rel, len(legs)), rel))
    return legs


def _searched(cx: Context, scope: Scope, legs: list[Leg], op: sx.SearchOp) -> Rel:
    if not legs:
        return unknown_table(op.span)
    cs = parameter(op, "kind") == "case_sensitive"
    if len(legs) >= _MANY and _only_terms(op.predicate):
        # Each table is searched in columns of its own, those among them that a union of so many has no place for.
        legs = [(label, _filtered(cx, scope, rel, op, cs)) for label, rel in legs]
        return united(cx, legs, op.span, tag="$table")
    rel = united(cx, legs, op.span, tag="$table")
    env = Env(scope, rel, wins=[])
    condition = search_predicate(cx, env, op.predicate, cs)
    wide = windowed(cx, rel, env, op.span)
    return replace(wide, plan=n.Filter(input=wide.plan, predicate=condition, columns=wide.columns, span=op.span))


def _only_terms(node: sx.Expression) -> bool:
    """Whether a predicate names no column."""
    if isinstance(node, sx.Binary) and node.op in ("and", "or"):
        return _only_terms(node.left) and _only_terms(node.right)
    if isinstance(node, sx.Call) and node.name.text == "not" and len(node.arguments) == 1:
        return _only_terms(node.arguments[0])
    return isinstance(node, (sx.Literal, sx.Star))


def _filtered(cx: Context, scope: Scope, rel: Rel, op: sx.SearchOp, cs: bool) -> Rel:
    condition = search_predicate(cx, Env(scope, rel), op.predicate, cs)
    return rel.over(n.Filter(input=rel.plan, predicate=condition, columns=rel.columns, span=op.span))


def search_predicate(cx: Context, env: Env, node: sx.Expression, cs: bool) -> n.Expr:
    if isinstance(node, sx.Star):
        return n.Lit(type=T.BOOL, value=True, span=node.span)
    if isinstance(node, sx.Binary) and node.op in ("and", "or"):
        parts = [search_predicate(cx, env, side, cs) for side in (node.left, node.right)]
        return both(cx, node.op, parts, node.span)
    if isinstance(node, sx.Call) and node.name.text == "not" and len(node.arguments) == 1:
        from lurcher.functions.registry import FunctionKind
        from lurcher.functions.resolve import Match, resolve

        inner = search_predicate(cx, env, node.arguments[0], cs)
        match = resolve(FunctionKind.SCALAR, "not", (inner.type,))
        assert isinstance(match, Match)
        return n.Call(type=T.BOOL, function=match.overload, args=(inner,), span=node.span)
    if isinstance(node, sx.Literal) and node.type is not T.BOOL:
        op, needle = _term(str(node.value), cs)
        if "*" in needle:
            cx.refuse(
                "a search term with * in its middle", node.span, "search Column matches regex ... says it exactly"
            )
        if node.type is T.STRING and not needle:
            return n.Lit(type=T.BOOL, value=True, span=node.span)
        columns = env.types
        env.types = {name: type for name, type in columns.items() if name != "$table"}
        found = any_column(cx, env, op, n.Lit(type=T.STRING, value=needle, span=node.span), node.span)
        env.types = columns
        return found
    if isinstance(node, sx.Binary) and node.op == ":":
        if isinstance(node.left, sx.Star):
            return search_predicate(cx, env, node.right, cs)
        return _column_term(cx, env, node, cs)
    return predicate(cx, env, _sensitive(cx, node) if cs else node)


#: "Controls the behavior of all string scalar operators, such as has": those that have a form which minds the case.
_FOLDING = frozenset(
    f"{sign}{op}"
    for sign in ("", "!")
    for op in ("has", "hasprefix", "hassuffix", "contains", "startswith", "endswith")
)


def _sensitive(cx: Context, node: sx.Expression) -> sx.Expression:
    """A comparison as `kind=case_sensitive` reads it."""
    if isinstance(node, sx.Binary) and node.op in _FOLDING:
        return replace(node, op=f"{node.op}_cs")
    pending: list[sx.Node] = [node]
    while pending:
        part = pending.pop()
        op = getattr(part, "op", "")
        if op in _FOLDING or op in ("=~", "!~", "in~", "!in~", "has_any", "has_all"):
            cx.refuse(f"search kind=case_sensitive with {op} in it", part.span, "search without kind, and has_cs or ==")
            break
        for field in meaning_fields(type(part)):
            value = getattr(part, field)
            pending += [x for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, sx.Node)]
    return node


def _column_term(cx: Context, env: Env, node: sx.Binary, cs: bool) -> n.Expr:
    from lurcher.plan.binder.expressions import binary, convert

    left, right = scalar(cx, env, node.left), scalar(cx, env, node.right)
    if isinstance(right, n.Lit) and isinstance(right.value, str):
        op, needle = _term(right.value, cs)
        if "*" in needle:
            cx.refuse(
                "a search term with * in its middle", right.span, "search Column matches regex ... says it exactly"
            )
        right = n.Lit(type=T.STRING, value=needle, span=right.span)
    elif right.type is T.STRING:
        op = "has_cs" if cs else "has"
    else:
        return binary(cx, "==", left, right, node.span)
    return binary(cx, op, convert(left, T.STRING), right, node.span)


def _term(text: str, cs: bool) -> tuple[str, str]:
    """A search term's wildcards: `abc*` a prefix, `*abc` a suffix, `*abc*` anywhere."""
    start, end = text.startswith("*"), text.endswith("*") and len(text) > 1
    op = "contains" if start and end else "hassuffix" if start else "hasprefix" if end else "has"
    return op + ("_cs" if cs else ""), text.strip("*")
