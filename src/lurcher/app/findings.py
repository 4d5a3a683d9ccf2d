"""What the ledger holds, and what an analyst says of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lurcher.errors import LurcherError
from lurcher.hunt.answers import plain
from lurcher.hunt.baselines import Baseline, baselines, entities_of
from lurcher.hunt.findings import Closing, EvidenceRow, Finding, Returning, Sighting, State, Verdict
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.hunt.ledger_closing import judge
from lurcher.hunt.ledger_transfer import Merged, export_ledger, import_ledger
from lurcher.hunt.ledger_upkeep import Rebuilt, Verified, rebuild, verify
from lurcher.lake import Lake


@dataclass
class FindingReport:
    """One finding with all that is kept of it. `history` is (run, state), oldest first; `sightings` the same with what a run used,
    runs in which nothing changed being one."""

    finding: Finding
    history: list[tuple[int, State]]
    evidence: list[EvidenceRow]
    sightings: list[Sighting] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)


def open_ledger(lake: Lake) -> Ledger:
    """The ledger of a lake that has one. Raises `LurcherError`."""
    path = lake.path / NAME
    if not path.exists() and not path.with_suffix("").is_dir():
        raise LurcherError("nothing has been hunted here yet", "lurcher hunt RULE...", str(lake.path))
    return Ledger.open(path)


def findings(lake: Lake, states: Collection[State] | None = None, *, again: bool = False) -> list[Finding]:
    """Findings with their state now, newest first; with `again` only those that were seen since they were closed. Raises
    `LurcherError` where there is no ledger."""
    with open_ledger(lake) as ledger:
        return [f for f in ledger.findings(states) if not again or f.again is not None]


def finding(lake: Lake, number: int) -> FindingReport:
    from lurcher.hunt.run import EvidenceKey, Seen

    with open_ledger(lake) as ledger:
        one = ledger.finding(number)
        evidence = ledger.evidence(number)
        keys = tuple(EvidenceKey(e.device_id, e.timestamp, e.report_id, e.sha1) for e in evidence)
        known = entities_of(Seen("", one.device, one.row, True, keys=keys), {})
        return FindingReport(
            one,
            ledger.history(number),
            evidence,
            ledger.sightings(number),
            ledger.closings(number),
            baselines(ledger.db, known),
        )


def would_return(lake: Lake, exclusion: str) -> list[Returning]:
    """What would come back if an exclusion ended today."""
    with open_ledger(lake) as ledger:
        if not ledger.knows_exclusion(exclusion):
            raise LurcherError(
                f"no hunt of this lake knew an exclusion '{exclusion[:80]}'",
                "lurcher findings --suppressed names those that explain",
                str(lake.path),
            )
        return ledger.would_return(exclusion)


def close(lake: Lake, numbers: Sequence[int], verdict: Verdict, *, note: str, who: str, at: datetime) -> list[Finding]:
    """Close findings as an analyst judges them; all or none. Raises `LurcherError`."""
    with open_ledger(lake) as ledger:
        return judge(ledger, numbers, verdict, note=note, who=who, at=plain(at))


def reopen(lake: Lake, numbers: Sequence[int], *, note: str, who: str, at: datetime) -> list[Finding]:
    with open_ledger(lake) as ledger:
        return judge(ledger, numbers, Verdict.REOPENED, note=note, who=who, at=plain(at))


def verify_ledger(lake: Lake) -> Verified:
    return verify(lake.path / NAME)


def rebuild_ledger(lake: Lake, *, partly: bool = False) -> Rebuilt:
    return rebuild(lake.path / NAME, partly=partly)


def export_findings(lake: Lake, path: Path) -> int:
    """Write the whole ledger as lines of JSON; gives the number of findings."""
    with open_ledger(lake) as ledger:
        return export_ledger(ledger, path)


def import_findings(lake: Lake, path: Path) -> Merged:
    """Merge what another case exported. The same file twice changes nothing."""
    return import_ledger(lake.path / NAME, path)
