"""ipv4_lookup and ipv6_lookup: rows of a table of networks for addresses.

Each address is masked by each prefix that the table has, and what comes out joined with the networks: two joins of equal keys,
however many networks there are. Every network that an address is in gives a row; a network is found for a network as well,
where it holds all of it.

Source: "ipv4_lookup plugin", "ipv6_lookup plugin" (Kusto documentation), examples as measured on Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, LU009
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, project
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.joins import Keys, joined
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.plugins.registry import column, plugin
from lurcher.plan.binder.plugins.written import written
from lurcher.plan.binder.tables import table

T = ScalarType
#: The pairs of an address and a network that holds it, both as they are written.
_FOUR = """
L
| summarize by network
| extend size = ipv4_netmask_suffix(network), base = parse_ipv4(network)
| where isnotnull(base) and isnotnull(size)
| as N
| summarize by size, one = 1
| join kind=inner (
    A | summarize by address | extend own = ipv4_netmask_suffix(address), one = 1 | where isnotnull(own)
) on one
| where own >= size
| extend base = parse_ipv4_mask(address, size)
| join kind=inner N on base, size
| project address, network
"""
_SIX = """
L
| summarize by network
| extend base = parse_ipv6_mask(network, 128), size = coalesce(tolong(split(network, '/')[1]), 0)
    + iff(network contains ':', iff(network contains '/', 0, 128), iff(network contains '/', 96, 128))
| where isnotempty(base) and isnotnull(size)
| as N
| summarize by size, one = 1
| join kind=inner (
    A | summarize by address
    | extend one = 1, own = coalesce(tolong(split(address, '/')[1]), 0)
        + iff(address contains ':', iff(address contains '/', 0, 128), iff(address contains '/', 96, 128))
    | where isnotempty(parse_ipv6_mask(address, 128))
) on one
| where own >= size
| extend base = parse_ipv6_mask(address, size)
| join kind=inner N on base, size
| project address, network
"""


@plugin("ipv4_lookup")
def _ipv4_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    return _lookup(cx, scope, rel, op, _FOUR, extra=True)


@plugin("ipv6_lookup")
def _ipv6_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    return _lookup(cx, scope, rel, op, _SIX, extra=False)


def _lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp, pairs: str, *, extra: bool) -> Rel:
    """LookupTable, the address's column, the network's column in the table, further columns that both have, return_unmatched."""
    name = op.call.name.text
    args, unmatched = list(op.call.arguments), False
    while args and (isinstance(args[-1], (sx.Named, sx.Literal))):
        unmatched = _flag(cx, scope, name, args.pop())
    if len(args) < 3 or (len(args) > 3 and not extra):
        counts = "at least 3 arguments" if extra else "3 or 4 arguments"
        cx.say(KS120, op.call.name.span, name=name, counts=counts, given=len(op.call.arguments))
        return Rel(rel.plan, open=True)
    other = table(cx, scope, args[0])
    address, network = column(cx, rel, args[1]), column(cx, other, args[2])
    both = [(column(cx, rel, node), column(cx, other, node)) for node in args[3:]]
    for found, node in ((address, args[1]), (network, args[2])):
        if found is not None and found.type not in (T.STRING, T.UNKNOWN):
            cx.say(KS107, node.span, expected="string", actual=found.type)
    common = [(a, b) for a, b in both if a is not None and b is not None]
    if address is None or network is None or len(common) < len(both):
        return Rel(rel.plan, open=True)
    for (a, b), node in zip(common, args[3:], strict=True):
        if a.type is not b.type:
            cx.say(KS107, node.span, expected=f"{a.type} in both tables", actual=b.type)
            return Rel(rel.plan, open=True)
    return _joined(cx, rel, other, op, pairs, address, network, [a for a, _ in common], unmatched)


def _flag(cx: Context, scope: Scope, name: str, node: sx.Expression) -> bool:
    if isinstance(node, sx.Named) and node.names[0].text != "return_unmatched":
        cx.say(LU009, node.span, name=node.names[0].text, function=name, problem="not known")
        return False
    value = scalar(cx, Env(scope), node.expression if isinstance(node, sx.Named) else node)
    if not isinstance(value, n.Lit) or value.type is not T.BOOL:
        cx.say(KS107, node.span, expected="true or false", actual=value.type)
        return False
    return bool(value.value)


def _joined(
    cx: Context,
    rel: Rel,
    other: Rel,
    op: sx.EvaluateOp,
    pairs: str,
    address: Column,
    network: Column,
    common: list[Column],
    unmatched: bool,
) -> Rel:
    """The table's own copies of columns that both sides are matched by go."""
    addresses = Rel(project(rel, [("address", col(address.name, T.STRING))]).plan)
    networks = Rel(project(other, [("network", col(network.name, T.STRING))]).plan)
    found = written(cx, op, pairs, {"A": addresses, "L": networks})
    # The pairs under names of their own, then the table's columns under those that they have in the end.
    marked = project(found, [("$address", col("address", T.STRING)), ("$network", col("network", T.STRING))])
    hidden = {c.name: f"$common{i}" for i, c in enumerate(common)}
    rest = [c.name for c in other.columns if c.name not in hidden]
    sides = Sides((c.name for c in rel.columns), rest)
    names = hidden | {name: sides.add(name) for name in rest}
    right = project(other, [(names[c.name], col(c.name, c.type)) for c in other.columns])
    on: Keys = [(col("$network", T.STRING), col(names[network.name], T.STRING))]
    rows = joined(marked, right, "inner", on, op.span)
    kind = "leftouter" if unmatched else "inner"
    keys: Keys = [(col(address.name, T.STRING), col("$address", T.STRING))]
    keys += [(col(c.name, c.type), col(hidden[c.name], c.type)) for c in common]
    done = joined(Rel(rel.plan), rows, kind, keys, op.span)
    gone = {"$address", "$network", *hidden.values()}
    kept = project(done, keep([c for c in done.columns if c.name not in gone]), op.span)
    return Rel(kept.plan, open=rel.open or other.open)
