"""What has come since the last hunt: rules are run so that nothing is missed, and only what is new or changed is told.

A rule looks back over its own window from now(). Between two hunts that are further apart than its window there are events that
neither looks at, and an event that arrives late is behind the window already. So a rule is run at more moments than now: as often
as its window needs to lie over all rows that came since its last run, and over the time that has passed, each window overlapping
the one before by half. See docs/decisions/0132.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from lurcher.app.hunt import HuntReport, hunt
from lurcher.app.rmm import with_packs
from lurcher.app.rules import RuleText, load_rules
from lurcher.app.seen_data import Arrival, arrivals, sources
from lurcher.app.session import Session
from lurcher.content.model import Rule
from lurcher.hunt.findings import Finding, State
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.hunt.run import RuleRun
from lurcher.hunt.triage import Reason
from lurcher.lake import Lake

#: Moments at which one rule is run to catch up. Where that is not enough it is said, and what was left out.
MAX_MOMENTS = 200


@dataclass(frozen=True)
class News:
    """A finding that is not as it was before. `what`: new, changed, suppressed, shown (it was suppressed), gone, back (it was
    gone), again (seen again since it was closed)."""

    finding: Finding
    what: str


@dataclass
class SinceReport:
    """Hunts since the last one: `last` is the one at now(), `earlier` those that caught up, in order of their time."""

    last: HuntReport
    earlier: list[HuntReport] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    #: What could not be caught up with, in words, by the rule's key.
    left: dict[str, list[str]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every rule ran and has looked at all that came."""
        return self.last.complete and not self.left

    @property
    def left_lines(self) -> list[str]:
        return [line for lines in self.left.values() for line in lines]

    def whole(self) -> HuntReport:
        """The last hunt with what the earlier ones found, as a report tells it."""
        rules = []
        news = [n.finding for n in self.news]
        for one in self.last.rules:
            there = {f.id for f in one.findings}
            more = [f for f in news if f.rule == one.run.rule.key and f.id not in there]
            told = replace(one, findings=[*one.findings, *more])
            for line in self.left.get(one.run.rule.key, ()):
                told.note(line)
            rules.append(told)
        return replace(self.last, rules=rules)

    @property
    def reasons(self) -> dict[int, list[Reason]]:
        return {n: r for one in self.last.rules for n, r in one.reasons.items()}


def hunt_since_last(
    lake: Lake,
    paths: Sequence[Path | RuleText],
    session: Session,
    *,
    started: datetime,
    forced: Iterable[str] = (),
    triage: bool = True,
    progress: Callable[[int, str], None] | None = None,
    policy: Path | None = None,
    sharing: bool = True,
) -> SinceReport:
    """As `lurcher.app.hunt.hunt`, at now() and at the moments before that make nothing missed since each rule's last run."""
    rules = load_rules(with_packs(paths, lake.path)).rules
    with Ledger.open(lake.path / NAME) as ledger:
        before = _standing(ledger)
        due = _due(lake, session, rules, ledger)
    earlier = []
    for moment in sorted({m for times in due.moments.values() for m in times}):
        at = replace(session, now=moment)
        earlier.append(
            hunt(
                lake, paths, at, started=started, forced=forced, triage=False, progress=progress, policy=policy,
                since=True, sharing=sharing, only=partial(due.at, moment),
            )
        )  # fmt: skip
    last = hunt(
        lake, paths, session, started=started, forced=forced, triage=triage, progress=progress, policy=policy,
        since=True, sharing=sharing,
    )  # fmt: skip
    with Ledger.open(lake.path / NAME) as ledger:
        after = _standing(ledger)
    news = [News(f, what) for n, f in after.items() if (what := _difference(before.get(n), f))]
    for one in last.rules:
        for note in due.notes.get(one.run.rule.key, ()):
            one.note(note)
    for key, lines in _failed(earlier, last).items():
        due.left.setdefault(key, []).extend(lines)
    return SinceReport(last, earlier, news, due.left)


