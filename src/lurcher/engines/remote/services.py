"""The one protocol that all services are asked by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from lurcher.engines.remote.faults import Broken, RemoteError, Throttled, TooLarge
from lurcher.engines.remote.replies import Reply
from lurcher.engines.remote.targets import Target
from lurcher.errors import shown


@dataclass(frozen=True, slots=True)
class Question:
    """A text, as it is sent. `span` is a time span of the API (`start/end`, ISO 8601; '' for none), for services that know one.
    `seconds`: how long an answer is waited for. `options`: of Kusto's requests."""

    kql: str
    span: str = ""
    seconds: float = 180.0
    options: dict[str, Any] = field(default_factory=dict)


class Service(Protocol):
    """Asks one service, once. `send` raises `Broken` where there is no answer, `RemoteError` where there cannot be one."""

    title: str
    #: Rows of one answer: where there are as many, more may be missing.
    most_rows: int
    #: What is used up when the service answers 429.
    quota: str
    spans: bool

    def send(self, question: Question) -> Reply: ...

    def close(self) -> None: ...


def open_service(target: Target) -> Service:
    """Raises `RemoteError` where the service's library is not installed."""
    match target.kind:
        case "sentinel":
            from lurcher.engines.remote.sentinel import LogAnalytics

            return LogAnalytics(target)
        case "adx":
            from lurcher.engines.remote.kusto import Kusto

            return Kusto(target)
        case _:
            from lurcher.engines.remote.graph import Graph

            return Graph(target)


@contextmanager
def needed() -> Iterator[None]:
    """Around the imports of what is not always there."""
    try:
        yield
    except ImportError as error:
        missing = (error.name or "a library").split(".")[0]
        raise RemoteError(
            f"the live services need {missing}, which is not installed", "pip install 'lurcher[azure]'"
        ) from None


def credential() -> Any:
    """Whoever is logged in: azure-identity's default chain. Nothing of it is stored or shown."""
    import logging

    with needed():
        from azure.identity import DefaultAzureCredential
    # Else what each link of the chain has not found is printed to standard error.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    return DefaultAzureCredential()


def no_token(error: BaseException) -> RemoteError:
    """What is said where no token could be had. Only the kind of what went wrong: the texts of the chain are a page long."""
    del error
    return RemoteError(
        "nobody is logged in who could ask the service",
        "log in with: az login; or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET (azure-identity)",
    )


def unreachable(title: str, error: BaseException) -> Exception:
    """A failed connection. Never the exception's own text, which may repeat the request."""
    name = type(_root(error)).__name__
    if name == "gaierror":
        return RemoteError(f"the host of {title} has no address", "is its name right, is there a network?")
    if "Timeout" in name or isinstance(_root(error), TimeoutError):
        return RemoteError(f"{title} did not answer in time", "give it longer: --timeout SECONDS; or ask for less")
    return Broken(f"the connection to {title} failed ({shown(name)})")


def _root(error: BaseException) -> BaseException:
    """What an exception was raised for: libraries wrap one in the other."""
    for _ in range(10):
        below = (
            error.__cause__ or error.__context__ or next((a for a in error.args if isinstance(a, BaseException)), None)
        )
        if below is None or isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return error
        error = below
    return error


__all__ = [
    "Broken", "Question", "RemoteError", "Reply", "Service", "Throttled", "TooLarge",
    "credential", "needed", "no_token", "open_service", "unreachable",
]  # fmt: skip
