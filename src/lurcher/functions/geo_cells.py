"""H3's hexagonal cells, by the library `h3` (the extra `lurcher[geo]`).

Source: "Geospatial functions" (Kusto documentation). A cell is named by its text in hexadecimal digits; of what names none the
answer is null, of a string function the empty text.
"""

from __future__ import annotations

from lurcher.functions.build import fill
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.geo_h3:"
# The resolution that is left out: 6 of a point, the next one of a cell (known by its being this very object).
_SIX = t.Literal(6)
_NEXT = t.Literal(0)


def _h3cell(longitude: t.SqlExpr, latitude: t.SqlExpr, resolution: t.SqlExpr = _SIX) -> t.SqlExpr:
    return fill(
        "kql_h3_cell(({longitude})::DOUBLE, ({latitude})::DOUBLE, ({resolution})::BIGINT)",
        longitude=longitude,
        latitude=latitude,
        resolution=resolution,
    )


scalar(
    "geo_point_to_h3cell",
    "longitude: number, latitude: number, resolution?: int|long",
    "string",
    "The H3 cell of a point, of resolution 0 to 15 (6 where it is not said).",
    _h3cell,
    udf=_UDF + "h3_cell",
    nulls=_MAYBE,
    examples=(
        ("geo_point_to_h3cell(-74.04450446039874, 40.689250859314974, 6)", '"862a1072fffffff"'),
        ("geo_point_to_h3cell(300, 1, 8)", '""'),
        ("geo_point_to_h3cell(1, 1, 16)", '""'),
    ),
)
for _name, _returns, _doc, _function, _examples in (
    (
        "geo_h3cell_to_central_point",
        "dynamic",
        "The centre of an H3 cell, as GeoJSON.",
        "h3_centre",
        (
            ('round(toreal(geo_h3cell_to_central_point("862a1072fffffff").coordinates[0]), 9)', "-74.016008480"),
            ('isnull(geo_h3cell_to_central_point("1"))', "true"),
        ),
    ),
    (
        "geo_h3cell_to_polygon",
        "dynamic",
        "The hexagon (seldom pentagon) of an H3 cell, as GeoJSON.",
        "h3_polygon",
        (('array_length(geo_h3cell_to_polygon("862a1072fffffff").coordinates[0])', "7"),),
    ),
    (
        "geo_h3cell_neighbors",
        "dynamic",
        "The six (of a pentagon five) H3 cells around one.",
        "h3_neighbors",
        (
            (
                'array_sort_asc(geo_h3cell_neighbors("862a1072fffffff"))',
                'dynamic(["862a100d7ffffff","862a100dfffffff","862a10707ffffff","862a1070fffffff","862a10727ffffff",'
                '"862a10777ffffff"])',
            ),
            ('isnull(geo_h3cell_neighbors("abc"))', "true"),
        ),
    ),
    (
        "geo_h3cell_level",
        "int",
        "The resolution of an H3 cell.",
        "h3_level",
        (("geo_h3cell_level('862a1072fffffff')", "int(6)"), ("geo_h3cell_level('abc')", "int(null)")),
    ),
):
    scalar(
        _name,
        "h3cell: string",
        _returns,
        _doc,
        f"kql_{_function}({{h3cell}})::{'INTEGER' if _returns == 'int' else 'JSON'}",
        udf=_UDF + _function,
        nulls=_MAYBE,
        examples=_examples,
    )


def _parent(h3cell: t.SqlExpr, resolution: t.SqlExpr = _NEXT) -> t.SqlExpr:
    text = "kql_h3_parent({h3cell}, ({resolution})::BIGINT, {next})"
    return fill(text, h3cell=h3cell, resolution=resolution, next=t.Literal(resolution is _NEXT))


def _children(h3cell: t.SqlExpr, resolution: t.SqlExpr = _NEXT) -> t.SqlExpr:
    text = "kql_h3_children({h3cell}, ({resolution})::BIGINT, {next})::JSON"
    return fill(text, h3cell=h3cell, resolution=resolution, next=t.Literal(resolution is _NEXT))


scalar(
    "geo_h3cell_parent",
    "h3cell: string, resolution?: int|long",
    "string",
    "The H3 cell that a cell is part of, of a coarser resolution (the next where it is not said).",
    _parent,
    udf=_UDF + "h3_parent",
    nulls=_MAYBE,
    examples=(
        ("geo_h3cell_parent('862a1072fffffff')", '"852a1073fffffff"'),
        ("geo_h3cell_parent('862a1072fffffff', 1)", '"812a3ffffffffff"'),
        ("geo_h3cell_parent('862a1072fffffff', 15)", '""'),
    ),
)
scalar(
    "geo_h3cell_children",
    "h3cell: string, resolution?: int|long",
    "dynamic",
    "The H3 cells that are part of one, of a resolution at most five finer (the next where it is not said).",
    _children,
    udf=_UDF + "h3_children",
    nulls=_MAYBE,
    examples=(
        (
            "geo_h3cell_children('862a1072fffffff')",
            'dynamic(["872a10728ffffff","872a10729ffffff","872a1072affffff","872a1072bffffff","872a1072cffffff",'
            '"872a1072dffffff","872a1072effffff"])',
        ),
        ("array_length(geo_h3cell_children('862a1072fffffff', 9))", "343"),
    ),
)
scalar(
    "geo_h3cell_rings",
    "h3cell: string, distance: int|long",
    "dynamic",
    "The rings of H3 cells around one, from the cell itself to a distance of 0 to 142.",
    "kql_h3_rings({h3cell}, ({distance})::BIGINT)::JSON",
    udf=_UDF + "h3_rings",
    nulls=_MAYBE,
    examples=(
        (
            "geo_h3cell_rings('861f8894fffffff', 1)",
            'dynamic([["861f8894fffffff"],["861f88947ffffff","861f8895fffffff","861f88867ffffff","861f8d497ffffff",'
            '"861f8d4b7ffffff","861f8896fffffff"]])',
        ),
        ("isnull(geo_h3cell_rings('861f8894fffffff', 150))", "true"),
    ),
)
