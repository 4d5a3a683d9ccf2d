"""lurcher init CASE"""

from pathlib import Path

import click


@click.command()
@click.argument("case", type=click.Path(path_type=Path, file_okay=False))
@click.option("--platform", type=click.Choice(["defender", "sentinel"]), default="defender", show_default=True)
def command(case: Path, platform: str) -> None:
    """Make a lake: a folder that holds a case's telemetry and findings."""
    from lurcher.lake import Lake

    Lake.create(case, platform=platform)
    click.echo(f"{case}: a new lake. Next: lurcher add --lake {case} EXPORT...")