def _failed(earlier: Sequence[HuntReport], last: HuntReport) -> dict[str, list[str]]:
    """Rules that did not run at a moment that was to be caught up with, and ran at the last one: the next hunt looks at what came
    after that. A rule that did not run at the last one either is caught up with once it runs."""
    ran = {r.run.rule.key for r in last.rules if r.run.status == "ok"}
    failed: dict[str, list[tuple[datetime, RuleRun]]] = {}
    for one in earlier:
        for rule in one.not_run:
            if rule.run.rule.key in ran:
                failed.setdefault(rule.run.rule.key, []).append((one.now, rule.run))
    return {
        key: [
            f"{run.rule.name}: did not run at {len(runs)} of the moments before, the first {at:%Y-%m-%dT%H:%M:%SZ}: {run.reason}; "
            f"to look at it: lurcher hunt RULE --as-of {at:%Y-%m-%dT%H:%M:%SZ}"
        ]
        for key, runs in failed.items()
        for at, run in runs[:1]
    }


def _standing(ledger: Ledger) -> dict[int, Finding]:
    return {f.id: f for f in ledger.findings()}


def _difference(old: Finding | None, new: Finding) -> str:
    """What is new of a finding, "" where nothing is."""
    if old is None:
        return "suppressed" if new.state is State.SUPPRESSED else "new"
    if new.again is not None and (old.again is None or old.last_seen != new.last_seen):
        return "again"
    if new.state is State.CLOSED:
        return ""
    if old.state is not new.state and {old.state, new.state} != {State.NEW, State.KNOWN}:
        if new.state in (State.SUPPRESSED, State.GONE):
            return new.state.value
        if old.state is State.GONE:
            return "back"
        return "shown" if old.state is State.SUPPRESSED else "changed"
    if new.state in (State.SUPPRESSED, State.GONE):
        return ""
    # Not `last_seen`: of a rule without times it is the time of the run. Where there are times, another total says it, or the row.
    same = (old.total, old.explained, old.by, old.row) == (new.total, new.explained, new.by, new.row)
    return "" if same else "changed"


# --- when a rule is due ---
@dataclass(frozen=True)
class Reach:
    """What a rule looks at from a moment on: rows of `low` to `high` before it. `sure`: read off its query, and not assumed."""

    low: timedelta
    high: timedelta
    sure: bool = True

    @property
    def step(self) -> timedelta:
        return (self.low - self.high) / 2

    @property
    def words(self) -> str:
        def hours(span: timedelta) -> str:
            return f"{span.total_seconds() / 3600:g} h"

        return f"the last {hours(self.low)}" if not self.high else f"{hours(self.low)} to {hours(self.high)} before"


def reach_of(session: Session, rule: Rule) -> Reach | None:
    """How far a rule looks back: the least of what its tables' windows say. None where one run looks at all that there is: its
    query says the same whatever now() is. Where a query speaks of now() and no window can be read off it, its `queryPeriod`, or a
    day."""
    from lurcher.kql.diagnostics import Refused
    from lurcher.plan.windows import ANY_TIME, scan_windows

    assumed = Reach(rule.schedule.query_period or timedelta(days=1), timedelta(), sure=False)
    try:
        compiled = session.compile(rule.query_source)
        other = replace(session, now=session.now - timedelta(days=1, hours=1)).compile(rule.query_source)
        if any(d.is_error for d in compiled.diagnostics):
            return None
        if compiled.queries == other.queries:
            return None
    except (Refused, RecursionError):
        return assumed
    found: list[Reach] = []
    open_ = False
    for query in compiled.queries:
        for windows in scan_windows(query.plan).values():
            said = [w for w in windows.values() if w != ANY_TIME and w.start is not None]
            open_ = open_ or not said
            for window in said:
                low = session.now - _of_ticks(window.start)
                high = session.now - _of_ticks(window.stop) if window.stop is not None else timedelta()
                found.append(Reach(low, max(high, timedelta())))
    found = [r for r in found if r.low > r.high]
    if not found:
        return assumed
    least = min(found, key=lambda r: r.step)
    return replace(least, sure=not open_)


