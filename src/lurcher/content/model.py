"""What a rule is, whatever file it came from.

| class | what it is |
|---|---|
| `Rule` | one detection: metadata, query, exclusions, what was repaired, the bytes it came from |
| `Exclusion` | one false-positive scenario with the expression that recognises it |
| `Placed` | a diagnostic with the text that it points into |
| `Loaded` | what a file or a folder gave |
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lurcher.content.codes import BLOCKING
from lurcher.kql.diagnostics import Diagnostic, render_one
from lurcher.kql.source import NOWHERE, Source, Span

#: What YAML's plain data is made of.
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


class Presence(enum.Enum):
    """Whether a key is there, and with what: Sentinel treats the four differently when it deploys."""

    MISSING = "missing"
    NULL = "null"
    EMPTY = "empty"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Placed:
    """A diagnostic and the text that its span counts in."""

    diagnostic: Diagnostic
    source: Source

    def render(self) -> str:
        return render_one(self.diagnostic, self.source)

    @property
    def position(self) -> tuple[int, int]:
        """Line and column in the file, 1-based."""
        return self.source.position(min(self.diagnostic.span.start, len(self.source.text)))


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of `span` in the file's text by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Connector:
    """A data connector that a rule needs, and the tables it brings. `id` is empty where the file names tables alone."""

    id: str
    data_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """`fields` pairs an identifier of the entity (`HostName`) with a column of the result."""

    entity_type: str
    fields: tuple[tuple[str, str], ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a scheduled rule runs and when it alerts. Sentinel: frequency and period 5 minutes to 14 days."""

    query_frequency: dt.timedelta | None = None
    query_period: dt.timedelta | None = None
    trigger_operator: Literal["gt", "lt", "eq", "ne"] | None = None
    trigger_threshold: int | None = None


@dataclass(frozen=True)
class Exclusion:
    """A false-positive scenario. `when` is kept as it was written; `lurcher.content.exclusions` reads it.

    `errors` are what makes it unusable as metadata (a `match` that is neither `every` nor `any`, a date that is none). Such an
    exclusion is listed, and never in force.
    """

    id: str
    scenario: str
    description: str
    when: str
    when_source: Source = field(repr=False)
    match: Literal["every", "any"] = "every"
    devices: tuple[str, ...] = ()
    owner: str = ""
    reason: str = ""
    expires: dt.date | None = None
    extra: Mapping[str, Plain] = field(default_factory=dict)
    #: The file that it stands in, and where in that file.
    file: Source = field(default_factory=lambda: Source(""), repr=False)
    span: Span = NOWHERE
    errors: tuple[Diagnostic, ...] = ()

    def expired(self, today: dt.date) -> bool:
        """`expires` is the last day on which it applies."""
        return self.expires is not None and today > self.expires


@dataclass(frozen=True)
class Rule:
    """A detection rule.

    `query_source` places the query's characters in the file, so that a diagnostic of the query points to the file's line and
    column. `extra` holds the keys that the model does not know, as plain data. `original` are the file's bytes: a rule written back
    differs from them only in `edits`.
    """

    id: str
    name: str
    description: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    connectors: tuple[Connector, ...]
    query: str
    query_source: Source = field(repr=False)
    #: `Informational`, `Low`, `Medium`, `High`, or "" where the file gives none.
    severity: str
    #: `Hunting`, `Scheduled`, `NRT`, or as the file has it.
    kind: str
    version: str
    schedule: Schedule
    entity_mappings: tuple[EntityMapping, ...]
    custom_details: tuple[tuple[str, str], ...]
    extra: Mapping[str, Plain]
    #: The name of the format (`lurcher.content.formats`), and the file.
    format: str
    path: str
    file: Source = field(repr=False)
    original: bytes = field(repr=False)
    exclusions: tuple[Exclusion, ...] = ()
    #: What was mended on the way in; spans count in `file`.
    repairs: tuple[Diagnostic, ...] = ()
    #: What cannot be mended. Spans count in `file`.
    problems: tuple[Diagnostic, ...] = ()
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    presences: Mapping[str, Presence] = field(default_factory=dict, repr=False)
    #: Where a key's value stands in `file`.
    spans: Mapping[str, Span] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """What tells this rule from all others: its id, or path and content where it has none."""
        return self.id or f"{self.path}#{hashlib.sha256(self.query.encode()).hexdigest()[:16]}"

    @property
    def runnable(self) -> bool:
        """Whether there is a query to run. A defect of the metadata does not keep a hunt from running."""
        return not any(d.code in BLOCKING for d in self.problems)

    def presence(self, key: str) -> Presence:
        """Of a top-level key in Sentinel's spelling (`relevantTechniques`)."""
        return self.presences.get(key, Presence.MISSING)

    def span_of(self, key: str) -> Span:
        """Where a key's value stands in `file`; the start of the file where it is not given."""
        return self.spans.get(key, NOWHERE)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the connectors declare, without Sentinel's decorations (`SecurityEvents (AAD)`)."""
        names = (t.partition("(")[0].strip() for c in self.connectors for t in c.data_types)
        return tuple(dict.fromkeys(n for n in names if n))


@dataclass(frozen=True)
class Loaded:
    """The rules of a file or a folder, and every diagnostic of loading, those of the rules included."""

    rules: tuple[Rule, ...]
    diagnostics: tuple[Placed, ...] = ()
    #: Files that were looked at and are no rules (`README.yaml`), with the reason.
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def errors(self) -> tuple[Placed, ...]:
        return tuple(p for p in self.diagnostics if p.diagnostic.is_error)
