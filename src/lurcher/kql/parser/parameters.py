"""The `name=value` settings that stand between an operator's keyword and its operands."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005_VALUE, KS006
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.literals import literal
from lurcher.kql.syntax import Expression, Name, NameRef, Parameter
from lurcher.kql.tokens import TokenKind, words

#: name -> the words it takes; None where it takes any value.
Spec = dict[str, tuple[str, ...] | None]

_SIDES = ("auto", "left", "local", "right", "unresolved")
#: Settings that only tell the service how to work, not what the result is; their values are compared without case.
SHUFFLE: Spec = {"hint.shufflekey": None, "hint.strategy": ("shuffle",), "hint.num_partitions": None}
JOIN: Spec = {
    "kind": words(
        "inner fullouter innerunique leftanti leftantisemi anti leftouter leftsemi rightanti rightantisemi rightouter"
        " rightsemi"
    ),
    "hint.remote": _SIDES,
    "hint.shufflekey": None,
    "hint.strategy": ("auto", "broadcast", "centralized", "shuffle"),
    "hint.num_partitions": None,
}
LOOKUP: Spec = {**JOIN, "kind": ("inner", "leftouter")}
DISTINCT: Spec = {**SHUFFLE, "hint.strategy": JOIN["hint.strategy"]}
UNION: Spec = {
    "kind": ("inner", "outer"),
    "withsource": None,
    "with_source": None,
    "isfuzzy": None,
    "__isFuzzy": None,
    "best_effort": None,
    "hint.concurrency": None,
    "hint.spread": None,
}
PARTITION: Spec = {
    "hint.concurrency": None,
    "hint.spread": None,
    "hint.materialized": None,
    "hint.shufflekey": None,
    "hint.strategy": ("shuffle", "native", "legacy"),
}


def parameter(p: Cursor, words: tuple[str, ...] | None = None) -> Parameter:
    """`name=value`; the value is a word, a name in brackets, or a literal."""
    start = p.pos
    name = p.texts[start]
    if p.kinds[start] != TokenKind.WORD:
        p.fail(KS006, p.here(), expected="a name=value")
    p.pos += 1
    p.expect("=")
    at = p.pos
    value: Expression | None = literal(p)
    if value is None:
        if p.kinds[at] == TokenKind.WORD:
            p.pos += 1
            value = NameRef(Name(p.texts[at], span=p.span(at)), span=p.span(at))
        elif p.texts[at] == "[":
            value = NameRef(p.name(), span=p.span(at))
        else:
            p.fail(KS006, p.here(), expected=f"a value of {name}")
    if words is not None:
        text = p.texts[at].strip("'\"")
        if (text.lower() if name.startswith("hint.") else text) not in [w.lower() if "." in name else w for w in words]:
            hint = "outer joins are leftouter, rightouter and fullouter" if name == "kind" and "inner" in words else ""
            p.say(KS005_VALUE.at(p.span(at), expected=f"{name} to be one of {', '.join(words)}", hint=hint))
    return Parameter(name, value, span=p.span(start))


def parameters(p: Cursor, spec: Spec) -> tuple[Parameter, ...]:
    """The settings at hand that are in `spec`."""
    if p.texts[p.pos + 1] != "=" or p.texts[p.pos] not in spec:
        return ()
    found: list[Parameter] = []
    while p.texts[p.pos] in spec and p.texts[p.pos + 1] == "=":
        found.append(parameter(p, spec[p.texts[p.pos]]))
    return tuple(found)


def properties(p: Cursor) -> tuple[Parameter, ...]:
    """`name=value, name=value` without brackets, as `reduce ... with` takes them."""
    found: list[Parameter] = []
    while p.kinds[p.pos] == TokenKind.WORD and p.texts[p.pos + 1] == "=":
        found.append(parameter(p))
        if not p.accept(","):
            break
    return tuple(found)
