"""Series functions, against figures of the documentation, of the service, or worked by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("lurcher.engines.duckdb")
pytest.importorskip("lurcher.plan.compile")


@pytest.fixture(scope="module")
def session() -> Any:
    from lurcher.app.session import Session, Tables

    return Session(Tables(), datetime(2024, 5, 1, tzinfo=UTC))


def reply(session: Any, query: str) -> dict[str, Any]:
    from lurcher.app.jsonl import answer

    return dict(answer(json.dumps({"id": 1, "query": query}).encode(), session))


def row(session: Any, query: str) -> list[Any]:
    answered = reply(session, query)
    assert "error" not in answered, answered
    return list(answered["rows"][0])


def refusal(session: Any, query: str) -> str:
    error = reply(session, query)["error"]
    assert error["kind"] == "unsupported", error
    return str(error["message"])


LINE = "dynamic([2, 5, 6, 8, 11, 15, 17, 18, 25, 26, 30, 30])"


def test_line_of_the_documentation(session: Any) -> None:
    """Its page shows 0.982, 2.730, 98.628, 1.686, -1.666 and the line from 1.064 to 31.102, all cut off."""
    names = "r, s, v, rv, i, f"
    values = row(session, f"print y={LINE} | extend ({names})=series_fit_line(y) | project {names}")
    assert values[:5] == pytest.approx([0.982900730, 2.730769231, 98.62878788, 1.686480186, -1.666666667], rel=1e-8)
    assert values[5][0] == pytest.approx(1.0641025641)
    assert values[5][-1] == pytest.approx(31.1025641026)


def test_columns_are_named_after_the_argument(session: Any) -> None:
    answered = reply(session, f"print y={LINE} | extend series_stats(y)")
    assert [(c["name"], c["type"]) for c in answered["columns"]] == [
        ("y", "dynamic"),
        ("series_stats_y_min", "real"),
        ("series_stats_y_min_idx", "long"),
        ("series_stats_y_max", "real"),
        ("series_stats_y_max_idx", "long"),
        ("series_stats_y_avg", "real"),
        ("series_stats_y_stdev", "real"),
        ("series_stats_y_variance", "real"),
    ]


def test_statistics_of_the_documentation(session: Any) -> None:
    x = "dynamic([23, 46, 23, 87, 4, 8, 3, 75, 2, 56, 13, 75, 32, 16, 29])"
    assert row(session, f"print series_stats({x})") == pytest.approx([2, 8, 87, 3, 32.8, 28.50363385, 812.45714286])
    bag = row(session, f"print series_stats_dynamic({x})")[0]
    assert (bag["sum"], bag["len"], bag["min"]) == (492.0, 15, 2.0)


def test_gaps_make_statistics_null_unless_they_are_ignored(session: Any) -> None:
    assert row(session, "print series_stats(dynamic([1, null, 3]))") == [None] * 7
    ignoring = row(session, "print series_stats(dynamic([null, 1, 3]), true)")
    assert ignoring == pytest.approx([1, 1, 3, 2, 2, 2**0.5, 2])


def test_a_constant_series_has_a_flat_line_and_no_rsquare(session: Any) -> None:
    values = row(session, "print y=dynamic([0.1,0.1,0.1]) | extend (r, s)=series_fit_line(y) | project r, s")
    assert values == ["NaN", 0.0]


def test_no_line_through_gaps_or_one_point(session: Any) -> None:
    for y in ("dynamic([1, null, 3])", "dynamic([4])", "dynamic([])", 'dynamic({"a": 1})'):
        assert row(session, f"print y={y} | extend (r, s)=series_fit_line(y) | project r, s") == [None, None]


def test_a_polynomial_of_degree_one_is_the_line(session: Any) -> None:
    q = f"print y={LINE} | extend (r, c)=series_fit_poly(y), (r2, s)=series_fit_line(y) | project r, r2, c[0], s"
    rsquare, rsquare2, slope, slope2 = row(session, q)
    assert rsquare == pytest.approx(rsquare2)
    assert slope == pytest.approx(slope2)


def test_a_parabola_is_found(session: Any) -> None:
    """y = x^2 - 2x + 3 at -1, 0, 1, 2."""
    q = "print y=dynamic([6,3,2,3]), x=dynamic([-1,0,1,2]) | extend (r, c)=series_fit_poly(y, x, 2) | project r, c"
    rsquare, coefficients = row(session, q)
    assert rsquare == pytest.approx(1)
    assert coefficients == pytest.approx([1, -2, 3])


# --- outliers ----------------------------------------------------------------------------------------------------------------
VALUES = "dynamic([-3, 2.4, 15, 3.9, 5, 6, 4.5, 5.2, 3, 4, 5, 16, 7, 5, 5, 4])"


def test_scores_of_the_service(session: Any) -> None:
    """The service's own figures (Stack Overflow 75264555)."""
    expected = [0.0] * 16
    expected[0], expected[1] = -1.9040785483608571, -0.10021466044004519
    expected[2], expected[11] = 1.3361954725339347, 1.6702443406674186
    assert row(session, f"print series_outliers({VALUES})")[0] == pytest.approx(expected, abs=1e-12)


