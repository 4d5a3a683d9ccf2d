"""YAML with places: the events of PyYAML's C parser as a small tree that knows where each value stands.

PyYAML's own composer recurses in C (a file of a million brackets ends the process) and forgets places. This one is a loop with
limits, refuses a key that is given twice (PyYAML silently keeps the last), and expands aliases within a budget.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lurcher.content import codes
from lurcher.content.model import Plain
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

MAX_DEPTH = 40
MAX_NODES = 200_000
#: How many nodes aliases may expand to (the "billion laughs" file has ten lines).
MAX_EXPANDED = 100_000


@dataclass(slots=True, eq=False)
class Node:
    """`kind` is `scalar`, `sequence` or `mapping`. `value` is a scalar's text, `items` a sequence's members, `pairs` a
    mapping's keys and values in order. `style` is YAML's: `|`, `>`, `"`, `'` or "" for plain."""

    kind: str
    span: Span
    value: str = ""
    style: str = ""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    flow: bool = False

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and self.style == "" and self.value in ("", "~", "null", "Null", "NULL")

    def get(self, key: str) -> Node | None:
        return next((v for k, v in self.pairs if k.value == key), None)


@dataclass
class Broken(Exception):
    """The text is no YAML, or breaks a limit."""

    diagnostic: Diagnostic


def parse(text: str) -> list[Node]:
    """The documents of a YAML text. Raises `Broken`."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _compose(text, yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index, len(text)) if mark else 0
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise Broken(codes.BAD_YAML.at(Span(at, at + 1), problem=problem)) from None
    except yaml.reader.ReaderError as error:
        at = (
            text.find(str(error.character)) if not isinstance(error.character, int) else text.find(chr(error.character))
        )
        raise Broken(
            codes.BAD_YAML.at(Span(max(at, 0), max(at, 0) + 1), problem="a character that YAML forbids")
        ) from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise Broken(codes.BAD_YAML.at(Span(0, 1), problem=str(error).splitlines()[0])) from None


def _compose(text: str, events: Any) -> list[Node]:
    documents: list[Node] = []
    anchors: dict[str, Node] = {}
    stack: list[Node] = []
    #: A mapping's key that waits for its value, one a level of `stack`.
    keys: list[Node | None] = []
    count = 0
    for event in events:
        name = type(event).__name__
        if name == "DocumentStartEvent":
            anchors = {}
            continue
        if name in ("SequenceEndEvent", "MappingEndEvent"):
            node = stack.pop()
            keys.pop()
            node.span = Span(
                node.span.start, event.end_mark.index if node.flow else max(node.span.end, _last_end(node))
            )
            continue
        if name not in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent", "AliasEvent"):
            continue
        count += 1
        span = Span(event.start_mark.index, event.end_mark.index)
        if count > MAX_NODES:
            raise Broken(codes.TOO_LARGE.at(span, what="values", limit=f"{MAX_NODES:,}"))
        if name == "AliasEvent":
            if event.anchor not in anchors:
                raise Broken(codes.BAD_YAML.at(span, problem=f"the alias *{event.anchor} has no anchor"))
            node = anchors[event.anchor]
        elif name == "ScalarEvent":
            # PyYAML gives a plain scalar's style as None and a forced `!!str` as explicit.
            plain = event.style is None or event.style == ""
            style = "" if plain and event.tag != "tag:yaml.org,2002:str" else (event.style or "!")
            node = Node("scalar", span, event.value, style)
        else:
            node = Node("sequence" if name == "SequenceStartEvent" else "mapping", span, flow=bool(event.flow_style))
        if getattr(event, "anchor", None) and name != "AliasEvent":
            anchors[event.anchor] = node
        _attach(node, stack, keys, documents, span)
        if node.kind != "scalar" and name != "AliasEvent":
            if len(stack) >= MAX_DEPTH:
                raise Broken(codes.TOO_LARGE.at(span, what="nesting", limit=str(MAX_DEPTH)))
            stack.append(node)
            keys.append(None)
    return documents


def _attach(node: Node, stack: list[Node], keys: list[Node | None], documents: list[Node], span: Span) -> None:
    if not stack:
        documents.append(node)
        return
    parent = stack[-1]
    if parent.kind == "sequence":
        parent.items.append(node)
        return
    key = keys[-1]
    if key is None:
        if node.kind != "scalar":
            raise Broken(codes.BAD_YAML.at(span, problem="a key that is a list or a mapping"))
        if node.value == "<<" and node.style == "":
            raise Broken(codes.MERGE_KEY.at(span))
        keys[-1] = node
        return
    if key.value in parent.names:
        raise Broken(codes.KEY_TWICE.at(key.span, key=key.value))
    parent.names.add(key.value)
    parent.pairs.append((key, node))
    keys[-1] = None


def _last_end(node: Node) -> int:
    """Where a block's last value ends: PyYAML ends a block at the next token, blank lines and comments included."""
    if node.items:
        return node.items[-1].span.end
    return node.pairs[-1][1].span.end if node.pairs else node.span.start


_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def plain(node: Node, budget: list[int] | None = None) -> Plain:
    """A node as plain data: YAML 1.2's core types, so that `yes` and `NO` (the country) stay texts.

    `budget` is what several nodes have together, in its one member. Raises `Broken` where aliases expand beyond it, or contain
    themselves.
    """
    return _plain(node, budget if budget is not None else [MAX_EXPANDED], 0)


def _plain(node: Node, budget: list[int], depth: int) -> Plain:
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH * 2:
        raise Broken(codes.TOO_LARGE.at(node.span, what="what aliases expand to", limit=f"{MAX_EXPANDED:,} values"))
    if node.kind == "sequence":
        return [_plain(item, budget, depth + 1) for item in node.items]
    if node.kind == "mapping":
        return {k.value: _plain(v, budget, depth + 1) for k, v in node.pairs}
    if node.style:
        return node.value
    if node.is_null:
        return None
    if node.value in _BOOLS:
        return _BOOLS[node.value]
    if _NUMBER.fullmatch(node.value):
        return int(node.value)
    if _REAL.fullmatch(node.value):
        return float(node.value)
    return node.value
