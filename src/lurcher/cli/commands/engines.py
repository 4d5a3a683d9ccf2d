"""lurcher engines [ENGINE...]"""

from __future__ import annotations

import click


@click.command()
@click.argument("engines", nargs=-1, metavar="[ENGINE]...")
def command(engines: tuple[str, ...]) -> None:
    """What can run queries here, and whether it is as queries need it.

    Without a name it lists duckdb, spark:sail and spark:local, and what is installed of them. Those that are named (spark:local,
    spark://HOST:15002) are started, or reached, and asked: version, time zone, ANSI mode, clock, the Python of their workers,
    Delta. Ends with 1 where one that is named cannot be used.
    """
    from lurcher.app.engines import listed, look

    unusable = False
    for name in engines or ("duckdb", "spark:sail", "spark:local"):
        found = look(name) if engines else listed(name)
        unusable |= found.problem != ""
        state = "usable" if found.asked else f"installed; it is started and asked by: lurcher engines {name}"
        click.echo(f"{name}: {'not usable: ' + found.problem if found.problem else state}")
        for what, value in found.facts:
            click.echo(f"  {what}: {value}")
    click.get_current_context().exit(1 if engines and unusable else 0)
