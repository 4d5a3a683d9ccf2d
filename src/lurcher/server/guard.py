"""Who may ask, before anything of a request is looked at.

A service on this machine can be reached by every page that a browser on it shows: a page may send requests to 127.0.0.1, and by a
name that it makes point there (DNS rebinding) even read what comes back. So the name in `Host` must be the service's own, no
page's origin is let in, and a body must be declared as JSON, which no page can send elsewhere without asking first.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

#: Bytes of a request's body; seconds in which it has to come.
MOST_BODY, MOST_SECONDS = 16 << 20, 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
#: What says nothing of the lake: whether the service is there, and which cloud a client of Kusto should log in to (none).
_FOR_ALL = ("/healthz", "/v1/rest/auth/metadata")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Guard:
    """`names`: what may stand in `Host`, without a port; None is anything (a socket that no browser reaches, or an address that
    only those with the token may use)."""

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    token: str | None = None
    names: frozenset[str] | None = frozenset(_LOOPBACK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        if scope["method"] == "POST":
            body = await _body(receive)
            if isinstance(body, str):
                await _answer(send, 413 if "larger" in body else 408, body)
                return
            receive = _again(body, receive)
        await self.app(scope, receive, send)

    def _refused(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        hosts = headers.get("host", [])
        if len(hosts) != 1:
            return 400, "a request has one Host"
        if self.names is not None and _name(hosts[0]) not in self.names:
            return 403, "this is another host's name"
        if "origin" in headers or headers.get("sec-fetch-site", ["none"]) not in (["none"], ["same-origin"]):
            return 403, "pages of a browser may not ask"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "GET and POST are all there is"
        path = scope["path"]
        if self.token is not None and path not in _FOR_ALL and not self._known(path, headers):
            return 401, "no token, or a wrong one: Authorization: Bearer TOKEN"
        if scope["method"] == "POST":
            kinds = headers.get("content-type", [""])
            if kinds[0].partition(";")[0].strip().lower() != "application/json":
                return 415, "the body is JSON: Content-Type: application/json"
            length = headers.get("content-length", ["0"])[0]
            if length.isdigit() and int(length) > MOST_BODY:
                return 413, _TOO_LARGE
        return None

    def _known(self, path: str, headers: dict[str, list[str]]) -> bool:
        if path == "/msi/token":
            given = headers.get("x-identity-header", [""])[0]
        else:
            scheme, _, given = headers.get("authorization", [""])[0].partition(" ")
            if scheme.lower() != "bearer":
                return False
        return hmac.compare_digest(given.strip().encode("latin-1"), (self.token or "").encode())


_TOO_LARGE = f"the body is larger than {MOST_BODY:,} bytes"


def _name(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


async def _body(receive: Receive) -> bytes | str:
    """The body, or why there is none."""
    parts, size = [], 0
    until = asyncio.get_running_loop().time() + MOST_SECONDS
    while True:
        try:
            message = await asyncio.wait_for(receive(), max(0.001, until - asyncio.get_running_loop().time()))
        except TimeoutError:
            return "the body did not come in time"
        if message["type"] != "http.request":
            return "the connection was cut"
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BODY:
            return _TOO_LARGE
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives the body that was read, once; then what comes on the connection."""
    waiting = [body]

    async def next_message() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return next_message


async def _answer(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"code": str(status), "message": message, "@message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
