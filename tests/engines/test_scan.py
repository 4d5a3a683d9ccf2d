"""scan against its documentation's matching logic, written out as it stands there; what is refused while a query runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.lowering import machine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.kql.source import Source
from lurcher.plan.compile import compile_text
from lurcher.schema import TableSchema, known_table, table_names

Row = dict[str, Any]
#: The values of each step that a state holds.
Values = dict[int, Row]


class Tables:
    lake = None

    def table(self, name: str) -> TableSchema | None:
        return known_table(name)

    def table_names(self) -> list[str]:
        return table_names()

    def data(self, name: str) -> Any:
        return None


@pytest.fixture(scope="module")
def engine() -> Any:
    made = DuckDBEngine(Tables(), threads=1)
    yield made
    made.close()


def rows(engine: DuckDBEngine, text: str) -> list[list[Any]]:
    compiled = compile_text(Source(text), Tables(), now=datetime(2026, 3, 10, tzinfo=UTC)).checked()
    result = engine.run(compiled.queries[0])
    return [row for batch in result.batches for row in protocol_rows(batch, result.columns)]


@dataclass
class Step:
    output: str
    condition: Callable[[Row, Values], bool]
    assigned: dict[str, Callable[[Row, Values], Any]]


@dataclass
class State:
    match: int
    values: Values = field(default_factory=dict)
    pending: tuple[int, int, int, Row] | None = None


def documented(data: list[Row], steps: list[Step], defaults: Row) -> list[tuple[int, int, int, Row]]:
    """(row, step, match id, the row extended), as the section "Scan logic" has it; a record's last step first."""
    states: list[State | None] = [None] * len(steps)
    out: list[tuple[int, int, int, Row]] = []
    matches = 0

    def end(state: State | None) -> None:
        if state is not None and state.pending is not None:
            out.append(state.pending)

    def give(state: State, at: int, k: int, row: Row) -> None:
        if steps[k].output == "last":
            state.pending = (at, k, state.match, row)
        elif steps[k].output == "all":
            out.append((at, k, state.match, row))

    for at, record in enumerate(data):
        for k in range(len(steps) - 1, -1, -1):
            step, before, own = steps[k], states[k - 1] if k else None, states[k]
            if before is not None and step.condition(record, before.values):
                end(own)
                end(before)
                states[k - 1] = None
                extended = record | defaults | {c: f(record, before.values) for c, f in step.assigned.items()}
                new = states[k] = State(before.match, before.values | {k: extended})
                give(new, at, k, extended)
                continue
            values = own.values if own is not None else {}
            if (own is not None or k == 0) and step.condition(record, values):
                extended = record | defaults | {c: f(record, values) for c, f in step.assigned.items()}
                if own is None:
                    own = states[k] = State(matches)
                    matches += 1
                own.values = own.values | {k: extended}
                give(own, at, k, extended)
    for state in states:
        end(state)
    return sorted(out, key=lambda o: (o[0], -o[1]))


@pytest.mark.parametrize("seed", range(12))
def test_scan_does_what_its_documentation_says(engine: DuckDBEngine, seed: int) -> None:
    chance = random.Random(seed)
    data = [{"t": t, "e": chance.choice("ABCD"), "v": chance.randint(0, 5)} for t in range(chance.randint(0, 40))]
    outputs = [chance.choice(["all", "all", "last", "none"]) for _ in range(3)]
    within = chance.randint(2, 9)

    def of(values: Values, step: int, column: str, default: Any) -> Any:
        return values[step][column] if step in values else default

    steps = [
        Step(
            outputs[0],
            lambda r, s: r["e"] in "AD" and r["v"] != of(s, 0, "v", None),
            {"c": lambda r, s: of(s, 0, "c", 7) + r["v"]},
        ),
        Step(
            outputs[1],
            lambda r, s: r["e"] == "B" and r["t"] - s[0]["t"] <= within,
            {"c": lambda r, s: s[0]["c"] * 10 + of(s, 1, "c", 7), "d": lambda r, s: s[0]["e"]},
        ),
        Step(
            outputs[2],
            lambda r, s: r["e"] in "BC" and r["v"] >= s[1]["v"],
            {"d": lambda r, s: s[0]["e"] + s[1]["d"] + of(s, 2, "d", "")},
        ),
    ]
    values = ", ".join(f"{r['t']}, '{r['e']}', {r['v']}" for r in data)
    query = f"""datatable(t:long, e:string, v:long)[{values}] | sort by t asc
    | scan with_match_id=m declare (c:long=7, d:string) with (
        step s1 output={outputs[0]}: e in ('A', 'D') and (isnull(s1.v) or v != s1.v) => c = s1.c + v;
        step s2 output={outputs[1]}: e == 'B' and t - s1.t <= {within} => c = s1.c * 10 + s2.c, d = s1.e;
        step s3 output={outputs[2]}: e in ('C', 'B') and v >= s2.v => d = strcat(s1.e, s2.d, s3.d);)"""
    expected = [
        [*data[at].values(), row["c"], row["d"], match]
        for at, _, match, row in documented(data, steps, {"c": 7, "d": ""})
    ]
    assert rows(engine, query) == expected


def test_a_scan_that_is_too_long_is_refused(engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LIMIT", 10)
    scan = (
        "range i from 1 to 20 step 1 | scan with (step s: i % 2 == 0 and i > {0}; step t: i > {0} and s.i > 0;) | count"
    )
    assert rows(engine, scan.format(20)) == [[0]]  # what no step can take does not count
    with pytest.raises(LurcherError, match="over more than 5 rows"):
        rows(engine, scan.format(0))


def test_what_cannot_be_known_is_refused_while_it_runs(engine: DuckDBEngine) -> None:
    with pytest.raises(LurcherError, match="comes again after another"):
        rows(engine, "datatable(t:long, v:long)[1, 5, 2, 7, 3, 5] | sort by t asc | extend row_rank_min(v)")
    with pytest.raises(LurcherError, match="all values are among the first"):
        rows(engine, "datatable(v:long)[1, 5] | top-nested 2 of v with others=-1 by count()")
