"""Tests of rules: found, run on the embedded engine by the code that hunts, and compared with what they expect."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lurcher.app.exclusions import verdicts
from lurcher.app.hunt import run_one
from lurcher.app.session import Session, Tables
from lurcher.app.testing_session import LIMITS, session_of, tables_of
from lurcher.collect import workers
from lurcher.content.exclusions.rewrite import Settings
from lurcher.content.exclusions.verdicts import refusals
from lurcher.content.model import Placed, Rule
from lurcher.content.testing import RuleTest, codes, load_tests, tests_of
from lurcher.content.testing.outcome import Outcome, Row, Tested, Untested
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, answer_of, row_of
from lurcher.hunt.expectations import differences
from lurcher.hunt.run import RuleRun
from lurcher.kql.source import NOWHERE, Source
from lurcher.kql.types import ScalarType

if TYPE_CHECKING:
    from lurcher.engines.duckdb import DuckDBEngine

__all__ = ["Bench", "Found", "Run", "find", "is_chosen", "run_tests", "session_of"]

W = TypeVar("W")
R = TypeVar("R")

#: Rows of an outcome that are kept to be shown.
MAX_SHOWN = 50


@dataclass(frozen=True)
class Found:
    """Rules with their tests, and what is wrong with the files of both."""

    rules: tuple[tuple[Rule, tuple[RuleTest, ...]], ...] = ()
    wrong: tuple[Placed, ...] = ()


@dataclass(frozen=True)
class Run:
    """What a rule gave on a test's events. `explained` is None where evidence cannot be told apart."""

    run: RuleRun
    types: dict[str, ScalarType] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    findings: tuple[Row, ...] = ()
    suppressed: tuple[Row, ...] = ()
    explained: dict[str, int] | None = None


# --- what there is to run ---
def find(paths: Iterable[Path]) -> Found:
    """The rules of files and folders with the tests beside them; a test file stands for the rule beside it.

    Raises `LurcherError` for a path that is not there."""
    from lurcher.app.rules import load_place
    from lurcher.content.loading import BESIDE, rule_files
    from lurcher.content.testing.loading import SUFFIXES

    rules: dict[tuple[str, str], Rule] = {}
    wrong: list[Placed] = []
    files: dict[Path, list[Rule]] = {}

    def take(path: Path, *, strict: bool) -> None:
        from lurcher.content.loading import load_files

        loaded = load_files([path]) if strict else load_place(path)
        own = {id(r.file) for r in loaded.rules}
        beside = tests_of(path)
        # What is wrong with a rule that has no tests is for `check` to say.
        wrong.extend(p for p in loaded.errors if id(p.source) not in own and (beside is not None or not strict))
        for rule in loaded.rules:
            if rules.setdefault((rule.path, rule.key), rule) is rule and beside is not None:
                files.setdefault(beside, []).append(rule)
        if beside is not None:
            files.setdefault(beside, [])

    for path in paths:
        if path.is_dir():
            for file in rule_files(path, wrong):
                if file.name.endswith(SUFFIXES):
                    files.setdefault(file, [])
                elif not file.name.endswith(BESIDE):
                    take(file, strict=True)
        elif path.name.endswith(BESIDE):
            if not path.is_file():
                raise LurcherError("there is no such file", "check the path", str(path))
            if path.name.endswith(SUFFIXES):
                files.setdefault(path, [])
            for rule_file in _rules_beside(path):
                take(rule_file, strict=False)
        else:
            take(path, strict=False)
    tests: dict[tuple[str, str], list[RuleTest]] = {}
    for file, owners in files.items():
        loaded_tests = load_tests(file)
        wrong += loaded_tests.diagnostics
        if not owners:
            stem = file.name[: -len(next(s for s in SUFFIXES if file.name.endswith(s)))]
            if not any(p.source.name == str(r) for r in _rules_beside(file) for p in wrong):
                wrong.append(Placed(codes.NO_RULE.at(NOWHERE, expected=f"{stem}.yaml"), Source("", str(file))))
            continue
        for test in loaded_tests.tests:
            named = [r for r in owners if not test.rule or test.rule in (r.id, r.name)]
            if not named or (len({r.path for r in named}) < len(named)):
                name = Path(owners[0].path).name
                wrong.append(Placed(codes.WHICH_RULE.at(test.span, file=name, count=len(owners)), test.source))
                continue
            for rule in named:
                ids = {e.id for e in rule.exclusions}
                unknown = [i for i in (*test.force, *(test.expect.explained or {})) if i not in ids]
                wrong += [
                    Placed(codes.NO_SUCH_EXCLUSION.at(test.span, id=i, hint=_ids(i, ids)), test.source) for i in unknown
                ]
                if not unknown:
                    tests.setdefault((rule.path, rule.key), []).append(test)
    return Found(tuple((rule, tuple(tests.get(key, ()))) for key, rule in rules.items()), tuple(dict.fromkeys(wrong)))


