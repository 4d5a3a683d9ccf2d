"""Small changes to a rule, one at a time, on the syntax tree: what a test should notice.

Of the query: a condition left out or turned round, `==` for `!=`, `has` for `contains`, `<` for `<=`, `and` for `or`, a term left
out of a list, a time span doubled or halved, a number that is compared changed by one. Of an exclusion: the same of its expression,
the exclusion left out, `match: any` for `every`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from lurcher.content.exclusions import parsing
from lurcher.content.model import Exclusion, Rule
from lurcher.kql.rewrite import combine, operands, transform, walk
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import Between, Binary, Call, Expression, In, Literal, Name, Node, WhereOp
from lurcher.kql.types import ScalarType

N = TypeVar("N", bound=Node)

#: Of one rule. What lies beyond is told, not tried.
MAX_MUTANTS = 300
_SWAPS = {
    "==": "!=", "!=": "==", "=~": "!~", "!~": "=~",
    "has": "contains", "contains": "has", "!has": "!contains", "!contains": "!has",
    "has_cs": "contains_cs", "contains_cs": "has_cs", "!has_cs": "!contains_cs", "!contains_cs": "!has_cs",
    "startswith": "contains", "endswith": "contains", "hasprefix": "contains", "hassuffix": "contains",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "and": "or", "or": "and",
}  # fmt: skip
_LIST_SWAPS = {
    "in": "!in", "!in": "in", "in~": "!in~", "!in~": "in~", "has_any": "has_all", "has_all": "has_any",
}  # fmt: skip
_COMPARED = frozenset(("<", "<=", ">", ">=", "==", "!="))


@dataclass(frozen=True)
class Mutant:
    """A rule with one change. `what` says it in words; `line` is that of the changed place in the file `path`. `exclusion` is the
    id of the changed one, "" for the query."""

    rule: Rule
    what: str
    path: str
    line: int
    exclusion: str = ""


def mutants(rule: Rule, excluded: frozenset[str]) -> list[Mutant]:
    """The rule's mutants, in the order of their places; of exclusions those of `excluded`, which some test has in force."""
    found = [*_of_query(rule)]
    for exclusion in rule.exclusions:
        if exclusion.id in excluded:
            found += _of_exclusion(rule, exclusion)
    seen: set[tuple[str, tuple[tuple[str, str, str], ...]]] = set()
    distinct = []
    for one in found:
        key = one.rule.query, tuple((e.id, e.when, e.match) for e in one.rule.exclusions)
        if key not in seen:
            seen.add(key)
            distinct.append(one)
    return distinct


def _of_query(rule: Rule) -> Iterator[Mutant]:
    script, problems = parsing.script(rule.query)
    if any(p.is_error for p in problems):
        return
    for changed, what, span in _changed(script):
        text = parsing.text(changed)
        line = rule.query_source.position(min(span.start, len(rule.query)))[0]
        yield Mutant(replace(rule, query=text, query_source=Source(text, rule.path)), what, rule.path, line)


def _of_exclusion(rule: Rule, exclusion: Exclusion) -> Iterator[Mutant]:
    def changed(new: Exclusion | None, what: str, line: int) -> Mutant:
        others = (new if e is exclusion else e for e in rule.exclusions)
        kept = tuple(e for e in others if e is not None)
        return Mutant(replace(rule, exclusions=kept), what, exclusion.file.name, line, exclusion.id)

    first = exclusion.file.position(min(exclusion.span.start, len(exclusion.file.text)))[0]
    yield changed(None, "left out", first)
    if exclusion.match == "every":
        yield changed(replace(exclusion, match="any"), "match: any for match: every", first)
    tree, problems = parsing.expression(exclusion.when)
    if any(p.is_error for p in problems):
        return
    for new, what, span in _changed(tree):
        text = parsing.text(new)
        line = exclusion.when_source.position(min(span.start, len(exclusion.when)))[0]
        yield changed(replace(exclusion, when=text, when_source=Source(text, exclusion.file.name)), what, line)


