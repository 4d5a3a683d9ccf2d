"""`scan`: a state machine over rows in order, as a fold over the list of them.

SQL knows no loop over rows but `list_reduce`, which goes through a list in order and carries a value along: here the state of
every step and the rows given so far. What does not depend on the state is computed before, for all rows at once, and rows that
no step can take are left out. Lists are folded in pieces, so that what has been given is not copied once a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lurcher.engines.lowering.context import Context, refuse
from lurcher.engines.lowering.expressions import Expressions
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, hoisted, sealed, select
from lurcher.engines.lowering.relations import cell, over
from lurcher.engines.lowering.types import SQL_TYPES, literal
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.machine import Machine, state_name
from lurcher.plan.windows import operands
from lurcher.sql import tree as t

#: Rows of one partition times steps: a fold takes about 0.1 ms for each.
LIMIT = 300_000
_PIECE = 256
_STATE, _ROW, _FLAGS = t.Ident("state__"), t.Ident("row__"), t.Ident("flags__")


@dataclass
class _Values:
    """What is computed for all rows at once, under names of its own."""

    items: dict[str, n.Expr] = field(default_factory=dict)

    def add(self, expr: n.Expr) -> n.Expr:
        if isinstance(expr, n.Lit | n.Col):
            return expr
        for name, known in self.items.items():
            if known == expr:
                return n.Col(type=expr.type, name=name, span=expr.span)
        name = f"$value{len(self.items)}"
        self.items[name] = expr
        return n.Col(type=expr.type, name=name, span=expr.span)

    def without(self, expr: n.Expr) -> n.Expr:
        """The expression with what does not depend on the state taken out of it."""
        if not reads_state(expr):
            return self.add(expr)
        match expr:
            case n.Call():
                return replace(expr, args=tuple(self.without(a) for a in expr.args))
            case n.Convert():
                return replace(expr, operand=self.without(expr.operand))
            case n.InList():
                values = tuple(self.without(v) for v in expr.values)
                return replace(expr, operand=self.without(expr.operand), values=values)
            case n.Col():
                return expr
        raise refuse("a query of its own over the state of a scan", expr.span, "join the tables before")


def reads_state(expr: n.Expr) -> bool:
    return any(name.startswith("$state") for name in _columns(expr))


def _columns(expr: n.Expr) -> Iterator[str]:
    match expr:
        case n.Col(name=name):
            yield name
        case n.Call(args=args):
            for arg in args:
                yield from _columns(arg)
        case n.Convert(operand=operand) | n.InQuery(operand=operand):
            yield from _columns(operand)
        case n.InList(operand=operand, values=values):
            for part in (operand, *values):
                yield from _columns(part)


@handles(Machine)
def machine(context: Context, plan: Machine) -> Rel:
    values = _Values()
    partition = [values.add(p) for p in plan.partition]
    early: list[list[n.Expr]] = []
    steps: list[_Step] = []
    for _, condition, assigned, output in plan.steps:
        parts = [p for p in operands(condition, "and") if not (isinstance(p, n.Lit) and p.value is True)]
        early.append([values.add(p) for p in parts if not reads_state(p)])
        conditions = tuple(values.without(p) for p in parts)
        steps.append(_Step(conditions, tuple((a, values.without(e)) for a, e in assigned), output))
    rel, row = _rows(context, plan, values, early)
    keys = tuple(rel.columns[p.name].expr if isinstance(p, n.Col) else t.NULL for p in partition)
    return _Fold(context, plan, steps, rel, row).over(keys)


def _rows(context: Context, plan: Machine, values: _Values, early: list[list[n.Expr]]) -> tuple[Rel, t.SqlExpr]:
    """The input's rows that some step may take, with their values and their number in the order."""
    items = (*((c.name, n.Col(type=c.type, name=c.name)) for c in plan.input.columns), *values.items.items())
    columns = tuple(Column(name, e.type) for name, e in items)
    wide = n.Project(input=plan.input, items=items, columns=columns) if values.items else plan.input
    rel = context.relation(wide)
    if not rel.order and plan.order:
        rel = sealed(rel)
        rel = replace(rel, order=Expressions(context, rel.columns, context.outer).order(plan.order))
    if not rel.is_open:
        rel = sealed(rel)
    if all(early):
        rel, lowering = over(context, rel, [p for parts in early for p in parts])
        some = [t.conjunction([lowering.condition(p) for p in parts]) for parts in early]
        found = tuple(s for s in some if s is not None)
        rel = replace(rel, where=(*rel.where, found[0] if len(found) == 1 else t.Op("OR", found)))
    row = f"row {context.fresh()}"
    hidden = (t.SelectItem(t.Call("row_number", over=t.Over(order=rel.order)), row),)
    query, names = select(replace(rel, order=()), hidden=hidden)
    cells = {name: replace(c, expr=t.Ident(names[name])) for name, c in rel.columns.items()}
    return Rel(t.QueryFrom(query), cells), t.Ident(row)


