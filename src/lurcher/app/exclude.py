"""Exclusions out of a finding: what its evidence has in common, narrowest first, each measured before it is proposed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from lurcher.app.exclusions import columns_of
from lurcher.app.redteam import RedTeam, Trial
from lurcher.app.rules import load_rules
from lurcher.app.session import Session
from lurcher.content.exclusionfiles import with_exclusion
from lurcher.content.exclusions.candidates import Proposal, proposals
from lurcher.content.exclusions.context import CERTIFICATES, PROCESSES, ColumnsOf, carried, event_fields
from lurcher.content.exclusions.rewrite import Settings
from lurcher.content.exclusions.verdicts import Level, Verdict, judge_all, refusals
from lurcher.content.loading import load_exclusions, sidecar_of
from lurcher.content.model import Exclusion, Placed, Rule
from lurcher.content.values import slug
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, answer_of, as_json
from lurcher.hunt.findings import Finding
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.hunt.programs import CataloguePrograms
from lurcher.hunt.run import EvidenceKey, RuleRun, Seen, run_rule
from lurcher.kql.formatter.words import string
from lurcher.kql.source import Source
from lurcher.lake import Lake
from lurcher.report.whole import whole_file
from lurcher.rmm.catalogue import Catalogue

#: An exclusion that nobody gave an end to has this one.
DAYS = 90
#: Values that are looked up of one field, and keys that evidence is found by.
MAX_VALUES, MAX_KEYS = 50, 500
_ID = "proposed"


@dataclass(frozen=True)
class Proposed:
    """A proposal with what it costs: evidence rows that it explains, other findings that it would hide, what is said of its text,
    and what the red team made of it."""

    proposal: Proposal
    exclusion: Exclusion
    explains: int
    total: int
    others: tuple[Seen, ...]
    verdict: Verdict
    trial: Trial


@dataclass(frozen=True)
class ExcludeReport:
    """`tried` counts the proposals that were measured; those of `proposals` explain the finding whole. `wrong`: what is wrong with
    the rule's tests."""

    finding: Finding
    rule: Rule
    proposals: tuple[Proposed, ...]
    tried: int
    facts: dict[str, list[str]]
    wrong: tuple[Placed, ...] = ()


def exclude(lake: Lake, number: int, rules: Sequence[Path], session: Session) -> ExcludeReport:
    """Proposals for a finding of the ledger. `rules` are where its rule is found. Raises `LurcherError` where the finding or its
    rule is not there, or the data of the session do not show it."""
    with Ledger.open(lake.path / NAME) as ledger:
        finding = ledger.finding(number)
    rule = _rule_of(finding, rules, lake)
    catalogue = CataloguePrograms(Catalogue.load())
    columns = columns_of(session)

    def ask(kql: str) -> Answer:
        return answer_of(session.run_table(kql))

    def run(one: Rule, forced: Iterable[str] = ()) -> RuleRun:
        refused = refusals(judge_all(rule, columns, catalogue))
        return run_rule(one, ask, columns, session.now.date(), Settings(forced=frozenset(forced)), refused)

    base = run(rule)
    if base.status != "ok":
        raise LurcherError(f"the rule does not run: {base.reason}", "", rule.path)
    entity = as_json(finding.entity)
    seen = next((s for s in base.seen if s.entity == entity), None)
    if seen is None:
        raise LurcherError(
            f"the rule does not give finding {number} in this data at {session.now:%Y-%m-%d %H:%M}",
            "name the time at which it did: --as-of",
            rule.path,
        )
    if not seen.shown:
        by = ", ".join(seen.by)
        raise LurcherError(
            f"finding {number} is explained already, by {by}" if by else f"finding {number} is not shown"
        )
    if base.rewritten is None or base.rewritten.split is None or not base.rewritten.split.table:
        why = (
            base.rewritten.why
            if base.rewritten is not None and base.rewritten.why
            else "its evidence has no table of its own"
        )
        raise LurcherError(f"no exclusion can be applied to this rule: {why}", "", rule.path)
    table = base.rewritten.split.table
    subject = "file" if table == CERTIFICATES else "process"
    facts = facts_of(table, subject, seen.keys, base.rewritten.time_column, ask, columns)
    shown = {s.entity for s in base.seen if s.shown}
    found: list[Proposed] = []
    team = RedTeam([rule], session.now)
    tried = 0
    for proposal in proposals(facts, subject):
        tried += 1
        exclusion = _exclusion(proposal, _ID)
        tuned = replace(rule, exclusions=(*rule.exclusions, exclusion))
        tested = run(tuned, [_ID])
        after = {s.entity: s for s in tested.seen}
        if tested.status != "ok" or entity not in after or after[entity].shown:
            continue
        others = tuple(s for s in tested.seen if s.entity in shown and not s.shown and s.entity != entity)
        alone = replace(rule, exclusions=(exclusion,))
        verdict = judge_all(alone, columns, catalogue)[0]
        if verdict.level >= Level.REFUSED:
            continue
        explains = sum(s.by.get(_ID, 0) for s in tested.seen)
        found.append(
            Proposed(
                proposal, exclusion, explains, tested.evidence_total or 0, others, verdict, team.trial(alone, exclusion)
            )
        )
    found.sort(key=lambda p: (p.trial.hides, p.explains, len(p.others)))
    return ExcludeReport(finding, rule, tuple(found), tried, facts, team.wrong)


