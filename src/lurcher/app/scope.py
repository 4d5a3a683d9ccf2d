"""What is in scope at a place of a query that is still being written: by its tokens, as half a query has no tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from lurcher.app.session import Session
from lurcher.kql.lexer import tokenize
from lurcher.kql.source import Source, Span
from lurcher.kql.tokens import TokenKind, Tokens
from lurcher.kql.types import Columns

_OPENERS = {"(": ")", "[": "]", "{": "}"}


@dataclass
class _Level:
    """Within one bracket: where its statement starts, and its last pipe. `opener` is the bracket's token, -1 for the text."""

    opener: int
    start: int
    pipe: int = -1
    commas: int = 0
    done: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """`token` is the first token that ends at or after the place, or starts after it; `word` what is written of the word at it.

    `before` is the text of the token before the word; `operator` the word behind the last pipe of the query at hand; `query` the
    span of that query up to the pipe, None where it has no pipe yet; `lets` the spans of the statements that it may refer to.
    """

    tokens: Tokens
    word: str
    before: str
    operator: str
    query: Span | None
    lets: tuple[Span, ...]
    #: The text of the token before `before`.
    earlier: str
    #: The innermost call that is open: its name, and how many commas stand before the place.
    call: str
    argument: int


def place(text: str, offset: int) -> Place:
    """Look at a text around an offset. Never raises, whatever the text is."""
    tokens = tokenize(text)
    count = len(tokens)
    upto = next((i for i in range(count) if tokens.end(i) >= offset), count)
    word = ""
    if upto < count and tokens.starts[upto] < offset and tokens.kinds[upto] == TokenKind.WORD:
        word = text[tokens.starts[upto] : offset]
    elif upto < count and tokens.end(upto) <= offset:
        upto += 1
    levels = [_Level(-1, 0)]
    for i in range(upto):
        level = levels[-1]
        if tokens.kinds[i] != TokenKind.SIGN:
            continue
        sign = tokens.texts[i]
        if sign in _OPENERS:
            levels.append(_Level(i, i + 1))
        elif sign in _OPENERS.values():
            if len(levels) > 1:
                levels.pop()
        elif sign == ";":
            level.done.append((level.start, i))
            level.start, level.pipe, level.commas = i + 1, -1, 0
        elif sign == "|":
            level.pipe, level.commas = i, 0
        elif sign == ",":
            level.commas += 1
    call, argument = "", 0
    for level in reversed(levels):
        opener = level.opener
        if opener > 0 and tokens.texts[opener] == "(" and tokens.kinds[opener - 1] == TokenKind.WORD and level.pipe < 0:
            call, argument = tokens.texts[opener - 1], level.commas
            break
        if level.pipe >= 0:
            break
    at = next((level for level in reversed(levels) if level.pipe >= 0), None)
    query, operator = None, ""
    if at is not None:
        begin = _after_let(tokens, at.start)
        query = Span(tokens.starts[begin], tokens.starts[at.pipe])
        operator = tokens.texts[at.pipe + 1] if at.pipe + 1 < count else ""
    else:
        begin = _after_let(tokens, levels[-1].start)
        operator = tokens.texts[begin] if begin < count else ""
    lets = tuple(
        Span(tokens.starts[a], tokens.starts[b])
        for level in levels
        for a, b in level.done
        if tokens.texts[a] == "let" and a < b
    )
    before, earlier = (tokens.texts[i] if i >= 0 else "" for i in (upto - 1, upto - 2))
    return Place(tokens, word, before, operator, query, lets, earlier, call, argument)


def _after_let(tokens: Tokens, index: int) -> int:
    """Past `let name =`."""
    return index + 3 if tokens.texts[index] == "let" and tokens.texts[index + 2] == "=" else index


def columns_at(text: str, here: Place, session: Session) -> Columns:
    """The columns that the operator at hand gets, as far as the binder can tell; none where what comes before is broken."""
    if here.query is None:
        return ()
    lets = "".join(text[s.start : s.end] + ";\n" for s in here.lets)
    compiled = session.compile(Source(lets + text[here.query.start : here.query.end]))
    return compiled.queries[-1].columns if compiled.queries else ()


def right_columns(text: str, here: Place, session: Session) -> Columns:
    """The columns of what the join or lookup at hand joins with; none where it cannot be told."""
    if here.query is None or here.operator not in ("join", "lookup"):
        return ()
    tokens = here.tokens
    index = tokens.starts.index(here.query.end) + 2
    # Past `kind=inner` and hints, to the bracket or the name.
    while tokens.texts[index + 1] == "=":
        index += 3
    first, depth = index, 0
    while index < len(tokens) and (depth or index == first or tokens.texts[index] == "."):
        depth += (tokens.texts[index] in _OPENERS) - (tokens.texts[index] in _OPENERS.values())
        index += 1
        if not depth and tokens.texts[index - 1] == ")":
            break
    if index <= first or depth:
        return ()
    lets = "".join(text[s.start : s.end] + ";\n" for s in here.lets)
    compiled = session.compile(Source(lets + text[tokens.starts[first] : tokens.end(index - 1)]))
    return compiled.queries[-1].columns if compiled.queries else ()


def let_names(text: str, here: Place) -> list[tuple[str, str]]:
    """The names that are declared before the place, with how each begins."""
    found = []
    for span in here.lets:
        statement = text[span.start : span.end].strip()
        name = statement.removeprefix("let").split("=")[0].strip()
        if name:
            found.append((name, statement.splitlines()[0]))
    return found
