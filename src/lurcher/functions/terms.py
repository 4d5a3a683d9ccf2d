"""Terms: what `has` and its kin look for, as SQL.

A term is a maximal run of letters and digits of any script; `_` and everything else separates. `text has needle` holds where
the needle occurs in the text so that, on each side where the needle itself begins or ends with a letter or digit, no letter
or digit stands next to it. `hasprefix` asks that of the left side alone, `hassuffix` of the right.

Case: both sides are folded character by character with the engine's `lower`, which equals Unicode's simple lower case for all
of Unicode. The documentation promises case-insensitivity for ASCII alone; folding `Ü` with `ü` as well can only find more.

Speed: a plain substring test stands before the regular expression. Both look at the same folded text, so that the first can
never lose what the second would find; the engine computes `lower` and `contains` once for each dictionary entry.
"""

from __future__ import annotations

import unicodedata

from lurcher.sql import tree as t

#: Not a letter or digit, of any script. `\\b` is ASCII's, and takes `_` for a letter.
_NO_TERM = r"[^\p{L}\p{N}]"
_IS_TERM = r"[\p{L}\p{N}]"
_META = frozenset(r"\.+*?()|[]{}^$-&~#")


def fold(text: str) -> str:
    """Lower case as the engine's `lower` makes it: one character for one character."""
    return "".join("i" if c == "\u0130" else c.lower() for c in text)


def lowered(node: t.SqlExpr) -> t.SqlExpr:
    """`lower(node)`; a constant is folded here, so that the SQL reads well."""
    if isinstance(node, t.Literal) and isinstance(node.value, str):
        return t.Literal(fold(node.value))
    return t.call("lower", node)


def escape(text: str) -> str:
    """The text as a regular expression that matches itself."""
    return "".join("\\" + c if c in _META else c for c in text)


def _edge(char: str) -> bool | None:
    """Whether a character is a letter or digit; None where Python's Unicode does not know it, while the engine's may."""
    category = unicodedata.category(char)
    return None if category == "Cn" else category[0] in "LN"


def pattern(needle: str, *, left: bool = True, right: bool = True) -> str | None:
    """The regular expression for a needle; "" where a substring test says all; None where only the engine can say."""
    if not needle:
        return ""
    edges = (_edge(needle[0]) if left else False, _edge(needle[-1]) if right else False)
    if None in edges:
        return None
    if edges == (False, False):
        return ""
    before = f"(^|{_NO_TERM})" if edges[0] else ""
    after = f"({_NO_TERM}|$)" if edges[1] else ""
    return before + escape(needle) + after


def alternation(needles: list[str]) -> str | None:
    """One regular expression for a list of folded needles, tried on a folded text; None where only the engine can say."""
    kinds: dict[tuple[bool, bool], list[str]] = {}
    for needle in needles:
        if not needle:
            return ""
        edges = (_edge(needle[0]), _edge(needle[-1]))
        if edges[0] is None or edges[1] is None:
            return None
        kinds.setdefault((edges[0], edges[1]), []).append(escape(needle))
    parts = []
    for (left, right), group in kinds.items():
        inside = "|".join(group)
        before = f"(?:^|{_NO_TERM})" if left else ""
        after = f"(?:{_NO_TERM}|$)" if right else ""
        parts.append(f"{before}(?:{inside}){after}")
    return "|".join(parts)


def find(text: t.SqlExpr, needle: t.SqlExpr, *, left: bool = True, right: bool = True, cs: bool = False) -> t.SqlExpr:
    """`text has needle` and its variants, as SQL that is never null for texts that are not."""
    if not cs:
        text, needle = lowered(text), lowered(needle)
    substring = t.call("contains", text, needle)
    if isinstance(needle, t.Literal) and isinstance(needle.value, str):
        expression = pattern(needle.value, left=left, right=right)
        if expression == "":
            return substring
        if expression is not None:
            return t.Op("AND", (substring, t.call("regexp_matches", text, t.Literal(expression))))
    if not (left or right):
        return substring
    return t.Op("AND", (substring, _unforeseen(text, needle, left, right)))


def guarded(test: t.SqlExpr) -> t.SqlExpr:
    """The same test where it is no condition of its own: there AND computes both sides for every row, CASE does not (ten times
    faster where few rows hold the needle)."""
    match test:
        case t.Op("AND", (t.Call("contains") as substring, (t.Call("regexp_matches") | t.Case()) as expression)):
            return t.Case(((substring, expression),), t.FALSE)
    return test


def _unforeseen(text: t.SqlExpr, needle: t.SqlExpr, left: bool, right: bool) -> t.SqlExpr:
    """The test of a needle that is not known beforehand. Of letters and digits alone, as needles are, it is one of the text's
    terms, which constant expressions tell: a regular expression made for a row costs milliseconds."""
    terms = t.call("regexp_replace", text, t.Literal(_NO_TERM + "+"), t.Literal(" "), t.Literal("g"))
    blank = t.Literal(" ")
    whole = t.Op("||", (*((blank,) if left else ()), terms, *((blank,) if right else ())))
    wanted = t.Op("||", (*((blank,) if left else ()), needle, *((blank,) if right else ())))
    plain = t.call("regexp_full_match", needle, t.Literal(_IS_TERM + "+"))
    return t.Case(
        ((plain, t.call("contains", whole, wanted)),), t.call("regexp_matches", text, _computed(needle, left, right))
    )


def _computed(needle: t.SqlExpr, left: bool, right: bool) -> t.SqlExpr:
    """The pattern of a needle that is not known beforehand, made by the engine."""
    parts: list[t.SqlExpr] = [t.call("regexp_escape", needle)]
    if left:
        is_edge = t.call("regexp_matches", needle, t.Literal("^" + _IS_TERM))
        parts.insert(0, t.Case(((is_edge, t.Literal(f"(^|{_NO_TERM})")),), t.EMPTY))
    if right:
        is_edge = t.call("regexp_matches", needle, t.Literal(_IS_TERM + "$"))
        parts.append(t.Case(((is_edge, t.Literal(f"({_NO_TERM}|$)")),), t.EMPTY))
    return t.Op("||", tuple(parts)) if len(parts) > 1 else parts[0]
