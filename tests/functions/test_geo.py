"""Geospatial functions: the documentation's examples, figures of plain geometry, what hostile input must not do."""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise

import pyarrow as pa
import pytest

from lurcher.errors import LurcherError
from lurcher.functions.udf import load_udf

UDFS = "lurcher.functions.udfs."
RADIUS = 6_371_010


def call(path: str, *values: object) -> object:
    function = load_udf(UDFS + path).function
    return function(*(pa.array([v]) for v in values)).to_pylist()[0]


def parsed(path: str, *values: object) -> object:
    text = call(path, *values)
    return None if text is None else json.loads(str(text))


def line(*points: tuple[float, float]) -> str:
    return json.dumps({"type": "LineString", "coordinates": points})


def test_a_geohash_of_each_length_begins_the_longer_one() -> None:
    texts = [str(call("geohash:geohash", -80.195829, 25.802215, n)) for n in range(1, 19)]
    assert [len(t) for t in texts] == list(range(1, 19))
    assert all(b.startswith(a) for a, b in pairwise(texts))


def test_geohash_neighbours_go_around_the_globe() -> None:
    # "8" lies at the west end of its row, "x" at the east end of the same one.
    assert "x" in parsed("geohash:geohash_neighbors", "8")  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "a", "sunny!", "s" * 19, "ü"])
def test_no_geohash(text: str) -> None:
    assert parsed("geohash:geohash_polygon", text) is None
    assert parsed("geohash:geohash_neighbors", text) is None


def test_geohashes_that_are_refused() -> None:
    with pytest.raises(LurcherError, match="pole"):
        call("geohash:geohash_neighbors", "b")
    with pytest.raises(LurcherError, match="capitals"):
        call("geohash:geohash_polygon", "SUNNY")


@pytest.mark.parametrize("level", range(31))
@pytest.mark.parametrize("place", [(0.1, 0.1), (100, 10), (-170, -33), (12, 89.5), (45.5, -80), (-73.95, 40.8)])
def test_the_centre_of_an_s2_cell_is_in_it(place: tuple[float, float], level: int) -> None:
    token = call("geo_s2:s2_cell", float(place[0]), float(place[1]), level)
    centre = parsed("geo_s2:s2_centre", token)
    assert isinstance(centre, dict)
    assert call("geo_s2:s2_cell", *centre["coordinates"], level) == token


@pytest.mark.parametrize(
    "place", [(0.0, 0.0), (44.9, 0.3), (45.1, 0.3), (134.99, -20.0), (10.0, 44.8), (-100.0, -46.0)]
)
def test_s2_neighbours_are_neighbours_of_each_other(place: tuple[float, float]) -> None:
    token = call("geo_s2:s2_cell", *place, 7)
    around = parsed("geo_s2:s2_neighbors", token)
    assert isinstance(around, list)
    assert len(set(around)) == 8
    assert all(token in parsed("geo_s2:s2_neighbors", other) for other in around)  # type: ignore[operator]


@pytest.mark.parametrize("token", ["", "a", "f", "0", "x1", "89c259" + "0" * 11, "٣"])
def test_no_s2_cell(token: str) -> None:
    assert parsed("geo_s2:s2_polygon", token) is None


def test_s2_cells_at_a_corner_of_the_cube_have_no_eight_neighbours() -> None:
    with pytest.raises(LurcherError, match="corner"):
        call("geo_s2:s2_neighbors", call("geo_s2:s2_cell", 44.99, 35.26, 3))


def test_h3_rings_beside_a_pentagon_hold_no_cell_twice() -> None:
    h3 = pytest.importorskip("h3")
    pentagon = h3.get_pentagons(3)[0]
    rings = parsed("geo_h3:h3_rings", pentagon, 3)
    assert isinstance(rings, list)
    # "A cell might be not present in the ring if pentagonal distortion was encountered": five times k, not six.
    assert [len(r) for r in rings] == [1, 5, 10, 15]
    assert len({c for r in rings for c in r}) == 31


def test_h3_cells_without_the_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h3", None)
    with pytest.raises(LurcherError) as caught:
        call("geo_h3:h3_level", "862a1072fffffff")
    assert caught.value.kind == "denied"
    assert "lurcher[geo]" in str(caught.value.hint)


