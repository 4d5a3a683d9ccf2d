"""Which changes of a rule no test notices, and events that would."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lurcher.app.testing import Bench, Run, find, is_chosen, spread
from lurcher.content.exclusions.split import CannotSplit, split
from lurcher.content.model import Placed, Rule
from lurcher.content.testing import Events, Expect, RuleTest, writing
from lurcher.content.testing.mutants import MAX_MUTANTS, Mutant, mutants
from lurcher.content.testing.outcome import MutantOutcome, Mutated
from lurcher.content.testing.proposing import Guess, guesses
from lurcher.errors import LurcherError
from lurcher.hunt.answers import as_json
from lurcher.hunt.expectations import differences
from lurcher.kql.source import Source
from lurcher.schema import TableSchema, known_table

#: Seconds for one rule, unless the user says otherwise.
BUDGET = 120.0
#: Events that are made for one rule.
MAX_EVENTS = 60


def mutate(
    paths: Sequence[Path],
    *,
    only: str = "",
    budget: float = BUDGET,
    jobs: int = 1,
    progress: Callable[[Mutated], None] | None = None,
) -> tuple[list[Mutated], tuple[Placed, ...]]:
    """The mutation score of each rule that has tests. Raises `LurcherError` for a path that is not there."""
    found = find(paths)
    chosen = [(r, [t for t in tests if is_chosen(r, t, only)], budget) for r, tests in found.rules]
    work = [one for one in chosen if one[1]]
    done = []
    bench = Bench()
    try:
        alone = jobs <= 1 or len(work) < 2
        for one in (_score(bench, w) for w in work) if alone else spread(_score, work, min(jobs, len(work))):
            done.append(one)
            if progress is not None:
                progress(one)
    finally:
        bench.close()
    return done, found.wrong


def _score(bench: Bench, work: tuple[Rule, list[RuleTest], float]) -> Mutated:
    rule, tests, budget = work
    until = time.monotonic() + budget
    name = rule.name or rule.key
    in_force: set[str] = set()
    for test in tests:
        ran = _try(bench, rule, test)
        if ran is None or ran.run.status != "ok" or _wrong(test, ran):
            return Mutated(name, rule.path, why=f"its test '{test.name}' does not pass: mend that first")
        in_force |= {a.exclusion.id for a in ran.run.applied if a.in_force}
    every = mutants(rule, frozenset(in_force))
    made = [test for _, test in _guessed(bench, rule, tests[0].now)[:MAX_EVENTS]]
    own = [(t, _sign(_try(bench, rule, t))) for t in made]
    # The test that noticed the last change notices the next one as well, more often than not.
    order = list(tests)
    outcomes: list[MutantOutcome] = []
    why = f"{len(every) - MAX_MUTANTS} more were not tried" if len(every) > MAX_MUTANTS else ""
    for mutant in every[:MAX_MUTANTS]:
        if time.monotonic() > until:
            why = f"its {budget:g} s were over after {len(outcomes)}"
            break
        bench.same_verdicts(rule, mutant.rule)
        outcome = _judged(bench, mutant, order, own)
        bench.forget(mutant.rule)
        if outcome is not None:
            outcomes.append(outcome)
    return Mutated(
        name, rule.path, tuple(outcomes), why,
        tuple(e.id for e in rule.exclusions if e.id not in in_force), len(made),
    )  # fmt: skip


def _judged(
    bench: Bench, mutant: Mutant, tests: list[RuleTest], own: Sequence[tuple[RuleTest, str]]
) -> MutantOutcome | None:
    """None where the change makes no rule that runs."""

    def came(status: Literal["killed", "survived", "same"], by: str = "", event: str = "") -> MutantOutcome:
        return MutantOutcome(mutant.what, mutant.path, mutant.line, mutant.exclusion, status, by, event)

    for at, test in enumerate(tests):
        force = tuple(i for i in test.force if any(e.id == i for e in mutant.rule.exclusions))
        ran = _try(bench, mutant.rule, replace(test, force=force))
        if ran is None or ran.run.status != "ok":
            return None
        if _wrong(test, ran):
            tests.insert(0, tests.pop(at))
            return came("killed", test.name)
    if mutant.exclusion:
        # The events that are made have no context, of which exclusions speak.
        return came("survived")
    for test, sign in own:
        if _sign(_try(bench, mutant.rule, test)) != sign:
            return came("survived", event=test.name)
    return came("same" if own else "survived")


def _try(bench: Bench, rule: Rule, test: RuleTest) -> Run | None:
    try:
        return bench.run(rule, test)
    except LurcherError:
        return None


def _wrong(test: RuleTest, ran: Run) -> bool:
    return bool(differences(test, ran.types, ran.rows, ran.findings, ran.suppressed, ran.explained))


def _sign(ran: Run | None) -> str:
    if ran is None or ran.run.status != "ok":
        return ""
    return as_json([sorted(map(as_json, part)) for part in (ran.rows, ran.findings, ran.suppressed)])


# --- events made from the plan ---
def _guessed(bench: Bench, rule: Rule, now: dt.datetime) -> list[tuple[Guess, RuleTest]]:
    """The events that just match and just miss, each with a test of its own."""
    from lurcher.content.exclusions import parsing

    table = ""
    with suppress(CannotSplit):
        table = split(parsing.script(rule.query)[0]).table
    schema = known_table(table) if table else None
    if schema is None:
        return []
    blank = RuleTest("", "false positive", now, {})
    compiled = bench.session(blank).compile(Source(rule.query))
    if not compiled.ok or not compiled.queries:
        return []
    tests = ((guess, _test(guess, schema, now)) for guess in guesses(compiled.queries[0].plan, schema, now))
    return [(guess, test) for guess, test in tests if test is not None]


def _test(guess: Guess, schema: TableSchema, now: dt.datetime) -> RuleTest | None:
    """None of an event whose values its columns cannot hold."""
    from lurcher.collect.exports import ReadContext
    from lurcher.collect.exports.json_values import json_value

    types = {c.name: c.type for c in schema.columns}
    context = ReadContext(lambda _: None, "")
    values: dict[str, list[Any]] = {}
    for name, value in guess.event.items():
        try:
            values[name] = [json_value(value, types[name], context)]
        except (ValueError, ArithmeticError):
            return None
    events = Events(schema, (guess.event,), values)
    return RuleTest(guess.what, "false positive", now, {schema.name: events}, Expect())


@dataclass(frozen=True)
class Proposed:
    """A test file that runs: each test says what the rule gives for its event."""

    text: str
    tests: int
    matching: int


def propose(path: Path, now: dt.datetime, rule_name: str = "") -> Proposed:
    """Events for the rule in a file, and what it gives for them. Raises `LurcherError` where there is no such rule, where it
    does not run, or no event can be made for it."""
    found = find([path])
    rules = [r for r, _ in found.rules if not rule_name or rule_name in (r.id, r.name)]
    if len(rules) != 1:
        raise LurcherError(
            f"{len(rules)} rules are here, expected one", "name its file, and -k NAME of several", str(path)
        )
    rule = rules[0]
    # Whole seconds, as the file says it.
    now = now.replace(microsecond=0)
    bench = Bench()
    texts: dict[str, list[str]] = {"true positive": [], "false positive": []}
    try:
        made = _guessed(bench, rule, now)
        for guess, test in made[:MAX_EVENTS]:
            ran = bench.run(rule, test)
            if ran.run.status != "ok":
                raise LurcherError(f"the rule does not run: {ran.run.reason}", path=str(path))
            kind = "true positive" if ran.findings else "false positive"
            expect = {"rows": len(ran.rows), "findings": len(ran.findings), "suppressed": len(ran.suppressed)}
            several = rule.name if len(found.rules) > 1 else ""
            texts[kind].append(writing.one(guess.what, kind, {guess.table: [guess.event]}, expect, several))
    finally:
        bench.close()
    both = [t for kind in texts.values() for t in kind]
    if not both:
        raise LurcherError(
            "no events can be made for this rule: no condition on a known table with constants was found",
            "write its tests by hand: docs/testing.md", str(path),
        )  # fmt: skip
    more = f"# {len(made) - MAX_EVENTS:,} more events are not proposed.\n" if len(made) > MAX_EVENTS else ""
    return Proposed(writing.head(now) + "".join(both) + more, len(both), len(texts["true positive"]))
