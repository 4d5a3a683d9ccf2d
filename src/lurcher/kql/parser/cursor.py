"""The parser's place in the tokens: looking, taking, failing and finding the way back.

A parse function that cannot go on says why (`fail`) and stops. Whoever can find the way back catches `Stop` and skips: an
operator to the next `|`, a statement to the next `;`, a list in brackets to its end. So all errors of a text come in one go.
"""

from __future__ import annotations

from typing import Any, NoReturn

from lurcher.kql.diagnostics import KS005, KS006, KS198, KS228, LU003, Diagnostic, Rule
from lurcher.kql.source import Span
from lurcher.kql.syntax import Name
from lurcher.kql.tokens import NOT_DECLARABLE, NOT_REFERABLE, TokenKind, Tokens

#: What is said of one text at most: a page of prose that was taken for a query must not give a thousand lines.
MAX_DIAGNOSTICS = 100
#: Brackets in brackets. Deeper texts are refused before they are parsed, so that no recursion runs out of stack.
MAX_DEPTH = 100

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_OPENERS = {")": "(", "]": "[", "}": "{"}


class Stop(Exception):
    """The construct cannot be read any further; the reason has been given."""


class Cursor:
    """Tokens with a position. `texts[pos]` is the token at hand; strings keep their quotes there, so a text that equals a
    keyword is one."""

    __slots__ = ("_matches", "diagnostics", "kinds", "loose", "open", "pos", "starts", "tainted", "texts", "tokens")

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.tainted = tokens.tainted
        self.diagnostics: list[Diagnostic] = list(tokens.diagnostics)
        self.pos = 0
        #: The brackets that are open here, as token indices.
        self.open: list[int] = []
        self._matches: dict[int, int] | None = None

    # --- looking ---
    def span(self, start: int) -> Span:
        """From a token to the last one taken."""
        last = max(start, self.pos - 1)
        return Span(self.starts[start], self.starts[last] + len(self.texts[last]))

    def here(self) -> Span:
        return Span(self.starts[self.pos], self.starts[self.pos] + len(self.texts[self.pos]))

    def gap(self) -> Span:
        """Where something is missing: just after the last token taken, one character wide."""
        if self.pos == 0:
            return Span(0, 1)
        end = self.starts[self.pos - 1] + len(self.texts[self.pos - 1])
        return Span(end, end + 1)

    def touches(self, index: int) -> bool:
        """Whether nothing stands between a token and the one before it."""
        return self.starts[index] == self.starts[index - 1] + len(self.texts[index - 1])

    def on_new_line(self, index: int) -> bool:
        """Whether a token is the first of its line."""
        before = self.starts[index - 1] + len(self.texts[index - 1]) if index else 0
        return "\n" in self.tokens.text[before : self.starts[index]]

    # --- taking ---
    def accept(self, text: str) -> bool:
        if self.texts[self.pos] == text:
            self.pos += 1
            return True
        return False

    def expect(self, text: str, hint: str = "") -> None:
        """Take a keyword or a sign, or stop with KS005."""
        if self.texts[self.pos] == text:
            self.pos += 1
            return
        if not hint and text in _OPENERS and self.open:
            line = self.tokens.text.count("\n", 0, self.starts[self.open[-1]]) + 1
            hint = f"to close the {_OPENERS[text]} of line {line} of the query"
        self.fail(KS005, self.here(), expected=f"'{text}'", hint=hint)

    def enter(self, text: str) -> None:
        """Take an opening bracket."""
        self.expect(text)
        self.open.append(self.pos - 1)

    def leave(self, text: str) -> None:
        """Take the bracket that closes the one entered last."""
        self.expect(text)
        self.open.pop()

    def name(self, what: str = "a name", *, declared: bool = False) -> Name:
        """A name, bare or in brackets (`['a b']`, `["a"]`, `[a]`). A word of the language gives KS228, and goes on."""
        start = self.pos
        text = self.texts[start]
        if self.kinds[start] == TokenKind.WORD:
            self.check_name(declared=declared)
            self.pos += 1
            return Name(text, span=self.span(start))
        if text == "[":
            bracketed = self.bracketed_name()
            if bracketed is not None:
                return bracketed
        return self.fail(KS006, self.here(), expected=what)

    def check_name(self, *, declared: bool = False) -> None:
        text = self.texts[self.pos]
        if text in (NOT_DECLARABLE if declared else NOT_REFERABLE):
            self.say(KS228.at(self.here(), name=text))

    def bracketed_name(self) -> Name | None:
        """`['a b']` or `[a]`, taken; None, with nothing taken, where the brackets hold something else."""
        from lurcher.kql.parser.literals import decode_string

        start = index = self.pos
        index += 1
        if self.kinds[index] == TokenKind.WORD and self.texts[index + 1] == "]":
            self.pos = index + 2
            return Name(self.texts[index], span=self.span(start))
        value = ""
        while self.kinds[index] == TokenKind.STRING:
            value += decode_string(self, index)
            index += 1
        if index == start + 1 or self.texts[index] != "]":
            return None
        self.pos = index + 1
        return Name(value, span=self.span(start))

    # --- failing ---
    def say(self, diagnostic: Diagnostic) -> None:
        if len(self.diagnostics) < MAX_DIAGNOSTICS:
            self.diagnostics.append(diagnostic)

    def fail(self, rule: Rule, span: Span, *, hint: str = "", **data: Any) -> NoReturn:
        # What follows from a token that the lexer has complained of is not worth a second complaint.
        if self.pos not in self.tainted and self.pos - 1 not in self.tainted:
            self.say(rule.at(span if span.length else self.gap(), hint=hint, **data))
        raise Stop

    def unexpected(self, hint: str = "") -> NoReturn:
        text = self.texts[self.pos]
        if not text:
            self.fail(KS005, self.gap(), expected="more: the query ends here", hint=hint)
        self.fail(KS198, self.here(), text=text, hint=hint)

    # --- finding the way back ---
    def skip_to(self, stops: frozenset[str]) -> None:
        """Go on to a token of `stops`, to the bracket that closes what is open here, or to the end. Brackets are passed whole."""
        texts = self.texts
        while True:
            text = texts[self.pos]
            if not text or text in stops:
                return
            if text in _OPENERS and any(texts[index] == _OPENERS[text] for index in self.open):
                return
            match = self.matches.get(self.pos, 0) if text in _CLOSERS else 0
            self.pos = match + 1 if match else self.pos + 1

    @property
    def matches(self) -> dict[int, int]:
        """Opening bracket -> the one that closes it, for those that are closed. Made when the first error asks for it."""
        if self._matches is None:
            self._matches = match_brackets(self.tokens)
        return self._matches


def match_brackets(tokens: Tokens) -> dict[int, int]:
    matches: dict[int, int] = {}
    stack: list[int] = []
    texts = tokens.texts
    for index, text in enumerate(texts):
        if text in _CLOSERS:
            stack.append(index)
        elif text in _OPENERS:
            if stack and texts[stack[-1]] == _OPENERS[text]:
                matches[stack.pop()] = index
        elif text == ";":
            # A statement ends here: what is open is not closed by a bracket of another statement. In `scan` and
            # `macro-expand` statements stand in parentheses.
            while stack and texts[stack[-1]] != "{" and texts[stack[-1] + 1] not in ("step", "let"):
                stack.pop()
    return matches


def too_deep(tokens: Tokens) -> Diagnostic | None:
    """LU003 at the bracket that goes too deep, if there is one."""
    depth = 0
    for index, text in enumerate(tokens.texts):
        if text in _CLOSERS:
            depth += 1
            if depth > MAX_DEPTH:
                start = tokens.starts[index]
                return LU003.at(Span(start, start + 1), what="brackets in brackets", limit=MAX_DEPTH)
        elif text in _OPENERS:
            depth = max(0, depth - 1)
    return None
