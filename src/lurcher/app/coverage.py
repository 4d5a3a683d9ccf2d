"""What rules, and the findings of a lake, cover of ATT&CK."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lurcher.app.rules import load_rules
from lurcher.app.session import Session
from lurcher.content import attack
from lurcher.content.model import Rule
from lurcher.errors import LurcherError
from lurcher.lake import Lake
from lurcher.report.coverage import CoverageDocument, CoveredTechnique, TacticLine


def coverage(paths: Sequence[Path], session: Session, lake: Lake | None = None) -> CoverageDocument:
    """The coverage by the rules in files and folders; with a lake, their findings (new and known) are counted too. Raises
    `LurcherError` where there is no rule."""
    from lurcher.app.rmm import with_packs

    loaded = load_rules(with_packs(paths, lake.path if lake is not None else None))
    if not loaded.rules:
        raise LurcherError(
            "there is no rule here", "name a rule's file or a folder of rules", ", ".join(map(str, paths))
        )
    own = {id(r.file) for r in loaded.rules}
    unread = tuple((p.source.name, p.diagnostic.message) for p in loaded.errors if id(p.source) not in own)
    found = coverage_of(loaded.rules, session, findings_of(lake) if lake is not None else None)
    return replace(found, unread=tuple(dict.fromkeys(unread)))


def findings_of(lake: Lake) -> Counter[str]:
    """Rule key -> its findings that are shown today."""
    from lurcher.app.findings import findings
    from lurcher.hunt.findings import State

    return Counter(f.rule for f in findings(lake, {State.NEW, State.KNOWN}))


def coverage_of(rules: Iterable[Rule], session: Session, findings: Mapping[str, int] | None = None) -> CoverageDocument:
    """The same for rules that are loaded. A rule whose query does not stand covers nothing."""
    by: dict[tuple[str, str], list[str]] = {}
    found: Counter[tuple[str, str]] = Counter()
    named: dict[str, set[str]] = {}
    tactic_findings: Counter[str] = Counter()
    moved: dict[str, tuple[str, str, str]] = {}
    unknown: dict[str, None] = {}
    untagged: list[str] = []
    not_counted: list[tuple[str, str]] = []
    count, of_others = 0, sum((findings or {}).values())
    for rule in rules:
        name = rule.name or rule.path
        count += 1
        own = (findings or {}).get(rule.key, 0)
        of_others -= own
        why = _does_not_stand(rule, session)
        if why:
            not_counted.append((name, why))
            continue
        tactics = {t for t in map(attack.tactic, rule.tactics) if t}
        places: set[tuple[str, str]] = set()
        for written in dict.fromkeys(rule.techniques):
            row = attack.today(written)
            if row is None:
                unknown.setdefault(written)
                continue
            if row.id != written.strip().upper():
                moved[written] = (written, row.id, row.name)
            # The tactics that the rule means; all that the technique serves where it names none of them.
            places |= {(t, row.id) for t in (tactics & set(row.tactics) or row.tactics)}
        if not places:
            untagged.append(name)
        for place in places:
            by.setdefault(place, []).append(name)
            found[place] += own
        for tactic in tactics | {t for t, _ in places}:
            named.setdefault(tactic, set()).add(rule.key)
            tactic_findings[tactic] += own
    asked = findings is not None
    techniques = tuple(
        CoveredTechnique(
            tactic, id_, attack.full_name(id_), tuple(sorted(by[tactic, id_])), found[tactic, id_] if asked else None
        )
        for tactic, id_ in sorted(by, key=lambda place: (attack.ORDER.index(place[0]), place[1]))
    )
    covered = {(t, id_.partition(".")[0]) for t, id_ in by}
    lines = []
    for tactic in attack.ORDER:
        every = [row for row in attack.techniques() if tactic in row.tactics and "." not in row.id]
        missing = tuple((row.id, row.name) for row in every if (tactic, row.id) not in covered)
        lines.append(
            TacticLine(
                tactic,
                len(every) - len(missing),
                len(every),
                len(named.get(tactic, ())),
                tactic_findings[tactic] if asked else None,
                missing,
            )
        )
    return CoverageDocument(
        attack.VERSION, count, tuple(lines), techniques, tuple(moved.values()), tuple(unknown), tuple(untagged),
        tuple(not_counted), of_others if asked else 0,
    )  # fmt: skip


def _does_not_stand(rule: Rule, session: Session) -> str:
    """Why a rule finds nothing anywhere; "" where it runs, here or on the service."""
    from lurcher.content.checking import may_be_silenced

    blocking = [d for d in rule.problems if d.is_error]
    if not rule.runnable:
        return blocking[0].message if blocking else "there is no query"
    wrong = [d for d in session.compile(rule.query_source).diagnostics if d.is_error and not may_be_silenced(d)]
    return wrong[0].message if wrong else ""
