"""A finding: a result row as the ledger keeps it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from lurcher.hunt.answers import Value


class State(enum.StrEnum):
    """Where a finding stands after the last run that had something to say of it.

    `new`: shown for the first time in that run. `known`: shown, and in an earlier run as well. `suppressed`: a row of the rule, but
    not of the tuned result. `gone`: that run could have seen it and did not: its last evidence lies inside of the run's window. A
    finding whose evidence has merely aged out of the window keeps its state: nothing is known to have changed.
    """

    NEW = "new"
    KNOWN = "known"
    SUPPRESSED = "suppressed"
    GONE = "gone"


@dataclass(frozen=True)
class Finding:
    """Times are texts in UTC as the evidence has them; "" where the rule's table has no time. `total` is None where a row cannot be
    tied to its evidence. `by` maps exclusions to the evidence rows that they explain."""

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
