"""A YAML mapping read field by field: what is mended is noted, what cannot be is a problem, nothing is dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lurcher.content import codes
from lurcher.content.fields import SYNONYMS
from lurcher.content.mending import Mended
from lurcher.content.model import Edit, Plain, Presence
from lurcher.content.places import Marked, align, cut
from lurcher.content.yamltree import Node, plain
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Source, Span


@dataclass
class Reader:
    """`file` is the whole file's text; `mended` what was parsed, with places in it."""

    node: Node
    file: Source
    mended: Mended
    parsed: str
    newline: str = "\n"
    repairs: list[Diagnostic] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    values: dict[str, Node] = field(default_factory=dict)
    presences: dict[str, Presence] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.node.pairs:
            name = SYNONYMS.get(key.value, key.value)
            if name != key.value:
                if self.node.get(name) is not None:
                    # Both are there: the key proper counts, the other is kept as it is.
                    name = key.value
                else:
                    self.repairs.append(codes.SYNONYM.at(self.span(key), key=key.value, meant=name))
                    self.edits.append(Edit(self.span(key), name))
            self.values[name] = value
            self.presences[name] = presence(value)
            self.spans[name] = self.span(value if presence(value) is Presence.GIVEN else key)

    def span(self, node: Node) -> Span:
        return self.mended.span_in_file(node.span)

    def wrong(self, key: str, node: Node, expected: str) -> None:
        self.problems.append(codes.WRONG_TYPE.at(self.span(node), key=key, actual=described(node), expected=expected))

    def text(self, key: str) -> str:
        """A scalar's text as written; "" where it is missing or null."""
        node = self.values.get(key)
        if node is None or node.is_null:
            return ""
        if node.kind != "scalar":
            self.wrong(key, node, "a text")
            return ""
        return node.value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts. One text, or several with commas, is mended to a list."""
        node = self.values.get(key)
        return () if node is None else self.texts_of(key, node)

    def texts_of(self, key: str, node: Node) -> tuple[str, ...]:
        if node.is_null:
            return ()
        if node.kind == "mapping":
            self.wrong(key, node, "a list of texts")
            return ()
        if node.kind == "scalar":
            items = tuple(part for part in (p.strip().strip("[]'\"") for p in node.value.split(",")) if part)
            if items:
                self.repairs.append(codes.SCALAR_LIST.at(self.span(node), key=key, items=", ".join(items)))
                self.edits.append(self._as_list(node, items))
            return items
        texts = []
        for item in node.items:
            if item.kind != "scalar":
                self.wrong(key, item, "a text")
            elif not item.is_null and item.value.strip():
                texts.append(item.value.strip())
        return tuple(texts)

    def _as_list(self, node: Node, items: tuple[str, ...]) -> Edit:
        span = self.span(node)
        row = self.parsed[self.parsed.rfind("\n", 0, node.span.start) + 1 : node.span.start]
        # The key stands after the white space and, in a list's first member, after the dash.
        indent = " " * (len(row) - len(row.lstrip(" -")))
        end = span.end
        while end > span.start and self.file.text[end - 1] in " \t\r\n":
            end -= 1
        start = span.start
        while start > 0 and self.file.text[start - 1] in " \t":
            start -= 1
        return Edit(Span(start, end), "".join(f"{self.newline}{indent}  - {item}" for item in items))

    def choice(self, key: str, canonical: Callable[[str], str]) -> str:
        """A text in one of several spellings; as written where `canonical` knows none ("")."""
        value = self.text(key)
        meant = canonical(value) or value
        if meant != value:
            self.repairs.append(codes.SPELLING.at(self.spans[key], key=key, value=value, meant=meant))
        return meant

    def members(self, key: str) -> list[Node]:
        """The mappings of a list; a single mapping is mended to a list of one."""
        node = self.values.get(key)
        if node is None or node.is_null or (node.kind == "scalar" and not node.value.strip()):
            return []
        if node.kind == "mapping":
            self.repairs.append(codes.ONE_MAPPING.at(self.span(node), key=key))
            return [node]
        if node.kind == "scalar":
            self.wrong(key, node, "a list")
            return []
        for item in node.items:
            if item.kind != "mapping":
                self.wrong(key, item, "a mapping")
        return [item for item in node.items if item.kind == "mapping"]

    def source(self, key: str) -> Source:
        """A scalar's text, each character with its place in the file."""
        node = self.values.get(key)
        return self.source_of(node) if node is not None and node.kind == "scalar" else cut(self.file, "", [])

    def source_of(self, node: Node) -> Marked:
        raw = self.parsed[node.span.start : node.span.end]
        marks: list[tuple[int, int]] | None = None
        if node.style == "|":
            marks = _literal(node.value, raw, node.span.start)
        if marks is None:
            skip = 1 if node.style in ("'", '"') else raw.find("\n") + 1 if node.style in ("|", ">") else 0
            marks = align(node.value, raw[skip:], node.span.start + skip, node.style)
        return cut(self.file, node.value, [(offset, self.mended.in_file(there)) for offset, there in marks])

    def rest(self, known: frozenset[str]) -> dict[str, Plain]:
        """What no field has read, as plain data. Raises `yamltree.Broken` where aliases grow without bound."""
        return {key: plain(node) for key, node in self.values.items() if key not in known}


def presence(node: Node) -> Presence:
    if node.is_null:
        # YAML's `key:` and `key: null` mean the same.
        return Presence.NULL
    empty = not node.value.strip() if node.kind == "scalar" else not (node.items or node.pairs)
    return Presence.EMPTY if empty else Presence.GIVEN


def described(node: Node) -> str:
    if node.kind == "scalar":
        return "empty" if not node.value else f"'{node.value[:40]}'"
    return "a list" if node.kind == "sequence" else "a mapping"


def _literal(value: str, raw: str, start: int) -> list[tuple[int, int]] | None:
    """A `|` block's marks, one a row: quick, for queries. None where the rows do not fit (line ends that only YAML knows)."""
    rows = raw.split("\n")
    wanted = value.split("\n")
    marks: list[tuple[int, int]] = []
    at = start + len(rows[0]) + 1
    offset = 0
    for have, want in zip(rows[1:], wanted, strict=False):
        have_text = have.rstrip("\r")
        if not have_text.endswith(want):
            return None
        marks.append((offset, at + len(have_text) - len(want)))
        at += len(have) + 1
        offset += len(want) + 1
    return marks or None
