"""What a check is, and the registry that declarations fill.

A check is a function of a `Context` that yields places; its code, severity, message and documentation stand at its declaration:

    LONG_NAME = declare("LU205", "the name has {count} characters ...", Severity.WARNING)

    @check(LONG_NAME, "Sentinel takes names of at most 256 characters.")
    def long_name(ctx: Context) -> Iterator[Placed]:
        if len(ctx.rule.name) > MAX_NAME:
            yield ctx.at(LONG_NAME, "name", count=len(ctx.rule.name))
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lurcher.content.checks.tree import walk
from lurcher.content.model import Placed, Rule
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.diagnostics import Rule as Code
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import Node, Script
from lurcher.kql.types import Columns


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler says of a query; spans count in it. `columns` is None and `tables` empty where it has errors."""

    diagnostics: tuple[Diagnostic, ...] = ()
    columns: Columns | None = None
    tables: tuple[str, ...] = ()
    script: Script | None = None


#: Compiles a query; given by the application, which knows the compiler.
Compile = Callable[[Source], Compiled]


@dataclass(frozen=True)
class Context:
    """What a check sees. `ids` maps a rule id, lower case, to the places of the rules that have it."""

    rule: Rule
    today: dt.date
    compile: Compile | None = None
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def compiled(self) -> Compiled:
        """Of a rule without a query to run, and where there is no compiler, nothing is known."""
        if self.compile is None or not self.rule.runnable:
            return Compiled()
        return self.compile(self.rule.query_source)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of the query's tree, in the order of the text; none where it does not parse."""
        return tuple(walk(self.compiled.script)) if self.compiled.script is not None else ()

    def at(self, code: Code, key: str, /, *, hint: str = "", **data: Any) -> Placed:
        """At a key's value in the rule's file; at the file's start where the key is not given."""
        return Placed(code.at(self.rule.span_of(key), hint=hint, **data), self.rule.file)

    def in_query(self, code: Code, span: Span, /, *, hint: str = "", **data: Any) -> Placed:
        return Placed(code.at(span, hint=hint, **data), self.rule.query_source)


@dataclass(frozen=True, slots=True)
class Check:
    """`doc` says what is wrong about it and what to do, for the manual."""

    code: Code
    doc: str
    run: Callable[[Context], Iterator[Placed]]


#: Code -> check, in the order of declaration.
CHECKS: dict[str, Check] = {}


def check(
    code: Code, doc: str
) -> Callable[[Callable[[Context], Iterator[Placed]]], Callable[[Context], Iterator[Placed]]]:
    """Declare a check. Raises ValueError at import where its code has one already."""

    def declare_it(run: Callable[[Context], Iterator[Placed]]) -> Callable[[Context], Iterator[Placed]]:
        if code.code in CHECKS:
            raise ValueError(f"the check {code.code} is declared twice")
        CHECKS[code.code] = Check(code, doc, run)
        return run

    return declare_it
