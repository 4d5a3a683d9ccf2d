"""A query explained, as HTML: a part of a page (a notebook shows it), and a page by itself.

Nothing is fetched and nothing runs: the page has a style and no script. All texts are escaped; what steers a terminal or the
direction of writing is written out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from lurcher.report.explained import (
    STEP_HEADER,
    Explained,
    QueryPart,
    StepPart,
    plan_text,
    said_of,
    short_sql,
    step_cells,
    totals,
)
from lurcher.report.text import visible

_STYLE = """:root{color-scheme:light dark}
body{margin:1.5rem auto;max-width:110rem;padding:0 1rem;font:15px/1.5 system-ui,"Segoe UI","Noto Sans",sans-serif}
""".replace("\n", "")
_PANES = "display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1rem;align-items:start"
_PRE = (
    "overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85em;margin:0;padding:.6em;"
    "border:1px solid #8886;border-radius:.4em"
)
_CELL = "padding:.15em .7em;border-bottom:1px solid #8884;vertical-align:top;text-align:{}"
_BAR = "display:inline-block;height:.7em;min-width:1px;background:#4a7dbd;width:{:.1f}em"


def page(doc: Explained) -> str:
    """The inline styles of the elements need a policy that lets style, and only that, through."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src-elem 'sha256-{digest}'; style-src-attr 'unsafe-inline';"
        " base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>A query explained</title>'
        f"<style>{_STYLE}</style></head><body><h1>A query explained</h1>\n{fragment(doc)}\n</body></html>\n"
    )


def fragment(doc: Explained) -> str:
    parts = ["<div>"]
    for number, query in enumerate(doc.queries, 1):
        if len(doc.queries) > 1:
            parts.append(f"<h2>result {number} of {len(doc.queries)}</h2>")
        kql = [f"{n:>3}  {text}" for n, text in doc.numbered]
        plan = [plan_text(line) for line in query.plan]
        panes = (("KQL", kql), ("plan, with lines of the KQL", plan), (f"SQL for {doc.engine}", short_sql(query.sql)))
        parts.append(f'<div style="{_PANES}">' + "".join(_pane(*p) for p in panes) + "</div>")
        parts += _measured(doc, query)
    parts += (f"<p>{_text(note)}</p>" for note in doc.notes)
    return "".join([*parts, "</div>"])


def _measured(doc: Explained, query: QueryPart) -> list[str]:
    parts = []
    m = query.measured
    if m is not None:
        if m.reads:
            parts.append("<h3>What was read</h3><ul>")
            for head, *rest in map(said_of, m.reads):
                inner = "".join(f"<li>{_text(x)}</li>" for x in rest)
                parts.append(f"<li>{_text(head)}<ul>{inner}</ul></li>" if rest else f"<li>{_text(head)}</li>")
            parts.append("</ul>")
        parts += ["<h3>Where the time went</h3>", _table(m.steps)]
        parts.append("<ul>" + "".join(f"<li>{_text(x)}</li>" for x in totals(doc, m)) + "</ul>")
    if query.told:
        parts.append(_pane(f"what {doc.engine} tells", query.told.split("\n")))
    if query.note:
        parts.append(f"<p>{_text(query.note)}</p>")
    return parts


def _table(steps: Sequence[StepPart]) -> str:
    sides = ["left", "left", *["right"] * 4]
    heads = "".join(f'<th style="{_CELL.format(s)}">{_text(h)}</th>' for h, s in zip(STEP_HEADER, sides, strict=True))
    rows = []
    for step in steps:
        cells = [_text(c).replace("  ", "&emsp;") for c in step_cells(step)]
        row = "".join(f'<td style="{_CELL.format(s)}">{c}</td>' for c, s in zip(cells, sides, strict=True))
        bar = f'<td style="{_CELL.format("left")}"><span style="{_BAR.format(step.share * 8)}"></span></td>'
        rows.append(f'<tr title="{_text(step.on)}">{row}{bar}</tr>')
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{heads}<th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pane(title: str, lines: Sequence[str]) -> str:
    body = "\n".join(_text(line.replace("\t", "    ")) for line in lines)
    return f'<div><h3>{_text(title)}</h3><pre style="{_PRE}">{body}</pre></div>'


def _text(text: str) -> str:
    return escape(visible(text))
