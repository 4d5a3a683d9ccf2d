"""A rule's query in two: the evidence, and what the rule makes of it.

The main pipeline is cut at its first operator that collapses rows. A source that is a `let` is written out first
(`let T = Table | where ..; T | summarize ..` is one pipeline), so that the cut is found wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.kql.rewrite import walk
from lurcher.kql.syntax import (
    AsOp,
    Call,
    CountOp,
    DistinctOp,
    Expression,
    ExtendOp,
    Function,
    JoinOp,
    LetStatement,
    LookupOp,
    MakeSeriesOp,
    MvApplyOp,
    MvExpandOp,
    Name,
    Named,
    NameRef,
    Operator,
    ParseCapture,
    ParseKvOp,
    ParseOp,
    Pipe,
    ProjectAwayOp,
    ProjectKeepOp,
    ProjectOp,
    ProjectRenameOp,
    ProjectReorderOp,
    QueryStatement,
    ReduceOp,
    RenderOp,
    SampleDistinctOp,
    SampleOp,
    Script,
    SerializeOp,
    SortOp,
    Star,
    Statement,
    SummarizeOp,
    TakeOp,
    TopHittersOp,
    TopNestedOp,
    TopOp,
    UnionOp,
    WhereOp,
)

PREFIX = "lurcher_"
COLLAPSING = (SummarizeOp, DistinctOp, TopNestedOp, MakeSeriesOp, CountOp, SampleDistinctOp, TopHittersOp, ReduceOp)
#: Operators after which a row is still a row of the source, its columns apart.
_KEEPING = (
    WhereOp, TakeOp, SortOp, TopOp, SampleOp, ExtendOp, ProjectOp, ProjectAwayOp, ProjectKeepOp, ProjectRenameOp,
    ProjectReorderOp, SerializeOp, AsOp, ParseOp, ParseKvOp, MvExpandOp, JoinOp, LookupOp, RenderOp,
)  # fmt: skip
#: At the end of a rule that collapses nothing these are the rule's own tail: order and columns of what is shown.
_SHOWING = (SortOp, ProjectOp, ProjectAwayOp, ProjectKeepOp, ProjectRenameOp, ProjectReorderOp, RenderOp)
_LEFT_KINDS = frozenset(("innerunique", "inner", "leftouter", "leftsemi", "leftanti", "anti", "leftantisemi"))


class CannotSplit(Exception):
    """Why a rule's evidence cannot be told from what is made of it."""


@dataclass(frozen=True)
class Split:
    """`lets` stay in front. `table` is "" where the evidence comes from no table of its own name. `collapse` is the first
    operator of `tail` where that collapses rows; None where a result row is its own evidence, or nothing is known of groups."""

    lets: tuple[Statement, ...]
    source: Expression
    table: str
    evidence: tuple[Operator, ...]
    tail: tuple[Operator, ...]
    collapse: Operator | None
    #: Whether each result row is one row of evidence.
    row_by_row: bool
    values: dict[str, Expression] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[Expression, ...] | None:
        """The expressions that rows are grouped by; () for one row of all; None where a row cannot be tied to evidence."""
        op = self.collapse
        if isinstance(op, SummarizeOp | MakeSeriesOp):
            return op.by
        if isinstance(op, CountOp):
            return ()
        if isinstance(op, DistinctOp) and not any(isinstance(c, Star) for c in op.columns):
            return op.columns
        return None


def split(script: Script) -> Split:
    """Raises CannotSplit with the reason."""
    results = [s for s in script.statements if isinstance(s, QueryStatement)]
    if len(results) != 1:
        raise CannotSplit(f"the query has {len(results)} results, an exclusion needs one")
    if script.statements[-1] is not results[0]:
        raise CannotSplit("the query goes on after its result")
    for node in walk(script):
        if isinstance(node, Name) and node.text.startswith(PREFIX):
            raise CannotSplit(f"the query uses the name {node.text}; names in {PREFIX}* are needed here")
    lets = script.statements[:-1]
    values = {s.name.text: s.value for s in lets if isinstance(s, LetStatement)}
    source, operators = _spliced(results[0].expression, values)
    table = source.name.text if isinstance(source, NameRef) and not source.name.pattern else ""
    cut = next((i for i, op in enumerate(operators) if not _keeps(op)), None)
    if cut is None:
        cut = len(operators)
        while cut and isinstance(operators[cut - 1], _SHOWING):
            cut -= 1
        # After an order, values may hang on it (row_number); the order then belongs to the evidence.
        tail = operators[cut:]
        return Split(lets, source, table, operators[:cut], tail, None, True, values)
    tail = operators[cut:]
    for op in tail:
        if isinstance(op, UnionOp):
            raise CannotSplit("a union stands behind its evidence, so a result row may come from elsewhere")
        if isinstance(op, JoinOp) and _kind(op) not in _LEFT_KINDS:
            raise CannotSplit(f"a join of kind {_kind(op)} brings rows that are not made from the evidence")
    first = tail[0] if isinstance(tail[0], COLLAPSING) else None
    return Split(lets, source, table, operators[:cut], tail, first, False, values)