def test_tukey_measures_in_quartile_ranges(session: Any) -> None:
    """1, 2, 3, 4, 10: quartiles 2 and 4, so 10 is three ranges above and 1 half a range below."""
    assert row(session, "print series_outliers(dynamic([1,2,3,4,10]), 'tukey')")[0] == [-0.5, 0, 0, 0, 3.0]


def test_gaps_and_ignored_values_score_nothing_and_count_for_nothing(session: Any) -> None:
    q = "print series_outliers(dynamic([1,2,null,-9,3,4,10]), 'tukey', -9)"
    assert row(session, q)[0] == [-0.5, 0, 0, 0, 0, 0, 3.0]


def test_a_spike_over_a_flat_series_is_refused_and_not_missed(session: Any) -> None:
    message = refusal(session, "print series_outliers(dynamic([0,0,0,0,0,0,0,0,0,0,0,0,0,40]))")
    assert message.startswith("outliers of a series that is the same at its percentiles 10 and 90")


def test_a_flat_series_has_no_outliers(session: Any) -> None:
    assert row(session, "print series_outliers(dynamic([0.1,0.1,0.1]))")[0] == [0, 0, 0]


def test_other_percentiles_are_refused(session: Any) -> None:
    assert "percentiles" in refusal(session, f"print series_outliers({VALUES}, 'ctukey', real(null), 5.0, 95.0)")
    assert row(session, f"print series_outliers({VALUES}, 'ctukey', real(null), 10.0, 90.0)")[0][1] < 0


# --- season and trend --------------------------------------------------------------------------------------------------------
def test_season_of_the_documentation(session: Any) -> None:
    s = "dynamic([1, 3, 5, 2, 4, 6, 1, 3, 5, 2, 4, 6])"
    assert row(session, f"print series_seasonal({s}, 3)")[0] == [1.5, 3.5, 5.5] * 4


@pytest.mark.parametrize(
    "call",
    [
        "series_seasonal(y)",
        "series_seasonal(y, -1)",
        "series_decompose(y)",
        "series_decompose_forecast(y, 1, -1, 'avg')",
        "series_decompose_anomalies(y)",
        "series_decompose_anomalies(y, 1.5, -1, 'linefit')",
        "series_decompose_anomalies(y, 1.5, toint(y[0]) - 2)",
    ],
)
def test_a_season_that_may_be_detected_is_refused(session: Any, call: str) -> None:
    """A period that is there twice and a bit: whether it counts is not published."""
    message = refusal(session, f"print y=dynamic([1,5,3,7,2,1,5,3,7,2,1,5]) | project x={call}")
    assert message.startswith("a series may have a season (the period 5 scores ")


