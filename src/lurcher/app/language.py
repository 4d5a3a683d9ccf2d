"""What an editor asks about a text: problems, hover, completion, signatures. Text and offset in, plain data out; no protocol.

A document is a query (`.kql`) or a file with queries in it (Sentinel YAML): `queries_in` cuts it into regions, and everything
else works on a region. Offsets are characters of the document, or of the region's text where it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import lurcher.functions  # noqa: F401  Its rows.
from lurcher.app.fmt import YAML_SUFFIXES, Formatted, format_query, format_yaml
from lurcher.app.scope import Place, columns_at, let_names, place, right_columns
from lurcher.app.session import Session
from lurcher.content.loading import load_text
from lurcher.content.model import Loaded
from lurcher.content.places import Marked
from lurcher.functions.registry import FUNCTIONS, FunctionKind, Overload, overloads
from lurcher.functions.unsupported import UNSUPPORTED
from lurcher.kql.diagnostics import Diagnostic, Severity
from lurcher.kql.parser.registry import OPERATORS
from lurcher.kql.source import Source
from lurcher.kql.tokens import TokenKind
from lurcher.report.reference.functions import param, signature

#: How many columns a hover lists.
_SHOWN = 60
_CALLED = (FunctionKind.SCALAR, FunctionKind.AGGREGATE, FunctionKind.WINDOW)
_AGGREGATING = frozenset(("summarize", "make-series", "top-nested", "mv-apply", "evaluate"))
_TAKES_TABLES = frozenset(("join", "lookup", "union", "find", "search", "materialize", "toscalar", "view"))
#: Words inside of operators, by operator; "" for all.
_KEYWORDS: dict[str, tuple[str, ...]] = {
    "": ("and", "or", "in", "in~", "!in", "between", "has_any", "has_all"),
    "summarize": ("by",),
    "sort": ("by", "asc", "desc", "nulls first", "nulls last"),
    "order": ("by", "asc", "desc", "nulls first", "nulls last"),
    "top": ("by", "asc", "desc"),
    "join": ("kind=", "on", "$left.", "$right."),
    "lookup": ("kind=", "on", "$left.", "$right."),
    "union": ("kind=", "withsource=", "isfuzzy=true"),
    "make-series": ("default=", "on", "from", "to", "step", "by"),
    "mv-expand": ("to typeof(", "limit", "with_itemindex="),
    "mv-apply": ("to typeof(", "on"),
    "parse": ("with", "kind="),
    "let": (),
}
_KINDS = (
    "inner",
    "innerunique",
    "leftouter",
    "rightouter",
    "fullouter",
    "leftanti",
    "rightanti",
    "leftsemi",
    "rightsemi",
)


@dataclass(frozen=True)
class Region:
    """One query of a document."""

    source: Source

    @property
    def text(self) -> str:
        return self.source.text

    def in_document(self, offset: int) -> int:
        return self.source.in_file(offset) if isinstance(self.source, Marked) else offset

    def in_query(self, offset: int) -> int | None:
        """The character of the query that stands at an offset of the document; None where that is outside."""
        if not isinstance(self.source, Marked):
            return offset
        for index, (here, there) in enumerate(self.source.marks):
            after = self.source.marks[index + 1][0] if index + 1 < len(self.source.marks) else len(self.text) + 1
            if there <= offset < there + after - here:
                return here + offset - there
        return None


@dataclass(frozen=True)
class Problem:
    """A diagnostic and its place in the document, half-open."""

    start: int
    end: int
    diagnostic: Diagnostic

    @property
    def message(self) -> str:
        hint = self.diagnostic.hint
        return self.diagnostic.message + (f"\nhint: {hint}" if hint else "")


@dataclass(frozen=True)
class Completion:
    """`kind` is one of table, column, function, operator, keyword, variable."""

    label: str
    kind: str
    detail: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Signature:
    label: str
    doc: str
    params: tuple[str, ...]
    #: Which parameter is written at the cursor.
    active: int


def is_yaml(name: str) -> bool:
    return name.lower().endswith(YAML_SUFFIXES)


def queries_in(name: str, text: str) -> tuple[list[Region], Loaded | None]:
    """The queries of a document; with what was said of the file around them."""
    if not is_yaml(name):
        return [Region(Source(text, name))], None
    loaded = load_text(name, text.encode("utf-8", "replace"))
    if loaded is None:
        return [], None
    return [Region(rule.query_source) for rule in loaded.rules if rule.query], loaded


def region_at(name: str, text: str, offset: int) -> tuple[Region, int] | None:
    """The query at an offset of the document, and the offset in it."""
    for region in queries_in(name, text)[0]:
        inner = region.in_query(offset)
        if inner is not None:
            return region, inner
    return None


def problems(name: str, text: str, session: Session) -> list[Problem]:
    """All that is wrong with a document: a rule's form, and its queries. YAML that is no rule has no problems here."""
    regions, loaded = queries_in(name, text)
    found: list[Problem] = []
    if loaded is not None and (regions or re.search(r"^query\s*:", text, re.MULTILINE)):
        for placed in loaded.diagnostics:
            source, span = placed.source, placed.diagnostic.span
            start, end = span.start, span.end
            if isinstance(source, Marked):
                start, end = source.in_file(start), source.in_file(end)
            found.append(Problem(start, max(end, start), placed.diagnostic))
    for region in regions:
        if region.text.strip():
            for d in session.compile(region.source).diagnostics:
                start = region.in_document(d.span.start)
                # The end by the last character: what is after it may be in another line of the file.
                last = region.in_document(max(d.span.end - 1, d.span.start)) + (1 if d.span.length else 0)
                found.append(Problem(start, max(last, start), d))
    return sorted(set(found), key=lambda p: (p.start, p.end))


