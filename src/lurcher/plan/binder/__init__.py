"""The binder: a syntax tree and a catalogue of tables -> typed plans.

| module | what it binds |
|---|---|
| `context` | what it carries: scopes, relations, environments, the registry of operators |
| `statements`, `patterns` | let, functions that are inlined; declare pattern |
| `calls`, `special` | calls; those that the binder takes away |
| `expressions`, `boxed`, `nulltexts` | values; numbers in dynamics; null texts |
| `names`, `tuples` | the names of columns; functions of several columns |
| `sketches` | hll() and tdigest(), which carry their values |
| `tables` | names of tables, pipes, literal rows |
| `cloud`, `external`, `watchlists`, `prelude` | what only the services have, once it is supplied |
| `rows`, `columns`, `groups`, `nested`, `nested_others`, `series`, `joins` | the operators, by family |
| `scan`, `sessions` | a state machine over rows; sessions of rows |
| `partition`, `forks` | a query for each value; several results |
| `unions`, `find`, `expand`, `parsing`, `parse_regex`, `kv` | more of them |
| `plugins` | evaluate: a package, a file a family |
| `graphs`, `graph_match`, `graph_names` | graphs, patterns in them, and what names mean there |
| `typed` | operators that are typed and then refused |

All of a text's errors come out at once: what is wrong has the type unknown, which fits everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import lurcher.functions  # noqa: F401  Its rows.
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import LU003, Diagnostic
from lurcher.plan import nodes as n
from lurcher.plan.binder import (  # noqa: F401  They declare the operators.
    columns,
    expand,
    find,
    forks,
    graph_match,
    graphs,
    groups,
    joins,
    kv,
    nested,
    parsing,
    partition,
    plugins,
    rows,
    scan,
    series,
    special,
    typed,
    unions,
)
from lurcher.plan.binder.context import Context
from lurcher.plan.binder.statements import script
from lurcher.plan.catalog import Catalog
from lurcher.plan.probe import Probe

__all__ = ["Bound", "bind", "ticks"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The results of a text, each a query. They may be run only where `ok`; their columns are right as far as known even
    where something is refused."""

    queries: tuple[n.Query, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(d.is_error for d in self.diagnostics)


def ticks(moment: datetime) -> int:
    """100 ns ticks since 0001-01-01; a time without a zone is UTC."""
    from datetime import UTC

    utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = utc - datetime(1, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def bind(
    tree: sx.Script,
    catalog: Catalog,
    *,
    now: int | datetime,
    parameters: Mapping[str, Any] | None = None,
    probe: Probe | None = None,
) -> Bound:
    """Bind a text that parsed without errors. `now` is what now() gives, in ticks since 0001-01-01 or as a datetime;
    `parameters` are values for `declare query_parameters`, in the form of `Literal.value`; `probe` runs a plan where the columns
    of an operator are values of the rows (none: they stay open, and the query cannot be run). Never raises."""
    moment = now if isinstance(now, int) else ticks(now)
    cx = Context(catalog, moment, parameters=dict(parameters or {}), probe=probe)
    try:
        queries = script(cx, tree)
    except RecursionError:
        cx.say(LU003, tree.span, what="expressions in expressions", limit="about 200 deep")
        queries = ()
    found = sorted(cx.diagnostics, key=lambda d: (d.span.start, d.span.end))
    return Bound(queries, tuple(found))
