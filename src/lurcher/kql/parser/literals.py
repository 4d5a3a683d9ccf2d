"""Literal tokens -> values."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from lurcher.kql.diagnostics import KS002, KS005, KS006, KS214, KS215, LU004
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.source import Span
from lurcher.kql.syntax import DynamicLiteral, Expression, Literal
from lurcher.kql.tokens import TokenKind
from lurcher.kql.types import TYPE_NAMES, ScalarType
from lurcher.kql.values import datetime_text, parse_datetime, parse_timespan

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = re.compile("[\ud800-\udfff]")
#: What lies beyond this exponent no decimal of the service holds; written out it would fill the memory.
_EXPONENT = 1_000
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_REALS = {"nan": float("nan"), "+nan": float("nan"), "-nan": float("nan"), "inf": float("inf"), "+inf": float("inf")}
_INTEGER_LIMITS = {ScalarType.INT: 2**31, ScalarType.LONG: 2**63}
_CASTS = frozenset((TokenKind.LONG, TokenKind.REAL, TokenKind.TIMESPAN, TokenKind.TYPED, TokenKind.GUID))


def decode_string(p: Cursor, index: int) -> str:
    """The value of a string token. A wrong escape gives KS002, and stands for itself."""
    text = _decoded(p, index)
    if text.isascii() or not _LONE.search(text):
        return text
    # A character beyond the basic plane, written as the two halves that .NET keeps it as.
    text = _SURROGATES.sub(lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    lone = _LONE.search(text)
    if lone is not None:
        hint = "this is half of a character; no text that was stored has it"
        p.say(
            LU004.at(
                Span(p.starts[index], p.tokens.end(index)), text=f"\\u{ord(lone[0]):04x}", type="string", hint=hint
            )
        )
    return _LONE.sub("\ufffd", text)


def _decoded(p: Cursor, index: int) -> str:
    text = p.texts[index]
    start = 1 if text[0] in "hH" else 0
    if text[start] == "@":
        quote = text[start + 1]
        return text[start + 2 : -1].replace(quote + quote, quote)
    if text[start] in "`~":
        return text[start + 3 : -3]
    body = text[start + 1 : -1]
    if "\\" not in body or index in p.tainted:
        return body

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code in _SIMPLE:
            return _SIMPLE[code]
        if len(code) > 1 and code[0] in "uUx":
            point = int(code[1:], 16)
            if point <= 0x10FFFF:
                return chr(point)
        elif code[0] in "01234567":
            return chr(int(code, 8))
        at = p.starts[index] + start + 1 + match.start()
        quote = text[start]
        p.say(
            KS002.at(
                Span(at, at + 1 + len(code)),
                text="\\" + code,
                hint=f"a backslash is written \\\\ in a plain string; or write the string as @{quote}...{quote}",
            )
        )
        return match[0]

    return _ESCAPE.sub(replace, body)


def string_literal(p: Cursor) -> Literal:
    """One or more adjacent string literals, which are one."""
    start = p.pos
    value = decode_string(p, start)
    hidden = p.texts[start][0] in "hH"
    p.pos += 1
    while p.kinds[p.pos] == TokenKind.STRING:
        value += decode_string(p, p.pos)
        hidden = hidden or p.texts[p.pos][0] in "hH"
        p.pos += 1
    span = p.span(start)
    raw = p.texts[start] if p.pos == start + 1 else " ".join(p.texts[start : p.pos])
    return Literal(ScalarType.STRING, value, raw, hidden, span=span)


def literal(p: Cursor) -> Literal | None:
    """The literal at hand, taken; None where there is none. `dynamic(...)` is not read here."""
    kind = p.kinds[p.pos]
    text = p.texts[p.pos]
    if kind == TokenKind.STRING:
        return string_literal(p)
    if kind == TokenKind.WORD:
        if text not in _BOOLEANS:
            return None
        p.pos += 1
        return Literal(ScalarType.BOOL, _BOOLEANS[text], text, span=p.span(p.pos - 1))
    span = p.here()
    type_: ScalarType
    value: Any
    if kind == TokenKind.LONG:
        type_, value = ScalarType.LONG, _integer(text, ScalarType.LONG)
    elif kind == TokenKind.REAL:
        type_, value = ScalarType.REAL, float(text)
    elif kind == TokenKind.TIMESPAN:
        type_, value = ScalarType.TIMESPAN, parse_timespan(text)
    elif kind == TokenKind.TYPED:
        return _typed(p)
    elif kind == TokenKind.GUID:
        p.say(KS214.at(span, text=text))
        type_, value = ScalarType.GUID, uuid.UUID(text)
    else:
        return None
    p.pos += 1
    if value is None:
        p.say(LU004.at(span, text=text, type=type_))
    return Literal(type_, value, text, span=span)


def _typed(p: Cursor) -> Literal:
    """`datetime(2024-01-02)` and the like. What its text does not say is refused, though the service's parser lets it pass:
    what it would come to is not known."""
    text = p.texts[p.pos]
    span = p.here()
    p.pos += 1
    word, _, rest = text.partition("(")
    type_ = TYPE_NAMES[word]
    content = rest[:-1].strip()
    if content == "null":
        return Literal(type_, None, text, span=span)
    if len(content) > 1 and content[0] in "'\"" and content[-1] == content[0]:
        content = content[1:-1].strip()
    value = read_value(type_, content)
    if value is None:
        p.say(LU004.at(span, text=content, type=type_, hint=f"for a null write {word}(null)"))
    return Literal(type_, value, text, span=span)


def read_value(type_: ScalarType, text: str) -> Any:
    """The value that a literal's raw text means; None where it means none."""
    match type_:
        case ScalarType.BOOL:
            if text in _BOOLEANS:
                return _BOOLEANS[text]
            return bool(int(text)) if re.match(r"[0-9]{1,9}\Z", text) else None
        case ScalarType.INT | ScalarType.LONG:
            return _integer(text, type_)
        case ScalarType.REAL:
            if text.lower() in _REALS:
                return _REALS[text.lower()]
            if text.lower() == "-inf":
                return float("-inf")
            return float(text) if re.match(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\Z", text) else None
        case ScalarType.DECIMAL:
            try:
                value = Decimal(text)
            except InvalidOperation:
                return None
            return value if value.is_finite() and abs(value.adjusted()) <= _EXPONENT else None
        case ScalarType.DATETIME:
            return parse_datetime(text)
        case ScalarType.TIMESPAN:
            return parse_timespan(text)
        case ScalarType.GUID:
            return (
                uuid.UUID(text)
                if re.match(r"\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?\Z", text)
                else None
            )
        case _:
            return None


def _integer(text: str, type_: ScalarType) -> int | None:
    if not re.match(r"[+-]?\s?(?:0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})\Z", text):
        return None
    text = text.replace(" ", "")
    value = int(text, 16) if "x" in text or "X" in text else int(text)
    limit = _INTEGER_LIMITS[type_]
    if "x" in text and value >= limit and value < 2 * limit:
        value -= 2 * limit
    return value if -limit <= value < limit else None


def dynamic_literal(p: Cursor, start: int) -> Expression:
    """`dynamic(...)`, its keyword taken: JSON with more kinds of literals."""
    p.enter("(")
    value = _json(p)
    p.leave(")")
    span = p.span(start)
    raw = p.tokens.text[span.start : span.end]
    return DynamicLiteral(value, raw, span=span)


def _json(p: Cursor) -> Any:
    text = p.texts[p.pos]
    kind = p.kinds[p.pos]
    if kind == TokenKind.STRING:
        return string_literal(p).value
    if text == "[":
        return _json_array(p)
    if text == "{":
        return _json_object(p)
    if text == "null":
        p.pos += 1
        return None
    if text == "-" and p.kinds[p.pos + 1] in (TokenKind.LONG, TokenKind.REAL):
        p.pos += 1
        number = literal(p)
        return None if number is None or number.value is None else -number.value
    if text == "dynamic":
        p.pos += 1
        p.enter("(")
        value = _json(p)
        p.leave(")")
        return value
    at = p.here()
    value = literal(p)
    if value is None:
        hint = "dynamic(...) holds literals only; use pack_array(...) or bag_pack(...) for what is computed"
        if text in ("]", "}"):
            hint = "no comma before the closing bracket"
        p.fail(KS006, at, expected="a value", hint=hint)
    if value.type is ScalarType.DECIMAL:
        p.say(KS215.at(at))
        return None
    if value.type is ScalarType.DATETIME and value.value is not None:
        return datetime_text(value.value)
    if value.type is ScalarType.GUID and value.value is not None:
        return str(value.value)
    return value.value


def _json_array(p: Cursor) -> list[Any]:
    p.enter("[")
    values: list[Any] = []
    if p.texts[p.pos] != "]":
        values.append(_json(p))
        while p.accept(","):
            values.append(_json(p))
    p.leave("]")
    return values


def _json_object(p: Cursor) -> dict[str, Any]:
    p.enter("{")
    values: dict[str, Any] = {}
    if p.texts[p.pos] != "}":
        _json_pair(p, values)
        while p.accept(","):
            _json_pair(p, values)
    p.leave("}")
    return values


def _json_pair(p: Cursor, values: dict[str, Any]) -> None:
    if p.kinds[p.pos] != TokenKind.STRING:
        rule = KS006 if p.texts[p.pos] == "}" else KS005
        p.fail(rule, p.here(), expected="a key in quotes")
    key = decode_string(p, p.pos)
    p.pos += 1
    p.expect(":")
    values[key] = _json(p)
