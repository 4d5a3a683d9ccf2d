"""lurcher collect signatures PATH..."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lurcher.cli.options import lake_option, now

if TYPE_CHECKING:
    from lurcher.app.collect import CollectReport


@click.group()
def command() -> None:
    """Read evidence off files: signatures of programs."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@click.option("--device", default="", metavar="NAME", help="Whose files they are: a mounted image does not say.")
@click.option(
    "--drive",
    "--root-as",
    default="",
    metavar="C:",
    help="What the folder is on that machine (C:, C:\\Users): paths are shown as there.",
)
@click.option("--include", multiple=True, metavar="GLOB", help="Only these files: *.exe, Windows/**/*.sys.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Not these; with / at the end, a folder: node_modules/.")
@click.option("--max-size", metavar="SIZE", help="No larger files: 200M.")
@click.option("--full", is_flag=True, help="Read all files, also those that are as the last run has seen them.")
@click.option(
    "--no-hash", is_flag=True, help="A quick pass: signatures alone. Nothing is found trusted, no hash is known."
)
@click.option("--no-md5", is_flag=True, help="Without MD5, which takes as long as the other hashes together.")
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
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    max_size: str | None,
    full: bool,
    no_hash: bool,
    no_md5: bool,
    nested: bool,
    roots: tuple[Path, ...],
    at: str | None,
    workers: int | None,
) -> None:
    """Read the signatures of the files below folders (a disk, a mounted image): programs, installers, cabinets, app packages,
    scripts, catalogues.

    Rows go to DeviceFileCertificateInfo and DeviceFileEvents. A further run reads what is new or changed, and goes on
    where one was ended. Trust is judged offline: docs/signatures.md.
    """
    import time

    from lurcher.app.collect import collect
    from lurcher.app.lakes import need_lake
    from lurcher.app.times import resolve_as_of
    from lurcher.cli.progress import Bar
    from lurcher.collect.filters import size_of
    from lurcher.collect.signatures import Progress

    lake = need_lake(lake_path)
    limit = size_of(max_size) if max_size is not None else None
    began = time.monotonic()
    with Bar("reading", "files") as bar:

        def show(p: Progress) -> None:
            rate = p.files / max(time.monotonic() - began, 0.001)
            bar.show(p.files, f"{rate:,.0f}/s, {p.pe:,} can be signed, {p.unchanged:,} unchanged")

        report = collect(
            lake, paths, now=resolve_as_of(at, lake, now()), device=device, drive=drive, hashes=not no_hash, md5=not no_md5,
            nested=nested, trust_roots=roots, include=include, exclude=exclude, max_size=limit, full=full, workers=workers,
            progress=show,
        )  # fmt: skip
    _tell(report)


def _tell(report: CollectReport) -> None:
    from lurcher.report.text import counted, visible

    seen = report.progress
    kinds = [f"{counted(seen.pe, 'file')} that can be signed", f"{seen.other:,} other", f"{report.lost:,} not examined"]
    if seen.unchanged:
        kinds.insert(0, f"{seen.unchanged:,} unchanged since the last run")
    click.echo(f"{counted(seen.files, 'file')}: {', '.join(kinds)}")
    filters = report.filters
    if filters is not None:
        left = {
            "excluded": filters.excluded,
            "not included": filters.not_included,
            "too large": filters.too_large,
        }
        parts = [f"{n:,} {what}" for what, n in left.items() if n]
        if filters.folders:
            parts.append(f"{counted(filters.folders, 'folder')} excluded and not entered")
        if parts:
            click.echo(f"  left out: {', '.join(parts)}")
    if report.resumed:
        click.echo(f"  {counted(report.resumed, 'file')} of them had been read by a run that did not end")
    for table, rows in report.rows.items():
        click.echo(f"  {counted(rows, 'row')} to {table}")
    if report.known:
        click.echo(f"  {counted(report.known, 'file')} read again, in the lake already as they are")
    if report.gone:
        click.echo(f"  {counted(report.gone, 'file')} gone since the last run (their rows stay)")
        for path in report.gone_paths:
            click.echo(f"    {visible(path)}")
        if report.gone > len(report.gone_paths):
            click.echo(f"    ... and {report.gone - len(report.gone_paths):,} more")
    for problem in report.problems:
        click.echo(f"  {'rejected' if problem.lost else 'in part'}: {visible(problem.path)}: {problem.reason}")
    if report.rejects:
        click.echo(f"  all problems are in {report.rejects}")
