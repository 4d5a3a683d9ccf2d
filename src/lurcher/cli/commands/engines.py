"""lurcher engines [ENGINE...]"""

from __future__ import annotations

import click


@click.command()
@click.argument("engines", nargs=-1, metavar="[ENGINE]...")
def command(engines: tuple[str, ...]) -> None:
    """What can run queries here, and whether it is as queries need it.

    Looks at duckdb and spark:sail, or at those that are named: spark://HOST:15002. Ends with 1 where one that is named cannot be
    used.
    """
    from lurcher.app.engines import look

    unusable = False
    for name in engines or ("duckdb", "spark:sail"):
        found = look(name)
        unusable |= found.problem != ""
        click.echo(f"{name}: {'not usable: ' + found.problem if found.problem else 'usable'}")
        for what, value in found.facts:
            click.echo(f"  {what}: {value}")
    click.get_current_context().exit(1 if engines and unusable else 0)
