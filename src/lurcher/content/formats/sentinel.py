"""Sentinel YAML: hunting queries and analytics rules, as the Azure-Sentinel repository and its kin publish them.

A strict parse comes first; where it fails, or where a key has slipped out of its list, the repairs of `lurcher.content.mending`.
"""

from __future__ import annotations

from dataclasses import replace

from lurcher.content import codes
from lurcher.content.detections import mapping_of
from lurcher.content.fields import MEMBER_KEYS
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.mending import VEIL, Mended, mend, rows_of
from lurcher.content.model import Edit, Loaded, Placed, Rule
from lurcher.content.nodes import mapping, put, text
from lurcher.content.reader import Reader
from lurcher.content.rulefields import rule_of
from lurcher.content.yamltree import Broken, Node, parse
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span


def load(file: TextFile) -> Loaded:
    return load_part(file, file.source.text, 0, "sentinel")


def load_part(file: TextFile, text: str, start: int, form: str) -> Loaded:
    """The rules of a YAML text that stands at offset `start` of a file."""
    mended = rows_of(text, start)
    parsed = mended.freeze()
    try:
        documents = parse(parsed)
    except Broken as strict:
        retry = mend(rows_of(text, start))
        if retry.freeze() == parsed:
            return _broken(file, mended, strict.diagnostic)
        mended, parsed = retry, retry.freeze()
        try:
            documents = [_unveil(d, mended) for d in parse(parsed)]
        except Broken as still:
            return _broken(file, mended, still.diagnostic)
    if any(_slipped(d) for d in documents):
        retry = mend(rows_of(text, start))
        try:
            documents = [_unveil(d, retry) for d in parse(retry.freeze())]
            mended, parsed = retry, retry.freeze()
        except Broken:
            # The file parses as it is; the slipped key stays visible as one that the model does not know.
            mended.freeze()
    return _rules(file, mended, parsed, documents, form)


def _unveil(document: Node, mended: Mended) -> Node:
    """The document with the `%` of templates' marks as they were; a plain value that begins with one is to be quoted."""
    stack, seen = [document], {id(document)}
    while stack:
        node = stack.pop()
        if VEIL in node.value:
            node.value = node.value.replace(VEIL, "%")
            if not node.style and node.value.startswith("%"):
                quoted = "'" + node.value.replace("'", "''") + "'"
                mended.more_edits.append(Edit(mended.span_in_file(node.span), quoted))
        for child in (*node.items, *(part for pair in node.pairs for part in pair)):
            # An alias gives the same node again, perhaps within itself.
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    return document


def _slipped(document: Node) -> bool:
    return document.kind == "mapping" and any(k.value in MEMBER_KEYS for k, _ in document.pairs)


def _detection(node: Node) -> Node | None:
    """A custom detection of Defender kept as YAML (`kind: CustomDetection`), as Sentinel's mapping."""
    properties = node.get("properties") or node
    if properties.get("queryCondition") is None or node.get("query") is not None:
        return None
    made = mapping_of(properties)
    if (version := node.get("version")) is not None and not version.is_null:
        put(made, "version", version)
    return made


def _summary(node: Node) -> Node | None:
    """A summary rule: its result goes into a table of the workspace, and it is called by `displayName`."""
    name = node.get("displayName")
    if (
        node.get("destinationTable") is None
        or node.get("query") is None
        or name is None
        or node.get("name") is not None
    ):
        return None
    made = mapping(node)
    put(made, "name", name)
    put(made, "kind", text("Summary", name))
    for key, given in node.pairs:
        put(made, key, given)
    return made


def _broken(file: TextFile, mended: Mended, diagnostic: Diagnostic) -> Loaded:
    span = mended.span_in_file(diagnostic.span)
    moved = Diagnostic(diagnostic.code, diagnostic.severity, diagnostic.kind, diagnostic.message, span, diagnostic.hint)
    return Loaded((), tuple(Placed(d, file.source) for d in (*file.repairs, *mended.diagnostics, moved)))


def _rules(file: TextFile, mended: Mended, parsed: str, documents: list[Node], form: str) -> Loaded:
    rules: list[Rule] = []
    loose: list[Diagnostic] = [*file.repairs, *mended.diagnostics]
    text_edits = tuple(mended.edits())
    for node in documents:
        if node.kind == "scalar" and node.is_null:
            continue
        if node.kind != "mapping":
            what = "a list" if node.kind == "sequence" else "a plain text"
            loose.append(
                codes.NOT_A_RULE.at(mended.span_in_file(node.span), why=f"the file holds {what}, not keys and values")
            )
            continue
        if any(node.get(key) is not None for key in ("FunctionQuery", "ParserQuery")):
            why = "the file holds a function for a workspace (a parser)"
            loose.append(codes.NOT_A_RULE.at(mended.span_in_file(node.pairs[0][0].span), why=why))
            continue
        detection, summary = _detection(node), _summary(node)
        reader = Reader(detection or summary or node, file.source, mended, parsed, file.newline)
        other = "detection" if detection else "summary" if summary else ""
        try:
            rule = rule_of(reader, file, other or form, tuple(loose), text_edits)
            # What is mended in a detection is read: its keys are not those that a repair would write.
            rules.append(replace(rule, edits=()) if other else rule)
        except Broken as broken:
            loose.append(broken.diagnostic.moved(0))
            continue
        loose = []
        text_edits = ()
    if len(rules) > 1:
        # The file is written as a whole: each of its rules carries all of its edits.
        edits = tuple(edit for rule in rules for edit in rule.edits)
        rules = [replace(rule, edits=edits) for rule in rules]
    if not rules and not any(d.is_error for d in loose):
        loose.append(codes.NOT_A_RULE.at(Span(0, 0), why="the file is empty"))
    placed = [Placed(d, file.source) for d in loose]
    placed += [Placed(d, file.source) for rule in rules for d in (*rule.repairs, *rule.problems)]
    placed.sort(key=lambda p: p.diagnostic.span.start)
    return Loaded(tuple(rules), tuple(placed))


declare(
    RuleFormat(
        "sentinel",
        "Sentinel YAML: hunting queries and analytics rules (scheduled, NRT), custom detections of Defender",
        (".yaml", ".yml"),
        lambda text: True,
        load,
    )
)
