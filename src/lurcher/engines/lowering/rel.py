"""A relation as a SELECT that is still open: filters, projections, order and a limit are added to it while that is legal,
so that a pipe of KQL becomes one SELECT where a person would have written one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lurcher.engines.lowering.texts import as_text
from lurcher.kql.types import ScalarType
from lurcher.schema import physical_names
from lurcher.sql import tree as t
from lurcher.sql.walk import has_query, is_small, is_volatile, rewrite, walk

#: The hidden column of a table's rows that says when they were added. No name of KQL's has parentheses.
INGESTED = "ingestion_time()"
#: Names that the lowering gives to columns of its own.
_OWN = re.compile(r"(?:order|row|element|index|group|values|column) [0-9.]+~*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A column: what it is over the FROM clause, its KQL type, whether it may be null."""

    expr: t.SqlExpr
    type: ScalarType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Rel:
    """`order` is the order that the rows are in, to be written where it counts: at a limit, a window, the end."""

    source: t.FromItem | None
    columns: dict[str, Cell]
    where: tuple[t.SqlExpr, ...] = ()
    order: tuple[t.OrderKey, ...] = ()
    limit: t.SqlExpr | None = None
    distinct: bool = False
    group: tuple[t.SqlExpr, ...] = ()
    qualify: t.SqlExpr | None = None
    #: Grouped, or with functions that see many rows: nothing may be added but an order and a limit.
    closed: bool = False

    @property
    def is_open(self) -> bool:
        return not self.closed and self.limit is None and not self.distinct


#: Beyond so many nested projections what is left is written in place.
_LEVELS = 200


def stored_names(names: Iterable[str]) -> dict[str, str]:
    """Names for the columns of a subquery: distinct without regard to case, none like a bound variable (`x__`)."""
    wanted = list(names)
    safe = [n.replace("\0", "\u2400") for n in wanted]
    safe = [n + "~" if n.endswith("__") or _OWN.match(n) else n or "~" for n in safe]
    # Two wanted names may have become one.
    first = {n: i for i, n in reversed(list(enumerate(safe)))}
    distinct = [n if first[n] == i else f"{n}~{i}" for i, n in enumerate(safe)]
    stored = physical_names(distinct)
    return {w: stored[s] for w, s in zip(wanted, distinct, strict=True)}


def select(
    rel: Rel, *, final: bool = False, hidden: tuple[t.SelectItem, ...] = ()
) -> tuple[t.SqlQuery, dict[str, str]]:
    """The SELECT of a relation, and the name that each column has in it."""
    names = stored_names(rel.columns)
    items = tuple(t.SelectItem(cell.expr, names[name]) for name, cell in rel.columns.items()) + hidden
    ordered = rel.order if final or rel.limit is not None else ()
    query = hoisted(
        t.Select(
            items or (t.SelectItem(t.Literal(1), "~"),),
            rel.source,
            t_and(rel.where),
            rel.group,
            qualify=rel.qualify,
            order=ordered,
            limit=rel.limit,
            distinct=rel.distinct,
        )
    )
    return qualified(query), names


def t_and(parts: Iterable[t.SqlExpr]) -> t.SqlExpr | None:
    return t.conjunction(list(parts))


def sealed(rel: Rel, alias: str = "") -> Rel:
    """The relation as a subquery (or as the bare table that it is): its columns are plain names, and anything may be added."""
    if is_plain(rel) and not rel.order:
        return aliased(rel, alias) if alias else rel
    hidden, order = _hidden_order(rel)
    query, names = select(rel, hidden=hidden)
    columns = {n: Cell(t.Ident(names[n], alias), c.type, c.nullable) for n, c in rel.columns.items()}
    keys = tuple(replace(k, expr=t.Ident(e.name, alias) if isinstance(e := k.expr, t.Ident) else e) for k in order)
    return Rel(t.QueryFrom(query, alias), columns, order=keys)


