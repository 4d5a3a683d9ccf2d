"""`_GetWatchlist('alias')`: a list that the user keeps as a CSV file.

The service's own columns come first, then the file's, all of them text. What the service knows of an item beyond the file (its
id, the time of its last change) is only there where the file has it: lists that were exported from a query do."""

from __future__ import annotations

from lurcher.errors import LurcherError
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import LU008, LU010, LU023, LU024, LU026
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, col, near, null, project
from lurcher.plan.binder.expressions import convert
from lurcher.plan.supplies import supplies_of

T = ScalarType
_OWN = (Column("_DTItemId", T.STRING), Column("LastUpdatedTimeUTC", T.DATETIME), Column("SearchKey", T.STRING))


def watchlist(cx: Context, args: list[n.Expr], node: sx.Call, known: tuple[Column, ...]) -> Rel:
    """`known` are the columns that are listed for a watchlist that nobody has seen."""
    missing = Rel(n.Values(rows=(), columns=known, span=node.span), open=True)
    if len(args) > 1:
        cx.refuse("_GetWatchlist() with keys", node.span, "filter behind it: | where SearchKey in (...)")
        return missing
    alias = args[0].value if args and isinstance(args[0], n.Lit) else None
    if not isinstance(alias, str):
        if args and args[0].type is not T.UNKNOWN:
            cx.say(LU008, node.span, what="the alias of a watchlist")
        return missing
    supplies = supplies_of(cx.catalog)
    shown = _shown(alias)
    try:
        found = supplies.watchlist(alias)
    except LurcherError as error:
        why = f"{error.path}: {error.message}" if error.path else error.message
        cx.say(LU023, node.span, what=f"the watchlist '{shown}'", why=why, hint=error.hint)
        return missing
    if found is None:
        place = supplies.watchlist_place(alias)
        hint = near(alias, supplies.watchlists()) or (
            f"put its CSV file at {place}" if place else f"give its CSV file: --watchlist {_word(alias)}=FILE"
        )
        cx.say(LU024, node.span, what=f"the watchlist '{shown}'", hint=hint)
        return missing
    plan = n.Supplied(what="watchlist", names=(alias,), columns=found.columns, span=node.span)
    return _with_own(cx, Rel(plan), found.key, shown, node)


def _with_own(cx: Context, rel: Rel, key: str, alias: str, node: sx.Call) -> Rel:
    have = {c.name for c in rel.columns}
    items: list[n.Item] = []
    unknown = []
    for column in _OWN:
        if column.name in have:
            items.append((column.name, convert(col(column.name, T.STRING), column.type)))
        elif column.name == "SearchKey":
            if key:
                items.append(("SearchKey", col(key, T.STRING)))
            else:
                hint = f'say it in lake.toml: [watchlists] {_word(alias)} = "column"; or --watchlist {_word(alias)}:COLUMN=FILE'
                cx.say(LU026, node.span, alias=alias, hint=hint)
        else:
            unknown.append(column.name)
            items.append((column.name, null(column.type)))
    if unknown:
        cx.say(LU010, node.span, what=f"what the service knows of items of '{alias}'", columns=", ".join(unknown))
    names = {name for name, _ in items}
    items += [(c.name, col(c.name, c.type)) for c in rel.columns if c.name not in names]
    return project(rel, items, node.span)


def aliases(node: sx.Expression) -> Rel:
    """`_GetWatchlistAlias`: which there are."""
    columns = (Column("WatchlistAlias", T.STRING),)
    return Rel(n.Supplied(what="watchlists", names=(), columns=columns, span=node.span))


def _word(alias: str) -> str:
    return alias if len(alias) <= 80 and alias and all(c.isalnum() or c in "_-" for c in alias) else "ALIAS"


def _shown(alias: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in alias[:80])
