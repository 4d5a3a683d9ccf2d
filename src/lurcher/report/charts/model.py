"""Rows and a `render` hint -> what there is to draw.

Source: "render operator" and its pages of charts (Kusto documentation): which column is the x-axis, which are values, and that
one text column splits the values into lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lurcher.kql.types import Column, ScalarType
from lurcher.plan.nodes import Render

T = ScalarType
X = datetime | float | str

#: Charts of points on two axes, of bars, and of shares.
LINES = frozenset(("timechart", "linechart", "areachart", "stackedareachart", "anomalychart", "scatterchart"))
BARS = frozenset(("barchart", "columnchart"))
_NUMBERS = frozenset((T.INT, T.LONG, T.REAL, T.DECIMAL))


@dataclass(frozen=True, slots=True)
class Line:
    """Values under one name, in order of x. `odd` are the positions that an anomaly chart marks."""

    name: str
    points: tuple[tuple[X, float], ...]
    odd: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart to draw. `x` says what its points lie on: times, numbers, or names in the order in which they come."""

    kind: str
    title: str
    x_title: str
    y_title: str
    x: str  # "time", "number", "name"
    lines: tuple[Line, ...]
    stacked: bool = False
    #: Each bar as a share of all that stand on its place.
    shares: bool = False
    legend: bool = True
    x_log: bool = False
    y_log: bool = False
    y_min: float | None = None
    y_max: float | None = None


@dataclass(frozen=True, slots=True)
class NotDrawn:
    """Why there is no chart; the rows are shown all the same."""

    reason: str


def chart_of(render: Render, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> Chart | NotDrawn:
    """What the hint makes of the rows (in the forms of `lurcher.engines.values`)."""
    wanted = render.named()
    kind = render.chart
    if kind not in LINES | BARS | {"piechart"}:
        return NotDrawn("" if kind in ("table", "card") else f"a {kind} is not drawn here, its rows are shown")
    if not rows:
        return NotDrawn("there is no row to draw")
    by_name = {c.name: i for i, c in enumerate(columns)}
    unknown = [n for key in ("xcolumn", "ycolumns", "series") for n in _names(wanted.get(key)) if n not in by_name]
    if unknown:
        return NotDrawn(f"render names the column {unknown[0]}, which the result has not")
    x = _x_column(kind, columns, rows, [by_name[n] for n in _names(wanted.get("xcolumn"))])
    if x is None:
        return NotDrawn(f"a {kind} needs a column of type datetime")
    odd = [by_name[n] for n in _names(wanted.get("anomalycolumns")) if n in by_name]
    values = [by_name[n] for n in _names(wanted.get("ycolumns"))]
    values = values or [i for i, c in enumerate(columns) if i not in (x, *odd) and _is_value(c, rows, i)]
    if kind == "piechart":
        values = values[:1]
    if not values:
        return NotDrawn(f"a {kind} needs a column of numbers")
    split = [by_name[n] for n in _names(wanted.get("series"))]
    if not split and kind != "piechart":
        split = [i for i, c in enumerate(columns) if i != x and i not in values and c.type is T.STRING][:1]
    lines = _lines(columns, rows, x, values, split, odd)
    if _is_true(wanted.get("accumulate")):
        lines = [_running(line) for line in lines]
    if not any(line.points for line in lines):
        return NotDrawn("there is no number to draw")
    types = {type(px) for line in lines for px, _ in line.points}
    axis = "time" if types == {datetime} else "number" if types == {float} else "name"
    if (kind in BARS and axis == "number") or kind == "piechart":
        axis = "name"
    if axis == "name":
        lines = [Line(n.name, tuple((_label(px), v) for px, v in n.points), n.odd) for n in lines]
    form = str(wanted.get("kind", "")).lower()
    return Chart(
        kind,
        str(wanted.get("title") or ""),
        str(wanted.get("xtitle") or columns[x].name),
        str(wanted.get("ytitle") or (columns[values[0]].name if len(values) == 1 else "")),
        axis,
        tuple(lines),
        stacked=kind == "stackedareachart" or form in ("stacked", "stacked100"),
        shares=form == "stacked100",
        legend=str(wanted.get("legend", "")).lower() != "hidden",
        x_log=str(wanted.get("xaxis", "")).lower() == "log" and axis == "number",
        y_log=str(wanted.get("yaxis", "")).lower() == "log" and all(v > 0 for n in lines for _, v in n.points),
        y_min=_number(wanted.get("ymin")),
        y_max=_number(wanted.get("ymax")),
    )


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value]
    return [part.strip() for part in str(value).split(",") if part.strip()]


