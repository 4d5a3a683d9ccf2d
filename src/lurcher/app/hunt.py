"""Run rules over a lake, and keep what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.app.exclusions import columns_of, verdicts
from lurcher.app.packs import Sharing, costs_of_few, release, share, share_texts, unshare
from lurcher.app.rmm import with_packs
from lurcher.app.rules import RuleText, load_rules, named_exclusions
from lurcher.app.seen_data import fingerprint, sources
from lurcher.app.session import Session
from lurcher.content.exclusions.rewrite import Settings
from lurcher.content.exclusions.verdicts import refusals
from lurcher.content.model import Placed, Rule
from lurcher.engines.failures import too_much
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, answer_of
from lurcher.hunt.findings import Finding, State
from lurcher.hunt.ledger import NAME, Ledger
from lurcher.hunt.programs import tool_signers
from lurcher.hunt.run import MAX_KEYS, RuleRun, Seen, run_rule
from lurcher.hunt.triage import MAX_HASHES, Presence, Reason, Subject, asked_of, in_part, presence, reasons, subject
from lurcher.kql.diagnostics import LU010, LU025, LU026, Diagnostic, Refused
from lurcher.lake import Lake
from lurcher.rmm.catalogue import Catalogue

if TYPE_CHECKING:
    from lurcher.app.live import Live
    from lurcher.plan.compile import Compiled

#: Findings of one rule that are looked into for what makes them stand out. Of more, a note says so.
MAX_TRIAGED = 50


@dataclass
class RuleReport:
    """What one rule gave: its run, its findings after it, what makes them stand out (by finding id), and what it misses."""

    run: RuleRun
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[int, list[Reason]] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)

    def in_state(self, *states: State) -> list[Finding]:
        return [f for f in self.findings if f.state in states]

    def note(self, text: str) -> None:
        self.run = replace(self.run, notes=(*self.run.notes, text))


@dataclass
class HuntReport:
    """One hunt. `number` is the ledger's; `now` is what now() meant."""

    number: int
    now: datetime
    rules: list[RuleReport] = field(default_factory=list)
    loading: list[Placed] = field(default_factory=list)
    skipped: tuple[tuple[str, str], ...] = ()
    #: What rules read together; None where they were run one by one. The same of what makes findings stand out.
    sharing: Sharing | None = None
    triage: Sharing | None = None

    @property
    def not_run(self) -> list[RuleReport]:
        return [r for r in self.rules if r.run.status != "ok"]

    @property
    def complete(self) -> bool:
        """Whether every rule ran, and every file that was to be one could be read."""
        return not self.not_run and not any(p.diagnostic.is_error for p in self.loading)


