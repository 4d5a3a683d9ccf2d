"""Every code and message of the language, in one place.

Microsoft's own KS codes where its parser has one (Kusto.Language, DiagnosticFacts), `LU...` elsewhere. A rule of the language
makes a diagnostic by naming its row: `KS204.at(span, name="DeviceProces", hint="did you mean DeviceProcessEvents?")`.
A diagnostic carries data; `render` makes the text, with the source line and a caret.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Any

from lurcher.errors import ErrorKind
from lurcher.kql.source import Source, Span


class Severity(enum.StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong with a text, and where. `construct` names what is not supported (`evaluate rolling_percentile`)."""

    code: str
    severity: Severity
    kind: ErrorKind
    message: str
    span: Span
    hint: str = ""
    construct: str = ""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def moved(self, offset: int) -> Diagnostic:
        """The same, its text having been cut out at `offset` of a larger one."""
        return replace(self, span=Span(self.span.start + offset, self.span.end + offset))


@dataclass(frozen=True, slots=True)
class Rule:
    """One code: its severity, kind and message, a `str.format` template over what `at` is given."""

    code: str
    kind: ErrorKind
    message: str
    severity: Severity = Severity.ERROR

    def at(self, span: Span, *, hint: str = "", construct: str = "", **data: Any) -> Diagnostic:
        return Diagnostic(self.code, self.severity, self.kind, self.message.format(**data), span, hint, construct)


#: code -> rule, for the documentation and the language server.
RULES: dict[str, Rule] = {}


def _rule(code: str, kind: ErrorKind, message: str, severity: Severity = Severity.ERROR) -> Rule:
    if code in RULES:
        raise ValueError(f"{code} is declared twice")
    RULES[code] = rule = Rule(code, kind, message, severity)
    return rule


# --- Microsoft's: syntax (Kusto.Language, DiagnosticFacts) ---
KS005 = _rule("KS005", "syntax", "expected {expected}")
KS006 = _rule("KS006", "syntax", "expected {expected}")

# --- Microsoft's: meaning ---
KS107 = _rule("KS107", "semantic", "expected a value of type {expected}, this is {actual}")
KS106 = _rule("KS106", "semantic", "the operator {operator} cannot be used with {types}")
KS116 = _rule("KS116", "semantic", "{what} cannot be of type {actual}")
KS142 = _rule("KS142", "semantic", "the name '{name}' does not refer to any known column, table, variable or function")
KS171 = _rule("KS171", "semantic", "the column '{name}' is given twice")
KS204 = _rule("KS204", "semantic", "there is no table '{name}'")
KS211 = _rule("KS211", "semantic", "there is no function '{name}'")

# --- ours ---
LU001 = _rule("LU001", "unsupported", "{construct}: not supported")
LU002 = _rule("LU002", "denied", "{what} is off until you allow it")
LU003 = _rule("LU003", "error", "the query is too large: {what} (limit {limit})")


@dataclass
class Refused(Exception):
    """A text that does not stand: its diagnostics, at least one of them an error."""

    diagnostics: tuple[Diagnostic, ...]
    source: Source = field(default_factory=lambda: Source(""))

    def __str__(self) -> str:
        return render(self.diagnostics, self.source)

    @property
    def kind(self) -> ErrorKind:
        """The kind of the first error: what comes first in the text is what a user mends first."""
        errors = [d for d in self.diagnostics if d.is_error]
        return (errors or list(self.diagnostics))[0].kind


def render(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic], source: Source) -> str:
    """The diagnostics as a terminal shows them: place, message, source line, caret, hint."""
    return "\n".join(render_one(d, source) for d in diagnostics)


def render_one(diagnostic: Diagnostic, source: Source) -> str:
    start = min(diagnostic.span.start, len(source.text))
    line, column = source.position(start)
    text = source.line_at(start)
    row_start = source.text.rfind("\n", 0, start) + 1
    before = text[: start - row_start]
    width = max(1, min(diagnostic.span.length, len(text) - len(before)))
    # A caret stands under its character only where tabs are kept as tabs.
    pad = "".join(c if c == "\t" else " " for c in before)
    gutter = str(line)
    lines = [
        f"{source.name}:{line}:{column}: {diagnostic.severity}: {diagnostic.message} [{diagnostic.code}]",
        f"{gutter} | {text}",
        f"{' ' * len(gutter)} | {pad}{'^' * width}",
    ]
    if diagnostic.hint:
        lines.append(f"{' ' * len(gutter)} = hint: {diagnostic.hint}")
    return "\n".join(lines)
