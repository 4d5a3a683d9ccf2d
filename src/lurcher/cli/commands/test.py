"""lurcher test RULE|FOLDER..."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lurcher.content.testing.outcome import Outcome, Tested


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "-k", "only", metavar="TEXT", default="",
    help="Only tests whose name, rule or path has the text (* and ? as in file names).",
)  # fmt: skip
@click.option("-x", "stop", is_flag=True, help="End at the first test that does not pass.")
@click.option("-q", "quiet", is_flag=True, help="Only what did not pass, and the summary.")
@click.option("--require-tests", is_flag=True, help="Fail where a rule has no test of a true and of a false positive.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option(
    "--junit", "junit_path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write JUnit XML to a file as well.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores",
    help="Processes that run tests.",
)  # fmt: skip
def command(
    paths: tuple[Path, ...],
    only: str,
    stop: bool,
    quiet: bool,
    require_tests: bool,
    format_: str,
    junit_path: Path | None,
    jobs: int,
) -> None:
    """Run the tests of rules: the events in RULE.test.yaml, and what must come of them.

    Each test runs on rows in memory, by the code that hunts, with the rule's exclusions. PATHS are rules, folders of them, or files
    of tests. Ends with 0 where all pass, 1 where one fails or a rule does not run, 2 where a file is broken or there is no test.
    The format: docs/testing.md.
    """
    from lurcher.app.testing import run_tests
    from lurcher.report.junit import junit
    from lurcher.report.testing import lines
    from lurcher.report.whole import whole_file

    def tell(outcome: Outcome) -> None:
        if format_ == "text" and not (quiet and outcome.status == "passed"):
            for line in lines(outcome):
                click.echo(line)

    report = run_tests(paths, only=only, stop=stop, jobs=jobs, progress=tell)
    if junit_path is not None:
        with whole_file(junit_path) as partial:
            partial.write_text(junit(report), encoding="utf-8")
    _print(report, format_)
    click.get_current_context().exit(report.exit_code(require_tests=require_tests))


def _print(report: Tested, format_: str) -> None:
    from lurcher.report.junit import junit
    from lurcher.report.testing import as_data, summary, untested_lines

    if format_ == "json":
        click.echo(json.dumps(as_data(report), ensure_ascii=False, indent=1, default=str))
    elif format_ == "junit":
        click.echo(junit(report), nl=False)
    else:
        for placed in report.wrong:
            click.echo(placed.render())
        for line in untested_lines(report):
            click.echo(line)
        click.echo(summary(report))
