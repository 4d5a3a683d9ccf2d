"""Points on Earth: angles, distances, circles, and geohashes.

Source: "Geospatial functions" (Kusto documentation). Earth is a sphere of S2's mean radius, 6,371,010 m; longitudes are within
180 degrees, latitudes within 90, of others the answer is null.
"""

from __future__ import annotations

from lurcher.functions.build import fill, refuse
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.geohash:"
# Arguments that are left out.
_SPHERE = t.Literal(False)
_FIVE = t.Literal(5)
_POINT = "longitude: number, latitude: number"
_TWO = "p1_longitude: number, p1_latitude: number, p2_longitude: number, p2_latitude: number"


def _valid(longitude: str, latitude: str) -> str:
    # Null, and NaN, which DuckDB orders above all numbers, are not within.
    return f"(({longitude})::DOUBLE BETWEEN -180 AND 180 AND ({latitude})::DOUBLE BETWEEN -90 AND 90)"


def _haversine(a: tuple[str, str], b: tuple[str, str]) -> str:
    """The square of half the chord between two points, on a sphere of radius 1."""
    (x1, y1), (x2, y2) = [(f"radians(({x})::DOUBLE)", f"radians(({y})::DOUBLE)") for x, y in (a, b)]
    return f"(pow(sin(({y2} - {y1}) / 2), 2) + cos({y1}) * cos({y2}) * pow(sin(({x2} - {x1}) / 2), 2))"


def _meters(a: tuple[str, str], b: tuple[str, str]) -> str:
    return f"(2 * 6371010 * asin(sqrt(least(1::DOUBLE, {_haversine(a, b)}))))"


def _azimuth(a: tuple[str, str], b: tuple[str, str]) -> str:
    """Clockwise from north, -pi to pi."""
    (x1, y1), (x2, y2) = [(f"radians(({x})::DOUBLE)", f"radians(({y})::DOUBLE)") for x, y in (a, b)]
    east = f"sin({x2} - {x1}) * cos({y2})"
    return f"atan2({east}, cos({y1}) * sin({y2}) - sin({y1}) * cos({y2}) * cos({x2} - {x1}))"


def _determined(a: tuple[str, str], b: tuple[str, str]) -> str:
    """Whether one great circle alone leads from a to b: not where they are one point, or opposite each other. What is left of
    zero is the rounding of pi."""
    opposite = (f"(({b[0]})::DOUBLE + 180)", f"(-({b[1]})::DOUBLE)")
    return f"({_haversine(a, b)} > 1e-30 AND {_haversine(a, opposite)} > 1e-30)"


def _turn(angle: str) -> str:
    """0 to 2 pi, without 2 pi."""
    return f"(CASE WHEN {angle} < 0 THEN {angle} + 2 * pi() ELSE {angle} END)"


_P1, _P2, _P3 = [(f"{{p{i}_longitude}}", f"{{p{i}_latitude}}") for i in (1, 2, 3)]
_CENTRE = ("{pc_longitude}", "{pc_latitude}")
_P = ("{p_longitude}", "{p_latitude}")


def _distance(
    p1_longitude: t.SqlExpr,
    p1_latitude: t.SqlExpr,
    p2_longitude: t.SqlExpr,
    p2_latitude: t.SqlExpr,
    use_spheroid: t.SqlExpr = _SPHERE,
) -> t.SqlExpr:
    match use_spheroid:
        case t.Literal(False) | t.Literal(0) | t.Cast(t.Literal(False) | t.Literal(0)):
            pass
        case _:
            refuse(
                "geo_distance_2points(): how the service measures on a spheroid is not published",
                "leave use_spheroid out: the distance on a sphere is known",
            )
    return fill(
        f"CASE WHEN {_valid(*_P1)} AND {_valid(*_P2)} THEN {_meters(_P1, _P2)} END",
        p1_longitude=p1_longitude,
        p1_latitude=p1_latitude,
        p2_longitude=p2_longitude,
        p2_latitude=p2_latitude,
    )


