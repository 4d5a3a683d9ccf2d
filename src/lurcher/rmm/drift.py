"""Signer drift: what a rule's terms miss of the signers that the catalogue knows.

A rule names a signer (`Signer has 'NinjaRMM'`); the company is renamed, bought, moves country, and the rule goes quiet. For every
tool that the rule's terms hit, its other signers are looked up, and the rule is told which of them it misses and since when.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lurcher.content.checks.registry import Context, check
from lurcher.content.checks.tree import lets, operands, texts, walk_positive
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity
from lurcher.kql.source import Span
from lurcher.kql.syntax import Binary, In, NameRef, Script
from lurcher.rmm.catalogue import Catalogue, Signer, Tool
from lurcher.rmm.terms import HOLDS, LEGAL_FORM

#: Columns that hold the common name of a signing certificate's subject.
SIGNER_COLUMNS = frozenset({"Signer"})

MISSES = declare("LU501", "{terms} misses {signers}", Severity.WARNING)
MISSES_OLD = declare(
    "LU502", "{terms} misses {signers}, of which no certificate is known to be valid today", Severity.NOTE
)
BRITTLE = declare(
    "LU503", "'{term}' ends in a legal form or punctuation, which changes more often than the name", Severity.NOTE
)


@dataclass(frozen=True, slots=True)
class SignerTerm:
    """A constant that a query compares a signer with, and how (`has`, `==`, `in~`, ...)."""

    text: str
    op: str
    span: Span
    column: str

    def hits(self, signer: str) -> bool:
        return HOLDS[self.op](signer, self.text)


def signer_terms(script: Script) -> tuple[SignerTerm, ...]:
    """The signer terms of a query, those of its `let` lists included; what stands in `not(...)` or under `!has` takes rows away
    and is left out."""
    known = lets(script)
    found: list[SignerTerm] = []
    for node in walk_positive(script):
        if not isinstance(node, Binary | In) or node.op not in HOLDS:
            continue
        if not isinstance(node.left, NameRef) or node.left.name.text not in SIGNER_COLUMNS:
            continue
        pairs = operands(node, known) if isinstance(node, In) else texts(node.right, known)
        found += [SignerTerm(text, node.op, at.span, node.left.name.text) for text, at in pairs]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Drift:
    """A tool that the terms hit, with the signers that they miss. `terms` are those that hit it, `rule_terms` all of the rule's.
    `all_current`: every signer whose certificate is valid today (or,
    where none is, who signed last) is missed, so the rule finds no present copy of the tool."""

    tool: Tool
    terms: tuple[SignerTerm, ...]
    rule_terms: tuple[SignerTerm, ...]
    missed: tuple[Signer, ...]
    current: tuple[Signer, ...]
    all_current: bool


def drifts(terms: tuple[SignerTerm, ...], catalogue: Catalogue, today: dt.date) -> tuple[Drift, ...]:
    """What the terms miss, a tool at a time. A signer that several tools share does not say which of them the rule means: it
    speaks for a tool only together with one of the tool's own."""
    hit = [s for s in catalogue.signers if s.scope != "generic" and any(t.hits(s.name) for t in terms)]
    meant = dict.fromkeys(s.tools[0] for s in hit if len(s.tools) == 1)
    found = []
    for name in meant:
        tool = catalogue.tool(name)
        if tool is None:
            continue
        signers = [s for s in catalogue.signers_of(tool) if s.exact]
        missed = tuple(s for s in signers if s not in hit)
        valid = _present(signers, today)
        current = tuple(s for s in valid if s in missed)
        own_terms = tuple(t for t in terms if any(t.hits(s.name) for s in catalogue.signers_of(tool)))
        if missed and own_terms:
            found.append(Drift(tool, own_terms, terms, missed, current, bool(valid) and len(current) == len(valid)))
    return tuple(found)


def _present(signers: list[Signer], today: dt.date) -> list[Signer]:
    """Who signs today. Where no certificate is known to be valid any more, the catalogue is behind, not the maker: then it is who
    signed last."""
    valid = [s for s in signers if s.valid_on(today)]
    if valid:
        return valid
    ended = [(s.until, s) for s in signers if s.until is not None and s.since is not None and s.since <= today]
    last = max((until for until, _ in ended), default=None)
    return [s for until, s in ended if until == last]


