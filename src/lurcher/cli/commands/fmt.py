"""lurcher fmt FILE..."""

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; end with 1 where a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(paths: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Lay out query files (.kql, .csl) and the query blocks of Sentinel YAML; "-" is standard input.

    Comments and line ends inside an operator stay. A text with syntax errors is left as it is. Ends with 0, or 1 where a text has
    errors or, with --check, would change.
    """
    from lurcher.app import fmt
    from lurcher.kql.source import Source
    from lurcher.report.whole import whole_file

    failed = changed = 0
    files = fmt.files_of(paths)
    for path in files:
        if str(path) == "-":
            content = sys.stdin.buffer.read()
            done = fmt.format_query(Source(content.decode("utf-8-sig"), "<stdin>"))
            before, after = content, done.text.encode() if not done.problems else content
        else:
            before, after, done = fmt.format_file(path)
        for placed in done.problems:
            click.echo(placed.render(), err=True)
        for note in done.notes:
            click.echo(note, err=True)
        failed += bool(done.problems)
        differs = before != after
        changed += differs
        if diff:
            sys.stdout.write(fmt.difference(str(path), before, after))
        elif check:
            if differs:
                click.echo(f"{path}: would change")
        elif str(path) == "-":
            sys.stdout.buffer.write(after)
        elif differs:
            with whole_file(path) as partial:
                partial.write_bytes(after)
            click.echo(f"{path}: laid out", err=True)
    if check and not diff:
        click.echo(
            f"{len(files)} files: {changed} would change" + (f", {failed} with errors" if failed else ""), err=True
        )
    click.get_current_context().exit(1 if failed or (check and changed) else 0)