def _keeps(op: Operator) -> bool:
    if isinstance(op, MvApplyOp):
        body = op.body
        return isinstance(body, Pipe) and all(
            isinstance(o, WhereOp | ExtendOp | SortOp | TakeOp | TopOp) for o in body.operators
        )
    if isinstance(op, JoinOp):
        return _kind(op) in _LEFT_KINDS
    return isinstance(op, _KEEPING)


def _kind(op: JoinOp) -> str:
    for p in op.parameters:
        if p.name == "kind" and isinstance(p.value, NameRef):
            return p.value.name.text
    return "innerunique"


def _spliced(expression: Expression, values: dict[str, Expression]) -> tuple[Expression, tuple[Operator, ...]]:
    """The source with nothing before it, and all operators on the way."""
    operators: tuple[Operator, ...] = ()
    here = expression
    for _ in range(100):
        if isinstance(here, Pipe):
            operators = here.operators + operators
            if here.source is None:
                first = here.operators[0]
                if isinstance(first, UnionOp) and _is_one_table(first):
                    here, operators = first.tables[0], operators[1:]
                    continue
                raise CannotSplit(f"its rows come from {_word(first)}, not from one table")
            here = here.source
        elif isinstance(here, Call) and here.name.text == "materialize" and len(here.arguments) == 1:
            here = here.arguments[0]
        elif isinstance(here, NameRef) and here.name.text in values:
            name, here = here.name.text, values[here.name.text]
            if isinstance(here, Function):
                if here.params or here.statements or here.body is None:
                    raise CannotSplit(f"its rows come from the function {name}()")
                here = here.body
        elif isinstance(here, Call):
            raise CannotSplit(f"its rows come from the function {here.name.text}()")
        else:
            return here, operators
    raise CannotSplit("its names refer to one another without end")


def _is_one_table(op: UnionOp) -> bool:
    if len(op.tables) != 1 or op.parameters:
        return False
    table = op.tables[0]
    return isinstance(table, Pipe) or (isinstance(table, NameRef) and not table.name.pattern)


def _word(op: Operator) -> str:
    return type(op).__name__.removesuffix("Op").lower()


# --- which columns live on ---
def survives(column: str, operators: tuple[Operator, ...]) -> bool:
    """Whether a column of the source is still there, under its name and with its value, after all operators."""
    return all(renamed(column, op) == column for op in operators)


def renamed(column: str, op: Operator) -> str | None:
    """The name of a column after an operator; None where it is gone or overwritten."""
    if isinstance(op, ExtendOp | SerializeOp):
        return (
            None if any(isinstance(c, Named) and any(n.text == column for n in c.names) for c in op.columns) else column
        )
    if isinstance(op, ProjectOp | DistinctOp):
        return _listed(column, op.columns)
    if isinstance(op, SummarizeOp):
        return _listed(column, op.by)
    if isinstance(op, ProjectAwayOp):
        return None if any(_matches(c, column) for c in op.columns) else column
    if isinstance(op, ProjectKeepOp):
        return column if any(_matches(c, column) for c in op.columns) else None
    if isinstance(op, ProjectRenameOp):
        for c in op.columns:
            if isinstance(c, Named) and isinstance(c.expression, NameRef) and c.expression.name.text == column:
                return c.names[0].text
        return column
    if isinstance(op, ParseOp):
        made = [p.name.text for p in op.pattern if isinstance(p, ParseCapture) and p.name is not None]
        return None if column in made else column
    if isinstance(op, ParseKvOp):
        return None if any(k.name.text == column for k in op.keys) else column
    if isinstance(op, MvExpandOp | MvApplyOp):
        for item in op.items:
            e = item.expression
            names = (
                [n.text for n in e.names] if isinstance(e, Named) else [e.name.text] if isinstance(e, NameRef) else []
            )
            if column in names:
                return None
        return column
    if isinstance(op, JoinOp):
        return column if _kind(op) in _LEFT_KINDS else None
    if isinstance(op, WhereOp | TakeOp | SortOp | TopOp | SampleOp | ProjectReorderOp | RenderOp | AsOp | LookupOp):
        return column
    return None


def _listed(column: str, listed: tuple[Expression, ...]) -> str | None:
    for c in listed:
        if isinstance(c, Star) or (isinstance(c, NameRef) and c.name.text == column):
            return column
        if isinstance(c, Named) and isinstance(c.expression, NameRef) and c.expression.name.text == column:
            return c.names[0].text
    return None


def _matches(pattern: Expression, column: str) -> bool:
    import fnmatch

    if not isinstance(pattern, NameRef):
        return isinstance(pattern, Star)
    name = pattern.name
    return fnmatch.fnmatchcase(column, name.text.replace("[", "[[]")) if name.pattern else name.text == column
