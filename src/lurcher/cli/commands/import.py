"""lurcher import PATH... --to FOLDER"""

import json
from pathlib import Path

import click

from lurcher.cli.options import Rules


@click.command()
@click.argument("paths", nargs=-1, required=True, type=Rules())
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the rules go.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(paths: tuple[Path, ...], to: Path, force: bool, dry_run: bool, format_: str) -> None:
    """Bring rules of any form into a folder of Sentinel YAML: Sigma, KQL files, pages, broken YAML.

    A Sentinel file stays as it is but for its repairs. The scenarios of a page become exclusions in a file beside the rule. Ends
    with 0; with 1 where a rule could not be brought in.
    """
    from lurcher.app.import_ import import_rules
    from lurcher.report.text import counted, visible

    report = import_rules(paths, to, force=force, dry_run=dry_run)
    if format_ == "json":
        data = {
            "rules": [
                {
                    "rule": r.rule.key,
                    "name": r.rule.name,
                    "from": r.rule.path,
                    "to": r.path,
                    "outcome": r.outcome,
                    "why": r.why,
                }
                for r in report.rules
            ],
            "loading": [p.render() for p in report.loading],
            "skipped": [list(s) for s in report.skipped],
        }
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        for placed in report.loading:
            click.echo(placed.render())
        for one in report.rules:
            note = f": {visible(one.why)}" if one.why else ""
            click.echo(f"{one.outcome}: {visible(one.rule.path)} -> {visible(one.path)}{note}")
        for path, why in report.skipped:
            click.echo(f"skipped: {visible(path)}: {visible(why)}")
        would = "would be written" if dry_run else "written"
        click.echo(
            f"{counted(len(report.rules), 'rule')}: {report.count('written'):,} {would}, {report.count('unchanged'):,} unchanged, "
            f"{report.count('differs'):,} not overwritten, {report.count('refused'):,} refused"
        )
    click.get_current_context().exit(report.exit_code)