def test_a_season_is_detected_as_on_its_page(session: Any) -> None:
    """series_seasonal(): the three series of its page; the last one's period is half of it, and does not count."""
    for series, phases in (
        ([2, 5, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1], [1.0, 2.0, 3.0, 4.0, 3.0, 2.0]),
        ([8, 12, 14, 12, 10] + [10, 12, 14, 12, 10] * 3, [10.0, 12.0, 14.0, 12.0, 10.0]),
        ([1, 3, 5, 2, 4, 6, 1, 3, 5, 2, 4, 6], [0.0]),
    ):
        expected = (phases * len(series))[: len(series)]
        assert row(session, f"print series_seasonal(dynamic({series}))")[0] == expected
    weeks = [n + (i * 7 % 5) for i, n in enumerate([20, 90, 95, 92, 91, 88, 25] * 5)]
    weeks[16] += 40
    call = f"series_decompose_anomalies(dynamic({weeks}), 1.5, {{}})"
    flags = row(session, f"print {call.format(-1)} | project-keep *_ad_flag")[0]
    assert flags == row(session, f"print {call.format(7)} | project-keep *_ad_flag")[0]
    assert [i for i, f in enumerate(flags) if f] == [16]


def test_a_series_without_any_period_has_no_season(session: Any) -> None:
    """One spike: the autocorrelation is the same at every lag. Less than eight points hold no period of four twice."""
    spike = "dynamic([1,2,1,2,2,1,2,1,1,2,1,20,1,2,2,1])"
    q = "print y={} | extend (f, s, b)=series_decompose_anomalies(y, 1.5, {}) | project f, s, b"
    assert row(session, q.format(spike, -1)) == row(session, q.format(spike, 0))
    assert row(session, q.format(spike, -1))[0] == [0] * 11 + [1] + [0] * 4
    assert row(session, "print series_seasonal(dynamic([1,9,1,9,1,9,1]))")[0] == [0.0] * 7


def test_the_threshold_of_a_season_is_heeded(session: Any) -> None:
    spike = "dynamic([1,2,1,2,2,1,2,1,1,2,1,20,1,2,2,1])"
    call = f"series_decompose_anomalies({spike}, 1.5, -1, 'avg', 0, 'ctukey', 0.01)"
    assert refusal(session, f"print {call}").startswith("a series may have a season")


def test_scores_of_periods_are_the_services() -> None:
    """series_periods_detect() gives 0.8405558794091443 for the period 14 of its page's series."""
    import numpy as np

    from lurcher.functions.udfs.series_decompose import period_scores

    weeks = (
        "80 139 87 110 68 54 50 51 53 133 86 141 97 156 94 149 95 140 77 61 50 54 47 133 72 152 94 148 105 162 101 160 87"
        " 63 53 55 54 151 103 189 108 183 113 175 113 178 90 71 62 62 65 165 109 181 115 182 121 178 114 170"
    )
    assert period_scores(np.array(weeks.split(), dtype=float))[14] == pytest.approx(0.8405558794091443, abs=1e-12)


def test_components_by_hand(session: Any) -> None:
    """Medians of the phases 1, 3, 2 and 5, 7, 9 are 2 and 7; what is left, -1 -2 1 0 0 2, has the average 0."""
    q = "print y=dynamic([1,5,3,7,2,9]) | extend (b, s, t, r)=series_decompose(y, 2) | project b, s, t, r"
    assert row(session, q) == [[2, 7] * 3, [2, 7] * 3, [0] * 6, [-1, -2, 1, 0, 0, 2]]


def test_the_points_to_forecast_are_not_learned_from(session: Any) -> None:
    """A line of 2x+1, and a 100 that is to be foretold as 11."""
    q = "print y=dynamic([3,5,7,9,100]) | extend f=series_decompose_forecast(y, 1, 0, 'linefit') | project f"
    assert row(session, q)[0] == pytest.approx([3, 5, 7, 9, 11])


def test_anomalies_by_hand(session: Any) -> None:
    """1, 2, 3, 4, 10 around their average 4, by quartiles: 10 scores 3 and 1 scores -0.5."""
    q = "print y=dynamic([1,2,3,4,10]) | extend (f, s, b)=series_decompose_anomalies(y, {}, 0, 'avg', 0, 'tukey') | project f, s, b"
    scores = [-0.5, 0.0, 0.0, 0.0, 3.0]
    assert row(session, q.format(1.5)) == [[0, 0, 0, 0, 1], scores, [4.0] * 5]
    assert row(session, q.format(0.4)) == [[-1, 0, 0, 0, 1], scores, [4.0] * 5]
    assert row(session, q.format(3)) == [[0] * 5, scores, [4.0] * 5]


