"""A hunt's findings as SARIF 2.1.0: a result each, at the rule that gave it.

A finding is the same one in a later hunt by its rule and what makes it this finding, never by its counts and times: those stand in
the properties. What is suppressed has its exclusions as the justification; what is gone is no result.
"""

from __future__ import annotations

from dataclasses import asdict

from lurcher.hunt.answers import as_json
from lurcher.report.document import Document, FindingPart, RulePart
from lurcher.report.sarif import SarifDocument, SarifPlace, SarifResult, SarifRule, relative, sarif, text_of
from lurcher.report.sentences import entity_text

_LEVELS = {"High": "error", "Medium": "warning", "Low": "note", "Informational": "note"}


def sarif_text(doc: Document, base: str, base_uri: str) -> str:
    """`base` is the folder that the rules' paths are told relative to, `base_uri` the same as a `file:` URI."""
    files = relative({r.path for r in doc.rules if r.path}, base)
    rules = tuple(
        SarifRule(
            r.key, r.name or r.key, _level(r), r.description, tags=tuple(dict.fromkeys((*r.tactics, *r.techniques)))
        )
        for r in doc.rules
    )
    results = tuple(_result(r, f, files.get(r.path, "")) for r in doc.rules for f in r.findings if f.state != "gone")
    notes = tuple((files.get(r.path, r.path) or r.key, f"not run: {r.reason}") for r in doc.not_run)
    properties = {"hunt": doc.number, "now": doc.now, "data": doc.fingerprint, "counts": doc.counts}
    return text_of(sarif(SarifDocument(rules, results, doc.version, base_uri, notes, properties=properties)))


def _level(rule: RulePart) -> str:
    return _LEVELS.get(rule.severity, "warning")


def _result(rule: RulePart, f: FindingPart, file: str) -> SarifResult:
    where = ", ".join(dict.fromkeys(t for t in (f.device, entity_text(dict(f.entity))) if t)) or f"finding {f.id}"
    suppressed = None
    if f.state == "suppressed":
        suppressed = "explained by " + (", ".join(f.by) or "exclusions")
    elif f.state == "closed":
        suppressed = f.judged or "closed"
    data = asdict(f)
    properties = {
        k: data[k] for k in ("id", "state", "device", "first_seen", "last_seen", "total", "explained", "by", "row")
    }
    return SarifResult(
        rule.key,
        _level(rule),
        f"{rule.name}: {where}",
        SarifPlace(file) if file else None,
        f"{rule.key} {as_json(dict(f.entity))}",
        suppressed,
        "external",
        {**properties, "reasons": list(f.reasons)},
    )
