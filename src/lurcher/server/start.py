"""What `lurcher serve` does: everything is checked before anything listens."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lurcher.app.kept import hot_tables
from lurcher.app.session import Limits
from lurcher.app.supplies import Asked
from lurcher.errors import LurcherError
from lurcher.lake import Lake
from lurcher.server.app import Served, make
from lurcher.server.desk import Desk
from lurcher.server.run import Address, listening, parse_address, serve

#: Characters of a token: what cannot be guessed.
_TOKEN = 16


@dataclass(frozen=True)
class Serving:
    """`cache`: bytes as "2GB", "0" for none, None for the measure. `now`: the clock; `as_of` what now() means instead."""

    lake: Lake
    listen: str = "127.0.0.1:8750"
    socket: Path | None = None
    token_file: Path | None = None
    tls: tuple[Path, Path] | None = None
    database: str | None = None
    cache: str | None = None
    timeout: float = 240.0
    seats: int = 4
    memory: str | None = None
    threads: int | None = None
    as_of: str | None = None
    asked: Asked = field(default_factory=Asked)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def start(serving: Serving, told: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `told` hears where, and what to know of it. Raises `LurcherError`."""
    from lurcher.app.times import parse_time
    from lurcher.engines.deep import deep_recursion

    lake = serving.lake
    address = Address(path=serving.socket) if serving.socket is not None else parse_address(serving.listen)
    token = _token(serving.token_file) if serving.token_file is not None else None
    if not address.local and token is None:
        raise LurcherError(
            f"others reach {address.host}: without a token whoever does can read the lake",
            "--token-file FILE; or listen on 127.0.0.1",
            kind="denied",
        )
    if serving.as_of not in (None, "latest"):
        parse_time(serving.as_of or "")
    hot = hot_tables(serving.cache, serving.memory, serving.threads)
    desk = Desk(
        lambda: Lake.open(lake.path), Limits(memory=serving.memory, threads=serving.threads), serving.asked, serving.now,
        serving.as_of, serving.seats, hot, serving.timeout,
    )  # fmt: skip
    names = {"127.0.0.1", "localhost", "[::1]"} if address.path is None and address.local else None
    if names is not None and address.host not in ("127.0.0.1", "::1"):
        names.add(address.host)
    database = serving.database or lake.path.absolute().name or "lake"
    served = Served(desk, database, token, frozenset(names) if names is not None else None)

    with listening(address) as bound, deep_recursion():

        def begun() -> None:
            told(
                f"{lake.path} is served at {_shown(address, bound.getsockname(), serving.tls is not None)} (Ctrl-C ends)"
            )
            if serving.token_file is not None and _open_to_others(serving.token_file):
                told(f"note: others on this machine can read {serving.token_file}: chmod 600")
            if not address.local and serving.tls is None:
                told("note: without https (--tls-cert, --tls-key) the token and the rows can be read on their way")

        try:
            serve(make(served), desk, bound, begun, serving.tls)
        finally:
            if hot is not None:
                hot.close()


def _shown(address: Address, name: object, tls: bool) -> str:
    if address.path is not None:
        return str(address.path)
    host, port = name[:2] if isinstance(name, tuple) else (address.host, address.port)
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in str(host) else host}:{port}"


def _token(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise LurcherError("the token cannot be read", "a file with one line of ASCII text", str(path)) from None
    if len(text) < _TOKEN or any(c.isspace() or not c.isprintable() for c in text):
        raise LurcherError(
            f"a token is one word of {_TOKEN} characters or more",
            "openssl rand -hex 32 > FILE",
            str(path),
            kind="denied",
        )
    return text


def _open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
