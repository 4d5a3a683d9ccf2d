"""Functions that only the services have: Defender's, Sentinel's, the unified schema's (ASIM).

They are bound and typed, so that a query with them is checked whole, and then refused: what would have to be allowed or
supplied is said. Some are computed of the tables that there are (`prelude`), and say so.

`data/cloud.tsv` holds them, a line each: name, what it is (`extends` a piped table, gives a `table`, an `open` one whose
other columns are not listed), parameters, columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, counted, resolve
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, KS142, LU002, LU009, LU010, LU025
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, col, keep, near, null, project
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.prelude import call_prelude
from lurcher.plan.binder.watchlists import aliases, watchlist

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
    from importlib import resources

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
    handler = _HERE.get(found.name)
    if handler is not None:
        return handler(cx, found, piped, args, node)
    if found.name == "_GetWatchlist":
        return watchlist(cx, args, node, found.columns)
    if found.name == "_GetWatchlistAlias":
        return aliases(node)
    cx.say(LU002, node.span, what=f"{found.name}(), which only the service has,", hint=_PARSERS)
    plan = n.TableFunction(input=None, name=found.name, args=tuple(args), columns=found.columns, span=node.span)
    return Rel(plan, open=found.kind == "open")


_PARSERS = "read the tables that it is made of: lurcher knows their columns"


def is_bare(name: str) -> bool:
    """Whether the name alone, without parentheses, calls a function: it needs no argument, and is no table."""
    return (
        is_function(name)
        and function(name).kind != "extends"
        and all(optional for _, optional in function(name).params)
    )


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


# --- computed of the tables that there are ---------------------------------------------------------------------------------
#: What nobody but the service knows of a file.
_GLOBAL = "GlobalPrevalence, GlobalFirstSeen, GlobalLastSeen, IsExecutable, ThreatName, Publisher, SoftwareName"
_REPORTS = "the newest report of each adapter in DeviceNetworkInfo"


def _file_profile(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    """Every row with what is known of the file that a hash names, of whatever kind the hash is. The service enriches as many rows
    as it is asked to (100 where it is not); here there is no limit."""
    rel = _piped(piped, node)
    key = _named(cx, rel, args[0] if args else None, "SHA1", node)
    given = cx.catalog.table("FileProfile")
    if given is not None:
        table = Rel(n.Scan(table=given.name, columns=given.columns, aside=True))
        profiles = _once(cx, lambda: call_prelude(cx, "GivenProfiles", node.span, piped=table))
        cx.say(LU025, node.span, what="FileProfile()", how="the table FileProfile, then what the tables say of files",
               hint=f"of files that are not in it {_GLOBAL} are null")  # fmt: skip
    else:
        profiles = _once(cx, lambda: call_prelude(cx, "Profiles", node.span))
        hint = "keep rows of the service as the table FileProfile: lurcher add FILE --table FileProfile"
        cx.say(LU010, node.span, what="what Microsoft knows of files (FileProfile)", columns=_GLOBAL, hint=hint)
    lowered = resolve(FunctionKind.SCALAR, "tolower", (T.STRING,))
    assert isinstance(lowered, Match)
    hash_ = n.Call(type=T.STRING, function=lowered.overload, args=(key,), span=node.span)
    return _joined(rel, profiles, found, ("$file", hash_), {"ProfileAvailability": "Missing"}, node)


def _once(cx: Context, bind: Callable[[], Rel]) -> Rel:
    """The profiles, one object a run: they are computed once for all that asks for them."""
    if "FileProfile()" not in cx.scans_aside:
        cx.scans_aside["FileProfile()"] = bind()
    return cx.scans_aside["FileProfile()"]


def _seen_by(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    rel = _piped(piped, node)
    key = _named(cx, rel, None, "DeviceId", node)
    given = cx.catalog.table("SeenBy")
    columns = {c.name: c.type for c in given.columns} if given is not None else {}
    if given is None or "DeviceId" not in columns or "SeenBy" not in columns:
        hint = "keep rows of the service as the table SeenBy (DeviceId, SeenBy): lurcher add FILE --table SeenBy"
        cx.say(LU010, node.span, what="which devices have seen a device (SeenBy)", columns="SeenBy", hint=hint)
        sides = Sides((c.name for c in rel.columns), ("SeenBy",))
        items = [*keep(rel.columns), (sides.add("SeenBy"), null(T.DYNAMIC))]
        return project(rel, items, node.span)
    items = [("$file", convert(col("DeviceId", columns["DeviceId"]), T.STRING)),
             ("SeenBy", convert(col("SeenBy", columns["SeenBy"]), T.DYNAMIC))]  # fmt: skip
    seen = project(Rel(n.Scan(table=given.name, columns=given.columns, aside=True)), items)
    one = n.Pick(input=seen.plan, keys=(col("$file", T.STRING),), columns=seen.columns, span=node.span)
    return _joined(rel, Rel(one), found, ("$file", key), {}, node)


def _device_from_ip(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    rel = _piped(piped, node)
    key = _named(cx, rel, args[0] if args else None, "IP", node)
    cx.say(LU025, node.span, what="DeviceFromIP()", how=_REPORTS)
    return call_prelude(cx, "DeviceFromIP", node.span, _time(cx, args, node), piped=project(rel, [("IP", key)]))


def _assigned(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    device = convert(args[0], T.STRING) if args else null(T.STRING)
    cx.say(LU025, node.span, what="AssignedIPAddresses()", how=_REPORTS)
    return call_prelude(cx, "AssignedIPAddresses", node.span, device, _time(cx, args, node))


def _process_tree(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    """Ours, not a service's: the starts of a device's processes with their place in its tree (decision 0107). The parents of what
    is between `begin` and `end` may have started at any time."""
    if piped is not None:
        cx.refuse("invoke ProcessTree()", node.span, "it brings its own rows: ProcessTree('DEVICE')")
    device = convert(args[0], T.STRING) if args else null(T.STRING)
    starts = call_prelude(cx, "ProcessStarts", node.span, device)
    made = (("Node", T.LONG), ("ParentNode", T.LONG), ("Depth", T.LONG), ("Path", T.STRING), ("ParentBy", T.LONG))
    of_parent = (("name", T.STRING), ("id", T.LONG), ("command", T.STRING), ("created", T.DATETIME))
    columns = (
        *starts.columns,
        *(Column(name, kind) for name, kind in made),
        *(Column(f"$parent's {name}", kind) for name, kind in of_parent),
    )
    tree = Rel(n.ProcessTree(input=starts.plan, columns=columns, span=node.span))
    cx.say(LU025, node.span, what="ProcessTree()", how="the starts of processes in DeviceProcessEvents",
           hint="it is lurcher's own: the service has no function of this name")  # fmt: skip
    return call_prelude(cx, "ProcessTree", node.span, *(_moment(cx, args, i, node) for i in (1, 2)), piped=tree)


def _initiating(cx: Context, found: CloudFunction, piped: Rel | None, args: list[n.Expr], node: sx.Call) -> Rel:
    """Ours as well: what a row does not say of its initiating process, from that process' start, whatever file or day it is of."""
    rel = _piped(piped, node)
    if any(c.name.startswith("$") for c in rel.columns):
        cx.refuse("InitiatingProcesses() of a table with a column that begins with $", node.span, "rename it")
    cx.say(LU025, node.span, what="InitiatingProcesses()", how="the starts of processes in DeviceProcessEvents",
           hint="it is lurcher's own: the service has no function of this name")  # fmt: skip
    left = call_prelude(cx, "ProcessOfRow", node.span, piped=rel)
    facts = call_prelude(cx, "ProcessFacts", node.span)
    sides = Sides((c.name for c in left.columns), (c.name for c in facts.columns))
    alias = {c.name: sides.add(c.name) for c in facts.columns}
    facts = project(facts, [(alias[c.name], col(c.name, c.type)) for c in facts.columns])
    on = ((col("$process of row", T.STRING), col(alias["$process"], T.STRING)),)
    plan = n.Join(
        left=left.plan,
        right=facts.plan,
        kind="leftouter",
        on=on,
        columns=(*left.columns, *facts.columns),
        span=node.span,
    )
    types = {c.name: c.type for c in facts.columns}
    items: list[n.Item] = []
    for column in rel.columns:
        value: n.Expr = col(column.name, column.type)
        told = alias.get(f"{column.name}1", "")
        if types.get(told) is column.type:
            match = resolve(FunctionKind.SCALAR, "coalesce", (column.type, column.type))
            assert isinstance(match, Match)
            both = (value, col(told, column.type))
            value = n.Call(type=column.type, function=match.overload, args=both, span=node.span)
        items.append((column.name, value))
    return project(Rel(plan, open=rel.open), items, node.span)


