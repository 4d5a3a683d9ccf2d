"""geo_polygon_lookup and geo_line_lookup: rows of a table of shapes for places.

Each distinct place meets each distinct shape once; what is found is joined with the rows and with the table. Every shape that
holds a place (or is near enough) gives a row.

Source: "geo_polygon_lookup plugin", "geo_line_lookup plugin" (Kusto documentation), examples as measured on Microsoft's emulator.
"""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, LU009
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, project
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.joins import Keys, joined
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.plugins.registry import column, plugin
from lurcher.plan.binder.plugins.written import written
from lurcher.plan.binder.tables import table

T = ScalarType
_NUMBERS = (T.REAL, T.LONG, T.INT, T.DECIMAL, T.UNKNOWN)
_FLAGS = ("return_unmatched", "return_lookup_key")
_LENGTHS = ("radius", "lookup_area_radius")
#: The order in which they may stand without a name.
_OPTIONS = ("radius", "return_unmatched", "lookup_area_radius", "return_lookup_key")
#: The pairs of a place and a shape that belong together, the shape as text.
_PAIRS = """
P
| where isnotnull(longitude) and isnotnull(latitude)
| summarize by longitude, latitude
| extend one = 1
| join kind=inner (S | summarize by shape | extend one = 1) on one
| where %s
| project longitude, latitude, shape
"""
_IN = "geo_point_in_polygon(longitude, latitude, todynamic(shape))"
_NEAR = "geo_distance_point_to_%s(longitude, latitude, todynamic(shape)) <= radius"


@plugin("geo_polygon_lookup")
def _polygon_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    return _lookup(cx, scope, rel, op, "polygon", needed=4)


@plugin("geo_line_lookup")
def _line_lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    return _lookup(cx, scope, rel, op, "line", needed=5)


def _lookup(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp, kind: str, needed: int) -> Rel:
    """LookupTable, the shapes' column in it, columns of longitudes and latitudes, radius, return_unmatched, ..."""
    name, args = op.call.name.text, op.call.arguments
    given = {a.names[0].text: a.expression for a in args if isinstance(a, sx.Named)}
    plain = [a for a in args if not isinstance(a, sx.Named)]
    if len(plain) + ("radius" in given) < needed or len(args) > 8:
        cx.say(KS120, op.call.name.span, name=name, counts=f"{needed} to 8 arguments", given=len(args))
        return Rel(rel.plan, open=True)
    given |= dict(zip(_OPTIONS, plain[4:], strict=False))
    values: dict[str, n.Lit] = {}
    for option, node in given.items():
        value = scalar(cx, Env(scope), node)
        if option not in _OPTIONS:
            cx.say(LU009, node.span, name=option, function=name, problem="not known")
        elif not isinstance(value, n.Lit) or value.type not in ((T.BOOL,) if option in _FLAGS else _NUMBERS):
            expected = "true or false" if option in _FLAGS else "a number"
            cx.say(KS107, node.span, expected=expected, actual=value.type)
        else:
            values[option] = value
    other = table(cx, scope, plain[0])
    shape, longitude, latitude = column(cx, other, plain[1]), column(cx, rel, plain[2]), column(cx, rel, plain[3])
    for found, node, types in (
        (shape, plain[1], (T.DYNAMIC, T.UNKNOWN)),
        (longitude, plain[2], _NUMBERS),
        (latitude, plain[3], _NUMBERS),
    ):
        if found is not None and found.type not in types:
            cx.say(KS107, node.span, expected=types[0], actual=found.type)
    if shape is None or longitude is None or latitude is None or len(values) < len(given):
        return Rel(rel.plan, open=True)
    return _joined(cx, rel, other, op, kind, shape, (longitude, latitude), values)


def _joined(
    cx: Context,
    rel: Rel,
    other: Rel,
    op: sx.EvaluateOp,
    kind: str,
    shape: Column,
    place: tuple[Column, Column],
    values: dict[str, n.Lit],
) -> Rel:
    real = [convert(col(c.name, c.type), T.REAL) for c in place]
    places = Rel(project(rel, [("longitude", real[0]), ("latitude", real[1])]).plan)
    shapes = Rel(project(other, [("shape", convert(col(shape.name, T.DYNAMIC), T.STRING))]).plan)
    near = "radius" in values
    pairs = _PAIRS % (_NEAR % kind if near else _IN)
    found = written(cx, op, pairs, {"P": places, "S": shapes}, {"radius": values["radius"]} if near else {})
    marked = project(
        found,
        [
            ("$longitude", col("longitude", T.REAL)),
            ("$latitude", col("latitude", T.REAL)),
            ("$shape", col("shape", T.STRING)),
        ],
    )
    gone = {"$longitude", "$latitude", "$shape", "$key"}
    back = values.get("return_lookup_key")
    rest = [c for c in other.columns if c.name != shape.name or (back is not None and back.value)]
    sides = Sides((c.name for c in rel.columns), [c.name for c in rest])
    items: list[tuple[str, n.Expr]] = [(sides.add(c.name), col(c.name, c.type)) for c in rest]
    right = project(other, [*items, ("$key", convert(col(shape.name, T.DYNAMIC), T.STRING))])
    rows = joined(marked, right, "inner", [(col("$shape", T.STRING), col("$key", T.STRING))], op.span)
    unmatched = values.get("return_unmatched")
    how = "leftouter" if unmatched is not None and unmatched.value else "inner"
    keys: Keys = [(real[0], col("$longitude", T.REAL)), (real[1], col("$latitude", T.REAL))]
    done = joined(Rel(rel.plan), rows, how, keys, op.span)
    kept = project(done, keep([c for c in done.columns if c.name not in gone]), op.span)
    return Rel(kept.plan, open=rel.open or other.open)