def _of_ticks(ticks: int | None) -> datetime:
    try:
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=(ticks or 0) // 10)
    except OverflowError:
        return datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class _Due:
    """By the rule's key: the moments at which it is to be run, what that leaves out, and what else there is to say of it."""

    moments: dict[str, list[datetime]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def at(self, moment: datetime, rule: Rule) -> bool:
        return moment in self.moments.get(rule.key, ())


def _due(lake: Lake, session: Session, rules: Iterable[Rule], ledger: Ledger) -> _Due:
    seen = sources(lake, session)
    due = _Due()
    by_hunt: dict[int, list[Arrival]] = {}
    for rule in rules:
        # The last of these hunts; where there was none yet, the last of any kind: what a plain hunt did not look at, this has to.
        last = ledger.db.execute(
            "SELECT h.id, h.as_of, h.missed FROM rule_runs r JOIN rules k ON k.id = r.rule JOIN hunts h ON h.id = r.hunt"
            " WHERE k.key = ? AND r.status = 'ok' AND (h.engine = 'duckdb' OR h.engine LIKE 'spark:%')"
            " ORDER BY h.missed <> '' DESC, h.id DESC LIMIT 1",
            (rule.key,),
        ).fetchone()
        if last is None or (reach := reach_of(session, rule)) is None:
            continue
        if not reach.sure:
            due.notes[rule.key] = [
                "not all of its query's windows can be read: what came since its last run was looked at as if the rule looked at "
                f"{reach.words}"
            ]
        number, as_of = last[0], _time(last[1])
        if number not in by_hunt:
            by_hunt[number] = arrivals(lake, session, _new(ledger, seen, number, last[2]))
        tables = _tables(session, rule)
        came = [a for a in by_hunt[number] if tables is None or a.table in tables]
        times, enough = moments_of(session.now, as_of, reach, came)
        if not enough:
            due.left[rule.key] = [
                f"{rule.name}: to look at all that has come it would have to be run at more than {MAX_MOMENTS} moments; it was run "
                f"back to {min(times):%Y-%m-%d %H:%M} (UTC) only; what is before: lurcher hunt RULE --as-of TIME"
            ]
        if times:
            due.moments[rule.key] = times
    return due


def _new(ledger: Ledger, seen: frozenset[tuple[str, str]], hunt_number: int, missed: str) -> frozenset[tuple[str, str]]:
    """The (table, source) of these that a hunt did not see."""
    there = set(ledger.db.execute("SELECT tab, digest FROM arrivals WHERE hunt <= ?", (hunt_number,)).fetchall())
    return frozenset(seen - (there - {tuple(pair) for pair in json.loads(missed or "[]")}))


def moments_of(now: datetime, as_of: datetime, reach: Reach, came: Sequence[Arrival]) -> tuple[list[datetime], bool]:
    """The moments before `now`, half a window apart, at which a rule has to be run so that it looks at all that came, and at all
    the time since `as_of`; whether they are all of them."""
    step = reach.step
    spans: list[tuple[datetime, datetime]] = []
    if now - as_of > 2 * step:
        spans.append((as_of, now))
    # A row of the time x is looked at from the moments x + high to x + low.
    spans += [
        (a.first + reach.high, min(a.last + reach.low, now))
        for a in came
        if a.first is not None and a.last is not None and a.first < now - reach.low
    ]
    wanted: set[int] = set()
    enough = True
    for first, last in spans:
        low = max(1, -((last - now) // step) if last < now else 1)
        high = (now - first) // step
        if high - low >= MAX_MOMENTS:
            high, enough = low + MAX_MOMENTS - 1, False
        wanted.update(range(low, high + 1))
    chosen = sorted(wanted)
    return [now - k * step for k in chosen[:MAX_MOMENTS]], enough and len(chosen) <= MAX_MOMENTS


def _tables(session: Session, rule: Rule) -> frozenset[str] | None:
    """The tables that a rule reads; None where that is not known."""
    from lurcher.app.query import tables_of

    compiled = session.compile(rule.query_source)
    if any(d.is_error for d in compiled.diagnostics):
        return None
    return frozenset(tables_of(compiled))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def data_of(report: SinceReport) -> dict[str, Any]:
    """What is new, as JSON has it."""
    from dataclasses import asdict

    return {
        "hunt": report.last.number,
        "now": report.last.now,
        "caught_up": [{"hunt": h.number, "now": h.now} for h in report.earlier],
        "news": [
            {"what": n.what, **asdict(n.finding), "reasons": [r.text for r in report.reasons.get(n.finding.id, ())]}
            for n in report.news
        ],
        "not_run": [
            {"rule": r.run.rule.key, "name": r.run.rule.name, "status": r.run.status, "reason": r.run.reason}
            for r in report.last.not_run
        ],
        "notes": [
            {"rule": r.run.rule.key, "name": r.run.rule.name, "note": note}
            for r in report.last.rules
            for note in r.run.notes
        ],
        "left": report.left_lines,
        "loading": [p.render() for p in report.last.loading],
    }
