"""lurcher report FILE..."""

from pathlib import Path

import click

from lurcher.cli.options import lake_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@lake_option
@click.option("--hunt", "number", type=click.IntRange(1), metavar="N", help="The hunt to tell of (default: the last).")
def command(files: tuple[Path, ...], lake_path: Path | None, number: int | None) -> None:
    """Write a report of a hunt out of the lake's ledger: .html, .md, .csv, .json, .parquet, .sarif.

    The ledger keeps findings, exclusions and evidence, not queries: for those, write the report with the hunt
    (hunt --report).
    """
    from lurcher.app.lakes import need_lake
    from lurcher.app.reports import check_paths, document_in, write
    from lurcher.report.text import counted

    check_paths(files)
    doc = document_in(need_lake(lake_path), number)
    write(doc, files)
    findings = sum(len(r.findings) for r in doc.rules)
    click.echo(
        f"hunt {doc.number}: {counted(len(doc.rules), 'rule')}, {counted(findings, 'finding')} written to"
        f" {', '.join(map(str, files))}"
    )
