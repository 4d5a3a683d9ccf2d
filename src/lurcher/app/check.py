"""What is wrong with rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lurcher.app.rules import RuleText, load_place
from lurcher.app.session import Session
from lurcher.content.checking import Problem, check_rules
from lurcher.content.checks.registry import Compile, Compiled
from lurcher.content.model import Exclusion, Placed, Rule
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Diagnostic, Refused, Severity
from lurcher.kql.source import Source, Span
from lurcher.report.whole import whole_file


@dataclass
class CheckReport:
    """`loading`: what kept a file from becoming a rule. `fixed`: files that were written."""

    rules: tuple[Rule, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    loading: list[Placed] = field(default_factory=list)
    skipped: tuple[tuple[str, str], ...] = ()
    fixed: list[str] = field(default_factory=list)

    def count(self, severity: Severity) -> int:
        """Problems that count: those of files that became no rule among them, silenced ones not."""
        return sum(p.diagnostic.severity is severity for p in self.loading) + sum(
            p.severity is severity and not p.silenced for p in self.problems
        )

    @property
    def exit_code(self) -> int:
        from lurcher.content.checking import exit_code

        return 1 if any(p.diagnostic.is_error for p in self.loading) else exit_code(self.problems)


def compiler(session: Session) -> Compile:
    """The compiler as checks see it."""
    from lurcher.app.query import tables_of

    def compile_(source: Source) -> Compiled:
        compiled = session.compile(source)
        failed = any(d.is_error for d in compiled.diagnostics)
        columns = compiled.queries[0].columns if compiled.queries and not failed else None
        return Compiled(compiled.diagnostics, columns, () if failed else tables_of(compiled), compiled.script)

    return compile_


def check(paths: Sequence[Path | RuleText], session: Session, *, fix: bool = False) -> CheckReport:
    """All problems of the rules in files, folders and texts. With `fix`, repairs are written to the files first.

    Raises `LurcherError` for a path that is not there, and where there is no rule at all.
    """
    import lurcher.rmm.drift  # noqa: F401 (declares its checks)
    from lurcher.content.loading import write_fixed

    fixed: list[str] = []
    rules: dict[str, Rule] = {}
    loading: list[Placed] = []
    skipped: list[tuple[str, str]] = []
    for path in paths:
        loaded = load_place(path)
        if fix and isinstance(path, Path):
            for rule in loaded.rules:
                content = write_fixed(rule)
                if content != rule.original:
                    with whole_file(Path(rule.path)) as partial:
                        partial.write_bytes(content)
                    fixed.append(rule.path)
            if fixed:
                loaded = load_place(path)
        loading += [p for p in loaded.diagnostics if not any(p.source is r.file for r in loaded.rules)]
        skipped += loaded.skipped
        rules |= {rule.path + rule.key: rule for rule in loaded.rules}
    if not rules and not loading:
        raise LurcherError(
            "there is no rule here", "name a rule's file or a folder of rules", ", ".join(map(str, paths))
        )
    problems = list(check_rules(rules.values(), today=session.now.date(), compile=compiler(session)))
    for rule in rules.values():
        problems += exclusion_problems(rule, session)
    return CheckReport(tuple(rules.values()), problems, loading, tuple(skipped), fixed)


def exclusion_problems(rule: Rule, session: Session) -> list[Problem]:
    """What the rule's exclusions cost: from their text, and, where there is a lake, counted in its data."""
    from lurcher.app.exclusions import verdicts

    problems = []
    lake = session.tables.lake
    # Where the query does not stand its own diagnostics say so, and there is nothing to count.
    counts = lake is not None and lake.table_names() and rule.runnable and not _has_errors(rule, session)
    for verdict in verdicts(rule, session):
        said = list(verdict.diagnostics)
        if counts:
            said += _counted(rule, verdict.exclusion, session)
        problems += [Problem(rule, Placed(d, verdict.source)) for d in dict.fromkeys(said)]
    return problems


def _has_errors(rule: Rule, session: Session) -> bool:
    return any(d.is_error for d in session.compile(rule.query_source).diagnostics)


def _counted(rule: Rule, exclusion: Exclusion, session: Session) -> tuple[Diagnostic, ...]:
    """The exclusion's figures in the data of the lake, or why there are none."""
    from lurcher.app.exclusions import columns_of
    from lurcher.content.exclusions.codes import NOT_COUNTED
    from lurcher.content.exclusions.measures import measure
    from lurcher.hunt.answers import answer_of

    def rows(kql: str) -> Sequence[Sequence[object]]:
        return answer_of(session.run_table(kql)).rows

    try:
        found = measure(rule, exclusion, rows, columns_of(session), session.now.date())
    except (Refused, LurcherError) as problem:
        why = problem.message if isinstance(problem, LurcherError) else problem.diagnostics[0].message
        scenario = exclusion.scenario or exclusion.id
        return (NOT_COUNTED.at(Span(0, len(exclusion.when)), scenario=scenario, why=why),)
    return found.diagnostics if found is not None else ()
