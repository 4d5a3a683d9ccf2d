"""What came of tests, for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from lurcher.content.testing.outcome import Difference, Mutated, Outcome, Row, Status, Tested
from lurcher.report.text import counted, visible

#: Characters of a value that a line shows.
_WIDE = 60


def lines(outcome: Outcome) -> Iterator[str]:
    """One test: a line where it passed, and what was different where it did not."""
    yield f"{outcome.status.upper():6}  {visible(outcome.rule)} :: {visible(outcome.test)}"
    if outcome.status == "passed":
        return
    yield f"        {visible(outcome.path)}:{outcome.line} ({outcome.kind})"
    if outcome.reason:
        yield f"        {visible(outcome.reason)}"
    for one in outcome.differences:
        yield from _difference(one)
    if outcome.status == "failed":
        yield from _why(outcome)


def _difference(one: Difference) -> Iterator[str]:
    yield f"        {visible(str(one))}"
    for row in one.missing:
        yield f"          - {row_text(row)}"
    for row in one.surplus:
        yield f"          + {row_text(row)}"


def _why(outcome: Outcome) -> Iterator[str]:
    if outcome.rows == 0:
        yield "        the query as written gives no row for these events"
    for id_, number in outcome.explained.items():
        if number:
            yield f"        exclusion {visible(id_)} explains {counted(number, 'row')} of evidence"
    for id_, reason in outcome.not_in_force.items():
        yield f"        exclusion {visible(id_)} is not in force: {visible(reason)}"


def row_text(row: Row) -> str:
    """A row on one line: `DeviceName: pc1, Count: 3`."""
    parts = []
    for name, value in row.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        parts.append(f"{visible(name)}: {visible(text[:_WIDE])}{'...' if len(text) > _WIDE else ''}")
    return ", ".join(parts)


def summary(report: Tested) -> str:
    """`3 passed, 1 failed in 0.4 s; 2 rules, 1 without tests`."""
    words: tuple[tuple[Status, str], ...] = (("passed", "passed"), ("failed", "failed"), ("error", "not run"))
    parts = [f"{report.count(status):,} {word}" for status, word in words if report.count(status)]
    if report.deselected:
        parts.append(f"{report.deselected:,} left out")
    text = ", ".join(parts) or "no tests"
    text += f" in {report.seconds:.1f} s; {counted(report.rules, 'rule')}"
    return text + (f", {len(report.untested):,} without all tests that a rule needs" if report.untested else "")


def untested_lines(report: Tested) -> Iterable[str]:
    return (f"{visible(u.path)}: {visible(u.rule)}: lacks {u.lacks}" for u in report.untested)


def as_data(report: Tested) -> dict[str, Any]:
    """The document as plain data, for JSON."""
    return {
        "passed": report.count("passed"),
        "failed": report.count("failed"),
        "not_run": report.count("error"),
        "left_out": report.deselected,
        "rules": report.rules,
        "seconds": round(report.seconds, 3),
        "stopped": report.stopped,
        "tests": [{**asdict(o), "seconds": round(o.seconds, 4)} for o in report.outcomes],
        "untested": [asdict(u) for u in report.untested],
        "wrong": [p.render() for p in report.wrong],
    }


def mutated_lines(one: Mutated) -> Iterator[str]:
    """A rule's mutation score, and the changes that no test notices."""
    yield f"{visible(one.rule)}  [{visible(one.path)}]"
    if one.score is not None:
        killed, of = one.count("killed"), one.count("killed") + one.count("survived")
        yield f"  mutation score {one.score:.0%}: {killed} of {of} changes are noticed by a test"
    elif not one.why:
        yield "  there is nothing to change"
    if one.why:
        yield f"  {visible(one.why)}"
    for m in one.mutants:
        if m.status == "survived":
            place = f"{visible(m.path)}:{m.line}: " + (f"exclusion {visible(m.exclusion)}: " if m.exclusion else "")
            yield f"  not noticed: {place}{visible(m.what)}"
            if m.event:
                yield f"    an event would tell them apart: {visible(m.event)}"
    same = [m for m in one.mutants if m.status == "same"]
    if same:
        yield f"  perhaps the same rule (the same rows on {counted(one.events, 'made event')}; not counted):"
        yield from (f"    {visible(m.path)}:{m.line}: {visible(m.what)}" for m in same)
    if one.not_in_force:
        yield f"  not changed, as no test has them in force: {visible(', '.join(one.not_in_force))}"


def mutated_data(rules: Iterable[Mutated]) -> dict[str, Any]:
    """The same as plain data, for JSON."""
    return {"rules": [{**asdict(r), "score": r.score} for r in rules]}
