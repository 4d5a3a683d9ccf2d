"""What came of tests: plain documents that renderers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lurcher.content.model import Placed

Row = Mapping[str, Any]
Status = Literal["passed", "failed", "error"]


@dataclass(frozen=True)
class Difference:
    """Something that is not as the test expects it: `what` (`findings`, `explained.agent-update`), and why."""

    what: str
    expected: str
    got: str
    #: Rows that were expected and did not come, and those that came and were not expected.
    missing: tuple[Row, ...] = ()
    surplus: tuple[Row, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True)
class Outcome:
    """A test that was run. `error` is one that could not be: `reason` says why. `explained` are evidence rows by exclusion,
    `not_in_force` exclusions that were not applied, with the reason."""

    rule: str
    rule_path: str
    test: str
    kind: str
    path: str
    line: int
    status: Status
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    rows: int = 0
    findings: tuple[Row, ...] = ()
    suppressed: tuple[Row, ...] = ()
    explained: Mapping[str, int] = field(default_factory=dict)
    not_in_force: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Untested:
    """A rule that lacks tests: `lacks` is `any test`, `a true positive` or `a false positive`."""

    rule: str
    path: str
    lacks: str


@dataclass(frozen=True)
class Tested:
    """A run of tests. `wrong`: what is wrong with rule and test files. `deselected`: tests that `-k` left out."""

    outcomes: tuple[Outcome, ...] = ()
    rules: int = 0
    untested: tuple[Untested, ...] = ()
    wrong: tuple[Placed, ...] = ()
    deselected: int = 0
    seconds: float = 0.0
    #: It ended at the first failure.
    stopped: bool = False

    def count(self, status: Status) -> int:
        return sum(o.status == status for o in self.outcomes)

    def exit_code(self, *, require_tests: bool = False) -> int:
        """0: all passed. 1: a test failed, or a rule did not run, or lacks tests that are required. 2: a file is broken, or
        there was nothing to run."""
        if any(p.diagnostic.is_error for p in self.wrong):
            return 2
        if any(o.status != "passed" for o in self.outcomes) or (require_tests and self.untested):
            return 1
        return 0 if self.outcomes else 2


@dataclass(frozen=True)
class MutantOutcome:
    """A change of a rule: `killed` by a test, `survived`, or perhaps `same`: it gives the same on all events that could be made.
    `event` is one that tells a survivor from the rule."""

    what: str
    path: str
    line: int
    exclusion: str
    status: Literal["killed", "survived", "same"]
    by: str = ""
    event: str = ""


@dataclass(frozen=True)
class Mutated:
    """The changes of one rule. `why`: what kept some, or all, from being tried. `not_in_force`: exclusions that no test has in
    force, so that their changes cannot be noticed. `events`: how many were made to compare on."""

    rule: str
    path: str
    mutants: tuple[MutantOutcome, ...] = ()
    why: str = ""
    not_in_force: tuple[str, ...] = ()
    events: int = 0

    def count(self, status: Literal["killed", "survived", "same"]) -> int:
        return sum(m.status == status for m in self.mutants)

    @property
    def score(self) -> float | None:
        """Killed of those that are not perhaps the same rule; None where there are none."""
        all_ = self.count("killed") + self.count("survived")
        return self.count("killed") / all_ if all_ else None
