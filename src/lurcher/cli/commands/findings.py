"""lurcher findings [ID]"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from lurcher.cli.options import lake_option


@click.command()
@click.argument("number", required=False, type=int)
@lake_option
@click.option("--suppressed", is_flag=True, help="Those whose evidence exclusions explain, and by which.")
@click.option("--all", "everything", is_flag=True, help="In every state.")
@click.option("--state", "states", multiple=True, type=click.Choice(["new", "known", "suppressed", "gone"]))
@click.option(
    "--would-return", "exclusion", metavar="EXCLUSION", help="What would come back if this exclusion ended today."
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    number: int | None,
    lake_path: Path | None,
    suppressed: bool,
    everything: bool,
    states: tuple[str, ...],
    exclusion: str | None,
    format_: str,
) -> None:
    """List the findings of the lake's ledger, or show one with its evidence and history.

    Without options: those that are new or known.
    """
    from lurcher.app import findings as app
    from lurcher.app.lakes import need_lake
    from lurcher.hunt.findings import State
    from lurcher.report.findings import print_findings, tally

    lake = need_lake(lake_path)
    if number is not None:
        _show(app.finding(lake, number), format_)
        return
    if exclusion is not None:
        back = app.would_return(lake, exclusion)
        if format_ == "json":
            click.echo(
                json.dumps([{**asdict(r.finding), "alone": r.alone} for r in back], ensure_ascii=False, indent=1)
            )
            return
        print_findings([r.finding for r in back], sys.stdout)
        click.echo(f"{len(back)} findings would come back without {exclusion}")
        return
    chosen = {State(s) for s in states} | ({State.SUPPRESSED} if suppressed else set())
    if not chosen:
        chosen = set(State) if everything else {State.NEW, State.KNOWN}
    found = app.findings(lake, chosen)
    if format_ == "json":
        click.echo(json.dumps([asdict(f) for f in found], ensure_ascii=False, indent=1))
        return
    print_findings(found, sys.stdout)
    click.echo(f"{len(found)} findings: {tally(found)}")


def _show(report: object, format_: str) -> None:
    from lurcher.app.findings import FindingReport
    from lurcher.report.findings import moment, print_findings
    from lurcher.report.tables import print_table

    assert isinstance(report, FindingReport)
    if format_ == "json":
        click.echo(json.dumps(asdict(report), ensure_ascii=False, indent=1))
        return
    finding = report.finding
    click.echo(f"{finding.rule_name}  [{finding.rule}]")
    print_findings([finding], sys.stdout)
    click.echo("row: " + json.dumps(dict(finding.row), ensure_ascii=False))
    click.echo("history: " + ", ".join(f"run {run} {state.value}" for run, state in report.history))
    print_table(
        ("time", "device", "report", "sha1", "explained by"),
        [(moment(e.timestamp), e.device_id, e.report_id, e.sha1, ", ".join(e.explained_by)) for e in report.evidence],
    )
