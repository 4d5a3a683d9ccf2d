"""lurcher serve [LAKE]"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lurcher.cli.options import as_of_option, now, size, supply_options

if TYPE_CHECKING:
    from lurcher.app.supplies import Asked


def _cache(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return value if value is None or value.strip() == "0" else size(ctx, param, value)


@click.command()
@click.argument("lake_path", metavar="[LAKE]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--lake",
    "lake_option",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="LURCHER_LAKE",
    help="The lake to serve (default: the one that the current folder is in; or $LURCHER_LAKE).",
)
@click.option(
    "--listen",
    default="127.0.0.1:8750",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 is any free one.",
)
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Listen on a Unix socket, for this user alone.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ask for the token in this file (Authorization: Bearer TOKEN).",
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificate (PEM), for https."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its private key (PEM).")
@click.option(
    "--database", metavar="NAME", help="What clients of Kusto call it (default: the name of the lake's folder)."
)
@click.option(
    "--cache",
    metavar="SIZE",
    callback=_cache,
    help="Memory for tables that are asked again; 0 keeps none (default: a fifth).",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=240.0,
    show_default=True,
    metavar="SECONDS",
    help="Time of one query at most.",
)
@click.option(
    "--seats", type=click.IntRange(1, 64), default=4, show_default=True, help="Queries that run at once; others wait."
)
@click.option("--memory-limit", metavar="SIZE", callback=size, help="Memory the engine may use, e.g. 4GB.")
@click.option("--threads", type=click.IntRange(1), help="Threads the engine may use.")
@as_of_option
@supply_options
def command(
    lake_path: Path | None,
    lake_option: Path | None,
    listen: str,
    path: Path | None,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    database: str | None,
    cache: str | None,
    timeout: float,
    seats: int,
    memory_limit: str | None,
    threads: int | None,
    as_of: str | None,
    asked: Asked,
) -> None:
    """Answer queries over a lake by HTTP, as the services do: Kusto, Log Analytics, Defender's hunting.

    Tools that ask those ask this one under http://127.0.0.1:8750 (docs/serve.md). It reads, and writes nothing. Tables that are
    asked again stay in memory; what is added shows at once. Stop it with Ctrl-C or SIGTERM.
    """
    from lurcher.app.lakes import need_lake
    from lurcher.errors import LurcherError

    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("https needs both: --tls-cert and --tls-key")
    if path is not None and tls_cert is not None:
        raise click.UsageError("a socket of this machine has no https")
    try:
        from lurcher.server.start import Serving, start
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11"):
            raise
        raise LurcherError("the service needs starlette and uvicorn", "pip install 'lurcher[server]'") from None
    tls = (tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    serving = Serving(
        need_lake(lake_path or lake_option), listen=listen, socket=path, token_file=token_file, tls=tls, database=database,
        cache=cache, timeout=timeout, seats=seats, memory=memory_limit, threads=threads, as_of=as_of, asked=asked, now=now,
    )  # fmt: skip
    start(serving, lambda line: click.echo(line, err=True))
