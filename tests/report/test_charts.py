"""render: which columns a chart is made of, what the terminal shows, what the files hold."""

from __future__ import annotations

import pytest

from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.plan.nodes import Render
from lurcher.report.charts import Chart, NotDrawn, chart_of, draw, write_chart

T = ScalarType
TIME, ACCOUNT, COUNT = Column("Timestamp", T.DATETIME), Column("Account", T.STRING), Column("count_", T.LONG)
DAYS = [f"2026-03-0{day}T00:00:00.0000000Z" for day in range(1, 5)]


def made(render: Render, columns: list[Column], rows: list[list[object]]) -> Chart:
    chart = chart_of(render, columns, rows)
    assert isinstance(chart, Chart), chart
    return chart


def test_a_text_column_splits_a_timechart_into_lines() -> None:
    rows = [["ann", DAYS[1], 2], ["bob", DAYS[0], 7], ["ann", DAYS[0], 1]]
    chart = made(Render("timechart"), [ACCOUNT, TIME, COUNT], rows)
    assert [(n.name, [v for _, v in n.points]) for n in chart.lines] == [("ann", [1.0, 2.0]), ("bob", [7.0])]
    assert (chart.x, chart.x_title, chart.y_title) == ("time", "Timestamp", "count_")


def test_make_series_arrays_are_taken_apart() -> None:
    columns = [ACCOUNT, Column("n", T.DYNAMIC), Column("Timestamp", T.DYNAMIC)]
    chart = made(Render("timechart"), columns, [["ann", [1, None, 3, 4.5], DAYS]])
    assert [v for _, v in chart.lines[0].points] == [1.0, 3.0, 4.5]
    assert chart.lines[0].points[1][0].day == 3  # type: ignore[union-attr]


def test_properties_say_which_columns() -> None:
    columns = [Column("a", T.STRING), Column("b", T.LONG), Column("c", T.LONG)]
    render = Render("columnchart", (("ycolumns", "c"), ("title", "Logons"), ("ytitle", "n"), ("legend", "hidden")))
    chart = made(render, columns, [["x", 1, 10], ["y", 2, 20]])
    assert [(n.name, n.points) for n in chart.lines] == [("c", (("x", 10.0), ("y", 20.0)))]
    assert (chart.title, chart.y_title, chart.legend) == ("Logons", "n", False)
    none = chart_of(Render("columnchart", (("xcolumn", "nope"),)), columns, [["x", 1, 10]])
    assert none == NotDrawn("render names the column nope, which the result has not")


def test_accumulate_adds_up() -> None:
    chart = made(Render("linechart", (("accumulate", True),)), [TIME, COUNT], [[d, 2] for d in DAYS])
    assert [v for _, v in chart.lines[0].points] == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize(
    ("kind", "rows", "reason"),
    [
        ("treemap", [["x", 1]], "a treemap is not drawn here, its rows are shown"),
        ("timechart", [["x", 1]], "a timechart needs a column of type datetime"),
        ("piechart", [], "there is no row to draw"),
        ("table", [["x", 1]], ""),
    ],
)
def test_what_is_not_drawn_says_why(kind: str, rows: list[list[object]], reason: str) -> None:
    assert chart_of(Render(kind), [ACCOUNT, COUNT], rows) == NotDrawn(reason)


def test_bars_in_a_terminal() -> None:
    chart = made(Render("piechart"), [ACCOUNT, COUNT], [["ann", 30], ["b\x1b[31m", 10]])
    lines = draw(chart, 60).splitlines()
    assert lines[0].startswith("ann")
    assert "30 (75%) ████" in lines[0]
    assert "\x1b" not in lines[1]
    assert "10 (25%) ███" in lines[1]
    assert lines[0].count("█") == pytest.approx(3 * lines[1].count("█"), abs=3)