def proposed(drift: Drift) -> str:
    """The condition as it would be complete: stems of the signers that are hunted alone, terms that are there kept where no stem
    says the same."""
    stems = dict.fromkeys(s.stem for s in drift.missed if s.scope == "own")
    kept = [t.text for t in drift.rule_terms if not any(HOLDS["has"](t.text, stem) for stem in stems)]
    quoted = ", ".join(
        "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in dict.fromkeys((*kept, *stems))
    )
    return f"Signer has_any ({quoted})"


#: The file of the catalogue that terms are compared with; None: the one that ships.
_FILE: ContextVar[Path | None] = ContextVar("catalogue", default=None)


@contextmanager
def catalogue_from(file: Path | None) -> Iterator[None]:
    """Within, terms are compared with the catalogue of this file; with the one that ships where there is none."""
    token = _FILE.set(file)
    try:
        yield
    finally:
        _FILE.reset(token)


def _catalogue() -> Catalogue:
    file = _FILE.get()
    return _loaded(file, file.stat().st_mtime_ns if file is not None else 0)


@lru_cache(maxsize=4)
def _loaded(file: Path | None, written: int) -> Catalogue:
    """`written`: when the file was, so that another one is read anew."""
    return Catalogue.load(file)


def _named(signer: Signer, today: dt.date | None = None) -> str:
    if signer.since is None:
        return signer.name
    # A shared signer's oldest certificate may be another tool's.
    what = "in use" if len(signer.tools) == 1 else "its certificates known"
    ended = ""
    if today is not None and not signer.valid_on(today) and signer.until is not None:
        ended = f", the last certificate that is known ended {signer.until:%Y-%m}"
    return f"{signer.name} ({what} since {signer.since:%Y-%m}{ended})"


def _drifts(ctx: Context) -> tuple[Drift, ...]:
    # Most rules name no signer, and the catalogue takes its 50 ms: the word is looked for first.
    if ctx.compiled.script is None or not any(column in ctx.rule.query for column in SIGNER_COLUMNS):
        return ()
    return drifts(signer_terms(ctx.compiled.script), _catalogue(), ctx.today)


@check(
    MISSES,
    "Present copies of the tool carry a signature that the rule does not look for: the maker was renamed, bought, or moved.",
)
def misses(ctx: Context) -> Iterator[Placed]:
    for drift in _drifts(ctx):
        if drift.current:
            yield ctx.in_query(
                MISSES,
                drift.terms[0].span,
                hint=_hint(drift),
                terms=_terms(drift),
                signers=_listed(drift.current, ctx.today),
            )


@check(MISSES_OLD, "Older copies of the tool carry another signature. They still run, and attackers like old agents.")
def misses_old(ctx: Context) -> Iterator[Placed]:
    for drift in _drifts(ctx):
        old = tuple(s for s in drift.missed if s not in drift.current)
        if old:
            yield ctx.in_query(
                MISSES_OLD, drift.terms[0].span, hint=_hint(drift), terms=_terms(drift), signers=_listed(old)
            )


@check(
    BRITTLE,
    "`has 'Servably, Inc.'` misses 'Servably Inc.'. Search for the part of the name that stays: `has 'Servably'`.",
)
def brittle(ctx: Context) -> Iterator[Placed]:
    script = ctx.compiled.script
    if script is None:
        return
    for term in signer_terms(script):
        match = LEGAL_FORM.search(term.text)
        stem = term.text[: match.start()].rstrip(" ,.") if match else ""
        # A name of one short word says too little without its legal form ('Enter Srl').
        if match and len(stem) > 5:
            yield ctx.in_query(BRITTLE, term.span, hint=f"search for '{stem}'", term=term.text)


def _terms(drift: Drift) -> str:
    return ", ".join(dict.fromkeys(f"'{t.text}'" for t in drift.terms))


def _listed(signers: tuple[Signer, ...], today: dt.date | None = None) -> str:
    return "; ".join(_named(s, today) for s in signers)


def _hint(drift: Drift) -> str:
    wide = [s for s in drift.missed if s.scope == "wide"]
    beside = "".join(f"; {s.stem} {s.why}: only together with a product name" for s in wide)
    alone = any(s.scope == "own" for s in drift.missed)
    how = f"change it to: {proposed(drift)}" if alone else "no signer can be added by itself"
    return f"{drift.tool.name}: {how}{beside}"
