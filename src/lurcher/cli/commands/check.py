"""lurcher check FILE..."""

import json
from pathlib import Path

import click

from lurcher.cli.options import Rules, as_of_option, lake_option, now

FORMATS = ("text", "json", "sarif", "github")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=Rules())
@lake_option
@as_of_option
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True,
    help="How the problems are told; github: annotations of a pull request.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write them to a file instead; the last line is printed all the same.",
)  # fmt: skip
@click.option(
    "--sarif", "sarif_path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write SARIF to a file as well, whatever --format says.",
)  # fmt: skip
@click.option(
    "--baseline", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE.sarif",
    help="What an earlier run found: only what is new since then counts.",
)  # fmt: skip
@click.option(
    "--base", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("."), metavar="DIR",
    help="The folder that paths in SARIF and annotations are relative to (default: the current one).",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["note", "warning", "error"]), default="warning", show_default=True,
    help="The mildest problem that ends the command with 1.",
)  # fmt: skip
@click.option("--fix", is_flag=True, help="Write the repairs to the files.")
@click.option("--notes/--no-notes", default=True, help="Show notes as well as warnings and errors.")
@click.option("--summary", is_flag=True, help="Show how often each code was given, not each problem.")
@click.option("--skip-others", is_flag=True, help="Pass over named files that are no rules, as in folders.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes for many rules (default: one for each core).")
def command(
    paths: tuple[Path, ...], lake_path: Path | None, as_of: str | None, format_: str, output: Path | None,
    sarif_path: Path | None, baseline: Path | None, base: Path, fail_on: str, fix: bool, notes: bool, summary: bool,
    skip_others: bool,
    jobs: int | None,
) -> None:  # fmt: skip
    """Say what is wrong with rules: form, query, cost, signers that have changed, what exclusions hide.

    Ends with 0 where there are notes at most (see --fail-on), 1 with warnings or errors, 2 where a path cannot be read. A line
    "# lurcher: ignore CODE reason" in a rule's file silences a warning. The codes: docs/rules.md; in a pipeline: docs/ci.md.
    """
    from lurcher.app.check import check, cores
    from lurcher.app.checked import against, outputs, read_baseline_file
    from lurcher.app.lakes import find_lake
    from lurcher.app.query import open_session
    from lurcher.kql.diagnostics import Severity
    from lurcher.report.whole import whole_file

    known = read_baseline_file(baseline) if baseline else None
    session = open_session(find_lake(lake_path), now(), as_of)
    report = check(paths, session, fix=fix, jobs=jobs or cores(), fail_on=Severity(fail_on), skip_others=skip_others)
    gone = against(report, known, base) if known else 0
    written = outputs(report, base, known, gone, notes=notes, short=summary)
    if sarif_path:
        with whole_file(sarif_path) as partial:
            partial.write_text(written.sarif(), encoding="utf-8")
    text = {
        "text": written.text, "json": lambda: json.dumps(written.data(), ensure_ascii=False, indent=1) + "\n",
        "sarif": written.sarif, "github": written.github,
    }[format_]()  # fmt: skip
    if output:
        with whole_file(output) as partial:
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    else:
        click.echo(text, nl=False)
    if output or format_ == "text":
        click.echo(written.last_line())
    click.get_current_context().exit(report.exit_code)
