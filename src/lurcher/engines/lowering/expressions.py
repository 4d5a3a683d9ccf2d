"""Scalar expressions in SQL.

An expression is lowered as a value or as a condition. KQL's nulls are not SQL's: `5 == null` is false and `5 != null` true,
while `null < 5` is null. Where only truth counts (a filter, under `and` and `or` of one) null is as good as false, so a
condition may be the plain `=` that an index, or a Parquet file's statistics, can use; a value has to be exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lurcher.engines.lowering.alternatives import conjuncts, merged
from lurcher.engines.lowering.any_column import any_column
from lurcher.engines.lowering.context import Context, refuse
from lurcher.engines.lowering.rel import INGESTED, Cell
from lurcher.engines.lowering.types import SQL_TYPES, literal
from lurcher.errors import LurcherError
from lurcher.functions.conversion import FROM_DYNAMIC
from lurcher.functions.registry import FunctionKind, Lower, Nulls, Overload
from lurcher.functions.resolve import Match, known, layouts, resolve
from lurcher.functions.terms import guarded
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.windows import operands
from lurcher.sql import tree as t
from lurcher.sql.template import Argument, parse_template
from lurcher.sql.walk import is_constant

#: What converts to a type: the names of the scalar functions.
_CONVERSIONS: dict[ScalarType, str] = {
    ScalarType.STRING: "tostring",
    ScalarType.LONG: "tolong",
    ScalarType.INT: "toint",
    ScalarType.REAL: "toreal",
    ScalarType.DECIMAL: "todecimal",
    ScalarType.BOOL: "tobool",
    ScalarType.DATETIME: "todatetime",
    ScalarType.TIMESPAN: "totimespan",
    ScalarType.GUID: "toguid",
    ScalarType.DYNAMIC: "__box",
}
_WIDER = {
    (ScalarType.INT, ScalarType.LONG),
    (ScalarType.INT, ScalarType.REAL),
    (ScalarType.LONG, ScalarType.REAL),
    (ScalarType.INT, ScalarType.DECIMAL),
    (ScalarType.LONG, ScalarType.DECIMAL),
}
#: Operators that look for a term: a substring test, then a regular expression.
_TERMS = frozenset({":", "has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs"})
_BARE_TYPES = frozenset({"INTEGER", "BIGINT"})


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL, and whether it may be null."""

    expr: t.SqlExpr
    nullable: bool