@dataclass(frozen=True, slots=True)
class _Step:
    conditions: tuple[n.Expr, ...]
    values: tuple[n.Item, ...]
    output: str

    @property
    def exprs(self) -> list[n.Expr]:
        return [*self.conditions, *(e for _, e in self.values)]


def _too_long(limit: int) -> str:
    return (
        f"LurcherError: scan, or row_window_session(), over more than {limit:,} rows in one go"
        "\n  hint: filter before, or partition hint.strategy=native by a column (...)"
    )


class _Fold:
    """The fold of one `scan`.

    Its state: `aK` whether step K has a state, `iK` the match id of it, `sK_R` in it the value R that some expression reads, `pK`
    what the step has yet to give (output=last), `x` the next match id, `o` what has been given: a record for each row, with its
    place `n` in the list, and for each step that gives rows whether it gives this one `tK`, the match id `mK`, the declared
    values `dK_I`.
    """

    def __init__(self, context: Context, plan: Machine, steps: list[_Step], rel: Rel, row: t.SqlExpr) -> None:
        self.context, self.steps, self.rel, self.row = context, steps, rel, row
        self.plan = plan
        self.flagged = False
        #: The steps that give rows.
        self.gives = [k for k, s in enumerate(steps, 1) if s.output != "none"]
        self.declared = dict(plan.declared)
        self.wanted = {c.name: i for i, c in enumerate(plan.input.columns)}
        read = dict.fromkeys(name for s in steps for e in s.exprs for name in _columns(e))
        #: (step, column) of each value of a state that is read.
        self.refs = [
            (k, name)
            for k in range(1, len(steps) + 1)
            for name in (*self.wanted, *self.declared)
            if state_name(k, name) in read
        ]
        #: What a row brings into the fold.
        own = [name for _, name in self.refs if name in self.wanted]
        self.brought = list(dict.fromkeys([*(r for r in read if r in rel.columns), *own]))
        self.types = {name: c.type for name, c in rel.columns.items()} | {a: e.type for a, e in plan.declared}

    # --- the statement ---
    def over(self, keys: tuple[t.SqlExpr, ...]) -> Rel:
        number = self.context.fresh()
        index, piece = t.Ident(f"index {number}"), t.Ident(f"group {number}")
        whole, part, out = (t.Ident(f"values {number}.{i}") for i in (1, 2, 3))
        place = t.Call("row_number", over=t.Over(keys, (t.OrderKey(self.row),)))
        source = t.QueryFrom(t.Select((t.SelectItem(t.Star()), t.SelectItem(place, index.name)), self.rel.source))

        cells = self.rel.columns
        row = t.Struct((*((f"f{i}", cells[name].expr) for name, i in self.wanted.items()), ("row", self.row)))
        brought = t.Struct((*((f"b{i}", cells[name].expr) for i, name in enumerate(self.brought)), ("n", index)))
        order = (t.OrderKey(index),)
        pieces = t.Op("//", (index, t.Literal(_PIECE)))
        source = t.QueryFrom(
            t.Select(
                (
                    *(t.SelectItem(k, f"column {number}.{i}") for i, k in enumerate(keys)),
                    t.SelectItem(pieces, piece.name),
                    t.SelectItem(t.Call("list", (row,), order=order), whole.name),
                    t.SelectItem(t.Call("list", (brought,), order=order), part.name),
                ),
                source,
                group=(*keys, pieces),
            )
        )
        by_piece = (t.OrderKey(piece),)
        source = t.QueryFrom(
            t.Select(
                (
                    t.SelectItem(t.call("flatten", t.Call("list", (whole,), order=by_piece)), whole.name),
                    t.SelectItem(t.Call("list", (part,), order=by_piece), part.name),
                ),
                source,
                group=tuple(t.Ident(f"column {number}.{i}") for i in range(len(keys))),
            )
        )
        limit = LIMIT // len(self.steps)
        too_long = t.Op(">", (t.call("len", whole), t.Literal(limit)))
        folded = t.Case(((too_long, t.call("error", t.Literal(_too_long(limit)))),), self._folded(part))
        source = t.QueryFrom(t.Select((t.SelectItem(whole, whole.name), t.SelectItem(folded, out.name)), source))
        given, taken = t.Ident(f"row {number}.1"), t.Ident(f"row {number}.2")
        places = t.call("list_transform", out, t.Lambda(("e__",), t.Field(t.Ident("e__"), "n")))
        source = t.QueryFrom(
            hoisted(
                t.Select(
                    (
                        t.SelectItem(t.call("unnest", t.call("list_select", whole, places)), given.name),
                        t.SelectItem(t.call("unnest", out), taken.name),
                    ),
                    source,
                )
            )
        )
        step = t.Ident(f"element {number}")
        source = t.QueryFrom(
            t.Select((t.SelectItem(given, given.name), t.SelectItem(self._by_step(taken), step.name)), source)
        )
        columns = {
            name: cell(t.Field(given, f"f{i}"), self.types[name], cells[name].nullable)
            for name, i in self.wanted.items()
        }
        for i, (name, expr) in enumerate(self.plan.declared):
            columns[name] = cell(t.Field(step, f"d{i}"), expr.type, True)
        if self.plan.match is not None:
            columns[self.plan.match] = Cell(t.Field(step, "m"), ScalarType.LONG, False)
        keys_of = (t.OrderKey(t.Field(given, "row")), t.OrderKey(t.Field(step, "k"), descending=True))
        return sealed(Rel(source, {c.name: columns[c.name] for c in self.plan.columns}, order=keys_of))

    def _step_type(self) -> str:
        match = ["m BIGINT"] if self.plan.match is not None else []
        declared = [f"d{i} {SQL_TYPES[e.type]}" for i, (_, e) in enumerate(self.plan.declared)]
        return f"STRUCT({', '.join(('k BIGINT', *match, *declared))})"

    def _by_step(self, record: t.SqlExpr) -> t.SqlExpr:
        """A record taken apart: a row for each step that gives it."""
        rows: list[t.SqlExpr] = []
        for k in self.gives:
            match = [("m", t.Field(record, f"m{k}"))] if self.plan.match is not None else []
            declared = [(f"d{i}", t.Field(record, f"d{k}_{i}")) for i in range(len(self.plan.declared))]
            row = t.Struct((("k", t.Literal(k, "BIGINT")), *match, *declared))
            rows.append(t.Case(((t.Field(record, f"t{k}"), row),)))
        if not rows:
            return t.call("unnest", t.Cast(t.ListOf(()), self._step_type() + "[]"))
        there = t.Lambda(("e__",), t.Op("IS NOT NULL", (t.Ident("e__"),)))
        return t.call("unnest", t.call("list_filter", t.ListOf(tuple(rows)), there))

    def _folded(self, part: t.SqlExpr) -> t.SqlExpr:
        """The rows given for a list of lists of rows."""
        total, piece, done = t.Ident("total__"), t.Ident("piece__"), t.Ident("done__")
        names = [*self._carried(), "o"]
        start = t.Struct((*((name, t.Field(total, name)) for name in names[:-1]), ("o", self._nothing())))
        inner = t.call("list_reduce", piece, t.Lambda((_STATE.name, _ROW.name), self._step()), start)
        both = t.call("list_concat", t.Field(total, "o"), t.Field(done, "o"))
        joined = t.Struct((*((name, t.Field(done, name)) for name in names[:-1]), ("o", both)))
        outer = t.Lambda((total.name, piece.name), t.Let(done.name, inner, joined))
        empty = t.Struct((*((name, self._typed(name)) for name in names[:-1]), ("o", self._nothing())))
        folded = t.call("list_reduce", part, outer, empty)
        pending = [f"p{k}" for k, s in enumerate(self.steps, 1) if s.output == "last"]
        if not pending:
            return t.Field(folded, "o")
        end = t.Ident("end__")
        rest = t.ListOf(tuple(t.Field(end, p) for p in pending))
        kept = t.call("list_filter", rest, t.Lambda(("e__",), t.Op("IS NOT NULL", (t.Ident("e__"),))))
        return t.Let(end.name, folded, t.call("list_concat", t.Field(end, "o"), kept))

    # --- the state ---
    def _carried(self) -> list[str]:
        numbered = self.plan.match is not None
        names = ["x"] if numbered else []
        for k, step in enumerate(self.steps, 1):
            names += [f"a{k}", *([f"i{k}"] if numbered else []), *(f"s{k}_{r}" for r in self._held(k))]
            names += [f"p{k}"] if step.output == "last" else []
        return names

    def _held(self, k: int) -> list[int]:
        """Which values a step's state holds: its own and those of the steps before."""
        return [r for r, (step, _) in enumerate(self.refs) if step <= k]

    def _typed(self, name: str) -> t.SqlExpr:
        """What a part of the state is at the start."""
        if name == "x":
            return t.Literal(0, "BIGINT")
        if name[0] == "a":
            return t.FALSE
        if name[0] == "i":
            return t.Literal(None, "BIGINT")
        if name[0] == "p":
            return t.Cast(t.NULL, self._given_type())
        return self._empty(int(name.partition("_")[2]))

    def _empty(self, r: int) -> t.SqlExpr:
        """A value of a step that has no state: what was declared, null for a column."""
        name = self.refs[r][1]
        if name in self.declared:
            return self._default(name)
        return literal(self.types[name], None)

    def _default(self, name: str) -> t.SqlExpr:
        expr = self.declared[name]
        value = Expressions(self.context, {}, self.context.outer).value(expr).expr
        return value if isinstance(expr, n.Lit) else t.Cast(value, SQL_TYPES[expr.type])

    def _given_type(self) -> str:
        return f"STRUCT({', '.join(('n BIGINT', *(f'{name} {kind}' for k in self.gives for name, kind in self._parts(k))))})"

    def _parts(self, k: int) -> list[tuple[str, str]]:
        """What a record says of a step: names and SQL types."""
        match = [(f"m{k}", "BIGINT")] if self.plan.match is not None else []
        declared = [(f"d{k}_{i}", SQL_TYPES[e.type]) for i, (_, e) in enumerate(self.plan.declared)]
        return [(f"t{k}", "BOOLEAN"), *match, *declared]

    def _nothing(self) -> t.SqlExpr:
        return t.Cast(t.ListOf(()), self._given_type() + "[]")

    # --- one row ---
    def _step(self) -> t.SqlExpr:
        """The state after a row: first what each step does with it, then all else.

        Nothing but these flags is bound to a name, as a lambda within the fold costs more than all that it would save."""
        flags: list[tuple[str, t.SqlExpr]] = []
        for k in range(1, len(self.steps) + 1):
            if k > 1:
                flags.append((f"moves{k}", self._moves(k)))
            flags.append((f"stays{k}", self._stays(k)))
        self.flagged = True
        body = self._after()
        self.flagged = False
        return t.Let(_FLAGS.name, t.Struct(tuple(flags)), body)

    def _flag(self, name: str, k: int) -> t.SqlExpr:
        if self.flagged:
            return t.Field(_FLAGS, f"{name}{k}")
        return self._moves(k)

    def _moved_on(self, k: int) -> t.SqlExpr | None:
        """Whether the step's state has moved on with this row."""
        return self._flag("moves", k + 1) if k < len(self.steps) else None

    def _active(self, k: int) -> t.SqlExpr:
        moved = self._moved_on(k)
        active = t.Field(_STATE, f"a{k}")
        return active if moved is None else t.Op("AND", (active, t.Op("NOT", (moved,))))

    def _cells(self, states: dict[int, t.SqlExpr]) -> dict[str, Cell]:
        """The row's columns, and the state's: `states` is what each value read is."""
        cells = {
            name: replace(self.rel.columns[name], expr=t.Field(_ROW, f"b{i}")) for i, name in enumerate(self.brought)
        }
        for r, expr in states.items():
            k, name = self.refs[r]
            cells[state_name(k, name)] = cell(expr, self.types[name], True)
        return cells

    def _holds(self, k: int, states: dict[int, t.SqlExpr], *, where: list[t.SqlExpr]) -> t.SqlExpr:
        lowering = Expressions(self.context, self._cells(states), self.context.outer)
        parts = [*where, *(lowering.condition(c) for c in self.steps[k - 1].conditions)]
        whole = t.conjunction(parts)
        return t.TRUE if whole is None else t.call("coalesce", whole, t.FALSE)

    def _moves(self, k: int) -> t.SqlExpr:
        """Check 1: the state of the step before moves on to this one."""
        states = {r: self._before(k, r) for r in self._held(k)}
        return self._holds(k, states, where=[t.Field(_STATE, f"a{k - 1}")])

    def _before(self, k: int, r: int) -> t.SqlExpr:
        return t.Field(_STATE, f"s{k - 1}_{r}") if self.refs[r][0] < k else self._empty(r)

    def _own(self, k: int, r: int) -> t.SqlExpr:
        """A value of the step's state, after what the step behind has done with it."""
        value = t.Field(_STATE, f"s{k}_{r}")
        moved = self._moved_on(k)
        return value if moved is None else t.Case(((moved, self._empty(r)),), value)

    def _stays(self, k: int) -> t.SqlExpr:
        """Check 2: the row takes the step's place in its own state."""
        states = {r: self._own(k, r) for r in self._held(k)}
        if k == 1:
            return self._holds(k, states, where=[])
        return self._holds(k, states, where=[self._active(k), t.Op("NOT", (self._moves(k),))])

    def _takes(self, k: int) -> t.SqlExpr:
        stays = self._flag("stays", k)
        return stays if k == 1 else t.Op("OR", (self._flag("moves", k), stays))

    def _seen(self, k: int, r: int) -> t.SqlExpr:
        """A value of the state that the row was taken with."""
        own = self._own(k, r)
        return own if k == 1 else t.Case(((self._flag("moves", k), self._before(k, r)),), own)

    def _match(self, k: int) -> t.SqlExpr:
        own = t.Field(_STATE, f"i{k}")
        if k == 1:
            return t.Case(((self._active(1), own),), t.Field(_STATE, "x"))
        return t.Case(((self._flag("moves", k), t.Field(_STATE, f"i{k - 1}")),), own)

    def _assigned(self, k: int, name: str) -> t.SqlExpr:
        """What the step gives a declared column."""
        expr = dict(self.steps[k - 1].values).get(name)
        if expr is None:
            return self._default(name)
        states = {r: self._seen(k, r) for r in self._held(k)}
        value = Expressions(self.context, self._cells(states), self.context.outer).value(expr).expr
        return t.Cast(value, SQL_TYPES[self.types[name]])

    def _given(self, steps: list[int]) -> t.SqlExpr:
        """The record of the row, for those steps that take it."""
        fields: list[tuple[str, t.SqlExpr]] = [("n", t.Field(_ROW, "n"))]
        for k in self.gives:
            if k not in steps:
                fields += [(name, t.Literal(None, kind)) for name, kind in self._parts(k)]
                continue
            takes = self._takes(k)
            fields.append((f"t{k}", takes))
            if self.plan.match is not None:
                fields.append((f"m{k}", self._match(k)))
            for i, (name, _) in enumerate(self.plan.declared):
                fields.append((f"d{k}_{i}", t.Case(((takes, self._assigned(k, name)),))))
        return t.Struct(tuple(fields))

    def _after(self) -> t.SqlExpr:
        """The state when all steps have looked at the row."""
        new: dict[str, t.SqlExpr] = {}
        begins = t.Op("AND", (self._flag("stays", 1), t.Op("NOT", (self._active(1),))))
        next_match = t.Field(_STATE, "x")
        new["x"] = t.Case(((begins, t.Op("+", (next_match, t.Literal(1, "BIGINT")))),), next_match)
        given: t.SqlExpr = t.Field(_STATE, "o")
        at_once = [k for k in self.gives if self.steps[k - 1].output == "all"]
        if at_once:
            some = [self._takes(k) for k in at_once]
            more = t.call("list_append", given, self._given(at_once))
            given = t.Case(((some[0] if len(some) == 1 else t.Op("OR", tuple(some)), more),), given)
        for k in range(len(self.steps), 0, -1):
            takes = self._takes(k)
            new[f"a{k}"] = t.Op("OR", (takes, self._active(k)))
            new[f"i{k}"] = t.Case(((takes, self._match(k)),), t.Field(_STATE, f"i{k}"))
            for r in self._held(k):
                new[f"s{k}_{r}"] = t.Case(((takes, self._value(k, r)),), self._own(k, r))
            if self.steps[k - 1].output != "last":
                continue
            pending = t.Field(_STATE, f"p{k}")
            moved = self._moved_on(k)
            over = [m for m in (moved, self._flag("moves", k) if k > 1 else None) if m is not None]
            if over:
                ends = over[0] if len(over) == 1 else t.Op("OR", tuple(over))
                ends = t.Op("AND", (ends, t.Op("IS NOT NULL", (pending,))))
                given = t.call("list_concat", given, t.Case(((ends, t.ListOf((pending,))),), self._nothing()))
            kept = pending if moved is None else t.Case(((t.Op("NOT", (moved,)), pending),))
            new[f"p{k}"] = t.Case(((takes, self._given([k])),), kept)
        new["o"] = given
        return t.Struct(tuple((name, new[name]) for name in (*self._carried(), "o")))

    def _value(self, k: int, r: int) -> t.SqlExpr:
        step, name = self.refs[r]
        if step < k:
            return self._seen(k, r)
        if name in self.declared:
            return self._assigned(k, name)
        return t.Field(_ROW, f"b{self.brought.index(name)}")
