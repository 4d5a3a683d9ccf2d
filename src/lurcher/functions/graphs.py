"""What the graph operators are made of in SQL: keys of nodes, merged properties, lists along a path.

None of these is a function of the language: the binder makes calls of them.
"""

from __future__ import annotations

from lurcher.functions.registry import Nulls, aggregate, scalar

_NEVER, _MAYBE = Nulls.NEVER, Nulls.MAYBE

_UNKNOWN_NODE = (
    "LurcherError: a node that only edges name, in a graph whose node tables have different keys: which of its"
    " properties holds its name is not documented\n  hint: give the node tables the same key column, or add the node"
)

scalar(
    "__graph_key",
    "key: scalar",
    "string",
    "What a node is told apart by: a null is one too.",
    "CASE WHEN {key} IS NULL THEN 'n' ELSE concat('v', CAST({key} AS VARCHAR)) END",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_key_in",
    "part: string, key: string",
    "string",
    "The key of a node in its part of the graph.",
    "concat(length({part}), ':', {part}, {key})",
    nulls=_NEVER,
    hidden=True,
)
scalar("__graph_no_text", "", "string", "A text that is not there.", "CAST(NULL AS VARCHAR)", nulls=_NEVER, hidden=True)
scalar(
    "__graph_unknown",
    "value: scalar, only_edges: bool",
    "arg 0",
    "A property that nobody knows where a node is named by edges alone.",
    f"CASE WHEN {{only_edges}} THEN error('{_UNKNOWN_NODE}') ELSE {{value}} END",
    nulls=_MAYBE,
    hidden=True,
)
scalar(
    "__graph_length",
    "path: dynamic",
    "long",
    "The number of edges of a path.",
    "len({path})",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_array", "values: dynamic", "dynamic", "Values as an array.", "to_json({values})", nulls=_NEVER, hidden=True
)
scalar(
    "__graph_all",
    "values: dynamic",
    "bool",
    "Whether all are true.",
    "len(list_filter({values}, lambda b__: b__ IS NOT TRUE)) = 0",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_any",
    "values: dynamic",
    "bool",
    "Whether one is true.",
    "len(list_filter({values}, lambda b__: b__)) > 0",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_off",
    "values: dynamic, value: long",
    "bool",
    "Whether a path does not use an edge.",
    "NOT list_contains({values}, {value})",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_apart",
    "left: dynamic, right: dynamic",
    "bool",
    "Whether two paths share no edge.",
    "NOT list_has_any({left}, {right})",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "__graph_inner",
    "nodes: dynamic",
    "dynamic",
    "The nodes of a path without its ends.",
    "list_slice({nodes}, 2, -2)",
    nulls=_NEVER,
    hidden=True,
)
aggregate(
    "__graph_merge",
    "value: scalar",
    "arg 0",
    "A node's property out of several rows: the first that there is.",
    "any_value({value} {order})",
    nulls=_MAYBE,
    hidden=True,
)