_Handler = Callable[[Context, CloudFunction, "Rel | None", "list[n.Expr]", sx.Call], Rel]
_HERE: dict[str, _Handler] = {
    "FileProfile": _file_profile,
    "SeenBy": _seen_by,
    "DeviceFromIP": _device_from_ip,
    "AssignedIPAddresses": _assigned,
    "InitiatingProcesses": _initiating,
    "ProcessTree": _process_tree,
}


def _piped(piped: Rel | None, node: sx.Call) -> Rel:
    from lurcher.plan.binder.tables import unknown_table

    return piped if piped is not None else unknown_table(node.span)


def _named(cx: Context, rel: Rel, arg: n.Expr | None, default: str, node: sx.Call) -> n.Expr:
    """The value that a function goes by: an expression over the row, or the name of a column as a text."""
    if arg is not None and not (isinstance(arg, n.Lit) and isinstance(arg.value, str)):
        return convert(arg, T.STRING)
    name = arg.value if isinstance(arg, n.Lit) and arg.value else default
    types = {c.name: c.type for c in rel.columns}
    if name in types:
        return convert(col(name, types[name], node.span), T.STRING)
    if not rel.open:
        cx.say(KS142, node.span, name=name, hint=near(name, types, "there is"))
    return null(T.STRING)