def hunt(
    lake: Lake,
    paths: Sequence[Path | RuleText],
    session: Session,
    *,
    started: datetime,
    forced: Iterable[str] = (),
    triage: bool = True,
    progress: Callable[[int, str], None] | None = None,
    live: Live | None = None,
    policy: Path | None = None,
    only: Callable[[Rule], bool] | None = None,
    since: bool = False,
    sharing: bool = True,
    done: Callable[[RuleRun], None] | None = None,
) -> HuntReport:
    """Run the rules of files, folders and texts with their exclusions; keep runs and findings in the lake's ledger.

    An exclusion that hides too much is applied only where `forced` names it. A rule that does not run is in the report with its
    reason. `only`: which of the rules are run; `since`: it is one of `hunt_since_last`. `sharing`: what several
    rules read of a table is read once (`lurcher.app.packs`); it changes no result. `policy`: sanctioned remote-management
    tools (docs/rmm.md). `progress`: how many rules are done, and what is at work; `done`: each run, as it ends. `live`: ask this
    service instead of the lake; triage, which asks much, is left out then. Raises `LurcherError` for a path that is not there, a
    policy with errors, an exclusion to force that is not there, or a ledger that cannot be written.
    """
    loaded = load_rules(with_packs(paths, lake.path))
    if not loaded.rules:
        errors = "; ".join(p.diagnostic.message for p in loaded.errors)
        raise LurcherError("there is no rule here" + (f": {errors}" if errors else ""), "name a rule's file or a folder of rules",
                           ", ".join(map(str, paths)))  # fmt: skip

    if policy is not None:
        from lurcher.app.rmm_policy import under_policy

        loaded = under_policy(loaded, policy, session.now.date(), lake.path)

    def ask(kql: str) -> Answer:
        return answer_of(session.run_table(kql)) if live is None else live.answer(kql)

    own = {id(r.file) for r in loaded.rules}
    loading = [p for p in loaded.diagnostics if id(p.source) not in own]
    forced = frozenset(forced)
    # A file that cannot be read is told of, and may be the one that has it.
    unread = any(p.diagnostic.is_error for p in loading)
    settings = Settings(forced=forced if unread else named_exclusions(loaded.rules, forced))
    runs: list[RuleRun] = []
    wanted = [r for r in loaded.rules if only is None or only(r)]
    shared = None
    if sharing and live is None and session.elsewhere is None:
        told = None if progress is None else lambda table: progress(0, f"reading {table} for all")
        shared = share(wanted, session, settings=settings, told=told)
    windows: dict[str, tuple[str, str]] = {}
    try:
        for index, rule in enumerate(wanted):
            if progress is not None:
                progress(index, rule.name)
            run = run_one(rule, session, ask, settings, elsewhere=live is not None, windows=windows)
            crowded = shared is not None and run.status == "failed" and too_much().message in run.reason
            if shared is not None and crowded and release(shared, session):
                # What is kept for all took the memory that this rule needs.
                run = run_one(rule, session, ask, settings, windows=windows)
            runs.append(run)
            if done is not None:
                done(run)
        with Ledger.open(lake.path / NAME) as ledger:
            number = ledger.record(
                runs,
                started=started,
                as_of=session.now,
                engine=session.engine_name if live is None else live.name,
                data_fingerprint=fingerprint(lake, session) if live is None else live.fingerprint(),
                sources=sources(lake, session) if live is None else (),
                since=since,
            )
            report = HuntReport(
                number,
                session.now,
                loading=loading,
                skipped=loaded.skipped,
                sharing=shared,
            )
            for run in runs:
                found = ledger.findings(rule=run.rule.key, hunt=number)
                report.rules.append(RuleReport(run, found, drift=drift_of(run.rule, session)))
    finally:
        # A session may outlive a hunt that was broken off.
        if shared is not None:
            unshare(shared, session)
    if triage and live is None:
        report.triage = _triage(report.rules, ask, session, sharing and session.elsewhere is None)
    return report


def run_one(
    rule: Rule,
    session: Session,
    ask: Callable[[str], Answer],
    settings: Settings,
    refused: dict[str, str] | None = None,
    *,
    elsewhere: bool = False,
    windows: dict[str, tuple[str, str]] | None = None,
) -> RuleRun:
    """A rule whose query does not stand is refused with the place in its file: what runs is made of its text, and would name
    another. `refused`: the exclusions that hide too much, where they are known already.
    `elsewhere`: a service runs it, and says itself what does not stand. `windows`: see `run_rule`."""
    try:
        return _run_one(rule, session, ask, settings, refused, elsewhere, windows)
    except Refused as refusal:
        return RuleRun(rule, "refused", _reason(refusal))
    except LurcherError as problem:
        # To be understood took it too long, or a table of it cannot be read: the other rules have other texts.
        return RuleRun(rule, "failed", _reason(problem))


def _run_one(
    rule: Rule,
    session: Session,
    ask: Callable[[str], Answer],
    settings: Settings,
    refused: dict[str, str] | None,
    elsewhere: bool,
    windows: dict[str, tuple[str, str]] | None,
) -> RuleRun:
    local: tuple[str, ...] = ()
    if rule.runnable and not elsewhere:
        compiled = session.compile(rule.query_source)
        said = compiled.diagnostics
        wrong = [d for d in said if d.is_error]
        if wrong:
            return RuleRun(rule, "refused", "; ".join(_placed(d, rule) for d in wrong))
        local = tuple(_placed(d, rule) for d in said if d.code in _LOCAL) + _unseen(session, compiled)
    refused = refusals(verdicts(rule, session)) if refused is None else refused
    run = run_rule(rule, ask, columns_of(session), session.now.date(), settings, refused, windows)
    return replace(run, notes=(*run.notes, *local)) if local else run


def _reason(problem: LurcherError | Refused) -> str:
    if isinstance(problem, LurcherError):
        return problem.message + (f" ({problem.hint})" if problem.hint else "")
    first = next((d for d in problem.diagnostics if d.is_error), problem.diagnostics[0])
    return f"{_sentence(first)} [{first.code}]"


