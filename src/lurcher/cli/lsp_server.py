"""The language server protocol (3.17) over `lurcher.app.language`: positions in, positions out, nothing else. Needs pygls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from lurcher import __version__
from lurcher.app import language
from lurcher.app.session import Session
from lurcher.errors import LurcherError

#: Seconds that a text must rest before it is compiled.
REST = 0.25
_NEWLINE = re.compile(r"\r\n|\r|\n")
_KINDS = {
    "table": lsp.CompletionItemKind.Class,
    "column": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
    "operator": lsp.CompletionItemKind.Keyword,
    "keyword": lsp.CompletionItemKind.Keyword,
    "variable": lsp.CompletionItemKind.Variable,
}
#: What an analyst looks for first stands first.
_ORDER = ("operator", "column", "variable", "function", "keyword", "table")

#: Opens a session on the lake that a folder is in; None is no folder.
OpenSession = Callable[[Path | None], Session]


class Positions:
    """Offsets of a text, in characters, and the protocol's lines and columns, in the units that were agreed on."""

    def __init__(self, text: str, encoding: str) -> None:
        self.text = text
        self.starts = [0, *(m.end() for m in _NEWLINE.finditer(text))]
        self.encoding = encoding

    def _units(self, text: str) -> int:
        if self.encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) if self.encoding == "utf-32" else len(text.encode("utf-16-le", "surrogatepass")) // 2

    def offset(self, position: lsp.Position) -> int:
        if position.line >= len(self.starts):
            return len(self.text)
        start = self.starts[position.line]
        stop = self.starts[position.line + 1] if position.line + 1 < len(self.starts) else len(self.text)
        row = self.text[start:stop].rstrip("\r\n")
        units = 0
        for index, char in enumerate(row):
            if units >= position.character:
                return start + index
            units += self._units(char)
        return start + len(row)

    def position(self, offset: int) -> lsp.Position:
        import bisect

        line = bisect.bisect_right(self.starts, offset) - 1
        return lsp.Position(line, self._units(self.text[self.starts[line] : offset]))

    def range(self, start: int, end: int) -> lsp.Range:
        return lsp.Range(self.position(start), self.position(end))


class Server(LanguageServer):
    """One session for the workspace, made anew when a file is saved: rows may have been added meanwhile."""

    def __init__(self, open_session: OpenSession) -> None:
        super().__init__("lurcher", __version__)
        self._open = open_session
        self._session: Session | None = None
        self.waiting: dict[str, asyncio.Task[None]] = {}

    @property
    def session(self) -> Session:
        if self._session is None:
            root = self.workspace.root_path
            try:
                self._session = self._open(Path(root) if root else None)
            except LurcherError as error:
                # A lake that cannot be opened must not take the language away; but it is said.
                self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, f"without the lake: {error}"))
                self._session = self._open(None)
        return self._session

    @property
    def encoding(self) -> str:
        agreed = self.workspace.position_encoding
        return str(getattr(agreed, "value", agreed) or "utf-16")

    def forget(self) -> None:
        self._session = None

    def document(self, uri: str) -> tuple[str, str, Positions]:
        """Name, text and positions of an open document."""
        document = self.workspace.get_text_document(uri)
        text = document.source
        name = to_fs_path(uri) or uri
        if document.language_id == "yaml" and not language.is_yaml(name):
            name += ".yaml"
        return name, text, Positions(text, self.encoding)

    def publish(self, uri: str) -> None:
        name, text, positions = self.document(uri)
        found = [
            lsp.Diagnostic(
                positions.range(p.start, p.end),
                p.message,
                severity=lsp.DiagnosticSeverity(language.severity(p.diagnostic)),
                code=p.diagnostic.code,
                source="lurcher",
            )
            for p in language.problems(name, text, self.session)
        ]
        version = self.workspace.get_text_document(uri).version
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, version))

    async def publish_later(self, uri: str) -> None:
        await asyncio.sleep(REST)
        self.waiting.pop(uri, None)
        self.publish(uri)


def make(open_session: OpenSession) -> Server:
    """The server with its features; `start_io()` runs it."""
    server = Server(open_session)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        if uri in ls.waiting:
            ls.waiting.pop(uri).cancel()
        ls.waiting[uri] = asyncio.create_task(ls.publish_later(uri))

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.forget()
        ls.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        if uri in ls.waiting:
            ls.waiting.pop(uri).cancel()
        ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        name, text, positions = ls.document(params.text_document.uri)
        said = language.hover(name, text, positions.offset(params.position), ls.session)
        if said is None:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, said[0]), positions.range(said[1], said[2]))

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=["|", " ", "(", ",", "="]))
    def complete(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
        name, text, positions = ls.document(params.text_document.uri)
        found = language.completions(name, text, positions.offset(params.position), ls.session)
        items = [
            lsp.CompletionItem(
                c.label,
                kind=_KINDS[c.kind],
                detail=c.detail or None,
                documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, c.doc) if c.doc else None,
                sort_text=f"{_ORDER.index(c.kind)}{c.label.lower()}",
            )
            for c in found
        ]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=["(", ","]))
    def signature(ls: Server, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        name, text, positions = ls.document(params.text_document.uri)
        found = language.signatures(name, text, positions.offset(params.position))
        if not found:
            return None
        rows = [
            lsp.SignatureInformation(
                s.label,
                documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, s.doc),
                parameters=[lsp.ParameterInformation(p) for p in s.params],
                active_parameter=s.active,
            )
            for s in found
        ]
        # The first overload that has as many parameters as are written.
        active = next((i for i, s in enumerate(found) if s.active < len(s.params)), 0)
        return lsp.SignatureHelp(rows, active_signature=active, active_parameter=found[active].active)

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def format_(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        name, text, positions = ls.document(params.text_document.uri)
        done = language.formatted(name, text)
        for note in done.notes:
            ls.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, note))
        if done.text == text:
            return []
        return [lsp.TextEdit(positions.range(0, len(text)), done.text)]

    return server
