"""What a test of a rule is.

| class | what it is |
|---|---|
| `TestFile` | the tests of a file, and what is wrong with it |
| `RuleTest` | events, the time that `now()` means, and what must come of them |
| `Events` | the rows of one table, or the file beside that has them |
| `Expect` | rows, findings, suppressed ones, evidence explained by each exclusion |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lurcher.content.model import Placed, Plain
from lurcher.kql.source import NOWHERE, Source, Span
from lurcher.schema import TableSchema

#: `true positive`: at least one finding must be left with all exclusions in force. `false positive`: none may be.
Kind = Literal["true positive", "false positive"]

#: What is expected of a set of rows: how many, or (some of) their columns. Values are as YAML has them.
Wanted = int | tuple[Mapping[str, Plain], ...]


@dataclass(frozen=True)
class Events:
    """Rows of one table. `rows` are as the file has them (texts for times, nothing for what is not given); `values` the same
    by column, of the column's type (`lurcher.lake.layout.arrow_type`; a time as microseconds since 1970). `file`: they are in
    a file beside instead, and both are empty."""

    schema: TableSchema
    rows: tuple[Mapping[str, Plain], ...] = ()
    values: Mapping[str, list[Any]] = field(default_factory=dict, repr=False)
    file: Path | None = None
    span: Span = NOWHERE

    @property
    def table(self) -> str:
        return self.schema.name


@dataclass(frozen=True)
class Expect:
    """What must come of a test's events; None is not looked at.

    `rows`: what the query as written gives. `findings`: what is left with the exclusions in force. `suppressed`: result rows
    whose evidence is all explained. `explained`: evidence rows that an exclusion explains, by its id."""

    rows: Wanted | None = None
    findings: Wanted | None = None
    suppressed: Wanted | None = None
    explained: Mapping[str, int] | None = None

    @property
    def empty(self) -> bool:
        return self.rows is None and self.findings is None and self.suppressed is None and self.explained is None


@dataclass(frozen=True)
class RuleTest:
    """One test. `force` are exclusions that are applied although they are judged to hide too much. `rule` names the rule (id or
    name) where the file beside has several. Spans count in `source`, the test file."""

    __test__ = False  # for pytest: no test class of its own

    name: str
    kind: Kind
    now: dt.datetime
    tables: Mapping[str, Events]
    expect: Expect = field(default_factory=Expect)
    force: tuple[str, ...] = ()
    rule: str = ""
    span: Span = NOWHERE
    source: Source = field(default_factory=lambda: Source(""), repr=False)

    @property
    def line(self) -> int:
        return self.source.position(min(self.span.start, len(self.source.text)))[0]


@dataclass(frozen=True)
class TestFile:
    """The tests of a file. A test that has an error is not among them: `diagnostics` say what is wrong with it."""

    __test__ = False

    path: Path
    tests: tuple[RuleTest, ...] = ()
    diagnostics: tuple[Placed, ...] = ()

    @property
    def errors(self) -> tuple[Placed, ...]:
        return tuple(p for p in self.diagnostics if p.diagnostic.is_error)
