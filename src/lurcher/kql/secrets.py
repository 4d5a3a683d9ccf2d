"""Texts without the secrets in them: what is shown of a query, and of a URL, in messages.

A string that is written `h"..."` is one that the author wants hidden. A URL may carry a key: behind a semicolon (`;secret`), or as
a shared access signature (`?...&sig=...`).
"""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"""(?<![A-Za-z0-9_])[hH](?:@"((?:[^"]|"")*)"?|@'((?:[^']|'')*)'?|"((?:\\.|[^"\\])*)"?|'((?:\\.|[^'\\])*)'?|```(.*?)(?:```|$)|~~~(.*?)(?:~~~|$))"""
)
_URL = re.compile(r"""\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s"'<>]*""")
_SIGNATURE = re.compile(
    r"""[?&;](?:sig|signature|token|access_token|key|apikey|api_key|password|secret)=([^&\s"'<>;]+)""", re.I
)


def masked(line: str) -> str:
    """The line with stars in place of secrets, of the same length."""
    line = _HIDDEN.sub(_stars, line)
    return _SIGNATURE.sub(_stars, _URL.sub(_keyless, line))


def _keyless(match: re.Match[str]) -> str:
    url, semicolon, key = match.group().partition(";")
    return url + semicolon + "*" * len(key)


def _stars(match: re.Match[str]) -> str:
    text = match.group()
    for index in range(1, (match.re.groups or 0) + 1):
        start, end = match.span(index)
        if start >= 0:
            start, end = start - match.start(), end - match.start()
            return text[:start] + "*" * (end - start) + text[end:]
    return text


def plain_url(url: str) -> str:
    """A URL without the key that it carries: what is behind a semicolon, a name and a password, a signature."""
    head, mark, query = url.partition(";")[0].partition("?")
    scheme, slashes, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    head = f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}" if slashes else head
    return head + mark + query if mark and _SIGNATURE.search(mark + query) is None else head


def public_url(url: str) -> str:
    """A URL as messages show it: without credentials, and no longer than a line."""
    head, mark, query = plain_url(url).partition("?")
    if mark:
        head += "?" + (query if "=" not in query else "...")
    head = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in head)
    return head if len(head) <= 200 else head[:197] + "..."
