"""lurcher collect signatures PATH..."""

from pathlib import Path

import click

from lurcher.cli.options import lake_option, now


@click.group()
def command() -> None:
    """Read evidence off files: signatures of programs."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@click.option("--device", default="", metavar="NAME", help="Whose files they are: a mounted image does not say.")
@click.option(
    "--drive", default="", metavar="C:", help="The drive that the folder is: paths are shown as on the machine."
)
@click.option(
    "--no-hash", is_flag=True, help="A quick pass: signatures alone. Nothing is found trusted, no hash is known."
)
@click.option("--nested", is_flag=True, help="A further row for each nested signature.")
@click.option(
    "--trust-root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A root certificate to trust besides Microsoft's programme.",
)
@click.option(
    "--at", metavar="TIME|latest", help="The time of the rows (default: now; 'latest': the newest row of the lake)."
)
@click.option("--workers", type=click.IntRange(1), help="Processes to use (default: one a core).")
def signatures(
    paths: tuple[Path, ...],
    lake_path: Path | None,
    device: str,
    drive: str,
    no_hash: bool,
    nested: bool,
    roots: tuple[Path, ...],
    at: str | None,
    workers: int | None,
) -> None:
    """Read the signatures of all PE files below folders (a disk, a mounted image).

    Rows go to DeviceFileCertificateInfo and DeviceFileEvents. Trust is judged offline: docs/signatures.md.
    """
    from lurcher.app.collect import collect
    from lurcher.app.lakes import need_lake
    from lurcher.app.times import resolve_as_of
    from lurcher.cli.progress import Bar
    from lurcher.report.text import counted, visible

    lake = need_lake(lake_path)
    with Bar("reading", "files") as bar:
        report = collect(
            lake, paths, now=resolve_as_of(at, lake, now()), device=device, drive=drive, hashes=not no_hash, nested=nested,
            trust_roots=roots, workers=workers, progress=lambda p: bar.show(p.files, f"{p.pe:,} programs"),
        )  # fmt: skip
    seen = report.progress
    kinds = f"{counted(seen.pe, 'program')}, {counted(seen.other, 'other')}, {report.lost:,} not examined"
    click.echo(f"{counted(seen.files, 'file')}: {kinds}")
    for table, rows in report.rows.items():
        click.echo(f"  {counted(rows, 'row')} to {table}")
    if report.known:
        click.echo(f"  {counted(report.known, 'program')} in the lake already, as they are")
    for problem in report.problems:
        click.echo(f"  {'rejected' if problem.lost else 'in part'}: {visible(problem.path)}: {problem.reason}")
    if report.rejects:
        click.echo(f"  all problems are in {report.rejects}")
