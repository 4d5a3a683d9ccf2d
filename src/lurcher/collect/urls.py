"""Which URLs the user allows: those that begin with what they wrote, at the end of a part of the path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote, urlsplit

from lurcher.errors import LurcherError

_PORTS = {"http": 80, "https": 443}


def checked_prefix(text: str) -> str:
    """A prefix as the user writes it, with its scheme. Raises `LurcherError` for what is none."""
    prefix = text if "://" in text else f"https://{text}"
    parts = _split(prefix)
    if parts is None or parts.scheme not in _PORTS:
        raise LurcherError(
            f"'{text[:200]}' is no beginning of a URL",
            "write it as https://host/folder/, or http://host/folder/ for a server without encryption",
        )
    return prefix


def is_allowed(url: str, prefixes: Iterable[str]) -> bool:
    """Whether a URL begins with one of the prefixes, at the end of a part of its path."""
    parts = _split(url)
    return parts is not None and any(_begins(url, parts, prefix) for prefix in prefixes)


def _begins(url: str, parts: SplitResult, prefix: str) -> bool:
    allowed = _split(prefix)
    if allowed is None or _server(allowed) != _server(parts):
        return False
    if allowed.query:
        return url == prefix
    path, begin = parts.path or "/", allowed.path or "/"
    return path == begin or path.startswith(begin if begin.endswith("/") else f"{begin}/")


def _server(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)


def encoded(url: str) -> str:
    """The URL with what stands for itself only in texts (a space, other scripts) as %XX; what is encoded stays so."""
    return quote(url, safe="".join(map(chr, range(0x21, 0x7F))) + "\r\n\t") if len(url) <= 4096 else url


def _split(url: str) -> SplitResult | None:
    """The parts of a URL that means one thing to everybody; None for any other."""
    url = encoded(url)
    if len(url) > 4096 or re.search(r"[\x00-\x20\x7f\\]", url) or not url.isascii():
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or "%" in parts.netloc or parts.fragment:
        return None
    # A folder above, written in whatever way, would leave the prefix.
    path = unquote(unquote(parts.path))
    if "\\" in path or any(step in (".", "..") for step in path.split("/")):
        return None
    return parts