def _ids(id_: str, ids: set[str]) -> str:
    from lurcher.content.testing.events import near

    return near(id_, ids) or (f"there are: {', '.join(sorted(ids))}" if ids else "it has none")


def _rules_beside(file: Path) -> list[Path]:
    """The rules that a file of tests or exclusions stands beside."""
    from lurcher.content.formats import suffixes
    from lurcher.content.loading import BESIDE

    stem = file.name[: -len(next(s for s in BESIDE if file.name.endswith(s)))]
    return [p for s in suffixes() if (p := file.with_name(stem + s)).is_file()]


# --- running ---
class Bench:
    """Runs rules on tests' events, one connection for all of them. What exclusions are judged to be is asked once a rule."""

    def __init__(self) -> None:
        self._engine: DuckDBEngine | None = None
        self._refused: dict[int, tuple[Rule, dict[str, str]]] = {}

    def session(self, test: RuleTest) -> Session:
        from lurcher.engines.duckdb import DuckDBEngine

        tables = Tables(None, tables_of(test))
        if self._engine is None:
            self._engine = DuckDBEngine(
                tables, memory_limit=LIMITS.memory, threads=LIMITS.threads, timeout=LIMITS.timeout
            )
        self._engine.over(tables)
        return Session(tables, test.now, LIMITS, self._engine)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def refused(self, rule: Rule, session: Session) -> dict[str, str]:
        known = self._refused.get(id(rule))
        if known is None or known[0] is not rule:
            known = self._refused[id(rule)] = rule, refusals(verdicts(rule, session)) if rule.runnable else {}
        return known[1]

    def same_verdicts(self, rule: Rule, changed: Rule) -> None:
        """Keep of a changed rule's exclusions those out of force that are of the rule's own: the change is what is looked at."""
        known = self._refused.get(id(rule))
        if known is not None:
            self._refused[id(changed)] = changed, known[1]

    def forget(self, rule: Rule) -> None:
        self._refused.pop(id(rule), None)

    def run(self, rule: Rule, test: RuleTest, session: Session | None = None) -> Run:
        """Raises `LurcherError` for events that cannot be read."""
        session = session or self.session(test)
        tables: dict[str, Any] = {}

        def ask(kql: str) -> Answer:
            tables[kql] = table = session.run_table(kql)
            return answer_of(table)

        settings = Settings(forced=frozenset(test.force))
        run = run_one(rule, session, ask, settings, self.refused(rule, session))
        if run.status != "ok" or run.rewritten is None:
            return Run(run)
        written = tables[run.rewritten.plain]
        answer = answer_of(written)
        rows = tuple(row_of(answer.columns, r) for r in answer.rows)
        types = {f.name: ScalarType(f.metadata[b"kql"].decode()) for f in written.schema}
        shown = tuple(s.row for s in run.seen if s.shown)
        hidden = tuple(s.row for s in run.seen if not s.shown)
        return Run(run, types, rows, shown, hidden, _explained(run, tables, ask))


def _explained(run: RuleRun, tables: dict[str, Any], ask: Callable[[str], Answer]) -> dict[str, int] | None:
    """Evidence rows that each exclusion in force explains."""
    rewritten = run.rewritten
    assert rewritten is not None
    if rewritten.split is None:
        return None if run.rule.exclusions else {}
    names = {a.number: a.exclusion.id for a in rewritten.in_force}
    if not names:
        return {}
    counted = rewritten.counts in tables
    text, prefix = (rewritten.counts, "lurcher_count_") if counted else (rewritten.judged, "lurcher_by_")
    answer = answer_of(tables[text]) if text in tables else ask(text)
    found = {}
    for number, id_ in names.items():
        at = answer.columns.index(f"{prefix}{number}")
        found[id_] = sum(int(r[at] or 0) for r in answer.rows)
    return found


