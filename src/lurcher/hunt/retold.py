"""A hunt as the ledger tells it: which rules ran, with which exclusions, and where their findings stood after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lurcher.errors import LurcherError
from lurcher.hunt.answers import Value
from lurcher.hunt.ledger import Ledger


@dataclass(frozen=True)
class ToldExclusion:
    id: str
    in_force: bool
    reason: str
    when: str
    explained: int


@dataclass(frozen=True)
class ToldFinding:
    """A finding as that hunt saw it; `first_seen` and `last_seen` are of all hunts until now."""

    id: int
    state: str
    device: str
    entity: Mapping[str, Value]
    row: Mapping[str, Value]
    first_seen: str
    last_seen: str
    total: int | None
    explained: int
    by: Mapping[str, int]


@dataclass(frozen=True)
class ToldRun:
    rule: str
    name: str
    rule_hash: str
    exclusion_hash: str
    status: str
    reason: str
    window: tuple[str, str]
    evidence: int | None
    explained: int
    findings: tuple[ToldFinding, ...] = ()
    exclusions: tuple[ToldExclusion, ...] = ()


@dataclass(frozen=True)
class ToldHunt:
    number: int
    started: str
    as_of: str
    engine: str
    fingerprint: str
    runs: tuple[ToldRun, ...] = ()


def tell(ledger: Ledger, number: int | None = None) -> ToldHunt:
    """A hunt by its number, the last one where none is given. Raises `LurcherError` where there is none."""
    hunt = head(ledger, number)
    runs = ledger.db.execute(
        "SELECT id, rule, rule_name, rule_hash, exclusion_hash, status, reason, window_low, window_high, evidence_total,"
        " evidence_explained FROM runs WHERE hunt = ? ORDER BY id",
        (hunt.number,),
    ).fetchall()
    return replace(hunt, runs=tuple(_run(ledger, r) for r in runs))


def head(ledger: Ledger, number: int | None = None) -> ToldHunt:
    """The same without its runs."""
    where, values = ("WHERE id = ?", [number]) if number is not None else ("", [])
    row = ledger.db.execute(
        f"SELECT id, started, as_of, engine, data_fingerprint FROM hunts {where} ORDER BY id DESC LIMIT 1", values
    ).fetchone()
    if row is None:
        what = f"there is no hunt {number}" if number is not None else "nothing has been hunted here yet"
        raise LurcherError(what, "lurcher hunt RULE...", str(ledger.path))
    return ToldHunt(row[0], row[1], row[2], row[3], row[4])


def _run(ledger: Ledger, r: tuple[Value, ...]) -> ToldRun:
    number = r[0]
    by: dict[int, dict[str, int]] = {}
    explained: dict[str, int] = {}
    for finding, exclusion, n in ledger.db.execute(
        "SELECT finding, exclusion, explained FROM explanations WHERE run = ? ORDER BY finding, exclusion", (number,)
    ):
        by.setdefault(finding, {})[exclusion] = n
        explained[exclusion] = explained.get(exclusion, 0) + n
    findings = tuple(
        ToldFinding(
            id_, state, device, json.loads(entity), json.loads(text) if text is not None else {}, first, last, total, own,
            by.get(id_, {}),
        )
        for id_, state, device, entity, text, first, last, total, own in ledger.db.execute(
            "SELECT f.id, s.state, f.device, f.entity, w.text, f.first_seen, f.last_seen, s.total, s.explained FROM sightings s"
            " JOIN findings f ON f.id = s.finding LEFT JOIN result_rows w ON w.id = s.result_row WHERE s.run = ?"
            " ORDER BY f.last_seen DESC, f.id",
            (number,),
        )
    )  # fmt: skip
    exclusions = tuple(
        ToldExclusion(id_, bool(in_force), reason, str(json.loads(text)[0]), explained.get(id_, 0))
        for id_, in_force, reason, text in ledger.db.execute(
            "SELECT exclusion, in_force, reason, text FROM run_exclusions WHERE run = ? ORDER BY exclusion", (number,)
        )
    )
    return ToldRun(r[1], r[2], r[3], r[4], r[5], r[6], (r[7], r[8]), r[9], r[10], findings, exclusions)
