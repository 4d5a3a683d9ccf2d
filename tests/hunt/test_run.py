"""From answers to findings, the engine being a few fixed answers."""

from __future__ import annotations

import datetime as dt

import pytest
from making_rules import SIGNATURES, columns_of, rule_of

from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, plain
from lurcher.hunt.run import run_rule
from lurcher.kql.diagnostics import KS142, Refused
from lurcher.kql.source import Span

TODAY = dt.date(2026, 3, 10)
T1, T2 = dt.datetime(2026, 3, 8, tzinfo=dt.UTC), dt.datetime(2026, 3, 9, tzinfo=dt.UTC)


def engine(plain_rows, tuned_rows, counts, keys=()):
    def ask(query):
        if "print lurcher_low" in query:
            return Answer(("lurcher_low", "lurcher_high"), ((T1, T2),))
        if "lurcher_total" in query:
            names = (
                "DeviceId DeviceName lurcher_total lurcher_explained_count lurcher_first lurcher_last"
                " lurcher_count_1 lurcher_alone_1"
            )
            return Answer(tuple(names.split()), counts)
        if "lurcher_group_1" in query:
            names = (
                "lurcher_group_1 lurcher_group_2 lurcher_e_DeviceId lurcher_e_ReportId lurcher_e_SHA1 lurcher_e_Timestamp"
                " lurcher_by_1 lurcher_explained"
            )
            return Answer(tuple(names.split()), keys)
        return Answer(("DeviceId", "DeviceName", "Count"), tuned_rows if "lurcher_judged" in query else plain_rows)

    return ask


def test_rows_are_tied_to_their_evidence_by_the_group():
    run = run_rule(
        rule_of(SIGNATURES, 'process.name == "a"'),
        engine(
            [("1", "ws1", 5), ("2", "ws2", 1)],
            [("1", "ws1", 2)],
            [("1", "ws1", 5, 3, T1, T2, 3, 3), ("2", "ws2", 1, 1, T2, T2, 1, 1)],
            [("2", "ws2", "2", 7, "ab", T2, True, True)],
        ),
        columns_of,
        TODAY,
    )
    one, two = sorted(run.seen, key=lambda s: s.device)
    assert (one.entity, one.shown, one.explained, one.total) == ('{"DeviceId":"1","DeviceName":"ws1"}', True, 3, 5)
    assert (one.row["Count"], one.first, one.last) == (2, "2026-03-08T00:00:00.000000Z", "2026-03-09T00:00:00.000000Z")
    assert (two.shown, two.row["Count"], dict(two.by)) == (False, 1, {"e1": 1})
    assert (two.keys[0].report_id, two.keys[0].sha1, two.keys[0].by) == ("7", "ab", ("e1",))
    assert (run.evidence_total, run.evidence_explained) == (6, 4)
    assert run.window == ("2026-03-08T00:00:00.000000Z", "2026-03-09T00:00:00.000000Z")


@pytest.mark.parametrize(
    ("problem", "status", "reason"),
    [
        (Refused((KS142.at(Span(0, 1), name="Nope"),)), "refused", "Nope"),
        (LurcherError("the disk is full"), "failed", "the disk is full"),
    ],
)
def test_what_does_not_run_has_a_reason(problem, status, reason):
    def ask(query):
        raise problem

    run = run_rule(rule_of(SIGNATURES), ask, columns_of, TODAY)
    assert run.status == status
    assert reason in run.reason


def test_a_rule_whose_file_is_broken_is_not_asked_for():
    from lurcher.content.loading import load_text

    loaded = load_text("r.yaml", b"id: x\nname: n\nquery: ''\n")
    assert loaded is not None
    run = run_rule(loaded.rules[0], lambda q: pytest.fail("asked"), columns_of, TODAY)
    assert run.status == "refused"


def test_the_hash_of_exclusions_is_of_those_in_force():
    rows = ([], [], [])
    one = run_rule(rule_of(SIGNATURES, 'process.name == "a"'), engine(*rows), columns_of, TODAY)
    other = run_rule(rule_of(SIGNATURES, 'process.name == "b"'), engine(*rows), columns_of, TODAY)
    none = run_rule(rule_of(SIGNATURES), engine(*rows), columns_of, TODAY)
    broken = run_rule(rule_of(SIGNATURES, "prose"), engine(*rows), columns_of, TODAY)
    assert len({one.exclusion_hash, other.exclusion_hash, none.exclusion_hash}) == 3
    assert none.exclusion_hash == broken.exclusion_hash


def test_times_have_one_spelling():
    assert plain(dt.datetime(2026, 3, 8, 1, 2, 3, 450000, tzinfo=dt.UTC)) == "2026-03-08T01:02:03.450000Z"
    assert plain(dt.datetime(2026, 3, 8, tzinfo=dt.UTC)) == "2026-03-08T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), "0001-01-01T00:00:00.000000Z"),
        (dt.datetime(999, 12, 31, 23, 59, 59, 400_000), "0999-12-31T23:59:59.400000Z"),
        (dt.datetime(2025, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2025-01-02T01:00:00.000000Z"),
    ],
)
def test_times_have_four_digits_of_the_year_and_six_of_the_second(moment, text):
    assert plain(moment) == text