class Expressions:
    """Lowers expressions over a row: `cells` are its columns, `outer` those of the row that an `Apply` works on."""

    def __init__(
        self,
        context: Context,
        cells: Mapping[str, Cell],
        outer: Mapping[str, Cell] | None = None,
        over: t.Over | None = None,
    ) -> None:
        self.context = context
        self.cells = cells
        self.outer = outer or {}
        self.over = over

    # --- entry ---
    def value(self, node: n.Expr) -> Sql:
        """The exact value, nulls included."""
        match node:
            case n.Lit():
                return Sql(literal(node.type, node.value), node.value is None and node.type is not ScalarType.STRING)
            case n.Col():
                cell = self.cell(node)
                return Sql(cell.expr, cell.nullable)
            case n.Outer():
                cell = self.outer[node.name]
                return Sql(cell.expr, cell.nullable)
            case n.Call():
                return self._call(node)
            case n.Convert():
                return self._convert(node)
            case n.InList() | n.InQuery():
                from lurcher.engines.lowering import lists

                return lists.membership(self, node)
            case n.AnyColumn():
                return Sql(any_column(node, self.cells, self.condition), False)
            case n.ScalarQuery():
                return self._scalar_query(node)
            case n.Agg():
                return self._aggregate(node)
            case n.Win():
                return self._window(node)
        raise refuse(type(node).__name__, node.span)

    def cell(self, node: n.Col) -> Cell:
        """The column; null where it is one of an open table that nobody has listed and no row has (the binder warns of it)."""
        found = self.cells.get(node.name)
        if found is None and node.type is ScalarType.UNKNOWN:
            return Cell(literal(ScalarType.UNKNOWN, None), ScalarType.UNKNOWN, True)
        return found if found is not None else self.cells[node.name]

    def condition(self, node: n.Expr) -> t.SqlExpr:
        """True where the expression is true; false or null where it is false or null."""
        if isinstance(node, n.Call) and node.function.kind is FunctionKind.OPERATOR:
            name = node.function.name
            if name in ("and", "or"):
                return merged(name.upper(), tuple(self.condition(part) for part in operands(node, name)))
            if name == "==":
                left, right = self._pair(node)
                return t.Op("=", (left.expr, right.expr))
            if name == "!=":
                left, right = self._pair(node)
                if not left.nullable and not right.nullable:
                    return t.Op("<>", (left.expr, right.expr))
                return t.Op("IS DISTINCT FROM", (left.expr, right.expr))
            if name in _TERMS:
                return self._row(node)[0]
        if isinstance(node, n.InList | n.InQuery):
            from lurcher.engines.lowering import lists

            return lists.condition(self, node)
        return self.value(node).expr

    def conditions(self, node: n.Expr) -> list[t.SqlExpr]:
        """The parts of a conjunction."""
        if isinstance(node, n.Call) and node.function.kind is FunctionKind.OPERATOR and node.function.name == "and":
            return conjuncts([self.condition(part) for part in operands(node, node.function.name)])
        return [self.condition(node)]

    # --- calls ---
    def _call(self, node: n.Call) -> Sql:
        row = node.function
        if row.kind is FunctionKind.OPERATOR:
            if row.name in ("and", "or"):
                parts = [self.value(part) for part in operands(node, node.function.name)]
                found = merged(row.name.upper(), tuple(p.expr for p in parts))
                return Sql(found, any(p.nullable for p in parts))
            if row.name in ("==", "!="):
                return self._equality(node)
        if row.name == "ingestion_time" and not node.args:
            return self._ingestion_time(node)
        expr, nullable = self._row(node)
        return self._text(Sql(guarded(expr) if row.name in _TERMS else expr, nullable), node.type)

    def _row(self, node: n.Call) -> tuple[t.SqlExpr, bool]:
        """What the row makes of the operands, and whether that may be null."""
        row = node.function
        operands = [self.value(a) for a in node.args]
        exprs = [o.expr for o in operands]
        if row.kind is FunctionKind.OPERATOR:
            exprs = bare_numbers(exprs)
        nullable = {Nulls.NEVER: False, Nulls.MAYBE: True}.get(row.nulls, any(o.nullable for o in operands))
        return self.fill(row, exprs, node), nullable

    def _ingestion_time(self, node: n.Call) -> Sql:
        """When the row was added; the service knows it of rows of a table, not of what was made of them."""
        found = self.cells.get(INGESTED)
        if found is None:
            raise refuse(
                "ingestion_time() behind an operator that makes new rows", node.span, "take it before: extend t = ..."
            )
        return Sql(found.expr, True)

    def _text(self, sql: Sql, type: ScalarType) -> Sql:
        """A text is never null."""
        if type is ScalarType.STRING and sql.nullable:
            return Sql(t.call("coalesce", sql.expr, t.EMPTY), False)
        return sql

    def _pair(self, node: n.Call) -> tuple[Sql, Sql]:
        left, right = (self.value(a) for a in node.args)
        exprs = bare_numbers([left.expr, right.expr])
        return replace(left, expr=exprs[0]), replace(right, expr=exprs[1])

    def _equality(self, node: n.Call) -> Sql:
        """Null with null is null; null with anything else is unequal."""
        left, right = self._pair(node)
        equal = node.function.name == "=="
        if not left.nullable and not right.nullable:
            return Sql(t.Op("=" if equal else "<>", (left.expr, right.expr)), False)
        distinct = t.Op("IS NOT DISTINCT FROM" if equal else "IS DISTINCT FROM", (left.expr, right.expr))
        if not left.nullable or not right.nullable:
            return Sql(distinct, False)
        both = t.Op("AND", (t.Op("IS NOT NULL", (left.expr,)), t.Op("IS NOT NULL", (right.expr,))))
        either = t.Op("OR", both.args)
        return Sql(t.Case(((either, distinct),)), True)

    def fill(
        self,
        row: Overload,
        operands: list[t.SqlExpr],
        node: n.Expr,
        *,
        order: tuple[t.OrderKey, ...] = (),
        over: t.Over | None = None,
    ) -> t.SqlExpr:
        """The SQL of a row over operands. What a row refuses of a constant argument is refused at the call's place."""
        try:
            return self._filled(row, operands, node, order=order, over=over)
        except LurcherError as error:
            if error.kind != "unsupported":
                raise
            raise refuse(error.message, node.span, error.hint) from None

    def _filled(
        self,
        row: Overload,
        operands: list[t.SqlExpr],
        node: n.Expr,
        *,
        order: tuple[t.OrderKey, ...],
        over: t.Over | None,
    ) -> t.SqlExpr:
        dialect = self.context.dialect.name
        if dialect == "spark":
            return self._on_spark(row, operands, node, order=order, over=over)
        if (short := at_once(row.name, operands, self.context.fresh)) is not None:
            return short
        template = row.overrides.get("wrapping") if self.context.wrapping else None
        template = template or row.overrides.get(dialect) or row.sql
        if template is None:
            raise refuse(f"{row.name}()", node.span)
        if row.udf:
            self.context.udfs.add(row.udf)
        return self._made(row, template, operands, node, order=order, over=over)

    def _on_spark(
        self,
        row: Overload,
        operands: list[t.SqlExpr],
        node: n.Expr,
        *,
        order: tuple[t.OrderKey, ...],
        over: t.Over | None,
    ) -> t.SqlExpr:
        """Only what has a form there that was looked at; what the whole statement would be refused for has its place here."""
        template = row.overrides.get("spark")
        if template is None:
            plain = row.name.removeprefix("__")
            name = f"the operator {plain}" if row.kind is FunctionKind.OPERATOR else f"{plain}()"
            raise refuse(f"{name} on Spark", node.span, "run it here: leave out --engine")
        made = self._made(row, template, operands, node, order=order, over=over)
        if self.context.check is not None:
            self.context.check(made)
        return made

    def _made(
        self,
        row: Overload,
        template: Lower,
        operands: list[t.SqlExpr],
        node: n.Expr,
        *,
        order: tuple[t.OrderKey, ...],
        over: t.Over | None,
    ) -> t.SqlExpr:
        if not isinstance(template, str):
            if row.kind is FunctionKind.AGGREGATE:
                return template(*operands, order=order)
            if row.kind is FunctionKind.WINDOW:
                return template(*operands, over=over or t.Over())
            return template(*operands)
        args: dict[str, Argument] = {p.name: () for p in row.params if p.repeated}
        found = layouts(row, len(operands))
        if not found:
            raise refuse(f"{row.name}() with {len(operands)} arguments", node.span)
        for param, operand in zip(found[0], operands, strict=True):
            if param.repeated:
                args[param.name] = (*args[param.name], operand)  # type: ignore[misc]
            else:
                args[param.name] = operand
        return parse_template(template).fill(args, self.context.fresh, order=order, over=over)

    # --- conversions ---
    def _convert(self, node: n.Convert) -> Sql:
        operand = self.value(node.operand)
        source, target = node.operand.type, node.type
        if source is target:
            return operand
        if isinstance(node.operand, n.Lit) and node.operand.value is None:
            return Sql(literal(target, None), target is not ScalarType.STRING)
        if (source, target) in _WIDER:
            if isinstance(node.operand, n.Lit):
                return Sql(literal(target, node.operand.value), False)
            return Sql(t.Cast(operand.expr, SQL_TYPES[target]), operand.nullable)
        return self.converted(operand, source, target, node)

    def converted(self, operand: Sql, source: ScalarType, target: ScalarType, node: n.Expr) -> Sql:
        """The operand as the conversion function of the target makes it."""
        if source is ScalarType.UNKNOWN:
            source = ScalarType.DYNAMIC
        if source is target:
            return operand
        name = _CONVERSIONS[target]
        match = resolve(FunctionKind.SCALAR, name, (source,)) if known(FunctionKind.SCALAR, name) else None
        if not isinstance(match, Match):
            raise refuse(f"a conversion from {source} to {target}", node.span)
        row = match.overload
        nullable = {Nulls.NEVER: False, Nulls.MAYBE: True}.get(row.nulls, operand.nullable)
        return self._text(Sql(self.fill(row, [operand.expr], node), nullable), target)

    # --- subqueries ---
    def _scalar_query(self, node: n.ScalarQuery) -> Sql:
        from lurcher.engines.lowering.rel import select

        rel = self.context.relation(node.plan)
        first = next(iter(rel.columns))
        rel = replace(rel, columns={first: rel.columns[first]})
        if rel.limit is None:
            rel = replace(rel, limit=t.Literal(1))
        query, _ = select(rel)
        return self._text(Sql(t.Subquery(query), True), node.type)

    # --- what sees many rows ---
    def _aggregate(self, node: n.Agg) -> Sql:
        row = node.function
        operands = [self.value(a) for a in node.args]
        order = self.order(node.order)
        nullable = row.nulls is not Nulls.NEVER
        sql = Sql(self.fill(row, [o.expr for o in operands], node, order=order), nullable)
        return self._text(sql, node.type)

    def _window(self, node: n.Win) -> Sql:
        if self.over is None:
            raise refuse(f"{node.function.name}() here", node.span)
        operands = [self.value(a).expr for a in node.args]
        nullable = node.function.nulls is not Nulls.NEVER
        return self._text(Sql(self.fill(node.function, operands, node, over=self.over), nullable), node.type)

    def order(self, keys: tuple[n.SortKey, ...]) -> tuple[t.OrderKey, ...]:
        found: list[t.OrderKey] = []
        for key in keys:
            expr = self.value(key.expr).expr
            if is_constant(expr):
                # It orders nothing; the engine would take an integer for a column's position, and refuse the rest.
                continue
            if key.expr.type is ScalarType.REAL and key.descending is not key.nulls_first:
                # NaN stands next to the nulls, whichever end they are at; to the engine it is greater than all.
                found.append(t.OrderKey(t.call("isnan", expr), key.nulls_first, key.nulls_first))
            found.append(t.OrderKey(expr, key.descending, key.nulls_first))
        return tuple(found)