def _hidden_order(rel: Rel) -> tuple[tuple[t.SelectItem, ...], tuple[t.OrderKey, ...]]:
    """Columns that carry the order's keys along, where the relation's own columns do not."""
    if not rel.order or rel.distinct:
        return (), ()
    names = stored_names(rel.columns)
    shown = {cell.expr: names[name] for name, cell in reversed(rel.columns.items())}
    taken = {n.casefold() for n in names.values()}
    hidden: list[t.SelectItem] = []
    keys = []
    for i, key in enumerate(rel.order, 1):
        name = shown.get(key.expr)
        if name is None:
            name = f"order {i}"
            while name.casefold() in taken:
                name += "~"
            taken.add(name.casefold())
            hidden.append(t.SelectItem(key.expr, name))
        keys.append(replace(key, expr=t.Ident(name)))
    return tuple(hidden), tuple(keys)


def is_plain(rel: Rel) -> bool:
    """Whether the relation is its source and nothing more."""
    return (
        rel.source is not None
        and rel.is_open
        and not rel.where
        and not rel.group
        and rel.qualify is None
        and isinstance(rel.source, t.Table | t.QueryFrom)
        and all(isinstance(c.expr, t.Ident) for c in rel.columns.values())
        and len({c.expr for c in rel.columns.values()}) == len(rel.columns)
    )


def aliased(rel: Rel, alias: str) -> Rel:
    """A plain relation under an alias."""
    assert isinstance(rel.source, t.Table | t.QueryFrom)

    def qualify(node: t.SqlExpr) -> t.SqlExpr | None:
        return t.Ident(node.name, alias) if isinstance(node, t.Ident) else None

    columns = {n: replace(c, expr=rewrite(c.expr, qualify)) for n, c in rel.columns.items()}
    order = tuple(replace(k, expr=rewrite(k.expr, qualify)) for k in rel.order)
    return replace(rel, source=replace(rel.source, alias=alias), columns=columns, order=order)


def settled(rel: Rel, used: dict[str, int]) -> Rel:
    """The relation itself where each computed column that is used may be written in place of its name; else sealed.
    `used` counts the uses of each column."""
    if not rel.is_open:
        return sealed(rel)
    for name, count in used.items():
        cell = rel.columns.get(name)
        if cell is None:
            continue
        if count > 1 and not is_small(cell.expr):
            return sealed(rel)
        if count and (is_volatile(cell.expr) or has_query(cell.expr)):
            return sealed(rel)
    return rel


# --- lets --------------------------------------------------------------------------------------------------------------
def hoisted(query: t.Select) -> t.Select:
    """Bound values (`Let`) of a SELECT moved into an inner projection, each computed once a row. What is inside a lambda, or
    depends on one, stays where it is. Conditions without bound values stay below, next to the table."""
    if isinstance(table := query.source, t.Table) and table.texts:
        # What is grouped by a column can only be made of that.
        texts = table.texts - {g.name for g in query.group if isinstance(g, t.Ident)}
        query = map_select(query, lambda e: rewrite(e, lambda node: as_text(node, texts, table.alias)))
    if not any(isinstance(node, t.Let) for e in expressions_of(query) for node in walk(e)):
        return query
    if isinstance(query.source, t.JoinFrom):
        query = _flattened(query, query.source)
    levels: list[list[t.SelectItem]] = []
    while len(levels) < _LEVELS:
        found: dict[str, t.SqlExpr] = {}
        query = _pull(query, found)
        if not found:
            break
        levels.append([t.SelectItem(value, name) for name, value in found.items()])
    bound = {i.alias for level in levels for i in level}
    parts = _conjuncts(query.where)
    below = [p for p in parts if not _mentions(p, bound)]
    above = [p for p in parts if _mentions(p, bound)]
    return _stack(query, levels, below, above)


def _conjuncts(node: t.SqlExpr | None) -> list[t.SqlExpr]:
    if node is None:
        return []
    return list(node.args) if isinstance(node, t.Op) and node.op == "AND" else [node]


def _flattened(query: t.Select, source: t.JoinFrom) -> t.Select:
    """The join as a subquery with plain columns: `*` over a join has no aliases left."""
    aliases = _aliases(source)
    used = {
        n: f"column {i}"
        for i, n in enumerate(
            dict.fromkeys(
                n for e in expressions_of(query) for n in walk(e) if isinstance(n, t.Ident) and n.table in aliases
            ),
            1,
        )
    }

    def plain(node: t.SqlExpr) -> t.SqlExpr | None:
        return t.Ident(used[node]) if isinstance(node, t.Ident) and node in used else None

    parts = _conjuncts(query.where)
    early = [p for p in parts if not any(isinstance(n, t.Let) for n in walk(p))]
    late = [p for p in parts if any(isinstance(n, t.Let) for n in walk(p))]
    items = tuple(t.SelectItem(ident, name) for ident, name in used.items()) or (
        t.SelectItem(t.Literal(1), "column 0"),
    )
    inner = t.Select(items, source, t.conjunction(early))
    query = replace(query, where=t.conjunction(late))
    return replace(map_select(query, lambda e: rewrite(e, plain)), source=t.QueryFrom(inner))


