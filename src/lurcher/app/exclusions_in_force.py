"""All exclusions of some rules: whether each is in force, what it explains, and what would come back without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from lurcher.app.exclusions import columns_of, verdicts
from lurcher.app.redteam import RedTeam, Trial
from lurcher.app.rules import RuleText, load_rules, named_exclusions
from lurcher.app.session import Session
from lurcher.content.exclusions.rewrite import Settings
from lurcher.content.exclusions.verdicts import Level, Verdict, refusals
from lurcher.content.model import Exclusion, Placed, Rule
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, answer_of
from lurcher.hunt.run import RuleRun, Seen, run_rule

Standing = Literal["in force", "forced", "ended", "refused", "not in force"]
#: Days before its end at which an exclusion is said to end soon.
SOON = timedelta(days=30)


@dataclass(frozen=True)
class ExclusionLine:
    """One exclusion on its rule. Counts are None where there is no data to count in, or the rule did not run. `returns` are the
    result rows that would be shown if it ended today."""

    rule: Rule
    exclusion: Exclusion
    standing: Standing
    reason: str
    verdict: Verdict
    explains: int | None = None
    alone: int | None = None
    returns: tuple[Seen, ...] = ()
    trial: Trial | None = None

    def ends_soon(self, today: date) -> bool:
        e = self.exclusion.expires
        return e is not None and today <= e <= today + SOON

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        e = self.exclusion
        data: dict[str, Any] = {
            "rule": self.rule.key, "rule_name": self.rule.name, "path": e.file.name, "exclusion": e.id, "scenario": e.scenario,
            "when": e.when.strip(), "match": e.match, "devices": list(e.devices), "owner": e.owner, "ticket": e.reason,
            "expires": e.expires.isoformat() if e.expires else None, "standing": self.standing, "why": self.reason,
            "level": self.verdict.level.name.lower().replace("_", " "), "readings": self.verdict.readings,
            "codes": sorted(self.verdict.codes), "explains": self.explains, "alone": self.alone,
            "would_return": [dict(s.row) for s in self.returns],
        }  # fmt: skip
        if self.trial is not None:
            data["red_team"] = {
                "held": self.trial.held, "tried": self.trial.tried, "problem": self.trial.problem,
                "hides": [
                    {"how": h.how, "what": list(h.what), "rows": h.rows, "of": h.total, "expected": h.expected}
                    for h in self.trial.hidden
                ],
            }  # fmt: skip
        return data


@dataclass
class ExclusionsReport:
    """`totals`: rule key -> evidence rows, where they were counted. `not_run`: (rule, reason)."""

    lines: list[ExclusionLine] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    not_run: list[tuple[Rule, str]] = field(default_factory=list)
    loading: list[Placed] = field(default_factory=list)
    rules: int = 0

    @property
    def failed(self) -> list[ExclusionLine]:
        """In force, and hiding what an intruder does."""
        return [
            line for line in self.lines
            if line.standing in ("in force", "forced") and line.trial is not None and line.trial.hides
        ]  # fmt: skip


def exclusions_in_force(
    paths: Sequence[Path | RuleText],
    session: Session,
    *,
    forced: Iterable[str] = (),
    red: bool = False,
) -> ExclusionsReport:
    """The exclusions of the rules in files and folders. Figures are counted in the session's lake, where it has one, as a hunt
    counts them; nothing is written. Raises `LurcherError` for a path that is not there, and where there is no rule."""
    from lurcher.app.rmm import with_packs

    lake = session.tables.lake
    loaded = load_rules(with_packs(paths, lake.path if lake is not None else None))
    if not loaded.rules:
        raise LurcherError(
            "there is no rule here", "name a rule's file or a folder of rules", ", ".join(map(str, paths))
        )
    own = {id(r.file) for r in loaded.rules}
    report = ExclusionsReport(
        rules=len(loaded.rules), loading=[p for p in loaded.diagnostics if id(p.source) not in own]
    )
    report.not_run = [
        (r, next((d.message for d in r.problems if d.is_error), "there is no query"))
        for r in loaded.rules
        if not r.runnable
    ]
    tuned = [r for r in loaded.rules if r.exclusions]
    chosen = named_exclusions(tuned, forced)
    team = RedTeam(loaded.rules, session.now) if red else None
    if team is not None:
        report.loading += team.wrong
    for rule in tuned:
        judged = verdicts(rule, session)
        run = _run(rule, session, judged, chosen)
        if run is not None and run.status != "ok":
            report.not_run.append((rule, run.reason))
        counted = run if run is not None and run.status == "ok" and run.evidence_total is not None else None
        if counted is not None and counted.evidence_total is not None:
            report.totals[rule.key] = counted.evidence_total
        for verdict in judged:
            report.lines.append(
                _line(
                    rule, verdict, run, counted, chosen, team.trial(rule, verdict.exclusion) if team else None, session
                )
            )
    return report


def _run(rule: Rule, session: Session, judged: list[Verdict], forced: frozenset[str]) -> RuleRun | None:
    if session.tables.lake is None or not session.tables.lake.table_names() or not rule.runnable:
        return None

    def ask(kql: str) -> Answer:
        return answer_of(session.run_table(kql))

    return run_rule(rule, ask, columns_of(session), session.now.date(), Settings(forced=forced), refusals(judged))


def _line(
    rule: Rule, verdict: Verdict, run: RuleRun | None, counted: RuleRun | None, forced: frozenset[str], trial: Trial | None,
    session: Session,
) -> ExclusionLine:  # fmt: skip
    e = verdict.exclusion
    standing, reason = _standing(verdict, run, forced, session.now.date())
    if counted is None or standing not in ("in force", "forced"):
        return ExclusionLine(rule, e, standing, reason, verdict, trial=trial)
    explains = sum(s.by.get(e.id, 0) for s in counted.seen)
    alone = sum(s.alone.get(e.id, 0) for s in counted.seen)
    returns = tuple(s for s in counted.seen if not s.shown and s.alone.get(e.id, 0))
    return ExclusionLine(rule, e, standing, reason, verdict, explains, alone, returns, trial)


def _standing(verdict: Verdict, run: RuleRun | None, forced: frozenset[str], today: date) -> tuple[Standing, str]:
    e = verdict.exclusion
    if e.expired(today):
        return "ended", f"it ended on {e.expires}"
    if verdict.level is Level.NOT_IN_FORCE:
        return "not in force", verdict.reason
    if verdict.level >= Level.REFUSED and e.id not in forced:
        return "refused", verdict.reason
    applied = next((a for a in run.applied if a.exclusion is e), None) if run is not None else None
    if applied is not None and not applied.in_force:
        return "not in force", applied.reason
    return ("forced", "") if verdict.level >= Level.REFUSED else ("in force", "")
