"""lurcher export RULES... --to TARGET"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lurcher.cli.options import as_of_option, lake_option, now


@click.command()
@click.argument("rules", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(["sentinel-arm", "sentinel-bicep", "sentinel-yaml", "defender", "kql", "navigator"]),
    help="What to write.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Where to. A folder gets a file for each rule; without it one file is printed.",
)
@click.option(
    "--tuned/--as-published",
    default=True,
    show_default=True,
    help="With the exclusions that are in force written into the query, or the query as it is.",
)
@click.option(
    "--force",
    "forced",
    multiple=True,
    metavar="EXCLUSION",
    help="Apply an exclusion that is refused for what it hides; repeat for more.",
)
@lake_option
@as_of_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    rules: tuple[Path, ...],
    target: str,
    out: Path | None,
    tuned: bool,
    forced: tuple[str, ...],
    lake_path: Path | None,
    as_of: str | None,
    format_: str,
) -> None:
    """Write rules as files that Sentinel and Defender deploy; what a target cannot hold is told.

    Nothing is deployed. Ends with 0; with 1 where some rule was not exported, with 2 where none was.
    """
    from lurcher.app.export import export
    from lurcher.app.lakes import find_lake
    from lurcher.app.query import open_session

    session = open_session(find_lake(lake_path), now(), as_of)
    report = export(rules, session, target, out=out, tuned=tuned, forced=forced)
    if format_ == "json":
        click.echo(json.dumps(_data(report), ensure_ascii=False, indent=1))
    else:
        if out is None:
            for file in report.files:
                click.echo(file.text, nl=False)
        _print(report, to_stderr=out is None)
    click.get_current_context().exit(report.exit_code)


def _print(report: Any, *, to_stderr: bool) -> None:
    from lurcher.report.text import counted, visible

    def say(line: str) -> None:
        click.echo(visible(line), err=to_stderr)

    for placed in report.loading:
        click.echo(placed.render(), err=to_stderr)
    for one in report.converted:
        rule = one.deploy.rule
        path = report.file_of(one)
        say(f"{rule.name or rule.key}  [{rule.path}]")
        if not one.ok:
            say("  not exported")
        elif path:
            say(f"  {path}")
        for diagnostic in one.said:
            hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
            say(f"  {diagnostic.severity.value}: {diagnostic.message}{hint} [{diagnostic.code}]")
        if not one.ok:
            continue
        if one.deploy.applied:
            say(f"  exclusions in the query: {', '.join(one.deploy.applied)}")
        for id_, why in one.deploy.left_out:
            say(f"  exclusion not in the query: {id_}: {why}")
        if one.dropped:
            say(f"  dropped: {', '.join(str(d) for d in one.dropped)}")
    for path, why in report.skipped:
        say(f"{path}: skipped: {why}")
    for note in report.notes:
        say(note)
    exported = len(report.converted) - len(report.refused)
    say(f"{counted(exported, 'rule')} exported to {counted(len(report.files), 'file')}, {len(report.refused):,} not")


def _data(report: Any) -> dict[str, Any]:
    return {
        "target": report.target,
        "query": "tuned" if report.tuned else "as published",
        "files": [
            {"path": f.path, "rules": list(f.rules)} if f.path else {"text": f.text, "rules": list(f.rules)}
            for f in report.files
        ],
        "rules": [
            {
                "rule": c.deploy.rule.key,
                "name": c.deploy.rule.name,
                "path": c.deploy.rule.path,
                "exported": c.ok,
                "file": report.file_of(c),
                "deployed_as": c.deploy.id,
                "exclusions": list(c.deploy.applied),
                "exclusions_left_out": dict(c.deploy.left_out),
                "dropped": [{"what": d.what, "why": d.why} for d in c.dropped],
                "problems": [
                    {"code": d.code, "severity": d.severity.value, "message": d.message, "hint": d.hint} for d in c.said
                ],
            }
            for c in report.converted
        ],
        "loading": [p.render() for p in report.loading],
        "skipped": [list(s) for s in report.skipped],
        "notes": report.notes,
    }
