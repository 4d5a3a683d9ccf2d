"""The engine's steps beside the query's: which lines of the text an operator comes from.

The engine is asked one statement and rearranges it: filters move into the reading of files, joins change their order. An operator
is tied to the nodes of the plan that do such a thing over the same tables; where several do, and nothing tells them apart, to all
of them. What nothing in the plan stands for (a column put aside) has no line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lurcher.engines.lowering.relations import uses
from lurcher.engines.profile import Operator, Profile, rows_in
from lurcher.kql.source import NOWHERE, Span
from lurcher.plan import nodes as n
from lurcher.plan.machine import Machine
from lurcher.plan.walk import inputs

#: What the engine calls it: in words.
_WORDS = {
    "FILTER": "filter", "PROJECTION": "compute columns", "HASH_GROUP_BY": "group", "PERFECT_HASH_GROUP_BY": "group",
    "PARTITIONED_AGGREGATE": "group", "UNGROUPED_AGGREGATE": "summarize all rows", "ORDER_BY": "sort",
    "TOP_N": "sort, keep the first", "LIMIT": "keep the first", "STREAMING_LIMIT": "keep the first", "HASH_JOIN": "join",
    "NESTED_LOOP_JOIN": "join, pair by pair", "BLOCKWISE_NL_JOIN": "join, pair by pair", "PIECEWISE_MERGE_JOIN": "join, in order",
    "IE_JOIN": "join, in order", "ASOF_JOIN": "join, in order", "CROSS_PRODUCT": "every pair of rows",
    "POSITIONAL_SCAN": "join side by side", "WINDOW": "look at rows in their order",
    "STREAMING_WINDOW": "look at rows in their order", "UNNEST": "take lists apart", "UNION": "put together",
    "CTE": "keep it for several", "CTE_SCAN": "take what was kept", "LEFT_DELIM_JOIN": "for each row",
    "RIGHT_DELIM_JOIN": "for each row", "EMPTY_RESULT": "nothing: no row can be needed", "RECURSIVE_CTE": "again and again",
    "STREAMING_SAMPLE": "sample", "RESERVOIR_SAMPLE": "sample", "INOUT_FUNCTION": "take apart",
    "DUMMY_SCAN": "one row of nothing", "COLUMN_DATA_SCAN": "rows at hand",
}  # fmt: skip

_PAIRS = (
    "HASH_JOIN",
    "NESTED_LOOP_JOIN",
    "BLOCKWISE_NL_JOIN",
    "PIECEWISE_MERGE_JOIN",
    "IE_JOIN",
    "ASOF_JOIN",
    "CROSS_PRODUCT",
)
_GROUPS = (n.Aggregate, n.Pick, n.Series)
#: What an operator does: the nodes that ask for such a thing, and whether those over the same tables keep their order.
_KINDS: tuple[tuple[tuple[str, ...], tuple[type[n.Plan], ...], bool], ...] = (
    (("HASH_GROUP_BY", "PERFECT_HASH_GROUP_BY", "PARTITIONED_AGGREGATE", "UNGROUPED_AGGREGATE"), (*_GROUPS, Machine), True),
    (("ORDER_BY", "TOP_N"), (n.Sort,), True),
    (("LIMIT", "STREAMING_LIMIT"), (n.Limit,), True),
    (("WINDOW", "STREAMING_WINDOW"), (n.Window, n.Pick, Machine), True),
    (("UNNEST", "INOUT_FUNCTION"), (n.Expand, n.Elements, n.Apply), True),
    (("UNION",), (n.Union,), False),
    (_PAIRS, (n.Join, n.Filter), False),
    (("FILTER",), (n.Filter, n.Join), False),
    (("PROJECTION",), (n.Project,), False),
    (("STREAMING_SAMPLE", "RESERVOIR_SAMPLE"), (n.Sample,), True),
    (("LEFT_DELIM_JOIN", "RIGHT_DELIM_JOIN"), (n.Apply,), False),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """What the engine did: in words, on what. `spans` are the places in the text that it may come of. `rows_in` is None where it
    is not known, `share` of the time of all steps."""

    text: str
    on: str
    spans: tuple[Span, ...]
    rows_in: int | None
    rows: int
    seconds: float
    share: float
    depth: int


def steps(plan: n.Plan, profile: Profile, names: Callable[[str], Sequence[Span]]) -> tuple[Step, ...]:
    """The engine's steps, first things first. `names`: where the text names a table."""
    nodes = _Nodes(plan)
    places = _places(profile.root, nodes)
    total = sum(o.seconds for o in profile.root.walk())
    found = []
    for operator, depth in _with_depth(profile.root):
        if operator.kind == "PROJECTION" and not _counts(operator, total):
            continue
        spans = places.get(id(operator), ())
        if _reads(operator):
            spans = (
                *(s for table in sorted(operator.tables) for s in names(table)),
                *_asked_while_reading(operator, nodes),
            )
        found.append(
            Step(
                _words(operator),
                _on(operator),
                tuple(dict.fromkeys(spans)),
                rows_in(operator, profile),
                operator.rows,
                operator.seconds,
                operator.seconds / total if total else 0.0,
                depth,
            )
        )
    return tuple(found)


def _counts(operator: Operator, total: float) -> bool:
    """Whether columns that are computed take time: most projections only pass on."""
    return bool(total) and operator.seconds / total >= 0.01


def _with_depth(root: Operator) -> Iterator[tuple[Operator, int]]:
    """In the order in which rows come, with how far each stands aside: the other side of a join, what is computed once."""
    depths = {id(root): 0}
    stack = [root]
    while stack:
        top = stack.pop()
        for index, below in enumerate(top.inputs):
            main = len(top.inputs) - 1 if top.kind == "CTE" else 0
            depths[id(below)] = depths[id(top)] + (0 if index == main else 1)
            stack.append(below)
    return ((o, depths[id(o)]) for o in root.walk())


