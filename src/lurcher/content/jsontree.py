"""JSON with places: a text as the nodes of `yamltree`, so that what reads YAML reads it as well.

A YAML parser takes most JSON, not all: tabs, and the halves in which JSON escapes characters beyond U+FFFF.
"""

from __future__ import annotations

import json
import re
from typing import Any

from lurcher.content import codes
from lurcher.content.yamltree import MAX_DEPTH, MAX_NODES, Broken, Node
from lurcher.kql.source import Span

#: The standard library's own, which its stubs do not name.
_scanstring: Any = vars(json.decoder)["scanstring"]
_WHITE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")


def parse(text: str) -> Node:
    """Raises `Broken` where the text is no JSON, gives a key twice, or breaks a limit."""
    stack: list[Node] = []
    #: The key of a mapping that waits for its value, one a level of `stack`.
    keys: list[Node | None] = []
    count = 0
    at = _skip(text, 0)
    while True:
        count += 1
        if count > MAX_NODES:
            raise Broken(codes.TOO_LARGE.at(Span(at, at + 1), what="values", limit=f"{MAX_NODES:,}"))
        node, at = _value(text, at)
        if stack:
            _attach(stack[-1], keys, node)
        if node.flow and text[at : at + 1] not in ("}", "]"):
            if len(stack) >= MAX_DEPTH:
                raise Broken(codes.TOO_LARGE.at(node.span, what="nesting", limit=str(MAX_DEPTH)))
            stack.append(node)
            keys.append(None)
            at = _key(text, at, stack, keys)
            continue
        if node.flow:
            at = _close(text, at, node)
        while True:
            at = _skip(text, at)
            if not stack:
                if at < len(text):
                    raise _wrong(at, "the text goes on behind the end of its value")
                return node
            if text[at : at + 1] == ",":
                at = _key(text, _skip(text, at + 1), stack, keys)
                break
            at = _close(text, at, stack[-1])
            node = stack.pop()
            keys.pop()


def _skip(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return found.end() if found else at


def _wrong(at: int, problem: str) -> Broken:
    return Broken(codes.BAD_JSON.at(Span(at, at + 1), problem=problem))


def _value(text: str, at: int) -> tuple[Node, int]:
    """A scalar, or a container that is begun."""
    mark = text[at : at + 1]
    if mark in ("{", "["):
        node = Node("mapping" if mark == "{" else "sequence", Span(at, at + 1), flow=True)
        return node, _skip(text, at + 1)
    if mark == '"':
        return _string(text, at)
    found = _PLAIN.match(text, at)
    if found is None:
        raise _wrong(at, "a value is expected here" if mark else "the text ends too early")
    return Node("scalar", Span(at, found.end()), found[0]), found.end()


def _string(text: str, at: int) -> tuple[Node, int]:
    try:
        value, end = _scanstring(text, at + 1, False)
    except json.JSONDecodeError as error:
        raise _wrong(min(error.pos, len(text)), error.msg.lower()) from None
    # Half a character is none: it could not be written again.
    value = value.encode("utf-8", "replace").decode("utf-8")
    return Node("scalar", Span(at, end), value, '"'), end


def _key(text: str, at: int, stack: list[Node], keys: list[Node | None]) -> int:
    """Of a mapping, its next key is read, up to the value."""
    if stack[-1].kind == "sequence":
        return at
    if text[at : at + 1] != '"':
        raise _wrong(at, "a key in quotes is expected here")
    keys[-1], at = _string(text, at)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise _wrong(at, "':' is expected here")
    return _skip(text, at + 1)


def _attach(parent: Node, keys: list[Node | None], node: Node) -> None:
    if parent.kind == "sequence":
        parent.items.append(node)
        return
    key = keys[-1]
    assert key is not None
    if key.value in parent.names:
        raise Broken(codes.KEY_TWICE.at(key.span, key=key.value))
    parent.names.add(key.value)
    parent.pairs.append((key, node))


def _close(text: str, at: int, node: Node) -> int:
    mark = "}" if node.kind == "mapping" else "]"
    if text[at : at + 1] != mark:
        raise _wrong(at, f"',' or '{mark}' is expected here")
    node.span = Span(node.span.start, at + 1)
    return at + 1
