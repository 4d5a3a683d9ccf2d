"""What can go wrong with a request, by what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.errors import LurcherError


@dataclass
class Throttled(Exception):
    """The service wants to be left alone, for `wait` seconds where it says so."""

    message: str
    wait: float | None = None


class Broken(Exception):
    """The request came to nothing, and may be made again: a server's error, a connection that was cut, an empty answer."""


class TooLarge(Exception):
    """The answer is larger than the service gives at once: ask for less time."""


class RemoteError(LurcherError):
    """The service, or the way to it, says no; asking again would not help."""
