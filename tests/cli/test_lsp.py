"""The language server as an editor meets it: a process, messages over its standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol.types import Position

from lurcher.cli.lsp_server import Positions


class Editor:
    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lurcher", "lsp"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.root = root
        self.number = 0
        self.notices: list[dict[str, Any]] = []

    def _send(self, **message: Any) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline().strip()) or not length:
            assert line, "the server has gone"
            key, _, value = line.partition(b":")
            if key.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(stream.read(length))
        return message

    def notify(self, method: str, **params: Any) -> None:
        self._send(method=method, params=params)

    def ask(self, method: str, **params: Any) -> Any:
        self.number += 1
        self._send(id=self.number, method=method, params=params)
        while (message := self._read()).get("id") != self.number:
            self.notices.append(message)
        assert "error" not in message, message
        return message["result"]

    def told(self, method: str) -> Any:
        """The parameters of the next notice of a kind."""
        while True:
            for index, message in enumerate(self.notices):
                if message.get("method") == method:
                    return self.notices.pop(index)["params"]
            self.notices.append(self._read())

    def open(self, name: str, text: str, language: str = "kusto") -> str:
        uri = (self.root / name).as_uri()
        self.notify(
            "textDocument/didOpen", textDocument={"uri": uri, "languageId": language, "version": 1, "text": text}
        )
        return uri


@pytest.fixture
def lake(tmp_path: Path) -> None:
    """Makes the editor's folder a lake with a table of the user's own."""
    export = tmp_path / "inventory.csv"
    export.write_text("Host,Owner\nws-1,Ada\n", encoding="utf-8")
    for argv in (["init", "."], ["add", "inventory.csv", "--table", "Inventory"]):
        subprocess.run([sys.executable, "-m", "lurcher", *argv], cwd=tmp_path, check=True, capture_output=True)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    editor = Editor(tmp_path)
    editor.ask("initialize", processId=None, rootUri=tmp_path.as_uri(), capabilities={})
    editor.notify("initialized")
    yield editor
    editor.ask("shutdown")
    editor.notify("exit")
    assert editor.process.wait(20) == 0
    for stream in (editor.process.stdin, editor.process.stdout):
        assert stream is not None
        stream.close()


def at(uri: str, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


def test_a_query_is_written(editor: Editor) -> None:
    uri = editor.open("a.kql", 'DeviceInfo\n| where OSPlatfrm == "x"\n')
    told = editor.told("textDocument/publishDiagnostics")
    assert told["uri"] == uri
    (diagnostic,) = [d for d in told["diagnostics"] if d["severity"] == 1]
    assert diagnostic["range"] == {"start": {"line": 1, "character": 8}, "end": {"line": 1, "character": 17}}
    assert "OSPlatform" in diagnostic["message"]

    change = {"range": diagnostic["range"], "text": "tolower(OSPlatform)"}
    editor.notify("textDocument/didChange", textDocument={"uri": uri, "version": 2}, contentChanges=[change])
    assert editor.told("textDocument/publishDiagnostics") == {"uri": uri, "version": 2, "diagnostics": []}

    assert "tolower(" in editor.ask("textDocument/hover", **at(uri, 1, 10))["contents"]["value"]
    labels = {i["label"] for i in editor.ask("textDocument/completion", **at(uri, 1, 18))["items"]}
    assert "OSPlatform" in labels
    assert "FileName" not in labels
    signature = editor.ask("textDocument/signatureHelp", **at(uri, 1, 16))
    assert signature["signatures"][0]["label"].startswith("tolower(")
    assert editor.ask("textDocument/hover", **at(uri, 9, 0)) is None


def test_a_rule_is_written_and_laid_out(editor: Editor) -> None:
    text = "id: 12345678-1234-1234-1234-123456789012\nname: 'Ünïcode 😀'\nquery: |\n  // 😀 why\n  DeviceInfo|where 'a' == Nam\n"
    uri = editor.open("a.yaml", text, "yaml")
    told = editor.told("textDocument/publishDiagnostics")
    (unknown,) = [d for d in told["diagnostics"] if d["code"] == "KS142"]
    assert unknown["range"] == {"start": {"line": 4, "character": 26}, "end": {"line": 4, "character": 29}}
    (edit,) = editor.ask(
        "textDocument/formatting", textDocument={"uri": uri}, options={"tabSize": 4, "insertSpaces": True}
    )
    assert edit["newText"].endswith("query: |\n  // 😀 why\n  DeviceInfo\n  | where 'a' == Nam\n")


@pytest.mark.usefixtures("lake")
def test_a_lake_brings_its_tables(editor: Editor) -> None:
    uri = editor.open("a.kql", "Inventory | where Own")
    (unknown,) = editor.told("textDocument/publishDiagnostics")["diagnostics"]
    assert unknown["code"] == "KS142"
    items = editor.ask("textDocument/completion", **at(uri, 0, 21))["items"]
    assert [i["label"] for i in items if i["label"].startswith("Own")] == ["Owner"]
    assert "`Host`: string" in editor.ask("textDocument/hover", **at(uri, 0, 2))["contents"]["value"]


def test_without_pygls_there_is_a_sentence() -> None:
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pygls", "lsprotocol"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from lurcher.cli import main
sys.exit(main(["lsp"]))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "pip install 'lurcher[lsp]'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(("encoding", "column"), [("utf-16", 3), ("utf-8", 5), ("utf-32", 2)])
def test_columns_count_in_the_units_that_were_agreed_on(encoding: str, column: int) -> None:
    positions = Positions("x\r\n😀ab", encoding)
    assert positions.position(5) == Position(1, column)
    assert positions.offset(Position(1, column)) == 5
    assert positions.offset(Position(0, 99)) == 1
    assert positions.offset(Position(7, 0)) == 6
