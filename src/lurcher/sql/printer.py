"""The only place that quotes, escapes and parenthesises.

Expressions come out on one line; a query has a line for each clause, and its inner queries are indented. Names are always
quoted. A value never becomes text but through `literal`.
"""

from __future__ import annotations

import math
from decimal import Decimal

from lurcher.sql import tree as t
from lurcher.sql.dialect import DUCKDB, Dialect

# How tightly things bind, loosely after PostgreSQL's table. What a reader would have to think about is wrapped all the same.
_OR, _AND, _NOT, _IS, _COMPARE, _IN, _OTHER, _ADD, _MULTIPLY, _UNARY, _ATOM = range(1, 12)
_INFIX: dict[str, int] = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"), _COMPARE),
    "||": _OTHER,
    **dict.fromkeys(("+", "-"), _ADD),
    **dict.fromkeys(("*", "/", "//", "%"), _MULTIPLY),
}
_ASSOCIATIVE = frozenset({"OR", "AND", "||"})
_POSTFIX = frozenset({"IS NULL", "IS NOT NULL"})
#: Beyond this a select list or a condition is broken over several lines.
_WIDTH = 100


class Printer:
    def __init__(self, dialect: Dialect = DUCKDB) -> None:
        self.dialect = dialect
        self._depth = 0

    # --- names and values --------------------------------------------------------------------------------------------
    def name(self, name: str) -> str:
        """A quoted identifier. A NUL would end the statement's text for the engine."""
        if "\0" in name:
            raise ValueError("a name with a NUL character reached the SQL printer")
        q = self.dialect.identifier_quote
        return f"{q}{name.replace(q, q + q)}{q}"

    def string(self, value: str) -> str:
        """A string literal, or an expression where a literal cannot hold the value."""
        if "\0" in value:
            pieces = [self.string(piece) for piece in value.split("\0")]
            return f"({f' || {self.dialect.nul} || '.join(pieces)})"
        if self.dialect.backslash_escapes:
            value = value.replace("\\", "\\\\")
            return "'" + value.replace("'", "\\'") + "'"
        return "'" + value.replace("'", "''") + "'"

    def type(self, name: str) -> str:
        return self.dialect.types.get(name, name)

    def literal(self, node: t.Literal) -> str:
        value = node.value
        if value is None:
            return self._cast("NULL", node.type) if node.type else "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, float):
            return self._float(value)
        if isinstance(value, str):
            text = self.string(value)
            if node.type == "TIMESTAMP":
                return f"{self.type('TIMESTAMP')} {text}"
            return self._cast(text, node.type) if node.type else text
        text = format(value, "f") if isinstance(value, Decimal) else str(value)
        if not node.type:
            return text
        # A sign binds more loosely than a cast: the least integer must be cast as a whole.
        return f"CAST({text} AS {self.type(node.type)})" if value < 0 else self._cast(text, node.type)

    def _float(self, value: float) -> str:
        if math.isnan(value):
            return self.dialect.nan
        if math.isinf(value):
            return self.dialect.infinity if value > 0 else f"(-{self.dialect.infinity})"
        text = repr(value)
        # Without an exponent SQL reads a decimal.
        return text if "e" in text else text + "e0"

    def _cast(self, text: str, type_name: str) -> str:
        name = self.type(type_name)
        return f"{text}::{name}" if self.dialect.cast_operator else f"CAST({text} AS {name})"

    # --- expressions -------------------------------------------------------------------------------------------------
    def expr(self, node: t.SqlExpr) -> str:
        return self._write(node)[0]

    def _operand(self, node: t.SqlExpr, least: int) -> str:
        text, binds = self._write(node)
        return text if binds >= least else f"({text})"

    def _list(self, nodes: tuple[t.SqlExpr, ...]) -> str:
        return ", ".join(self._write(n)[0] for n in nodes)

    def _write(self, node: t.SqlExpr) -> tuple[str, int]:
        match node:
            case t.Ident(name, table):
                return (f"{self.name(table)}." if table else "") + self.name(name), _ATOM
            case t.Literal(value, type_name):
                signed = isinstance(value, int | float | Decimal) and not isinstance(value, bool) and not type_name
                negative = signed and str(value).startswith("-")
                return self.literal(node), _UNARY if negative and not _special(value) else _ATOM
            case t.Op():
                return self._op(node)
            case t.Call():
                return self._call(node), _ATOM
            case t.Star():
                return "*", _ATOM
            case t.Cast(inner, type_name, safe):
                if safe:
                    return f"TRY_CAST({self.expr(inner)} AS {self.type(type_name)})", _ATOM
                if self.dialect.cast_operator:
                    return f"{self._operand(inner, _ATOM)}::{self.type(type_name)}", _ATOM
                return f"CAST({self.expr(inner)} AS {self.type(type_name)})", _ATOM
            case t.Case(whens, otherwise):
                parts = [f"WHEN {self.expr(c)} THEN {self.expr(v)}" for c, v in whens]
                tail = f" ELSE {self.expr(otherwise)}" if otherwise is not None else ""
                return f"CASE {' '.join(parts)}{tail} END", _ATOM
            case t.Fragment(parts, atomic):
                return "".join(self._part(p) for p in parts), _ATOM if atomic else 0
            case t.Lambda(params, body):
                names = ", ".join(params)
                if self.dialect.lambda_keyword:
                    return f"lambda {names}: {self.expr(body)}", 0
                return f"{f'({names})' if len(params) > 1 else names} -> {self.expr(body)}", 0
            case t.Let(name, value, body):
                transform = "list_transform" if self.dialect.list_brackets else "transform"
                bound = t.call(transform, t.ListOf((value,)), t.Lambda((name,), body))
                return f"{self.expr(bound)}[{self.dialect.first_index}]", _ATOM
            case _:
                return self._rarer(node)

    def _rarer(self, node: t.SqlExpr) -> tuple[str, int]:
        match node:
            case t.InValues(inner, values, negated):
                word = "NOT IN" if negated else "IN"
                return f"{self._operand(inner, _OTHER)} {word} ({self._list(values)})", _IN
            case t.InSelect(inner, query, negated):
                word = "NOT IN" if negated else "IN"
                return f"{self._operand(inner, _OTHER)} {word} {self._nested(query)}", _IN
            case t.Subquery(query):
                return self._nested(query), _ATOM
            case t.Exists(query, negated):
                return f"{'NOT ' if negated else ''}EXISTS {self._nested(query)}", _NOT if negated else _ATOM
            case t.ListOf(items):
                inside = self._list(items)
                return (f"[{inside}]" if self.dialect.list_brackets else f"array({inside})"), _ATOM
            case t.Struct(fields):
                if self.dialect.list_brackets:
                    return f"{{{', '.join(f'{self.string(n)}: {self.expr(v)}' for n, v in fields)}}}", _ATOM
                inside = ", ".join(f"{self.string(n)}, {self.expr(v)}" for n, v in fields)
                return f"named_struct({inside})", _ATOM
            case t.Field(inner, name):
                # An unquoted `a.b` could be a table's column: a column is wrapped.
                text = self._operand(inner, _ATOM)
                return (f"({text})" if isinstance(inner, t.Ident) else text) + f".{self.name(name)}", _ATOM
        raise TypeError(f"no rule for printing {type(node).__name__}")

    def _op(self, node: t.Op) -> tuple[str, int]:
        op, args = node.op, node.args
        if op == "NOT":
            return f"NOT {self._operand(args[0], _ATOM)}", _NOT
        if op in _POSTFIX:
            return f"{self._operand(args[0], _ADD)} {op}", _IS
        if len(args) == 1:
            text = self._operand(args[0], _ATOM)
            return f"{op}{text}", _UNARY
        binds = _INFIX[op]
        if op in _ASSOCIATIVE:
            # AND inside OR needs no parentheses, but its reader does.
            least = _IS if op == "OR" else binds + 1
            return f" {op} ".join(self._operand(a, least) for a in args), binds
        left, right = args
        least = binds if binds >= _ADD else _OTHER
        return f"{self._operand(left, least)} {op} {self._operand(right, max(binds + 1, least))}", binds

    def _call(self, node: t.Call) -> str:
        inside = ("DISTINCT " if node.distinct else "") + self._list(node.args)
        if node.order:
            inside += f" {self.order(node.order)}"
        text = f"{node.name}({inside})"
        if node.filter is not None:
            text += f" FILTER (WHERE {self.expr(node.filter)})"
        if node.over is not None:
            text += f" {self.over(node.over)}"
        return text

    def _part(self, part: str | t.Slot | t.OrderSlot | t.OverSlot) -> str:
        match part:
            case str():
                return part
            case t.Slot(expr, bare):
                return self.expr(expr) if bare else self._operand(expr, _ATOM)
            case t.OrderSlot(keys):
                return self.order(keys) if keys else ""
            case t.OverSlot(over, frame):
                return self.over(over, frame)

    def order(self, keys: tuple[t.OrderKey, ...]) -> str:
        return "ORDER BY " + ", ".join(
            f"{self.expr(k.expr)} {'DESC' if k.descending else 'ASC'} NULLS {'FIRST' if k.nulls_first else 'LAST'}"
            for k in keys
        )

    def over(self, over: t.Over, frame: str = "") -> str:
        parts = []
        if over.partition:
            parts.append(f"PARTITION BY {self._list(over.partition)}")
        if over.order:
            parts.append(self.order(over.order))
        if frame or over.frame:
            parts.append(frame or over.frame)
        return f"OVER ({' '.join(parts)})"

    # --- queries -----------------------------------------------------------------------------------------------------
    @property
    def _newline(self) -> str:
        return "\n" + "  " * self._depth

    def query(self, node: t.SqlQuery) -> str:
        match node:
            case t.Select():
                return self._select(node)
            case t.ValuesQuery(rows):
                newline = self._newline + "  "
                return f"VALUES{newline}" + f",{newline}".join(f"({self._list(row)})" for row in rows)
            case t.SetOp(op, inputs):
                return f"{self._newline}{op}{self._newline}".join(self._member(q) for q in inputs)
            case t.With(ctes, body, recursive):
                word = "WITH RECURSIVE " if recursive else "WITH "
                return word + f",{self._newline}".join(self._cte(c) for c in ctes) + self._newline + self.query(body)
        raise TypeError(f"no rule for printing {type(node).__name__}")

    def _member(self, node: t.SqlQuery) -> str:
        """A query between set operators: what has an ORDER BY, LIMIT or set operator of its own is wrapped."""
        plain = isinstance(node, t.Select) and not node.order and node.limit is None
        return self.query(node) if plain or isinstance(node, t.ValuesQuery) else self._nested(node)

    def _cte(self, cte: t.Cte) -> str:
        word = ""
        if cte.materialized is not None and self.dialect.materialized_keyword:
            word = "MATERIALIZED " if cte.materialized else "NOT MATERIALIZED "
        return f"{self.name(cte.name)} AS {word}{self._nested(cte.query)}"

    def _nested(self, node: t.SqlQuery) -> str:
        self._depth += 1
        text = f"({self._newline}{self.query(node)}"
        self._depth -= 1
        return f"{text}{self._newline})"

    def _select(self, node: t.Select) -> str:
        self._depth += 1
        items = [self._item(i) for i in node.items]
        wide = f",{self._newline}".join(items)
        broken = self._newline
        self._depth -= 1
        distinct = " DISTINCT" if node.distinct else ""
        one_line = sum(map(len, items)) <= _WIDTH and not any("\n" in i for i in items)
        lines = [f"SELECT{distinct} {', '.join(items)}" if one_line else f"SELECT{distinct}{broken}{wide}"]
        if node.source is not None:
            lines.append(f"FROM {self._from(node.source)}")
        if node.where is not None:
            lines.append(f"WHERE {self._condition(node.where)}")
        if node.group:
            lines.append(f"GROUP BY {self._list(node.group)}")
        if node.having is not None:
            lines.append(f"HAVING {self._condition(node.having)}")
        if node.qualify is not None:
            lines.append(f"QUALIFY {self._condition(node.qualify)}")
        if node.order:
            lines.append(self.order(node.order))
        if node.limit is not None:
            lines.append(f"LIMIT {self.expr(node.limit)}")
        return self._newline.join(lines)

    def _condition(self, node: t.SqlExpr) -> str:
        if isinstance(node, t.Op) and node.op == "AND":
            parts = [self._operand(a, _AND + 1) for a in node.args]
            if sum(map(len, parts)) > _WIDTH:
                return f"{self._newline}  AND ".join(parts)
        return self.expr(node)

    def _item(self, item: t.SelectItem) -> str:
        text = self.expr(item.expr)
        if not item.alias or (isinstance(item.expr, t.Ident) and item.expr.name == item.alias):
            return text
        return f"{text} AS {self.name(item.alias)}"

    def _from(self, node: t.FromItem) -> str:
        match node:
            case t.Table(name, alias):
                return self.name(name) + (f" AS {self.name(alias)}" if alias else "")
            case t.QueryFrom(query, alias, columns, lateral):
                return ("LATERAL " if lateral else "") + self._nested(query) + self._alias(alias, columns)
            case t.FunctionFrom(function, alias, columns, lateral):
                return ("LATERAL " if lateral else "") + self.expr(function) + self._alias(alias, columns)
            case t.JoinFrom(kind, left, right, on):
                right_text = f"({self._from(right)})" if isinstance(right, t.JoinFrom) else self._from(right)
                text = f"{self._from(left)}{self._newline}{self.dialect.joins.get(kind, kind)} JOIN {right_text}"
                return text if on is None else f"{text} ON {self.expr(on)}"
        raise TypeError(f"no rule for printing {type(node).__name__}")

    def _alias(self, alias: str, columns: tuple[str, ...]) -> str:
        if not alias:
            return ""
        return f" AS {self.name(alias)}" + (f"({', '.join(self.name(c) for c in columns)})" if columns else "")


def _special(value: t.Value) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def to_sql(query: t.SqlQuery, dialect: Dialect = DUCKDB) -> str:
    """The text of a statement."""
    return Printer(dialect).query(query)


def expr_sql(expr: t.SqlExpr, dialect: Dialect = DUCKDB) -> str:
    """The text of an expression."""
    return Printer(dialect).expr(expr)
