"""A finding: a result row as the ledger keeps it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lurcher.hunt.answers import Value


class State(enum.StrEnum):
    """Where a finding stands after the last run that had something to say of it.

    `new`: shown for the first time in that run. `known`: shown, and in an earlier run as well. `suppressed`: a row of the rule, but
    not of the tuned result. `gone`: that run could have seen it and did not: its last evidence lies inside of the run's window. A
    finding whose evidence has merely aged out of the window keeps its state: nothing is known to have changed. `closed`: an analyst
    has judged it, and nothing has come since that asks for another look (docs/decisions/0131).
    """

    NEW = "new"
    KNOWN = "known"
    SUPPRESSED = "suppressed"
    GONE = "gone"
    CLOSED = "closed"


class Verdict(enum.StrEnum):
    """What a closed finding was. `reopened` takes a closing back."""

    TRUE_POSITIVE = "true-positive"
    FALSE_POSITIVE = "false-positive"
    BENIGN = "benign"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Closing:
    """Who judged a finding, when (UTC, as text), after which run, and why."""

    at: str
    run: int
    verdict: str
    note: str
    who: str


@dataclass(frozen=True)
class Sighting:
    """Consecutive runs in which a finding, its rule, exclusions and data were the same."""

    first_run: int
    last_run: int
    first_hunt: int
    last_hunt: int
    first_as_of: str
    last_as_of: str
    state: State
    total: int | None
    explained: int
    rule_hash: str
    exclusion_hash: str
    data_fingerprint: str
    engine: str

    def same(self, *rest: object) -> bool:
        return rest == (
            self.state.value, self.total, self.explained, self.rule_hash, self.exclusion_hash, self.data_fingerprint, self.engine
        )  # fmt: skip

    def until(self, run: int, hunt: int, as_of: str) -> Sighting:
        return replace(self, last_run=run, last_hunt=hunt, last_as_of=as_of)


@dataclass(frozen=True)
class Finding:
    """Times are texts in UTC as the evidence has them; the run's where the rule's table has no time. `total` is None where a row
    cannot be tied to its evidence. `by` maps exclusions to the evidence rows that they explain."""

    id: int
    rule: str
    rule_name: str
    entity: Mapping[str, Value]
    device: str
    state: State
    first_seen: str
    last_seen: str
    first_run: int
    last_run: int
    total: int | None
    explained: int
    by: Mapping[str, int] = field(default_factory=dict)
    row: Mapping[str, Value] = field(default_factory=dict)
    #: The closing in force; `again` is the run that first saw it with newer evidence since.
    closing: Closing | None = None
    again: int | None = None

    @property
    def remark(self) -> str:
        """What there is to say of its closing, in a few words."""
        if self.closing is None:
            return ""
        since = ", seen again since" if self.again is not None else ""
        return f"{'' if self.state is State.CLOSED else 'was '}closed as {self.closing.verdict}{since}"


@dataclass(frozen=True)
class EvidenceRow:
    """What finds a row of evidence again in its table."""

    device_id: str
    timestamp: str
    report_id: str
    sha1: str
    explained_by: tuple[str, ...]
    first_run: int


@dataclass(frozen=True)
class Returning:
    """A suppressed finding that an exclusion alone keeps from being shown: `alone` evidence rows have no other explanation."""

    finding: Finding
    alone: int
