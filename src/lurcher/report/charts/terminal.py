"""Charts as plain text: bars of blocks, lines of marks. No colour, no escape sequence; every text is shown, never sent."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import datetime

from lurcher.report.charts.model import LINES, Chart, Line
from lurcher.report.text import visible

_MARKS = "*o+x#@%&=~"
_HEIGHT = 14
#: More bars, or lines, than this are not drawn; how many is said.
MAX_BARS = 40
MAX_LINES = len(_MARKS)
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw(chart: Chart, width: int = 100) -> str:
    """The chart in at most `width` columns (40 and more)."""
    width = max(40, width)
    body = _plot(chart, width) if chart.kind in LINES and chart.x != "name" else _bars(chart, width)
    return "\n".join(([visible(chart.title)] if chart.title else []) + body) + "\n"


def text_of(value: float) -> str:
    """A number as an axis shows it."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


# --- bars ------------------------------------------------------------------------------------------------------------------
def _bars(chart: Chart, width: int) -> list[str]:
    several = len(chart.lines) > 1
    places = list(dict.fromkeys(str(px) for line in chart.lines for px, _ in line.points))
    held: dict[str, list[tuple[str, float]]] = {p: [] for p in places}
    for line in chart.lines:
        for px, value in line.points:
            held[str(px)].append((line.name, value))
    bars = [(f"{p} {name}".strip() if several else p, value) for p in places for name, value in held[p]]
    total = math.fsum(abs(v) for _, v in bars)
    shown = bars[:MAX_BARS]
    names = [_cut(visible(name), width // 3) for name, _ in shown]
    values = [text_of(v) + (f" ({v / total:.0%})" if chart.kind == "piechart" and total else "") for _, v in shown]
    left, right = max(map(len, names)), max(map(len, values))
    room = max(8, width - left - right - 2)
    top = max(abs(v) for _, v in shown) or 1.0
    found = []
    for name, text, (_, value) in zip(names, values, shown, strict=True):
        size = abs(value) / top * room
        bar = "█" * int(size) + _EIGHTHS[int(size % 1 * 8)].strip()
        found.append(f"{name:<{left}} {text:>{right}} {'-' if value < 0 else ''}{bar}".rstrip())
    if len(bars) > len(shown):
        found.append(f"... {len(bars) - len(shown):,} more, not drawn")
    return found


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


# --- lines -----------------------------------------------------------------------------------------------------------------
def _plot(chart: Chart, width: int) -> list[str]:
    lines = chart.lines[:MAX_LINES]
    xs = [_place(px, chart.x_log) for line in lines for px, _ in line.points]
    ys = [_scaled(v, chart.y_log) for line in lines for _, v in line.points]
    low = _scaled(chart.y_min, chart.y_log) if chart.y_min is not None else min(ys)
    high = _scaled(chart.y_max, chart.y_log) if chart.y_max is not None else max(ys)
    if chart.y_min is None and not chart.y_log and low > 0:
        low = 0.0
    if high <= low:
        high = low + 1.0
    labels = [text_of(_back(low + (high - low) * part, chart.y_log)) for part in (0.0, 0.5, 1.0)]
    margin = max(map(len, labels))
    room = width - margin - 2
    left, right = min(xs), max(xs)
    grid = [[" "] * room for _ in range(_HEIGHT)]
    for mark, line in zip(_MARKS, lines, strict=False):
        cells = [
            (_cell(_place(px, chart.x_log), left, right, room), _cell(_scaled(v, chart.y_log), low, high, _HEIGHT))
            for px, v in line.points
        ]
        if chart.kind != "scatterchart":
            _connect(grid, cells)
        for index, (column, row) in enumerate(cells):
            if column is not None and row is not None:
                grid[_HEIGHT - 1 - row][column] = "!" if index in line.odd else mark
    found = []
    for index, cells_of_row in enumerate(grid):
        label = {0: labels[2], _HEIGHT // 2: labels[1], _HEIGHT - 1: labels[0]}.get(index, "")
        found.append(f"{label:>{margin}} |{''.join(cells_of_row)}".rstrip())
    first, last = _ends(lines)
    found.append(" " * margin + " +" + "-" * room)
    found.append(" " * (margin + 2) + first + last.rjust(room - len(first)))
    if chart.legend and (len(lines) > 1 or lines[0].odd):
        found += [
            f"{' ' * (margin + 2)}{mark} {_cut(visible(n.name), room)}" for mark, n in zip(_MARKS, lines, strict=False)
        ]
        if any(n.odd for n in lines):
            found.append(" " * (margin + 2) + "! anomaly")
    if len(chart.lines) > len(lines):
        found.append(f"... {len(chart.lines) - len(lines):,} more lines, not drawn")
    return found


def _ends(lines: Sequence[Line]) -> tuple[str, str]:
    every = [px for line in lines for px, _ in line.points]
    times = [px for px in every if isinstance(px, datetime)]
    if times:
        days = all(t.hour == t.minute == t.second == 0 for t in times)
        form = "%Y-%m-%d" if days else "%Y-%m-%d %H:%M"
        return min(times).strftime(form), max(times).strftime(form)
    numbers = [px for px in every if isinstance(px, float)]
    return text_of(min(numbers)), text_of(max(numbers))


def _place(x: datetime | float | str, log: bool) -> float:
    return x.timestamp() if isinstance(x, datetime) else _scaled(float(x), log)


def _scaled(value: float, log: bool) -> float:
    return math.log10(value) if log and value > 0 else value


def _back(value: float, log: bool) -> float:
    return 10.0**value if log else value


def _cell(value: float, low: float, high: float, count: int) -> int | None:
    """The cell of a value; None outside the axis."""
    if high == low:
        return count // 2
    at = (value - low) / (high - low)
    return None if at < 0 or at > 1 else min(count - 1, int(at * (count - 1) + 0.5))


def _connect(grid: list[list[str]], cells: Sequence[tuple[int | None, int | None]]) -> None:
    """Dots from each point to the next, where nothing stands yet."""
    for (c1, r1), (c2, r2) in itertools.pairwise(cells):
        if c1 is None or c2 is None or r1 is None or r2 is None:
            continue
        steps = max(abs(c2 - c1), abs(r2 - r1))
        for step in range(1, steps):
            column = c1 + round((c2 - c1) * step / steps)
            row = _HEIGHT - 1 - (r1 + round((r2 - r1) * step / steps))
            if grid[row][column] == " ":
                grid[row][column] = "."
