"""Problems of rules as a report holds them: frozen rows that no file or rule stands behind any more.

| renderer | for whom |
|---|---|
| `lines` | a terminal: place, message, source line, caret, hint |
| `github_lines` | GitHub's workflow commands, which show a problem at its line of a pull request |
| `summary` | a table of codes, for a folder of many rules |
| `lurcher.report.sarif` | SARIF 2.1.0, for code scanning and for comparing two runs |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lurcher.kql.diagnostics import RULES, Severity
from lurcher.report.text import visible


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem. Lines and columns count from 1, in characters; the end is exclusive. `text` is the source line, `rendered` what
    a terminal shows. `rule` is empty where a file became no rule. `silenced` is the reason that was given, "" where it counts."""

    code: str
    severity: Severity
    message: str
    hint: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    rendered: str
    rule: str = ""
    name: str = ""
    silenced: str = ""
    fixable: bool = False
    #: Of a run with a baseline: "new", "updated", "unchanged"; else "".
    state: str = ""

    @property
    def counts(self) -> bool:
        """Whether it speaks for the exit code: not silenced, and not known from a baseline."""
        return not self.silenced and self.state != "unchanged"

    def as_data(self) -> dict[str, Any]:
        """For JSON: plain values, in the order in which they are read."""
        data = {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "hint": self.hint,
            "rule": self.rule,
            "name": self.name,
            "fixable": self.fixable,
        }
        return (
            data
            | ({"silenced": self.silenced} if self.silenced else {})
            | ({"state": self.state} if self.state else {})
        )


#: From mild to grave.
ORDER = (Severity.NOTE, Severity.WARNING, Severity.ERROR)


def at_least(severity: Severity, least: Severity) -> bool:
    return ORDER.index(severity) >= ORDER.index(least)


def lines(rows: Iterable[ProblemRow]) -> Iterator[str]:
    """What a terminal shows of the problems that are not silenced."""
    for row in rows:
        if not row.silenced:
            yield "\n".join(visible_line(line) for line in row.rendered.split("\n"))


def visible_line(line: str) -> str:
    """A line of a file as a terminal may have it; its tabs stay, as carets are set by them."""
    return "\t".join(map(visible, line.split("\t")))


#: How many characters of a line are shown: a query in one line may have a hundred thousand.
WIDTH = 400


def fitted(rendered: str) -> str:
    """A rendered diagnostic whose source line is long: the stretch around its caret."""
    said = rendered.split("\n")
    if len(said) < 3 or len(said[1]) <= 2 * WIDTH or "^" not in said[2]:
        return rendered
    gutter = said[2].index("|") + 2
    start = max(gutter, said[2].index("^") - WIDTH // 2)
    before = "..." if start > gutter else ""
    after = "..." if len(said[1]) > start + WIDTH else ""
    said[1] = said[1][:gutter] + before + said[1][start : start + WIDTH] + after
    said[2] = said[2][:gutter] + " " * len(before) + said[2][start : start + WIDTH]
    return "\n".join(said)


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github_lines(rows: Iterable[ProblemRow], path: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    """GitHub's workflow commands. `path`: pairs (file as it was named, file as the repository has it)."""
    names = dict(path)
    for row in rows:
        if row.silenced:
            continue
        place = {
            "file": names.get(row.file, row.file),
            "line": row.line,
            "endLine": row.end_line,
            "title": f"{row.code}{f' {row.name}' if row.name else ''}",
        }
        if row.end_line == row.line:
            # GitHub ignores columns of a problem that spans lines.
            place = place | {"col": row.column, "endColumn": row.end_column}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items())
        message = row.message + (f"\nhint: {row.hint}" if row.hint else "")
        yield f"::{_LEVELS[row.severity]} {properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    """What a workflow command takes as its message: https://github.com/actions/toolkit, packages/core, `escapeData`."""
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


@dataclass(frozen=True, slots=True)
class CodeLine:
    """How often a code was given. `message` is its template; `files` counts files, `silenced` those problems that do not count."""

    code: str
    severity: Severity
    count: int
    files: int
    silenced: int
    fixable: int
    message: str

    def as_data(self) -> dict[str, Any]:
        return {
            "code": self.code, "severity": self.severity.value, "count": self.count, "files": self.files,
            "silenced": self.silenced, "fixable": self.fixable, "message": self.message,
        }  # fmt: skip


def by_code(rows: Iterable[ProblemRow]) -> list[CodeLine]:
    """The codes, the gravest and most frequent first."""
    groups: dict[str, list[ProblemRow]] = {}
    for row in rows:
        groups.setdefault(row.code, []).append(row)
    found = [
        CodeLine(
            code,
            of[0].severity,
            sum(not r.silenced for r in of),
            len({r.file for r in of}),
            sum(bool(r.silenced) for r in of),
            sum(r.fixable for r in of),
            RULES[code].message if code in RULES else of[0].message,
        )
        for code, of in groups.items()
    ]
    return sorted(found, key=lambda c: (-ORDER.index(c.severity), -c.count, c.code))


def summary(rows: Iterable[ProblemRow]) -> Iterator[str]:
    """The codes as a table for a terminal."""
    table = by_code(rows)
    for c in table:
        more = [f"{c.silenced:,} silenced"] if c.silenced else []
        more += [f"{c.fixable:,} mended by --fix"] if c.fixable else []
        yield f"{c.count:>7,}  {c.code}  {c.severity.value:<7}  {c.message}" + (f" ({', '.join(more)})" if more else "")
