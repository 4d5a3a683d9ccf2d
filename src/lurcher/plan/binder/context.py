"""What the binder carries: the run, the scopes of names, the relation that an operator works on."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from lurcher.errors import shown
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import LU001, Diagnostic, Rule
from lurcher.kql.source import NOWHERE, Span
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.catalog import Catalog

if TYPE_CHECKING:
    from lurcher.plan.probe import Probe


@dataclass(frozen=True, slots=True)
class Rel:
    """A relation while its pipe is being bound: the plan so far and what the plan does not say.

    `order` are the keys of the order that its rows are in, as far as its columns still say them; `open` is set where there may
    be columns that nobody has listed (an unknown table, a watchlist): names that are not found there are of unknown type.
    `summarized` is set for what an aggregation leaves of such rows.
    """

    plan: n.Plan
    order: tuple[n.SortKey, ...] = ()
    sorted: bool = False
    open: bool = False
    summarized: bool = False

    @property
    def columns(self) -> Columns:
        return self.plan.columns

    def over(self, plan: n.Plan) -> Rel:
        """The same order and openness over a plan that keeps both."""
        return replace(self, plan=plan)


@dataclass(frozen=True, slots=True)
class Graph(Rel):
    """A graph while its pipe is being bound. `nodes`: `$node` (a number, in the order that they appear in), `$id` (the key's
    text), then properties; `edges`: `$edge`, `$source`, `$target`, then properties. `plan` is `edges`, so that a graph
    stands where a relation does; no tabular operator takes it. `textual`: the keys are strings.

    `unsure` says why it is not known which nodes there are, beside those that an edge touches; `apart` is set for the parts
    of a graph that are bound together (`partitioned-by`)."""

    nodes: Rel = field(default_factory=lambda: Rel(n.Values(rows=(), columns=())))
    unsure: str = ""
    apart: bool = False
    textual: bool = True

    @property
    def edges(self) -> Rel:
        return Rel(self.plan, open=self.open)

    def properties(self, edges: bool) -> dict[str, ScalarType]:
        """The properties of nodes or edges, in order."""
        return {c.name: c.type for c in (self.columns if edges else self.nodes.columns) if not c.name.startswith("$")}


class GraphNames(Protocol):
    """What the names of a graph pattern mean in an expression; None for what is none of them."""

    def name(self, cx: Context, env: Env, node: sx.NameRef) -> n.Expr | None: ...

    def member(self, cx: Context, env: Env, node: sx.Path) -> n.Expr | None: ...

    def call(self, cx: Context, env: Env, node: sx.Call) -> n.Expr | None: ...


@dataclass(frozen=True, slots=True)
class ScalarValue:
    """A scalar `let`, or a scalar argument of a function. `row` is the environment whose columns it reads, if any."""

    expr: n.Expr
    row: Env | None = None


@dataclass(frozen=True, slots=True)
class TableValue:
    rel: Rel
    #: A view takes part in `union *` and `search`.
    view: bool = False


@dataclass(frozen=True, slots=True)
class FunctionValue:
    node: sx.Function
    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class PatternValue:
    """A pattern: what its arguments, and its path, stand for."""

    name: str
    tables: dict[tuple[str | None, ...], Rel]


Binding = ScalarValue | TableValue | FunctionValue | PatternValue


class Scope:
    """Names that statements declare, innermost first."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Binding] = {}

    def find(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def all(self) -> dict[str, Binding]:
        """Every visible name."""
        found = {} if self.parent is None else self.parent.all()
        found.update(self.names)
        return found


class Env:
    """Where an expression stands: the names that are in scope, and the columns of the row that it is computed over."""

    __slots__ = (
        "aggs",
        "graph",
        "grouped",
        "open",
        "order",
        "outer",
        "row",
        "scope",
        "sides",
        "states",
        "summarized",
        "types",
        "wins",
    )

    def __init__(
        self,
        scope: Scope,
        rel: Rel | None = None,
        *,
        types: dict[str, ScalarType] | None = None,
        aggs: list[tuple[str, n.Expr]] | None = None,
        wins: list[tuple[str, n.Expr]] | None = None,
        outer: dict[str, ScalarType] | None = None,
    ) -> None:
        self.scope = scope
        self.types = types if types is not None else {c.name: c.type for c in rel.columns} if rel is not None else {}
        self.open = rel.open if rel is not None else False
        self.summarized = rel.summarized if rel is not None else False
        self.order = rel.order if rel is not None else ()
        #: Where aggregates are allowed: those found so far, each under the name that stands for it.
        self.aggs = aggs
        #: Where window functions are allowed: those found so far.
        self.wins = wins
        #: Inside an aggregate's arguments columns may be named, beside it only the keys.
        self.grouped: frozenset[str] | None = None
        #: The row that the body of an mv-apply is applied to.
        self.outer = outer
        #: `$left` and `$right` of a join condition.
        self.sides: dict[str, dict[str, ScalarType]] | None = None
        #: The variables of a graph pattern.
        self.graph: GraphNames | None = None
        #: In a step of `scan`: the columns of each step's state; none of a step that comes later.
        self.states: dict[str, dict[str, n.Col]] | None = None
        self.row = self


@dataclass
class Context:
    """One run of the binder. `now` is in ticks since 0001-01-01, fixed for the whole text."""

    catalog: Catalog
    now: int
    diagnostics: list[Diagnostic] = field(default_factory=list)
    #: Functions that are being inlined, outermost first.
    calls: list[str] = field(default_factory=list)
    #: Function values that were called: the others are bound on their own, for their errors.
    called: set[int] = field(default_factory=set)
    #: Where `as` names are declared: the scope of the statement.
    statement_scope: Scope = field(default_factory=Scope)
    #: table -> columns of the schema as a plan, one object a run.
    scans: dict[str, Rel] = field(default_factory=dict)
    #: The same for what functions of the services look up, and whether that is being bound.
    scans_aside: dict[str, Rel] = field(default_factory=dict)
    aside: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    #: Whether a sketch (hll, tdigest) is made or read somewhere.
    sketched: bool = False
    #: What `set` says: option -> its value, None for one that is only named.
    options: dict[str, n.Lit | None] = field(default_factory=dict)
    render: n.Render | None = None
    #: While a function is inlined: the row that it is called for, whose columns its arguments may read.
    row: Env | None = None
    #: Inside the body of an mv-apply: the columns of the row that it is applied to.
    outer: dict[str, ScalarType] | None = None
    #: Expressions whose size is known, by identity.
    weights: dict[int, tuple[n.Expr, int]] = field(default_factory=dict)
    #: Columns of all relations that were made so far, and functions that were inlined: what a text may come to is bounded.
    cells: int = 0
    inlined: int = 0
    #: How many `partition` operators there are so far: each has a name for its key.
    partitions: int = 0
    #: The last operator of the statement that is being bound: `fork` and `facet` may stand there alone.
    last: sx.Operator | None = None
    #: Several results of one pipe (`fork`, `facet`).
    extra: list[n.Plan] = field(default_factory=list)
    #: Who runs a plan while the text is bound, for operators whose columns are values of the rows; None: nobody may.
    probe: Probe | None = None
    #: What has been asked of a plan, by the plan's identity and the question: the plan, kept alive, and the answer.
    asked: dict[tuple[int, str], tuple[n.Plan, Any]] = field(default_factory=dict)
    #: Whether the text that is being bound is of our own: it may name functions that no user's text can (`__...`).
    ours: bool = False
    #: Whether columns are not known because nobody was asked for them: a name that is not found is no news then.
    unasked: bool = False

    def say(self, rule: Rule, span: Span, *, hint: str = "", construct: str = "", **data: Any) -> None:
        diagnostic = rule.at(span, hint=hint, construct=construct, **data)
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    def refuse(self, construct: str, span: Span, hint: str = "") -> None:
        """Not lowered yet: named, with its place."""
        self.say(LU001, span, hint=hint, construct=construct)


def near(name: str, candidates: Iterable[str], what: str = "") -> str:
    """A hint: the nearest names, or where none is near, those there are. Names may come from the data."""
    pool = list(dict.fromkeys(candidates))
    folded = {c.casefold(): c for c in pool}
    if name.casefold() in folded:
        return f"did you mean {shown(folded[name.casefold()])}? Case matters"
    close = difflib.get_close_matches(name, pool, n=3, cutoff=0.75)
    if close:
        return f"did you mean {' or '.join(map(shown, close))}?"
    # `AccountUpn` of a table that has `InitiatingProcessAccountUpn` alone.
    longer = [c for c in pool if len(name) > 4 and c.casefold().endswith(name.casefold())]
    if 0 < len(longer) < 4:
        return f"did you mean {' or '.join(map(shown, longer))}?"
    if not what or not pool:
        return ""
    some = ", ".join(map(shown, pool[:12])) + (f", ... ({len(pool)} in all)" if len(pool) > 12 else "")
    return f"{what}: {some}"


_COLS: dict[tuple[str, ScalarType], n.Col] = {}


def col(name: str, type: ScalarType, span: Span = NOWHERE) -> n.Col:
    """A reference to a column; those that no text stands behind are shared."""
    if span is not NOWHERE:
        return n.Col(name=name, type=type, span=span)
    found = _COLS.get((name, type))
    if found is None:
        if len(_COLS) > 20000:
            _COLS.clear()
        found = _COLS[name, type] = n.Col(name=name, type=type)
    return found


def null(type: ScalarType) -> n.Lit:
    """What a missing value of a type is: a string is never null."""
    return n.Lit(type=type, value="" if type is ScalarType.STRING else None)


def keep(columns: Iterable[Column]) -> list[n.Item]:
    return [(c.name, col(c.name, c.type)) for c in columns]


def project(rel: Rel, items: Iterable[n.Item], span: Span = NOWHERE) -> Rel:
    """A projection, its order carried over as far as the sort keys are still there."""
    items = tuple(items)
    columns = tuple(Column(name, expr.type) for name, expr in items)
    order = rel.order
    if order:
        renamed = {e.name: name for name, e in reversed(items) if isinstance(e, n.Col)}
        order = _carried(order, renamed)
    plan = n.Project(input=rel.plan, items=items, columns=columns, span=span)
    return replace(rel, plan=plan, order=order)


def _carried(order: tuple[n.SortKey, ...], renamed: dict[str, str]) -> tuple[n.SortKey, ...]:
    kept = []
    for key in order:
        if not isinstance(key.expr, n.Col) or key.expr.name not in renamed:
            return ()
        kept.append(replace(key, expr=col(renamed[key.expr.name], key.expr.type)))
    return tuple(kept)


#: class of tabular operator -> how it is bound. Filled by the modules of this package.
Handler = Callable[[Context, Scope, Rel, Any], Rel]
OPERATORS: dict[type[sx.Operator], Handler] = {}
#: Those that take a graph.
GRAPH_OPERATORS: set[type[sx.Operator]] = set()
#: Operators that bring their own rows, when they come first.
SOURCES: dict[type[sx.Operator], Callable[[Context, Scope, Any], Rel]] = {}


def operator(kind: type[sx.Operator]) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        OPERATORS[kind] = handler
        return handler

    return register


def graph_operator(
    kind: type[sx.Operator],
) -> Callable[[Callable[[Context, Scope, Graph, Any], Rel]], Callable[[Context, Scope, Graph, Any], Rel]]:
    """Of a graph; what it is not given is seen to by the pipe."""

    def register(handler: Callable[[Context, Scope, Graph, Any], Rel]) -> Callable[[Context, Scope, Graph, Any], Rel]:
        def handle(cx: Context, scope: Scope, rel: Rel, op: Any) -> Rel:
            assert isinstance(rel, Graph)
            return handler(cx, scope, rel, op)

        OPERATORS[kind] = handle
        GRAPH_OPERATORS.add(kind)
        return handler

    return register


def source(
    kind: type[sx.Operator],
) -> Callable[[Callable[[Context, Scope, Any], Rel]], Callable[[Context, Scope, Any], Rel]]:
    def register(handler: Callable[[Context, Scope, Any], Rel]) -> Callable[[Context, Scope, Any], Rel]:
        SOURCES[kind] = handler
        return handler

    return register
