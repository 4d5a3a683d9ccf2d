"""parse-kv: keys and their values out of a text, by the delimiters of pairs and of keys.

The text is cut at every pair delimiter; a piece's key is what stands before its first key delimiter, its value the rest, both
without white space around them. Of a key that comes twice the first counts; one that does not come is empty, or null.

A regular expression of two groups finds the pairs instead. With `quote` a key or a value may stand in quotes, where delimiters
are text; with `greedy` a value goes up to the next key; without delimiters every sign but letters and digits is one: see
`functions.udfs.kv`, which refuses texts that can be read in two ways.

Source: "parse-kv operator" (Kusto documentation).
"""

from __future__ import annotations

import json
import re

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS171
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Rel, Scope, null, operator
from lurcher.plan.binder.expressions import convert, function, scalar
from lurcher.plan.binder.parsing import quoted, with_columns
from lurcher.plan.binder.rows import environment

T = ScalarType
_WHITE = {" ": " ", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}


@operator(sx.ParseKvOp)
def _parse_kv(cx: Context, scope: Scope, rel: Rel, op: sx.ParseKvOp) -> Rel:
    env = environment(cx, scope, rel)
    env.wins = None
    subject = scalar(cx, env, op.expression)
    if subject.type is T.DYNAMIC:
        subject = convert(subject, T.STRING)
    if subject.type not in (T.STRING, T.UNKNOWN):
        cx.say(KS107, op.expression.span, expected="string", actual=subject.type)
    pattern = _pattern(cx, op)
    delimiters = _delimiters(cx, op) if pattern is None else None
    form = None if delimiters is None else _form(cx, op, delimiters)
    pairs = None
    if pattern:
        # The regular expression finds the pairs, and stands alone.
        every = n.Lit(type=T.STRING, value=pattern, span=op.span)
        pairs = function(cx, "extract_all", (every, subject), op.span)
    values: dict[str, n.Expr] = {}
    for at, key in enumerate(op.keys):
        name = key.name.text
        if name in values:
            cx.say(KS171, key.span, name=name)
        if key.type is T.DYNAMIC:
            cx.refuse("a column of type dynamic in parse-kv", key.span, "take it as a string, and use parse_json()")
        if form is not None and name == name.strip() and _may_stand(name, delimiters, op):
            found = function(cx, "__kv_value", (subject, _text(form, key), _text(f"$[{at}]", key)), key.span)
            values[name] = convert(found, key.type)
            continue
        if pairs is not None and name == name.strip():
            found = function(cx, "__kv_of_pairs", (pairs, _text(name, key)), key.span)
            values[name] = convert(found, key.type)
            continue
        if delimiters is None or name != name.strip() or any(d in name for d in delimiters):
            if delimiters is not None:
                cx.refuse("parse-kv of a key with a delimiter or white space around it", key.span)
            values[name] = null(key.type)
            continue
        found = function(cx, "extract", (_text(_regex(name, *delimiters), key), _one(key), subject), key.span)
        values[name] = convert(function(cx, "trim", (_text(r"\s+", key), found), key.span), key.type)
    return with_columns(rel, values, op.span)


def _pattern(cx: Context, op: sx.ParseKvOp) -> str | None:
    """The regular expression that finds keys and values; "" where it is refused, None where there is none."""
    option = next((o for o in op.options if o.name == "regex"), None)
    if option is None:
        return None
    text = option.value.value if isinstance(option.value, sx.Literal) else None
    if not isinstance(text, str) or len(op.options) > 1:
        cx.refuse("parse-kv with a regex beside other options, or one that is no text", option.span)
        return ""
    try:
        groups = re.compile(text).groups
    except re.error:
        groups = 0
    if groups != 2:
        cx.refuse("parse-kv with a regex that has not two groups, for the key and the value", option.span)
        return ""
    return text