class _Nodes:
    """The nodes of a plan by what they do and which tables are below them; those that are computed first, first."""

    def __init__(self, plan: n.Plan) -> None:
        self._tables: dict[int, frozenset[str]] = {}
        self.all: list[n.Plan] = []
        order: list[n.Plan] = []
        stack: list[tuple[n.Plan, bool]] = [(plan, False)]
        seen: set[int] = set()
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((b, False) for b in reversed(inputs(node)))
        for node in order:
            own = frozenset({node.table}) if isinstance(node, n.Scan) else frozenset[str]()
            self._tables[id(node)] = own.union(*(self._tables[id(b)] for b in inputs(node)))
        self.all = order

    def of(self, kinds: tuple[type[n.Plan], ...], tables: frozenset[str]) -> list[n.Plan]:
        return [x for x in self.all if isinstance(x, kinds) and self._tables[id(x)] == tables and x.span != NOWHERE]

    def around(self, kinds: tuple[type[n.Plan], ...], tables: frozenset[str]) -> list[n.Plan]:
        """Those over these tables and others: the engine has moved a step, or left a table out."""
        return [x for x in self.all if isinstance(x, kinds) and self._tables[id(x)] > tables and x.span != NOWHERE]

    def limits_of(self, sort: n.Plan) -> list[n.Plan]:
        return [x for x in self.all if isinstance(x, n.Limit) and x.input is sort]


def _places(root: Operator, nodes: _Nodes) -> dict[int, tuple[Span, ...]]:
    found: dict[int, tuple[Span, ...]] = {}
    for names, kinds, ordered in _KINDS:
        groups: dict[frozenset[str], list[Operator]] = {}
        for operator in root.walk():
            if operator.kind in names:
                groups.setdefault(operator.tables, []).append(operator)
        for tables, operators in groups.items():
            asked = nodes.of(kinds, tables)
            one_by_one = ordered and len(asked) == len(operators)
            for index, operator in enumerate(operators):
                mine = [asked[index]] if one_by_one else _likely(operator, asked)
                mine = mine or _likely(operator, nodes.around(kinds, tables))
                spans = [s for x in mine for s in (x.span, *(limit.span for limit in nodes.limits_of(x)))]
                found[id(operator)] = tuple(s for s in dict.fromkeys(spans) if s != NOWHERE)
    return found


def _likely(operator: Operator, asked: list[n.Plan]) -> list[n.Plan]:
    """Those of the nodes that an operator can be of, by what the engine says of it."""
    if "Join Type" in operator.extra or operator.kind == "CROSS_PRODUCT":
        kinds = _JOINS.get(str(operator.extra.get("Join Type", "INNER")).removeprefix("RIGHT_"), ())
        return [
            x
            for x in asked
            if (isinstance(x, n.Join) and x.kind in kinds) or (not isinstance(x, n.Join) and _has_query(x))
        ]
    if operator.kind == "FILTER":
        filters = [x for x in asked if isinstance(x, n.Filter)]
        return _mentioned(str(operator.extra.get("Expression", "")), filters) or asked
    return asked


#: What the engine calls a join: the sorts of joins of a query. A condition that asks another query is a join as well.
_JOINS: dict[str, tuple[str, ...]] = {
    "INNER": ("inner",), "LEFT": ("leftouter", "rightouter"), "RIGHT": ("leftouter", "rightouter"), "FULL": ("fullouter",),
    "OUTER": ("fullouter",), "SEMI": ("leftsemi",), "ANTI": ("leftanti",),
}  # fmt: skip


def _mentioned(said: str, filters: Sequence[n.Plan]) -> list[n.Plan]:
    """The filters one of whose columns a condition of the engine's names; all where it names none."""
    words = set(re.findall(r"\w+", said))
    return [x for x in filters if isinstance(x, n.Filter) and uses((x.predicate,)).keys() & words] or list(filters)


def _has_query(node: n.Plan) -> bool:
    return len(inputs(node)) > 1


def _reads(operator: Operator) -> bool:
    return not operator.inputs and bool(operator.tables) and operator.kind != "CTE_SCAN"


def _asked_while_reading(operator: Operator, nodes: _Nodes) -> list[Span]:
    """The filters whose conditions the engine asks while it reads: those over this table alone that no operator of their own is
    left of, or that it asks in both places."""
    if not operator.extra.get("Filters"):
        return []
    return [x.span for x in _mentioned(str(operator.extra["Filters"]), nodes.of((n.Filter,), operator.tables))]


def _words(operator: Operator) -> str:
    if _reads(operator):
        return f"read {', '.join(sorted(operator.tables))}"
    if operator.kind == "HASH_JOIN":
        kind = str(operator.extra.get("Join Type", "")).lower().replace("_", " ")
        return f"join ({kind})" if kind else "join"
    if operator.kind == "TOP_N":
        return f"sort, keep the first {operator.extra.get('Top', '')}".rstrip()
    if operator.kind in ("LIMIT", "STREAMING_LIMIT") and operator.extra.get("Limit"):
        return f"keep the first {operator.extra['Limit']}"
    return _WORDS.get(operator.kind, operator.kind.lower().replace("_", " "))


#: What the engine says a step is on, the most telling first.
_ON = ("Conditions", "Expression", "Filters", "Groups", "Aggregates", "Order By", "CTE Name", "Projections")


def _on(operator: Operator) -> str:
    for key in _ON:
        value = operator.extra.get(key)
        if value and not (key == "Groups" and str(value).startswith("#")):
            return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return ""
