"""Running a rule: what it gives as written, what is left with its exclusions, and what became of the rest."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lurcher.content.exclusions.context import ColumnsOf
from lurcher.content.exclusions.rewrite import Applied, Rewritten, Settings, rewrite
from lurcher.content.model import Rule
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, Ask, Value, as_json, plain, row_of
from lurcher.hunt.ties import ties
from lurcher.kql.diagnostics import Refused

Status = Literal["ok", "refused", "failed"]
DEVICE_COLUMNS = ("DeviceName", "DeviceId", "Computer", "HostName")
#: Evidence keys that a run keeps of one finding. The counts are of all rows.
MAX_KEYS = 1000


@dataclass(frozen=True)
class EvidenceKey:
    """What finds a row of evidence again. `by` are the exclusions that explain it."""

    device_id: str = ""
    timestamp: str = ""
    report_id: str = ""
    sha1: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A result row as one run saw it. `entity` are the values that make it the same finding in the next run: its group, or the
    whole row where it is its own evidence. `total` is None where the row cannot be tied to its evidence.

    `shown`: it is in the tuned result. `explained` evidence rows of `total`; `by` and `alone` give, per exclusion, how many it
    explains and how many nothing else does."""

    entity: str
    device: str
    row: Mapping[str, Value]
    shown: bool
    total: int | None = None
    explained: int = 0
    by: Mapping[str, int] = field(default_factory=dict)
    alone: Mapping[str, int] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    keys: tuple[EvidenceKey, ...] = ()
    #: Identical rows that this one stands for.
    times: int = 1


@dataclass(frozen=True)
class RuleRun:
    """One rule, run once. A rule that does not run has a status and a reason, never just no rows."""

    rule: Rule
    status: Status
    reason: str = ""
    seen: tuple[Seen, ...] = ()
    columns: tuple[str, ...] = ()
    applied: tuple[Applied, ...] = ()
    window: tuple[str, str] = ("", "")
    evidence_total: int | None = None
    evidence_explained: int = 0
    rewritten: Rewritten | None = None
    notes: tuple[str, ...] = ()

    @property
    def rule_hash(self) -> str:
        return hashlib.sha256(self.rule.query.encode()).hexdigest()

    @property
    def exclusion_hash(self) -> str:
        """Of the exclusions in force, whatever order they stand in."""
        in_force = [a.exclusion for a in self.applied if a.in_force]
        texts = sorted(as_json([e.id, e.when, e.match, e.devices]) for e in in_force)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def run_rule(
    rule: Rule,
    ask: Ask,
    columns_of: ColumnsOf,
    today: dt.date,
    settings: Settings | None = None,
    refused: dict[str, str] | None = None,
    windows: dict[str, tuple[str, str]] | None = None,
) -> RuleRun:
    """Run a rule with its exclusions. What its text or the engine refuses is the run's status; nothing else is caught.
    `windows`: what queries for a rule's window gave before, at the same now(); most rules of a pack have the same."""
    errors = [d for d in rule.problems if d.is_error]
    if errors:
        return RuleRun(rule, "refused", errors[0].message)
    rewritten = rewrite(rule, columns_of, today, settings, refused)
    try:
        return _run(rule, rewritten, ask, {} if windows is None else windows)
    except Refused as refusal:
        first = next((d for d in refusal.diagnostics if d.is_error), refusal.diagnostics[0])
        return RuleRun(
            rule, "refused", f"{first.message} [{first.code}]", applied=rewritten.applied, rewritten=rewritten
        )
    except LurcherError as problem:
        return RuleRun(rule, "failed", str(problem), applied=rewritten.applied, rewritten=rewritten)


def _run(rule: Rule, rewritten: Rewritten, ask: Ask, windows: dict[str, tuple[str, str]]) -> RuleRun:
    names = {a.number: a.exclusion.id for a in rewritten.in_force}
    as_written = ask(rewritten.plain)
    cut = rewritten.split
    window = _window(rewritten, ask, windows)
    if cut is None:
        seen = _whole_rows(as_written, as_written)
        return RuleRun(
            rule,
            "ok",
            "",
            seen,
            as_written.columns,
            rewritten.applied,
            window,
            rewritten=rewritten,
            notes=(rewritten.why,) if rewritten.why else (),
        )
    total: int | None
    if cut.row_by_row:
        seen, total, explained = _row_by_row(ask(rewritten.judged), rewritten.time_column, names)
    else:
        tuned = ask(rewritten.tuned) if names else as_written
        seen, total, explained = _grouped(rewritten, as_written, tuned, names, ask)
    return RuleRun(
        rule, "ok", "", seen, as_written.columns, rewritten.applied, window, total, explained, rewritten
    )  # fmt: skip


def _window(rewritten: Rewritten, ask: Ask, known: dict[str, tuple[str, str]]) -> tuple[str, str]:
    query = rewritten.window_query
    if not query:
        return ("", "")
    if query not in known:
        (row,) = ask(query).rows
        known[query] = (_text(row[0]), _text(row[1]))
    return known[query]


def _text(value: Value) -> str:
    value = plain(value)
    return "" if value is None else str(value)


def _device(row: Mapping[str, Value]) -> str:
    return next((str(row[c]) for c in DEVICE_COLUMNS if row.get(c)), "")


# --- rows that nothing is known of but themselves ---
def _whole_rows(all_rows: Answer, left: Answer) -> tuple[Seen, ...]:
    kept = {as_json(row_of(left.columns, r)) for r in left.rows}
    found: dict[str, Seen] = {}
    for answer in (all_rows, left):
        for values in answer.rows:
            row = row_of(answer.columns, values)
            entity = as_json(row)
            if entity not in found:
                found[entity] = Seen(entity, _device(row), row, entity in kept)
    return tuple(found.values())


