"""Functions that only the services have: Defender's, Sentinel's, the unified schema's (ASIM).

They are bound and typed, so that a query with them is checked whole, and then refused: what would have to be allowed or
supplied is said. `FileProfile` goes on without what it would add, and says so.

`data/cloud.tsv` holds them, a line each: name, what it is (`extends` a piped table, gives a `table`, an `open` one whose
other columns are not listed), parameters, columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from lurcher.functions.resolve import counted
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS120, LU002, LU009, LU010
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, col, null, project
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.names import Sides

T = ScalarType


@dataclass(frozen=True, slots=True)
class CloudFunction:
    name: str
    kind: str  # extends, table, open
    #: name, and whether it may be left out
    params: tuple[tuple[str, bool], ...]
    columns: tuple[Column, ...]


@cache
def _lines() -> dict[str, str]:
    text = (resources.files("lurcher.plan") / "data" / "cloud.tsv").read_text(encoding="utf-8")
    return {line.partition("\t")[0]: line for line in text.splitlines() if line and not line.startswith("#")}


def is_function(name: str) -> bool:
    return name in _lines()


@cache
def function(name: str) -> CloudFunction:
    _, kind, params, columns = _lines()[name].split("\t")
    return CloudFunction(
        name,
        kind,
        tuple((p.rstrip("?"), p.endswith("?")) for p in params.split()),
        tuple(Column(c, ScalarType(t)) for c, _, t in (pair.partition(":") for pair in columns.split())),
    )


def call(cx: Context, env: Env, node: sx.Call, piped: Rel | None) -> Rel:
    """A call of such a function; `piped` is the table in front of `invoke`."""
    from lurcher.plan.binder.tables import table

    found = function(node.name.text)
    arguments = list(node.arguments)
    if found.kind == "extends" and piped is None and arguments:
        piped = table(cx, env.scope, arguments.pop(0))
    args = _arguments(cx, env, found, arguments, piped, node)
    if found.kind == "extends":
        return _extended(cx, found, piped, node)
    if found.name == "_GetWatchlist" and (known := _watchlist(cx, args)) is not None:
        return known
    hint = "keep the list as a CSV file in the lake's watchlists" if found.name == "_GetWatchlist" else ""
    cx.say(LU002, node.span, what=f"{found.name}(), which only the service has,", hint=hint)
    plan = n.TableFunction(input=None, name=found.name, args=tuple(args), columns=found.columns, span=node.span)
    return Rel(plan, open=found.kind == "open")


def _watchlist(cx: Context, args: list[n.Expr]) -> Rel | None:
    """A watchlist that the lake has, as the table `watchlists/<alias>`."""
    alias = args[0].value if args and isinstance(args[0], n.Lit) else None
    if not isinstance(alias, str):
        return None
    schema = cx.catalog.table(f"watchlists/{alias}")
    return None if schema is None else Rel(n.Scan(table=schema.name, columns=schema.columns))


def _arguments(
    cx: Context, env: Env, found: CloudFunction, nodes: list[sx.Expression], piped: Rel | None, node: sx.Call
) -> list[n.Expr]:
    names = [name for name, _ in found.params]
    args: list[n.Expr] = []
    # `invoke FileProfile(SHA1, 100)` may name a column of the piped table.
    row = Env(env.scope, piped) if piped is not None else env
    for argument in nodes:
        if isinstance(argument, sx.Named):
            if argument.names[0].text not in names:
                name = argument.names[0].text
                cx.say(LU009, argument.span, name=name, function=found.name, problem="not declared")
            argument = argument.expression
        args.append(scalar(cx, row, argument))
    required = sum(1 for _, optional in found.params if not optional)
    if not required <= len(nodes) <= len(names):
        counts = counted(required, len(names))
        cx.say(KS120, node.name.span, name=found.name, counts=counts, given=len(nodes))
    return args


def _extended(cx: Context, found: CloudFunction, piped: Rel | None, node: sx.Call) -> Rel:
    from lurcher.plan.binder.tables import unknown_table

    rel = piped if piped is not None else unknown_table(node.span)
    sides = Sides((c.name for c in rel.columns), (c.name for c in found.columns))
    items: list[n.Item] = [(c.name, col(c.name, c.type)) for c in rel.columns]
    added = []
    for column in found.columns:
        name = sides.add(column.name)
        added.append(name)
        items.append((name, null(column.type)))
    if found.name == "FileProfile":
        hint = "conditions on them see no value: read the result with that in mind"
        cx.say(
            LU010, node.span, what="what Microsoft knows of files (FileProfile)", columns=", ".join(added), hint=hint
        )
    else:
        cx.say(LU002, node.span, what=f"{found.name}(), which only the service has,")
    return project(rel, items, node.span)
