"""What rules cover of ATT&CK, as renderers read it: a frozen document, and its table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CoveredTechnique:
    """A technique under one of its tactics. `rules` are names; `findings` is None where no ledger was asked."""

    tactic: str
    id: str
    name: str
    rules: tuple[str, ...]
    findings: int | None = None


@dataclass(frozen=True, slots=True)
class TacticLine:
    """`covered` of `total` techniques have a rule, sub-techniques counting for their technique. `rules` counts rules that name the
    tactic; `missing` are (id, name) of the techniques without one."""

    tactic: str
    covered: int
    total: int
    rules: int
    findings: int | None
    missing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageDocument:
    """`techniques` by tactic and id. `moved`: (id as written, id today, name) of revoked ids; `unknown`: ids that ATT&CK `version`
    does not have; `untagged`: rules that name no technique; `not_counted`: (rule, why);
    `unread`: files that became no rule, with the reason."""

    version: str
    rules: int
    tactics: tuple[TacticLine, ...]
    techniques: tuple[CoveredTechnique, ...]
    moved: tuple[tuple[str, str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    untagged: tuple[str, ...] = ()
    not_counted: tuple[tuple[str, str], ...] = ()
    #: Findings of rules that are not among those that were named.
    findings_of_others: int = 0
    unread: tuple[tuple[str, str], ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For JSON."""

        def found(number: int | None) -> dict[str, int]:
            return {} if number is None else {"findings": number}

        return {
            "attack": self.version,
            "rules": self.rules,
            "tactics": [
                {"tactic": t.tactic, "covered": t.covered, "total": t.total, "rules": t.rules} | found(t.findings)
                | {"missing": [{"id": id_, "name": name} for id_, name in t.missing]}
                for t in self.tactics
            ],
            "techniques": [
                {"tactic": t.tactic, "id": t.id, "name": t.name, "rules": list(t.rules)} | found(t.findings)
                for t in self.techniques
            ],
            "moved": [{"id": old, "now": new, "name": name} for old, new, name in self.moved],
            "unknown": list(self.unknown),
            "untagged": list(self.untagged),
            "not_counted": [{"rule": rule, "why": why} for rule, why in self.not_counted],
            "unread": [{"file": file, "why": why} for file, why in self.unread],
        }  # fmt: skip


def header(doc: CoverageDocument) -> tuple[str, ...]:
    with_findings = any(t.findings is not None for t in doc.tactics)
    return ("tactic", "techniques", "rules", *(("findings",) if with_findings else ()))


def tactic_rows(doc: CoverageDocument) -> Iterator[Sequence[str]]:
    for t in doc.tactics:
        more = () if t.findings is None else (f"{t.findings:,}",)
        yield (t.tactic, f"{t.covered} of {t.total}", f"{t.rules:,}", *more)


def technique_rows(doc: CoverageDocument, most: int = 3) -> Iterator[Sequence[str]]:
    for t in doc.techniques:
        rules = ", ".join(t.rules[:most]) + (f" and {len(t.rules) - most:,} more" if len(t.rules) > most else "")
        more = () if t.findings is None else (f"{t.findings:,}",)
        yield (t.tactic, t.id, t.name, f"{len(t.rules):,}", *more, rules)


def remarks(doc: CoverageDocument, most: int = 10) -> Iterator[str]:
    """What a reader of the table must know besides."""
    for old, new, name in doc.moved:
        yield f"{old} is now {new} ({name}); counted there"
    if doc.unknown:
        yield f"not in ATT&CK {doc.version}, not counted: {', '.join(doc.unknown)}"
    for what, names in (("names no technique", doc.untagged), ("cannot run", tuple(r for r, _ in doc.not_counted))):
        if names:
            shown = ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
            plural = what if len(names) == 1 else what.replace("names ", "name ")
            yield f"{len(names):,} rule{'' if len(names) == 1 else 's'} that {plural}, not counted: {shown}"
    for file, why in doc.unread:
        yield f"{file} is not read, not counted: {why}"
    if doc.findings_of_others:
        yield f"{doc.findings_of_others:,} findings are of rules that were not named"
