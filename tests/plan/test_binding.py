"""What is asked of the binder as a whole: sharing, depth, time, catalogue, windows."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from lurcher.kql.diagnostics import Refused
from lurcher.plan import nodes as n
from lurcher.plan.binder import ticks
from lurcher.plan.compile import Compiled, compile_text
from lurcher.plan.render import moment
from lurcher.plan.windows import TimeWindow, window_of

sys.path.insert(0, str(Path(__file__).parent))
from small import NOW, SmallCatalog


def compiled(text: str) -> Compiled:
    return compile_text(text, SmallCatalog(), NOW)


def plan(text: str) -> n.Plan:
    found = compiled(text)
    assert found.ok, found.diagnostics
    return found.queries[-1].plan


def test_a_let_table_used_twice_is_one_object() -> None:
    union = plan("let t = Events | where Size > 1; union t, t")
    assert isinstance(union, n.Union)
    assert union.inputs[0] is union.inputs[1]


def test_a_chain_of_a_thousand_conditions_is_a_shallow_tree() -> None:
    text = "Events | where " + " or ".join(f'File == "f{i}"' for i in range(1000))
    found = plan(text)
    assert isinstance(found, n.Filter)
    depth, level = 0, [found.predicate]
    while level:
        level = [a for e in level if isinstance(e, n.Call) for a in e.args]
        depth += 1
    assert depth < 15


def test_a_long_sum_is_bound_without_recursion() -> None:
    total = " + ".join(["Size"] * 900)
    assert compiled(f"Events | project x = {total}").ok
    assert compiled(f"let f = (Size:long) {{ {total} }}; Events | project x = f(Size)").ok


def test_a_function_cannot_call_itself() -> None:
    found = compiled("let f = (x:long) { f(x) }; print f(1)")
    assert [d.code for d in found.diagnostics] == ["KS211"]


def test_functions_that_double_each_other_end_in_a_message() -> None:
    lets = "let f0 = (x:long) { x };" + "".join(f"let f{i} = (x:long) {{ f{i - 1}(x) }};" for i in range(1, 80))
    found = compiled(lets + "print f79(1)")
    assert "LU003" in {d.code for d in found.diagnostics}


def test_values_that_double_each_other_end_in_a_message() -> None:
    lets = "let v0 = rand();" + "".join(f"let v{i} = v{i - 1} + v{i - 1};" for i in range(1, 60))
    assert "LU003" in {d.code for d in compiled(lets + "print v59").diagnostics}
    calls = "Size"
    for _ in range(40):
        calls = f"f({calls})"
    text = f"let f = (x:long) {{ x * x }}; Events | project {calls}"
    assert "LU003" in {d.code for d in compiled(text).diagnostics}


def test_a_row_value_does_not_reach_a_query_of_its_own() -> None:
    text = "let f = (d:string) { toscalar(Devices | where Device == d | project Build) }; Events | extend b = f(Device)"
    assert [d.code for d in compiled(text).diagnostics if d.is_error] == ["LU001"]


def test_window_functions_need_their_sort_keys() -> None:
    text = "Events | sort by Timestamp asc | project Device | extend n = row_number()"
    assert [d.code for d in compiled(text).diagnostics] == ["LU001"]
    window = plan("Events | sort by Timestamp asc | project T = Timestamp | extend n = row_number()")
    assert isinstance(window, n.Project)
    assert isinstance(window.input, n.Window)
    assert [k.expr for k in window.input.order] == [n.Col(type=window.input.order[0].expr.type, name="T")]


def test_several_statements_give_several_queries() -> None:
    assert len(compiled("Events | count; Devices | count").queries) == 2


def test_render_is_a_hint_of_its_query() -> None:
    query = compiled("Events | count | render piechart with (title = 'x')").queries[0]
    assert query.render == n.Render("piechart", (("title", "x"),))


def test_a_refused_text_raises_with_its_source() -> None:
    with pytest.raises(Refused) as refused:
        compiled("Evnts").checked()
    assert refused.value.kind == "semantic"
    assert "did you mean Events?" in str(refused.value)


def test_a_mistake_comes_before_what_is_not_supported() -> None:
    with pytest.raises(Refused) as refused:
        compiled("Events | evaluate autocluster() | join (Nothing) on Device").checked()
    assert refused.value.kind == "semantic"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(1, 1, 1), 0),
        (datetime(2026, 1, 1), 639028224000000000),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 639028224000000000),
        (datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), 639028224000000010),
    ],
)
def test_ticks(value: datetime, expected: int) -> None:
    assert ticks(value) == expected
    assert moment(639028224000000000) == "2026-01-01T00:00:00Z"


def day(text: str) -> int:
    return ticks(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Events | where Timestamp > ago(1d)", TimeWindow(day("2026-01-09T12:00"))),
        ("Events | where ago(1d) <= Timestamp and Size > 1", TimeWindow(day("2026-01-09T12:00"))),
        (
            "Events | where Timestamp between (datetime(2026-01-01) .. 2d) | where Size > 1",
            TimeWindow(day("2026-01-01"), day("2026-01-03")),
        ),
        # Either side of an `or` may be true: nothing is known.
        ("Events | where Timestamp > ago(1d) or Size > 1", TimeWindow()),
        # The column above is not the column below.
        ("Events | extend Timestamp = ago(9d) | where Timestamp > ago(1d)", TimeWindow()),
        ("Events | where Timestamp == datetime(2026-01-01)", TimeWindow(day("2026-01-01"), day("2026-01-01"))),
        ("Events | where Timestamp < ago(1d)", TimeWindow(None, day("2026-01-09T12:00"))),
        # Another column than the one that says when a row happened, and no constant.
        ("Events | where Size > 1 and Timestamp > todatetime(Extra)", TimeWindow()),
    ],
)
def test_window_of(text: str, window: TimeWindow) -> None:
    filters, below = [], plan(text)
    while isinstance(below, n.Filter):
        filters.append(below.predicate)
        below = below.input
    # What is said of a column above a projection is not said of the one below it.
    assert window_of(filters if isinstance(below, n.Scan) else [], "Timestamp") == window