def _changed(tree: N) -> Iterator[tuple[N, str, Span]]:
    """Each changed tree, the change in words, and the place."""

    def swapped(old: Node, new: Node) -> N:
        return transform(tree, lambda n: new if n is old else n)

    whole = tree if isinstance(tree, Expression) else None
    tops = [whole] if whole is not None else [n.predicate for n in walk(tree) if isinstance(n, WhereOp)]
    for top in tops:
        yield from _conjuncts(top, swapped, alone=whole is None)
    compared = {
        id(side) for n in walk(tree) if isinstance(n, Binary) and n.op in _COMPARED for side in (n.left, n.right)
    }
    compared |= {id(side) for n in walk(tree) if isinstance(n, Between) for side in (n.low, n.high)}
    for node in walk(tree):
        if isinstance(node, Binary) and node.op in _SWAPS:
            op = _SWAPS[node.op]
            yield swapped(node, replace(node, op=op)), f"{_short(node)}: {op} for {node.op}", _place(node)
            if node.op == "or":
                for side in (node.left, node.right):
                    yield swapped(node, side), f"only {_short(side)} of an or", _place(node)
        elif isinstance(node, In):
            if node.op in _LIST_SWAPS:
                op = _LIST_SWAPS[node.op]
                yield swapped(node, replace(node, op=op)), f"{_short(node)}: {op} for {node.op}", _place(node)
            if len(node.right) > 1:
                for i, term in enumerate(node.right):
                    rest = (*node.right[:i], *node.right[i + 1 :])
                    yield swapped(node, replace(node, right=rest)), f"{_short(term)} left out of {node.op}", term.span
        elif isinstance(node, Between):
            yield swapped(node, replace(node, negated=not node.negated)), f"{_short(node)}: turned round", node.span
        elif isinstance(node, Call) and node.name.text == "not" and len(node.arguments) == 1:
            yield swapped(node, node.arguments[0]), f"{_short(node)}: without the not", node.span
        elif isinstance(node, Literal):
            yield from ((swapped(node, n), what, node.span) for n, what in _values(node, id(node) in compared))


def _conjuncts(top: Expression, swapped: Callable[[Node, Node], N], *, alone: bool) -> Iterator[tuple[N, str, Span]]:
    parts = operands(top, "and")
    for i, part in enumerate(parts):
        if len(parts) > 1:
            rest = combine("and", [*parts[:i], *parts[i + 1 :]])
            yield swapped(top, rest), f"without the condition {_short(part)}", part.span
        elif alone:
            yes = Literal(ScalarType.BOOL, True, "true")
            yield swapped(top, yes), f"without the condition {_short(part)}", part.span
        no = Call(Name("not"), (part,))
        yield swapped(top, combine("and", [*parts[:i], no, *parts[i + 1 :]])), f"not({_short(part)})", part.span


def _values(node: Literal, compared: bool) -> Iterator[tuple[Literal, str]]:
    if node.type is ScalarType.TIMESPAN and isinstance(node.value, int) and node.value:
        for ticks, word in ((node.value * 2, "doubled"), (node.value // 2, "halved")):
            raw = _span(ticks)
            yield Literal(ScalarType.TIMESPAN, ticks, raw), f"{_short(node)} {word} to {raw}"
    elif node.type in (ScalarType.LONG, ScalarType.INT) and isinstance(node.value, int) and compared:
        for value in (node.value + 1, node.value - 1):
            if value >= 0:
                yield replace(node, value=value, raw=str(value)), f"{value} for {node.value}"


def _span(ticks: int) -> str:
    for unit, size in (("d", 864_000_000_000), ("h", 36_000_000_000), ("m", 600_000_000), ("s", 10_000_000)):
        if ticks % size == 0:
            return f"{ticks // size}{unit}"
    return f"{ticks}tick"


def _place(node: Binary | In) -> Span:
    return node.right.span if isinstance(node, Binary) else node.span


def _short(node: Expression) -> str:
    text = " ".join(parsing.text(node).split())
    return text if len(text) <= 70 else text[:67] + "..."


__all__ = ["MAX_MUTANTS", "Mutant", "mutants"]
