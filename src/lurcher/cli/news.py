"""What is new since the last hunt, in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lurcher.app.since import SinceReport

_SAID = {
    "new": "new",
    "shown": "shown, after it was suppressed",
    "back": "back, after it was gone",
    "again": "seen again since closed",
    "changed": "changed",
    "suppressed": "suppressed, all of their evidence is explained",
    "gone": "gone",
}


def print_news(report: SinceReport) -> None:
    """By what is new of a finding, the urgent first; then the rules that did not run, and what could not be caught up with."""
    from lurcher.report.findings import print_findings
    from lurcher.report.text import counted, visible

    if report.earlier:
        first = report.earlier[0].now
        click.echo(f"  caught up: {counted(len(report.earlier), 'hunt')} at times from {first:%Y-%m-%d %H:%M} (UTC) on")
    for placed in report.last.loading:
        click.echo(placed.render())
    for one in report.last.not_run:
        click.echo(f"  not run: {visible(one.run.rule.name)}: {visible(one.run.reason)}")
    for what, said in _SAID.items():
        found = [n.finding for n in report.news if n.what == what]
        if not found:
            continue
        click.echo(f"  {said}: {len(found)}")
        names = {f.rule: f.rule_name for f in found}
        for rule, name in names.items():
            click.echo(f"  {visible(name)}")
            print_findings([f for f in found if f.rule == rule], sys.stdout, report.reasons)
    for text, rules in _notes(report).items():
        more = f" and {len(rules) - 3} more" if len(rules) > 3 else ""
        click.echo(f"  note: {visible(', '.join(rules[:3]))}{more}: {visible(text)}")
    for line in report.left_lines:
        click.echo(f"  not caught up with: {visible(line)}")
    if not report.news:
        click.echo("  nothing new")


def _notes(report: SinceReport) -> dict[str, list[str]]:
    """What is said of rules, each once, with the rules that it is said of."""
    found: dict[str, list[str]] = {}
    for one in report.last.rules:
        for note in one.run.notes:
            found.setdefault(note, []).append(one.run.rule.name)
    return found