def test_several_columns_are_no_argument(session: Any) -> None:
    assert "within an expression" in refusal(session, f"print x = tostring(series_fit_line({LINE}))")


# --- gaps and filters --------------------------------------------------------------------------------------------------------
def test_lines_over_gaps(session: Any) -> None:
    """Whole numbers stay whole, cut off, as in the documentation's table; below zero likewise."""
    assert row(session, "print series_fill_linear(dynamic([null, 111, null, 36, null, null, 16]))")[0] == [
        *(111, 111, 73, 36, 29, 22, 16),
    ]
    assert row(session, "print series_fill_linear(dynamic([-1, null, -2]))")[0] == [-1, -1, -2]
    assert row(session, "print series_fill_linear(dynamic([0, 4.5, 0, 0, 7.5]), 0, false)")[0] == [
        0,
        4.5,
        5.5,
        6.5,
        7.5,
    ]
    assert row(session, "print series_fill_linear(dynamic([null, null]))")[0] == [0.0, 0.0]


def test_a_placeholder_stands_for_gaps(session: Any) -> None:
    assert row(session, "print series_fill_forward(dynamic([-1, 2, -1]), -1)")[0] == [-1, 2, 2]
    assert row(session, "print series_fill_backward(dynamic([-1, 2, -1]), -1)")[0] == [2, 2, -1]
    assert row(session, "print series_fill_const(dynamic([null, 2]))")[0] == [0, 2]


def test_moving_average_of_the_documentation(session: Any) -> None:
    """Five points 10, 20, 40, 100, 40: their average 42 is the peak's when centred, of the point two later when not."""
    y = "dynamic([0,0,0,10,20,40,100,40,20,10,0,0])"
    late = row(session, f"print series_fir({y}, dynamic([1,1,1,1,1]))")[0]
    centred = row(session, f"print series_fir({y}, dynamic([1,1,1,1,1]), true, true)")[0]
    assert late == pytest.approx([0, 0, 0, 2, 6, 14, 34, 42, 44, 42, 34, 14])
    assert centred == pytest.approx([0, 2, 6, 14, 34, 42, 44, 42, 34, 14, 6, 2])


def test_differences_are_not_normalised(session: Any) -> None:
    y = "dynamic([0,0,2,2,3])"
    assert row(session, f"print series_fir({y}, dynamic([1,-1]))")[0] == [0, 0, 2, 0, 1]
    assert row(session, f"print series_fir({y}, dynamic([1,-1]), true)")[0] is None


def test_work_within_a_row_is_bounded(session: Any) -> None:
    q = "let x = toscalar(range i from 1 to 40000 step 1 | summarize make_list(i)); print series_fir(x, x)"
    assert reply(session, q)["error"]["message"].startswith(
        "series_fir(): an array of this length takes 1600000000 steps"
    )


def test_a_polynomial_that_is_not_determined_is_refused(session: Any) -> None:
    """Powers up to 40 of a thousand x are more than a real can tell apart, those up to 400 more than it can hold."""
    q = "let x = toscalar(range i from 1 to 1000 step 1 | summarize make_list(i)); print series_fit_poly(x, x, {})"
    assert "degree 40 is not determined" in refusal(session, q.format(40))
    assert "degree 400 is not determined" in refusal(session, q.format(400))


def test_numbers_at_the_edge_of_reals_warn_nobody(session: Any, recwarn: pytest.WarningsRecorder) -> None:
    row(session, "print y=dynamic([1e308, -1e308, 1e308]) | extend (r, s)=series_fit_line(y) | project r, s")
    row(session, "print series_fir(dynamic([1e308, 1e308]), dynamic([1, 1]), false)")
    assert not recwarn.list
