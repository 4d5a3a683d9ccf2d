"""What is wrong with rules: a few of them here, thousands in several processes.

| stage | where |
|---|---|
| `files_of`: what is to be looked at, in order | this process |
| `_part`: load, mend, check; give rows | a worker, a part of the files at a time |
| `_twice`: ids that two rules have | this process, from the rows |
| `lurcher.app.checked`: what a baseline has already; JSON, SARIF, annotations | this process |

Rows are all that is kept, so that a folder of any size is checked in the memory of its problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from lurcher.app.rules import RuleText, load_place
from lurcher.app.session import Session
from lurcher.collect import workers
from lurcher.content.checking import Problem, Silences, check_rule, silences_of
from lurcher.content.checks.metadata import ID_TWICE, shown_others
from lurcher.content.checks.registry import Compile, Compiled
from lurcher.content.model import Exclusion, Loaded, Placed, Rule
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Diagnostic, Refused, Severity
from lurcher.kql.source import Source, Span
from lurcher.report.problems import ProblemRow, at_least, fitted

#: Fewer files than this are checked in this process: workers take half a second to come up.
FEW = 150
#: How much of a source line is kept, in characters.
LONGEST = 1000
#: How many files a worker takes at a time.
PART = 40


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule that was checked. `place` is that of its id, as a row of `LU203` that wants its message."""

    path: str
    key: str
    id: str
    name: str
    runs: bool
    place: ProblemRow


@dataclass
class CheckReport:
    """`rules` and `problems` in the order of the files. `loading`: what kept a file from becoming a rule. `fixed`: files that were
    written. `fail_on`: the mildest severity that fails the run. `known`: problems that a baseline has already."""

    rules: tuple[RuleRow, ...] = ()
    problems: list[ProblemRow] = field(default_factory=list)
    loading: list[ProblemRow] = field(default_factory=list)
    skipped: tuple[tuple[str, str], ...] = ()
    fixed: list[str] = field(default_factory=list)
    files: tuple[str, ...] = ()
    fail_on: Severity = Severity.WARNING

    @property
    def rows(self) -> list[ProblemRow]:
        """All of them, those of files that became no rule first."""
        return [*self.loading, *self.problems]

    def count(self, severity: Severity) -> int:
        """Problems that count: those of files that became no rule among them, silenced and known ones not."""
        return sum(row.severity is severity and row.counts for row in self.rows)

    @property
    def silenced(self) -> int:
        return sum(bool(row.silenced) for row in self.rows)

    @property
    def known(self) -> int:
        return sum(row.state == "unchanged" and not row.silenced for row in self.rows)

    @property
    def exit_code(self) -> int:
        return int(any(row.counts and at_least(row.severity, self.fail_on) for row in self.rows))


def compiler(session: Session) -> Compile:
    """The compiler as checks see it."""
    from lurcher.app.query import tables_of

    def compile_(source: Source) -> Compiled:
        compiled = session.compile(source)
        failed = any(d.is_error for d in compiled.diagnostics)
        columns = compiled.queries[0].columns if compiled.queries and not failed else None
        return Compiled(compiled.diagnostics, columns, () if failed else tables_of(compiled), compiled.script)

    return compile_


