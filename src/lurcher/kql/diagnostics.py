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
from lurcher.kql.secrets import masked
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
        return Diagnostic(
            self.code, self.severity, self.kind, self.message.format(construct=construct, **data), span, hint, construct
        )


#: code -> rule, for the documentation and the language server.
RULES: dict[str, Rule] = {}


def _rule(code: str, kind: ErrorKind, message: str, severity: Severity = Severity.ERROR) -> Rule:
    if code in RULES:
        raise ValueError(f"{code} is declared twice")
    RULES[code] = rule = Rule(code, kind, message, severity)
    return rule


# --- Microsoft's: syntax (Kusto.Language, DiagnosticFacts) ---
KS001 = _rule("KS001", "syntax", "the {what} is missing")
KS002 = _rule("KS002", "syntax", "'{text}' is not expected here")
KS005 = _rule("KS005", "syntax", "expected {expected}")
KS006 = _rule("KS006", "syntax", "expected {expected}")
#: The same codes where the form is right and the word is not (`kind=left`), or a clause is missing that a binder asks for.
KS005_VALUE = replace(KS005, kind="semantic")
KS006_CLAUSE = replace(KS006, kind="semantic")
KS160 = _rule("KS160", "syntax", "'{name}' is not a type that can be used here")
KS176 = _rule("KS176", "syntax", "expected an operator after the |, {text} is none")
KS198 = _rule("KS198", "syntax", "'{text}' is not expected here")
KS214 = _rule("KS214", "syntax", "a bare guid is not a value, write guid({text})")
KS228 = _rule("KS228", "syntax", "'{name}' is a word of the language; as a name it is written ['{name}']")

# --- Microsoft's: form, decided without a schema ---
KS110 = _rule("KS110", "semantic", "project-rename takes new = old")
KS173 = _rule(
    "KS173", "semantic", "a datatable of {columns} columns holds {values} values, which fill no whole number of rows"
)
KS174 = _rule("KS174", "semantic", "{name} needs rows to work on: it cannot be the first operator of a query")
KS175 = _rule("KS175", "semantic", "{name} brings its own rows: it must be the first operator of a query")
KS182 = _rule("KS182", "semantic", "a join condition is a column of both sides, or $left.a == $right.b")
KS183 = _rule("KS183", "semantic", "{side} of a join condition is {expected}.column")
KS201 = _rule("KS201", "semantic", "the name '{name}' is declared twice")
KS213 = _rule("KS213", "semantic", "the parameter {{{name}}} has no value here")
KS215 = _rule("KS215", "semantic", "a dynamic value holds no decimals")
KS226 = _rule("KS226", "semantic", "tabular parameters come before the scalar ones")
KS250 = _rule("KS250", "semantic", "'#{name}' is a directive to a client, no part of a query")

# --- Microsoft's: meaning ---
KS107 = _rule("KS107", "semantic", "expected a value of type {expected}, this is {actual}")
KS106 = _rule("KS106", "semantic", "the operator {operator} cannot be used with {types}")
KS116 = _rule("KS116", "semantic", "{what} cannot be of type {actual}")
KS142 = _rule("KS142", "semantic", "the name '{name}' does not refer to any known column, table, variable or function")
KS171 = _rule("KS171", "semantic", "the column '{name}' is given twice")
KS204 = _rule("KS204", "semantic", "there is no table '{name}'")
KS211 = _rule("KS211", "semantic", "there is no function '{name}'")
KS109 = _rule("KS109", "semantic", "expected the name of a column")
KS117 = _rule("KS117", "semantic", "the function '{name}' is called with its arguments in parentheses")
KS120 = _rule("KS120", "semantic", "the function '{name}' takes {counts}, here are {given}")
KS138 = _rule("KS138", "semantic", "expected a number, timespan or datetime, this is {actual}")
KS141 = _rule("KS141", "semantic", "{what} must be a {expected}")
KS144 = _rule("KS144", "semantic", "the aggregate '{name}' is only for summarize and its like")
KS191 = _rule("KS191", "semantic", "a * cannot stand here")
KS205 = _rule("KS205", "semantic", "there is no table '{name}': it is left out, as isfuzzy asks", Severity.WARNING)
KS207 = _rule("KS207", "semantic", "nothing is known of {what}: its columns cannot be checked", Severity.WARNING)
KS227 = _rule(
    "KS227",
    "semantic",
    "the column '{name}' is {left} on the left side and {right} on the right: they cannot be joined",
)
KS232 = _rule("KS232", "semantic", "the arguments have no type in common: {types}")
KS236 = _rule("KS236", "semantic", "'{name}' is neither grouped by nor inside an aggregate")

# --- ours ---
LU001 = _rule("LU001", "unsupported", "{construct}: not supported")
LU002 = _rule("LU002", "denied", "{what} is off until you allow it")
LU003 = _rule("LU003", "error", "the query is too large: {what} (limit {limit})")
LU004 = _rule("LU004", "unsupported", "'{text}' cannot be read as {type}")
LU005 = _rule("LU005", "semantic", "a value is expected here, this is a table")
LU006 = _rule("LU006", "semantic", "a table is expected here, this is a value")
LU007 = _rule("LU007", "semantic", "the function '{name}' calls itself")
LU008 = _rule("LU008", "semantic", "{what} must be known before the query runs: a constant")
LU009 = _rule("LU009", "semantic", "the parameter '{name}' of {function} is {problem}")
LU010 = _rule("LU010", "semantic", "{what} is not known here: {columns} are null", Severity.WARNING)
LU011 = _rule("LU011", "semantic", "{message}")
LU012 = _rule(
    "LU012", "semantic", "no column '{name}' is listed here: where no row has it, it is null", Severity.WARNING
)
LU023 = _rule("LU023", "denied", "{what} cannot be had: {why}")
LU024 = _rule("LU024", "denied", "{what} is not here")
LU025 = _rule("LU025", "semantic", "{what} is computed from what is here: {how}", Severity.WARNING)
LU026 = _rule(
    "LU026", "semantic", "the watchlist '{alias}' has no column SearchKey: nobody has said what it is", Severity.WARNING
)
LU027 = _rule(
    "LU027", "unsupported", "nothing says what '{name}' is: it is no column of what was summarized, nor declared"
)
LU020 = _rule(
    "LU020", "semantic", "= compares nothing here: it gives the condition the name '{name}'", Severity.WARNING
)


@dataclass
class Refused(Exception):
    """A text that does not stand: its diagnostics, at least one of them an error."""

    diagnostics: tuple[Diagnostic, ...]
    source: Source = field(default_factory=lambda: Source(""))

    def __str__(self) -> str:
        return render(self.diagnostics, self.source)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the message, as the command line has it."""
        return [str(self)]

    @property
    def kind(self) -> ErrorKind:
        """The kind of the first error; a mistake in the text comes before what is only not supported or not allowed."""
        errors = [d for d in self.diagnostics if d.is_error] or list(self.diagnostics)
        return next((d.kind for d in errors if d.kind in ("syntax", "semantic")), errors[0].kind)


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
        f"{gutter} | {masked(text)}",
        f"{' ' * len(gutter)} | {pad}{'^' * width}",
    ]
    if diagnostic.hint:
        lines.append(f"{' ' * len(gutter)} = hint: {diagnostic.hint}")
    return "\n".join(lines)
