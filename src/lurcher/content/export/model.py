"""What goes into a deployed file, and what comes of a rule."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lurcher.content.checks.registry import Compiled
from lurcher.content.model import Rule
from lurcher.kql.diagnostics import Diagnostic

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: The namespace of ids that are made of what a rule goes by: the same rule gets the same id in every export.
_SPACE = uuid.UUID("6f0c9a2e-5d0b-5a6e-9d0e-1b7f3c4a8e21")
_HUNTING = frozenset({"Hunting", ""})


@dataclass(frozen=True)
class Deploy:
    """A rule with the query that is deployed: as it is published, or with the exclusions `applied` in it.

    `left_out` are exclusions that are not in the query, with the reason. `context` are the tables that only the exclusions read.
    `compiled` is what the compiler says of `query`.
    """

    rule: Rule
    query: str
    compiled: Compiled
    applied: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    context: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.query != self.rule.query

    @property
    def hunting(self) -> bool:
        return self.rule.kind in _HUNTING

    @cached_property
    def id(self) -> str:
        """The rule's GUID, or one made of what it goes by."""
        if _GUID.fullmatch(self.rule.id):
            return self.rule.id.lower()
        key = self.rule.id or f"{self.rule.name}\n{self.rule.query}"
        return str(uuid.uuid5(_SPACE, key))

    @property
    def id_made(self) -> bool:
        return _GUID.fullmatch(self.rule.id) is None

    @property
    def columns(self) -> frozenset[str] | None:
        """The result's columns; None where they are not known."""
        return frozenset(c.name for c in self.compiled.columns) if self.compiled.columns is not None else None


@dataclass(frozen=True)
class Dropped:
    """Something of the rule that the target has no place for."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.why})" if self.why else self.what


@dataclass(frozen=True)
class Converted:
    """A rule as the target has it: `value` is plain data or a text. None where it was refused; `said` then has an error."""

    deploy: Deploy
    value: Any = None
    dropped: tuple[Dropped, ...] = ()
    said: tuple[Diagnostic, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return self.value is not None and not any(d.is_error for d in self.said)


def given(rule: Rule) -> dict[str, bool]:
    """Which of the fields that not every target has the rule gives."""
    return {
        "requiredDataConnectors": bool(rule.connectors),
        "severity": bool(rule.severity),
        "version": bool(rule.version),
        "entityMappings": bool(rule.entity_mappings),
        "customDetails": bool(rule.custom_details),
        "queryFrequency": rule.schedule.query_frequency is not None,
        "queryPeriod": rule.schedule.query_period is not None,
        "triggerOperator": rule.schedule.trigger_operator is not None,
        "triggerThreshold": rule.schedule.trigger_threshold is not None,
    }


def dropped(rule: Rule, held: frozenset[str], why: Mapping[str, str] | None = None) -> tuple[Dropped, ...]:
    """What the rule gives beyond `held`, its unknown keys among it."""
    why = why or {}
    names = [key for key, there in given(rule).items() if there and key not in held]
    names += [key for key, value in rule.extra.items() if key not in held and value not in (None, "", [], {})]
    return tuple(Dropped(name, why.get(name, "")) for name in names)
