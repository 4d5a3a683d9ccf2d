"""The same query here and on a live service: what differs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lurcher.app.live import Live
from lurcher.app.query import need_query
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.source import Source
from lurcher.kql.types import Columns, ScalarType

if TYPE_CHECKING:
    from lurcher.app.session import Session
    from lurcher.engines.base import Result

#: Digits of a real that count: sums of the same numbers in another order differ behind them.
_DIGITS = 12


@dataclass
class Difference:
    """One result of the text. `columns`: sentences on names, types and order. `here` and `there`: rows that only one side has,
    each with how often, up to `MAX_SHOWN` kinds; `only_here` and `only_there` are the counts of all."""

    names: tuple[str, ...]
    rows_here: int
    rows_there: int
    columns: list[str] = field(default_factory=list)
    here: list[tuple[list[Any], int]] = field(default_factory=list)
    there: list[tuple[list[Any], int]] = field(default_factory=list)
    only_here: int = 0
    only_there: int = 0

    @property
    def equal(self) -> bool:
        return not self.columns and not self.only_here and not self.only_there


@dataclass
class Comparison:
    """`failures`: what the service did not give; then nothing is known of the rows that are missing."""

    engine: str
    differences: list[Difference] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.failures and all(d.equal for d in self.differences)


#: Kinds of rows that are listed for each side.
MAX_SHOWN = 20


def compare(live: Live, session: Session, source: Source) -> Comparison:
    """Run a text in both places. Rows are compared as multisets, in no order. Raises `Refused`, `LurcherError`."""
    until = session.deadline()
    compiled = need_query(session, source, until)
    here = [session.start(query, source, until) for query in compiled.queries]
    rows_here = [(r.columns, _rows(r)) for r in here]
    outcome = live.run(source)
    found = Comparison(live.name, failures=list(outcome.failures))
    if len(outcome.results) != len(rows_here):
        raise LurcherError(f"the text has {len(rows_here)} results here, {len(outcome.results)} there")
    for (columns, rows), there in zip(rows_here, outcome.results, strict=True):
        found.differences.append(difference(columns, rows, there.columns, _rows(there)))
    return found


def _rows(result: Result) -> list[list[Any]]:
    return [row for batch in result.batches for row in protocol_rows(batch, result.columns)]


def difference(columns: Columns, rows: list[list[Any]], there: Columns, rows_there: list[list[Any]]) -> Difference:
    """What differs in two tables of plain values (`engines.values`). Rows are compared by the columns that both have."""
    types, others = {c.name: c.type for c in columns}, {c.name: c.type for c in there}
    common = [name for name in types if name in others]
    found = Difference(tuple(common), len(rows), len(rows_there))
    found.columns += [f"only here: {name} ({kind})" for name, kind in types.items() if name not in others]
    found.columns += [f"only there: {name} ({kind})" for name, kind in others.items() if name not in types]
    found.columns += [
        f"{name}: {types[name]} here, {others[name]} there" for name in common if types[name] is not others[name]
    ]
    if not found.columns and list(types) != list(others):
        found.columns.append(f"in another order there: {', '.join(others)}")
    mine, its = _counted(columns, rows, common), _counted(there, rows_there, common)
    found.here, found.only_here = _surplus(mine, its)
    found.there, found.only_there = _surplus(its, mine)
    return found


_Key = tuple[str, ...]


def _counted(columns: Columns, rows: list[list[Any]], names: list[str]) -> tuple[Counter[_Key], dict[_Key, list[Any]]]:
    places = [next(i for i, c in enumerate(columns) if c.name == name) for name in names]
    forms = [columns[i].type for i in places]
    counts: Counter[_Key] = Counter()
    first: dict[_Key, list[Any]] = {}
    for row in rows:
        key = tuple(_form(row[i], kind) for i, kind in zip(places, forms, strict=True))
        counts[key] += 1
        if key not in first:
            first[key] = [row[i] for i in places]
    return counts, first


def _form(value: Any, kind: ScalarType) -> str:
    """One spelling for what is the same. Of a time the seventh digit is not kept here."""
    if kind is ScalarType.DATETIME and isinstance(value, str):
        return value[:26]
    if kind is ScalarType.REAL and isinstance(value, int | float):
        return f"{float(value):.{_DIGITS}g}"
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _surplus(
    mine: tuple[Counter[_Key], dict[_Key, list[Any]]], its: tuple[Counter[_Key], dict[_Key, list[Any]]]
) -> tuple[list[tuple[list[Any], int]], int]:
    more = mine[0] - its[0]
    return [(mine[1][key], n) for key, n in sorted(more.items())[:MAX_SHOWN]], sum(more.values())


def as_data(found: Comparison) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "on": found.engine,
        "equal": found.equal,
        "failures": found.failures,
        "results": [
            {
                "equal": d.equal,
                "rows": {"here": d.rows_here, "there": d.rows_there},
                "columns": d.columns,
                "only_here": d.only_here,
                "only_there": d.only_there,
                "names": list(d.names),
                "here": [{"row": row, "times": n} for row, n in d.here],
                "there": [{"row": row, "times": n} for row, n in d.there],
            }
            for d in found.differences
        ],
    }
