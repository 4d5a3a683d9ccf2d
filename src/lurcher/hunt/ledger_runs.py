"""Writing runs: what changed against the runs before. A finding that is as it was costs nothing."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lurcher.hunt.answers import as_json
from lurcher.hunt.baselines import Known, entities_of
from lurcher.hunt.findings import State
from lurcher.hunt.run import EvidenceKey, RuleRun, Seen
from lurcher.hunt.schema import COLUMNS


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True)
class SeenRecord:
    """A result row as a run saw it, as the ledger keeps it. `by`: exclusion -> [rows it explains, rows that nothing else does];
    `keys_hash` tells whether the evidence is the same."""

    entity: str
    device: str
    row: str | None
    shown: bool
    total: int | None
    explained: int
    by: str
    first: str
    last: str
    keys: tuple[EvidenceKey, ...]
    keys_hash: str
    #: Its entities; asked for only where something has changed.
    known: Callable[[], tuple[Known, ...]]


@dataclass(frozen=True)
class RunRecord:
    """A run as the ledger keeps it. `exclusions`: JSON of [id, in force, reason, text]."""

    rule: str
    rule_name: str
    rule_hash: str
    exclusion_hash: str
    exclusions: str
    status: str
    reason: str
    window: tuple[str, str]
    total: int | None
    explained: int
    seen: tuple[SeenRecord, ...]


def record_of(run: RuleRun) -> RunRecord:
    exclusions = [
        [a.exclusion.id, int(a.in_force), a.reason, as_json([a.exclusion.when, a.exclusion.match, a.exclusion.devices])]
        for a in {a.exclusion.id: a for a in run.applied}.values()
    ]
    kinds = _kinds(run)
    return RunRecord(
        run.rule.key, run.rule.name, run.rule_hash, run.exclusion_hash, as_json(exclusions), run.status, run.reason, run.window,
        run.evidence_total, run.evidence_explained, tuple(_seen(s, kinds) for s in run.seen),
    )  # fmt: skip


def _kinds(run: RuleRun) -> Mapping[str, str]:
    return {column: f"{m.entity_type}.{name}" for m in run.rule.entity_mappings for name, column in m.fields}


def _seen(seen: Seen, kinds: Mapping[str, str]) -> SeenRecord:
    by = {e: [n, seen.alone.get(e, 0)] for e, n in sorted(seen.by.items())}
    keys_hash = digest(as_json(sorted((k.device_id, k.timestamp, k.report_id, k.sha1, k.by) for k in seen.keys)))
    return SeenRecord(
        seen.entity, seen.device, as_json(seen.row), seen.shown, seen.total, seen.explained, as_json(by), seen.first, seen.last,
        seen.keys, keys_hash if seen.keys else "", lambda: entities_of(seen, kinds),
    )  # fmt: skip


#: How many columns of a table's beginning make a row the same one.
_KEYS = {"spells": 2, "evidence": 5, "entities": 3, "arrivals": 2}
_FOUND = COLUMNS["found"]
_SPELLS = COLUMNS["spells"]


@dataclass
class Recording:
    """Whole rows to be written, and what was written, by table."""

    db: sqlite3.Connection
    #: (rule, entity) -> number, for a finding that another ledger has numbered.
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    _rows: dict[str, dict[Any, Sequence[Any]]] = field(default_factory=dict)
    #: What the database has not got yet.
    _pending: dict[str, dict[Any, Sequence[Any]]] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)
    #: The first run of this occasion, where hunts before this one belong to it.
    _round: int | None = None

    def put(self, table: str, row: Sequence[Any]) -> None:
        key = tuple(row[: _KEYS.get(table, 1)])
        self._rows.setdefault(table, {})[key] = row
        self._pending.setdefault(table, {})[key] = row

    def rows(self) -> dict[str, list[Sequence[Any]]]:
        return {table: list(rows.values()) for table, rows in self._rows.items()}

    def flush(self) -> None:
        from lurcher.hunt.ledger_records import put

        put(self.db, {table: list(rows.values()) for table, rows in self._pending.items()})
        self._pending = {}

    def number(self, table: str) -> int:
        if table not in self._next:
            self._next[table] = self.db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        self._next[table] += 1
        return self._next[table]

    # --- a hunt ---
    def hunt(
        self,
        said: tuple[str, str, str, str, str],
        runs: Sequence[RunRecord],
        sources: Collection[tuple[str, str]],
        *,
        since: bool = False,
    ) -> int:
        """`said`: uid, started, as_of, engine, data_fingerprint. `since`: it looked at all that came since the one before."""
        hunt = self.number("hunts")
        missed = self._arrived(hunt, sources)
        if since:
            # Hunts that catch up are one occasion: what the first of them found is new until the next occasion.
            self._round = self.db.execute(
                "SELECT min(r.id) FROM rule_runs r JOIN hunts h ON h.id = r.hunt WHERE h.started = ? AND h.missed <> ''",
                (said[1],),
            ).fetchone()[0]
        self.put("hunts", (hunt, *said, as_json(missed) if since else ""))
        for run in runs:
            self._run(hunt, run, said[2], said[3])
            # The same rule may come again.
            self.flush()
        return hunt

    def _arrived(self, hunt: int, sources: Collection[tuple[str, str]]) -> list[list[str]]:
        """Keep which sources were seen for the first time; gives those that earlier hunts saw and this one did not: it had
        begun before they came."""
        known = set(self.db.execute("SELECT tab, digest FROM arrivals").fetchall())
        seen = set(sources)
        for tab, source in sorted(seen - known):
            self.put("arrivals", (tab, source, hunt))
        return [list(pair) for pair in sorted(known - seen)] if seen else []

    def _run(self, hunt: int, run: RunRecord, as_of: str, engine: str) -> None:
        number = self.number("rule_runs")
        rule = self._rule(run.rule)
        version = self._version(run)
        self.put(
            "rule_runs",
            (number, hunt, rule[0], version, run.status, run.reason, *run.window, run.total, run.explained),
        )
        if run.status != "ok":
            # A rule that did not run says nothing of its findings.
            self.put("rules", rule)
            return
        before: int | None = rule[2]
        there = self._there(rule[0])
        seen_now: set[str] = set()
        for seen in run.seen:
            entity = digest(seen.entity)
            if entity not in seen_now:
                seen_now.add(entity)
                self._see((run.rule, rule[0]), number, before, rule[3], seen, entity, there.get(entity), as_of)
        low, high = run.window[0], run.window[1] or as_of
        elsewhere = self._elsewhere(rule[0], engine)
        for entity, (found, spell) in there.items():
            if entity in seen_now:
                continue
            ended = found["last_run"] is None
            if ended:
                self._end(found, spell, before, rule[3])
            # What this run could have seen and did not: its last evidence lies inside of the run's window. An open end of the
            # window is the beginning of time and the moment that the run stands for.
            gone = found["state"] != State.GONE and low <= found["last_seen"] <= high and found["id"] not in elsewhere
            if gone:
                found["state"] = State.GONE.value
                self.put("spells", (found["id"], number, number, State.GONE.value, None, 0, None, "{}", "", "", ""))
            if ended or gone:
                self._put_found(found)
        self.put("rules", (rule[0], rule[1], number, as_of))

    def _elsewhere(self, rule: int, engine: str) -> set[int]:
        """The findings that a hunt elsewhere has seen: a live service says nothing of what the lake has, nor the other way round.
        DuckDB and Spark read the same lake."""
        rows = self.db.execute(
            "SELECT f.id FROM found f JOIN rule_runs r ON r.id = f.spell JOIN hunts h ON h.id = r.hunt"
            " WHERE f.rule = ? AND h.engine <> ? AND NOT (? AND (h.engine = 'duckdb' OR h.engine LIKE 'spark:%'))",
            (rule, engine, engine == "duckdb" or engine.startswith("spark:")),
        )
        return {id_ for (id_,) in rows}

    def _end(self, found: dict[str, Any], spell: dict[str, Any], before: int | None, before_as_of: str) -> None:
        """Close the spell of a finding: the run before was the last that saw it so."""
        spell["last_run"] = before
        self.put("spells", tuple(spell[c] for c in _SPELLS))
        found["last_run"] = before
        if not found["timed"]:
            found["last_seen"] = max(found["last_seen"], before_as_of)

    def _there(self, rule: int) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """The findings of a rule, each with the spell in which it was seen last, by what makes it this finding."""
        rows = self.db.execute(
            f"SELECT {', '.join(f'f.{c}' for c in _FOUND)}, {', '.join(f's.{c}' for c in _SPELLS)}, w.hash"
            " FROM found f JOIN spells s ON s.finding = f.id AND s.first_run = f.spell LEFT JOIN result_rows w"
            " ON w.id = s.result_row WHERE f.rule = ?",
            (rule,),
        ).fetchall()
        width = len(_FOUND)
        result = {}
        for row in rows:
            found = dict(zip(_FOUND, row, strict=False))
            spell = dict(zip((*_SPELLS, "row"), row[width:], strict=True))
            result[found["entity_hash"]] = (found, spell)
        return result

    def _see(
        self, rule: tuple[str, int], run: int, before: int | None, before_as_of: str, seen: SeenRecord, entity: str,
        there: tuple[dict[str, Any], dict[str, Any]] | None, as_of: str,
    ) -> None:  # fmt: skip
        first, last = seen.first or as_of, seen.last or as_of
        if there is None:
            state = State.NEW if seen.shown else State.SUPPRESSED
            found: dict[str, Any] = {
                "id": self.numbers.get((rule[0], entity)) or self.number("found"), "rule": rule[1], "entity_hash": entity,
                "entity": seen.entity, "device": seen.device, "state": state.value, "first_seen": first, "last_seen": last,
                "timed": int(bool(seen.last)), "first_run": run, "last_run": None,
                "first_shown_run": run if seen.shown else None, "spell": run, "closing": None, "again": None, "back": 0,
            }  # fmt: skip
        else:
            found, spell = there
            if not seen.shown:
                state = State.SUPPRESSED
            else:
                shown = found["first_shown_run"]
                fresh = shown is None or (self._round is not None and shown >= self._round)
                state = State.NEW if fresh else State.KNOWN
            same = (
                found["last_run"] is None
                and found["state"] == state
                and found["device"] == seen.device
                and (
                    spell["total"],
                    spell["explained"],
                    spell["explained_by"],
                    spell["keys"],
                    spell["first"],
                    spell["last"],
                )
                == (seen.total, seen.explained, seen.by, seen.keys_hash, seen.first, seen.last)
                and spell["row"] == (digest(seen.row) if seen.row is not None else None)
            )
            if same:
                return
            if found["last_run"] is None:
                self._end(found, spell, before, before_as_of)
            newer = (
                last > found["last_seen"] or spell["keys"] != seen.keys_hash or spell["row"] != digest(seen.row or "")
            )
            if found["closing"] is not None and newer:
                self._again(found, spell, seen, run, last)
            found |= {
                "state": state.value, "device": seen.device, "first_seen": min(found["first_seen"], first),
                "last_seen": max(found["last_seen"], last), "timed": int(bool(seen.last)), "last_run": None, "spell": run,
            }  # fmt: skip
            if found["first_shown_run"] is None and seen.shown:
                found["first_shown_run"] = run
        self._put_found(found)
        self.put(
            "spells",
            (
                found["id"], run, None, state.value, seen.total, seen.explained, self._row(seen.row), seen.by, seen.keys_hash,
                seen.first, seen.last,
            ),
        )  # fmt: skip
        if there is None or there[1]["keys"] != seen.keys_hash:
            self._evidence(found["id"], run, seen.keys)
        for known in seen.known():
            self._entity(known, first, last, run)

    def _put_found(self, found: Mapping[str, Any]) -> None:
        self.put("found", tuple(found[c] for c in _FOUND))

    def _evidence(self, finding: int, run: int, keys: Sequence[EvidenceKey]) -> None:
        there = {
            row[:4]: row[4:]
            for row in self.db.execute(
                "SELECT device_id, timestamp, report_id, sha1, first_run, explained_by FROM evidence WHERE finding = ?",
                (finding,),
            )
        }
        for key in keys:
            same = (key.device_id, key.timestamp, key.report_id, key.sha1)
            by = as_json(key.by)
            known = there.get(same)
            if known is None or known[1] != by:
                self.put("evidence", (finding, *same, known[0] if known is not None else run, by))

    def _again(self, found: dict[str, Any], spell: Mapping[str, Any], seen: SeenRecord, run: int, last: str) -> None:
        """A closed finding has newer evidence. See docs/decisions/0131."""
        closing = self.db.execute(
            "SELECT run, verdict, last_seen FROM closings WHERE id = ?", (found["closing"],)
        ).fetchone()
        if closing is None or not seen.shown:
            return
        closed_run, verdict, closed_last = closing
        known = set(
            self.db.execute(
                "SELECT DISTINCT device_id, sha1 FROM evidence WHERE finding = ? AND first_run <= ?",
                (found["id"], closed_run),
            ).fetchall()
        )
        other = {(k.device_id, k.sha1) for k in seen.keys} - known
        newer = last > closed_last or bool(other)
        if not newer and seen.keys:
            return
        if found["again"] is None:
            found["again"] = run
        if verdict == "true-positive" or other or (not seen.keys and _texts(spell, self.db) != _texts_of(seen.row)):
            found["back"] = 1

    # --- what many rows share ---
    def _entity(self, known: Known, first: str, last: str, run: int) -> None:
        key = (known.kind, known.value, known.device)
        row = (
            self._rows.get("entities", {}).get(key)
            or self.db.execute(
                "SELECT kind, value, device, first_seen, last_seen, first_run FROM entities"
                " WHERE kind = ? AND value = ? AND device = ?",
                key,
            ).fetchone()
        )
        if row is None:
            self.put("entities", (*key, first, last, run))
        elif first < row[3] or last > row[4]:
            self.put("entities", (*key, min(first, row[3]), max(last, row[4]), row[5]))

    def _rule(self, key: str) -> tuple[Any, ...]:
        found = self.db.execute("SELECT id, key, last_ok, last_as_of FROM rules WHERE key = ?", (key,)).fetchone()
        return tuple(found) if found is not None else (self.number("rules"), key, None, "")

    def _version(self, run: RunRecord) -> int:
        said = (run.rule_name, run.rule_hash, run.exclusion_hash, run.exclusions)
        return self._shared("versions", digest(as_json(said)), said)

    def _row(self, text: str | None) -> int | None:
        return None if text is None else self._shared("result_rows", digest(text), (text,))

    def _shared(self, table: str, hash_: str, values: tuple[Any, ...]) -> int:
        cached = self._known.get(f"{table} {hash_}")
        if cached is not None:
            return cached
        row = self.db.execute(f"SELECT id FROM {table} WHERE hash = ?", (hash_,)).fetchone()
        if row is None:
            row = (self.number(table),)
            self.put(table, (row[0], hash_, *values))
        self._known[f"{table} {hash_}"] = row[0]
        return int(row[0])


def _texts(spell: Mapping[str, Any], db: sqlite3.Connection) -> dict[str, str]:
    row = db.execute("SELECT text FROM result_rows WHERE id = ?", (spell["result_row"],)).fetchone()
    return _texts_of(row[0] if row is not None else None)


def _texts_of(row: str | None) -> dict[str, str]:
    """What a result row says beside times and numbers."""
    values = json.loads(row) if row is not None else {}
    return {k: v for k, v in values.items() if isinstance(v, str) and not (v[:2].isdigit() and v.endswith("Z"))}