def test_lines_along_great_circles() -> None:
    equator = line((0, 0), (90, 0))
    assert call("geo_lines:line_length", equator) == pytest.approx(RADIUS * math.pi / 2)
    assert call("geo_lines:line_distance", equator, 45.0, 30.0) == pytest.approx(RADIUS * math.pi / 6)
    # Beyond its end the end is the nearest point.
    assert call("geo_lines:line_distance", equator, 100.0, 0.0) == pytest.approx(RADIUS * math.pi / 18)
    assert call("geo_lines:line_locate", equator, 60.0, -10.0) == pytest.approx(2 / 3)
    middle = parsed("geo_lines:line_centroid", equator)
    assert isinstance(middle, dict)
    assert middle["coordinates"] == pytest.approx([45, 0])
    end = parsed("geo_lines:line_interpolate", equator, 1.0)
    assert isinstance(end, dict)
    assert end["coordinates"] == pytest.approx([90, 0])


@pytest.mark.parametrize(
    "text",
    [
        "1", "[]", "{}", line(), line((1, 1)), line((1, 1), (500, 1)), line((0, 0), (180, 0)),
        '{"type":"LineString"}', '{"type":"LineString","coordinates":[1,2]}', '{"type":"Point","coordinates":[1,2]}',
        '{"type":"LineString","coordinates":[["1",2],[3,4]]}', '{"type":"MultiLineString","coordinates":[]}',
        '{"type":"LineString","coordinates":[[NaN,2],[3,4]]}', '{"type":"LineString","coordinates":[[1e999,2],[3,4]]}',
    ],
)  # fmt: skip
def test_no_line(text: str) -> None:
    assert call("geo_lines:line_length", text) is None
    assert call("geo_lines:line_closest", text, 1.0, 1.0) is None


def test_lines_that_are_refused() -> None:
    twice = '{"type":"MultiLineString","coordinates":[[[0,0],[1,1]],[[1,1],[0,0]]]}'
    with pytest.raises(LurcherError, match="share an edge"):
        call("geo_lines:line_length", twice)
    with pytest.raises(LurcherError, match="heights"):
        call("geo_lines:line_length", '{"type":"LineString","coordinates":[[0,0,5],[1,1,5]]}')
    with pytest.raises(LurcherError, match="twice"):
        call("geo_lines:line_length", line((1, 1), (1, 1)))


SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [4, 6], [6, 6], [6, 4], [4, 4]]


def polygon(*rings: object) -> str:
    return json.dumps({"type": "Polygon", "coordinates": rings})


def test_points_in_polygons_whichever_way_their_rings_turn() -> None:
    for ring in (SQUARE, SQUARE[::-1]):
        for hole in (HOLE, HOLE[::-1]):
            shape = polygon(ring, hole)
            answers = [call("geo_polygons:in_polygon", x, y, shape) for x, y in ((1.0, 1.0), (5.0, 5.0), (11.0, 5.0))]
            assert answers == [True, False, False]
    # Its edges are great circles: at 5 degrees east the northern one lies north of the parallel.
    assert call("geo_polygons:in_polygon", 5.0, 10.01, polygon(SQUARE)) is True
    assert call("geo_polygons:in_polygon", -175.0, -5.0, polygon(SQUARE)) is False


def test_a_hole_takes_its_area_away() -> None:
    whole, hole = (call("geo_polygons:polygon_area", polygon(r)) for r in (SQUARE, HOLE))
    assert isinstance(whole, float)
    assert isinstance(hole, float)
    assert call("geo_polygons:polygon_area", polygon(SQUARE, HOLE)) == pytest.approx(whole - hole)
    # The zone below the parallel of 10 degrees is a part of it: its northern edge is a great circle.
    assert whole > RADIUS**2 * math.radians(10) * math.sin(math.radians(10))