def check(
    paths: Sequence[Path | RuleText],
    session: Session,
    *,
    fix: bool = False,
    jobs: int = 1,
    fail_on: Severity = Severity.WARNING,
    skip_others: bool = False,
) -> CheckReport:
    """All problems of the rules in files, folders and texts. With `fix`, repairs are written to the files first. With more than
    one of `jobs`, many files are checked in so many processes; the session must then be one without files of its own. With
    `skip_others`, named files that are no rules are passed over, as those of folders are.

    Raises `LurcherError` for a path that is not there, and where there is no rule at all.
    """
    import lurcher.rmm.drift  # noqa: F401 (declares its checks)
    from lurcher.app.rmm import with_packs
    from lurcher.content.loading import rule_files

    places: list[tuple[Path | RuleText, bool]] = []
    unread: list[Placed] = []
    for path in with_packs(paths, _lake_of(session)):
        if isinstance(path, Path) and path.is_dir():
            places += [(file, True) for file in rule_files(path, unread)]
        else:
            places.append((path, skip_others))
    places = list(dict.fromkeys(places))
    parts = [places[i : i + PART] for i in range(0, len(places), PART)]
    results: Iterable[_Result]
    if jobs > 1 and len(places) >= FEW:
        results = _in_processes(parts, session, fix, jobs)
    else:
        results = (_part(part, session, fix) for part in parts)
    report = CheckReport(files=tuple(str(p) for p, _ in places), fail_on=fail_on)
    report.loading += [row_of(p) for p in unread]
    rules: list[RuleRow] = []
    skipped: list[tuple[str, str]] = []
    for result in results:
        rules += result.rules
        report.problems += result.problems
        report.loading += result.loading
        skipped += result.skipped
        report.fixed += result.fixed
    if not rules and not report.loading and not skip_others:
        raise LurcherError(
            "there is no rule here", "name a rule's file or a folder of rules", ", ".join(map(str, paths))
        )
    report.rules, report.skipped = tuple(rules), tuple(skipped)
    report.problems = _merged(report.problems, list(_twice(rules)))
    return report


def _merged(rows: list[ProblemRow], more: Iterable[ProblemRow]) -> list[ProblemRow]:
    """Rows with others put before the first row of their file; those of files without a row at the end."""
    left: dict[str, list[ProblemRow]] = {}
    for row in more:
        left.setdefault(row.file, []).append(row)
    merged: list[ProblemRow] = []
    for row in rows:
        merged += left.pop(row.file, [])
        merged.append(row)
    return merged + [row for remaining in left.values() for row in remaining]


# --- one part ---
@dataclass
class _Result:
    rules: list[RuleRow] = field(default_factory=list)
    problems: list[ProblemRow] = field(default_factory=list)
    loading: list[ProblemRow] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)


def _lake_of(session: Session) -> Path | None:
    return session.tables.lake.path if session.tables.lake is not None else None


def _part(places: Sequence[tuple[Path | RuleText, bool]], session: Session, fix: bool) -> _Result:
    result = _Result()
    for place, found in places:
        loaded = _loaded(place, found)
        if fix and isinstance(place, Path) and _write(place, loaded, result):
            loaded = _loaded(place, found)
        mine = [r.file for r in loaded.rules]
        result.loading += [row_of(p) for p in loaded.diagnostics if not any(p.source is file for file in mine)]
        result.skipped += loaded.skipped
        for rule in loaded.rules:
            rows = _checked(rule, session)
            result.problems += rows
            result.rules.append(_rule_row(rule, rows))
    return result


def _loaded(place: Path | RuleText, found: bool) -> Loaded:
    """`found`: the file was found in a folder, where much is no rule. One that a user named is read in any case."""
    from lurcher.content.loading import load_files

    return load_files([place]) if found and isinstance(place, Path) else load_place(place)


def _write(path: Path, loaded: Loaded, result: _Result) -> bool:
    """Write the repairs of a file; whether it was changed. Repairs that do not give the same rule back are told, not written."""
    from lurcher.content.checking import NOT_MENDED
    from lurcher.content.loading import write_fixed
    from lurcher.report.whole import whole_file

    for rule in loaded.rules[:1]:
        try:
            content = write_fixed(rule)
        except LurcherError as error:
            result.loading.append(row_of(Placed(NOT_MENDED.at(Span(0, 0), why=error.message), rule.file)))
            return False
        if content != rule.original:
            with whole_file(path) as partial:
                partial.write_bytes(content)
            result.fixed.append(rule.path)
            return True
    return False


def _checked(rule: Rule, session: Session) -> list[ProblemRow]:
    from lurcher.app.rmm import own_catalogue
    from lurcher.content.checking import UNFORESEEN
    from lurcher.rmm.drift import catalogue_from

    try:
        with catalogue_from(own_catalogue(_lake_of(session))):
            problems = list(check_rule(rule, today=session.now.date(), compile=compiler(session)))
        problems += exclusion_problems(rule, session)
    except (LurcherError, Refused):
        raise
    except Exception as error:  # noqa: BLE001 - one rule never keeps the others from being checked
        what = f"{type(error).__name__}: {error}"
        problems = [Problem(rule, Placed(UNFORESEEN.at(Span(0, 0), what=what), rule.file))]
    return [row_of(p.placed, p) for p in problems]


