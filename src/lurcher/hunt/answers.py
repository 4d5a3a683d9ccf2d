"""Rows as hunting reads them, whatever engine gave them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = Any  # None, bool, int, float, str, an aware datetime, Decimal


@dataclass(frozen=True)
class Answer:
    """A query's rows. A datetime is aware and in UTC, a timespan its ticks, a dynamic its JSON text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def index(self, name: str) -> int | None:
        return self.columns.index(name) if name in self.columns else None


#: Runs a KQL text. Raises `lurcher.kql.diagnostics.Refused` or `lurcher.errors.LurcherError`.
Ask = Callable[[str], Answer]


def answer_of(table: Any) -> Answer:
    """From an Arrow table of an engine's. Values of a column at a time, so that no row costs a dictionary."""
    columns = [table.column(i).to_pylist() for i in range(table.num_columns)]
    return Answer(tuple(table.column_names), tuple(zip(*columns, strict=True)) if columns else ())


def plain(value: Value) -> Value:
    """The value as JSON has it: datetimes as text in UTC, decimals as text, what is no number as text."""
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        # Always six digits, and four of the year: these texts are compared, and "03.4Z" sorts before "03Z".
        return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, Decimal) or (
        isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))
    ):
        return str(value)
    return value


def as_json(value: object) -> str:
    """One spelling for one value, so that texts can be compared."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def row_of(columns: Sequence[str], row: Sequence[Value]) -> dict[str, Value]:
    return {name: plain(v) for name, v in zip(columns, row, strict=True)}
