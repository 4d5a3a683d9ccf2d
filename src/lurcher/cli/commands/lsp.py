"""lurcher lsp"""

from pathlib import Path

import click

from lurcher.cli.options import lake_option, now


@click.command()
@lake_option
def command(lake_path: Path | None) -> None:
    """Serve editors: a KQL language server on standard input and output, for .kql files and Sentinel YAML.

    Columns are the services' and, where the workspace is in a lake, the lake's. How to set up an editor: docs/editors.md.
    """
    from lurcher.app.session import Session, Tables
    from lurcher.errors import LurcherError
    from lurcher.lake import Lake

    try:
        from lurcher.cli.lsp_server import make
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise LurcherError("the language server needs pygls", "install it with: pip install 'lurcher[lsp]'") from None
    named = Lake.open(lake_path) if lake_path is not None else None

    def open_session(root: Path | None) -> Session:
        lake = named or (Lake.find(root) if root is not None else None)
        return Session(Tables(lake), now())

    make(open_session).start_io()
