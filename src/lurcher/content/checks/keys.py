"""Checks of a rule's keys: kinds, versions, keys that were mistyped, values that are there twice."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.fields import TOP_KEYS
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity

#: What Sentinel's templates have as `kind`.
KINDS = (
    "Scheduled", "NRT", "Hunting", "Fusion", "MicrosoftSecurityIncidentCreation", "MLBehaviorAnalytics", "ThreatIntelligence",
    "Anomaly",
)  # fmt: skip
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+].+)?")

BAD_KIND = declare("LU243", "there is no kind '{value}'", Severity.WARNING)
BAD_VERSION = declare("LU244", "the version '{value}' is not of the form 1.0.0", Severity.NOTE)
MISTYPED = declare("LU245", "'{key}' is not a key of Sentinel's; it is not read", Severity.WARNING)
TWICE = declare("LU246", "'{value}' is listed twice", Severity.NOTE)


@check(BAD_KIND, "The kind says how a rule runs: `Scheduled` or `NRT`. Hunting queries have none.")
def bad_kind(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.format == "sentinel" and ctx.rule.kind not in KINDS:
        yield ctx.at(BAD_KIND, "kind", value=ctx.rule.kind, hint=f"one of {', '.join(KINDS[:3])}")


@check(BAD_VERSION, "Content hubs compare versions as numbers: major.minor.patch.")
def bad_version(ctx: Context) -> Iterator[Placed]:
    # Sigma's rules have the day of their last change.
    if ctx.rule.version and ctx.rule.format != "sigma" and not _VERSION.fullmatch(ctx.rule.version):
        yield ctx.at(BAD_VERSION, "version", value=ctx.rule.version)


@check(MISTYPED, "A mistyped key is a key that nobody reads: what it says has no effect, and no service says so.")
def mistyped(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.format != "sentinel":
        return
    folded = {key.lower(): key for key in TOP_KEYS}
    for key in ctx.rule.extra:
        if key in TOP_KEYS:
            continue
        close = difflib.get_close_matches(key.lower(), list(folded), n=1, cutoff=0.85)
        if close and folded[close[0]] not in ctx.rule.presences:
            yield ctx.at(MISTYPED, key, key=key, hint=f"did you mean {folded[close[0]]}?")


@check(TWICE, "Once is enough; the second is often a typing error for another one.")
def twice(ctx: Context) -> Iterator[Placed]:
    for key, values in (("tactics", ctx.rule.tactics), ("relevantTechniques", ctx.rule.techniques)):
        for value, count in Counter(values).items():
            if count > 1:
                yield ctx.at(TWICE, key, value=value)
