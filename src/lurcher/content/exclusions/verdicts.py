"""Blind spots: what an exclusion costs, judged from its text, the rule's, and a catalogue. No data is needed.

A condition is taken apart into its alternatives (each a set of tests that must all hold). An alternative that rests on one name
excuses every program that an attacker gives that name; one that rests on several things, all of the attacker's choice, needs
something beside it that he cannot choose.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lurcher.content.exclusions import codes, parsing
from lurcher.content.exclusions.collisions import collisions, hunted
from lurcher.content.exclusions.context import CERTIFICATES, ColumnsOf
from lurcher.content.exclusions.fields import FIELDS, FieldRef
from lurcher.content.exclusions.language import Understood, display, understand
from lurcher.content.exclusions.split import CannotSplit, split
from lurcher.content.model import Exclusion, Rule
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.rewrite import walk
from lurcher.kql.source import NOWHERE, Source, Span
from lurcher.kql.syntax import Binary, Call, Expression, In, Literal


class Level(enum.IntEnum):
    """What is to be done with an exclusion. `REFUSED` and `ERROR` are applied only where forced, `NOT_IN_FORCE` never."""

    OK = 0
    WARN = 1
    REFUSED = 2
    ERROR = 3
    NOT_IN_FORCE = 4


class Programs(Protocol):
    """What is known of programs; the catalogue of remote-management tools is given by the application."""

    def owners(self, executable: str) -> tuple[str, ...]:
        """The products that have a program of this name."""

    def relatives(self, words: Iterable[str]) -> tuple[str, ...]:
        """The programs of the products that these words (of a signer, a rule's name) point to."""


@dataclass(frozen=True, slots=True)
class NoPrograms:
    """Where there is no catalogue: nothing is dead, nothing collides with a product's own programs."""

    def owners(self, executable: str) -> tuple[str, ...]:
        return ()

    def relatives(self, words: Iterable[str]) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Verdict:
    """The judgement of one exclusion on one rule. Spans count in `source`."""

    exclusion: Exclusion
    level: Level
    diagnostics: tuple[Diagnostic, ...]
    source: Source
    readings: int = 1

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(d.code for d in self.diagnostics)

    @property
    def reason(self) -> str:
        """The message that weighs most, for lists."""
        order = [d for d in self.diagnostics if d.is_error] or list(self.diagnostics)
        return order[0].message if order else ""


#: One test of an alternative; `positive` is False under a negation, which narrows nothing that an attacker has to meet.
@dataclass(frozen=True, slots=True)
class Test:
    tree: Expression
    field: str
    op: str
    values: tuple[str, ...]
    positive: bool

    @property
    def chosen(self) -> bool:
        return self.field in FIELDS and FIELDS[self.field].chosen

    @property
    def span(self) -> Span:
        return self.tree.span


_MAX_ALTERNATIVES = 256
_LEVELS = {
    codes.NAME_ALONE.code: Level.ERROR,
    codes.EXCUSES_HUNTED.code: Level.REFUSED,
    codes.CANNOT_HOLD.code: Level.NOT_IN_FORCE,
}
_SCRIPT = re.compile(r"\bscripts?\b|_script_|\.(?:ps1|bat|cmd|vbs|js|sh|py|reg|xml|json)\b", re.IGNORECASE)


def judge(
    rule: Rule, exclusion: Exclusion, table: str, columns: frozenset[str], programs: Programs | None = None
) -> Verdict:
    """The blind spots of an exclusion. `table` is the one that the rule's evidence comes from, "" where it is not known."""
    programs = programs or NoPrograms()
    scenario = exclusion.scenario or exclusion.id
    understood = understand(exclusion.when_source, scenario, columns)
    said: list[Diagnostic] = [*exclusion.errors, *understood.diagnostics]
    said += _cannot_hold(rule, exclusion, understood, table, scenario)
    if understood.intended is None or exclusion.errors:
        return Verdict(exclusion, Level.NOT_IN_FORCE, tuple(said), exclusion.when_source)
    readings = [t for t in (understood.intended, understood.strict, understood.loose) if t is not None]
    if len(readings) > 1:
        words = "; ".join(
            f"{kind}: {display(t)}"
            for kind, t in (
                ("meant", understood.intended),
                ("as KQL", understood.strict),
                ("by precedence", understood.loose),
            )
            if t is not None
        )
        said.append(
            codes.READINGS.at(
                Span(0, len(exclusion.when)), scenario=scenario, count=len(readings), readings=words,
                hint="write the parentheses and the repeated test out",
            )
        )  # fmt: skip
    alternatives = alternatives_of(understood.intended)
    anchored = bool(exclusion.devices)
    for tests in alternatives:
        said += _alone(tests, scenario, anchored)
        said += _excused(rule, tests, scenario, anchored)
        said += _chosen(tests, scenario, anchored)
    said += _colliding(rule, understood.intended, scenario, programs)
    said += _dead(rule, understood.intended, scenario, programs)
    if exclusion.match == "any":
        said.append(codes.ANY_CONTEXT.at(Span(0, len(exclusion.when)), scenario=scenario))
    # Alternatives of one condition cost the same; it is said once.
    unique = tuple({(d.code, d.message): d for d in reversed(said)}.values())[::-1]
    level = max(
        (_LEVELS.get(d.code, Level.OK if d.severity == "note" else Level.WARN) for d in unique), default=Level.OK
    )
    return Verdict(exclusion, level, unique, exclusion.when_source, len(readings))


def judge_all(rule: Rule, columns_of: ColumnsOf, programs: Programs | None = None) -> list[Verdict]:
    """All exclusions of a rule, on the table that its evidence comes from."""
    script, problems = parsing.script(rule.query)
    table = ""
    if not any(p.is_error for p in problems):
        try:
            table = split(script).table
        except CannotSplit:
            # `rewrite` says why; what a text says by itself is judged all the same.
            table = ""
    columns = (columns_of(table) if table else None) or frozenset()
    return [judge(rule, e, table, columns, programs) for e in rule.exclusions]


def refusals(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """What `rewrite` keeps out of force: id -> reason."""
    return {v.exclusion.id: v.reason for v in verdicts if v.level >= Level.REFUSED}


# --- taking a condition apart ---
def alternatives_of(tree: Expression) -> list[tuple[Test, ...]]:
    """Disjunctive form: `a and (b or c)` -> [(a, b), (a, c)]. A condition of too many alternatives is judged by its tests alone."""
    found = _dnf(tree, True)
    if found is None:
        found = [
            (test,) for node in walk(tree) if isinstance(node, Expression) and (test := _test(node, True)) is not None
        ]
    return found


def _dnf(tree: Expression, positive: bool) -> list[tuple[Test, ...]] | None:
    if isinstance(tree, Call) and tree.name.text == "not" and len(tree.arguments) == 1:
        return _dnf(tree.arguments[0], not positive)
    if isinstance(tree, Binary) and tree.op in ("and", "or"):
        left, right = _dnf(tree.left, positive), _dnf(tree.right, positive)
        if left is None or right is None:
            return None
        if (tree.op == "or") == positive:
            return left + right if len(left) + len(right) <= _MAX_ALTERNATIVES else None
        return [a + b for a in left for b in right] if len(left) * len(right) <= _MAX_ALTERNATIVES else None
    test = _test(tree, positive)
    return [(test,)] if test is not None else [()]


def _test(tree: Expression, positive: bool) -> Test | None:
    if isinstance(tree, Binary) and tree.op not in ("and", "or"):
        left, op = tree.left, tree.op
        rights: tuple[Expression, ...] = (tree.right,)
        if isinstance(left, Literal):
            left, rights = tree.right, (tree.left,)
    elif isinstance(tree, In):
        left, rights, op = tree.left, tree.right, tree.op
    else:
        return None
    # `tolower(process.name) == "x"` is a test on the name.
    name = next((n.field for n in walk(left) if isinstance(n, FieldRef)), "")
    values = tuple(r.value for r in rights if isinstance(r, Literal) and isinstance(r.value, str))
    return Test(tree, name, op.removeprefix("!"), values, positive != op.startswith("!"))


# --- the blind spots ---
_NAMES = frozenset(("process.name", "file.name", "process.parent.name"))


def _narrowing(tests: Iterable[Test]) -> list[Test]:
    return [t for t in tests if t.positive]


def _alone(tests: tuple[Test, ...], scenario: str, anchored: bool) -> list[Diagnostic]:
    narrowing = _narrowing(tests)
    fields = {t.field for t in narrowing}
    if anchored or (fields and (len(fields) > 1 or not narrowing[0].chosen)):
        return []
    if not narrowing:
        span = tests[0].span if tests else NOWHERE
        cost = "it excuses all that it does not name"
        return [codes.NAME_ALONE.at(span, scenario=scenario, condition="a negation", cost=cost)]
    test = narrowing[0]
    costs = {
        "process.name": "any program of that name is excused, and a name is an attacker's to choose (T1036.005)",
        "file.name": "any file of that name is excused, and a name is an attacker's to choose (T1036.005)",
        "process.parent.name": "everything that is started from it is excused, its console included (T1059, T1072)",
    }
    cost = costs.get(test.field, "it is the attacker's to choose")
    return [codes.NAME_ALONE.at(test.span, scenario=scenario, condition=display(test.tree), cost=cost)]


def _excused(rule: Rule, tests: tuple[Test, ...], scenario: str, anchored: bool) -> list[Diagnostic]:
    fixed = anchored or any(
        t.positive and t.field in FIELDS and FIELDS[t.field].entity in ("device", "account") for t in tests
    )
    if fixed:
        return []
    for t in _narrowing(tests):
        for value in t.values:
            ids = hunted(rule.techniques, value) if t.chosen else ()
            if ids:
                return [
                    codes.EXCUSES_HUNTED.at(
                        t.span, scenario=scenario, techniques=", ".join(ids), condition=display(t.tree)
                    )
                ]
    return []


def _chosen(tests: tuple[Test, ...], scenario: str, anchored: bool) -> list[Diagnostic]:
    narrowing = _narrowing(tests)
    if anchored or not narrowing or not all(t.chosen for t in narrowing) or len({t.field for t in narrowing}) < 2:
        return []
    fields = list(dict.fromkeys(t.field for t in narrowing))
    about_file = any(f.startswith("file.") for f in fields)
    advice = "needs a hash or signer beside it" if about_file else "needs signer and path beside it"
    span = narrowing[0].span.to(narrowing[-1].span)
    return [codes.CHOSEN.at(span, scenario=scenario, fields=", ".join(fields), advice=advice)]


def _colliding(rule: Rule, tree: Expression, scenario: str, programs: Programs) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    relatives = programs.relatives(_subject(rule))
    for node in walk(tree):
        test = _test(node, True) if isinstance(node, Binary) else None
        if test is None or not test.chosen:
            continue
        for value in test.values:
            others = collisions(value, test.op, relatives)
            if others:
                shown = ", ".join(others[:6]) + (f" and {len(others) - 6} more" if len(others) > 6 else "")
                found.append(codes.COLLIDES.at(test.span, scenario=scenario, word=value, others=shown))
    return found


def _dead(rule: Rule, tree: Expression, scenario: str, programs: Programs) -> list[Diagnostic]:
    """A program that no product has, on a rule about products whose programs are known."""
    relatives = programs.relatives(_subject(rule))
    if not relatives:
        return []
    found: list[Diagnostic] = []
    for node in walk(tree):
        test = _test(node, True) if isinstance(node, Binary | In) else None
        if test is None or test.field not in _NAMES or test.op not in ("==", "=~", "in", "in~"):
            continue
        for value in test.values:
            # Only what sets out to name one of these products: of other programs the catalogue cannot know.
            related = [r for r in relatives if _stem(value) and _stem(value)[:5] == _stem(r)[:5]]
            if related and not programs.owners(value):
                why = f"no catalogue knows an {value}; its maker's programs are {', '.join(related)}"
                found.append(codes.DEAD.at(test.span, scenario=scenario, why=why, hint=f"did you mean {related[0]}?"))
    return found


def _subject(rule: Rule) -> list[str]:
    """What the rule is about: the constants of its query and its name."""
    constants = [a or b for a, b in re.findall(r"'([^'\n]{3,60})'|\"([^\"\n]{3,60})\"", rule.query)]
    return [*constants, rule.name]


def _stem(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removesuffix(".exe"))


def _cannot_hold(
    rule: Rule, exclusion: Exclusion, understood: Understood, table: str, scenario: str
) -> list[Diagnostic]:
    """A certificate event is about a signed program. Its hash is that program's, never that of a script which the program ran."""
    if table != CERTIFICATES:
        return []
    whole = Span(0, len(exclusion.when))
    match = re.search(r"\b(?:file|process)\.(?:hash[\w.]*|md5|sha1|sha256)", exclusion.when, re.IGNORECASE)
    about = f"{exclusion.scenario} {exclusion.description} {exclusion.when}"
    if match and _SCRIPT.search(about):
        why = "the hash of a script is not the hash of the signed program that the certificate is about"
        return [codes.CANNOT_HOLD.at(Span(*match.span()), scenario=scenario, why=why)]
    if understood.intended is None:
        return []
    alternatives = alternatives_of(understood.intended)
    if alternatives and all(_contradicts(tests) for tests in alternatives):
        why = "it asks one field for two values at once"
        return [codes.CANNOT_HOLD.at(whole, scenario=scenario, why=why)]
    return []


def _contradicts(tests: tuple[Test, ...]) -> bool:
    values: dict[str, set[str]] = {}
    for t in tests:
        if t.positive and t.field in FIELDS and t.op in ("==", "=~", "in", "in~"):
            here = {v.lower() for v in t.values}
            values[t.field] = values[t.field] & here if t.field in values else here
    return any(not v for v in values.values())
