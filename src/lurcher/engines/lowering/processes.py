"""Process trees: who started whom, by the surest sign that both have; then a recursion from the roots, a generation a step."""

from __future__ import annotations

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, select
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t
from lurcher.sql.template import parse_template

#: Generations that are followed. Real trees have some dozen; each costs a path that is longer by a name.
MAX_DEPTH = 1000
_WAYS = (1, 2, 3)
_NUMBER = 4
_TOO_DEEP = parse_template(
    f"CASE WHEN {{depth}} > {MAX_DEPTH} THEN CAST(error('LurcherError: a tree of processes of more than {MAX_DEPTH:,} generations\n"
    "  hint: such rows were made to be in the way: leave them out of the table') AS BIGINT) ELSE {depth} END"
)
#: What of a parent its child is given: `$parent's x` for `$x`.
_FACTS = ("name", "id", "command", "created")


@handles(n.ProcessTree)
def process_tree(context: Context, plan: n.ProcessTree) -> Rel:
    number = context.fresh()
    nodes, links, tree = f"starts {number}", f"links {number}", f"tree {number}"
    rel = context.relation(plan.input)
    query, names = select(rel)
    keys = tuple(t.OrderKey(t.Ident(names[k])) for k in ("$start", "$report", "$own 1", "$own 2", "$own 3"))
    counted = t.Call("row_number", over=t.Over((), keys))
    items = (*(t.SelectItem(t.Ident(s), s) for s in names.values()), t.SelectItem(counted, "node"))
    ctes = [t.Cte(nodes, t.Select(items, t.QueryFrom(query)), True)]
    for way in _WAYS:
        own = t.Ident(names[f"$own {way}"])
        firsts = (t.SelectItem(own, "key"), t.SelectItem(t.call("min", t.Ident("node")), "node"))
        ctes.append(
            t.Cte(
                f"way {way} {number}", t.Select(firsts, t.Table(nodes), t.Op("<>", (own, t.EMPTY)), group=(own,)), True
            )
        )
    ctes.append(t.Cte(links, _links(nodes, number, names), True))
    ctes.append(t.Cte(tree, _tree(links, tree, names)))
    child, place, parent = "c", "p", "q"
    shown = [t.SelectItem(t.Ident(s, child), s) for s in names.values()]
    made = [("node", child), ("parent", place), ("depth", place), ("path", place), ("by", place)]
    shown += [t.SelectItem(t.Ident(name, alias), f"tree {name}") for name, alias in made]
    shown += [t.SelectItem(t.Ident(names[f"${f}"], parent), f"parent {f}") for f in _FACTS]
    source = t.JoinFrom("INNER", t.Table(nodes, child), t.Table(tree, place), _equal(("node", child), ("node", place)))
    source = t.JoinFrom("LEFT", source, t.Table(nodes, parent), _equal(("node", parent), ("parent", place)))
    body = t.With(tuple(ctes), t.Select(tuple(shown), source), recursive=True)
    stored = {**names, "Node": "tree node", "ParentNode": "tree parent", "Depth": "tree depth", "Path": "tree path",
              "ParentBy": "tree by", **{f"$parent's {f}": f"parent {f}" for f in _FACTS}}  # fmt: skip
    columns = {}
    for column in plan.columns:
        expr: t.SqlExpr = t.Ident(stored[column.name])
        if column.type is ScalarType.STRING and column.name.startswith("$parent's"):
            expr = t.call("coalesce", expr, t.EMPTY)
        columns[column.name] = Cell(expr, column.type, column.type is not ScalarType.STRING)
    return Rel(t.QueryFrom(body), columns)