def _aliases(source: t.FromItem) -> set[str]:
    if isinstance(source, t.JoinFrom):
        return _aliases(source.left) | _aliases(source.right)
    return {getattr(source, "alias", "")} - {""}


def expressions_of(query: t.Select) -> list[t.SqlExpr]:
    """Every expression of the SELECT's own."""
    found: list[t.SqlExpr] = []

    def note(expr: t.SqlExpr) -> t.SqlExpr:
        found.append(expr)
        return expr

    map_select(query, note)
    return found


def qualified(query: t.Select) -> t.Select:
    """Columns with their table where the SELECT also gives that name to something else: ORDER BY and GROUP BY would take that."""
    given = {i.alias.casefold() for i in query.items if i.alias and i.expr != t.Ident(i.alias)}
    source = query.source
    if not given or not isinstance(source, t.Table | t.QueryFrom | t.FunctionFrom):
        return query
    used = {n.name.casefold() for e in expressions_of(query) for n in walk(e) if isinstance(n, t.Ident) and not n.table}
    if not given & used:
        return query
    alias = source.alias or "t"

    def change(node: t.SqlExpr) -> t.SqlExpr | None:
        free = isinstance(node, t.Ident) and not node.table and not node.name.endswith("__")
        return t.Ident(node.name, alias) if free and isinstance(node, t.Ident) else None

    return replace(map_select(query, lambda e: rewrite(e, change)), source=replace(source, alias=alias))


def _stack(
    query: t.Select, levels: list[list[t.SelectItem]], below: list[t.SqlExpr], above: list[t.SqlExpr]
) -> t.Select:
    star = t.SelectItem(t.Star())
    source = query.source
    where = t.conjunction(below)
    for level in levels:
        items = (star, *level) if source is not None else tuple(level)
        source = t.QueryFrom(t.Select(items, source, where))
        where = None
    return replace(query, source=source, where=t.conjunction(above))


def _mentions(node: t.SqlExpr, names: set[str]) -> bool:
    return any(isinstance(n, t.Ident) and n.name in names for n in walk(node))


def _pull(query: t.Select, found: dict[str, t.SqlExpr]) -> t.Select:
    """Take out the outermost lets whose value is free of lets and bound variables."""

    def change(node: t.SqlExpr) -> t.SqlExpr | None:
        if isinstance(node, t.Lambda):
            return node
        if isinstance(node, t.Let):
            value = rewrite(node.value, change)
            # What uses a value of this level comes on the next: an alias in the same SELECT would be written out again.
            if any(isinstance(n, t.Let) or (isinstance(n, t.Ident) and n.name in found) for n in walk(value)):
                return replace(node, value=value)
            for name, known in found.items():
                if known == value and not is_volatile(value):
                    return _renamed(node.body, node.name, name)
            found[node.name] = value
            return node.body
        return None

    return map_select(query, lambda e: rewrite(e, change))


def _renamed(node: t.SqlExpr, old: str, new: str) -> t.SqlExpr:
    return rewrite(node, lambda n: t.Ident(new) if isinstance(n, t.Ident) and n.name == old and not n.table else None)


def map_select(query: t.Select, change: Callable[[t.SqlExpr], t.SqlExpr]) -> t.Select:
    """The SELECT with every expression of its own changed."""

    def item(old: t.SelectItem) -> t.SelectItem:
        new = change(old.expr)
        return old if new is old.expr else t.SelectItem(new, old.alias)

    return replace(
        query,
        items=tuple(map(item, query.items)),
        where=None if query.where is None else change(query.where),
        group=tuple(change(g) for g in query.group),
        qualify=None if query.qualify is None else change(query.qualify),
        order=tuple(replace(k, expr=change(k.expr)) for k in query.order),
    )
