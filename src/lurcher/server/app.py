"""Which address is which API."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lurcher import __version__
from lurcher.errors import shown
from lurcher.server import hunting, kusto, management, workspace
from lurcher.server.desk import Desk, Question, Writer, dumps
from lurcher.server.guard import Guard
from lurcher.server.problems import Problem

if TYPE_CHECKING:
    from lurcher.app.session import Session

#: The name of a database that clients send where they were told none.
_DEFAULT = "netdefaultdb"
Told = Callable[[Problem, str], tuple[int, dict[str, Any]]]
Asked = Callable[[Request, dict[str, Any]], Awaitable[Response]]
_log = logging.getLogger("lurcher.server")


@dataclass(frozen=True)
class Served:
    """`database`: what the lake is called by clients of Kusto. `token`: what `Authorization: Bearer` must bring; None asks for
    none. `names`: see `Guard`."""

    desk: Desk
    database: str
    token: str | None = None
    names: frozenset[str] | None = None


def make(served: Served) -> Guard:
    """The application, guarded."""
    api = _Api(served)
    routes = [
        Route("/", api.about),
        Route("/healthz", api.health),
        Route("/v2/rest/query", api.told(api.kusto2, kusto.problem), methods=["POST"]),
        Route("/v1/rest/query", api.told(api.kusto1, kusto.problem), methods=["POST"]),
        Route("/v1/rest/mgmt", api.told(api.command, kusto.problem), methods=["POST"]),
        Route("/msi/token", api.identity),
    ]
    for base in ("", "/v1"):
        path = f"{base}/workspaces/{{workspace}}"
        routes.append(Route(f"{path}/query", api.told(api.log_analytics, _of_workspace), methods=["POST"]))
        routes.append(Route(f"{path}/metadata", api.told(api.metadata, _of_workspace), methods=["GET", "POST"]))
    for name in ("runHuntingQuery", "microsoft.graph.security.runHuntingQuery"):
        for base in ("/v1.0", "/beta"):
            routes.append(Route(f"{base}/security/{name}", api.told(api.graph, hunting.problem), methods=["POST"]))
    for old in ("/api/advancedhunting/run", "/api/advancedqueries/run"):
        routes.append(Route(old, api.told(api.legacy, _of_legacy), methods=["POST"]))
    return Guard(Starlette(routes=routes), served.token, served.names)


def _of_workspace(found: Problem, request_id: str) -> tuple[int, dict[str, Any]]:
    return workspace.problem(found)


def _of_legacy(found: Problem, request_id: str) -> tuple[int, dict[str, Any]]:
    return hunting.problem(found, request_id, graph=False)


class _Api:
    def __init__(self, served: Served) -> None:
        self._served, self._desk = served, served.desk

    def told(self, ask: Asked, problem: Told) -> Callable[[Request], Awaitable[Response]]:
        """An address of an API: JSON comes in, what is wrong goes out in its words."""

        async def endpoint(request: Request) -> Response:
            asked_as = request.headers.get("x-ms-client-request-id", "")
            client_id = asked_as if asked_as.isprintable() and len(asked_as) <= 200 else ""
            request_id = str(uuid.uuid4())
            try:
                response = await ask(request, await _document(request) if request.method == "POST" else {})
            except Problem as found:
                status, document = problem(found, client_id or request_id)
                response = Response(dumps(document), status, media_type="application/json")
                if found.kind == "busy":
                    response.headers["Retry-After"] = "1"
            except Exception as error:
                if os.environ.get("LURCHER_TRACEBACK"):
                    raise
                # Whoever asks learns that it is a defect, whoever runs the service which.
                _log.error(
                    "unforeseen %s: %s; this is a defect of lurcher", type(error).__name__, shown(str(error), 300)
                )
                defect = Problem("error", "unforeseen: a defect of lurcher, of which its own output says more")
                status, document = problem(defect, client_id or request_id)
                response = Response(dumps(document), status, media_type="application/json")
            if client_id:
                response.headers["x-ms-client-request-id"] = client_id.encode("ascii", "replace").decode()
            response.headers["x-ms-activity-id"] = request_id
            return response

        return endpoint

    # --- Kusto ---
    async def kusto2(self, request: Request, body: dict[str, Any]) -> Response:
        self._known(body)
        question = kusto.question_of(body)
        if question.kql.lstrip().startswith("."):
            raise Problem("request", "this is a command; commands go to /v1/rest/mgmt")
        return await self._rows(request, question, kusto.second)

    async def kusto1(self, request: Request, body: dict[str, Any]) -> Response:
        self._known(body)
        return await self._rows(request, kusto.question_of(body), kusto.first)

    async def command(self, request: Request, body: dict[str, Any]) -> Response:
        text = kusto.question_of(body).kql
        if not text.lstrip().startswith("."):
            # Some clients send every text here.
            return await self.kusto1(request, body)
        self._known(body)

        def work(session: Session) -> bytes:
            return kusto.of_command(management.answer(text, self._served.database, session))

        return Response(await self._desk.look(work), media_type="application/json")

    def _known(self, body: dict[str, Any]) -> None:
        name = body.get("db") or _DEFAULT
        if not isinstance(name, str) or name.casefold() not in (_DEFAULT, self._served.database.casefold()):
            raise Problem(
                "unknown", f"Entity not found: Database '{str(name)[:80]}'", f"there is: {self._served.database}"
            )

    # --- Log Analytics ---
    async def log_analytics(self, request: Request, body: dict[str, Any]) -> Response:
        prefer = request.headers.get("prefer", "").replace(" ", "").lower()
        return await self._rows(
            request, workspace.question_of(body, prefer), lambda answer: workspace.document(answer, prefer)
        )

    async def metadata(self, request: Request, body: dict[str, Any]) -> Response:
        def work(session: Session) -> dict[str, Any]:
            lake = session.tables.lake
            names = lake.table_names() if lake is not None else []
            schemas = [s for name in names if (s := session.tables.table(name)) is not None]
            return workspace.metadata(request.path_params["workspace"], schemas)

        return JSONResponse(await self._desk.look(work))

    # --- Defender ---
    async def graph(self, request: Request, body: dict[str, Any]) -> Response:
        return await self._rows(request, hunting.question_of(body), hunting.graph)

    async def legacy(self, request: Request, body: dict[str, Any]) -> Response:
        return await self._rows(request, hunting.question_of(body), hunting.legacy)

    # --- itself ---
    async def about(self, request: Request) -> Response:
        desk = self._desk
        cache = desk.hot.stats() if desk.hot is not None else None
        return JSONResponse({"lurcher": __version__, "database": self._served.database, "cache": cache})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def identity(self, request: Request) -> Response:
        """A managed identity, for clients that can only log in: who knows the token gets it (`Guard`)."""
        return JSONResponse(
            {
                "access_token": self._served.token or "none",
                "expires_on": str(int(time.time()) + 86_400),
                "resource": request.query_params.get("resource", ""),
                "token_type": "Bearer",
                "client_id": "lurcher",
            }
        )

    async def _rows(self, request: Request, question: Question, write: Writer) -> Response:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        document, is_packed = await self._desk.ask(question, write, request.is_disconnected, packed)
        headers = {"Content-Encoding": "gzip"} if is_packed else {}
        return Response(document, media_type="application/json", headers=headers)


async def _document(request: Request) -> dict[str, Any]:
    import json

    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem("request", "the body is no JSON") from None
    if not isinstance(found, dict):
        raise Problem("request", "the body is no object")
    return found
