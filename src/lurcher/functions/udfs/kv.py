"""The readings of `parse-kv` that a regular expression cannot say: quotes with escapes, values up to the next key (`greedy`), and
no delimiters at all.

What the documentation leaves open is read in every way that it allows; where these differ, the text is refused.

Source: "parse-kv operator" (Kusto documentation).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

_WHITE = " \t\n\f\r"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a text is to be read. `quotes`: what opens and what closes; `pair` and `kv` are empty where none are given."""

    keys: tuple[str, ...]
    pair: str
    kv: str
    quotes: tuple[tuple[str, str], ...]
    escapes: frozenset[str]
    greedy: bool

    @property
    def signs(self) -> frozenset[str]:
        return frozenset(sign for quote in self.quotes for sign in quote)


@lru_cache(maxsize=256)
def _form(options: str) -> _Form:
    made = json.loads(options)
    quotes = tuple((mark[0], mark[-1]) for mark in made["quotes"])
    return _Form(tuple(made["keys"]), made["pair"], made["kv"], quotes, frozenset(made["escapes"]), made["greedy"])


def _refuse(what: str) -> NoReturn:
    raise LurcherError(
        f"parse-kv {what}: how it is read is not documented", "filter before, or use extract()", kind="unsupported"
    )


def _quoted(form: _Form, text: str, at: int) -> tuple[str, int] | None:
    """What stands in quotes at a place, and where it ends; None where nothing does."""
    closing = next((close for open_, close in form.quotes if text.startswith(open_, at)), None)
    if closing is None:
        return None
    found: list[str] = []
    at += 1
    while at < len(text):
        sign = text[at]
        if sign in form.escapes:
            if text[at + 1 : at + 2] not in form.signs or at + 1 == len(text):
                _refuse("with an escape before another sign than a quote")
            found.append(text[at + 1])
            at += 2
        elif sign == closing:
            value = "".join(found)
            if value != value.strip():
                _refuse("with quote, and white space at the ends of what is quoted")
            return value, at + 1
        elif any(sign == open_ for open_, close in form.quotes if open_ != close):
            _refuse("with a quote that opens inside of another")
        else:
            found.append(sign)
            at += 1
    _refuse("with a quote that is not closed")


def _pairs(form: _Form, text: str) -> dict[str, str]:
    """Keys and values between delimiters, either in quotes or not."""
    white = "".join(c for c in _WHITE if form.pair.strip() or c not in form.pair)
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        key, at = _part(form, text, at, white, (form.pair, form.kv))
        if text.startswith(form.kv, at):
            value, at = _part(form, text, at + len(form.kv), white, (form.pair,))
            found.setdefault(key, value)
        at += len(form.pair)
    return found


def _part(form: _Form, text: str, at: int, white: str, ends: tuple[str, ...]) -> tuple[str, int]:
    """A key or a value, and where it ends: before one of `ends`, or with the text."""
    while at < len(text) and text[at] in white:
        at += 1
    quoted = _quoted(form, text, at)
    start = at = at if quoted is None else quoted[1]
    while at < len(text) and not any(text.startswith(end, at) for end in ends):
        at += 1
    rest = text[start:at].strip()
    if any(sign in form.signs for sign in rest) or (quoted is not None and rest):
        _refuse("with quote, over a text with quotes in other places than around keys and values")
    if any(sign in form.escapes for sign in rest):
        _refuse("with an escape outside of quotes")
    return (rest if quoted is None else quoted[0]), at


def _greedy(form: _Form, text: str) -> dict[str, str]:
    """Values that go up to the next key: to the next of those asked for, and to the next of any; where both are one."""
    if any(sign in form.signs or sign in form.escapes for sign in text):
        _refuse("with greedy, over a text with quotes")
    found = _up_to_keys(form, text, True)
    if found != _up_to_keys(form, text, False):
        _refuse("with greedy, over a value with a key in it that is not asked for")
    if any(value.endswith(form.pair.strip() or "\0") for value in found.values()):
        _refuse("with greedy, over a value that ends in a delimiter")
    return found


def _up_to_keys(form: _Form, text: str, asked: bool) -> dict[str, str]:
    places: list[tuple[int, int, str]] = []  # where the pair's delimiter begins, where the value does, the key
    seen, cut, at = 0, -1, text.find(form.kv)
    first = at
    while at >= 0:
        newer = text.rfind(form.pair, seen, at)
        cut = newer if newer >= 0 else cut
        if cut >= 0 or at == first:
            key = text[cut + len(form.pair) if cut >= 0 else 0 : at].strip()
            if key not in form.keys and any(key.endswith(k) for k in form.keys):
                _refuse("with greedy, over a key that ends like another")
            if key in form.keys or not asked:
                places.append((max(cut, 0), at + len(form.kv), key))
                cut = -1
        elif any(text[max(seen, at - 256) : at].strip().endswith(k) for k in form.keys):
            _refuse("with greedy, over a value that begins like a pair")
        seen = at + len(form.kv)
        at = text.find(form.kv, seen)
    found: dict[str, str] = {}
    for i, (_, value, key) in enumerate(places):
        end = places[i + 1][0] if i + 1 < len(places) else len(text)
        if key in form.keys:
            found.setdefault(key, text[value:end].strip())
    return found


def _undelimited(form: _Form, text: str) -> dict[str, str]:
    """What stands behind a key, every sign but letters and digits being a delimiter."""
    tokens = _words(form, text)
    follows: dict[str, str] = {}
    for key, value in zip(tokens, [*tokens[1:], ""], strict=True):
        follows.setdefault(key, value)
    in_turn: dict[str, str] = {}
    for key, value in zip(tokens[::2], [*tokens[1::2], ""], strict=False):
        in_turn.setdefault(key, value)
    past: dict[str, str] = {}
    i = 0
    while i < len(tokens):
        if tokens[i] in form.keys:
            past.setdefault(tokens[i], tokens[i + 1] if i + 1 < len(tokens) else "")
            i += 1
        i += 1
    for key in form.keys:
        if len({follows.get(key), in_turn.get(key), past.get(key)}) > 1:
            _refuse("without delimiters, over a text that can be cut into keys and values in two ways")
    return past


_WORD = re.compile(r"[A-Za-z0-9]+")


def _words(form: _Form, text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(text):
        if word := _WORD.match(text, at):
            tokens.append(word.group())
            at = word.end()
            if text[at : at + 1] and text[at] in form.signs:
                _refuse("with a quote beside a letter or a digit")
        elif quoted := _quoted(form, text, at):
            tokens.append(quoted[0])
            at = quoted[1]
            if _WORD.match(text, at):
                _refuse("with a quote beside a letter or a digit")
        elif text[at] in form.signs or text[at] in form.escapes:
            _refuse("with quotes or escapes in other places than around values")
        elif not text[at].isascii() and text[at].isalnum():
            _refuse("without delimiters, over letters that are not English")
        else:
            at += 1
    return tokens


def _read(text: str, options: str) -> str:
    form = _form(options)
    reading = _undelimited if not form.pair else _greedy if form.greedy else _pairs
    found = reading(form, text)
    return json.dumps([found.get(key, "") for key in form.keys])


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def kv_values(texts: pa.Array, options: pa.Array) -> pa.Array:
    """The values of the keys that are asked for, in their order, as a JSON array."""
    return each(_read, "string", texts, options)
