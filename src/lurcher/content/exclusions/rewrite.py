"""One rewriting: a rule's query and its exclusions -> KQL.

| text | what it gives |
|---|---|
| `plain` | the rule as it is written |
| `tuned` | the rule's own tail over the evidence that no exclusion in force explains: what `export` hands out |
| `judged` | the evidence, with `lurcher_by_<n>` true where exclusion n explains a row, and `lurcher_explained` |
| `counts` | for each group of the rule's tail: evidence rows, explained ones, by which, first and last time |
| `keys` | for each evidence row: its group, DeviceId, time, ReportId, SHA1, and what explains it |

All are plain KQL that Sentinel and Defender take, and the only implementation there is. Traps that it avoids: a join without a
kind is `innerunique` and loses rows of the left side; after a `leftouter` an unmatched verdict is null, and `not(null)` drops
the row; an empty SHA1 equals every other empty SHA1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lurcher.content.exclusions import codes, making, parsing
from lurcher.content.exclusions.context import (
    CERTIFICATES,
    PROCESSES,
    ColumnsOf,
    Side,
    carried,
    event_fields,
    events_for,
    sides,
)
from lurcher.content.exclusions.fields import FieldRef
from lurcher.content.exclusions.hashes import by_length
from lurcher.content.exclusions.language import Understood, columns_of, fields_of, understand
from lurcher.content.exclusions.making import call, named, ref
from lurcher.content.exclusions.split import CannotSplit, Split, split, survives
from lurcher.content.exclusions.window import Window, window
from lurcher.content.model import Exclusion, Rule
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source
from lurcher.kql.syntax import (
    Binary,
    Expression,
    In,
    LetStatement,
    Literal,
    Name,
    Named,
    NameRef,
    Node,
    Operator,
    Pipe,
    ProjectKeepOp,
    ProjectOp,
    QueryStatement,
    SampleOp,
    Script,
    Statement,
    TakeOp,
    UnionOp,
)
from lurcher.kql.types import ScalarType

EVIDENCE_KEYS = ("DeviceId", "ReportId", "SHA1")
GROUP_PREFIX = "group:"


@dataclass(frozen=True)
class Settings:
    """`context_window`: days by which the rule's window is widened on both sides to look for context. `forced`: ids of exclusions
    that are applied although they are judged to hide too much."""

    context_window: int = 1
    #: For `measures` alone: take for context what the signed program started, which exclusions never do.
    started: bool = False
    forced: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Applied:
    """An exclusion on this rule. `reason` says why it is not in force. `number` is that of its column `lurcher_by_<n>`."""

    exclusion: Exclusion
    understood: Understood
    in_force: bool
    reason: str = ""
    number: int = -1


@dataclass(frozen=True)
class Rewritten:
    """What rule and exclusions come to. `split` is None where the evidence cannot be told apart: then only `plain` is there, no
    exclusion is in force, and `why` says so. Diagnostics come with the text that they point into."""

    plain: str
    tuned: str
    judged: str = ""
    counts: str = ""
    keys: str = ""
    window_query: str = ""
    split: Split | None = None
    window: Window | None = None
    time_column: str = ""
    applied: tuple[Applied, ...] = ()
    why: str = ""
    diagnostics: tuple[tuple[Diagnostic, Source], ...] = ()

    @property
    def in_force(self) -> tuple[Applied, ...]:
        return tuple(a for a in self.applied if a.in_force)


@dataclass
class _Shape:
    """Exclusions that need the same context: the event tables and what is looked up beside them."""

    events: tuple[str, ...]
    sides: tuple[Side, ...]
    members: list[tuple[int, Exclusion, Expression]] = field(default_factory=list)


class _NotHere(Exception):
    """A field that this rule's evidence has not."""


def rewrite(
    rule: Rule,
    columns_of_table: ColumnsOf,
    today: dt.date,
    settings: Settings | None = None,
    refused: dict[str, str] | None = None,
    only: frozenset[str] | None = None,
) -> Rewritten:
    """Raises nothing for what rule and exclusions say. `refused` maps the ids of exclusions that verdicts keep out of force to the
    reason; `only` limits to some ids (to see what one explains alone, whether or not it is in force)."""
    settings = settings or Settings()
    script, problems = parsing.script(rule.query)
    if any(p.is_error for p in problems):
        return _plain(rule, "the query has errors")
    try:
        cut = split(script)
        columns = columns_of_table(cut.table) if cut.table else None
        return _Rewriting(rule, cut, columns or frozenset(), columns_of_table, settings).run(today, refused or {}, only)
    except CannotSplit as problem:
        return _plain(rule, str(problem))


