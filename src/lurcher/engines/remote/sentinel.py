"""Log Analytics, where a Sentinel workspace's tables are, through azure-monitor-query.

The client's pipeline makes the request (token, headers, proxy); the answer is read here, as its own reading of rows would lose
the seventh digit of a time and the type of a decimal, and has no bound.
"""

from __future__ import annotations

import math

from lurcher.engines.remote.faults import RemoteError, TooLarge
from lurcher.engines.remote.replies import Reply, bounded
from lurcher.engines.remote.services import Question, credential, needed, no_token, unreachable
from lurcher.engines.remote.targets import Target

#: Seconds: what the service gives a query at most.
_LONGEST = 600


class LogAnalytics:
    title = "Log Analytics"
    most_rows = 500_000
    quota = "a user has 200 requests in 30 seconds, and 5 at once"
    spans = True

    def __init__(self, target: Target) -> None:
        with needed():
            from azure.core.pipeline.policies import RedirectPolicy, RetryPolicy
            from azure.monitor.query import LogsQueryClient

        self._target = target
        self._client = LogsQueryClient(
            credential(),
            endpoint=target.endpoint,
            redirect_policy=RedirectPolicy(permit_redirects=False),
            retry_policy=RetryPolicy(retry_total=0),
            user_agent="lurcher",
        )

    def send(self, question: Question) -> Reply:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        seconds = max(1, min(math.ceil(question.seconds), _LONGEST))
        request = HttpRequest(
            "POST",
            f"{{endpoint}}/{{apiVersion}}/workspaces/{self._target.place}/query",
            headers={"Prefer": f"wait={seconds}", "Accept": "application/json"},
            json={"query": question.kql, "timespan": question.span or None},
        )
        try:
            response = self._client.send_request(
                request,
                stream=True,
                enforce_https=not self._target.local,
                read_timeout=seconds + 15,
                connection_timeout=15,
            )
            with response:
                body = bounded(response.iter_bytes(), seconds + 60)
                headers = {k.lower(): v for k, v in response.headers.items()}
                return Reply(response.status_code, headers, body)
        except (TooLarge, RemoteError):
            raise
        except ClientAuthenticationError as error:
            raise no_token(error) from None
        except (AzureError, OSError) as error:
            raise unreachable(self.title, error) from None

    def close(self) -> None:
        self._client.close()
