"""Polygons in GeoJSON: points in and near them, areas, perimeters. Source: "Geospatial functions" (Kusto documentation)."""

from __future__ import annotations

from lurcher.functions.registry import Nulls, scalar

_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.geo_polygons:"
_IN = "longitude: number, latitude: number, polygon: dynamic"
# An eighth of the globe: its sides are quarters of great circles.
_EIGHTH = 'dynamic({"type":"Polygon","coordinates":[[[0,0],[90,0],[0,90],[0,0]]]})'
_FLAT = 'dynamic({"type":"Polygon","coordinates":[[[0,0],[10,10],[10,10],[0,0]]]})'

scalar(
    "geo_point_in_polygon",
    _IN,
    "bool",
    "Whether a point is in a polygon or one of several.",
    "kql_in_polygon(({longitude})::DOUBLE, ({latitude})::DOUBLE, {polygon})",
    udf=_UDF + "in_polygon",
    nulls=_MAYBE,
    examples=(
        (f"geo_point_in_polygon(45, 30, {_EIGHTH})", "true"),
        (f"geo_point_in_polygon(-45, 30, {_EIGHTH})", "false"),
        (f"geo_point_in_polygon(200, 1, {_EIGHTH})", "bool(null)"),
    ),
)
scalar(
    "geo_distance_point_to_polygon",
    _IN,
    "real",
    "Metres from a point to a polygon or the nearest of several; 0 from within.",
    "kql_polygon_distance(({longitude})::DOUBLE, ({latitude})::DOUBLE, {polygon})",
    udf=_UDF + "polygon_distance",
    nulls=_MAYBE,
    # A degree is 6371010 * pi / 180 metres.
    examples=(
        (f"round(geo_distance_point_to_polygon(45, -1, {_EIGHTH}) - 6371010 * pi() / 180, 6)", "0.0"),
        (f"geo_distance_point_to_polygon(45, 30, {_EIGHTH})", "0.0"),
        (f"geo_distance_point_to_polygon(1, 1, {_FLAT})", "real(null)"),
    ),
)
scalar(
    "geo_polygon_area",
    "polygon: dynamic",
    "real",
    "Square metres of a polygon, or of several, united.",
    "kql_polygon_area({polygon})",
    udf=_UDF + "polygon_area",
    nulls=_MAYBE,
    # An eighth of 4 pi r^2.
    examples=((f"round(geo_polygon_area({_EIGHTH}) / (pi() * 6371010.0 * 6371010.0), 9)", "0.5"),),
)
scalar(
    "geo_polygon_perimeter",
    "polygon: dynamic",
    "real",
    "Metres around a polygon, or around several, united. With holes it is refused.",
    "kql_polygon_perimeter({polygon})",
    udf=_UDF + "polygon_perimeter",
    nulls=_MAYBE,
    examples=((f"round(geo_polygon_perimeter({_EIGHTH}) / (pi() * 6371010), 9)", "1.5"),),
)
scalar(
    "geo_polygon_centroid",
    "polygon: dynamic",
    "dynamic",
    "The middle of a polygon, or of several, united, as GeoJSON.",
    "kql_polygon_centroid({polygon})::JSON",
    udf=_UDF + "polygon_centroid",
    nulls=_MAYBE,
    examples=(
        (f"round(toreal(geo_polygon_centroid({_EIGHTH}).coordinates[0]), 9)", "45.0"),
        (f"isnull(geo_polygon_centroid({_FLAT}))", "true"),
    ),
)
scalar(
    "geo_closest_point_on_polygon",
    _IN,
    "dynamic",
    "The point of a polygon, or of several, that is nearest to a point, as GeoJSON: within it, the point itself.",
    "kql_polygon_closest(({longitude})::DOUBLE, ({latitude})::DOUBLE, {polygon})::JSON",
    udf=_UDF + "polygon_closest",
    nulls=_MAYBE,
    examples=(
        (f"round(toreal(geo_closest_point_on_polygon(45, -1, {_EIGHTH}).coordinates[0]), 9)", "45.0"),
        (f"isnull(geo_closest_point_on_polygon(500, 1, {_EIGHTH}))", "true"),
    ),
)
