"""Shapes from text. Source: "geo_from_wkt()" (Kusto documentation)."""

from __future__ import annotations

from lurcher.functions.registry import Nulls, scalar

scalar(
    "geo_from_wkt",
    "wkt: string",
    "dynamic",
    "The shape of a well-known text, as GeoJSON; null where it is none.",
    "kql_from_wkt({wkt})::JSON",
    udf="lurcher.functions.udfs.geo_wkt:from_wkt",
    nulls=Nulls.MAYBE,
    examples=(
        ('geo_from_wkt("POINT (1 2)")', 'dynamic({"type":"Point","coordinates":[1.0,2.0]})'),
        (
            'geo_from_wkt("POLYGON ((0 0, 2 0, 2 2, 0 0))")',
            'dynamic({"type":"Polygon","coordinates":[[[0.0,0.0],[2.0,0.0],[2.0,2.0],[0.0,0.0]]]})',
        ),
        (
            'geo_from_wkt("MULTIPOINT (1 1, 2 2, 3 3)")',
            'dynamic({"type":"MultiPoint","coordinates":[[1.0,1.0],[2.0,2.0],[3.0,3.0]]})',
        ),
        (
            'geo_from_wkt("GEOMETRYCOLLECTION (POINT (1 1),LINESTRING (2 2, 3 3, 4 4))")',
            'dynamic({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1.0,1.0]},'
            '{"type":"LineString","coordinates":[[2.0,2.0],[3.0,3.0],[4.0,4.0]]}]})',
        ),
        ('isnull(geo_from_wkt("LINESTRING"))', "true"),
    ),
)