@pytest.mark.parametrize(
    "rings",
    [
        [], [[]], [[[0, 0], [1, 1], [0, 0]]], [[[0, 0], [10, 0], [10, 10], [0, 10]]],
        [[[0, 0], [10, 10], [10, 10], [0, 0]]], [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]],
        [[[0, 0], [500, 0], [10, 10], [0, 0]]], [SQUARE, SQUARE],
    ],
)  # fmt: skip
def test_no_polygon(rings: list[object]) -> None:
    assert call("geo_polygons:in_polygon", 1.0, 1.0, polygon(*rings)) is None
    assert call("geo_polygons:polygon_area", polygon(*rings)) is None


@pytest.mark.parametrize(
    ("rings", "why"),
    [
        ([[[0, 0], [120, 0], [-120, 0], [0, 0]]], "half of the globe"),
        ([[[0, 0], [10, 0], [10, 10], [5, 0], [0, 10], [0, 0]]], "on another edge"),
        ([SQUARE, [[20, 20], [21, 20], [21, 21], [20, 20]]], "a hole"),
        ([[SQUARE]], "within rings"),
    ],
)
def test_polygons_that_are_refused(rings: list[object], why: str) -> None:
    with pytest.raises(LurcherError, match=why):
        call("geo_polygons:polygon_area", polygon(*rings))


def test_a_point_on_the_boundary_is_refused() -> None:
    with pytest.raises(LurcherError, match="boundary"):
        call("geo_polygons:in_polygon", 5.0, 0.0, polygon(SQUARE))
    assert call("geo_polygons:polygon_distance", 5.0, 0.0, polygon(SQUARE)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    ["", "LINESTRING", "POINT 1 2", "POINT (1)", "POINT (1 2", "POINT (1 2) x", "CIRCLE (1 2)", "POINT (1,2)", "é"],
)
def test_no_well_known_text(text: str) -> None:
    assert call("geo_wkt:from_wkt", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "POINT EMPTY",
        "POINT Z (1 2 3)",
        "POINT (1 2 3)",
        "point (1 2)",
        "POINT (500 1)",
        "POLYGON ((0 0, 1 1, 2 2))",
        "GEOMETRYCOLLECTION (" * 5000,
    ],
)
def test_well_known_texts_that_are_refused(text: str) -> None:
    with pytest.raises(LurcherError):
        call("geo_wkt:from_wkt", text)


EAST = [[5, -5], [15, -5], [15, 15], [5, 15], [5, -5]]


def test_lines_meet_where_they_cross_or_share_a_point() -> None:
    equator = line((-10, 0), (10, 0))
    assert call("geo_meets:lines_meet", equator, line((0, -10), (0, 10))) is True
    assert call("geo_meets:lines_meet", equator, line((10, 0), (20, 5))) is True
    assert call("geo_meets:lines_meet", equator, line((170, -5), (-170, 5))) is False
    assert parsed("geo_meets:lines_in_common", equator, line((0, -10), (0, 10))) == {
        "type": "Point",
        "coordinates": pytest.approx([0, 0], abs=1e-12),
    }
    with pytest.raises(LurcherError, match="ends on another"):
        call("geo_meets:lines_meet", equator, line((0, 0), (0, 10)))
    with pytest.raises(LurcherError, match="more than a point"):
        call("geo_meets:lines_in_common", equator, line((20, 0), (-20, 0)))


def test_what_of_a_line_is_in_a_polygon_with_a_hole() -> None:
    meridian = line((5, -20), (5, 20))
    found = parsed("geo_meets:line_in_polygon", meridian, polygon(SQUARE, HOLE))
    assert isinstance(found, dict)
    assert found["type"] == "MultiLineString"
    # The hole's southern edge is a great circle from (4, 4) to (6, 4): on its middle tan(latitude) = tan(4) / cos(1).
    south, north = (
        math.degrees(math.atan(math.tan(math.radians(p)) / math.cos(math.radians(h)))) for p, h in ((4, 1), (10, 5))
    )
    assert found["coordinates"][0] == [pytest.approx([5, 0], abs=1e-9), pytest.approx([5, south])]
    assert found["coordinates"][1][1] == pytest.approx([5, north])
    assert call("geo_meets:line_meets_polygon", line((5, 4.5), (5, 5.5)), polygon(SQUARE, HOLE)) is False
    assert call("geo_meets:line_meets_polygon", line((1, 1), (2, 2)), polygon(SQUARE, HOLE)) is True
    with pytest.raises(LurcherError, match="touches"):
        call("geo_meets:line_meets_polygon", line((0, 0), (-2, -2)), polygon(SQUARE))


