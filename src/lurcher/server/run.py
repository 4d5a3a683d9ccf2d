"""Listening, and ending."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from lurcher.errors import LurcherError
from lurcher.server.desk import Desk
from lurcher.server.guard import Guard

#: Seconds that answers are given to end when the process is told to.
_GRACE = 3
#: Connections at once: those that ask and those that wait.
_CONNECTIONS = 200


@dataclass(frozen=True)
class Address:
    """Where to listen: a host with a port, or the path of a socket."""

    host: str = "127.0.0.1"
    port: int = 8750
    path: Path | None = None

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.path is not None or _loopback(self.host)


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[::1]:PORT`, `PORT`. Raises `LurcherError`."""
    host, colon, port = text.strip().rpartition(":")
    host = host.strip("[]") if colon else "127.0.0.1"
    try:
        number = int(port)
        if not 0 <= number <= 65535 or not host:
            raise ValueError
        if host != "localhost":
            ipaddress.ip_address(host)
    except ValueError:
        raise LurcherError(f"{text!r} is no address to listen on", "write it as 127.0.0.1:8750") from None
    return Address("127.0.0.1" if host == "localhost" else host, number)


def _loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """A socket that is bound; a path is taken away again at the end. Raises `LurcherError`."""
    if address.path is None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((address.host, address.port))
        except OSError as error:
            found.close()
            where = f"{address.host}:{address.port}"
            raise LurcherError(
                f"{where} cannot be listened on: {error.strerror or error}", "--listen HOST:PORT"
            ) from None
        try:
            yield found
        finally:
            found.close()
        return
    path = str(address.path)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _take_away(address.path)
        # For this user alone, from the moment that it is there.
        before = os.umask(0o177)
        try:
            found.bind(path)
        finally:
            os.umask(before)
        own = os.stat(path).st_ino
    except OSError as error:
        found.close()
        raise LurcherError(f"{path} cannot be listened on: {error.strerror or error}") from None
    try:
        yield found
    finally:
        found.close()
        with contextlib.suppress(OSError):
            if os.stat(path).st_ino == own:
                os.unlink(path)


def _take_away(path: Path) -> None:
    """A socket that nobody listens on any more. Raises `LurcherError` for whatever else is there."""
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise LurcherError("there is a file of this name, which is no socket", "name another: --socket PATH", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise LurcherError("another service listens there", "name another: --socket PATH", str(path))


class _Server(uvicorn.Server):
    """Ends at a signal, with what it is answering."""

    def __init__(self, config: uvicorn.Config, desk: Desk, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._desk, self._begun = desk, begun

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, which sends the signal to itself again at the end: to be told to end is no failure."""

        def end(number: int, frame: Any) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True
            self._desk.close()

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._begun()


def _check(certificate: Path, key: Path) -> None:
    """Raises `LurcherError` for what is no certificate, or not with this key."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError):
        raise LurcherError(
            "this is no certificate with its private key", "PEM, the key without a password", f"{certificate}, {key}"
        ) from None


def _no_password() -> str:
    # Else OpenSSL would ask whoever sits before it.
    raise ValueError("the key has a password")


def serve(
    app: Guard, desk: Desk, bound: socket.socket, begun: Callable[[], None], tls: tuple[Path, Path] | None = None
) -> None:
    """Answer until SIGINT or SIGTERM. `begun` is called once requests are taken."""
    more: dict[str, Any] = {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])} if tls is not None else {}
    if tls is not None:
        _check(*tls)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", server_header=False, ws="none", loop="asyncio",
        limit_concurrency=_CONNECTIONS, timeout_keep_alive=15, timeout_graceful_shutdown=_GRACE,
        proxy_headers=False, h11_max_incomplete_event_size=64 << 10, http="h11", **more,
    )  # fmt: skip
    try:
        _Server(config, desk, begun).run(sockets=[bound])
    finally:
        desk.close()