def _form(cx: Context, op: sx.ParseKvOp, delimiters: tuple[str, str]) -> str | None:
    """How a text with quotes, with greedy, or without delimiters is to be read; None where it is cut at delimiters alone."""
    quotes, escapes = _signs(cx, op, "quote", 2), _signs(cx, op, "escape", 1)
    greedy = any(o.name == "greedy" and isinstance(o.value, sx.Literal) and o.value.value is True for o in op.options)
    pair, kv = delimiters
    if quotes is None or escapes is None or (pair and not quotes and not escapes and not greedy):
        return None
    if escapes and not quotes:
        cx.refuse("parse-kv with escape and without quote", op.span)
    if greedy and not pair:
        cx.refuse("parse-kv with greedy and without delimiters", op.span)
    signs = [*(sign for mark in quotes for sign in {*mark}), *escapes]
    if len(set(signs)) < len(signs) or any(sign in (*pair, *kv) or sign.isspace() or sign.isalnum() for sign in signs):
        cx.refuse("parse-kv with quotes, escapes and delimiters that share a sign", op.span)
    keys = [key.name.text for key in op.keys]
    form = {"keys": keys, "pair": pair, "kv": kv, "quotes": quotes, "escapes": escapes, "greedy": greedy}
    return json.dumps(form)


def _signs(cx: Context, op: sx.ParseKvOp, name: str, most: int) -> list[str] | None:
    """The values of an option that may come again; None where one is refused."""
    found: list[str] = []
    for option in op.options:
        if option.name != name:
            continue
        mark = option.value.value if isinstance(option.value, sx.Literal) else None
        if not isinstance(mark, str) or not 1 <= len(mark) <= most:
            cx.refuse(
                f"parse-kv with a {name} that is not {'one sign or two' if most > 1 else 'one sign'}", option.span
            )
            return None
        found.append(mark)
    return found


def _may_stand(name: str, delimiters: tuple[str, str] | None, op: sx.ParseKvOp) -> bool:
    """Whether a text can have such a key: with delimiters or other signs in it where it may be quoted alone."""
    if any(option.name == "quote" for option in op.options):
        return True
    assert delimiters is not None
    return not any(d in name for d in delimiters) if delimiters[0] else name.isascii() and name.isalnum()


def _text(value: str, key: sx.ColumnDecl) -> n.Expr:
    return n.Lit(type=T.STRING, value=value, span=key.span)


def _one(key: sx.ColumnDecl) -> n.Expr:
    return n.Lit(type=T.LONG, value=1, span=key.span)


def _regex(key: str, pair: str, kv: str) -> str:
    """What stands behind a key, up to the end of its pair, in the first pair that has the key."""
    # White space that is a pair delimiter itself ends the pair; it does not stand around the key.
    white = "".join(shown for c, shown in _WHITE.items() if pair.strip() or c not in pair)
    return rf"(?s)(?:^|{quoted(pair)})[{white}]*{quoted(key)}[{white}]*{quoted(kv)}(.*?)(?:{quoted(pair)}|$)"


def _delimiters(cx: Context, op: sx.ParseKvOp) -> tuple[str, str] | None:
    """The delimiters of pairs and of keys, empty where there are none; None where something is refused."""
    given: dict[str, str] = {}
    for option in op.options:
        value = option.value
        if option.name in given or option.name not in ("pair_delimiter", "kv_delimiter", "quote", "escape"):
            plain = option.name == "greedy" and isinstance(value, sx.Literal) and isinstance(value.value, bool)
            if not plain:
                cx.refuse(f"parse-kv with {option.name}", option.span, "extract() finds a value")
                return None
        elif option.name in ("quote", "escape"):
            continue
        elif isinstance(value, sx.Literal) and isinstance(value.value, str) and value.value:
            given[option.name] = value.value
        else:
            cx.refuse(f"parse-kv with a {option.name} that is no text", option.span)
            return None
    if not given:
        return "", ""
    if len(given) < 2:
        cx.refuse("parse-kv with one delimiter", op.span, "give it both: with (pair_delimiter=',', kv_delimiter='=')")
        return None
    pair, kv = given["pair_delimiter"], given["kv_delimiter"]
    # Where a delimiter can be found in two ways, the place of the cut is not told.
    overlaps = any(pair.endswith(pair[:i]) for i in range(1, len(pair)))
    if overlaps or not kv.strip() or pair in kv or kv in pair:
        cx.refuse("parse-kv with delimiters that can be read in two ways", op.span)
        return None
    return pair, kv
