"""Which service a query goes to, and under which address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from lurcher.errors import LurcherError, shown

Kind = Literal["sentinel", "defender", "adx"]
FORMS = "sentinel:WORKSPACE-ID, defender, or adx:CLUSTER/DATABASE"
ENDPOINTS: dict[str, str] = {"sentinel": "https://api.loganalytics.io", "defender": "https://graph.microsoft.com"}
#: Names beside the addresses that mean this machine.
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Target:
    """`place` is the workspace's id or the database, empty for Defender. `endpoint` has no `/` at its end."""

    kind: Kind
    place: str
    endpoint: str

    @property
    def name(self) -> str:
        """As the ledger has it: no address where it is the service's own."""
        if self.kind == "adx":
            return f"adx:{urlsplit(self.endpoint).netloc}/{self.place}"
        return f"sentinel:{self.place}" if self.kind == "sentinel" else "defender"

    @property
    def local(self) -> bool:
        return self.endpoint.startswith("http://")


def parse_target(text: str, endpoint: str | None = None) -> Target:
    """Raises `LurcherError` for what is no target, and for an address that a token must not be sent to."""
    kind, colon, place = text.strip().partition(":")
    match kind.lower():
        case "defender" if not colon:
            return Target("defender", "", checked(endpoint or ENDPOINTS["defender"]))
        case "sentinel" if _GUID.fullmatch(place):
            return Target("sentinel", place.lower(), checked(endpoint or ENDPOINTS["sentinel"]))
        case "sentinel":
            raise LurcherError(
                f"{shown(place)!r} is no id of a workspace",
                "the id is on the workspace's page in the portal: sentinel:00000000-0000-0000-0000-000000000000",
            )
        case "adx" if "/" in place:
            cluster, _, database = place.rpartition("/")
            if not database or not all(c.isalnum() or c in " _.-" for c in database):
                raise LurcherError(f"{shown(database)!r} is no name of a database", "adx:CLUSTER/DATABASE")
            return Target("adx", database, checked(endpoint or _cluster(cluster)))
        case _:
            raise LurcherError(f"{shown(text)!r} is no service to ask", f"one of: {FORMS}")


def _cluster(text: str) -> str:
    if "://" in text:
        return text
    if not _HOST.fullmatch(text):
        raise LurcherError(f"{shown(text)!r} is no name of a cluster", "adx:help.kusto.windows.net/Samples")
    # `help` and `contoso.westeurope` are clusters of the public cloud.
    return f"https://{text}" if text.count(".") >= 2 else f"https://{text}.kusto.windows.net"


def checked(endpoint: str) -> str:
    """The address, if a token may go there: https, or this machine."""
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.username or parts.password or parts.query or parts.fragment or not endpoint.isprintable():
        raise LurcherError(f"{shown(endpoint)!r} is no address of a service", "write it as https://HOST")
    if parts.path.rstrip("/") not in ("", "/v1", "/v1.0"):
        raise LurcherError(
            f"the address {shown(endpoint)!r} has a path", f"write it as {parts.scheme}://{parts.netloc}"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _LOOPBACK.fullmatch(host)):
        raise LurcherError(
            f"{shown(endpoint)}: only https, as the token that goes there is as good as a password",
            "http is for this machine alone: http://127.0.0.1:PORT",
            kind="denied",
        )
    return f"{parts.scheme}://{parts.netloc}"
