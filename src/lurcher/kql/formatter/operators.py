"""Operators -> text, one function each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lurcher.kql import syntax as s
from lurcher.kql.formatter import words
from lurcher.kql.formatter.expressions import (
    WRITERS,
    columns,
    comma,
    expression,
    in_parentheses,
    parameter,
    parameters,
)
from lurcher.kql.formatter.statements import params, statement

Writer = Callable[[Any, str], str]
_STEP = "    "


def _writes(*kinds: type[s.Operator]) -> Callable[[Writer], Writer]:
    def declare(writer: Writer) -> Writer:
        WRITERS.update(dict.fromkeys(kinds, writer))
        return writer

    return declare


def _list(word: str) -> Writer:
    return lambda op, ind: f"{word} {comma(op.columns, ind)}".rstrip()


def _counted(word: str) -> Writer:
    return lambda op, ind: f"{word}{parameters(op.parameters, ind)} {expression(op.count, 1, ind)}"


def _settings_only(word: str) -> Writer:
    return lambda op, ind: f"{word}{parameters(op.parameters, ind)}"


_SIMPLE: dict[type[s.Operator], Writer] = {
    s.ExtendOp: _list("extend"),
    s.ProjectOp: _list("project"),
    s.ProjectAwayOp: _list("project-away"),
    s.ProjectKeepOp: _list("project-keep"),
    s.ProjectRenameOp: _list("project-rename"),
    s.ProjectByNamesOp: _list("project-by-names"),
    s.PrintOp: _list("print"),
    s.TakeOp: _counted("take"),
    s.SampleOp: _counted("sample"),
    s.GetSchemaOp: _settings_only("getschema"),
    s.ConsumeOp: _settings_only("consume"),
    s.GraphMarkComponentsOp: _settings_only("graph-mark-components"),
    s.ExecuteAndCacheOp: lambda op, ind: "__executeAndCache",
}
WRITERS.update(_SIMPLE)


@_writes(s.AssertSchemaOp)
def _assert_schema(op: s.AssertSchemaOp, ind: str) -> str:
    return f"assert-schema ({columns(op.columns)})"


@_writes(s.InvokeOp)
def _invoke(op: s.InvokeOp, ind: str) -> str:
    return f"invoke {expression(op.function, 1, ind)}"


@_writes(s.WhereOp)
def _where(op: s.WhereOp, ind: str) -> str:
    return f"where{parameters(op.parameters, ind)} {expression(op.predicate, 1, ind)}"


def _ordered(node: s.Ordered, ind: str) -> str:
    text = expression(node.expression, 1, ind)
    if node.descending is not None:
        text += " desc" if node.descending else " asc"
    if node.nulls_first is not None:
        text += " nulls first" if node.nulls_first else " nulls last"
    return text


def _all_ordered(nodes: Sequence[s.Ordered], ind: str) -> str:
    return ", ".join(_ordered(n, ind) for n in nodes)


@_writes(s.SortOp)
def _sort(op: s.SortOp, ind: str) -> str:
    return f"sort{parameters(op.parameters, ind)} by {_all_ordered(op.keys, ind)}"


@_writes(s.TopOp)
def _top(op: s.TopOp, ind: str) -> str:
    return f"top{parameters(op.parameters, ind)} {expression(op.count, 1, ind)} by {_ordered(op.key, ind)}"


@_writes(s.CountOp)
def _count(op: s.CountOp, ind: str) -> str:
    return "count" if op.name is None else f"count as {words.name(op.name)}"


@_writes(s.DistinctOp)
def _distinct(op: s.DistinctOp, ind: str) -> str:
    return f"distinct{parameters(op.parameters, ind)} {comma(op.columns, ind)}"


@_writes(s.SampleDistinctOp)
def _sample_distinct(op: s.SampleDistinctOp, ind: str) -> str:
    return f"sample-distinct {expression(op.count, 1, ind)} of {expression(op.of, 1, ind)}"


@_writes(s.TopHittersOp)
def _top_hitters(op: s.TopHittersOp, ind: str) -> str:
    by = "" if op.by is None else f" by {expression(op.by, 1, ind)}"
    return f"top-hitters {expression(op.count, 1, ind)} of {expression(op.of, 1, ind)}{by}"


@_writes(s.TopNestedOp)
def _top_nested(op: s.TopNestedOp, ind: str) -> str:
    levels = []
    for level in op.levels:
        count = "" if level.count is None else f" {expression(level.count, 1, ind)}"
        others = "" if level.others is None else f" with others = {expression(level.others, 1, ind)}"
        levels.append(f"top-nested{count} of {expression(level.of, 1, ind)}{others} by {_ordered(level.by, ind)}")
    return ", ".join(levels)


@_writes(s.RangeOp)
def _range(op: s.RangeOp, ind: str) -> str:
    low, high, step = (expression(e, 1, ind) for e in (op.start, op.stop, op.step))
    return f"range {words.name(op.name)} from {low} to {high} step {step}"


@_writes(s.ProjectReorderOp)
def _reorder(op: s.ProjectReorderOp, ind: str) -> str:
    return "project-reorder " + ", ".join(f"{expression(c.column, 1, ind)} {c.order}".rstrip() for c in op.columns)


@_writes(s.SerializeOp)
def _serialize(op: s.SerializeOp, ind: str) -> str:
    return f"serialize{parameters(op.parameters, ind)} {comma(op.columns, ind)}".rstrip()


@_writes(s.AsOp)
def _as(op: s.AsOp, ind: str) -> str:
    return f"as{parameters(op.parameters, ind)} {words.name(op.name)}"


@_writes(s.RenderOp)
def _render(op: s.RenderOp, ind: str) -> str:
    parts: list[str] = []
    last = ""
    for p in op.properties:
        if p.name == last:
            parts[-1] += f", {expression(p.value, 1, ind)}"
        elif p.name == "by":
            parts.append(f"by {expression(p.value, 1, ind)}")
        else:
            parts.append(parameter(p, ind))
        last = p.name if p.name in ("by", "series", "ycolumns", "anomalycolumns") else ""
    if op.with_form:
        return f"render {op.chart} with ({', '.join(parts)})"
    return " ".join(["render", op.chart, *parts])


@_writes(s.SummarizeOp)
def _summarize(op: s.SummarizeOp, ind: str) -> str:
    by = f" by {comma(op.by, ind)}" if op.by else ""
    aggregates = f" {comma(op.aggregates, ind)}" if op.aggregates else ""
    return f"summarize{parameters(op.parameters, ind)}{aggregates}{by}"


@_writes(s.MakeSeriesOp)
def _make_series(op: s.MakeSeriesOp, ind: str) -> str:
    from lurcher.kql.parser.expressions import COMPARISON

    aggregates = []
    for a in op.aggregates:
        default = "" if a.default is None else f" default = {expression(a.default, 1, ind)}"
        aggregates.append(expression(a.aggregate, 1, ind) + default)
    if isinstance(op.on, s.Named):
        on = f"{words.name(op.on.names[0])} = {expression(op.on.expression, COMPARISON, ind)}"
    else:
        on = expression(op.on, COMPARISON, ind)
    text = f"make-series{parameters(op.parameters, ind)} {', '.join(aggregates)} on {on}"
    if op.in_range and op.start is not None and op.stop is not None:
        text += f" in range({comma((op.start, op.stop, op.step), ind)})"
    else:
        text += "" if op.start is None else f" from {expression(op.start, 1, ind)}"
        text += "" if op.stop is None else f" to {expression(op.stop, 1, ind)}"
        text += f" step {expression(op.step, 1, ind)}"
    return text + (f" by {comma(op.by, ind)}" if op.by else "")


@_writes(s.PartitionOp)
def _partition(op: s.PartitionOp, ind: str) -> str:
    head = f"partition{parameters(op.parameters, ind)} by {expression(op.by, 1, ind)}"
    if op.braces:
        return f"{head} {{ {expression(op.body, 0, ind)} }}"
    return f"{head} {in_parentheses(op.body, ind)}"


@_writes(s.PartitionByOp)
def _partition_by(op: s.PartitionByOp, ind: str) -> str:
    id_ = "" if op.id is None else f" id {expression(op.id, 1, ind)}"
    entity = expression(op.entity, 1, ind)
    return f"__partitionby{parameters(op.parameters, ind)} {entity}{id_} {in_parentheses(op.body, ind)}"


@_writes(s.ReduceOp)
def _reduce(op: s.ReduceOp, ind: str) -> str:
    options = ", ".join(parameter(p, ind) for p in op.options)
    tail = f" with {options}" if options else ""
    return f"reduce{parameters(op.parameters, ind)} by {expression(op.by, 1, ind)}{tail}"


@_writes(s.JoinOp, s.LookupOp)
def _join(op: s.JoinOp | s.LookupOp, ind: str) -> str:
    from lurcher.kql.formatter.expressions import PRIMARY

    word = "join" if isinstance(op, s.JoinOp) else "lookup"
    tail = ""
    if op.conditions:
        tail = f" on {comma(op.conditions, ind)}"
    elif op.where is not None:
        tail = f" where {expression(op.where, 1, ind)}"
    right = expression(op.right, PRIMARY, ind)
    # A name in parentheses reads better, and is the same.
    right = right if right.startswith("(") else f"({right})"
    return f"{word}{parameters(op.parameters, ind)} {right}{tail}"


@_writes(s.UnionOp)
def _union(op: s.UnionOp, ind: str) -> str:
    return f"union{parameters(op.parameters, ind)} {_tables(op.tables, ind)}"


def _tables(tables: Sequence[s.Expression], ind: str) -> str:
    """Where tables stand, what is no name, path or call stands in parentheses."""
    parts = []
    for t in tables:
        bare = isinstance(t, s.NameRef | s.Star | s.Path) or (
            isinstance(t, s.Call) and t.name.text not in ("toscalar", "totable", "materialize")
        )
        parts.append(expression(t, 1, ind) if bare else in_parentheses(t, ind))
    return ", ".join(parts)


def _in_clause(tables: Sequence[s.Expression], ind: str) -> str:
    return f" in ({_tables(tables, ind)})" if tables else ""


@_writes(s.SearchOp)
def _search(op: s.SearchOp, ind: str) -> str:
    return f"search{parameters(op.parameters, ind)}{_in_clause(op.tables, ind)} {expression(op.predicate, 1, ind)}"


@_writes(s.FindOp)
def _find(op: s.FindOp, ind: str) -> str:
    text = f"find{parameters(op.parameters, ind)}{_in_clause(op.tables, ind)} where {expression(op.predicate, 1, ind)}"
    if op.project_smart:
        return text + " project-smart"
    return text + (f" project {', '.join(_find_column(c) for c in op.project)}" if op.project else "")


def _find_column(node: s.FindColumn) -> str:
    if node.star:
        return "*"
    if node.pack_all or node.name is None:
        return "pack(*)" if node.name is None else "pack_all()"
    return words.name(node.name) + ("" if node.type is None else f":{node.type}")


@_writes(s.EvaluateOp)
def _evaluate(op: s.EvaluateOp, ind: str) -> str:
    text = f"evaluate{parameters(op.parameters, ind)} {expression(op.call, 1, ind)}"
    if op.schema is None:
        return text
    inner = (["*"] if op.open_schema else []) + ([columns(op.schema)] if op.schema else [])
    return f"{text} : ({', '.join(inner)})"


@_writes(s.ForkOp)
def _fork(op: s.ForkOp, ind: str) -> str:
    parts = []
    for branch in op.branches:
        name = "" if branch.name is None else f"{words.name(branch.name)} = "
        parts.append(name + in_parentheses(branch.body, ind))
    return "fork " + " ".join(parts)


@_writes(s.FacetOp)
def _facet(op: s.FacetOp, ind: str) -> str:
    body = "" if op.body is None else f" with {in_parentheses(op.body, ind)}"
    return f"facet by {comma(op.columns, ind)}{body}"


@_writes(s.MacroExpandOp)
def _macro_expand(op: s.MacroExpandOp, ind: str) -> str:
    scope = "" if op.scope is None else f" as {words.name(op.scope)}"
    head = f"macro-expand{parameters(op.parameters, ind)} {expression(op.entities, 1, ind)}{scope}"
    return f"{head} ({'; '.join(statement(x, ind) for x in op.statements)})"


def _items(items: Sequence[s.ExpandItem], ind: str) -> str:
    return ", ".join(expression(i.expression, 1, ind) + ("" if i.to is None else f" to typeof({i.to})") for i in items)


@_writes(s.MvExpandOp)
def _mv_expand(op: s.MvExpandOp, ind: str) -> str:
    limit = "" if op.limit is None else f" limit {expression(op.limit, 1, ind)}"
    return f"mv-expand{parameters(op.parameters, ind)} {_items(op.items, ind)}{limit}"


@_writes(s.MvApplyOp)
def _mv_apply(op: s.MvApplyOp, ind: str) -> str:
    limit = "" if op.limit is None else f" limit {expression(op.limit, 1, ind)}"
    id_ = "" if op.context_id is None else f" id {expression(op.context_id, 1, ind)}"
    return f"mv-apply{parameters(op.parameters, ind)} {_items(op.items, ind)}{limit}{id_} on {in_parentheses(op.body, ind)}"


@_writes(s.ParseOp)
def _parse(op: s.ParseOp, ind: str) -> str:
    parts = []
    for piece in op.pattern:
        if isinstance(piece, s.Literal):
            parts.append(words.literal(piece))
        elif piece.skip or piece.name is None:
            parts.append("*")
        else:
            # `string` is what a capture is without a type.
            parts.append(words.name(piece.name) + ("" if piece.type == "string" else f":{piece.type}"))
    word = "parse-where" if op.where else "parse"
    return f"{word}{parameters(op.parameters, ind)} {expression(op.expression, 1, ind)} with {' '.join(parts)}".rstrip()


@_writes(s.ParseKvOp)
def _parse_kv(op: s.ParseKvOp, ind: str) -> str:
    options = ", ".join(parameter(p, ind) for p in op.options)
    tail = f" with ({options})" if options else ""
    return f"parse-kv {expression(op.expression, 1, ind)} as ({columns(op.keys)}){tail}"


@_writes(s.ScanOp)
def _scan(op: s.ScanOp, ind: str) -> str:
    text = f"scan{parameters(op.parameters, ind)}"
    if op.order_by:
        text += f" order by {_all_ordered(op.order_by, ind)}"
    if op.partition_by:
        text += f" partition by {comma(op.partition_by, ind)}"
    if op.declare:
        text += f" declare ({params(op.declare, ind)})"
    inner = ind + _STEP
    return f"{text} with (\n" + "".join(f"{inner}{_step(x, inner)}\n" for x in op.steps) + f"{ind})"


def _step(node: s.ScanStep, ind: str) -> str:
    text = f"step {words.name(node.name)}{' optional' if node.optional else ''}"
    text += f" output={node.output}" if node.output else ""
    text += f": {expression(node.condition, 1, ind)}"
    if node.assignments:
        text += " => " + ", ".join(f"{words.name(a.name)} = {expression(a.value, 1, ind)}" for a in node.assignments)
    return text + ";"


@_writes(s.MakeGraphOp)
def _make_graph(op: s.MakeGraphOp, ind: str) -> str:
    arrow = "-->" if op.directed else "--"
    text = (
        f"make-graph{parameters(op.parameters, ind)} {words.name(op.source.name)} {arrow} {words.name(op.target.name)}"
    )
    if op.tables:
        tables = (f"{_tables((t.table,), ind)} on {expression(t.key, 1, ind)}" for t in op.tables)
        text += f" with {', '.join(tables)}"
    if op.node_id is not None:
        text += f" with_node_id={words.name(op.node_id)}"
    if op.partitioned_by is not None and op.partition_body is not None:
        text += f" partitioned-by {expression(op.partitioned_by, 1, ind)} {in_parentheses(op.partition_body, ind)}"
    return text


@_writes(s.GraphMatchOp)
def _graph_match(op: s.GraphMatchOp, ind: str) -> str:
    word = "graph-shortest-paths" if op.shortest else "graph-match"
    text = f"{word}{parameters(op.parameters, ind)} {', '.join(_pattern(x, ind) for x in op.patterns)}"
    text += "" if op.where is None else f" where {expression(op.where, 1, ind)}"
    return text + (f" project {comma(op.project, ind)}" if op.project else "")


def _pattern(pattern: s.GraphPattern, ind: str) -> str:
    parts = []
    for piece in pattern:
        name = "" if piece.name is None else words.name(piece.name)
        if isinstance(piece, s.GraphNode):
            parts.append(f"({name})")
            continue
        if piece.low is not None and piece.high is not None:
            name += f"*{expression(piece.low, 1, ind)}..{expression(piece.high, 1, ind)}"
        body = f"-[{name}]-" if name else "--"
        parts.append(f"{'<' if piece.direction == 'in' else ''}{body}{'>' if piece.direction == 'out' else ''}")
    return "".join(parts)


@_writes(s.GraphToTableOp)
def _graph_to_table(op: s.GraphToTableOp, ind: str) -> str:
    parts = []
    for item in op.items:
        name = "" if item.name is None else f" as {words.name(item.name)}"
        parts.append(f"{item.kind}{name}{parameters(item.parameters, ind)}")
    return "graph-to-table " + ", ".join(parts)


@_writes(s.GraphWhereOp)
def _graph_where(op: s.GraphWhereOp, ind: str) -> str:
    return f"graph-where-{'edges' if op.edges else 'nodes'} {expression(op.predicate, 1, ind)}"
