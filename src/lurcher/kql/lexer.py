"""Text -> tokens, with one compiled expression.

The traps are in the order of the alternatives: a longer token first (`mv-expand` before `mv`), a timespan before a real
before a long before a word that starts with a digit (`1w`, `5x` and `1_000` are names). Source: what Kusto.Language 12.4
takes, checked case by case.
"""

from __future__ import annotations

import re

from lurcher.kql.diagnostics import KS001, KS002, KS250
from lurcher.kql.source import Span
from lurcher.kql.tokens import HINTS, HYPHENATED, LITERAL_TYPES, LOOKAHEAD, STRING_OPERATORS, TokenKind, Tokens

#: White space of the language. U+200B and U+FEFF come with text pasted from web pages, and count as spaces; U+2028, U+0085
#: and U+000B do not.
SPACES = "\t\n\f\r \xa0\u1680\u180e\u2000-\u200b\u202f\u205f\u3000\ufeff"

_UNITS = (
    "d|days?|h|hrs?|hours?|m|min|minutes?|s|sec|seconds?|ms|milli|millis|milliseconds?|micro|micros|microseconds?"
    "|nano|nanos|nanoseconds?|ticks?"
)
_END = "(?![A-Za-z0-9_])"
_BANGS = sorted((o for o in STRING_OPERATORS if o[0] == "!" and o[1].isalpha()), key=len, reverse=True)
_PHRASES = "|".join(re.escape(w) for w in sorted([*HYPHENATED, *HINTS, "matches regex"], key=len, reverse=True))
_TYPES = "|".join(LITERAL_TYPES)

# Possessive: a megabyte of white space or comment must not be gone through twice.
_SKIP = f"(?:[{SPACES}]++|//[^\r\n]*+)*+"

_ALTERNATIVES: tuple[tuple[TokenKind, str], ...] = (
    # A literal's type must touch its parenthesis: `datetime (x)` is no literal.
    (TokenKind.TYPED, rf"(?:{_TYPES})\([^)\r\n]{{0,500}}+\)"),
    (
        TokenKind.STRING,
        r"[hH]?(?:'(?:[^'\\\r\n]|\\[^\r\n])*+'|\"(?:[^\"\\\r\n]|\\[^\r\n])*+\""
        r"|@'(?:[^'\r\n]|'')*+'|@\"(?:[^\"\r\n]|\"\")*+\"|```.*?```|~~~.*?~~~)",
    ),
    (TokenKind.GUID, rf"[0-9A-Fa-f]{{8}}-[0-9A-Fa-f]{{4}}-[0-9A-Fa-f]{{4}}-[0-9A-Fa-f]{{4}}-[0-9A-Fa-f]{{12}}{_END}"),
    (
        TokenKind.WORD,
        rf"!?in~|(?:{_PHRASES}|!in|!between|{'|'.join(_BANGS)}){_END}"
        # `h"..."` that ends nowhere must not become the word `h`.
        "|(?![hH](?:['\"]|@['\"]|```|~~~))[A-Za-z_$][A-Za-z0-9_]*+",
    ),
    (TokenKind.TIMESPAN, rf"[0-9]+(?:\.[0-9]+)?(?:{_UNITS}){_END}"),
    (
        TokenKind.REAL,
        rf"(?:[0-9]++\.[0-9]++(?:[eE][+-]?[0-9]++)?|[0-9]++\.?[eE][+-]?[0-9]++){_END}"
        # `1.` is a real, but `1..5` is a range and `1.x` a path.
        r"|[0-9]++\.(?:(?=\.\.)|(?![.0-9A-Za-z_]))",
    ),
    (TokenKind.LONG, rf"(?:0[xX][0-9A-Fa-f]++|[0-9]++){_END}"),
    (TokenKind.WORD, "[0-9]++[A-Za-z_][A-Za-z0-9_]*+"),
    (TokenKind.SIGN, r"=>|==|!=|<>|<=|>=|=~|!~|\.\.|[-+*/%=<>()\[\]{},;:.|?!@#]"),
    # From here on: what is wrong.
    (TokenKind.STRING, r"[hH]?@?['\"][^\r\n]*+|[hH]?(?:```|~~~).*+"),
    (TokenKind.STRING, "[“”„][^“”„\"\r\n]*+[“”\"]|[‘’‚][^‘’‚'\r\n]*+[‘’']"),
    (TokenKind.BAD, "&&|."),
    (TokenKind.END, r"\Z"),
)
_KINDS = (TokenKind.END, *(kind for kind, _ in _ALTERNATIVES))
_UNTERMINATED, _SMART, _BAD, _END_OF_TEXT = range(len(_ALTERNATIVES) - 3, len(_ALTERNATIVES) + 1)
_TOKEN = re.compile(_SKIP + "(?:" + "|".join(f"({pattern})" for _, pattern in _ALTERNATIVES) + ")", re.DOTALL)
_DIRECTIVE = re.compile(_SKIP + "(#([A-Za-z]*)[^\r\n]*)")

_WRITE_INSTEAD = {"&&": "write and", "`": "write a string with ' or \"", "~": "", "^": "", "\\": ""}


def tokenize(text: str) -> Tokens:
    """Cut a text into tokens. What cannot be read becomes a diagnostic (KS001, KS002, KS250) and a token that stands for it."""
    tokens = Tokens(text)
    position = 0
    # Directives (`#connect ...`) are lines of a client, not of the language, and stand only before a query.
    while directive := _DIRECTIVE.match(text, position):
        position = directive.end()
        tokens.diagnostics.append(
            KS250.at(
                Span(directive.start(1), position),
                name=directive[2],
                hint="remove the line: it is for the tool it came from",
            )
        )
    kinds, texts, starts = tokens.kinds, tokens.texts, tokens.starts
    for match in _TOKEN.finditer(text, position):
        index = match.lastindex or _END_OF_TEXT
        kinds.append(_KINDS[index])
        texts.append(match[index])
        starts.append(match.start(index))
        if index >= _UNTERMINATED:
            if index == _END_OF_TEXT:
                kinds.extend([TokenKind.END] * (LOOKAHEAD - 1))
                texts.extend([""] * (LOOKAHEAD - 1))
                starts.extend([len(text)] * (LOOKAHEAD - 1))
                break
            _complain(tokens, index)
    return tokens


def _complain(tokens: Tokens, index: int) -> None:
    start, text = tokens.starts[-1], tokens.texts[-1]
    span = Span(start, start + len(text))
    tokens.tainted.add(len(tokens.kinds) - 1)
    if index == _UNTERMINATED:
        quote = text.lstrip("hH@")[:1]
        if quote in "`~":
            quote *= 3
        hint = ""
        if "@" not in text[:2] and f"\\{quote}" in text:
            hint = f"the backslash before {quote} escapes it; for a path write @{quote}...{quote}"
        elif quote in "'\"":
            hint = "a string ends in the line that it starts in; ``` ... ``` holds several lines"
        tokens.diagnostics.append(KS001.at(span, what=f"closing {quote}", hint=hint))
    elif index == _SMART:
        quote = "'" if text[0] in "‘’‚" else '"'
        tokens.diagnostics.append(
            KS002.at(
                Span(start, start + 1), text=text[0], hint=f"a typographic quote; write {quote}{text[1:-1]}{quote}"
            )
        )
    else:
        tokens.diagnostics.append(KS002.at(span, text=text, hint=_WRITE_INSTEAD.get(text, "")))
