"""Exclusions judged: what the content room asks about programs, answered from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from lurcher.app.session import Session
from lurcher.content.exclusions.split import CannotSplit, split
from lurcher.content.exclusions.verdicts import Verdict, judge
from lurcher.content.model import Rule
from lurcher.kql.parser import parse
from lurcher.rmm.catalogue import Catalogue


@dataclass(frozen=True)
class CataloguePrograms:
    """`lurcher.content.exclusions.verdicts.Programs` of the catalogue of remote-management tools."""

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue.load()

    def owners(self, executable: str) -> tuple[str, ...]:
        return tuple(tool.name for tool in self._catalogue.known_executable(executable))

    def relatives(self, words: Iterable[str]) -> tuple[str, ...]:
        """The programs of every tool that one of the words names, or signs."""
        wanted = {w.casefold() for w in words}
        found: dict[str, None] = {}
        for tool in self._catalogue.tools:
            names = {n.casefold() for n in tool.names}
            stems = {s.stem.casefold() for s in self._catalogue.signers_of(tool)}
            if wanted & (names | stems):
                found.update(dict.fromkeys(f.text for f in tool.executables))
        return tuple(found)


ColumnsOf = Callable[[str], "frozenset[str] | None"]


def columns_of(session: Session) -> ColumnsOf:
    """The columns of a table that the session knows, None of others."""

    def columns(name: str) -> frozenset[str] | None:
        schema = session.tables.table(name)
        return frozenset(c.name for c in schema.columns) if schema is not None else None

    return columns


def verdicts(rule: Rule, session: Session) -> list[Verdict]:
    """What each exclusion of a rule costs, as far as its text and the catalogue say."""
    programs = CataloguePrograms()
    table, columns = "", frozenset[str]()
    parsed = parse(rule.query)
    if not any(d.is_error for d in parsed.diagnostics):
        try:
            table = split(parsed.tree).table
        except CannotSplit:
            table = ""
    if table:
        columns = columns_of(session)(table) or frozenset()
    return [judge(rule, e, table, columns, programs) for e in rule.exclusions]