def formatted(name: str, text: str) -> Formatted:
    """The document laid out; as it was where it has errors."""
    return format_yaml(Source(text, name)) if is_yaml(name) else format_query(Source(text, name))


# --- functions ---


def params_of(row: Overload) -> tuple[str, ...]:
    """Each as it stands in the signature."""
    return tuple(param(p) for p in row.params)


def _rows(name: str) -> list[Overload]:
    return [row for kind in _CALLED for row in overloads(kind, name) if not row.hidden]


def _doc(row: Overload) -> str:
    parts = [row.doc]
    if row.obsolete:
        parts.append(f"An older spelling of {row.obsolete}.")
    parts += [f"`{left}` is `{right}`" for left, right in row.examples[:2]]
    return "\n\n".join(parts)


def signatures(name: str, text: str, offset: int) -> list[Signature]:
    """The overloads of the call that the cursor is in."""
    at = region_at(name, text, offset)
    if at is None:
        return []
    here = place(at[0].text, at[1])
    found = []
    for row in _rows(here.call) if here.call else ():
        # A repeated parameter takes all arguments from it on.
        last = max(0, len(row.params) - 1)
        found.append(Signature(signature(row), _doc(row), params_of(row), min(here.argument, last)))
    return found


# --- hover ---


def hover(name: str, text: str, offset: int, session: Session) -> tuple[str, int, int] | None:
    """Markdown on the word at an offset, and where in the document the word stands."""
    at = region_at(name, text, offset)
    if at is None:
        return None
    region, inner = at
    here = place(region.text, inner)
    tokens = here.tokens
    index = next((i for i in range(len(tokens)) if tokens.starts[i] <= inner < tokens.end(i)), None)
    if index is None or tokens.kinds[index] not in (TokenKind.WORD, TokenKind.SIGN):
        return None
    word = tokens.texts[index]
    said = _said_of(word, tokens.texts[index + 1] == "(", region, index, here, session)
    if not said:
        return None
    return said, region.in_document(tokens.starts[index]), region.in_document(tokens.end(index) - 1) + 1


def _said_of(word: str, called: bool, region: Region, index: int, here: Place, session: Session) -> str:
    if called:
        rows = _rows(word)
        if rows:
            return "\n\n---\n\n".join(f"```kusto\n{signature(row)}\n```\n\n{_doc(row)}" for row in rows)
        if word in UNSUPPORTED:
            return f"`{word}` is not supported: {UNSUPPORTED[word]}"
    for let, begins in let_names(region.text, here):
        if let == word:
            return f"```kusto\n{begins}\n```"
    before = here.tokens.texts[index - 1] if index else ""
    if before == "|" and word in OPERATORS:
        return _operator(word)
    if before != ".":
        column = next((c for c in columns_at(region.text, here, session) if c.name == word), None)
        if column is not None:
            return f"```kusto\n{column.name}: {column.type}\n```\n\na column of the rows that come in here"
    table = session.tables.table(word)
    if table is not None:
        platforms = ", ".join(sorted(table.platforms)) or "of your own data"
        rows_ = [f"- `{c.name}`: {c.type}" for c in table.columns[:_SHOWN]]
        more = len(table.columns) - len(rows_)
        return f"**{word}** ({platforms})\n\n" + "\n".join(rows_ + ([f"- and {more} more"] if more > 0 else []))
    operators = overloads(FunctionKind.OPERATOR, word)
    return "\n\n".join(dict.fromkeys(f"`{word}`: {_doc(row)}" for row in operators[:1]))


