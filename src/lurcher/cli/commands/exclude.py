"""lurcher exclude FINDING"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lurcher.cli.options import Rules, as_of_option, lake_option, now


@click.command()
@click.argument("finding", type=int)
@click.option("--rule", "rules", multiple=True, required=True, type=Rules(), metavar="FILE|FOLDER",
              help="Where the finding's rule is; repeat for more.")  # fmt: skip
@lake_option
@as_of_option
@click.option(
    "--write", "number", type=int, metavar="N", help="Add proposal N to the file of exclusions beside the rule."
)
@click.option("--scenario", help="What is excluded, in words; needed with --write.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--reason", default="", help="Why: a ticket, a decision.")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), help="Its last day; 90 days from now where none is given."
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    finding: int,
    rules: tuple[Path, ...],
    lake_path: Path | None,
    as_of: str | None,
    number: int | None,
    scenario: str | None,
    owner: str,
    reason: str,
    expires: Any,
    format_: str,
) -> None:
    """Propose exclusions that explain a finding, the narrowest first, each with what it would cost.

    They rest on content, signer, folder and device, never on names alone. Ends with 0; with 1 where none explains the finding.
    """
    from lurcher.app.exclude import exclude, write
    from lurcher.app.lakes import need_lake
    from lurcher.app.query import open_session
    from lurcher.report.text import visible

    if number is not None and not scenario:
        raise click.UsageError("--write needs --scenario: what is excluded, in words")
    lake = need_lake(lake_path)
    session = open_session(lake, now(), as_of)
    report = exclude(lake, finding, rules, session)
    written = None
    if number is not None:
        written = write(report, number, scenario=scenario or "", owner=owner, reason=reason,
                        expires=expires.date() if expires else None, today=session.now.date())  # fmt: skip
    if format_ == "json":
        click.echo(json.dumps(_data(report, written), ensure_ascii=False, indent=1, default=str))
    elif written is not None:
        path, exclusion = written
        click.echo(f"{visible(str(path))}: added {visible(exclusion.id)}, until {exclusion.expires}")
    else:
        _print(report)
    click.get_current_context().exit(0 if report.proposals else 1)


def _print(report: Any) -> None:
    from lurcher.app.redteam import named, untried
    from lurcher.report.text import counted, visible

    f = report.finding
    for placed in report.wrong:
        click.echo(placed.render())
    click.echo(f"finding {f.id}: {visible(f.rule_name)}  [{visible(report.rule.path)}]\n{visible(f.device)}")
    for n, p in enumerate(report.proposals, 1):
        click.echo(f"\n{n}. {p.proposal.rests_on}\n   when: {visible(p.proposal.when)}")
        if p.proposal.devices:
            click.echo(f"   devices: {visible(', '.join(p.proposal.devices))}")
        others = "no other finding" if not p.others else f"{counted(len(p.others), 'other finding')} with it"
        click.echo(f"   explains {p.explains:,} of {p.total:,} rows of evidence; hides {others}")
        for diagnostic in p.verdict.diagnostics:
            if diagnostic.severity == "warning":
                click.echo(f"   {visible(diagnostic.message)} [{diagnostic.code}]")
        for hidden in p.trial.hidden:
            if not hidden.expected:
                click.echo(f"   red team: HIDES: {visible(hidden.how)}: {visible(named(hidden.what))}")
        if p.trial.problem:
            click.echo(f"   red team: {untried(p.trial)}: {visible(p.trial.problem)}")
    if report.proposals:
        click.echo("\nadd one: --write N --scenario TEXT --owner NAME --reason TICKET")
    else:
        click.echo(
            f"\nnothing that an attacker cannot choose explains all of its evidence ({report.tried} tried); "
            "write an exclusion by hand, or close the finding"
        )


def _data(report: Any, written: Any) -> dict[str, Any]:
    return {
        "finding": report.finding.id,
        "rule": report.rule.key,
        "path": report.rule.path,
        "tried": report.tried,
        "proposals": [
            {
                "number": n, "rests_on": p.proposal.rests_on, "when": p.proposal.when, "devices": list(p.proposal.devices),
                "explains": p.explains, "evidence": p.total, "hides_findings": [dict(s.row) for s in p.others],
                "warnings": [d.message for d in p.verdict.diagnostics if d.severity == "warning"],
                "red_team": [{"how": h.how, "what": list(h.what), "expected": h.expected} for h in p.trial.hidden],
                "red_team_problem": p.trial.problem,
            }
            for n, p in enumerate(report.proposals, 1)
        ],
        "wrong": [p.render() for p in report.wrong],
        "written": str(written[0]) if written else None,
    }  # fmt: skip