def _x_column(kind: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], asked: Sequence[int]) -> int | None:
    if asked:
        return asked[0]
    if kind in ("timechart", "anomalychart"):
        times = [i for i, c in enumerate(columns) if c.type is T.DATETIME]
        arrays = [
            i
            for i, c in enumerate(columns)
            if c.type is T.DYNAMIC
            and isinstance(rows[0][i], list)
            and rows[0][i]
            and _moment(rows[0][i][0]) is not None
        ]
        found = times or arrays
        return found[0] if found else None
    return 0


def _is_value(column: Column, rows: Sequence[Sequence[Any]], index: int) -> bool:
    """Whether a column holds numbers, or arrays of numbers."""
    if column.type in _NUMBERS:
        return True
    if column.type is not T.DYNAMIC:
        return False
    held = [row[index] for row in rows if row[index] is not None]
    return bool(held) and all(
        isinstance(v, list) and all(e is None or _number(e) is not None for e in v) and any(e is not None for e in v)
        for v in held
    )


def _lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    x: int,
    values: Sequence[int],
    split: Sequence[int],
    odd: Sequence[int],
) -> list[Line]:
    points: dict[str, list[tuple[X, float]]] = {}
    marks: dict[str, set[int]] = {}
    for row in rows:
        group = " ".join(str(row[i]) for i in split)
        for place, index in enumerate(values):
            name = columns[index].name
            if split:
                name = group if len(values) == 1 else f"{group}: {name}"
            into = points.setdefault(name, [])
            xs, ys = _expanded(row[x], row[index])
            flags = _expanded(row[x], row[odd[min(place, len(odd) - 1)]])[1] if odd else [0.0] * len(ys)
            for px, value, flag in zip(xs, ys, flags, strict=False):
                position, number = _position(px), _number(value)
                if position is None or number is None:
                    continue
                if _number(flag):
                    marks.setdefault(name, set()).add(len(into))
                into.append((position, number))
    return [_ordered(Line(n, tuple(p), frozenset(marks.get(n, ())))) for n, p in points.items()]


def _expanded(x: Any, value: Any) -> tuple[list[Any], list[Any]]:
    """An array of values over an array of places (make-series), or one of each."""
    if isinstance(value, list):
        return (x if isinstance(x, list) else [float(i) for i in range(len(value))]), value
    return [x], [value]


def _ordered(line: Line) -> Line:
    if not all(isinstance(px, (datetime, float)) for px, _ in line.points):
        return line
    order = sorted(range(len(line.points)), key=lambda i: line.points[i][0])
    places = {old: new for new, old in enumerate(order)}
    return Line(line.name, tuple(line.points[i] for i in order), frozenset(places[i] for i in line.odd))


def _running(line: Line) -> Line:
    total, points = 0.0, []
    for px, value in line.points:
        total += value
        points.append((px, total))
    return Line(line.name, tuple(points), line.odd)


def _position(value: Any) -> X | None:
    if value is None:
        return None
    return _moment(value) or _number(value, text=False) if not isinstance(value, str) else _moment(value) or value


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) < 19 or value[4:5] != "-" or "T" not in value[10:11]:
        return None
    try:
        # The seventh digit is more than a chart shows.
        return datetime.fromisoformat(value[:26].rstrip("Z") + "+00:00")
    except ValueError:
        return None


def _number(value: Any, *, text: bool = True) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)) or (text and isinstance(value, str)):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None
    return None


def _label(value: X) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if (value.hour, value.minute) != (0, 0) else f"{value:%Y-%m-%d}"
    return f"{value:g}" if isinstance(value, float) else value