def _links(nodes: str, number: int, names: dict[str, str]) -> t.SqlQuery:
    """Each start with its parent (null: none is known), the way that it was found, and its name."""

    def own(name: str) -> t.Ident:
        return t.Ident(names[name], "n")

    source: t.FromItem = t.Table(nodes, "n")
    found: list[tuple[t.SqlExpr, t.SqlExpr, int]] = []
    for way in _WAYS:
        alias = f"w{way}"
        # A key is never '': what has none meets nothing. Whoever comes later is no parent, so that no cycle can be.
        on = t.conjunction([t.Op("=", (t.Ident("key", alias), own(f"$parent {way}"))), _before(alias)])
        source = t.JoinFrom("LEFT", source, t.Table(f"way {way} {number}", alias), on)
        found.append((t.Op("IS NOT NULL", (t.Ident("node", alias),)), t.Ident("node", alias), way))
    numbered = (
        t.SelectItem(t.Ident(names["$own number"]), "key"), t.SelectItem(t.Ident("node"), "node"),
        t.SelectItem(t.Ident(names["$name"]), "name"),
    )  # fmt: skip
    has_number = t.Op("<>", (t.Ident(names["$own number"]), t.EMPTY))
    latest = t.QueryFrom(t.Select(numbered, t.Table(nodes), has_number), "l")
    on = t.conjunction(
        [
            t.Op("=", (t.Ident("key", "l"), own("$parent number"))),
            t.Op(">", (t.Ident("node", "n"), t.Ident("node", "l"))),
        ]
    )
    source = t.JoinFrom("ASOF LEFT", source, latest, on)
    without = [t.Op("=", (own(f"$parent {way}"), t.EMPTY)) for way in _WAYS]
    same = t.Op("=", (t.call("lower", t.Ident("name", "l")), t.call("lower", own("$parent name"))))
    by_number = t.conjunction([*without, t.Op("<>", (own("$parent name"), t.EMPTY)), same])
    assert by_number is not None
    found.append((by_number, t.Ident("node", "l"), _NUMBER))
    items = (
        t.SelectItem(t.Ident("node", "n"), "node"),
        t.SelectItem(t.Case(tuple((c, v) for c, v, _ in found), t.Literal(None, "BIGINT")), "parent"),
        t.SelectItem(t.Case(tuple((c, t.Literal(w, "BIGINT")) for c, _, w in found), t.Literal(0, "BIGINT")), "by"),
        t.SelectItem(own("$name"), "name"),
        t.SelectItem(own("$above"), "above"),
    )
    return t.Select(items, source)


def _tree(links: str, tree: str, names: dict[str, str]) -> t.SqlQuery:
    above = t.Ident("above")
    between = t.Literal(" > ")
    root = t.Case(((t.Op("<>", (above, t.EMPTY)), t.Op("||", (above, between, t.Ident("name")))),), t.Ident("name"))
    roots = t.Select(
        (
            t.SelectItem(t.Ident("node"), "node"), t.SelectItem(t.Ident("parent"), "parent"), t.SelectItem(t.Ident("by"), "by"),
            t.SelectItem(t.Literal(0, "BIGINT"), "depth"), t.SelectItem(root, "path"),
        ),
        t.Table(links),
        t.Op("IS NULL", (t.Ident("parent"),)),
    )  # fmt: skip
    depth = _TOO_DEEP.fill({"depth": t.Op("+", (t.Ident("depth", "t"), t.Literal(1, "BIGINT")))}, lambda: 0)
    path = t.Op("||", (t.Ident("path", "t"), between, t.Ident("name", "k")))
    children = t.Select(
        (
            t.SelectItem(t.Ident("node", "k"), "node"), t.SelectItem(t.Ident("parent", "k"), "parent"),
            t.SelectItem(t.Ident("by", "k"), "by"), t.SelectItem(depth, "depth"), t.SelectItem(path, "path"),
        ),
        t.JoinFrom("INNER", t.Table(tree, "t"), t.Table(links, "k"), _equal(("parent", "k"), ("node", "t"))),
    )  # fmt: skip
    return t.SetOp("UNION ALL", (roots, children))


def _before(alias: str) -> t.SqlExpr:
    return t.Op("<", (t.Ident("node", alias), t.Ident("node", "n")))


def _equal(left: tuple[str, str], right: tuple[str, str]) -> t.SqlExpr:
    return t.Op("=", (t.Ident(*left), t.Ident(*right)))