def _rule_row(rule: Rule, rows: Sequence[ProblemRow]) -> RuleRow:
    silences: Silences = silences_of(rule)[0]
    placed = Placed(ID_TWICE.at(rule.span_of("id"), id=rule.id, others=""), rule.file)
    place = row_of(placed, Problem(rule, placed, silences.get(ID_TWICE.code, "")))
    return RuleRow(
        rule.path,
        rule.key,
        rule.id,
        rule.name,
        not any(map(_stops, rows)),
        place,
    )


def _stops(row: ProblemRow) -> bool:
    """Whether this keeps the query from running here: there is none, or the compiler refuses it."""
    from lurcher.content.checking import CUSTOM_TABLE
    from lurcher.content.codes import BLOCKING
    from lurcher.kql.diagnostics import RULES

    if row.code in BLOCKING or row.code == CUSTOM_TABLE.code:
        return True
    return row.code.startswith(("KS", "LU0")) and (row.severity is Severity.ERROR or RULES[row.code].kind == "denied")


def row_of(placed: Placed, problem: Problem | None = None) -> ProblemRow:
    from lurcher.kql.secrets import masked

    diagnostic, source = placed.diagnostic, placed.source
    start = min(diagnostic.span.start, len(source.text))
    line, column = source.position(start)
    end_line, end_column = line, column
    last = min(diagnostic.span.end, len(source.text)) - 1
    if last >= start:
        # By its last character: the place behind it may be that of another line.
        end_line, end_column = source.position(last)
        end_column += 1
    return ProblemRow(
        diagnostic.code,
        diagnostic.severity,
        diagnostic.message,
        diagnostic.hint,
        source.name,
        line,
        column,
        end_line,
        end_column,
        masked(source.line_at(start))[:LONGEST],
        fitted(placed.render()),
        problem.rule.key if problem else "",
        problem.rule.name if problem else "",
        problem.silenced if problem else "",
        problem.fixable if problem else False,
    )


def _twice(rules: Iterable[RuleRow]) -> Iterator[ProblemRow]:
    """`LU203` of each rule whose id another file's rule has as well."""
    by_id: dict[str, list[RuleRow]] = {}
    for rule in rules:
        if rule.id and "%%" not in rule.id:
            by_id.setdefault(rule.id.lower(), []).append(rule)
    for same in by_id.values():
        paths = list(dict.fromkeys(r.path for r in same))
        for rule in same if len(paths) > 1 else ():
            others = shown_others([p for p in paths if p != rule.path])
            message = ID_TWICE.message.format(id=rule.id, others=others)
            empty = ID_TWICE.message.format(id=rule.id, others="")
            yield replace(rule.place, message=message, rendered=rule.place.rendered.replace(empty, message, 1))


# --- processes ---
_SESSION: Session | None = None


def _in_processes(
    parts: Sequence[Sequence[tuple[Path | RuleText, bool]]], session: Session, fix: bool, jobs: int
) -> Iterator[_Result]:
    """The parts' results in their order."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from functools import partial

    lake = session.tables.lake
    # A process that is forked while threads run may wait for ever: workers begin anew.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, (lake.path if lake is not None else None, session.now))
    try:
        with workers.starting():
            results = pool.map(partial(_work, fix=fix), parts)
        yield from results
    except BrokenProcessPool:
        raise LurcherError("a process that checked rules has ended", "is there memory enough? try --jobs 1") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(lake: Path | None, now: datetime) -> None:
    import lurcher.rmm.drift  # noqa: F401 (declares its checks)
    from lurcher.lake import Lake

    global _SESSION
    workers.begin()
    _SESSION = Session.open(Lake.open(lake) if lake is not None else None, now)


def _work(part: Sequence[tuple[Path | RuleText, bool]], *, fix: bool) -> _Result:
    assert _SESSION is not None
    return _part(part, _SESSION, fix)


# --- exclusions ---
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


def cores() -> int:
    """The cores that this process may use."""
    import os

    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
