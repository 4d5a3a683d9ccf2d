"""A text -> the same text, laid out: its tokens and comments in their order, with other white space between them.

The tree's own printer (`format`) drops comments and rewrites spellings; a file that people keep is laid out token by token instead,
as gofmt does it. Each pipe of a query stands on a line of its own, subqueries that are long too; line ends inside an operator are
the author's, their indentation is not; an operator that has no line end and is too long is broken at `and`, `or` and commas.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.kql.formatter.comments import Gap, comments_of, gaps
from lurcher.kql.formatter.spacing import Spacing, spacing
from lurcher.kql.lexer import tokenize
from lurcher.kql.parser import parse
from lurcher.kql.source import Source
from lurcher.kql.syntax import Script
from lurcher.kql.tokens import TokenKind, Tokens

STEP = 4
#: A longer line is broken where its author broke it nowhere.
WIDTH = 120
#: A longer subquery does not stay within its line.
INLINE = 90


def layout(text: str, tree: Script) -> str:
    """The text in the one layout. `tree` is what `parse(text)` gave, without errors.

    Raises `ValueError` where the result would not be the same query with the same comments: the text is then to stay as it is.
    """
    tokens = tokenize(text)
    result = _Layout(tokens, gaps(tokens), tree).text()
    again = tokenize(result)
    if comments_of(again) != comments_of(tokens) or parse(Source(result)).tree != tree:
        raise ValueError("the layout changes what the text means")
    return result


@dataclass
class _Bracket:
    """What is between two brackets, or the whole text. `multi`: over several lines."""

    opener: int
    close: int
    body: bool
    pipes: bool = False
    semicolons: bool = False
    multi: bool = False
    #: While it is written: the indent of the line that it is opened in, and where its statement is.
    indent: int = 0
    begins: bool = True
    let: bool = False
    piped: bool = False

    @property
    def blocks(self) -> bool:
        """Whether its contents stand on lines of their own."""
        return self.multi and (self.body or self.pipes)

    @property
    def base(self) -> int:
        return 0 if self.opener < 0 else self.indent + STEP

    @property
    def pipe(self) -> int:
        return self.base + (STEP if self.let else 0)


@dataclass
class _Layout:
    tokens: Tokens
    gaps: list[Gap]
    tree: Script
    brackets: dict[int, _Bracket] = field(default_factory=dict)
    spaces: Spacing = field(init=False)
    #: Up to each token: the width of all before it in one line, and how many line ends the author gave.
    widths: list[int] = field(default_factory=lambda: [0])
    broken: list[int] = field(default_factory=lambda: [0])
    forced: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.spaces = spacing(self.tokens, self.gaps, self.tree)
        texts = self.tokens.texts
        for i in range(len(self.tokens)):
            space = int(i > 0 and self.spaces.space(i))
            self.widths.append(self.widths[-1] + space + len(texts[i]))
            self.broken.append(self.broken[-1] + (self.gaps[i].breaks or "\n" in texts[i]))
        self._find_brackets()

    def _find_brackets(self) -> None:
        tokens = self.tokens
        whole = _Bracket(-1, len(tokens), True, multi=True)
        open_ = [whole]
        for i in range(len(tokens)):
            if tokens.kinds[i] != TokenKind.SIGN:
                continue
            text = tokens.texts[i]
            if text in ("(", "[", "{"):
                open_.append(_Bracket(i, i, text == "{" and not self._bag(i)))
                self.brackets[i] = open_[-1]
            elif text in (")", "]", "}") and len(open_) > 1:
                bracket = open_.pop()
                bracket.close = i
                bracket.multi = (
                    self.broken[i + 1] > self.broken[bracket.opener + 1]
                    or self.widths[i + 1] - self.widths[bracket.opener] > INLINE
                )
            elif text == "|":
                open_[-1].pipes = True
            elif text == ";":
                open_[-1].semicolons = True
        self.brackets[-1] = whole

    def _bag(self, index: int) -> bool:
        return index in self.spaces.bags

    def text(self) -> str:
        lines: list[str] = []
        line: list[str] = []
        indent = 0
        open_ = [self.brackets[-1]]

        def end_line() -> None:
            nonlocal line
            if line:
                lines.append(" " * indent + "".join(line))
                line = []

        for i in range(len(self.tokens) + 1):
            at_end = i == len(self.tokens)
            inside = open_[-1]
            closes = not at_end and i == inside.close
            here = 0 if at_end else self._indent(i, inside, closes)
            for comment in self.gaps[i].comments:
                if comment.newlines or not line:
                    end_line()
                    # Before what closes a bracket, it stands with the contents.
                    indent = inside.pipe if closes else here
                    self._blank(lines, comment.newlines, i, inside)
                    line.append(comment.text)
                else:
                    line.append(" " + comment.text)
            if at_end:
                break
            newlines = self._newlines(i, inside, closes)
            if newlines or not line:
                end_line()
                if not closes:
                    self._blank(lines, newlines, i, inside)
                indent = here
            elif self.spaces.space(i):
                line.append(" ")
            line.append(self.tokens.texts[i])
            self._advance(i, open_, indent)
        end_line()
        return "\n".join(lines) + "\n" if lines else ""

    def _blank(self, lines: list[str], newlines: int, index: int, inside: _Bracket) -> None:
        """One blank line where the author left some; none at the head of a bracket or of the text."""
        if newlines > 1 and lines and lines[-1] and not (index - 1 == inside.opener and not self.gaps[index].comments):
            lines.append("")

    def _indent(self, index: int, inside: _Bracket, closes: bool) -> int:
        if closes:
            return inside.indent
        if inside.begins or self.tokens.texts[index] == ";":
            return inside.base
        if self.tokens.texts[index] == "|":
            return inside.pipe
        if inside.piped:
            return inside.pipe + STEP
        if self.tokens.texts[index] == "{" and self.brackets[index].body:
            return inside.base
        return inside.base + (STEP if inside.body else 0)

    def _newlines(self, index: int, inside: _Bracket, closes: bool) -> int:
        """How many line ends stand before a token: 0, 1, or 2 for a blank line."""
        gap = self.gaps[index]
        if gap.comments:
            return max(1, gap.newlines)
        if index == 0:
            return 0
        text, before = self.tokens.texts[index], self.tokens.texts[index - 1]
        if text == ";" or before == "|" or index in self.spaces.joined or index - 1 in self.spaces.leading:
            return 0
        must = (
            index in self.forced
            or (text == "|" and inside.multi)
            or (before == ";" and inside.multi)
            or (
                inside.blocks
                and (closes or index - 1 == inside.opener)
                and inside.close > inside.opener + 1
                and inside.opener >= 0
            )
        )
        return max(gap.newlines, int(must))

    def _advance(self, index: int, open_: list[_Bracket], indent: int) -> None:
        """What a token that has been written changes."""
        inside = open_[-1]
        text = self.tokens.texts[index]
        if index == inside.close:
            open_.pop()
            return
        if text == ";" and self.tokens.kinds[index] == TokenKind.SIGN:
            inside.begins, inside.let, inside.piped = True, False, False
            return
        if inside.begins:
            inside.let = inside.body and text == "let"
            inside.begins = False
            self._fit(index, inside, indent)
        elif text == "|":
            inside.piped = True
            self._fit(index, inside, indent)
        bracket = self.brackets.get(index)
        if bracket is not None:
            bracket.indent = indent
            open_.append(bracket)

    def _fit(self, start: int, inside: _Bracket, indent: int) -> None:
        """Break an operator, or a statement's head, that is too long and that its author broke nowhere."""
        if not inside.blocks:
            return
        end, breakable, commas = self._unit(start, inside)
        if (
            end is None
            or indent + self.widths[end] - self.widths[start] <= WIDTH
            or self.broken[end] > self.broken[start + 1]
        ):
            return
        if not commas:
            self.forced |= set(breakable)
            return
        # Where a line begins, in the measure of `widths`.
        line = self.widths[start] - indent
        for here, after in zip(commas, [*commas[1:], end], strict=True):
            if self.widths[after] - line > WIDTH:
                self.forced.add(here)
                line = self.widths[here] - inside.pipe - STEP

    def _unit(self, start: int, inside: _Bracket) -> tuple[int | None, list[int], list[int]]:
        """Where it ends, its `and`s and `or`s, and what follows its commas. No end where a part of it has several lines."""
        breakable: list[int] = []
        commas: list[int] = []
        i = start
        while i < inside.close:
            text = self.tokens.texts[i]
            if i > start and text in ("|", ";") and self.tokens.kinds[i] == TokenKind.SIGN:
                break
            if i in self.spaces.connectives:
                breakable.append(i)
            elif text == ",":
                commas.append(i + 1)
            bracket = self.brackets.get(i)
            if bracket is not None:
                if bracket.blocks:
                    return None, [], []
                i = bracket.close
            i += 1
        return i, breakable, commas
