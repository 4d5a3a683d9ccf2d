"""A hunt as a report tells it: frozen data that the renderers read, and nothing else.

`lurcher.app.reports` makes it, of a hunt that has just run or of one that the ledger has. All times are texts in UTC
(`2026-11-20T12:00:00.000000Z`), "" where none is known. Values of rows are as JSON has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: The form of the JSON report; a new number where a reader must change.
FORM = 1
#: The engine of this machine; another one is a service.
LOCAL = "duckdb"


def is_local(engine: str) -> bool:
    """Whether the lake was read, by whatever engine."""
    return engine == LOCAL or engine.startswith("spark:")


#: What a report of the ledger's says of itself.
FROM_LEDGER = (
    "Made from the ledger: queries, tables without rows, files that were skipped, notes, signers that rules miss and what makes"
    " findings stand out are known to the hunt itself alone."
)
STATES = ("new", "known", "suppressed", "gone")
_URGENT = ("new", "known", "gone", "suppressed", "closed")


@dataclass(frozen=True)
class EvidencePart:
    """What finds a row of evidence again, and the exclusions that explain it."""

    time: str
    device: str
    report: str
    sha1: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class FindingPart:
    """`total` evidence rows, of which exclusions explain `explained`; None where a row cannot be tied to its evidence.
    `evidence` are at most so many as a report shows, `evidence_kept` as many as the ledger has."""

    id: int
    state: str
    device: str
    entity: Mapping[str, Any]
    row: Mapping[str, Any]
    first_seen: str
    last_seen: str
    total: int | None = None
    explained: int = 0
    by: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    evidence: tuple[EvidencePart, ...] = ()
    evidence_kept: int = 0
    #: Who has judged it, and as what: "closed as benign by eve, 2026-11-20: our own tool"; "" where nobody has.
    judged: str = ""


@dataclass(frozen=True)
class ExclusionPart:
    """`explained` counts evidence rows in this hunt."""

    id: str
    in_force: bool
    reason: str = ""
    scenario: str = ""
    when: str = ""
    owner: str = ""
    ticket: str = ""
    expires: str = ""
    explained: int = 0


@dataclass(frozen=True)
class TablePart:
    """A table that the rules read. `rows` is None where there is none of that name in the data."""

    name: str
    rows: int | None
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class RulePart:
    """A rule and what it gave. `query` and `tuned` are "" where only the ledger tells of the hunt: it keeps their hashes."""

    key: str
    name: str
    status: str
    reason: str = ""
    path: str = ""
    description: str = ""
    severity: str = ""
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    window: tuple[str, str] = ("", "")
    evidence: int | None = None
    explained: int = 0
    findings: tuple[FindingPart, ...] = ()
    exclusions: tuple[ExclusionPart, ...] = ()
    notes: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    query: str = ""
    tuned: str = ""
    rule_hash: str = ""
    exclusion_hash: str = ""

    @property
    def ran(self) -> bool:
        return self.status == "ok"

    def count(self, state: str) -> int:
        return sum(f.state == state for f in self.findings)


def _rank(state: str) -> int:
    return _URGENT.index(state) if state in _URGENT else len(_URGENT)


def in_order(rules: Iterable[RulePart]) -> tuple[RulePart, ...]:
    """What is new first: rules by it, and the findings of each."""

    def rank(rule: RulePart) -> tuple[bool, ...]:
        return tuple(not rule.count(state) for state in _URGENT)

    sorted_ = (
        replace(r, findings=tuple(sorted(r.findings, key=lambda f: _rank(f.state)))) if r.findings else r for r in rules
    )
    return tuple(sorted(sorted_, key=rank))


@dataclass(frozen=True)
class DeviceCount:
    device: str
    new: int
    known: int
    evidence: int


@dataclass(frozen=True)
class Document:
    """One hunt. `from_ledger`: what only a hunt at work knows is not in it (`FROM_LEDGER`)."""

    number: int
    now: str
    started: str
    engine: str
    fingerprint: str
    version: str
    lake: str
    rules: tuple[RulePart, ...] = ()
    tables: tuple[TablePart, ...] = ()
    loading: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    from_ledger: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Findings by state: the four of a hunt, and what else somebody has made of them."""
        found = Counter(f.state for r in self.rules for f in r.findings)
        return {state: found[state] for state in (*STATES, *sorted(found.keys() - set(STATES)))}

    @property
    def not_run(self) -> tuple[RulePart, ...]:
        return tuple(r for r in self.rules if not r.ran)

    @property
    def absent(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Tables without a row, and the rules that read them."""
        empty = [t.name for t in self.tables if not t.rows]
        return tuple((name, tuple(r.name for r in self.rules if name in r.tables)) for name in empty)

    @property
    def not_in_force(self) -> tuple[tuple[RulePart, ExclusionPart], ...]:
        return tuple((r, e) for r in self.rules for e in r.exclusions if not e.in_force)

    @property
    def missed(self) -> tuple[tuple[RulePart, str], ...]:
        return tuple((r, text) for r in self.rules for text in r.misses)

    @property
    def unseen(self) -> int:
        """How many things this hunt did not look at, as far as it knows."""
        lists = (self.not_run, self.absent, self.not_in_force, self.missed, self.loading)
        return sum(len(one) for one in lists) + sum(len(r.notes) for r in self.rules)

    @property
    def span(self) -> tuple[str, str]:
        """From the first to the last row of the tables that the rules read."""
        firsts, lasts = [t.first for t in self.tables if t.first], [t.last for t in self.tables if t.last]
        return min(firsts, default=""), max(lasts, default="")

    def top_devices(self, most: int = 10) -> tuple[DeviceCount, ...]:
        """Devices with findings that are shown, those with the most new ones first."""
        new: Counter[str] = Counter()
        known: Counter[str] = Counter()
        evidence: Counter[str] = Counter()
        for rule in self.rules:
            for f in rule.findings:
                if f.state in ("new", "known") and f.device:
                    (new if f.state == "new" else known)[f.device] += 1
                    evidence[f.device] += (f.total or 0) - f.explained
        devices = sorted({*new, *known}, key=lambda d: (-new[d], -known[d], -evidence[d], d))
        return tuple(DeviceCount(d, new[d], known[d], evidence[d]) for d in devices[:most])

    @property
    def devices(self) -> int:
        """Devices with findings that are shown."""
        return len({f.device for r in self.rules for f in r.findings if f.state in ("new", "known") and f.device})
