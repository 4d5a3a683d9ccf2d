"""Rules -> everything that is wrong with them: repairs, problems of loading, the compiler's diagnostics, the checks.

A line in the rule's file silences a check for the rule, with the reason: `# lurcher: ignore LU206 read aloud in the shift` in YAML,
`// lurcher: ignore ...` in a query. Errors are not silenced, but those that a workspace may know better (`may_be_silenced`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lurcher.content import checks as _checks  # noqa: F401 (fills the registry)
from lurcher.content import codes
from lurcher.content.checks.registry import CHECKS, Compile, Context
from lurcher.content.model import Placed, Rule
from lurcher.kql.diagnostics import RULES, Diagnostic, Severity
from lurcher.kql.diagnostics import Rule as Code
from lurcher.kql.source import Span

_SILENCE = re.compile(r"(?://|#)\s*lurcher:\s*ignore\b[ \t]*([A-Za-z]{2}[0-9]{3})?[ \t]*([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a rule. `silenced` is the reason that was given, "" where it counts. `fixable`: `check --fix`
    writes it."""

    rule: Rule
    placed: Placed
    silenced: str = ""
    fixable: bool = False

    @property
    def code(self) -> str:
        return self.placed.diagnostic.code

    @property
    def severity(self) -> Severity:
        return self.placed.diagnostic.severity

    def as_data(self) -> dict[str, Any]:
        """For JSON: plain values, in the order in which they are read."""
        line, column = self.placed.position
        diagnostic = self.placed.diagnostic
        data = {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            "file": self.placed.source.name,
            "line": line,
            "column": column,
            "length": diagnostic.span.length,
            "hint": diagnostic.hint,
            "rule": self.rule.key,
            "name": self.rule.name,
            "fixable": self.fixable,
        }
        return data | ({"silenced": self.silenced} if self.silenced else {})


NOT_MENDED = codes.declare("LU240", "the repairs are not written: {why}", Severity.WARNING)
UNFORESEEN = codes.declare(
    "LU249", "this rule could not be checked: unforeseen {what}; a defect of lurcher, please report it", Severity.ERROR
)

CUSTOM_TABLE = codes.declare(
    "LU330", "nothing is known of the table {name}: the query is not checked any further", Severity.NOTE
)
#: Tables of a workspace's own end in `_CL`.
_CUSTOM = re.compile(r"'(\w+_CL)'")

#: Code -> the reason for which a rule silences it.
Silences = dict[str, str]

#: What `write_fixed` mends.
FIXABLE = frozenset(
    c.code for c in (codes.BOM, codes.TABS, codes.DASH_COLUMN, codes.FLAT, codes.SCALAR_LIST, codes.SYNONYM)
)


def check_rule(
    rule: Rule, *, today: dt.date, compile: Compile | None = None, ids: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[Problem, ...]:
    """All problems of one rule, in the order of the file. `compile` is what knows queries; without it only metadata is judged."""
    context = Context(rule, today, compile, ids or {})
    silences, bad = silences_of(rule)
    found = [Placed(d, rule.file) for d in (*rule.repairs, *rule.problems)]
    found += [Placed(_as_lint(d), rule.query_source) for d in context.compiled.diagnostics]
    found += [placed for row in CHECKS.values() for placed in row.run(context)]
    problems = [_problem(rule, placed, silences) for placed in (*found, *bad)]
    return tuple(sorted(problems, key=lambda p: (p.placed.source.name != rule.file.name, p.placed.position)))


def _as_lint(diagnostic: Diagnostic) -> Diagnostic:
    """The compiler's word as a linter has it. What only this place lacks (a list from the web, a watchlist, a workspace's own
    tables) keeps the query from running here, and is no defect of the rule."""
    if diagnostic.kind == "denied":
        return replace(diagnostic, severity=Severity.NOTE)
    custom = _CUSTOM.search(diagnostic.message) if diagnostic.code == "KS204" else None
    if custom is not None:
        return CUSTOM_TABLE.at(diagnostic.span, name=custom[1])
    return diagnostic


def may_be_silenced(diagnostic: Diagnostic | Code) -> bool:
    """All but errors; of these what is no defect of the rule for certain: KQL that is not supported here, a table or a function
    that a workspace may have of its own."""
    return (
        diagnostic.severity is not Severity.ERROR or diagnostic.kind in ("unsupported", "denied")
        or diagnostic.code in ("KS204", "KS211")
    )  # fmt: skip


def check_rules(rules: Iterable[Rule], *, today: dt.date, compile: Compile | None = None) -> Iterator[Problem]:
    """All problems of many rules, ids that are used twice among them."""
    rules = tuple(rules)
    ids = ids_of(rules)
    for rule in rules:
        yield from check_rule(rule, today=today, compile=compile, ids=ids)


def ids_of(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """Lower-case id -> the paths of the rules that have it."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        if rule.id:
            found.setdefault(rule.id.lower(), []).append(rule.path)
    return {id_: tuple(paths) for id_, paths in found.items()}


def exit_code(problems: Iterable[Problem]) -> int:
    """As linters do: 0 nothing but notes, 1 warnings or errors that are not silenced."""
    return int(any(not p.silenced and p.severity is not Severity.NOTE for p in problems))


def _problem(rule: Rule, placed: Placed, silences: Silences) -> Problem:
    diagnostic = placed.diagnostic
    silenced = silences.get(diagnostic.code, "") if may_be_silenced(diagnostic) else ""
    return Problem(rule, placed, silenced, diagnostic.code in FIXABLE and rule.format == "sentinel")


def silences_of(rule: Rule) -> tuple[Silences, list[Placed]]:
    """Code -> reason, and the silences that are none."""
    found: Silences = {}
    bad: list[Placed] = []
    if "lurcher:" not in rule.file.text:
        return found, bad
    for match in _SILENCE.finditer(rule.file.text):
        code, reason = (match[1] or "").upper(), match[2].strip()
        why = ""
        if not code:
            why = "a silence names the code: 'lurcher: ignore LU206 the reason'"
        elif code not in RULES:
            why = f"there is no check '{code}'"
        elif not may_be_silenced(RULES[code]):
            why = f"{code} is an error, and errors are not silenced"
        elif not reason:
            why = f"the silence of {code} gives no reason"
        if why:
            bad.append(Placed(codes.BAD_SILENCE.at(Span(match.start(), match.end()), why=why), rule.file))
        else:
            found[code] = reason
    return found, bad
