"""Buffers around points, lines and polygons, and shapes made simpler: null where the documentation says so, else refused when a
shape would have to be made.

Source: "geo_point_buffer()" and its kin, "geo_line_simplify()" and its kin (Kusto documentation).
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions.build import fill
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_UDF = "lurcher.functions.udfs.geo_buffers:"
_TEN = t.Literal(10)
_LINE = 'dynamic({"type":"LineString","coordinates":[[1.1,1.1],[1.2,1.2]]})'
_POLYGON = 'dynamic({"type":"Polygon","coordinates":[[[5,48],[0,50],[0,47],[4,47],[5,48]]]})'
_SMALL = 'dynamic({"type":"Polygon","coordinates":[[[-73.9495,40.7969],[-73.958,40.8],[-73.982,40.7682],[-73.9495,40.7969]]]})'


def _around(function: str) -> Callable[..., t.SqlExpr]:
    def build(shape: t.SqlExpr, radius: t.SqlExpr, tolerance: t.SqlExpr = _TEN) -> t.SqlExpr:
        text = f"{function}({{shape}}, ({{radius}})::DOUBLE, ({{tolerance}})::DOUBLE)::JSON"
        return fill(text, shape=shape, radius=radius, tolerance=tolerance)

    return build


def _around_point(
    longitude: t.SqlExpr, latitude: t.SqlExpr, radius: t.SqlExpr, tolerance: t.SqlExpr = _TEN
) -> t.SqlExpr:
    text = "kql_point_buffer(({x})::DOUBLE, ({y})::DOUBLE, ({radius})::DOUBLE, ({tolerance})::DOUBLE)::JSON"
    return fill(text, x=longitude, y=latitude, radius=radius, tolerance=tolerance)


def _simpler(function: str) -> Callable[..., t.SqlExpr]:
    def build(shape: t.SqlExpr, tolerance: t.SqlExpr = _TEN) -> t.SqlExpr:
        return fill(f"{function}({{shape}}, ({{tolerance}})::DOUBLE)::JSON", shape=shape, tolerance=tolerance)

    return build


_BUFFER = "{} with all points within a radius around it: null for what is invalid, or a radius that is not positive; else refused."
scalar(
    "geo_point_buffer",
    "longitude: number, latitude: number, radius: number, tolerance?: number",
    "dynamic",
    _BUFFER.format("A point"),
    _around_point,
    udf=_UDF + "point_buffer",
    nulls=Nulls.MAYBE,
    examples=(
        ("isnull(geo_point_buffer(200, 1, 0.1))", "true"),
        ("isnull(geo_point_buffer(10, 10, -1))", "true"),
        ("isnull(geo_point_buffer(10, 10, 5, 0))", "true"),
    ),
)
for _name, _shape, _what, _examples in (
    (
        "geo_line_buffer",
        "lineString",
        "A line",
        (
            ('isnull(geo_line_buffer(dynamic({"type":"LineString"}), 5))', "true"),
            (f"isnull(geo_line_buffer({_LINE}, 0))", "true"),
        ),
    ),
    (
        "geo_polygon_buffer",
        "polygon",
        "A polygon",
        (
            ('isnull(geo_polygon_buffer(dynamic({"type":"p"}), 1))', "true"),
            (f"isnull(geo_polygon_buffer({_POLYGON}, 0))", "true"),
        ),
    ),
):
    scalar(
        _name,
        f"{_shape}: dynamic, radius: number, tolerance?: number",
        "dynamic",
        _BUFFER.format(_what),
        _around("kql_" + _name.removeprefix("geo_")),
        udf=_UDF + _name.removeprefix("geo_"),
        nulls=Nulls.MAYBE,
        examples=_examples,
    )
_SIMPLER = "{} without points nearer to each other than a tolerance (10 m): null for what is invalid, or vanishes; else refused."
for _name, _udf, _shape, _what, _shown in (
    (
        "geo_line_simplify",
        "line_simplify",
        "lineString",
        "A line",
        (
            ('isnull(geo_line_simplify(dynamic({"type":"LineString","coordinates":[[1,1]]})))', "true"),
            (f"isnull(geo_line_simplify({_LINE}, -1))", "true"),
            (f"isnull(geo_line_simplify({_LINE}, 100000))", "true"),
        ),
    ),
    (
        "geo_polygon_simplify",
        "polygon_simplify",
        "polygon",
        "A polygon",
        (
            (f"isnull(geo_polygon_simplify({_POLYGON}, -0.1))", "true"),
            (f"isnull(geo_polygon_simplify({_POLYGON}, 1000000))", "true"),
        ),
    ),
    (
        "geo_simplify_polygons_array",
        "simplify_polygons",
        "polygons",
        "Polygons",
        (
            (f"isnull(geo_simplify_polygons_array(pack_array({_SMALL}), -1))", "true"),
            (
                f'isnull(geo_simplify_polygons_array(pack_array({_SMALL}, dynamic({{"type":"Polygon","coordinates":[[[1,2]]]}}))))',
                "true",
            ),
            (f"isnull(geo_simplify_polygons_array(pack_array({_SMALL}), 10000))", "true"),
        ),
    ),
):
    scalar(
        _name,
        f"{_shape}: dynamic, tolerance?: number",
        "dynamic",
        _SIMPLER.format(_what),
        _simpler("kql_" + _udf),
        udf=_UDF + _udf,
        nulls=Nulls.MAYBE,
        examples=_shown,
    )