def outcome(bench: Bench, rule: Rule, test: RuleTest) -> Outcome:
    """Run one test."""
    begun = time.perf_counter()
    base = Outcome(rule.name or rule.key, rule.path, test.name, test.kind, test.source.name, test.line, "error")
    try:
        ran = bench.run(rule, test)
    except LurcherError as problem:
        return replace(base, reason=str(problem), seconds=time.perf_counter() - begun)
    run = ran.run
    if run.status != "ok":
        reason = f"the rule does not run: {run.reason}"
        return replace(base, reason=reason, seconds=time.perf_counter() - begun)
    wrong = differences(test, ran.types, ran.rows, ran.findings, ran.suppressed, ran.explained)
    return replace(
        base,
        status="failed" if wrong else "passed",
        differences=wrong,
        rows=len(ran.rows),
        findings=ran.findings[:MAX_SHOWN],
        suppressed=ran.suppressed[:MAX_SHOWN],
        explained=ran.explained or {},
        not_in_force={a.exclusion.id: a.reason for a in run.applied if not a.in_force},
        seconds=time.perf_counter() - begun,
    )


def run_tests(
    paths: Sequence[Path],
    *,
    only: str = "",
    stop: bool = False,
    jobs: int = 1,
    progress: Callable[[Outcome], None] | None = None,
) -> Tested:
    """Run the tests of rules. `only`: those whose rule's name, path or own name has the text (`*` and `?` as in file names);
    `stop` at the first that fails; `jobs` processes. Raises `LurcherError` for a path that is not there."""
    begun = time.perf_counter()
    found = find(paths)
    work = [(rule, t) for rule, tests in found.rules for t in tests]
    chosen = [(rule, t) for rule, t in work if is_chosen(rule, t, only)]
    outcomes: list[Outcome] = []
    stopped = False
    for one in _outcomes(chosen, jobs):
        outcomes.append(one)
        if progress is not None:
            progress(one)
        if stop and one.status != "passed":
            stopped = True
            break
    return Tested(
        tuple(outcomes), len(found.rules), tuple(_untested(found)), found.wrong, len(work) - len(chosen),
        time.perf_counter() - begun, stopped,
    )  # fmt: skip


def _untested(found: Found) -> Iterator[Untested]:
    for rule, tests in found.rules:
        kinds = {t.kind for t in tests}
        lacks = (
            "any test"
            if not tests
            else " and ".join(f"a {k}" for k in ("true positive", "false positive") if k not in kinds)
        )
        if lacks:
            yield Untested(rule.name or rule.key, rule.path, lacks)


def is_chosen(rule: Rule, test: RuleTest, only: str) -> bool:
    if not only:
        return True
    pattern = only.casefold() if any(c in only for c in "*?[") else f"*{only.casefold()}*"
    return any(fnmatch.fnmatchcase(text.casefold(), pattern) for text in (rule.name, rule.path, test.name))


#: So few tests are run before another process has started.
_WORTH = 60


def _outcomes(work: list[tuple[Rule, RuleTest]], jobs: int) -> Iterator[Outcome]:
    if jobs <= 1 or len(work) < _WORTH:
        bench = Bench()
        try:
            for rule, test in work:
                yield outcome(bench, rule, test)
        finally:
            bench.close()
        return
    size = max(1, min(25, len(work) // (jobs * 2)))
    # A rule's tests stay together: what exclusions are judged to be is asked once.
    chunks = [work[i : i + size] for i in range(0, len(work), size)]
    for part in spread(_chunk, chunks, jobs):
        yield from part


def spread(work: Callable[[Bench, W], R], parts: Iterable[W], jobs: int) -> Iterator[R]:
    """What `work` (a function of a module) makes of each part, in order, by so many processes with a bench each."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # Spawned: forking a process that has threads (Arrow's) can hang.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), workers.begin)
    try:
        with workers.starting():
            results = pool.map(partial(_on_bench, work), parts)
        yield from results
    except BrokenProcessPool:
        raise LurcherError("a process that ran tests has died", "run with --jobs 1 to see which test it is") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_bench: list[Bench] = []


def _on_bench(work: Callable[[Bench, W], R], part: W) -> R:
    if not _bench:
        _bench.append(Bench())
    return work(_bench[0], part)


def _chunk(bench: Bench, work: list[tuple[Rule, RuleTest]]) -> list[Outcome]:
    return [outcome(bench, rule, test) for rule, test in work]