def bare_numbers(exprs: list[t.SqlExpr]) -> list[t.SqlExpr]:
    """Integer constants without their type where another operand has one: the engine fits them to it."""
    literals = [isinstance(e, t.Literal) and e.type in _BARE_TYPES and e.value is not None for e in exprs]
    if all(literals) or not any(literals):
        return exprs
    if any(isinstance(e, t.Literal) and not b for e, b in zip(exprs, literals, strict=True)):
        return exprs
    return [t.Literal(e.value) if isinstance(e, t.Literal) else e for e in exprs]


def path_of(operand: t.SqlExpr) -> tuple[t.SqlExpr, str] | None:
    """The value and the path, where an operand is no more than a path into a dynamic."""
    match operand:
        case t.Call("nullif", (t.Call("json_extract", (value, t.Literal(str(path)))), t.Literal("null"))):
            return value, path
    return None


def at_once(name: str, operands: list[t.SqlExpr], fresh: Callable[[], int]) -> t.SqlExpr | None:
    """tostring(), tolong() and toint() of a path into a dynamic, whose text is read at once: it need not be cut out as JSON
    first."""
    if name not in ("tostring", *_SHORT) or len(operands) != 1 or (found := path_of(operands[0])) is None:
        return None
    text = t.call("json_extract_string", found[0], t.Literal(found[1]))
    if name == "tostring":
        return t.call("coalesce", text, t.EMPTY)
    bound, other = f"v{fresh()}__", f"v{fresh()}__"
    slow = t.Lambda((other,), parse_template(FROM_DYNAMIC[name]).fill({"value": t.Ident(other)}, fresh))
    args = {"text": t.Ident(bound), "value": operands[0], "slow": slow}
    return t.Let(bound, text, parse_template(_SHORT[name]).fill(args, fresh))


# A text that is a whole number written as such means that number, whatever sort of value it is the text of. For all else the value
# is looked at, as a list of one so that it is not cut out of rows that do not need it.
_SHORT = {
    name: f"CASE WHEN CAST(TRY_CAST({{text}} AS {sql}) AS VARCHAR) = {{text}} THEN TRY_CAST({{text}} AS {sql})"
    " ELSE list_transform([{value}], {slow})[1] END"
    for name, sql in (("tolong", "BIGINT"), ("toint", "INTEGER"))
}
