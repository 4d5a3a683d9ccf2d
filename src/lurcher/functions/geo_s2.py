"""S2's cells, the spherical squares of the service's own geometry.

Source: "Geospatial functions" (Kusto documentation). A cell is named by its token; of what names none the answer is null.
"""

from __future__ import annotations

from lurcher.functions.build import fill
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_UDF = "lurcher.functions.udfs.geo_s2:"
# The level that is left out.
_ELEVEN = t.Literal(11)


def _s2cell(longitude: t.SqlExpr, latitude: t.SqlExpr, level: t.SqlExpr = _ELEVEN) -> t.SqlExpr:
    return fill(
        "kql_s2_cell(({longitude})::DOUBLE, ({latitude})::DOUBLE, ({level})::BIGINT)",
        longitude=longitude,
        latitude=latitude,
        level=level,
    )


scalar(
    "geo_point_to_s2cell",
    "longitude: number, latitude: number, level?: int|long",
    "string",
    "The token of a point's S2 cell, of level 0 to 30 (11 where it is not said).",
    _s2cell,
    udf=_UDF + "s2_cell",
    nulls=Nulls.MAYBE,
    examples=(
        ("geo_point_to_s2cell(-80.195829, 25.802215, 8)", '"88d9b"'),
        ("geo_point_to_s2cell(10.1234, 53, 8)", '"47b1d"'),
        ("geo_point_to_s2cell(10.6842, 53, 8)", '"47ae3"'),
        ("geo_point_to_s2cell(300, 1, 8)", '""'),
        ("geo_point_to_s2cell(1, 1, 35)", '""'),
    ),
)
for _name, _doc, _function, _example in (
    (
        "geo_s2cell_to_central_point",
        "The centre of an S2 cell, as GeoJSON.",
        "s2_centre",
        ('isnull(geo_s2cell_to_central_point("a"))', "true"),
    ),
    (
        "geo_s2cell_to_polygon",
        "The four corners of an S2 cell, as GeoJSON.",
        "s2_polygon",
        ('round(toreal(geo_s2cell_to_polygon("89c259").coordinates[0][1][1]), 9)', "40.722226292"),
    ),
    (
        "geo_s2cell_neighbors",
        "The eight S2 cells around one. At a corner of the cube, where there are fewer, the query is refused when it runs.",
        "s2_neighbors",
        (
            "array_sort_asc(geo_s2cell_neighbors('89c259'))",
            'dynamic(["89c251","89c257","89c25b","89c25d","89c25f","89c2f5","89c2f7","89c2f9"])',
        ),
    ),
):
    scalar(
        _name,
        "s2cell: string",
        "dynamic",
        _doc,
        f"kql_{_function}({{s2cell}})::JSON",
        udf=_UDF + _function,
        nulls=Nulls.MAYBE,
        example=_example,
    )