def _plain(rule: Rule, why: str) -> Rewritten:
    applied = tuple(
        Applied(e, understand(e.when_source, e.scenario or e.id), False, f"not applied to this rule: {why}")
        for e in rule.exclusions
    )
    said: list[tuple[Diagnostic, Source]] = [
        (d, a.understood.source) for a in applied for d in a.understood.diagnostics
    ]
    if rule.exclusions:
        said.append((codes.NO_SPLIT.at(NOWHERE, why=why), rule.query_source))
    return Rewritten(rule.query, rule.query, applied=applied, why=why, diagnostics=tuple(said))


@dataclass
class _Rewriting:
    rule: Rule
    cut: Split
    columns: frozenset[str]
    columns_of_table: ColumnsOf
    settings: Settings
    said: list[tuple[Diagnostic, Source]] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)
    shapes: list[_Shape] = field(default_factory=list)
    #: Number of an exclusion -> its test on the row of evidence itself.
    direct: dict[int, Expression] = field(default_factory=dict)
    scopes: dict[int, Expression] = field(default_factory=dict)

    def run(self, today: dt.date, refused: dict[str, str], only: frozenset[str] | None) -> Rewritten:
        self.own = carried(self.cut.table, self.columns)
        self.sides = sides(self.cut.table, self.columns)
        self.window = window(self.cut, self.columns)
        self.needed |= {c for c in (*EVIDENCE_KEYS, self.window.column) if c in self.columns}
        applied = tuple(self._apply(e, n, today, refused, only) for n, e in enumerate(self.rule.exclusions, 1))
        if self.shapes and self.window.low is None and self.window.high is None:
            self.said.append((codes.NO_WINDOW.at(NOWHERE), self.rule.query_source))
        for op in self.cut.evidence:
            if isinstance(op, TakeOp | SampleOp):
                word = "take" if isinstance(op, TakeOp) else "sample"
                self.said.append((codes.UNSTABLE.at(op.span, operator=word), self.rule.query_source))
        self.place = {c: c if survives(c, self.cut.evidence) else f"lurcher_c_{c}" for c in sorted(self.needed)}
        numbers = [a.number for a in applied if a.in_force]
        return Rewritten(
            plain=self.rule.query,
            tuned=self._text(self._tuned(numbers)) if numbers else self.rule.query,
            judged=self._text(self._judged_rows(numbers)),
            counts=self._text(c) if (c := self._counts(numbers)) is not None else "",
            keys=self._text(self._keys(numbers)),
            window_query=self._text(self._bounds()),
            split=self.cut,
            window=self.window,
            time_column=self.window.column,
            applied=applied,
            diagnostics=tuple(self.said),
        )

    # --- one exclusion ---
    def _apply(
        self, e: Exclusion, number: int, today: dt.date, refused: dict[str, str], only: frozenset[str] | None
    ) -> Applied:
        understood = understand(e.when_source, e.scenario or e.id, self.columns)
        self.said += [(d, understood.source) for d in understood.diagnostics]

        def out(reason: str) -> Applied:
            return Applied(e, understood, False, reason)

        if e.errors:
            return out(e.errors[0].message)
        if understood.intended is None:
            return out(understood.errors[0].message)
        if only is not None:
            if e.id not in only:
                return out("not asked for")
        elif e.expired(today):
            return out(f"it ended on {e.expires}")
        elif e.id in refused and e.id not in self.settings.forced:
            return out(refused[e.id])
        try:
            self._place(e, number, understood.intended)
        except _NotHere as missing:
            table = self.cut.table or "a query without a table"
            d = codes.NOT_ON_EVIDENCE.at(NOWHERE, scenario=e.scenario or e.id, field=str(missing), table=table)
            self.said.append((d, understood.source))
            return out(d.message)
        return Applied(e, understood, True, number=number)

    def _place(self, e: Exclusion, number: int, tree: Expression) -> None:
        tree = by_length(tree)
        fields = fields_of(tree)
        own = {f for f in fields if f in self.own}
        events: tuple[str, ...] = ()
        rest = fields - own
        wanted: list[Side] = []
        if self.cut.table == CERTIFICATES:
            events = events_for(rest)
            if events and "SHA1" not in self.columns:
                raise _NotHere("context")
            by_event = {f for t in events for f in event_fields(t, self.columns_of_table(t) or frozenset())}
            if events:
                # What a start of the signed program says of its signer is what the certificate says.
                by_event.add("process.signer")
                self.needed |= {"Signer"} & {c for c in self.columns if "process.signer" in rest}
            rest -= by_event
        asked = rest | ({"device.group"} if any(d.startswith(GROUP_PREFIX) for d in e.devices) else set())
        for side in self.sides:
            if rest & {f for f, _ in side.fields}:
                # Only what is asked for: a table may lack a column that nobody needs.
                wanted.append(replace(side, fields=tuple(p for p in side.fields if p[0] in asked)))
                rest -= {f for f, _ in side.fields}
        if rest:
            raise _NotHere(sorted(rest)[0])
        groups = [d[len(GROUP_PREFIX) :] for d in e.devices if d.startswith(GROUP_PREFIX)]
        names = [d for d in e.devices if not d.startswith(GROUP_PREFIX)]
        scope: list[Expression] = []
        if names:
            places = [c for c in ("DeviceName", "DeviceId") if c in self.columns]
            if not places:
                raise _NotHere("the device")
            scope += [making.one_of(FieldRef(f"={c}"), names) for c in places]
        if groups:
            device = next((s for s in self.sides if s.name == "device"), None)
            if device is None:
                raise _NotHere("the device's group")
            if not any(s.name == "device" for s in wanted):
                wanted.append(replace(device, fields=tuple(p for p in device.fields if p[0] == "device.group")))
            scope.append(making.one_of(FieldRef("device.group"), groups))
        test = tree
        if scope and groups:
            # A scope by group is looked up like context; it is the same for all context rows of a device.
            test = making.conjunction((making.disjunction(scope), tree))
        elif scope:
            self.scopes[number] = making.disjunction(scope)
        self.needed |= (
            {self.own[f] for f in own}
            | columns_of(tree)
            | {c for c in ("DeviceName", "DeviceId") if scope and c in self.columns}
        )
        if not events and not wanted:
            self.direct[number] = test
            return
        self.needed |= {s.key for s in wanted} | ({"DeviceId", "SHA1"} if events else set())
        for shape in self.shapes:
            if shape.events == events and shape.sides == tuple(wanted):
                shape.members.append((number, e, test))
                return
        self.shapes.append(_Shape(events, tuple(wanted), [(number, e, test)]))

    # --- names of columns ---
    def _on_row(self, tree: Expression, context: dict[str, Expression] | None = None) -> Expression:
        """A condition with columns for its fields: those of the evidence, and of the context where there is one."""

        def change(node: Node) -> Node | None:
            if isinstance(node, FieldRef):
                if node.field.startswith("="):
                    return ref(self.place[node.field[1:]])
                if node.field in self.own:
                    return ref(self.place[self.own[node.field]])
                assert context is not None
                return context[node.field]
            if isinstance(node, NameRef) and node.name.text in self.place:
                return ref(self.place[node.name.text])
            return None

        return making.substitute(tree, change)

    # --- pieces of the query ---
    def _evidence(self) -> Expression:
        """The rule's evidence, with what must live on carried past the operators that would drop it."""
        carry = [(c, p) for c, p in self.place.items() if c != p]
        operators: list[Operator] = []
        if carry:
            operators.append(making.extend(*(named(p, ref(c)) for c, p in carry)))
        operators += [_carrying(op, [p for _, p in carry]) for op in self.cut.evidence]
        return Pipe(self.cut.source, tuple(operators)) if operators else self.cut.source

    def _contexts(self) -> list[Statement]:
        """For each shape: the keys of the evidence, and per key how many context rows there are and satisfy each condition."""
        statements: list[Statement] = []
        for n, shape in enumerate(self.shapes, 1):
            keys = self._shape_keys(shape)
            guards = [call("isnotempty", ref(self.place[k])) for k in self._required(shape)]
            statements.append(
                making.let(
                    f"lurcher_keys_{n}",
                    making.pipe(
                        ref("lurcher_evidence"), making.where(*guards), making.distinct(*(ref(k) for k in keys))
                    ),
                )
            )
            operators: list[Operator] = []
            context: dict[str, Expression] = {}
            if shape.events:
                table, context = self._events(n, shape)
                operators.append(
                    making.join(
                        "inner",
                        table,
                        ((self.place["DeviceId"], "lurcher_device"), (self.place["SHA1"], "lurcher_sha1")),
                    )
                )
            for side in shape.sides:
                operators.append(
                    making.join("inner", self._side(n, side), ((self.place[side.key], f"lurcher_{side.name}_key"),))
                )
                context |= {f: ref(_column(f)) for f, _ in side.fields}
            counts = [named("lurcher_rows", call("count"))] + [
                named(f"lurcher_yes_{number}", call("countif", self._on_row(test, context)))
                for number, _, test in shape.members
            ]
            operators.append(making.summarize(counts, (ref(k) for k in keys)))
            verdicts = [named(f"lurcher_key_{i}", ref(k)) for i, k in enumerate(keys, 1)]
            for number, e, _ in shape.members:
                yes = ref(f"lurcher_yes_{number}")
                verdict = (
                    Binary("==", yes, ref("lurcher_rows"))
                    if e.match == "every"
                    else Binary(">", yes, Literal(ScalarType.LONG, 0, "0"))
                )
                verdicts.append(named(f"lurcher_of_{number}", verdict))
            operators.append(making.project(*verdicts))
            statements.append(making.let(f"lurcher_context_{n}", making.pipe(ref(f"lurcher_keys_{n}"), *operators)))
        return statements

    def _required(self, shape: _Shape) -> list[str]:
        found = ["DeviceId", "SHA1"] if shape.events else []
        return found + [s.key for s in shape.sides if s.key not in found]

    def _shape_keys(self, shape: _Shape) -> list[str]:
        """The columns that a verdict hangs on: the keys of the context, and what the conditions read of the row itself."""
        keys = self._required(shape)
        for _, _, test in shape.members:
            used = {self.own[f] for f in fields_of(test) if f in self.own} | columns_of(test)
            used |= {f[1:] for f in fields_of(test) if f.startswith("=")}
            if shape.events and "process.signer" in fields_of(test):
                used.add("Signer")
            keys += [c for c in sorted(used) if c not in keys and c in self.place]
        return [self.place[k] for k in keys]

    def _events(self, n: int, shape: _Shape) -> tuple[Expression, dict[str, Expression]]:
        """The events of the evidence's devices and hashes, once per key and what the conditions read of it."""
        fields = sorted({f for _, _, t in shape.members for f in fields_of(t)} - set(self.own) - _side_fields(shape))
        fields = [f for f in fields if not f.startswith("=")]
        context: dict[str, Expression] = {f: ref(_column(f)) for f in fields}
        partial: set[str] = set()
        have: dict[str, dict[str, str]] = {}
        for table in shape.events:
            have[table] = event_fields(table, self.columns_of_table(table) or frozenset())
            if table == PROCESSES and "Signer" in self.place:
                have[table]["process.signer"] = "SHA1"  # says that it is known; its value is the certificate's
            partial |= {f for f in fields if f not in have[table]}
        legs: list[Expression] = []
        in_window = self.window.test(self.settings.context_window)
        tables = [t for t in shape.events if not self.settings.started or t == PROCESSES]
        sha1 = "InitiatingProcessSHA1" if self.settings.started else "SHA1"
        for table in tables:
            columns = [named("lurcher_device", ref("DeviceId")), named("lurcher_sha1", ref(sha1))]
            for f in fields:
                columns.append(named(_column(f), ref(have[table][f]) if f in have[table] else making.text("")))
            columns += [named(f"{_column(f)}_known", making.boolean(f in have[table])) for f in sorted(partial)]
            keys = making.pipe(ref(f"lurcher_keys_{n}"), making.distinct(ref(self.place["SHA1"])))
            operators = [making.where(in_window)] if in_window is not None else []
            legs.append(
                making.pipe(
                    ref(table), *operators, making.where(In("in", ref(sha1), (keys,))), making.project(*columns)
                )
            )
        # A row that cannot say what a condition asks does not satisfy it, a negated one least of all.
        if partial:
            shape.members = [
                (number, e, making.conjunction((*(FieldRef(f"?{f}") for f in sorted(fields_of(t) & partial)), t)))
                for number, e, t in shape.members
            ]
            context |= {f"?{f}": ref(f"{_column(f)}_known") for f in partial}
        for f in fields:
            if f == "process.signer":
                context[f] = ref(self.place["Signer"]) if "Signer" in self.place else context[f]
        names = [
            "lurcher_device",
            "lurcher_sha1",
            *(_column(f) for f in fields),
            *(f"{_column(f)}_known" for f in sorted(partial)),
        ]
        return Pipe(None, (UnionOp(tuple(legs)), making.distinct(*(ref(c) for c in names)))), context

    def _side(self, n: int, side: Side) -> Expression:
        in_window = self.window.test(self.settings.context_window)
        operators: list[Operator] = [making.where(in_window)] if in_window is not None else []
        keys = making.pipe(ref(f"lurcher_keys_{n}"), making.distinct(ref(self.place[side.key])))
        operators.append(making.where(In("in", ref(side.on), (keys,))))
        key = f"lurcher_{side.name}_key"
        if side.name == "device":
            # What a device is now, not what it was a week ago.
            time = ref(self.window.column or "Timestamp")
            latest = call("arg_max", time, *(ref(c) for _, c in side.fields))
            operators.append(making.summarize([latest], [ref(side.on)]))
        columns = [named(key, ref(side.on)), *(named(_column(f), ref(c)) for f, c in side.fields)]
        names = [key, *(_column(f) for f, _ in side.fields)]
        operators += [making.project(*columns), making.distinct(*(ref(c) for c in names))]
        return Pipe(ref(side.table), tuple(operators))

    def _judged(self, numbers: list[int]) -> list[Statement]:
        """The statements up to `lurcher_judged`."""
        statements: list[Statement] = [
            *self.cut.lets,
            making.let("lurcher_evidence", call("materialize", self._evidence())),
            *self._contexts(),
        ]
        operators: list[Operator] = []
        verdicts = {number: self._on_row(test) for number, test in self.direct.items()}
        for n, shape in enumerate(self.shapes, 1):
            keys = self._shape_keys(shape)
            operators.append(
                making.join(
                    "leftouter", ref(f"lurcher_context_{n}"), [(k, f"lurcher_key_{i}") for i, k in enumerate(keys, 1)]
                )
            )
            # The next context has key columns of the same names.
            operators.append(making.away("lurcher_key_*"))
            verdicts |= {number: ref(f"lurcher_of_{number}") for number, _, _ in shape.members}
        columns: list[Expression] = []
        for number in numbers:
            verdict: Expression = call("coalesce", verdicts[number], making.boolean(False))
            if number in self.scopes:
                scope = call("coalesce", self._on_row(self.scopes[number]), making.boolean(False))
                verdict = Binary("and", scope, verdict)
            columns.append(named(f"lurcher_by_{number}", verdict))
        any_ = making.disjunction([ref(f"lurcher_by_{n}") for n in numbers]) if numbers else making.boolean(False)
        if columns:
            operators.append(making.extend(*columns))
        operators.append(making.extend(named("lurcher_explained", any_)))
        statements.append(making.let("lurcher_judged", making.pipe(ref("lurcher_evidence"), *operators)))
        return statements

    def _tuned(self, numbers: list[int]) -> list[Statement]:
        left = making.where(call("not", ref("lurcher_explained")))
        return [
            *self._judged(numbers),
            QueryStatement(making.pipe(ref("lurcher_judged"), left, making.away("lurcher_*"), *self.cut.tail)),
        ]

    def _judged_rows(self, numbers: list[int]) -> list[Statement]:
        """The evidence with its verdicts. Where a result row is its own evidence, as the rule shows it."""
        statements = self._judged(numbers)
        kept = [f"lurcher_by_{n}" for n in numbers] + ["lurcher_explained"]
        operators: list[Operator] = [making.extend(*self._key_columns())] if self._key_columns() else []
        kept += [n.text for c in self._key_columns() for n in c.names]
        if self.cut.row_by_row:
            operators += [_carrying(op, kept) for op in self.cut.tail]
        drop = [n for n in self._internal() if n not in kept]
        operators += [making.away(d) for d in drop]
        statements.append(QueryStatement(making.pipe(ref("lurcher_judged"), *operators)))
        return statements

    def _internal(self) -> list[str]:
        found = [p for c, p in self.place.items() if c != p]
        return (
            []
            if self.cut.row_by_row and any(isinstance(o, ProjectOp | ProjectKeepOp) for o in self.cut.tail)
            else ([*found, *(f"lurcher_of_{n}" for s in self.shapes for n, _, _ in s.members)])
        )

    def _key_columns(self) -> list[Named]:
        return [
            named(f"lurcher_e_{c}", ref(self.place[c])) for c in (*EVIDENCE_KEYS, self.window.column) if c in self.place
        ]

    def _counts(self, numbers: list[int]) -> list[Statement] | None:
        groups = self.cut.groups
        if groups is None:
            return None
        one = "lurcher_by_"
        columns: list[Expression] = [
            named("lurcher_total", call("count")),
            named("lurcher_explained_count", call("countif", ref("lurcher_explained"))),
        ]
        if self.window.column in self.place:
            time = ref(self.place[self.window.column])
            columns += [named("lurcher_first", call("min", time)), named("lurcher_last", call("max", time))]
        for n in numbers:
            alone = [ref(f"{one}{n}"), *(call("not", ref(f"{one}{m}")) for m in numbers if m != n)]
            columns.append(named(f"lurcher_count_{n}", call("countif", ref(f"{one}{n}"))))
            columns.append(named(f"lurcher_alone_{n}", call("countif", making.conjunction(alone))))
        return [
            *self._judged(numbers),
            QueryStatement(making.pipe(ref("lurcher_judged"), making.summarize(columns, groups))),
        ]

    def _keys(self, numbers: list[int]) -> list[Statement]:
        groups = self.cut.groups or ()
        columns: list[Expression] = [named(f"lurcher_group_{i}", _bare(g)) for i, g in enumerate(groups, 1)]
        columns += self._key_columns()
        columns += [ref(f"lurcher_by_{n}") for n in numbers]
        columns.append(ref("lurcher_explained"))
        return [*self._judged(numbers), QueryStatement(making.pipe(ref("lurcher_judged"), making.project(*columns)))]

    def _bounds(self) -> list[Statement]:
        """What the rule's window is at the time of the run; null where it is open."""
        null = call("todatetime", making.text(""))
        from lurcher.kql.syntax import PrintOp

        columns = (named("lurcher_low", self.window.low or null), named("lurcher_high", self.window.high or null))
        used = {n.name.text for c in columns for n in _walk(c) if isinstance(n, NameRef)}
        # Only the lets that the bounds need: another may name a table that is not here.
        lets: list[Statement] = []
        for s in reversed(self.cut.lets):
            if isinstance(s, LetStatement) and s.name.text in used:
                lets.insert(0, s)
                used |= {n.name.text for n in _walk(s) if isinstance(n, NameRef)}
        return [*lets, QueryStatement(Pipe(None, (PrintOp(columns),)))]

    def _text(self, statements: list[Statement]) -> str:
        return parsing.text(Script(tuple(statements)))


def _walk(node: Node) -> Sequence[Node]:
    from lurcher.kql.rewrite import walk

    return list(walk(node))


def _bare(node: Expression) -> Expression:
    return node.expression if isinstance(node, Named) else node


def _column(name: str) -> str:
    return "lurcher_" + name.replace(".", "_")


def _side_fields(shape: _Shape) -> set[str]:
    return {f for s in shape.sides for f, _ in s.fields}


def _carrying(op: Operator, columns: list[str]) -> Operator:
    """The operator, letting further columns through."""
    if columns and isinstance(op, ProjectOp | ProjectKeepOp):
        return replace(op, columns=(*op.columns, *(NameRef(Name(c)) for c in columns)))
    return op
