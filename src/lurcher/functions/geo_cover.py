"""The cells that lines and polygons are in. Source: "geo_polygon_to_s2cells()" and its kin (Kusto documentation)."""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions.build import fill
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_UDF = "lurcher.functions.udfs.geo_cover:"
_WIDE = 'dynamic({"type":"Polygon","coordinates":[[[0,0],[0,50],[100,50],[0,0]]]})'
_MADRID = (
    'dynamic({"type":"Polygon","coordinates":[[[-3.659,40.553],[-3.913,40.409],[-3.729,40.273],[-3.524,40.440],'
    "[-3.659,40.553]]]})"
)
_LINE = 'dynamic({"type":"LineString","coordinates":[[1,1],[2,2]]})'


def _build(function: str, usual: int) -> Callable[..., t.SqlExpr]:
    """What is left out: the usual level, no radius around."""

    def build(shape: t.SqlExpr, level: t.SqlExpr = t.Literal(usual), radius: t.SqlExpr = t.Literal(0)) -> t.SqlExpr:  # noqa: B008
        text = f"{function}({{shape}}, ({{level}})::BIGINT, ({{radius}})::DOUBLE)::JSON"
        return fill(text, shape=shape, level=level, radius=radius)

    return build


for _name, _shape, _detail, _usual, _doc, _function, _examples in (
    (
        "geo_polygon_to_s2cells",
        "polygon",
        "level",
        11,
        "The S2 cells of a level (11 where it is not said) that a polygon is in; null where they are more than 65,536.",
        "polygon_s2_cells",
        (
            (f"array_length(geo_polygon_to_s2cells({_WIDE}, 5))", "286"),
            (f"isnull(geo_polygon_to_s2cells({_WIDE}, 30))", "true"),
        ),
    ),
    (
        "geo_line_to_s2cells",
        "lineString",
        "level",
        11,
        "The S2 cells of a level (11 where it is not said) that a line is in; null where they are more than 65,536.",
        "line_s2_cells",
        (
            (f"geo_line_to_s2cells({_LINE}, 0)", 'dynamic(["1"])'),
            (f"isnull(geo_line_to_s2cells({_LINE}, 31))", "true"),
        ),
    ),
    (
        "geo_polygon_to_h3cells",
        "polygon",
        "resolution",
        6,
        "The H3 cells of a resolution (6 where it is not said) whose centres are in a polygon; null where more than 61,680 are.",
        "polygon_h3_cells",
        (
            (f"array_length(geo_polygon_to_h3cells({_MADRID}))", "13"),
            (f"isnull(geo_polygon_to_h3cells({_MADRID}, 16))", "true"),
        ),
    ),
):
    scalar(
        _name,
        f"{_shape}: dynamic, {_detail}?: int|long, radius?: number",
        "dynamic",
        _doc,
        _build(f"kql_{_function}", _usual),
        udf=_UDF + _function,
        nulls=Nulls.MAYBE,
        examples=_examples,
    )
