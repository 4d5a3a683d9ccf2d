"""lurcher exclusions RULE|FOLDER..."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lurcher.cli.options import Rules, as_of_option, lake_option, now


@click.command()
@click.argument("rules", nargs=-1, required=True, type=Rules())
@lake_option
@as_of_option
@click.option(
    "--force", "forced", multiple=True, metavar="EXCLUSION", help="Count an exclusion that is refused as if applied."
)
@click.option("--red-team", is_flag=True, help="Put each to an intruder's events, and name what it would hide.")
@click.option("--in-force", "only", is_flag=True, help="Only those that are in force.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    rules: tuple[Path, ...],
    lake_path: Path | None,
    as_of: str | None,
    forced: tuple[str, ...],
    red_team: bool,
    only: bool,
    format_: str,
) -> None:
    """List the exclusions of rules: in force or why not, owner and end, what each explains, what would come back without it.

    Counts are of the lake's data; nothing is written. With --red-team the true positives of the rules' tests and the catalogue's
    tools in an intruder's hands are put through each. Ends with 0; with 1 where an exclusion in force hides such an event, or a
    rule did not run.
    """
    from lurcher.app.exclusions_in_force import exclusions_in_force
    from lurcher.app.lakes import find_lake
    from lurcher.app.query import open_session

    session = open_session(find_lake(lake_path), now(), as_of)
    report = exclusions_in_force(rules, session, forced=forced, red=red_team)
    lines = [line for line in report.lines if not only or line.standing in ("in force", "forced")]
    if format_ == "json":
        data = {
            "rules": report.rules,
            "exclusions": [line.as_data() for line in lines],
            "not_run": [{"rule": r.key, "name": r.name, "reason": why} for r, why in report.not_run],
            "loading": [p.render() for p in report.loading],
        }
        click.echo(json.dumps(data, ensure_ascii=False, indent=1, default=str))
    else:
        _print(report, lines, session.now.date())
    failed = report.failed or report.not_run or any(p.diagnostic.is_error for p in report.loading)
    click.get_current_context().exit(1 if failed else 0)


def _print(report: Any, lines: list[Any], today: Any) -> None:
    from lurcher.report.text import counted, visible

    for placed in report.loading:
        click.echo(placed.render())
    rule = None
    for line in lines:
        if line.rule is not rule:
            rule = line.rule
            total = report.totals.get(rule.key)
            of = f", {total:,} rows of evidence" if total is not None else ""
            click.echo(f"\n{visible(rule.name)}  [{visible(rule.path)}]{of}")
        _print_line(line, report.totals.get(rule.key), today)
    for broken, why in report.not_run:
        click.echo(f"\n{visible(broken.name)}: not run: {visible(why)}")
    standing: dict[str, int] = {}
    for line in lines:
        standing[line.standing] = standing.get(line.standing, 0) + 1
    counts = ", ".join(f"{n} {word}" for word, n in standing.items())
    click.echo(
        f"\n{counted(len(lines), 'exclusion')} of {counted(report.rules, 'rule')}" + (f": {counts}" if counts else "")
    )


def _print_line(line: Any, total: int | None, today: Any) -> None:
    from lurcher.report.text import counted, visible

    e = line.exclusion
    click.echo(f"  {visible(e.id)}: {line.standing}" + (f": {visible(line.reason)}" if line.reason else ""))
    scope = ", ".join(e.devices) if e.devices else "all devices"
    ends = f"until {e.expires}" + (" (soon)" if line.ends_soon(today) else "") if e.expires else "without end"
    click.echo(
        f"    {visible(e.owner or 'no owner')}, {ends}, {visible(scope)}; {visible(e.reason or 'no reason given')}"
    )
    if line.explains is not None:
        share = f" of {total:,}" if total is not None else ""
        click.echo(f"    explains {line.explains:,}{share}, {line.alone:,} of them alone")
        if line.returns:
            where = ", ".join(dict.fromkeys(visible(s.device or "?") for s in line.returns[:5]))
            more = f" and {len(line.returns) - 5} more" if len(line.returns) > 5 else ""
            click.echo(f"    without it {counted(len(line.returns), 'finding')} would come back: {where}{more}")
        elif line.explains:
            click.echo("    without it no finding would come back")
    for diagnostic in line.verdict.diagnostics:
        if diagnostic.severity == "warning":
            click.echo(f"    {visible(diagnostic.message)} [{diagnostic.code}]")
    if line.trial is not None:
        _print_trial(line.trial)


def _print_trial(trial: Any) -> None:
    from lurcher.app.redteam import named, untried
    from lurcher.report.text import visible

    for hidden in trial.hidden:
        word = "cannot tell apart" if hidden.expected else "HIDES"
        click.echo(
            f"    red team: {word}: {visible(hidden.how)}: {visible(named(hidden.what))} ({hidden.rows:,} of {hidden.total:,} rows)"
        )
    if trial.problem:
        click.echo(f"    red team: {untried(trial)}: {visible(trial.problem)}")
    elif trial.held:
        click.echo(f"    red team: nothing of an intruder's is hidden ({trial.tried:,} cases)")