def _unseen(session: Session, compiled: Compiled) -> tuple[str, ...]:
    """Of a rule that asks for what the lake does not have: that it finds nothing there says nothing."""
    from lurcher.app.query import has_rows, tables_of

    if session.tables.lake is None:
        return ()
    missing = [n for n in tables_of(compiled) if not has_rows(session.tables, n)]
    return (
        (f"there are no data for {', '.join(missing)}: what is not found there was not looked for",) if missing else ()
    )


#: What a rule is told of rows that are not the service's: computed here, or null.
_LOCAL = frozenset({LU010.code, LU025.code, LU026.code})


def _placed(diagnostic: Diagnostic, rule: Rule) -> str:
    line, column = rule.query_source.position(min(diagnostic.span.start, len(rule.query_source.text)))
    return f"line {line}, column {column}: {_sentence(diagnostic)} [{diagnostic.code}]"


def _triage(
    rules: Sequence[RuleReport], ask: Callable[[str], Answer], session: Session, sharing: bool
) -> Sharing | None:
    """What makes the findings of a hunt stand out. They ask for the rows of a few files again and again: these are read once, and
    what most findings have nothing of is asked for all of them at once."""
    from lurcher.hunt.answers import as_json

    signers = tool_signers(Catalogue.load())
    lake = session.tables.lake
    tables = frozenset((*lake.table_names(), *session.tables.cluster)) if lake is not None else frozenset()
    known: dict[str, object] = {}
    wanted: list[tuple[RuleReport, dict[int, tuple[Seen, Subject]]]] = []
    for one in rules:
        by_entity = {seen.entity: seen for seen in one.run.seen} if one.run.status == "ok" else {}
        here: dict[int, tuple[Seen, Subject]] = {}
        # What is new first: what is known has been told of before.
        for finding in (*one.in_state(State.NEW), *one.in_state(State.KNOWN)) if by_entity else ():
            seen = by_entity.get(as_json(finding.entity))
            if seen is None:
                continue
            if len(here) == MAX_TRIAGED:
                left = len(one.in_state(State.NEW, State.KNOWN)) - len(here)
                one.note(
                    f"what makes them stand out was looked for of {MAX_TRIAGED} findings, not of the other {left:,}"
                )
                break
            here[finding.id] = seen, subject(seen, session.now, tables, signers, known)
        if some := sum(in_part(seen) for seen, _ in here.values()):
            one.note(
                f"what makes {some} of its findings stand out was looked for in a part of their evidence: at most"
                f" {MAX_HASHES} files and {MAX_KEYS:,} rows of each"
            )
        wanted.append((one, here))
    shared = None
    if sharing and sum(len(here) for _, here in wanted) >= _WORTH_SHARING:
        texts = [
            (one.run.rule.key, text) for one, here in wanted if here for text in asked_of([s for _, s in here.values()])
        ]
        shared = share_texts(texts, session, costs_of_few())
    present: Presence | None = None
    try:
        if shared is not None:
            with suppress(LurcherError, Refused):
                present = presence([about for _, here in wanted for _, about in here.values()], ask)
        for one, here in wanted:
            for number, (seen, about) in here.items():
                try:
                    one.reasons[number] = reasons(seen, ask, about, present)
                except (LurcherError, Refused) as problem:
                    # Of a finding less is known then; that it was found stands.
                    one.note(
                        f"what makes its findings stand out was not looked for from {number} on: {_reason(problem)}"
                    )
                    break
    finally:
        if shared is not None:
            unshare(shared, session)
    return shared


#: Findings whose rows are worth to be read beforehand.
_WORTH_SHARING = 3


def drift_of(rule: Rule, session: Session) -> list[str]:
    """The signers that a rule misses, as `check` says it; with a hint behind each."""
    from lurcher.app.check import compiler
    from lurcher.app.rmm import own_catalogue
    from lurcher.content.checks.registry import Context
    from lurcher.rmm.drift import catalogue_from, misses

    context = Context(rule, session.now.date(), compiler(session))
    lake = session.tables.lake
    with catalogue_from(own_catalogue(lake.path if lake is not None else None)):
        try:
            return [_sentence(placed.diagnostic) for placed in misses(context)]
        except LurcherError:
            # It takes too long to be understood, as its run says.
            return []


def _sentence(diagnostic: Diagnostic) -> str:
    return diagnostic.message + (f" ({diagnostic.hint})" if diagnostic.hint else "")
