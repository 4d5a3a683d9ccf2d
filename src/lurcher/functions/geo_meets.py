"""Where lines and polygons meet, and what they have in common. Source: "Geospatial functions" (Kusto documentation)."""

from __future__ import annotations

from lurcher.functions.registry import Nulls, scalar

_MEETS = "lurcher.functions.udfs.geo_meets:"
_OVERLAY = "lurcher.functions.udfs.geo_overlay:"
# The documentation's street, one that crosses it, one far away; squares on the equator.
_STREET = 'dynamic({"type":"LineString","coordinates":[[-73.978929,40.785155],[-73.980903,40.782621]]})'
_OTHER = 'dynamic({"type":"LineString","coordinates":[[-73.985195,40.788275],[-73.974552,40.779761]]})'
_FAR = 'dynamic({"type":"LineString","coordinates":[[3,3],[4,4]]})'
_EQUATOR = 'dynamic({"type":"LineString","coordinates":[[-10,0],[10,0]]})'
_EMPTY = 'dynamic({"type":"GeometryCollection","geometries":[]})'
_SQUARE = 'dynamic({"type":"Polygon","coordinates":[[[-5,-5],[5,-5],[5,5],[-5,5],[-5,-5]]]})'
_EAST = 'dynamic({"type":"Polygon","coordinates":[[[0,-9],[9,-9],[9,9],[0,9],[0,-9]]]})'
_AWAY = 'dynamic({"type":"Polygon","coordinates":[[[20,0],[30,0],[30,9],[20,0]]]})'
_CORNER = 'dynamic({"type":"Polygon","coordinates":[[[5,5],[9,6],[6,9],[5,5]]]})'
_TWO = "lineString1: dynamic, lineString2: dynamic"
_LINE = "lineString: dynamic, polygon: dynamic"
_POLYGONS = "polygon1: dynamic, polygon2: dynamic"

for _name, _params, _returns, _doc, _udf, _examples in (
    (
        "geo_intersects_2lines",
        _TWO,
        "bool",
        "Whether two lines meet.",
        _MEETS + "lines_meet",
        (
            (f"geo_intersects_2lines({_STREET}, {_OTHER})", "true"),
            (f"geo_intersects_2lines({_STREET}, {_FAR})", "false"),
            (f"geo_intersects_2lines({_STREET}, {_SQUARE})", "bool(null)"),
        ),
    ),
    (
        "geo_intersects_line_with_polygon",
        _LINE,
        "bool",
        "Whether a line and a polygon meet.",
        _MEETS + "line_meets_polygon",
        (
            (f"geo_intersects_line_with_polygon({_EQUATOR}, {_SQUARE})", "true"),
            (f"geo_intersects_line_with_polygon({_FAR}, {_SQUARE})", "true"),
            (f"geo_intersects_line_with_polygon({_STREET}, {_SQUARE})", "false"),
        ),
    ),
    (
        "geo_intersects_2polygons",
        _POLYGONS,
        "bool",
        "Whether two polygons overlap.",
        _MEETS + "polygons_meet",
        (
            (f"geo_intersects_2polygons({_SQUARE}, {_EAST})", "true"),
            (f"geo_intersects_2polygons({_SQUARE}, {_AWAY})", "false"),
        ),
    ),
    (
        "geo_intersection_2lines",
        _TWO,
        "dynamic",
        "What two lines have in common, as GeoJSON: a point, nothing, or the line that both are. More of it is refused.",
        _MEETS + "lines_in_common",
        (
            (f"round(toreal(geo_intersection_2lines({_STREET}, {_OTHER}).coordinates[0]), 9)", "-73.979837117"),
            (f"geo_intersection_2lines({_STREET}, {_FAR})", _EMPTY),
        ),
    ),
    (
        "geo_intersection_line_with_polygon",
        _LINE,
        "dynamic",
        "What of a line is within a polygon, as GeoJSON.",
        _MEETS + "line_in_polygon",
        (
            (f"round(toreal(geo_intersection_line_with_polygon({_EQUATOR}, {_SQUARE}).coordinates[0][0]), 9)", "-5.0"),
            (f"geo_intersection_line_with_polygon({_STREET}, {_SQUARE})", _EMPTY),
        ),
    ),
    (
        "geo_intersection_2polygons",
        _POLYGONS,
        "dynamic",
        "What two polygons have in common, as GeoJSON. Several places, and polygons with holes, are refused.",
        _OVERLAY + "polygons_in_common",
        (
            (f"array_length(geo_intersection_2polygons({_SQUARE}, {_EAST}).coordinates[0])", "5"),
            (f"tostring(geo_intersection_2polygons({_SQUARE}, {_CORNER}).type)", '"Point"'),
            (f"geo_intersection_2polygons({_SQUARE}, {_AWAY})", _EMPTY),
        ),
    ),
    (
        "geo_union_polygons_array",
        "polygons: dynamic",
        "dynamic",
        "The polygon that several make, as GeoJSON. Where they make several, or leave holes, it is refused.",
        _OVERLAY + "polygons_united",
        (
            (f"array_length(geo_union_polygons_array(pack_array({_SQUARE}, {_EAST})).coordinates[0])", "9"),
            ("isnull(geo_union_polygons_array(pack_array(1)))", "true"),
        ),
    ),
    (
        "geo_union_lines_array",
        "lineStrings: dynamic",
        "dynamic",
        "The line that several make, as GeoJSON. Where they make several, or fork, it is refused.",
        _OVERLAY + "lines_united",
        (
            (f"array_length(geo_union_lines_array(pack_array({_STREET}, {_STREET})).coordinates)", "2"),
            ("isnull(geo_union_lines_array(pack_array(1)))", "true"),
        ),
    ),
):
    scalar(
        _name,
        _params,
        _returns,
        _doc,
        f"kql_{_udf.partition(':')[2]}({', '.join('{' + p.split(':')[0] + '}' for p in _params.split(', '))})"
        + ("::JSON" if _returns == "dynamic" else ""),
        udf=_udf,
        nulls=Nulls.MAYBE,
        examples=_examples,
    )
