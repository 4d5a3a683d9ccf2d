"""The options for what only the cloud has, and the network end to end, against a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.test_commands import lurcher

RULE = """id: 6f0c2a3e-0000-4000-8000-000000000001
name: listed devices
description: Devices on a list.
severity: Low
requiredDataConnectors: []
tactics: []
relevantTechniques: []
query: |
  DeviceInfo
  | where DeviceName in ((_GetWatchlist('vip') | project SearchKey))
  | join kind=inner (externaldata(name:string)['URL'] with (format='txt')) on $left.DeviceName == $right.name
  | project Timestamp, DeviceId, DeviceName, ReportId
"""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        found = self.path.startswith("/in/list.txt")
        body = b"ws-1\nws-2\n" if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def run(tmp_path: Path, *argv: str, stdin: str = "") -> Any:
    return lurcher(*argv, cwd=tmp_path, stdin=stdin, no_proxy="127.0.0.1", XDG_CACHE_HOME=str(tmp_path / "cache"))


def test_a_list_is_fetched_where_it_is_allowed(server: str, tmp_path: Path) -> None:
    query = f"externaldata(name:string)['{server}/in/list.txt?sig=geheim'] | sort by name asc"
    done = run(tmp_path, "query", query, "--format", "csv", "--allow-url", f"{server}/in/")
    assert (done.returncode, done.stdout.split()) == (0, ["name", "ws-1", "ws-2"])
    done = run(tmp_path, "query", query)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--allow-url {server}/in/" in done.stderr
    assert "geheim" not in done.stderr


def test_what_cannot_be_fetched_is_told_with_its_url(server: str, tmp_path: Path) -> None:
    query = f"externaldata(name:string)['{server}/in/none.txt?sig=geheim']"
    done = run(tmp_path, "query", query, "--allow-url", server)
    assert done.returncode == 2
    assert f"{server}/in/none.txt: the server answers 404" in done.stderr
    lines = json.dumps({"id": 1, "query": query}) + "\n" + json.dumps({"id": 2, "query": "print 1"}) + "\n"
    done = run(tmp_path, "query", "--jsonl", "--allow-url", server, stdin=lines)
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["error"]["message"].startswith(f"{server}/in/none.txt: the server answers 404")
    assert second["rows"] == [[1]]
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--map-url", "https://h/x", "is not of the form URL=FILE"),
        ("--map-url", "https://h/x=none.csv", "there is no file"),
        ("--watchlist", "vip", "is not of the form ALIAS[:KEY]=FILE"),
        ("--allow-url", "ftp://h/", "no beginning of a URL"),
        ("--geo", "none.mmdb", "does not exist"),
    ],
)
def test_a_wrong_option_is_told(tmp_path: Path, option: str, value: str, message: str) -> None:
    done = run(tmp_path, "query", "print 1", option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_hunt_reads_lists(server: str, tmp_path: Path) -> None:
    case = tmp_path / "case"
    run(tmp_path, "init", str(case))
    devices = [
        {"Timestamp": "2026-03-01T00:00:00Z", "DeviceId": f"d{i}", "DeviceName": f"ws-{i}", "ReportId": i}
        for i in (1, 2, 3)
    ]
    (tmp_path / "DeviceInfo.jsonl").write_text("\n".join(map(json.dumps, devices)))
    assert run(case, "add", "../DeviceInfo.jsonl", "--table", "DeviceInfo").returncode == 0
    (case / "watchlists" / "vip.csv").write_text("Name\nws-2\nws-3\n")
    with (case / "lake.toml").open("a") as settings:
        settings.write('[watchlists]\nvip = "Name"\n')
    (case / "rule.yaml").write_text(RULE.replace("URL", f"{server}/in/list.txt"))
    done = run(case, "hunt", "rule.yaml", "--format", "json", "--as-of", "2026-03-02", "--no-triage")
    assert (done.returncode, json.loads(done.stdout)["rules"][0]["status"]) == (1, "refused")
    done = run(
        case, "hunt", "rule.yaml", "--format", "json", "--as-of", "2026-03-02", "--no-triage", "--allow-url", server
    )
    (rule,) = json.loads(done.stdout)["rules"]
    assert (rule["status"], rule["evidence"]) == ("ok", 1), rule["reason"]


def test_a_hunt_says_what_is_not_known(tmp_path: Path) -> None:
    run(tmp_path, "init", "case")
    query = "DeviceInfo | extend SHA1 = '' | invoke FileProfile() | project Timestamp, DeviceId, ReportId"
    head, _, _ = RULE.partition("  DeviceInfo")
    (tmp_path / "case" / "rule.yaml").write_text(f"{head}  {query}\n")
    done = run(tmp_path / "case", "hunt", "rule.yaml", "--as-of", "2026-03-02")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GlobalPrevalence, GlobalFirstSeen" in done.stdout


def test_a_setting_that_nobody_knows_is_told(tmp_path: Path) -> None:
    run(tmp_path, "init", "case")
    with (tmp_path / "case" / "lake.toml").open("a") as settings:
        settings.write("[externaldata]\nallows = []\n")
    done = run(tmp_path / "case", "query", "print 1")
    assert done.returncode == 2
    assert "lake.toml:5: there is no setting 'allows' in [externaldata]" in done.stderr


def test_a_place_that_nobody_knows_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "query", "--here", "nonsense", "print 1")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: 'nonsense' is no other place")