scalar(
    "geo_distance_2points",
    _TWO + ", use_spheroid?: constant bool|int|long",
    "real",
    "Metres between two points.",
    _distance,
    nulls=_MAYBE,
    examples=(
        ("round(geo_distance_2points(-122.407628, 47.578557, -118.275287, 34.019056), 3)", "1546754.352"),
        ("geo_distance_2points(300, 1, 1, 1)", "real(null)"),
    ),
)
scalar(
    "geo_azimuth",
    _TWO,
    "real",
    "The direction from one point to another in radians, clockwise from north; null where all or none lead there.",
    f"CASE WHEN {_valid(*_P1)} AND {_valid(*_P2)} AND {_determined(_P1, _P2)} THEN {_turn(_azimuth(_P1, _P2))} END",
    nulls=_MAYBE,
    examples=(("round(geo_azimuth(5, 10, 10, -40), 12)", "3.054599397964"), ("geo_azimuth(1, 2, 1, 2)", "real(null)")),
)
scalar(
    "geo_angle",
    _TWO + ", p3_longitude: number, p3_latitude: number",
    "real",
    "The angle at the second of three points in radians, clockwise from the first to the third.",
    f"CASE WHEN {_valid(*_P1)} AND {_valid(*_P2)} AND {_valid(*_P3)} AND {_determined(_P1, _P2)}"
    f" AND {_determined(_P2, _P3)} THEN {_turn(f'({_azimuth(_P2, _P3)} - {_azimuth(_P2, _P1)})')} END",
    nulls=_MAYBE,
    examples=(
        ("round(geo_angle(0, 10, 0, 5, 3, -10), 12)", "2.944938434069"),
        ("geo_angle(0, 10, 0, 10, 3, -10)", "real(null)"),
    ),
)
scalar(
    "geo_point_in_circle",
    "p_longitude: number, p_latitude: number, pc_longitude: number, pc_latitude: number, c_radius: number",
    "bool",
    "Whether a point is in a circle on the sphere, its radius in metres.",
    f"CASE WHEN {_valid(*_P)} AND {_valid(*_CENTRE)} AND ({{c_radius}})::DOUBLE > 0 AND isfinite(({{c_radius}})::DOUBLE)"
    f" THEN {_meters(_P, _CENTRE)} <= ({{c_radius}})::DOUBLE END",
    nulls=_MAYBE,
    examples=(
        ("geo_point_in_circle(-122.143564, 47.535677, -122.100896, 47.527351, 3500)", "true"),
        ("geo_point_in_circle(-122.137575, 47.630683, -122.100896, 47.527351, 3500)", "false"),
        ("geo_point_in_circle(1, 1, 1, 1, -1)", "bool(null)"),
    ),
)


# --- geohashes ---------------------------------------------------------------------------------------------------------------
def _geohash(longitude: t.SqlExpr, latitude: t.SqlExpr, accuracy: t.SqlExpr = _FIVE) -> t.SqlExpr:
    return fill(
        "kql_geohash(({longitude})::DOUBLE, ({latitude})::DOUBLE, ({accuracy})::BIGINT)",
        longitude=longitude,
        latitude=latitude,
        accuracy=accuracy,
    )


scalar(
    "geo_point_to_geohash",
    _POINT + ", accuracy?: int|long",
    "string",
    "The geohash of a point, of 1 to 18 characters (5 where it is not said).",
    _geohash,
    udf=_UDF + "geohash",
    nulls=_MAYBE,
    examples=(
        ("geo_point_to_geohash(-80.195829, 25.802215, 8)", '"dhwfz15h"'),
        ("geo_point_to_geohash(139.806115, 35.554128)", '"xn76m"'),
        ("geo_point_to_geohash(200, 1, 8)", '""'),
    ),
)
scalar(
    "geo_geohash_to_central_point",
    "geohash: string",
    "dynamic",
    "The centre of a geohash's rectangle, as GeoJSON.",
    "kql_geohash_centre({geohash})::JSON",
    udf=_UDF + "geohash_centre",
    nulls=_MAYBE,
    examples=(
        ('geo_geohash_to_central_point("sunny").coordinates[0]', "dynamic(42.47314453125)"),
        ('geo_geohash_to_central_point("sunny").coordinates[1]', "dynamic(23.70849609375)"),
    ),
)
scalar(
    "geo_geohash_to_polygon",
    "geohash: string",
    "dynamic",
    "A geohash's rectangle, as GeoJSON.",
    "kql_geohash_polygon({geohash})::JSON",
    udf=_UDF + "geohash_polygon",
    nulls=_MAYBE,
    example=('geo_geohash_to_polygon("dr5ru").coordinates[0][2]', "dynamic([-73.9599609375,40.78125])"),
)
scalar(
    "geo_geohash_neighbors",
    "geohash: string",
    "dynamic",
    "The eight geohashes around one. Beside a pole the query is refused when it runs.",
    "kql_geohash_neighbors({geohash})::JSON",
    udf=_UDF + "geohash_neighbors",
    nulls=_MAYBE,
    example=(
        "geo_geohash_neighbors('sunny')",
        'dynamic(["sunnv","sunnt","sunnw","sunnx","sunpp","sunnz","sunpn","sunpj"])',
    ),
)
