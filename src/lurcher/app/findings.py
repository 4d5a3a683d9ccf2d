"""What the ledger holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lurcher.errors import LurcherError
from lurcher.hunt.findings import EvidenceRow, Finding, Returning, State
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.lake import Lake


@dataclass
class FindingReport:
    """One finding with all that is kept of it. `history` is (run, state), oldest first."""

    finding: Finding
    history: list[tuple[int, State]]
    evidence: list[EvidenceRow]


def _open(lake: Lake) -> Ledger:
    path = lake.path / NAME
    if not path.exists():
        raise LurcherError("nothing has been hunted here yet", "lurcher hunt RULE...", str(lake.path))
    return Ledger.open(path)


def findings(lake: Lake, states: Collection[State] | None = None) -> list[Finding]:
    """Findings with their state now, newest first. Raises `LurcherError` where there is no ledger."""
    with _open(lake) as ledger:
        return ledger.findings(states)


def finding(lake: Lake, number: int) -> FindingReport:
    with _open(lake) as ledger:
        return FindingReport(ledger.finding(number), ledger.history(number), ledger.evidence(number))


def would_return(lake: Lake, exclusion: str) -> list[Returning]:
    """What would come back if an exclusion ended today."""
    with _open(lake) as ledger:
        return ledger.would_return(exclusion)