def test_many_bars_are_cut_aloud() -> None:
    chart = made(Render("barchart"), [ACCOUNT, COUNT], [[f"host{i}", i] for i in range(45)])
    assert draw(chart).splitlines()[-1] == "... 5 more, not drawn"


def test_a_line_in_a_terminal_rises_from_left_to_right() -> None:
    chart = made(Render("timechart", (("title", "Logons"),)), [TIME, COUNT], [[d, i * 10] for i, d in enumerate(DAYS)])
    lines = draw(chart, 60).splitlines()
    assert lines[0] == "Logons"
    assert lines[1].startswith("30 |")
    assert lines[1].endswith("*")
    assert lines[14].startswith(" 0 |*")
    assert lines[-1].split() == ["2026-03-01", "2026-03-04"]


def test_anomalies_are_marked() -> None:
    columns = [Column("Timestamp", T.DYNAMIC), Column("n", T.DYNAMIC), Column("flags", T.DYNAMIC)]
    render = Render("anomalychart", (("anomalycolumns", "flags"),))
    chart = made(render, columns, [[DAYS, [1, 1, 9, 1], [0, 0, 1, 0]]])
    assert chart.lines[0].odd == {2}
    assert draw(chart).count("!") == 2  # the point, and what the mark means


def test_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("matplotlib")
    columns = [ACCOUNT, COUNT]
    rows = [["<b>ann</b> $x$", 3], ["bob", 4]]
    chart = made(Render("columnchart", (("title", "A & B"),)), columns, rows)
    for name, start in (("c.svg", b"<?xml"), ("c.png", b"\x89PNG"), ("c.html", b"<!doctype html>")):
        assert write_chart(chart, tmp_path / name, columns, rows) == ""
        assert (tmp_path / name).read_bytes().startswith(start)
    page = (tmp_path / "c.html").read_text()
    assert "<h1>A &amp; B</h1>" in page
    assert "<td>&lt;b&gt;ann&lt;/b&gt; $x$</td>" in page
    assert "<b>" not in page
    assert "http" not in page.replace("http://www.w3.org/", "").replace("http://purl.org/", "").replace(
        "http://creativecommons.org/", ""
    ).replace("https://matplotlib.org/", "")
    first = (tmp_path / "c.svg").read_bytes()
    write_chart(chart, tmp_path / "c.svg", columns, rows)
    assert (tmp_path / "c.svg").read_bytes() == first
    with pytest.raises(LurcherError, match=r"no chart can be written to .*c\.pdf"):
        write_chart(chart, tmp_path / "c.pdf", columns, rows)


@pytest.mark.parametrize(
    "kind", ["timechart", "linechart", "areachart", "stackedareachart", "scatterchart", "anomalychart"]
)
@pytest.mark.parametrize("form", ["default", "stacked", "stacked100"])
def test_every_kind_is_drawn_and_written(kind: str, form: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("matplotlib")
    rows = [[d, a, i] for i, d in enumerate(DAYS) for a in ("ann", "bob")]
    chart = made(Render(kind, (("kind", form),)), [TIME, ACCOUNT, COUNT], rows)
    assert "* ann" in draw(chart)
    write_chart(chart, tmp_path / "c.png", [TIME, ACCOUNT, COUNT], rows)
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_what_a_file_leaves_out_is_said(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("matplotlib")
    rows: list[list[object]] = [["ann", 3], ["bob", 0], ["ann", 5]]
    pie = made(Render("piechart"), [ACCOUNT, COUNT], rows)
    note = write_chart(pie, tmp_path / "c.svg", [ACCOUNT, COUNT], rows)
    assert note == "the chart leaves out 1 that is no part of a whole (0 or less) and 1 on the place of a later one"
    many = made(Render("columnchart"), [ACCOUNT, COUNT], [[f"host{i}", i] for i in range(210)])
    assert write_chart(many, tmp_path / "c.svg", [ACCOUNT, COUNT], []) == "the chart leaves out 10 more names"