def _rule_of(finding: Finding, rules: Sequence[Path], lake: Lake) -> Rule:
    from lurcher.app.rmm import with_packs

    found = [r for r in load_rules(with_packs(rules, lake.path)).rules if r.key == finding.rule]
    if not found:
        raise LurcherError(
            f"the rule of finding {finding.id} is not here: {finding.rule_name} ({finding.rule})",
            "name its file: --rule FILE", ", ".join(map(str, rules)),
        )  # fmt: skip
    return found[0]


def facts_of(
    table: str,
    subject: str,
    keys: Sequence[EvidenceKey],
    time_column: str,
    ask: Callable[[str], Answer],
    columns: ColumnsOf,
) -> dict[str, list[str]]:
    """Context field -> the distinct values that the evidence, and what is known beside it, has."""
    have = columns(table) or frozenset()
    devices, hashes = _distinct(k.device_id for k in keys), _distinct(k.sha1 for k in keys)
    where = [_in("DeviceId", devices), _in("SHA1", hashes)]
    where += [f"tostring(ReportId) in ({_list(reports)})"] if (reports := _distinct(k.report_id for k in keys)) else []
    times = _distinct(k.timestamp for k in keys)
    if times and time_column in have:
        where.append(f"{time_column} between (datetime({min(times)}) .. datetime({max(times)}))")
    facts = _values(table, [w for w in where if w], carried(table, have), ask)
    if table == CERTIFICATES and hashes:
        for events in (PROCESSES, "DeviceImageLoadEvents"):
            fields = {f: c for f, c in event_fields(events, columns(events) or frozenset()).items() if f not in facts}
            here = _values(events, [w for w in (_in("DeviceId", devices), _in("SHA1", hashes)) if w], fields, ask)
            facts |= {f: v for f, v in here.items() if v}
    own = facts.get(f"{subject}.hash.sha1", [])
    signer = f"{subject}.signer"
    if signer not in facts and own:
        facts |= _values(CERTIFICATES, [_in("SHA1", own)], {signer: "Signer"}, ask)
    if devices:
        latest = (
            f"DeviceInfo | where {_in('DeviceId', devices)} | summarize arg_max(Timestamp, MachineGroup) by DeviceId"
        )
        facts |= _values(latest, [], {"device.group": "MachineGroup"}, ask)
    return facts


def _values(
    source: str, where: Sequence[str], fields: dict[str, str], ask: Callable[[str], Answer]
) -> dict[str, list[str]]:
    if not fields:
        return {}
    sets = ", ".join(f"v{n} = make_set(tostring({c}), {MAX_VALUES})" for n, c in enumerate(fields.values()))
    answer = ask(f"{source}" + (f" | where {' and '.join(where)}" if where else "") + f" | summarize {sets}")
    (row,) = answer.rows
    return {field: sorted(json.loads(row[answer.columns.index(f"v{n}")] or "[]")) for n, field in enumerate(fields)}


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(v for v in values if v))[:MAX_KEYS]


def _list(values: Sequence[str]) -> str:
    return ", ".join(string(v) for v in values)


def _in(column: str, values: Sequence[str]) -> str:
    return f"{column} in ({_list(values)})" if values else ""


def _exclusion(proposal: Proposal, id_: str) -> Exclusion:
    return Exclusion(
        id_, proposal.rests_on, "", proposal.when, Source(proposal.when, "<proposal>"), devices=proposal.devices
    )


def write(
    report: ExcludeReport, number: int, *, scenario: str, owner: str, reason: str, expires: date | None, today: date
) -> tuple[Path, Exclusion]:
    """Add proposal `number` (from 1) to the file of exclusions beside the rule. Raises `LurcherError` where there is no such
    proposal or the file cannot take it; it is then as it was."""
    if not 1 <= number <= len(report.proposals):
        raise LurcherError(f"there is no proposal {number}", f"there are {len(report.proposals)}")
    chosen = report.proposals[number - 1]
    taken = {e.id for e in report.rule.exclusions}
    base = id_ = slug(scenario)
    count = 1
    while id_ in taken:
        count += 1
        id_ = f"{base}-{count}"
    exclusion = replace(
        _exclusion(chosen.proposal, id_),
        scenario=scenario, description=f"Made from finding {report.finding.id}. Rests on: {chosen.proposal.rests_on}.",
        owner=owner, reason=reason, expires=expires or today + timedelta(days=DAYS),
    )  # fmt: skip
    path = sidecar_of(Path(report.rule.path))
    other = path.with_suffix(".yml")
    if not path.is_file() and other.is_file():
        path = other
    try:
        # Line ends stay as they are.
        before = path.read_bytes().decode("utf-8") if path.is_file() else ""
    except UnicodeDecodeError:
        raise LurcherError("is not UTF-8", "save it as UTF-8 first", str(path)) from None
    except OSError as problem:
        raise LurcherError(f"cannot be read: {problem.strerror or problem}", "", str(path)) from None
    text = with_exclusion(before, exclusion)
    if text is None:
        raise LurcherError(
            "its list of exclusions cannot be added to", f"add by hand: when: {exclusion.when}", str(path)
        )
    old = load_exclusions(path)[0] if before else ()
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="")
            new, said = load_exclusions(partial)
            same = [(e.id, e.when.strip(), e.devices, e.expires) for e in new[:-1]] == [
                (e.id, e.when.strip(), e.devices, e.expires) for e in old
            ]
            if not (same and new and new[-1].when.strip() == exclusion.when) or any(
                p.diagnostic.is_error for p in said
            ):
                raise LurcherError(
                    "its list of exclusions cannot be added to", f"add by hand: when: {exclusion.when}", str(path)
                )
    except OSError as problem:
        raise LurcherError(
            f"cannot be written: {problem.strerror or problem}", "is the folder yours?", str(path)
        ) from None
    return path, exclusion
