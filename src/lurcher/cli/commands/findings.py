"""lurcher findings [NUMBER] | close | reopen | verify | rebuild | export | import"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lurcher.cli.options import lake_option, now

if TYPE_CHECKING:
    from lurcher.app.findings import FindingReport
    from lurcher.hunt.findings import Finding

_STATES = ["new", "known", "suppressed", "gone", "closed"]


class Findings(click.Group):
    """What is none of its commands is what `lurcher findings` itself takes: a number, or options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0].lstrip("-").isdigit():
            return "show", _show_one, args
        return super().resolve_command(ctx, args)


format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group(cls=Findings, invoke_without_command=True, subcommand_metavar="[NUMBER | COMMAND ...]")
@lake_option
@click.option("--suppressed", is_flag=True, help="Those whose evidence exclusions explain, and by which.")
@click.option("--all", "everything", is_flag=True, help="In every state.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES))
@click.option("--again", is_flag=True, help="Those that were seen again since they were closed.")
@click.option(
    "--would-return", "exclusion", metavar="EXCLUSION", help="What would come back if this exclusion ended today."
)
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    lake_path: Path | None,
    suppressed: bool,
    everything: bool,
    states: tuple[str, ...],
    again: bool,
    exclusion: str | None,
    format_: str,
) -> None:
    """List the findings of the lake's ledger, or show one with its evidence and history: lurcher findings 12.

    Without options: those that are new or known. The commands close and reopen findings, and look after the ledger.
    """
    ctx.obj = {"lake": lake_path, "format": format_}
    if ctx.invoked_subcommand is not None:
        return
    from lurcher.app import findings as app
    from lurcher.app.lakes import need_lake
    from lurcher.hunt.findings import State
    from lurcher.report.findings import print_findings, tally
    from lurcher.report.text import counted, visible

    lake = need_lake(lake_path)
    if exclusion is not None:
        back = app.would_return(lake, exclusion)
        if format_ == "json":
            click.echo(
                json.dumps([{**asdict(r.finding), "alone": r.alone} for r in back], ensure_ascii=False, indent=1)
            )
            return
        print_findings([r.finding for r in back], sys.stdout)
        click.echo(f"{counted(len(back), 'finding')} would come back without {visible(exclusion)}")
        return
    chosen = {State(s) for s in states} | ({State.SUPPRESSED} if suppressed else set())
    if not chosen:
        chosen = set(State) if everything or again else {State.NEW, State.KNOWN}
    found = app.findings(lake, chosen, again=again)
    if format_ == "json":
        click.echo(json.dumps([asdict(f) for f in found], ensure_ascii=False, indent=1))
        return
    print_findings(found, sys.stdout)
    click.echo(f"{counted(len(found), 'finding')}: {tally(found)}")


@click.command()
@click.argument("number", type=int)
@lake_option
@format_option
@click.pass_context
def _show_one(ctx: click.Context, number: int, lake_path: Path | None, format_: str) -> None:
    """Show one finding."""
    from lurcher.app import findings as app

    _show(app.finding(_lake(ctx, lake_path), number), _format(ctx, format_))


def _lake(ctx: click.Context, lake_path: Path | None) -> Any:
    from lurcher.app.lakes import need_lake

    return need_lake(lake_path or (ctx.obj or {}).get("lake"))


def _format(ctx: click.Context, format_: str) -> str:
    return "json" if "json" in (format_, (ctx.obj or {}).get("format")) else "text"


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


numbers_argument = click.argument("numbers", nargs=-1, required=True, type=int, metavar="NUMBER...")
note_option = click.option("--note", default="", metavar="TEXT", help="Why; kept with it.")
by_option = click.option("--by", "who", metavar="NAME", help="Who says so (default: the user's name here).")


@command.command()
@numbers_argument
@click.option(
    "--as",
    "verdict",
    required=True,
    type=click.Choice(["true-positive", "false-positive", "benign"]),
    help="What it was.",
)
@note_option
@by_option
@lake_option
@format_option
@click.pass_context
def close(
    ctx: click.Context,
    numbers: tuple[int, ...],
    verdict: str,
    note: str,
    who: str | None,
    lake_path: Path | None,
    format_: str,
) -> None:
    """Close findings: they are judged, and no longer listed as open.

    One that is seen again with newer evidence says so. A true positive is then shown again; a false positive or a benign one
    where its files or devices are others than those that were judged.
    """
    from lurcher.app import findings as app
    from lurcher.hunt.findings import Verdict

    lake = _lake(ctx, lake_path)
    who = _user() if who is None else who
    done = app.close(lake, numbers, Verdict(verdict), note=note, who=who, at=now())
    _told(done, _format(ctx, format_))


@command.command()
@numbers_argument
@note_option
@by_option
@lake_option
@format_option
@click.pass_context
def reopen(
    ctx: click.Context, numbers: tuple[int, ...], note: str, who: str | None, lake_path: Path | None, format_: str
) -> None:
    """Take back that findings are closed."""
    from lurcher.app import findings as app

    lake = _lake(ctx, lake_path)
    who = _user() if who is None else who
    _told(app.reopen(lake, numbers, note=note, who=who, at=now()), _format(ctx, format_))