def _operator(word: str) -> str:
    """An operator's forms, as the manual's smallest queries have them."""
    from lurcher.report.reference.probes import OPERATORS as PROBES

    name = next((p.construct for p in PROBES if word in p.words), word)
    forms = [p.query for p in PROBES if p.construct == name or p.construct.startswith(name + " ")][:4]
    spelt = f" (in full: `{name}`)" if name != word else ""
    return f"operator `{word}`{spelt}\n\n```kusto\n" + "\n".join(forms) + "\n```"


# --- completion ---


def completions(name: str, text: str, offset: int, session: Session) -> list[Completion]:
    """What may be written at an offset."""
    at = region_at(name, text, offset)
    if at is None:
        return []
    region, inner = at
    here = place(region.text, inner)
    if _in_text(region.text, inner, here):
        return []
    found = list(_offers(region.text, here, session))
    return list({(c.label, c.kind): c for c in found}.values())


def _in_text(text: str, offset: int, here: Place) -> bool:
    """Within a string or a comment nothing is offered."""
    tokens = here.tokens
    ends = 0
    for i in range(len(tokens)):
        if tokens.starts[i] >= offset:
            break
        # A string that ends nowhere holds what comes next, too.
        if offset < tokens.end(i) or (offset == tokens.end(i) and i in tokens.tainted):
            return tokens.kinds[i] in (TokenKind.STRING, TokenKind.TYPED, TokenKind.LONG, TokenKind.REAL)
        ends = tokens.end(i)
    return "//" in re.split(r"[\r\n]", text[ends:offset])[-1]


def _offers(text: str, here: Place, session: Session) -> Iterator[Completion]:
    if here.before == "|":
        for word, rule in OPERATORS.items():
            if rule.place != "head" and not word.startswith("__"):
                yield Completion(word, "operator")
        return
    if here.before == ".":
        sides = {"$left": columns_at, "$right": right_columns}
        for column in sides[here.earlier](text, here, session) if here.earlier in sides else ():
            yield Completion(column.name, "column", str(column.type))
        return
    for let, begins in let_names(text, here):
        yield Completion(let, "variable", begins)
    at_head = here.query is None and (not here.before or here.before in (";", "=", "(", "{"))
    if at_head:
        yield Completion("let", "keyword")
        for word, rule in OPERATORS.items():
            if rule.place != "pipe" and not word.startswith("__"):
                yield Completion(word, "operator")
    if here.before == "=" and here.operator in ("join", "lookup"):
        for kind in _KINDS:
            yield Completion(kind, "keyword")
    for column in columns_at(text, here, session):
        yield Completion(column.name, "column", str(column.type))
    if here.query is None or here.operator in _TAKES_TABLES or here.before == "(":
        for table in session.tables.table_names():
            yield Completion(table, "table")
    if at_head and not here.call:
        return
    for word in (*_KEYWORDS[""], *_KEYWORDS.get(here.operator, ())):
        yield Completion(word, "keyword")
    for kind, name in FUNCTIONS:
        if kind is FunctionKind.OPERATOR and name[:1].isalpha():
            yield Completion(name, "keyword", doc=FUNCTIONS[kind, name][0].doc)
        elif kind is not FunctionKind.OPERATOR and (
            kind is not FunctionKind.AGGREGATE or here.operator in _AGGREGATING
        ):
            rows = [row for row in FUNCTIONS[kind, name] if not row.hidden and not row.obsolete]
            if rows:
                yield Completion(name, "function", signature(rows[0]), _doc(rows[0]))


def severity(diagnostic: Diagnostic) -> int:
    """The protocol's number: 1 error, 2 warning, 3 information."""
    return {Severity.ERROR: 1, Severity.WARNING: 2}.get(diagnostic.severity, 3)
