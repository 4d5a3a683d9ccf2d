"""Findings along time: a bar from first to last seen, as numbers that a page draws."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from lurcher.report.document import Document
from lurcher.report.sentences import entity_text
from lurcher.report.text import visible

#: Bars that are drawn; of more findings those that are new, then those seen last.
MAX_BARS = 60
WIDTH, LEFT, ROW, TOP = 960, 240, 20, 28
_ORDER = {"new": 0, "known": 1, "gone": 2, "suppressed": 3}


@dataclass(frozen=True)
class Bar:
    id: int
    label: str
    state: str
    x: float
    y: int
    width: float
    words: str


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    width: int
    height: int
    left: int
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    more: int


def timeline(doc: Document) -> Timeline | None:
    """None where no finding has a time."""
    timed = []
    for rule in doc.rules:
        for f in rule.findings:
            first, last = _moment(f.first_seen), _moment(f.last_seen)
            if first is not None and last is not None:
                timed.append((f, rule.name, min(first, last), max(first, last)))
    if not timed:
        return None
    timed.sort(key=lambda t: (_ORDER.get(t[0].state, 9), -t[3], t[0].id))
    shown = timed[:MAX_BARS]
    low, high = min(t[2] for t in shown), max(t[3] for t in shown)
    span = max(high - low, 1.0)
    inner = WIDTH - LEFT - 10

    def place(value: float) -> float:
        return round(LEFT + (value - low) / span * inner, 1)

    bars = []
    for index, (f, name, first, last) in enumerate(shown):
        label = visible(f.device or entity_text(dict(f.entity)) or f"finding {f.id}")
        words = f"finding {f.id}, {f.state}: {label}, {_text(first)} to {_text(last)} ({name})"
        x = place(first)
        bars.append(
            Bar(
                f.id,
                label if len(label) <= 34 else label[:33] + "…",
                f.state,
                x,
                TOP + index * ROW,
                max(place(last) - x, 4.0),
                words,
            )
        )
    marks = [low + span * i / 4 for i in range(5)]
    ticks = tuple(Tick(place(m), _text(m)) for m in marks)
    return Timeline(WIDTH, TOP + len(shown) * ROW + 8, LEFT, tuple(bars), ticks, len(timed) - len(shown))


def _moment(text: str) -> float | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)).timestamp()


def _text(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M")
