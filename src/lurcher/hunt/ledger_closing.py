"""Closing findings: an analyst's judgement, kept with who, when and why. Nothing is deleted by it."""

from __future__ import annotations

from collections.abc import Sequence

from lurcher.errors import LurcherError
from lurcher.hunt.answers import as_json
from lurcher.hunt.findings import Finding, Verdict
from lurcher.hunt.ledger import Ledger
from lurcher.hunt.ledger_runs import Recording, digest
from lurcher.hunt.schema import COLUMNS

_MAX_NOTE = 10_000


def judge(ledger: Ledger, numbers: Sequence[int], verdict: Verdict, *, note: str, who: str, at: str) -> list[Finding]:
    """Close findings, or reopen them (`Verdict.REOPENED`): all of them or none. `at` is a time in UTC as text. Raises
    `LurcherError` for a number that is none, or a finding to be reopened that is not closed."""
    if len(note) > _MAX_NOTE or len(who) > 200:
        raise LurcherError("the note is too long" if len(note) > _MAX_NOTE else "the name is too long")
    wanted = list(dict.fromkeys(numbers))
    with ledger.writing("closing") as recording:
        for number in wanted:
            _one(ledger, recording, number, verdict, (note, who, at))
    return [ledger.finding(n) for n in wanted]


def _one(ledger: Ledger, recording: Recording, number: int, verdict: Verdict, said: tuple[str, str, str]) -> None:
    finding = ledger.finding(number)
    if verdict is Verdict.REOPENED and finding.closing is None:
        raise LurcherError(f"finding {number} is not closed", f"lurcher findings {number} shows it", str(ledger.path))
    note, who, at = said
    run = ledger.db.execute("SELECT coalesce(max(id), 0) FROM rule_runs").fetchone()[0]
    id_ = recording.number("closings")
    uid = digest(as_json([finding.rule, as_json(finding.entity), at, verdict.value, note, who]))
    while ledger.db.execute("SELECT 1 FROM closings WHERE uid = ?", (uid,)).fetchone():
        uid = digest(uid)
    recording.put("closings", (id_, uid, number, at, run, verdict.value, note, who, finding.last_seen))
    mark(ledger, recording, number, None if verdict is Verdict.REOPENED else id_)


def mark(ledger: Ledger, recording: Recording, number: int, closing: int | None) -> None:
    """Say in a finding which closing is in force."""
    columns = COLUMNS["found"]
    row = ledger.db.execute(f"SELECT {', '.join(columns)} FROM found WHERE id = ?", (number,)).fetchone()
    found = dict(zip(columns, row, strict=True)) | {"closing": closing, "again": None, "back": 0}
    recording.put("found", tuple(found[c] for c in columns))
