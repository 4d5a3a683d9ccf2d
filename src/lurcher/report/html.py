"""A hunt as one page of HTML: for a manager to read, for an analyst to go through.

Nothing is fetched: style and script stand in the page, and its content security policy allows these two texts alone, by their
hashes. Data comes into the page as text, through the template's escaping, with control characters and signs that turn the direction
of writing written out (`report.text`).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from lurcher.report.document import FROM_LEDGER, Document, RulePart
from lurcher.report.sentences import day, entity_text, moment, summary, value_text
from lurcher.report.text import counted, visible
from lurcher.report.timeline import timeline

#: Of a rule's findings, of all rules', and characters of a value, what is shown. The rest is counted.
MAX_FINDINGS, MAX_IN_ALL, MAX_VALUE = 500, 2_000, 4_000


def page(doc: Document) -> str:
    style, script = _asset("hunt.css"), _asset("hunt.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    template: Any = _environment().get_template("hunt.html.jinja")
    made: str = template.render(
        doc=doc,
        sentences=summary(doc),
        unseen=_unseen(doc),
        timeline=timeline(doc),
        style=style,
        script=script,
        policy=policy,
        from_ledger=FROM_LEDGER,
        states=tuple(doc.counts),
        found=_shares(doc),
        rest=[r for r in doc.rules if not r.findings],
    )
    return made


def _shares(doc: Document) -> list[tuple[RulePart, int]]:
    """The rules with findings, and how many of each are shown: what is new comes first, and is the last to be left out."""
    left = MAX_IN_ALL
    shares = []
    for rule in doc.rules:
        if rule.findings:
            shares.append((rule, min(len(rule.findings), MAX_FINDINGS, left)))
            left -= shares[-1][1]
    return shares


def _unseen(doc: Document) -> dict[str, list[str]]:
    """What was not looked at, a line each."""
    absent = []
    for name, rules in doc.absent:
        more = f" and {len(rules) - 5} more" if len(rules) > 5 else ""
        absent.append(f"{name}, read by {', '.join(rules[:5])}{more}")
    return {
        "not_run": [f"{r.name}: {r.reason}" for r in doc.not_run],
        "loading": list(doc.loading),
        "absent": absent,
        "not_in_force": [f"{e.id}, of {r.name}: {e.reason}" for r, e in doc.not_in_force],
        "missed": [f"{r.name}: {text}" for r, text in doc.missed],
        "notes": [f"{r.name}: {text}" for r in doc.rules for text in r.notes],
    }


def _asset(name: str) -> str:
    return (resources.files("lurcher.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a policy names an inline text: the hash is of what stands between the tags, to the character."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "line": _line, "lines": _lines, "value": _value, "moment": _moment, "day": _day, "entity": entity_text, "number": _number,
        "counted": counted,
        # The page's own style and script, never data.
        "own": Markup,
    }  # fmt: skip
    made.globals["open_first"] = _open
    return made


def _line(text: object) -> str:
    """On one line, nothing in it obeyed by a browser or a terminal that it is copied to."""
    return visible(str(text))


def _lines(text: str) -> str:
    return "\n".join(visible(row.replace("\t", "    ")) for row in text.replace("\r\n", "\n").split("\n"))


def _value(value: object) -> str:
    shown = value_text(value)
    more = len(shown) - MAX_VALUE
    return visible(shown[:MAX_VALUE]) + (f"... ({more:,} characters more)" if more > 0 else "")


def _moment(text: str) -> str:
    return visible(moment(text))


def _day(text: str) -> str:
    return visible(day(text))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _open(rule: RulePart) -> bool:
    """Rules with something new are unfolded."""
    return rule.count("new") > 0
