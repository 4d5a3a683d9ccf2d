"""Exclusions judged, with what the session knows of tables and the catalogue of programs."""

from __future__ import annotations

from collections.abc import Callable

from lurcher.app.session import Session
from lurcher.content.exclusions.verdicts import Verdict, judge_all
from lurcher.content.model import Rule
from lurcher.hunt.programs import CataloguePrograms
from lurcher.rmm.catalogue import Catalogue

ColumnsOf = Callable[[str], "frozenset[str] | None"]


def columns_of(session: Session) -> ColumnsOf:
    """The columns of a table that the session knows, None of others."""

    def columns(name: str) -> frozenset[str] | None:
        schema = session.tables.table(name)
        return frozenset(c.name for c in schema.columns) if schema is not None else None

    return columns


def verdicts(rule: Rule, session: Session) -> list[Verdict]:
    """What each exclusion of a rule costs, as far as its text and the catalogue say."""
    if not rule.exclusions:
        return []
    return judge_all(rule, columns_of(session), CataloguePrograms(Catalogue.load()))