def _time(cx: Context, args: list[n.Expr], node: sx.Call) -> n.Expr:
    """As of when: the second argument, else now."""
    found = _moment(cx, args, 1, node)
    return n.Lit(type=T.DATETIME, value=cx.now, span=node.span) if found == null(T.DATETIME) else found


def _moment(cx: Context, args: list[n.Expr], index: int, node: sx.Call) -> n.Expr:
    """An argument that is a time; null where it is left out."""
    given = args[index] if len(args) > index else None
    if given is None or (isinstance(given, n.Lit) and given.value is None):
        return null(T.DATETIME)
    if given.type not in (T.DATETIME, T.DYNAMIC, T.UNKNOWN):
        cx.say(KS107, node.span, expected="datetime", actual=given.type)
        return null(T.DATETIME)
    return convert(given, T.DATETIME)


def _joined(
    rel: Rel, right: Rel, found: CloudFunction, key: tuple[str, n.Expr], missing: dict[str, str], node: sx.Call
) -> Rel:
    """Every row of `rel`, with the columns of the one row of `right` that has the key. `missing`: texts where there is none."""
    name, value = key
    left = project(rel, [*keep(rel.columns), (f"{name} of the row", value)])
    sides = Sides((c.name for c in rel.columns), (c.name for c in found.columns))
    added = [(sides.add(c.name), c) for c in found.columns]
    right = project(right, [(name, col(name, T.STRING)), *((alias, col(c.name, c.type)) for alias, c in added)])
    plan = n.Join(
        left=left.plan,
        right=right.plan,
        kind="leftouter",
        on=((col(f"{name} of the row", T.STRING), col(name, T.STRING)),),
        columns=(*left.columns, *right.columns),
        span=node.span,
    )
    items = keep(rel.columns)
    for alias, column in added:
        shown: n.Expr = col(alias, column.type)
        if column.name in missing:
            match = resolve(FunctionKind.SCALAR, "coalesce", (T.STRING, T.STRING))
            assert isinstance(match, Match)
            instead = n.Lit(type=T.STRING, value=missing[column.name], span=node.span)
            shown = n.Call(type=T.STRING, function=match.overload, args=(shown, instead), span=node.span)
        items.append((alias, shown))
    return project(Rel(plan, open=rel.open), items, node.span)
