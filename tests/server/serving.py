"""A service as a process of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx


class Service:
    """`lurcher serve` on a lake, on a free port (or a socket); its first line says where."""

    def __init__(self, lake: Path, *options: str, env: dict[str, str] | None = None) -> None:
        words = [sys.executable, "-m", "lurcher", "serve", str(lake), *options]
        if "--socket" not in options and "--listen" not in options:
            words += ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )
        assert self.process.stderr is not None
        self.lines = [self.process.stderr.readline()]
        found = re.search(r"https?://\S+", self.lines[0])
        self.url = found[0] if found else ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines += self.process.stderr.readlines()

    @property
    def identity(self) -> dict[str, str]:
        """What lets clients that can only log in do so."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": "any"}

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=60, **more)

    def kusto(self, csl: str, path: str = "/v2/rest/query", **more: Any) -> Any:
        response = self.post(path, {"db": "", "csl": csl, **more})
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, csl: str, **more: Any) -> list[list[Any]]:
        """The rows of the first result."""
        return next(f["Rows"] for f in self.kusto(csl, **more) if f.get("TableKind") == "PrimaryResult")

    def about(self) -> Any:
        return httpx.get(f"{self.url}/").json()

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
