"""A reader of the part of Bicep that exports use, after the language's specification: what a compiler would make of the text."""

from __future__ import annotations

import re
from typing import Any

_ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "r": "\r", "t": "\t"}


class Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip(self, lines: bool = True) -> None:
        white = " \t\r\n" if lines else " \t"
        while self.at < len(self.text) and self.text[self.at] in white:
            self.at += 1

    def take(self, what: str) -> None:
        assert self.text.startswith(what, self.at), self.text[self.at : self.at + 60]
        self.at += len(what)

    def string(self) -> str:
        if self.text.startswith("'''", self.at):
            # No escapes; the first line end is dropped; the last three quotes of a run end it.
            start = self.at + 3
            if self.text.startswith("\r\n", start):
                start += 2
            elif self.text.startswith("\n", start):
                start += 1
            end = self.text.index("'''", start)
            while self.text.startswith("'", end + 3):
                end += 1
            self.at = end + 3
            return self.text[start:end]
        self.take("'")
        out = []
        while (c := self.text[self.at]) != "'":
            assert c not in "\r\n", "a plain string ends on its line"
            if c == "\\":
                n = self.text[self.at + 1]
                if n == "u":
                    code = re.compile(r"\\u\{([0-9a-fA-F]+)\}").match(self.text, self.at)
                    assert code
                    out.append(chr(int(code[1], 16)))
                    self.at = code.end()
                    continue
                if n == "$":
                    assert self.text[self.at + 2] == "{"
                    out.append("$")
                else:
                    out.append(_ESCAPES[n])
                self.at += 2
                continue
            assert not self.text.startswith("${", self.at), "an interpolation"
            out.append(c)
            self.at += 1
        self.at += 1
        return "".join(out)

    def value(self) -> Any:
        self.skip(lines=False)
        c = self.text[self.at]
        if c == "'":
            return self.string()
        if c == "{":
            return self.mapping()
        if c == "[":
            return self.sequence()
        word = re.compile(r"[A-Za-z0-9_-]+").match(self.text, self.at)
        assert word, self.text[self.at : self.at + 40]
        self.at = word.end()
        if word[0] in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word[0]]
        if word[0] == "json":
            self.take("(")
            number = float(self.string())
            self.take(")")
            return number
        return int(word[0]) if re.fullmatch(r"-?\d+", word[0]) else ("symbol", word[0])

    def mapping(self) -> dict[str, Any]:
        self.take("{")
        found: dict[str, Any] = {}
        while True:
            self.skip()
            if self.text[self.at] == "}":
                self.at += 1
                return found
            if self.text[self.at] == "'":
                key = self.string()
            else:
                word = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match(self.text, self.at)
                assert word, self.text[self.at : self.at + 40]
                key, self.at = word[0], word.end()
            self.skip(lines=False)
            self.take(":")
            assert key not in found
            found[key] = self.value()
            self.skip(lines=False)
            assert self.text[self.at] in "\r\n}", "a member ends its line"

    def sequence(self) -> list[Any]:
        self.take("[")
        found = []
        while True:
            self.skip()
            if self.text[self.at] == "]":
                self.at += 1
                return found
            found.append(self.value())


def resources(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Symbol -> (type@version, body) of every resource that is made."""
    reader = Reader(text)
    found = {}
    while True:
        reader.skip()
        if reader.at >= len(text):
            return found
        if text.startswith("@description(", reader.at):
            reader.take("@description(")
            reader.string()
            reader.take(")")
            continue
        if text.startswith("param workspace string", reader.at):
            reader.take("param workspace string")
            continue
        head = re.compile(r"resource ([a-zA-Z_]\w*) ").match(text, reader.at)
        assert head, text[reader.at : reader.at + 60]
        reader.at = head.end()
        kind = reader.string()
        reader.skip(lines=False)
        existing = text.startswith("existing", reader.at)
        reader.take("existing = " if existing else "= ")
        body = reader.mapping()
        if not existing:
            assert head[1] not in found
            found[head[1]] = (kind, body)
