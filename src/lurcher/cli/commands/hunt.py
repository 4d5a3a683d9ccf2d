"""lurcher hunt RULE|FOLDER..."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lurcher.cli.options import (
    as_of_option,
    engine_option,
    lake_option,
    limits_options,
    now,
    on_options,
    supply_options,
)

if TYPE_CHECKING:
    from lurcher.app.live import On
    from lurcher.app.supplies import Asked


@click.command()
@click.argument("rules", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@as_of_option
@click.option(
    "--force",
    "forced",
    multiple=True,
    metavar="EXCLUSION",
    help="Apply an exclusion that is refused for what it hides; repeat for more.",
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report; its ending says which: .html, .md, .csv, .json, .parquet, .sarif. Repeat for more.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Which remote-management tools are sanctioned (rmm-policy.yaml): what it covers is explained, not hidden.",
)
@click.option("--no-triage", is_flag=True, help="Do not look for what makes findings stand out.")
@click.option(
    "--explain", is_flag=True, help="Say on stderr which rows rules read together, and which rules did not and why."
)
@click.option("--no-sharing", is_flag=True, help="Run the rules one by one: slower, the results are the same.")
@click.option(
    "--since-last", is_flag=True, help="Miss nothing that came since each rule's last run, and tell only what is new."
)
@engine_option
@on_options
@supply_options
@limits_options
def command(
    rules: tuple[Path, ...],
    lake_path: Path | None,
    as_of: str | None,
    forced: tuple[str, ...],
    format_: str,
    reports: tuple[Path, ...],
    policy: Path | None,
    no_triage: bool,
    explain: bool,
    no_sharing: bool,
    since_last: bool,
    engine: str | None,
    timeout: float | None,
    memory_limit: str | None,
    threads: int | None,
    asked: Asked,
    on: On | None,
) -> None:
    """Run rules with their exclusions, and keep what they find in the lake's ledger.

    With --on the service runs them. Ends with 0; with 1 where a rule did not run.
    """
    from lurcher.app.hunt import hunt
    from lurcher.app.lakes import need_lake
    from lurcher.app.query import open_session
    from lurcher.app.session import Limits
    from lurcher.cli.progress import Bar

    if reports:
        from lurcher.app.reports import check_paths

        check_paths(reports)
    lake = need_lake(lake_path)
    if on is not None and engine is not None:
        raise click.UsageError("--engine is of hunts over the lake, not --on a service")
    limits = Limits(timeout, memory_limit, threads)
    session = open_session(lake, now(), as_of, limits=limits, asked=asked, engine=engine)
    live = None
    if on is not None:
        from lurcher.app.live import Live, told_on_stderr

        if asked.given:
            raise click.UsageError(
                "--watchlist, --allow-url and the like are of hunts that run here, not --on a service"
            )
        live = Live.open(on, session, as_of=as_of, told=told_on_stderr)
    started = datetime.now(UTC)
    if since_last:
        if live is not None:
            raise click.UsageError("--since-last is of a lake; with --on say the time: --timespan")
        _since_last(
            lake, rules, session, started, forced, not no_triage, policy, reports, format_, not no_sharing, explain
        )
        return
    with Bar("hunting", "rules") as bar:
        report = hunt(
            lake,
            rules,
            session,
            started=started,
            forced=forced,
            triage=not no_triage,
            progress=bar.show,
            live=live,
            policy=policy,
            sharing=not no_sharing,
            done=lambda run: _told(bar, run),
        )
    if explain:
        _explain(report)
    if reports:
        from lurcher.app.reports import document_of, write

        write(document_of(report, lake, session), reports)
    if format_ == "json":
        click.echo(json.dumps(_data(report), ensure_ascii=False, indent=1, default=str))
    else:
        _print(report)
    click.get_current_context().exit(0 if report.complete else 1)


def _since_last(
    lake: Any, rules: Any, session: Any, started: datetime, forced: Any, triage: bool, policy: Any, reports: Any, format_: str,
    sharing: bool, explain: bool,
) -> None:  # fmt: skip
    from lurcher.app.since import data_of, hunt_since_last
    from lurcher.cli.news import print_news
    from lurcher.cli.progress import Bar

    with Bar("hunting", "rules") as bar:
        report = hunt_since_last(
            lake, rules, session, started=started, forced=forced, triage=triage, progress=bar.show, policy=policy,
            sharing=sharing,
        )  # fmt: skip
    if explain:
        _explain(report.last)
    if reports:
        from lurcher.app.reports import document_of, write

        write(document_of(report.whole(), lake, session), reports)
    if format_ == "json":
        click.echo(json.dumps(data_of(report), ensure_ascii=False, indent=1, default=str))
    else:
        click.echo(f"hunt {report.last.number}, now() is {report.last.now:%Y-%m-%d %H:%M:%S} UTC")
        print_news(report)
    click.get_current_context().exit(0 if report.complete else 1)


def _told(bar: Any, run: Any) -> None:
    """What came of a rule, as soon as it is known, to whoever looks at a terminal. Most rules find nothing."""
    if run.status != "ok":
        bar.line(f"{run.rule.name}: not run")
    elif any(seen.shown for seen in run.seen):
        bar.line(f"{run.rule.name}: {sum(seen.shown for seen in run.seen):,} found")


def _explain(report: Any) -> None:
    from lurcher.report.text import visible

    lines = report.sharing.lines() if report.sharing is not None else ["nothing was shared: it was asked not to be"]
    if report.triage is not None:
        lines += ["what makes findings stand out:", *(f"  {line}" for line in report.triage.lines())]
    for line in lines:
        click.echo(visible(line), err=True)


def _print(report: Any) -> None:
    from lurcher.hunt.findings import State
    from lurcher.report.findings import print_findings, tally
    from lurcher.report.text import counted, visible

    click.echo(f"hunt {report.number}, now() is {report.now:%Y-%m-%d %H:%M:%S} UTC")
    for placed in report.loading:
        click.echo(placed.render())
    for one in report.rules:
        run = one.run
        click.echo(f"\n{visible(run.rule.name)}  [{visible(run.rule.path)}]")
        if run.status != "ok":
            click.echo(f"  not run: {visible(run.reason)}")
            continue
        click.echo(f"  findings: {tally(one.findings)}")
        if run.evidence_total is not None:
            click.echo(
                f"  evidence: {counted(run.evidence_total, 'row')}, {run.evidence_explained:,} explained by exclusions"
            )
        shown = one.in_state(State.NEW, State.KNOWN, State.GONE)
        if shown:
            print_findings(shown, sys.stdout, one.reasons)
        again = [f for f in one.in_state(State.CLOSED) if f.again is not None]
        if again:
            click.echo(f"  closed, seen again since (lurcher findings --again): {len(again)}")
            print_findings(again, sys.stdout)
        hidden = one.in_state(State.SUPPRESSED)
        if hidden:
            click.echo(
                f"  suppressed, all of their evidence is explained (lurcher findings --suppressed): {len(hidden)}"
            )
            print_findings(hidden, sys.stdout)
        for applied in run.applied:
            if not applied.in_force:
                click.echo(f"  not in force: {visible(applied.exclusion.id)}: {visible(applied.reason)}")
        for note in run.notes:
            click.echo(f"  note: {visible(note)}")
        for missed in one.drift:
            click.echo(f"  this rule misses signers: {visible(missed)}")
    for path, why in report.skipped:
        click.echo(f"{visible(path)}: skipped: {visible(why)}")
    new = sum(len(one.in_state(State.NEW)) for one in report.rules)
    click.echo(f"\n{counted(new, 'new finding')} since the last hunt")


def _data(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "hunt": report.number,
        "now": report.now,
        "rules": [
            {
                "rule": one.run.rule.key,
                "name": one.run.rule.name,
                "path": one.run.rule.path,
                "status": one.run.status,
                "reason": one.run.reason,
                "evidence": one.run.evidence_total,
                "explained": one.run.evidence_explained,
                "findings": [
                    {**asdict(f), "reasons": [r.text for r in one.reasons.get(f.id, ())]} for f in one.findings
                ],
                "not_in_force": {a.exclusion.id: a.reason for a in one.run.applied if not a.in_force},
                "misses": one.drift,
                "notes": list(one.run.notes),
            }
            for one in report.rules
        ],
        "loading": [p.render() for p in report.loading],
        "skipped": [list(s) for s in report.skipped],
    }
