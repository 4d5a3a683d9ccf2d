"""Checks of when a rule runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.fields import MAX_PERIOD_DAYS, MAX_THRESHOLD, MIN_PERIOD_MINUTES
from lurcher.content.model import Placed, Presence
from lurcher.content.values import written
from lurcher.kql.diagnostics import Severity

_KEYS = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")

MISSING = declare("LU230", "a scheduled rule needs '{key}'", Severity.WARNING)
OUT_OF_RANGE = declare("LU231", "'{key}' is {value}; Sentinel takes {low} to {high}", Severity.WARNING)
GAP = declare(
    "LU232",
    "it runs every {frequency} and looks back {period}: what lies between is never looked at",
    Severity.WARNING,
)
NOT_FOR_NRT = declare("LU233", "a near-real-time rule has no '{key}'", Severity.WARNING)
THRESHOLD = declare("LU234", "'triggerThreshold' is {value}; Sentinel takes 0 to {limit:,}", Severity.WARNING)


@check(MISSING, "Sentinel refuses a scheduled rule without frequency, period, operator and threshold.")
def missing(ctx: Context) -> Iterator[Placed]:
    # How far back a custom detection of Defender looks follows from how often it runs.
    if ctx.rule.kind == "Scheduled" and ctx.rule.format != "detection":
        for key in _KEYS:
            if ctx.rule.presence(key) is not Presence.GIVEN:
                yield ctx.at(MISSING, key, key=key)


@check(OUT_OF_RANGE, "Frequency and period lie between five minutes and fourteen days.")
def out_of_range(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.format == "detection":
        return
    low, high = dt.timedelta(minutes=MIN_PERIOD_MINUTES), dt.timedelta(days=MAX_PERIOD_DAYS)
    for key, value in (
        ("queryFrequency", ctx.rule.schedule.query_frequency),
        ("queryPeriod", ctx.rule.schedule.query_period),
    ):
        if value is not None and not low <= value <= high:
            yield ctx.at(OUT_OF_RANGE, key, key=key, value=written(value), low=written(low), high=written(high))


@check(GAP, "The period is at least the frequency, or events fall between two runs.")
def gap(ctx: Context) -> Iterator[Placed]:
    frequency, period = ctx.rule.schedule.query_frequency, ctx.rule.schedule.query_period
    if frequency is not None and period is not None and frequency > period:
        yield ctx.at(GAP, "queryPeriod", frequency=written(frequency), period=written(period))


@check(NOT_FOR_NRT, "Near-real-time rules run every minute on what came in; they have no schedule and no threshold.")
def not_for_nrt(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.kind == "NRT":
        for key in _KEYS:
            if ctx.rule.presence(key) is not Presence.MISSING:
                yield ctx.at(NOT_FOR_NRT, key, key=key)


@check(THRESHOLD, "The threshold lies between 0 and 10,000.")
def threshold(ctx: Context) -> Iterator[Placed]:
    value = ctx.rule.schedule.trigger_threshold
    if value is not None and value > MAX_THRESHOLD:
        yield ctx.at(THRESHOLD, "triggerThreshold", value=value, limit=MAX_THRESHOLD)
