"""Lay out query files, and the query blocks of Sentinel's rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lurcher.content.model import Edit, Placed
from lurcher.errors import LurcherError
from lurcher.kql.formatter.layout import layout
from lurcher.kql.parser import parse
from lurcher.kql.source import Source

#: What is read as a query, and as YAML.
QUERY_SUFFIXES = (".kql", ".csl", ".kusto")
YAML_SUFFIXES = (".yaml", ".yml")
_QUERY = re.compile(r"^[\"']?query[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True)
class Formatted:
    """`text` is as it was where `problems` say why; `notes` say what was left as it is though nothing is wrong."""

    text: str
    problems: tuple[Placed, ...] = ()
    notes: tuple[str, ...] = ()


def format_query(source: Source) -> Formatted:
    """One query text. With an error of its syntax it stays as it is."""
    parsed = parse(source)
    if not parsed.ok:
        return Formatted(source.text, tuple(Placed(d, source) for d in parsed.diagnostics if d.is_error))
    try:
        return Formatted(layout(source.text, parsed.tree))
    except (ValueError, RecursionError) as error:
        return Formatted(source.text, notes=(f"{source.name}: left as it is: {error}",))


def format_yaml(source: Source) -> Formatted:
    """The `query: |` blocks of a YAML text; all else stays, to the character."""
    from lurcher.content.files import edited
    from lurcher.content.yamltree import Broken, Node
    from lurcher.content.yamltree import parse as parse_yaml

    if not _QUERY.search(source.text):
        return Formatted(source.text)  # a folder has other YAML, and templates that are none
    try:
        documents = parse_yaml(source.text)
    except Broken as broken:
        return Formatted(source.text, (Placed(broken.diagnostic, source),))
    edits: list[Edit] = []
    problems: list[Placed] = []
    notes: list[str] = []
    queries: list[Node] = [q for d in documents if d.kind == "mapping" and (q := d.get("query")) and q.kind == "scalar"]
    for node in queries:
        line = source.position(node.span.start)[0]
        if node.style != "|":
            if node.value.strip():
                notes.append(f"{source.name}:{line}: left as it is: only a query in a block (query: |) is laid out")
            continue
        done = _block(source, node.span.start, node.span.end, node.value)
        if isinstance(done, Edit):
            edits.append(done)
        else:
            problems += done.problems
            notes += done.notes
    if problems:
        return Formatted(source.text, tuple(problems), tuple(notes))
    text = edited(source.text, tuple(edits))
    again = [d.get("query") for d in parse_yaml(text) if d.kind == "mapping"]
    values = [q.value for q in again if q is not None and q.kind == "scalar"]
    if len(values) != len(queries) or any(
        parse(a).tree != parse(b.value).tree for a, b in zip(values, queries, strict=True)
    ):
        return Formatted(source.text, notes=(f"{source.name}: left as it is: its block does not give the query back",))
    return Formatted(text, notes=tuple(notes))


def _block(source: Source, start: int, end: int, value: str) -> Edit | Formatted:
    """The lines of a block scalar, header left out, laid out at their indentation."""
    from lurcher.content.places import cut
    from lurcher.kql.source import Span

    text = source.text
    first = text.find("\n", start, end) + 1
    if not first or not value.strip():
        return Edit(Span(start, start), "")
    newline = "\r\n" if text[first - 2 : first] == "\r\n" else "\n"
    rows = text[first:end].splitlines(keepends=True)
    indent, marks, at, offset = _indent(rows, value), [], first, 0
    for row, want in zip(rows, value.split("\n"), strict=False):
        marks.append((offset, at + min(indent, len(row.rstrip("\r\n")))))
        at += len(row)
        offset += len(want) + 1
    done = format_query(cut(source, value, marks))
    if done.problems or done.notes:
        return done
    # Blank rows at the end are between this key and the next: they stay.
    last = len(rows)
    while last and not rows[last - 1].strip():
        last -= 1
    body = "".join(
        (" " * indent + row if row else "") + newline for row in done.text.removesuffix("\n").split("\n")
    ).removesuffix(newline)
    ending = rows[last - 1][len(rows[last - 1].rstrip("\r\n")) :]
    return Edit(Span(first, first + sum(map(len, rows[:last]))), body + ending)


def _indent(rows: list[str], value: str) -> int:
    """What YAML cut off: the row that the value's first solid line comes from says it."""
    for row, want in zip(rows, value.split("\n"), strict=False):
        if want.strip():
            return len(row.rstrip("\r\n")) - len(want)
    return 0


def format_file(path: Path) -> tuple[bytes, bytes, Formatted]:
    """A file's bytes, the bytes to write (a byte order mark and CRLF are kept), and what was said.

    Raises `LurcherError` for a file that cannot be read as text, or whose name says neither query nor YAML.
    """
    from lurcher.content.files import read

    name = path.name.lower()
    if not name.endswith((*QUERY_SUFFIXES, *YAML_SUFFIXES)):
        known = ", ".join((*QUERY_SUFFIXES, *YAML_SUFFIXES))
        raise LurcherError("fmt does not know files of this name", f"known are {known}", str(path))
    if not path.exists():
        raise LurcherError("there is no such file", "check the path", str(path))
    file = read(path)
    if isinstance(file, Placed):
        raise LurcherError(file.diagnostic.message, file.diagnostic.hint, str(path))
    if name.endswith(YAML_SUFFIXES):
        done = format_yaml(file.source)
        text = done.text
    else:
        done = format_query(file.source)
        text = done.text
        if text != file.source.text and file.newline == "\r\n":
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if text == file.source.text:
        return file.original, file.original, done
    mark = "\ufeff" if file.repairs else ""
    return file.original, (mark + text).encode(file.encoding), done


def files_of(paths: tuple[Path, ...]) -> list[Path]:
    """The files that were named, and below folders those that fmt knows. YAML without a query is passed over unchanged."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        ends = (*QUERY_SUFFIXES, *YAML_SUFFIXES)
        found += sorted(
            p
            for p in path.rglob("*")
            if p.is_file()
            and p.name.lower().endswith(ends)
            and not any(x.startswith(".") for x in p.parts if x != "..")
        )
    return found


def difference(path: str, before: bytes, after: bytes) -> str:
    """A unified diff of two texts."""
    import difflib

    def rows(content: bytes) -> list[str]:
        return content.decode("utf-8", "replace").splitlines(keepends=True)

    parts = []
    for row in difflib.unified_diff(rows(before), rows(after), path, path):
        parts.append(row if row.endswith("\n") else row + "\n\\ No newline at end of file\n")
    return "".join(parts)
