"""lurcher coverage RULES..."""

import json
from pathlib import Path

import click

from lurcher.cli.options import Rules, lake_option, now


@click.command()
@click.argument("paths", nargs=-1, required=True, type=Rules())
@lake_option
@click.option("--findings", is_flag=True, help="Count the findings in the lake's ledger as well.")
@click.option(
    "--navigator", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a layer for the ATT&CK Navigator (format 4.5); with --findings its scores are findings.",
)  # fmt: skip
@click.option("--gaps", is_flag=True, help="List the techniques that no rule names.")
@click.option("--name", default="Coverage by rules", metavar="TEXT", help="The name of the layer.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[Path, ...], lake_path: Path | None, findings: bool, navigator: Path | None, gaps: bool, name: str,
    format_: str,
) -> None:  # fmt: skip
    """Say which tactics and techniques of ATT&CK rules cover: by what they name, where their query stands.

    Revoked ids count for what took their place, a sub-technique for its technique as well.
    """
    from lurcher.app.coverage import coverage
    from lurcher.app.lakes import find_lake, need_lake
    from lurcher.app.query import open_session
    from lurcher.report.coverage import header, remarks, tactic_rows, technique_rows
    from lurcher.report.navigator import layer, text_of
    from lurcher.report.tables import print_table
    from lurcher.report.text import visible
    from lurcher.report.whole import whole_file

    lake = need_lake(lake_path) if findings else find_lake(lake_path)
    doc = coverage(paths, open_session(lake, now(), None), lake if findings else None)
    if navigator:
        with whole_file(navigator) as partial:
            partial.write_text(text_of(layer(doc, name, by_findings=findings)), encoding="utf-8")
    if format_ == "json":
        click.echo(json.dumps(doc.as_data(), ensure_ascii=False, indent=1))
        return
    print_table(header(doc), tactic_rows(doc), right=(1, 2, 3))
    click.echo()
    columns = ("tactic", "id", "technique", "rules", *(("findings",) if findings else ()), "by")
    print_table(columns, technique_rows(doc), right=(3, 4) if findings else (3,))
    if gaps:
        click.echo()
        print_table(
            ("tactic", "id", "no rule names"), ((t.tactic, id_, name) for t in doc.tactics for id_, name in t.missing)
        )
    for remark in remarks(doc):
        click.echo(visible(remark))
    if navigator:
        click.echo(f"{navigator}: layer written")
