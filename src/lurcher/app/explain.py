"""A query explained: what it means, what it becomes, and what it cost where it ran."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.app.query import need_query, why_empty
from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused, render_one
from lurcher.kql.source import NOWHERE, Source, Span
from lurcher.report.explained import Explained, Measured, PlanLine, QueryPart, ReadPart, StepPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lurcher.engines.profile import Profile, Reading
    from lurcher.plan.nodes import Query


def explain(session: Session, source: Source) -> Explained:
    """Runs the text's queries for what they cost; their rows are not kept. Raises as running them does."""
    until = session.deadline()
    begun = time.perf_counter()
    compiled = need_query(session, source, until)
    texts = [session.runner.sql(query.plan) for query in compiled.queries]
    understood = time.perf_counter() - begun
    names = _Names(source)
    parts = []
    for query, sql in zip(compiled.queries, texts, strict=True):
        try:
            parts.append(_part(session, query, sql, names, until))
        except Refused as refused:
            raise Refused(refused.diagnostics, source) from None
    notes = [render_one(d, source) for d in session.warnings(compiled)]
    if session.hot is not None:
        notes.append("note: read from the lake's files; what this session keeps in memory was not used")
    if not any(p.measured is None or p.measured.rows for p in parts) and (why := why_empty(session, compiled)):
        notes.append(why)
    now = f"{session.now:%Y-%m-%dT%H:%M:%S}Z"
    return Explained(source.text, source.first_line, session.engine_name, now, understood, tuple(parts), tuple(notes))


def _part(session: Session, query: Query, sql: str, names: _Names, until: float | None) -> QueryPart:
    from lurcher.engines.steps import steps
    from lurcher.plan import words

    plan = tuple(
        PlanLine(number, step.depth, step.text, names.lines((step.span,)) or names.of_scan(step.node))
        for number, step in enumerate(words.steps(query.plan), 1)
    )
    if session.elsewhere is not None:
        from lurcher.engines.spark.engine import SparkEngine

        told = session.runner.told(query) if isinstance(session.runner, SparkEngine) else ""
        how = "says beforehand how it would run the query" if told else "takes the query in several statements"
        note = f"{session.elsewhere} {how}, and does not say what its steps cost: it was not run"
        return QueryPart(plan, sql, told=told, note=note)
    profile = session.engine.profile(query, until)
    done = tuple(
        StepPart(s.text, s.on, names.lines(s.spans), s.rows_in, s.rows, s.seconds, s.share, s.depth)
        for s in steps(query.plan, profile, names.spans)
    )
    return QueryPart(plan, profile.sql, _measured(profile, done))


def _measured(profile: Profile, steps: tuple[StepPart, ...]) -> Measured:
    return Measured(
        profile.rows, profile.seconds, profile.cpu, profile.memory, profile.spilled, profile.fetched, profile.wrapping,
        tuple(map(_read, profile.readings)), steps,
    )  # fmt: skip


def _read(r: Reading) -> ReadPart:
    first, last = (f"{d:%Y-%m-%d}" for d in r.span) if r.span is not None else ("", "")
    return ReadPart(
        r.table, r.times, r.rows, r.days, first, last, r.files, r.bytes, r.opened, r.groups, r.fetched, r.kept, r.early
    )


class _Names:
    """Where a text names things, as lines."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def spans(self, table: str) -> Sequence[Span]:
        """Where the text names a table."""
        from lurcher.kql.lexer import tokenize

        tokens = tokenize(self._source.text)
        return [
            Span(at, at + len(table)) for at, text in zip(tokens.starts, tokens.texts, strict=True) if text == table
        ]

    def of_scan(self, node: object) -> tuple[int, ...]:
        from lurcher.plan.nodes import Scan

        return self.lines(self.spans(node.table)) if isinstance(node, Scan) else ()

    def lines(self, spans: Sequence[Span]) -> tuple[int, ...]:
        return tuple(sorted({self._source.position(s.start)[0] for s in spans if s != NOWHERE}))


def write_explained(doc: Explained, format_: str | None, output: Path | None) -> None:
    """To the terminal, or into a file whose name ends in .html, .json or .txt. Raises `LurcherError` where it cannot be written."""
    from lurcher.report.explained import as_json, plain, print_explained

    format_ = _format_of(output) if format_ in (None, "table") else format_
    if format_ == "html":
        from lurcher.report.explained_html import page

        text = page(doc)
    elif format_ == "json":
        text = as_json(doc) + "\n"
    elif output is None:
        terminal = sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
        print_explained(doc, sys.stdout, shutil.get_terminal_size().columns if terminal else None)
        return
    else:
        text = plain(doc) + "\n"
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LurcherError(f"{output} cannot be written: {error.strerror or error}") from None


def check_output(format_: str | None, output: Path | None) -> None:
    """Raises `LurcherError` before anything runs, where what is asked for cannot be written."""
    if format_ not in (None, "json", "table"):
        raise LurcherError(
            f"an explanation is not written as {format_}",
            "--format json, or -o with a name that ends in .html, .json or .txt",
        )
    if output is not None and format_ != "json":
        _format_of(output)


def _format_of(output: Path | None) -> str:
    if output is None:
        return "text"
    found = {".html": "html", ".htm": "html", ".json": "json", ".txt": "text"}.get(output.suffix.lower())
    if found is None:
        raise LurcherError(f"the ending of {output} says no format of an explanation", "name it .html, .json or .txt")
    return found
