"""What came back over the wire, and what it means before its rows are read."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lurcher.engines.remote.faults import Broken, RemoteError, Throttled, TooLarge
from lurcher.errors import shown

#: The services stop at 64 to 100 MB of their own measure; their JSON may be larger.
MAX_BYTES = 256 * 1024 * 1024
_TOO_LARGE = (
    "E_QUERY_RESULT_SET_TOO_LARGE",
    "80DA0003",
    "-2133196797",
    "ResponsePayloadTooLarge",
    "ResponseSizeError",
)  # fmt: skip
_MOST_TEXT = 600


@dataclass(frozen=True, slots=True)
class Reply:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self, service: str) -> Any:
        """The JSON of an answer that is one. Raises the exceptions of `faults` for any other."""
        if self.status in (200, 204):
            if not self.body.strip():
                raise Broken(f"{service} answered without a word ({self.status}): whether there are rows is not known")
            return self._json(service)
        raise self._fault(service)

    def _json(self, service: str) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Broken(f"{service} gave an answer that is not whole, or no JSON") from None

    def _fault(self, service: str) -> Exception:
        said = self._said()
        what = f"{service} says {self.status}" + (f": {said}" if said else "")
        if self.status == 429:
            return Throttled(what, retry_after(self.headers.get("retry-after", "")))
        if is_size(said) or self.status == 413:
            return TooLarge(what)
        if self.status in (500, 502, 503, 504, 408):
            return Broken(what)
        if 300 <= self.status < 400:
            return RemoteError(
                f"{service} leads elsewhere ({self.status}), where the token is not sent",
                "name the address of the service itself: --endpoint",
            )
        hints = {401: "log in with: az login", 403: "the account may not read here", 404: "is the name right?"}
        return RemoteError(what, hints.get(self.status, ""))

    def _said(self) -> str:
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        return error_text(document.get("error") if isinstance(document, dict) else None)


def is_size(text: str) -> bool:
    """Whether an error says that the result is too large."""
    return any(mark in text for mark in _TOO_LARGE)


def error_text(error: Any) -> str:
    """What an error of a service says, from outside to inside, each thing once; cut short and on one line."""
    parts: list[str] = []
    for _ in range(10):
        if isinstance(error, str):
            parts.append(error)
        if not isinstance(error, dict):
            break
        code, message = error.get("code"), error.get("@message") or error.get("message")
        parts += [f"{message or ''}{f' [{code}]' if code is not None else ''}".strip()]
        where = [f"{k} {error[k]}" for k in ("line", "pos") if isinstance(error.get(k), int)]
        parts += [", ".join(where)] if where else []
        error = error.get("innererror") or error.get("innerError") or _first(error.get("details"))
    once = dict.fromkeys(" ".join(p.split()) for p in parts if p)
    return shown("; ".join(once), _MOST_TEXT)


def _first(details: Any) -> Any:
    return details[0] if isinstance(details, list) and details else None


def retry_after(text: str) -> float | None:
    """Seconds, of a number or a date; None where neither is said."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), 1e9)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def bounded(chunks: Iterable[bytes], seconds: float, limit: int = MAX_BYTES) -> bytes:
    """All of a body, not without end: neither of its bytes nor of the time in which they drip."""
    until = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the answer is larger than {limit:,} bytes")
        if time.monotonic() > until:
            raise RemoteError(f"the answer did not end within {seconds:.0f} s", "give it longer: --timeout SECONDS")
        parts.append(chunk)
    return b"".join(parts)