def _told(done: list[Finding], format_: str) -> None:
    from lurcher.report.findings import print_findings

    if format_ == "json":
        click.echo(json.dumps([asdict(f) for f in done], ensure_ascii=False, indent=1))
    else:
        print_findings(done, sys.stdout)


@command.command()
@lake_option
@format_option
@click.pass_context
def verify(ctx: click.Context, lake_path: Path | None, format_: str) -> None:
    """Read all of the ledger and of the records beside it, and say what is damaged.

    Ends with 0; with 1 where something is wrong.
    """
    from lurcher.app import findings as app
    from lurcher.report.text import counted, visible

    seen = app.verify_ledger(_lake(ctx, lake_path))
    if _format(ctx, format_) == "json":
        click.echo(json.dumps(asdict(seen), ensure_ascii=False, indent=1))
    else:
        for line in seen.wrong:
            click.echo(visible(line))
        click.echo(
            f"{counted(seen.findings, 'finding')}, {counted(seen.records, 'record')}: "
            + (f"{len(seen.wrong)} wrong; lurcher findings rebuild" if seen.wrong else "whole")
        )
    ctx.exit(1 if seen.wrong else 0)


@command.command()
@click.option("--partly", is_flag=True, help="Take what stands before a damaged record; what follows it is lost.")
@lake_option
@format_option
@click.pass_context
def rebuild(ctx: click.Context, partly: bool, lake_path: Path | None, format_: str) -> None:
    """Make the ledger again from the records beside it. The one that was there is kept."""
    from lurcher.app import findings as app
    from lurcher.report.text import counted

    made = app.rebuild_ledger(_lake(ctx, lake_path), partly=partly)
    if _format(ctx, format_) == "json":
        click.echo(json.dumps(asdict(made), ensure_ascii=False, indent=1))
        return
    click.echo(
        f"made from {counted(made.records, 'record')}: {counted(made.hunts, 'hunt')}, {counted(made.findings, 'finding')}"
    )
    if made.why:
        click.echo(f"{counted(made.lost, 'record')} could not be used: {made.why}")
    if made.kept:
        click.echo(f"the ledger that was there is {made.kept}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@lake_option
@click.pass_context
def export(ctx: click.Context, file: Path, lake_path: Path | None) -> None:
    """Write the whole ledger as lines of JSON, for another case."""
    from lurcher.app import findings as app
    from lurcher.report.text import counted

    click.echo(f"{counted(app.export_findings(_lake(ctx, lake_path), file), 'finding')} written to {file}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@lake_option
@format_option
@click.pass_context
def import_(ctx: click.Context, file: Path, lake_path: Path | None, format_: str) -> None:
    """Merge findings that another case exported. The same file twice changes nothing.

    Hunts of both are put in the order of time. Findings keep their numbers.
    """
    from lurcher.app import findings as app
    from lurcher.report.text import counted

    merged = app.import_findings(_lake(ctx, lake_path), file)
    if _format(ctx, format_) == "json":
        click.echo(json.dumps(asdict(merged), ensure_ascii=False, indent=1))
        return
    if not merged.hunts and not merged.closings:
        click.echo("all of it is in the ledger already")
        return
    click.echo(
        f"{counted(merged.hunts, 'hunt')}, {counted(merged.closings, 'closing')} and {counted(merged.findings, 'new finding')} came"
    )


def _show(report: FindingReport, format_: str) -> None:
    from lurcher.report.findings import history_rows, moment, print_findings
    from lurcher.report.tables import print_table
    from lurcher.report.text import visible

    if format_ == "json":
        click.echo(json.dumps(asdict(report), ensure_ascii=False, indent=1))
        return
    finding = report.finding
    click.echo(f"{visible(finding.rule_name)}  [{visible(finding.rule)}]")
    print_findings([finding], sys.stdout)
    click.echo("row: " + visible(json.dumps(dict(finding.row), ensure_ascii=False)))
    for closing in report.closings:
        what = "reopened" if closing.verdict == "reopened" else f"closed as {closing.verdict}"
        note = f": {closing.note}" if closing.note else ""
        click.echo(visible(f"{what} {moment(closing.at)} by {closing.who or 'nobody named'}{note}"))
    for baseline in report.baselines:
        click.echo(visible(baseline.text))
    click.echo("\nhistory")
    header = ("hunts", "now() was", "state", "evidence", "explained", "rule", "exclusions", "data", "engine")
    print_table(header, history_rows(report.sightings))
    click.echo("\nevidence")
    print_table(
        ("time", "device", "report", "sha1", "explained by"),
        [(moment(e.timestamp), e.device_id, e.report_id, e.sha1, ", ".join(e.explained_by)) for e in report.evidence],
    )