def test_polygons_that_overlap() -> None:
    assert call("geo_meets:polygons_meet", polygon(SQUARE), polygon(EAST)) is True
    assert call("geo_meets:polygons_meet", polygon(SQUARE), polygon(SQUARE[::-1])) is True
    assert call("geo_meets:polygons_meet", polygon([[1, 1], [2, 1], [2, 2], [1, 1]]), polygon(SQUARE)) is True
    assert (
        call("geo_meets:polygons_meet", polygon([[4.5, 4.5], [5, 4.5], [5, 5], [4.5, 4.5]]), polygon(SQUARE, HOLE))
        is False
    )
    with pytest.raises(LurcherError, match="touch"):
        call("geo_meets:polygons_meet", polygon(SQUARE), polygon([[0, 0], [-1, 0], [0, -1], [0, 0]]))


def test_a_union_and_an_intersection_have_the_area_of_both() -> None:
    both = json.dumps([json.loads(polygon(r)) for r in (SQUARE, EAST)])
    union, common = (
        call("geo_overlay:polygons_united", both),
        call("geo_overlay:polygons_in_common", polygon(SQUARE), polygon(EAST)),
    )
    several = json.dumps({"type": "MultiPolygon", "coordinates": [[SQUARE], [EAST]]})
    areas = [call("geo_polygons:polygon_area", s) for s in (polygon(SQUARE), polygon(EAST), union, common, several)]
    assert areas[0] + areas[1] == pytest.approx(areas[2] + areas[3])  # type: ignore[operator]
    assert areas[4] == pytest.approx(areas[2])
    assert call("geo_polygons:polygon_perimeter", several) == pytest.approx(
        call("geo_polygons:polygon_perimeter", union)
    )


@pytest.mark.parametrize(
    ("path", "shapes"),
    [
        ("polygons_united", ([SQUARE], [[[50, 0], [51, 0], [51, 1], [50, 0]]])),
        ("polygons_united", ([SQUARE, HOLE],)),
        ("polygons_united", ([SQUARE[::-1]],)),
        ("polygons_united", ([SQUARE], [[[10, 0], [20, 0], [10, 10], [10, 0]]])),
        ("polygons_united", ()),
    ],
)
def test_unions_that_are_refused(path: str, shapes: tuple[object, ...]) -> None:
    with pytest.raises(LurcherError, match="not published"):
        call(f"geo_overlay:{path}", json.dumps([{"type": "Polygon", "coordinates": s} for s in shapes]))


def test_lines_are_united_where_they_follow_each_other() -> None:
    lines = [json.loads(line(*points)) for points in (((0, 0), (1, 1)), ((1, 1), (2, 1)), ((0, 0), (1, 1)))]
    found = parsed("geo_overlay:lines_united", json.dumps(lines))
    assert isinstance(found, dict)
    assert [pytest.approx(p) for p in found["coordinates"]] == [[0, 0], [1, 1], [2, 1]]
    for fork in (((1, 1), (1, 2)), ((5, 5), (6, 6)), ((2, 1), (0, 0))):
        with pytest.raises(LurcherError, match="not published"):
            call("geo_overlay:lines_united", json.dumps([*lines, json.loads(line(*fork))]))


def test_the_point_of_a_polygon_that_is_nearest() -> None:
    for place, nearest in (((5.0, -3.0), [5, 0]), ((-3.0, -3.0), [0, 0]), ((1.0, 2.0), [1, 2])):
        found = parsed("geo_polygons:polygon_closest", *place, polygon(SQUARE, HOLE))
        assert isinstance(found, dict)
        assert found["coordinates"] == pytest.approx(nearest, abs=1e-9)
    centre = parsed("geo_polygons:polygon_centroid", polygon([[-5, -5], [5, -5], [5, 5], [-5, 5], [-5, -5]]))
    assert isinstance(centre, dict)
    assert centre["coordinates"] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("level", [0, 3, 6, 9])
