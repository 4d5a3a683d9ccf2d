"""Checks of ATT&CK: tactics and techniques exist and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lurcher.content import attack
from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.fields import TACTICS
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity

_SOMEWHERE = re.compile(r"(?<![A-Z0-9])T[0-9]{4}(?:\.[0-9]{3})?(?![0-9])")

NO_TACTIC = declare("LU220", "the rule names no tactic", Severity.NOTE)
BAD_TACTIC = declare("LU221", "there is no tactic '{value}'", Severity.WARNING)
BAD_FORM = declare("LU222", "'{value}' is no technique: expected T1234 or T1234.001", Severity.WARNING)
REVOKED = declare("LU223", "ATT&CK has revoked {id}; {successor} ({name}) took its place", Severity.WARNING)
UNKNOWN = declare("LU224", "ATT&CK {version} has no technique {id}", Severity.WARNING)
UNKNOWN_SUB = declare(
    "LU225", "{id} is not among the sub-techniques of {parent} ({name}) that are known here", Severity.NOTE
)
NO_FIT = declare("LU226", "{id} ({name}) belongs to {tactics}, and the rule names {named}", Severity.WARNING)


@check(NO_TACTIC, "A rule without tactic is missing in every coverage report.")
def no_tactic(ctx: Context) -> Iterator[Placed]:
    if not ctx.rule.tactics and ctx.rule.format not in ("kql", "summary"):
        yield ctx.at(NO_TACTIC, "tactics")


@check(BAD_TACTIC, "Tactics are written as Sentinel's API has them: CommandAndControl, not 'Command and Control'.")
def bad_tactic(ctx: Context) -> Iterator[Placed]:
    for value in ctx.rule.tactics:
        if value not in TACTICS:
            meant = attack.tactic(value)
            hint = f"did you mean {meant}?" if meant else f"one of {', '.join(TACTICS)}"
            yield ctx.at(BAD_TACTIC, "tactics", value=value, hint=hint)


@check(BAD_FORM, "Techniques are named by their id.")
def bad_form(ctx: Context) -> Iterator[Placed]:
    for value in ctx.rule.techniques:
        if not attack.well_formed(value):
            meant = _SOMEWHERE.search(value.upper())
            row = attack.today(meant[0]) if meant else None
            hint = f"did you mean {row.id} ({attack.full_name(row.id)})?" if row else ""
            if value.upper().startswith("TA"):
                hint = "this is the id of a tactic; tactics have a key of their own"
            yield ctx.at(BAD_FORM, "relevantTechniques", value=value, hint=hint)


@check(REVOKED, "The id was renamed when ATT&CK got sub-techniques; reports by the new ids miss the rule.")
def revoked(ctx: Context) -> Iterator[Placed]:
    for value in ctx.rule.techniques:
        row = attack.technique(value)
        if row and row.successor:
            new = attack.full_name(row.successor)
            yield ctx.at(REVOKED, "relevantTechniques", id=value, successor=row.successor, name=new)


@check(UNKNOWN, "A typing error, or a technique of a newer ATT&CK than the one that is known here.")
def unknown(ctx: Context) -> Iterator[Placed]:
    for value in ctx.rule.techniques:
        if attack.judged(value) and attack.technique(value) is None and attack.technique(value[:5]) is None:
            yield ctx.at(UNKNOWN, "relevantTechniques", id=value, version=attack.VERSION)


@check(
    UNKNOWN_SUB, "A typing error, a revoked sub-technique, or one of a newer ATT&CK than the one that is known here."
)
def unknown_sub(ctx: Context) -> Iterator[Placed]:
    for value in ctx.rule.techniques:
        parent = attack.technique(value[:5])
        if (
            attack.judged(value)
            and "." in value
            and attack.technique(value) is None
            and parent is not None
            and not parent.successor
        ):
            yield ctx.at(UNKNOWN_SUB, "relevantTechniques", id=value, parent=parent.id, name=parent.name)


@check(NO_FIT, "A technique serves certain tactics; a rule that names none of them is counted in the wrong place.")
def no_fit(ctx: Context) -> Iterator[Placed]:
    named = {attack.tactic(t) for t in ctx.rule.tactics} - {""}
    for value in ctx.rule.techniques:
        row = attack.technique(value)
        if named and row and row.tactics and not named & set(row.tactics):
            tactics, has = ", ".join(row.tactics), ", ".join(sorted(named))
            yield ctx.at(
                NO_FIT, "relevantTechniques", id=value, name=attack.full_name(value), tactics=tactics, named=has
            )
