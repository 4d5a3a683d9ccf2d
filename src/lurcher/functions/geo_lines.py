"""Lines on Earth, in GeoJSON: lengths, middles, points on and near them. Source: "Geospatial functions" (Kusto documentation)."""

from __future__ import annotations

from lurcher.functions.build import fill, refuse
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.geo_lines:"
_POINT = "longitude: number, latitude: number"
_SPHERE = t.Literal(False)
_LINE = 'dynamic({"type":"LineString","coordinates":[[-73.95796,40.80042],[-73.97317,40.764486]]})'
_ONE = 'dynamic({"type":"LineString","coordinates":[[1,1]]})'
_EQUATOR = 'dynamic({"type":"LineString","coordinates":[[0,0],[10,0],[40,0]]})'

scalar(
    "geo_line_length",
    "lineString: dynamic",
    "real",
    "Metres of a line or several.",
    "kql_line_length({lineString})",
    udf=_UDF + "line_length",
    nulls=_MAYBE,
    examples=(
        (
            'round(geo_line_length(dynamic({"type":"LineString","coordinates":[[-73.95807266235352,40.800426144169315],'
            "[-73.94966125488281,40.79691751000055],[-73.97317886352539,40.764486356930334]]})), 6)",
            "4922.48017",
        ),
        (f"isnull(geo_line_length({_ONE}))", "true"),
    ),
)
scalar(
    "geo_line_centroid",
    "lineString: dynamic",
    "dynamic",
    "The middle of a line or several, as GeoJSON.",
    "kql_line_centroid({lineString})::JSON",
    udf=_UDF + "line_centroid",
    nulls=_MAYBE,
    example=(f"round(toreal(geo_line_centroid({_LINE}).coordinates[0]), 9)", "-73.965567057"),
)
scalar(
    "geo_line_interpolate_point",
    "lineString: dynamic, fraction: number",
    "dynamic",
    "The point at a fraction (0 to 1) of a line's length, as GeoJSON.",
    "kql_line_interpolate({lineString}, ({fraction})::DOUBLE)::JSON",
    udf=_UDF + "line_interpolate",
    nulls=_MAYBE,
    examples=(
        (f"round(toreal(geo_line_interpolate_point({_LINE}, 0.25).coordinates[1]), 9)", "40.791436687"),
        (f"isnull(geo_line_interpolate_point({_LINE}, 1.5))", "true"),
    ),
)


def _locate(
    lineString: t.SqlExpr,
    longitude: t.SqlExpr,
    latitude: t.SqlExpr,
    use_spheroid: t.SqlExpr = _SPHERE,
) -> t.SqlExpr:
    match use_spheroid:
        case t.Literal(False) | t.Literal(0) | t.Cast(t.Literal(False) | t.Literal(0)):
            pass
        case _:
            refuse(
                "geo_line_locate_point(): how the service measures on a spheroid is not published",
                "leave use_spheroid out: the distance on a sphere is known",
            )
    text = "kql_line_locate({line}, ({longitude})::DOUBLE, ({latitude})::DOUBLE)"
    return fill(text, line=lineString, longitude=longitude, latitude=latitude)


scalar(
    "geo_line_locate_point",
    f"lineString: dynamic, {_POINT}, use_spheroid?: constant bool|int|long",
    "real",
    "The fraction (0 to 1) of a line's length at which it is nearest to a point.",
    _locate,
    udf=_UDF + "line_locate",
    nulls=_MAYBE,
    examples=((f"round(geo_line_locate_point({_EQUATOR}, 30, 20), 9)", "0.75"),),
)
scalar(
    "geo_distance_point_to_line",
    f"{_POINT}, lineString: dynamic",
    "real",
    "Metres from a point to the nearest one of a line or several.",
    "kql_line_distance({lineString}, ({longitude})::DOUBLE, ({latitude})::DOUBLE)",
    udf=_UDF + "line_distance",
    nulls=_MAYBE,
    # A degree is 6371010 * pi / 180 metres.
    examples=((f"round(geo_distance_point_to_line(25, -1, {_EQUATOR}) - 6371010 * pi() / 180, 6)", "0.0"),),
)
scalar(
    "geo_closest_point_on_line",
    f"{_POINT}, lineString: dynamic",
    "dynamic",
    "The point of a line or several that is nearest to a point, as GeoJSON.",
    "kql_line_closest({lineString}, ({longitude})::DOUBLE, ({latitude})::DOUBLE)::JSON",
    udf=_UDF + "line_closest",
    nulls=_MAYBE,
    examples=((f"round(toreal(geo_closest_point_on_line(25, -1, {_EQUATOR}).coordinates[0]), 9)", "25.0"),),
)