def test_s2_cells_of_a_polygon_hold_its_points(level: int) -> None:
    cells = parsed("geo_cover:polygon_s2_cells", polygon(SQUARE, HOLE), level, 0.0)
    if level == 9:
        # A cell has about 4 pi r^2 / (6 * 4^9): a square of ten degrees without the hole some 3,600, and those along its edges.
        assert isinstance(cells, list)
        assert 3_600 < len(cells) < 4_000
        assert cells == sorted(cells, key=lambda c: int(c.ljust(16, "0"), 16))
        assert call("geo_s2:s2_cell", 5.0, 5.0, level) not in cells
    for place in ((0.5, 0.5), (9.9, 0.1), (3.9, 5.0), (5.0, 9.9)):
        assert call("geo_s2:s2_cell", *place, level) in cells  # type: ignore[operator]


def test_s2_cells_of_a_line_follow_it_across_faces() -> None:
    path = line((30, 30), (60, -30))
    cells = parsed("geo_cover:line_s2_cells", path, 8, 0.0)
    assert isinstance(cells, list)
    for part in range(101):
        at = parsed("geo_lines:line_interpolate", path, part / 100)
        assert call("geo_s2:s2_cell", *at["coordinates"], 8) in cells  # type: ignore[index]


def test_cells_that_are_too_many_or_refused() -> None:
    half = polygon([[0, -80], [80, 0], [0, 80], [-80, 0], [0, -80]])
    assert call("geo_cover:polygon_s2_cells", half, 12, 0.0) is None
    assert call("geo_cover:polygon_s2_cells", polygon(SQUARE), -1, 0.0) is None
    assert call("geo_cover:line_s2_cells", line((1, 1)), 3, 0.0) is None
    assert call("geo_cover:line_s2_cells", line((1, 1), (2, 2)), 3, -1.0) is None
    with pytest.raises(LurcherError, match="radius"):
        call("geo_cover:line_s2_cells", line((1, 1), (2, 2)), 3, 500.0)


def test_h3_cells_have_their_centres_in_the_polygon() -> None:
    h3 = pytest.importorskip("h3")
    cells = parsed("geo_cover:polygon_h3_cells", polygon(SQUARE, HOLE), 3, 0.0)
    assert isinstance(cells, list)
    for cell in h3.grid_disk(h3.latlng_to_cell(5, 5, 3), 14):
        latitude, longitude = h3.cell_to_latlng(cell)
        held = 0 < longitude < 10 and 0 < latitude < 10 and not (4 < longitude < 6 and 4 < latitude < 6)
        assert held == (cell in cells)
    with pytest.raises(LurcherError, match="too long"):
        call("geo_cover:polygon_h3_cells", polygon(SQUARE), 12, 0.0)
    with pytest.raises(LurcherError, match="180th"):
        call("geo_cover:polygon_h3_cells", polygon([[179, 0], [-179, 0], [-179, 1], [179, 0]]), 3, 0.0)


def test_points_are_put_in_where_the_map_and_the_sphere_differ() -> None:
    # Along a meridian and the equator they do not.
    assert len(parsed("geo_densify:line_dense", line((0, 0), (60, 0)), 10.0)["coordinates"]) == 2  # type: ignore[call-overload,index]
    wide = parsed("geo_densify:line_dense", line((20, 60), (50, 60)), 10_000.0)
    assert isinstance(wide, dict)
    places = wide["coordinates"]
    assert len(places) in (3, 5, 9, 17)
    assert all(p[1] == pytest.approx(60) for p in places)
    for bad in (0.0, 0.05, 10_001.0):
        assert call("geo_densify:line_dense", line((0, 0), (60, 0)), bad) is None


def test_lines_that_are_not_densified() -> None:
    for text, why in (
        (line((170, 0), (-170, 10)), "180th"),
        (line((300, 1), (1, 1)), "out of range"),
        ('{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]}', "several"),
    ):
        with pytest.raises(LurcherError, match=why):
            call("geo_densify:line_dense", text, 10.0)
    with pytest.raises(LurcherError, match="two ways"):
        call("geo_densify:polygon_dense", polygon([[10, 10], [11, 10], [11, 11], [10, 11], [10, 10]]), 10.0)