# --- a result row is its own evidence ---
def _row_by_row(answer: Answer, time_column: str, names: dict[int, str]) -> tuple[tuple[Seen, ...], int, int]:
    own = [i for i, c in enumerate(answer.columns) if not c.startswith("lurcher_")]
    verdicts = {answer.columns.index(f"lurcher_by_{n}"): id_ for n, id_ in names.items()}
    explained_at = answer.columns.index("lurcher_explained")
    groups: dict[str, list[tuple[Value, ...]]] = {}
    rows: dict[str, dict[str, Value]] = {}
    for values in answer.rows:
        row = {answer.columns[i]: plain(values[i]) for i in own}
        entity = as_json(row)
        groups.setdefault(entity, []).append(values)
        rows.setdefault(entity, row)
    seen: list[Seen] = []
    for entity, members in groups.items():
        keys = [_key(answer, m, time_column, verdicts) for m in members]
        times = sorted(k.timestamp for k in keys if k.timestamp)
        by = {i: sum(bool(m[at]) for m in members) for at, i in verdicts.items()}
        explained = sum(bool(m[explained_at]) for m in members)
        seen.append(
            Seen(
                entity,
                _device(rows[entity]),
                rows[entity],
                explained < len(members),
                len(members),
                explained,
                {i: n for i, n in by.items() if n},
                {i: n for i in by if (n := sum(k.by == (i,) for k in keys))},
                times[0] if times else "",
                times[-1] if times else "",
                tuple(dict.fromkeys(keys))[:MAX_KEYS],
                len(members),
            )
        )
    return tuple(seen), len(answer.rows), sum(s.explained for s in seen)


def _key(answer: Answer, row: Sequence[Value], time_column: str, verdicts: Mapping[int, str]) -> EvidenceKey:
    def value(column: str) -> str:
        at = answer.index(f"lurcher_e_{column}")
        return _text(row[at]) if at is not None else ""

    by = tuple(i for at, i in verdicts.items() if row[at])
    return EvidenceKey(value("DeviceId"), value(time_column), value("ReportId"), value("SHA1"), by)


# --- a result row is made of a group of evidence ---
def _grouped(
    rewritten: Rewritten, as_written: Answer, tuned: Answer, names: dict[int, str], ask: Ask
) -> tuple[tuple[Seen, ...], int | None, int]:
    cut = rewritten.split
    assert cut is not None
    if not rewritten.counts:
        return _whole_rows(as_written, tuned), None, 0
    counts = ask(rewritten.counts)
    width = counts.columns.index("lurcher_total")
    tied = ties(cut, counts.columns[:width])
    total_at = width
    total = sum(r[total_at] for r in counts.rows)
    explained = sum(r[total_at + 1] for r in counts.rows)
    if tied is None or any(c not in as_written.columns for c in tied.values()):
        return _whole_rows(as_written, tuned), total, explained
    numbers = sorted(tied)
    tally: dict[str, _Tally] = {}
    for row in counts.rows:
        tally.setdefault(as_json([plain(row[n]) for n in numbers]), _Tally()).add(counts, row, names)
    if not total:
        # No evidence has no keys.
        keys = Answer((*counts.columns[:width], *(f"lurcher_by_{n}" for n in names)), ())
    else:
        keys = ask(rewritten.keys)
    verdicts = {keys.columns.index(f"lurcher_by_{n}"): id_ for n, id_ in names.items()}
    evidence: dict[str, dict[EvidenceKey, None]] = {}
    for row in keys.rows:
        group = evidence.setdefault(as_json([plain(row[n]) for n in numbers]), {})
        if len(group) < MAX_KEYS:
            group[_key(keys, row, rewritten.time_column, verdicts)] = None
    seen: dict[str, Seen] = {}
    # Where the tail makes several rows of a group, only the whole row tells them apart.
    several = any(_repeats(a, tied, numbers) for a in (as_written, tuned))
    for answer, shown in ((tuned, True), (as_written, False)):
        at = [answer.columns.index(tied[n]) for n in numbers]
        for values in answer.rows:
            here = row_of(answer.columns, values)
            group_key = as_json([plain(values[i]) for i in at])
            entity = as_json(here if several else {tied[n]: plain(values[i]) for n, i in zip(numbers, at, strict=True)})
            if entity in seen:
                continue
            t = tally.get(group_key, _Tally())
            seen[entity] = Seen(
                entity, _device(here), here, shown, t.total, t.explained, t.by, t.alone, t.first, t.last,
                tuple(evidence.get(group_key, ())),
            )  # fmt: skip
    return tuple(seen.values()), total, explained


def _repeats(answer: Answer, tied: Mapping[int, str], numbers: Sequence[int]) -> bool:
    at = [answer.columns.index(tied[n]) for n in numbers]
    return len({as_json([plain(r[i]) for i in at]) for r in answer.rows}) < len(answer.rows)


@dataclass
class _Tally:
    total: int = 0
    explained: int = 0
    by: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    first: str = ""
    last: str = ""

    def add(self, answer: Answer, row: Sequence[Value], names: Mapping[int, str]) -> None:
        value = dict(zip(answer.columns, row, strict=True))
        self.total += value["lurcher_total"]
        self.explained += value["lurcher_explained_count"]
        for number, id_ in names.items():
            if n := value[f"lurcher_count_{number}"]:
                self.by[id_] = self.by.get(id_, 0) + n
            if n := value[f"lurcher_alone_{number}"]:
                self.alone[id_] = self.alone.get(id_, 0) + n
        first, last = _text(value.get("lurcher_first")), _text(value.get("lurcher_last"))
        self.first = min(filter(None, (self.first, first)), default="")
        self.last = max(self.last, last)
