"""Points put into the edges of lines and polygons. Source: "geo_line_densify()" and its kin (Kusto documentation)."""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions.build import fill
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_UDF = "lurcher.functions.udfs.geo_densify:"
_LINE = 'dynamic({"type":"LineString","coordinates":[[50,50],[51,51]]})'
_SHORT = 'dynamic({"type":"LineString","coordinates":[[-73.949247,40.796860],[-73.973017,40.764323]]})'
_PARK = (
    'dynamic({"type":"Polygon","coordinates":[[[-73.958244,40.800719],[-73.949146,40.79695],[-73.973093,40.764226],'
    "[-73.982062,40.768159],[-73.958244,40.800719]]]})"
)
_SQUARE = 'dynamic({"type":"Polygon","coordinates":[[[10,10],[11,10],[11,11],[10,11],[10,10]]]})'
_TEN = t.Literal(10)


def _build(function: str) -> Callable[..., t.SqlExpr]:
    """Whether crossings of the 180th meridian are kept does not matter, as these are refused."""

    def build(shape: t.SqlExpr, tolerance: t.SqlExpr = _TEN, preserve_crossing: t.SqlExpr | None = None) -> t.SqlExpr:
        return fill(f"{function}({{shape}}, ({{tolerance}})::DOUBLE)::JSON", shape=shape, tolerance=tolerance)

    return build


for _name, _shape, _function, _examples in (
    (
        "geo_line_densify",
        "lineString",
        "line_dense",
        (
            (f"array_length(geo_line_densify({_LINE}).coordinates)", "9"),
            (f"array_length(geo_line_densify({_SHORT}).coordinates)", "2"),
            (f"isnull(geo_line_densify({_LINE}, 0))", "true"),
        ),
    ),
    (
        "geo_polygon_densify",
        "polygon",
        "polygon_dense",
        (
            (f"array_length(geo_polygon_densify({_PARK}).coordinates[0])", "5"),
            (f"isnull(geo_polygon_densify({_SQUARE}, 0))", "true"),
        ),
    ),
):
    scalar(
        _name,
        f"{_shape}: dynamic, tolerance?: number, preserve_crossing?: constant bool|int|long",
        "dynamic",
        "Edges that are straight on the map as arcs, by points put in where these are farther apart than a tolerance (10 m).",
        _build(f"kql_{_function}"),
        udf=_UDF + _function,
        nulls=Nulls.MAYBE,
        examples=_examples,
    )
