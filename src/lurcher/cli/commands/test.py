"""lurcher test RULE|FOLDER..."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lurcher.cli.options import Rules, now

if TYPE_CHECKING:
    from lurcher.content.testing.outcome import Mutated, Outcome, Tested


@click.command()
@click.argument("paths", nargs=-1, required=True, type=Rules())
@click.option(
    "-k", "only", metavar="TEXT", default="",
    help="Only tests whose name, rule or path has the text (* and ? as in file names).",
)  # fmt: skip
@click.option("-x", "stop", is_flag=True, help="End at the first test that does not pass.")
@click.option("-q", "quiet", is_flag=True, help="Only what did not pass, and the summary.")
@click.option("--require-tests", is_flag=True, help="Fail where a rule has no test of a true and of a false positive.")
@click.option("--watch", is_flag=True, help="Run again what a changed file concerns, until Ctrl-C.")
@click.option(
    "--mutate", is_flag=True, help="Change the rules in small ways and list the changes that no test notices."
)
@click.option(
    "--min-score", type=click.IntRange(0, 100), metavar="PERCENT",
    help="With --mutate: end with 1 where a rule's score is less.",
)  # fmt: skip
@click.option(
    "--budget", type=click.FloatRange(1), default=120.0, show_default=True, metavar="SECONDS",
    help="With --mutate: time for each rule.",
)  # fmt: skip
@click.option(
    "--propose", is_flag=True,
    help="Print tests for a rule: events that just match and just miss, with what the rule gives for them.",
)  # fmt: skip
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
    watch: bool,
    mutate: bool,
    min_score: int | None,
    budget: float,
    propose: bool,
    format_: str,
    junit_path: Path | None,
    jobs: int,
) -> None:
    """Run the tests of rules: the events in RULE.test.yaml, and what must come of them.

    Each test runs on rows in memory, by the code that hunts, with the rule's exclusions. PATHS are rules, folders of them, or files
    of tests. Ends with 0 where all pass, 1 where one fails or a rule does not run, 2 where a file is broken or there is no test.
    The format: docs/testing.md.
    """
    if mutate + propose + watch > 1:
        raise click.UsageError("--watch, --mutate and --propose go one at a time")
    if propose:
        _propose(paths, only)
        return
    if mutate:
        _mutate(paths, only, budget, jobs, min_score, format_)
        return

    def run(some: Sequence[Path]) -> Tested:
        from lurcher.app.testing import run_tests
        from lurcher.report.junit import junit
        from lurcher.report.testing import lines
        from lurcher.report.whole import whole_file

        def tell(outcome: Outcome) -> None:
            if format_ == "text" and not (quiet and outcome.status == "passed"):
                for line in lines(outcome):
                    click.echo(line)

        report = run_tests(some, only=only, stop=stop, jobs=jobs, progress=tell)
        if junit_path is not None:
            with whole_file(junit_path) as partial:
                partial.write_text(junit(report), encoding="utf-8")
        _print(report, format_)
        return report

    if watch:
        _watch(paths, run)
        return
    click.get_current_context().exit(run(paths).exit_code(require_tests=require_tests))


def _watch(paths: Sequence[Path], run: Callable[[Sequence[Path]], object]) -> None:
    import time

    from lurcher.app.testing_watch import watch
    from lurcher.errors import LurcherError

    def again(some: Sequence[Path]) -> None:
        try:
            run(some)
        except LurcherError as problem:
            # A file that is gone while it is written comes back.
            click.echo(f"error: {problem}", err=True)
        click.echo("waiting for a change; Ctrl-C ends", err=True)

    try:
        watch(paths, again, wait=lambda: time.sleep(0.5))
    except KeyboardInterrupt:
        click.echo("")


def _mutate(paths: Sequence[Path], only: str, budget: float, jobs: int, min_score: int | None, format_: str) -> None:
    from lurcher.app.testing_mutants import mutate
    from lurcher.report.testing import mutated_data, mutated_lines

    if format_ == "junit":
        raise click.UsageError("--mutate has the formats text and json")

    def tell(one: Mutated) -> None:
        if format_ == "text":
            for line in mutated_lines(one):
                click.echo(line)

    rules, wrong = mutate(paths, only=only, budget=budget, jobs=jobs, progress=tell)
    if format_ == "json":
        data = mutated_data(rules) | {"wrong": [p.render() for p in wrong]}
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        for placed in wrong:
            click.echo(placed.render())
        if not rules:
            click.echo("no rule here has tests")
    broken = not rules or any(p.diagnostic.is_error for p in wrong)
    failed = any(not r.mutants and r.why for r in rules)
    low = min_score is not None and any(r.score is not None and r.score * 100 < min_score for r in rules)
    click.get_current_context().exit(2 if broken else 1 if failed or low else 0)


def _propose(paths: Sequence[Path], only: str) -> None:
    from lurcher.app.testing_mutants import propose

    if len(paths) != 1:
        raise click.UsageError("--propose takes one rule")
    click.echo(propose(paths[0], now(), only).text, nl=False)


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
