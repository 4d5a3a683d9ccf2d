"""Exclusions as metadata: from a rule's own key `exclusions`, or from a sidecar file beside it."""

from __future__ import annotations

from typing import Literal

from lurcher.content import codes, values
from lurcher.content.model import Exclusion
from lurcher.content.reader import Reader
from lurcher.content.yamltree import Node, plain
from lurcher.kql.diagnostics import Diagnostic

_READ = frozenset({"id", "scenario", "description", "when", "match", "devices", "owner", "reason", "expires"})


def exclusions_of(reader: Reader, nodes: list[Node]) -> tuple[Exclusion, ...]:
    """The exclusions of a list of mappings. What makes one unusable is its own error, and a problem of the file's."""
    found: list[Exclusion] = []
    for node in nodes:
        exclusion = _exclusion(reader, node)
        if any(e.id == exclusion.id for e in found):
            reader.problems.append(codes.EXCLUSION_TWICE.at(exclusion.span, id=exclusion.id))
        found.append(exclusion)
    return tuple(found)


def _exclusion(reader: Reader, node: Node) -> Exclusion:
    inner = Reader(node, reader.file, reader.mended, reader.parsed, reader.newline)
    span = reader.span(node)
    scenario = inner.text("scenario")
    id_ = inner.text("id")
    if not id_:
        id_ = values.slug(scenario or inner.text("when"))
        reader.repairs.append(codes.SIDECAR_ID.at(span, id=id_))
    errors: list[Diagnostic] = []

    def bad(key: str, why: str) -> None:
        errors.append(codes.BAD_EXCLUSION.at(inner.spans.get(key, span), id=id_, why=why))

    match = inner.text("match").lower() or "every"
    if match not in ("every", "any"):
        bad("match", f"'match' is '{match}', expected 'every' or 'any'")
    expires = values.date(inner.text("expires"))
    if inner.text("expires") and expires is None:
        bad("expires", f"'expires' is '{inner.text('expires')}', expected a date such as 2027-03-31")
    when = inner.source("when")
    if not when.text.strip():
        bad("when", "it has no 'when'")
    # A scope that was written wrongly must never widen to "all devices".
    devices = inner.texts("devices")
    errors += [codes.BAD_EXCLUSION.at(d.span, id=id_, why=d.message) for d in inner.problems]
    reader.repairs += inner.repairs
    reader.edits += inner.edits
    reader.problems += errors
    return Exclusion(
        id=id_,
        scenario=scenario,
        description=inner.text("description"),
        when=when.text,
        when_source=when,
        match=_match(match),
        devices=devices,
        owner=inner.text("owner"),
        reason=inner.text("reason"),
        expires=expires,
        extra={k: plain(v) for k, v in inner.values.items() if k not in _READ},
        file=reader.file,
        span=span,
        errors=tuple(errors),
    )


def _match(word: str) -> Literal["every", "any"]:
    return "any" if word == "any" else "every"
