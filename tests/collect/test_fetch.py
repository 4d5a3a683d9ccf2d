"""Fetching, against a server of our own on this machine."""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import lurcher
from lurcher.collect.fetch import Limits, fetch
from lurcher.collect.urls import checked_prefix, is_allowed
from lurcher.errors import LurcherError


class Server(ThreadingHTTPServer):
    daemon_threads = True
    asked: list[tuple[str, dict[str, str]]]

    def handle_error(self, *args: Any) -> None:
        """A client that has gone is no error here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def _send(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        match self.path.partition("?")[0]:
            case "/in/list.csv" | "/in/a%20b/%C3%BC.csv":
                self._send(200, b"a,1\n")
            case "/in/versioned.csv" if self.headers.get("If-None-Match") == '"v1"':
                self._send(304)
            case "/in/versioned.csv":
                self._send(200, b"old\n", ETag='"v1"')
            case "/in/packed.csv.gz":
                self._send(200, gzip.compress(b"a,1\n"))
            case "/in/moved":
                self._send(302, Location="/in/list.csv")
            case "/in/away":
                self._send(302, Location="/out/list.csv?sig=abc")
            case "/in/file":
                self._send(302, Location="file:///etc/passwd")
            case "/in/circle":
                self._send(302, Location="/in/circle")
            case "/in/large":
                self._send(200, b"x" * 5000)
            case "/in/broken":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"half")
            case "/in/silent":
                time.sleep(1)
            case "/in/drip":
                self.send_response(200)
                self.end_headers()
                for _ in range(40):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            case _:
                self._send(404)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server(("127.0.0.1", 0), Handler)
    running.asked = []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def get(server: Server, path: str, limits: Limits | None = None, folder: Path | None = None) -> bytes:
    return fetch(server.url + path, [f"{server.url}/in"], folder, limits)


def failure(server: Server, path: str, limits: Limits | None = None) -> LurcherError:
    with pytest.raises(LurcherError) as caught:
        get(server, path, limits)
    return caught.value


def test_what_is_allowed_is_fetched(server: Server) -> None:
    assert get(server, "/in/list.csv") == b"a,1\n"


def test_a_space_and_other_scripts_are_encoded(server: Server) -> None:
    assert get(server, "/in/a b/ü.csv") == b"a,1\n"


def test_what_is_packed_comes_packed(server: Server) -> None:
    assert gzip.decompress(get(server, "/in/packed.csv.gz")) == b"a,1\n"


def test_a_redirect_inside_is_followed(server: Server) -> None:
    assert get(server, "/in/moved") == b"a,1\n"
    assert [path for path, _ in server.asked] == ["/in/moved", "/in/list.csv"]


@pytest.mark.parametrize("path", ["/in/away", "/in/file"])
def test_a_redirect_outside_is_not_followed(server: Server, path: str) -> None:
    error = failure(server, path)
    assert error.kind == "denied"
    assert error.path == server.url + path
    assert "abc" not in str(error)
    assert [path for path, _ in server.asked] == [path]


def test_redirects_in_a_circle_end(server: Server) -> None:
    assert "more than 5 times" in failure(server, "/in/circle").message


def test_a_url_that_is_not_allowed_is_not_asked_for(server: Server) -> None:
    assert failure(server, "/out/list.csv").kind == "denied"
    assert server.asked == []


def test_what_the_server_says_is_told_with_the_url(server: Server) -> None:
    error = failure(server, "/in/none.csv?sig=geheim&x=1")
    assert "404" in error.message
    assert error.path == f"{server.url}/in/none.csv"


def test_size_is_bounded(server: Server) -> None:
    assert "larger than 4,999 bytes" in failure(server, "/in/large", Limits(bytes=4999)).message


def test_what_breaks_off_is_no_answer(server: Server) -> None:
    failure(server, "/in/broken")


def test_silence_is_bounded(server: Server) -> None:
    assert "no answer within 0.2 s" in failure(server, "/in/silent", Limits(silence=0.2)).message


def test_a_server_that_drips_is_left(server: Server) -> None:
    began = time.monotonic()
    assert "longer than 0.3 s" in failure(server, "/in/drip", Limits(whole=0.3)).message
    assert time.monotonic() - began < 1.5


def test_nobody_there(server: Server) -> None:
    with pytest.raises(LurcherError, match="cannot be fetched"):
        fetch("http://127.0.0.1:1/in/x", ["http://127.0.0.1:1/in"], None)


def test_what_has_not_changed_comes_from_the_folder(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert get(server, "/in/versioned.csv?sig=geheim", folder=tmp_path) == b"old\n"
    assert [h.get("If-None-Match") for _, h in server.asked] == [None, '"v1"']
    assert b"geheim" not in b"".join(p.read_bytes() + p.name.encode() for p in tmp_path.iterdir())


def test_a_damaged_copy_is_not_used(server: Server, tmp_path: Path) -> None:
    get(server, "/in/versioned.csv", folder=tmp_path)
    for kept in tmp_path.iterdir():
        if kept.suffix != ".json":
            kept.write_bytes(b"other")
    assert get(server, "/in/versioned.csv", folder=tmp_path) == b"old\n"


@pytest.mark.parametrize(
    ("url", "prefix", "allowed"),
    [
        ("https://h/a/b.csv", "https://h/a", True),
        ("https://h/a/b.csv", "https://h/a/", True),
        ("https://h/a", "https://h/a", True),
        ("https://H/a/b.csv", "https://h/a", True),
        ("https://h:443/a/b.csv", "https://h/a", True),
        ("https://h/a?x=1", "https://h/a", True),
        ("https://h/a/b.csv", "https://h", True),
        ("https://h/ab.csv", "https://h/a", False),
        ("http://h/a/b.csv", "https://h/a", False),
        ("https://h/a/b.csv", "http://h/a", False),
        ("https://h.evil/a/b.csv", "https://h", False),
        ("https://h@evil/a/b.csv", "https://h", False),
        ("https://evil@h/a/b.csv", "https://h/a", False),
        ("https://h:8443/a/b.csv", "https://h/a", False),
        ("https://h/a/../b.csv", "https://h/a", False),
        ("https://h/a/%2e%2e/b.csv", "https://h/a", False),
        ("https://h/a/%252e%252e/b.csv", "https://h/a", False),
        ("https://h/a/..%5cb.csv", "https://h/a", False),
        ("https://h/a/b.csv\r\nHost: evil", "https://h/a", False),
        ("https://h/a/b.csv?x=1", "https://h/a/b.csv?x=1", True),
        ("https://h/a/b.csv?x=2", "https://h/a/b.csv?x=1", False),
        ("https://h/a/b c/ü.csv", "https://h/a", True),
        ("https://h/a b/c.csv", "https://h/a%20b/", True),
        ("https://ü/a", "https://ü", False),
        ("https://h /a", "https://h", False),
        ("file:///etc/passwd", "https://h", False),
        ("https://[::1", "https://h", False),
    ],
)
def test_a_prefix_ends_at_a_part_of_the_path(url: str, prefix: str, allowed: bool) -> None:
    try:
        prefixes = [checked_prefix(prefix)]
    except LurcherError:
        prefixes = []
    assert is_allowed(url, prefixes) is allowed


def test_a_prefix_without_scheme_is_https() -> None:
    assert checked_prefix("h/a") == "https://h/a"
    for text in ("ftp://h/", "https://", "https://a b"):
        with pytest.raises(LurcherError):
            checked_prefix(text)


def test_nothing_else_of_the_house_uses_the_network() -> None:
    source = Path(lurcher.__file__).parent
    using = re.compile(
        r"^\s*(?:import|from) (?:socket|ssl|http|urllib\.request|urllib3|requests|httpx|aiohttp|ftplib)\b", re.M
    )
    found = {
        p.relative_to(source).as_posix() for p in source.rglob("*.py") if using.search(p.read_text(encoding="utf-8"))
    }
    # The live services are asked where --on names one, a cluster where --engine does; `serve` listens where it is told to.
    assert found == {
        "collect/fetch.py",
        "engines/remote/graph.py",
        "engines/remote/kusto.py",
        "engines/spark/connect.py",
        "engines/spark/local.py",
        "server/run.py",
    }


def test_a_storage_key_is_not_sent() -> None:
    with pytest.raises(LurcherError) as caught:
        fetch("https://h/a/b.csv;geheim", ["https://h"], None)
    assert "geheim" not in str(caught.value)
