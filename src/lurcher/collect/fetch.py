"""Fetching what a URL holds: the only place of lurcher that uses the network.

Only where a prefix that the user has written allows it, redirects included; https, unless the prefix says http; in bounded size and
time. What was fetched is kept in a folder, and asked for again only where it has changed (ETag, Last-Modified)."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

from lurcher.collect.urls import encoded, is_allowed
from lurcher.errors import LurcherError
from lurcher.kql.secrets import public_url

#: The service's own measure for externaldata.
MAX_BYTES = 100 * 1024 * 1024
#: Seconds: for a silence, and for the whole.
SILENCE, WHOLE = 30.0, 120.0
MAX_REDIRECTS = 5
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    bytes: int = MAX_BYTES
    silence: float = SILENCE
    whole: float = WHOLE


def fetch(url: str, prefixes: Iterable[str], folder: Path | None, limits: Limits | None = None) -> bytes:
    """What a URL holds. `folder` keeps it (None: it is not kept). Raises `LurcherError`: the URL without its secrets."""
    limits = limits or Limits()
    shown = public_url(url)
    allowed = tuple(prefixes)
    if ";" in url:
        raise LurcherError(
            "the URL carries a key of a storage account, which is not used",
            "fetch the file, and map it: --map-url",
            shown,
        )
    if not is_allowed(url, allowed):
        raise LurcherError("the URL is not allowed", "allow its beginning: --allow-url PREFIX", shown, kind="denied")
    kept = _Kept.of(folder, url)
    try:
        return _ask(url, allowed, kept, limits, shown)
    except LurcherError:
        raise
    except urllib.error.HTTPError as error:
        with error:
            said = "".join(c for c in str(error.reason) if c.isprintable())[:100]
            raise LurcherError(f"the server answers {error.code} {said}".strip(), path=shown) from None
    except TimeoutError:
        raise LurcherError(f"no answer within {limits.silence:g} s", path=shown) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise LurcherError(f"no answer within {limits.silence:g} s", path=shown) from None
        if isinstance(reason, ssl.SSLError):
            raise LurcherError(f"the connection is not safe: {reason.reason or 'TLS error'}", path=shown) from None
        # Never the exception's own text where it may repeat the URL.
        text = getattr(reason, "strerror", None) or type(reason).__name__
        raise LurcherError(f"it cannot be fetched: {text}", path=shown) from None


def _ask(url: str, allowed: tuple[str, ...], kept: _Kept | None, limits: Limits, shown: str) -> bytes:
    until = time.monotonic() + limits.whole
    opener = urllib.request.build_opener(_NoRedirect())
    where = url
    for _ in range(MAX_REDIRECTS + 1):
        request = urllib.request.Request(
            encoded(where), headers={"User-Agent": "lurcher", "Accept-Encoding": "identity"}
        )
        if kept is not None:
            for name, value in kept.conditions().items():
                request.add_header(name, value)
        try:
            # `where` begins with what the user allowed: https, or the http that they wrote.
            with opener.open(request, timeout=limits.silence) as answer:
                body = _read(answer, until, limits, shown)
                if kept is not None:
                    kept.keep(body, answer.headers)
                return body
        except urllib.error.HTTPError as error:
            if error.code == 304 and kept is not None and (body_or_none := kept.body()) is not None:
                error.close()
                return body_or_none
            target = error.headers.get("Location") if error.code in (301, 302, 303, 307, 308) else None
            if not target:
                raise
            error.close()
            where = urljoin(where, target)
            if not is_allowed(where, allowed):
                raise LurcherError(
                    f"it leads elsewhere, to {public_url(where)}",
                    "allow that too where you trust it: --allow-url PREFIX",
                    shown,
                    kind="denied",
                ) from None
    raise LurcherError(f"it leads elsewhere more than {MAX_REDIRECTS} times", path=shown)


def _read(answer: IO[bytes], until: float, limits: Limits, shown: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    # read1: what has come, so that a server that drips is noticed.
    read = getattr(answer, "read1", answer.read)
    while chunk := read(_CHUNK):
        size += len(chunk)
        if size > limits.bytes:
            raise LurcherError(
                f"it is larger than {limits.bytes:,} bytes", "fetch it yourself and map it: --map-url", shown
            )
        if time.monotonic() > until:
            raise LurcherError(
                f"it takes longer than {limits.whole:g} s", "fetch it yourself and map it: --map-url", shown
            )
        parts.append(chunk)
    length = getattr(answer, "headers", {}).get("Content-Length")
    if length is not None and length.isdigit() and int(length) != size:
        raise LurcherError(f"it broke off after {size:,} of {int(length):,} bytes", path=shown)
    return b"".join(parts)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand: each must be allowed."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A URL's body and what the server said of its version. The URL is only there as a digest: it may carry a secret."""

    data: Path
    meta: Path

    @classmethod
    def of(cls, folder: Path | None, url: str) -> _Kept | None:
        if folder is None:
            return None
        digest = hashlib.sha256(url.encode()).hexdigest()
        return cls(folder / digest, folder / f"{digest}.json")

    def conditions(self) -> dict[str, str]:
        try:
            found = json.loads(self.meta.read_text(encoding="utf-8"))
            if hashlib.sha256(self.data.read_bytes()).hexdigest() != found["sha256"]:
                return {}
            pairs = {"If-None-Match": found.get("etag"), "If-Modified-Since": found.get("modified")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return {k: v for k, v in pairs.items() if isinstance(v, str) and v.isprintable()}

    def body(self) -> bytes | None:
        try:
            return self.data.read_bytes()
        except OSError:
            return None

    def keep(self, body: bytes, headers: Any) -> None:
        """Nothing depends on it: where it cannot be written, it is not kept."""
        meta = {"etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}
        if not any(meta.values()):
            return
        with contextlib.suppress(OSError):
            self.data.parent.mkdir(parents=True, exist_ok=True)
            _write(self.data, body)
            _write(self.meta, json.dumps({**meta, "sha256": hashlib.sha256(body).hexdigest()}).encode())


def _write(path: Path, body: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_bytes(body)
    partial.replace(path)
