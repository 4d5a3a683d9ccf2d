"""Charts as files, drawn with matplotlib (the extra `lurcher[chart]`): SVG, PNG, or one HTML page that needs nothing else."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.kql.types import Column
from lurcher.report.charts.model import Chart, Line
from lurcher.report.text import visible
from lurcher.report.whole import whole_file

FILE_KINDS = (".svg", ".png", ".html")
#: Rows that the page shows below its chart, lines and names that a chart holds.
_PAGE_ROWS, _MAX_LINES, _MAX_NAMES = 1000, 40, 200
_CELL = 200


def write_chart(chart: Chart, path: Path, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """Write the chart to a file, whole or not at all; the ending says the form. Gives a note on what it leaves out, or ''.
    Raises `LurcherError` for another ending, and where matplotlib is not installed."""
    kind = path.suffix.lower()
    if kind not in FILE_KINDS:
        raise LurcherError(f"no chart can be written to {path}", f"end its name with one of {', '.join(FILE_KINDS)}")
    # The page has the title as its heading.
    drawn = image(replace(chart, title="") if kind == ".html" else chart, "png" if kind == ".png" else "svg")
    if kind == ".html":
        drawn = _page(chart, drawn.decode(), columns, rows).encode()
    with whole_file(path) as partial:
        partial.write_bytes(drawn)
    return left_out(chart)


def left_out(chart: Chart) -> str:
    """A note on what a drawing of the chart does not show, or ''."""
    left = [f"{len(chart.lines) - _MAX_LINES:,} more lines"] if len(chart.lines) > _MAX_LINES else []
    if chart.x == "name" and (names := len(_names(chart))) > _MAX_NAMES:
        left.append(f"{names - _MAX_NAMES:,} more names")
    if chart.kind == "piechart" and (empty := sum(v <= 0 for _, v in chart.lines[0].points)):
        left.append(f"{empty:,} that {'is' if empty == 1 else 'are'} no part of a whole (0 or less)")
    if chart.x == "name" or chart.stacked:
        hidden = sum(len(line.points) - len(dict(line.points)) for line in chart.lines)
        left += [f"{hidden:,} on the place of a later one"] if hidden else []
    return f"the chart leaves out {' and '.join(left)}" if left else ""


def image(chart: Chart, form: str) -> bytes:
    """The chart as a picture, `svg` or `png`. Raises `LurcherError` where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise LurcherError("a chart as a file needs matplotlib", "pip install 'lurcher[chart]'") from None
    from matplotlib.figure import Figure

    out = io.BytesIO()
    # Text stays text; the same rows give the same file. A dollar sign in a name is no formula.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lurcher", "text.parse_math": False}):
        figure = Figure(figsize=(10, 5), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, chart)
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def _draw(axes: Any, chart: Chart) -> None:
    lines = chart.lines[:_MAX_LINES]
    if chart.kind == "piechart":
        points = [(str(px), v) for px, v in lines[0].points if v > 0][:_MAX_NAMES]
        axes.pie([v for _, v in points], labels=[visible(px) for px, _ in points], autopct="%1.0f%%")
    elif chart.x == "name":
        _draw_bars(axes, chart, lines)
    else:
        _draw_lines(axes, chart, lines)
    if chart.title:
        axes.set_title(visible(chart.title))
    if chart.kind == "piechart":
        return
    flat = chart.kind == "barchart"
    axes.set_ylabel(visible(chart.x_title if flat else chart.y_title))
    axes.set_xlabel(visible(chart.y_title if flat else chart.x_title))
    if chart.y_log:
        (axes.set_xscale if flat else axes.set_yscale)("log")
    if chart.x_log:
        axes.set_xscale("log")
    if chart.y_min is not None or chart.y_max is not None:
        (axes.set_xlim if flat else axes.set_ylim)(chart.y_min, chart.y_max)
    if chart.legend and len(lines) > 1:
        axes.legend(loc="best", fontsize="small")


def _draw_lines(axes: Any, chart: Chart, lines: Sequence[Line]) -> None:
    if chart.stacked and lines:
        places = sorted({px for line in lines for px, _ in line.points if isinstance(px, (datetime, float))})
        held = [dict(line.points) for line in lines]
        axes.stackplot(places, [[h.get(p, 0.0) for p in places] for h in held], labels=[visible(n.name) for n in lines])
        return
    for line in lines:
        xs, ys = [px for px, _ in line.points], [v for _, v in line.points]
        if chart.kind == "scatterchart":
            axes.scatter(xs, ys, s=12, label=visible(line.name))
            continue
        axes.plot(xs, ys, marker="." if len(xs) < 60 else None, label=visible(line.name))
        if chart.kind == "areachart":
            axes.fill_between(xs, ys, alpha=0.3)
        if line.odd:
            odd = sorted(line.odd)
            axes.scatter([xs[i] for i in odd], [ys[i] for i in odd], color="red", zorder=3, label="anomaly")


def _names(chart: Chart) -> list[str]:
    return list(dict.fromkeys(str(px) for line in chart.lines for px, _ in line.points))


def _draw_bars(axes: Any, chart: Chart, lines: Sequence[Line]) -> None:
    names = _names(chart)[:_MAX_NAMES]
    held: list[dict[Any, float]] = [dict(line.points) for line in lines]
    totals = [sum(abs(h.get(p, 0.0)) for h in held) or 1.0 for p in names]
    places = [float(i) for i in range(len(names))]
    size = 0.8 if chart.stacked else 0.8 / len(lines)
    bottom = [0.0] * len(names)
    flat = chart.kind == "barchart"
    for index, (line, values) in enumerate(zip(lines, held, strict=True)):
        heights = [values.get(p, 0.0) / (t if chart.shares else 1.0) for p, t in zip(names, totals, strict=True)]
        at = places if chart.stacked else [p - 0.4 + size * (index + 0.5) for p in places]
        if flat:
            axes.barh(at, heights, size, left=bottom if chart.stacked else None, label=visible(line.name))
        else:
            axes.bar(at, heights, size, bottom=bottom if chart.stacked else None, label=visible(line.name))
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    labels = [visible(p) if len(p) <= 40 else visible(p[:39]) + "…" for p in names]
    if flat:
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
    else:
        axes.set_xticks(
            places, labels, rotation=45 if len(names) > 5 else 0, ha="right" if len(names) > 5 else "center"
        )


def _short(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _page(chart: Chart, svg: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    from lurcher.report.results import cell_text

    title = html.escape(visible(chart.title or chart.kind))
    head = "".join(f"<th>{html.escape(visible(c.name))}</th>" for c in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{html.escape(visible(_short(cell_text(v, c.type))))}</td>" for v, c in zip(row, columns, strict=True)
        )
        + "</tr>\n"
        for row in rows[:_PAGE_ROWS]
    )
    more = f"<p>{len(rows) - _PAGE_ROWS:,} more rows are not shown.</p>" if len(rows) > _PAGE_ROWS else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font:14px system-ui,sans-serif;margin:2em}svg{max-width:100%;height:auto}"
        "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd}</style></head>\n"
        f"<body><h1>{title}</h1>\n{svg[svg.index('<svg') :]}\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"
        f"{more}</body></html>\n"
    )
