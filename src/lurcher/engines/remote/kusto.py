"""Azure Data Explorer, through azure-kusto-data.

The client finds the cloud, checks that the host is one of the service's, gets the token and makes the request. What it makes of
the answer is not used: of one that is cut it drops the rows that came. So its connection keeps the bytes, which are read here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lurcher.engines.remote.faults import RemoteError, TooLarge
from lurcher.engines.remote.replies import Reply, bounded
from lurcher.engines.remote.services import Question, credential, needed, no_token, unreachable
from lurcher.engines.remote.targets import Target


class Kusto:
    title = "Azure Data Explorer"
    most_rows = 500_000
    quota = "the cluster's capacity for queries at once"
    spans = False

    def __init__(self, target: Target) -> None:
        with needed():
            from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

        self._target = target
        self._kept = threading.local()
        self._seconds = 180.0
        builder = KustoConnectionStringBuilder.with_azure_token_credential(target.endpoint, credential())
        self._client = KustoClient(builder)
        session = self._client._session
        for prefix in ("https://", "http://"):
            session.mount(prefix, _keeping(self._keep, lambda: self._seconds + 60))

    def _keep(self, reply: Reply | Exception) -> None:
        self._kept.reply = reply

    def send(self, question: Question) -> Reply:
        from azure.kusto.data import ClientRequestProperties
        from azure.kusto.data.exceptions import (
            KustoAuthenticationError,
            KustoClientInvalidConnectionStringException,
            KustoError,
        )

        properties: Any = ClientRequestProperties()  # type: ignore[no-untyped-call]
        properties.application = "lurcher"
        properties.set_option("servertimeout", timedelta(seconds=max(1.0, min(question.seconds, 3600.0))))
        for name, value in question.options.items():
            properties.set_option(name, value)
        self._kept.reply = None
        self._seconds = question.seconds
        try:
            # Not `execute`, which would take a text that begins with a dot for a command.
            self._client.execute_query(self._target.place, question.kql, properties)
        except KustoAuthenticationError as error:
            raise no_token(error) from None
        except KustoClientInvalidConnectionStringException:
            raise RemoteError(
                f"{self._target.endpoint} is no cluster of the service",
                "its name ends like .kusto.windows.net",
                kind="denied",
            ) from None
        except (KustoError, OSError, ValueError, LookupError, TypeError) as error:
            # Whatever the client makes of an answer: there is one.
            if self._kept.reply is None:
                raise unreachable(self.title, error) from None
        reply: Reply | Exception | None = self._kept.reply
        if isinstance(reply, Exception):
            raise reply
        if reply is None:
            raise unreachable(self.title, OSError("no answer"))
        return reply

    def close(self) -> None:
        client: Any = self._client
        client.close()


def _keeping(keep: Any, seconds: Callable[[], float]) -> Any:
    from requests.adapters import HTTPAdapter

    class Keeping(HTTPAdapter):
        """Reads a body within bounds, and keeps it with its status and headers."""

        def send(self, request: Any, stream: Any = False, timeout: Any = None, *args: Any, **more: Any) -> Any:
            # Of a question alone: the client also asks which cloud this is.
            of_query = request.method == "POST"
            response = super().send(request, True, timeout, *args, **more)
            try:
                body = bounded(response.iter_content(1 << 16), seconds())
            except (TooLarge, RemoteError) as error:
                keep(error if of_query else None)
                response.close()
                raise OSError("not whole") from None
            response._content = body
            if of_query:
                keep(Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body))
            return response

    return Keeping()
