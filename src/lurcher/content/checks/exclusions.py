"""Checks of exclusions as metadata. What they hide is judged where rules run."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity

EXPIRED = declare("LU401", "the exclusion '{id}' ended on {date}; it no longer applies", Severity.WARNING)
NO_OWNER = declare("LU403", "the exclusion '{id}' has no {what}", Severity.NOTE)
ENDLESS = declare("LU404", "the exclusion '{id}' has no end ('expires')", Severity.NOTE)


@check(EXPIRED, "Renew it with its owner, or take it out.")
def expired(ctx: Context) -> Iterator[Placed]:
    for exclusion in ctx.rule.exclusions:
        if exclusion.expired(ctx.today):
            yield Placed(EXPIRED.at(exclusion.span, id=exclusion.id, date=exclusion.expires), exclusion.file)


@check(NO_OWNER, "Somebody must know why it is there: who owns it, and the ticket or the reason.")
def no_owner(ctx: Context) -> Iterator[Placed]:
    for exclusion in ctx.rule.exclusions:
        what = [word for word, value in (("owner", exclusion.owner), ("reason", exclusion.reason)) if not value]
        if what:
            yield Placed(NO_OWNER.at(exclusion.span, id=exclusion.id, what=" and no ".join(what)), exclusion.file)


@check(ENDLESS, "An exclusion outlives the change that it was made for. Give it a last day; it can be renewed.")
def endless(ctx: Context) -> Iterator[Placed]:
    for exclusion in ctx.rule.exclusions:
        if exclusion.expires is None:
            yield Placed(ENDLESS.at(exclusion.span, id=exclusion.id), exclusion.file)
