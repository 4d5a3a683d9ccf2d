"""Defender's hunting, through Microsoft Graph: `security/runHuntingQuery`."""

from __future__ import annotations

from lurcher.engines.remote.faults import RemoteError, TooLarge
from lurcher.engines.remote.replies import Reply, bounded
from lurcher.engines.remote.services import Question, credential, needed, no_token, unreachable
from lurcher.engines.remote.targets import Target


class Graph:
    title = "Microsoft Graph"
    most_rows = 100_000
    quota = "the tenant's requests in a minute and its share of CPU time, which come back by themselves"
    spans = True

    def __init__(self, target: Target) -> None:
        with needed():
            import httpx

        self._target = target
        self._credential = credential()
        self._client = httpx.Client(follow_redirects=False, headers={"User-Agent": "lurcher"})

    def send(self, question: Question) -> Reply:
        import httpx
        from azure.core.exceptions import AzureError

        body = {"Query": question.kql, **({"Timespan": question.span} if question.span else {})}
        try:
            token = self._credential.get_token(f"{self._target.endpoint}/.default").token
        except AzureError as error:
            raise no_token(error) from None
        timeout = httpx.Timeout(question.seconds + 15, connect=15)
        try:
            with self._client.stream(
                "POST",
                f"{self._target.endpoint}/v1.0/security/runHuntingQuery",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=timeout,
            ) as response:
                return Reply(
                    response.status_code,
                    dict(response.headers.items()),
                    bounded(response.iter_bytes(), question.seconds + 60),
                )
        except (TooLarge, RemoteError):
            raise
        except httpx.InvalidURL:
            raise RemoteError(f"{self._target.endpoint} is no address of a service") from None
        except (httpx.HTTPError, OSError) as error:
            raise unreachable(self.title, error) from None

    def close(self) -> None:
        self._client.close()
