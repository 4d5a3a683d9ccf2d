"""lurcher check FILE..."""

import json
from pathlib import Path

import click

from lurcher.cli.options import as_of_option, lake_option, now


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@lake_option
@as_of_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--fix", is_flag=True, help="Write the repairs to the files.")
@click.option("--notes/--no-notes", default=True, help="Show notes as well as warnings and errors.")
def command(
    paths: tuple[Path, ...], lake_path: Path | None, as_of: str | None, format_: str, fix: bool, notes: bool
) -> None:
    """Say what is wrong with rules: form, query, cost, signers that have changed, what exclusions hide.

    Ends with 0 where there are notes at most, 1 with warnings or errors, 2 where a file cannot be read. A line
    "# lurcher: ignore CODE reason" in a rule's file silences a warning. The codes: docs/rules.md.
    """
    from lurcher.app.check import check
    from lurcher.app.lakes import find_lake
    from lurcher.app.query import open_session
    from lurcher.kql.diagnostics import Severity
    from lurcher.report.text import counted

    session = open_session(find_lake(lake_path), now(), as_of)
    report = check(paths, session, fix=fix)
    shown = [p for p in report.problems if notes or p.severity is not Severity.NOTE]
    if format_ == "json":
        data = {
            "rules": len(report.rules), "problems": [p.as_data() for p in shown], "loading": [p.render() for p in report.loading],
            "skipped": [list(s) for s in report.skipped], "fixed": report.fixed,
        }  # fmt: skip
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        for path in report.fixed:
            click.echo(f"{path}: repairs written")
        for placed in report.loading:
            click.echo(placed.render())
        for problem in shown:
            if not problem.silenced:
                click.echo(problem.placed.render())
        for path, why in report.skipped:
            click.echo(f"{path}: skipped: {why}")
        silenced = sum(bool(p.silenced) for p in report.problems)
        click.echo(
            f"{counted(len(report.rules), 'rule')}: {counted(report.count(Severity.ERROR), 'error')}, "
            f"{counted(report.count(Severity.WARNING), 'warning')}, {counted(report.count(Severity.NOTE), 'note')}"
            + (f", {silenced:,} silenced" if silenced else "")
        )
    click.get_current_context().exit(report.exit_code)
