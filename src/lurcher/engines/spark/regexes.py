"""Regular expressions of RE2 as Java's (Spark) and Rust's (Sail) read them with the same meaning.

They agree on little: `.`, `$`, `\\d`, `\\w`, `\\s` and `\\b` take other characters in each, and case is folded differently.
What is written here is what they agree on, with the rest put in those terms; what cannot be is refused.
"""

from __future__ import annotations

import re

from lurcher.functions.build import refuse

_SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\f\\r "}
_CONTROL = {"t": "\\t", "n": "\\n", "r": "\\r", "f": "\\f"}
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
#: What must be escaped outside of a class, in one of the dialects.
_META = frozenset(r"\.+*?()|[]{}^$")
_QUANTIFIER = re.compile(r"\{(\d{1,3})(?:,(\d{0,3}))?\}")
_CATEGORY = re.compile(r"\\([pP])(?:\{([LNPSZ][a-z]?)\}|([LNPSZ]))")


def portable(pattern: str) -> str:
    """Raises LurcherError for what has no form that all read alike."""
    out: list[str] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "[":
            text, i = _class(pattern, i)
            out.append(text)
        elif c == "\\":
            text, i = _escape(pattern, i)
            out.append(text)
        elif c == "(":
            if pattern.startswith("(?:", i):
                out.append("(?:")
                i += 3
            elif pattern.startswith("(?", i):
                _refuse("groups with flags or names")
            else:
                out.append("(")
                i += 1
        elif c == ".":
            out.append("[^\\n]")
            i += 1
        elif c == "$":
            out.append("\\z")
            i += 1
        elif c == "{":
            match = _QUANTIFIER.match(pattern, i)
            if match is None:
                _refuse("a brace that is no repetition")
            else:
                out.append(match[0])
                i = match.end()
        elif c in "*+?":
            # A second `+` would be possessive in Java, and is none in RE2.
            if c == "+" and i and pattern[i - 1] in "*+?}" and (i < 2 or pattern[i - 2] != "\\"):
                _refuse("a repetition of a repetition")
            out.append(c)
            i += 1
        else:
            if c in "}]":
                out.append("\\")
            out.append(c)
            i += 1
    return "".join(out)


def _escape(pattern: str, i: int) -> tuple[str, int]:
    if i + 1 >= len(pattern):
        _refuse("a backslash at its end")
    match = _CATEGORY.match(pattern, i)
    if match is not None:
        return f"\\{match[1]}{{{match[2] or match[3]}}}", match.end()
    c = pattern[i + 1]
    if c in _SETS:
        return f"[{_SETS[c]}]", i + 2
    if c.lower() in _SETS and c.isupper():
        return f"[^{_SETS[c.lower()]}]", i + 2
    if c in _CONTROL:
        return _CONTROL[c], i + 2
    if c in "Az":
        return {"A": "^", "z": "\\z"}[c], i + 2
    if c in _PUNCTUATION:
        return ("\\" + c if c in _META else c), i + 2
    _refuse(f"\\{c}")
    return "", 0


def _class(pattern: str, i: int) -> tuple[str, int]:
    out = ["["]
    i += 1
    if pattern.startswith("^", i):
        out.append("^")
        i += 1
    first = True
    while i < len(pattern):
        c = pattern[i]
        if c == "]" and not first:
            return "".join(out) + "]", i + 1
        first = False
        if pattern.startswith("[:", i):
            _refuse("[:name:]")
        match = _CATEGORY.match(pattern, i)
        if match is not None:
            out.append(f"\\{match[1]}{{{match[2] or match[3]}}}")
            i = match.end()
            continue
        if c == "\\":
            if i + 1 >= len(pattern):
                break
            e = pattern[i + 1]
            if e in _SETS:
                out.append(_SETS[e])
            elif e in _CONTROL:
                out.append(_CONTROL[e])
            elif e in _PUNCTUATION:
                out.append(_literal(e))
            else:
                _refuse(f"\\{e} in a class")
            i += 2
            continue
        if c == "-":
            # A range where it stands between two characters, else the sign itself.
            ranging = out[-1] not in ("[", "^") and i + 1 < len(pattern) and pattern[i + 1] != "]"
            if ranging and (len(out[-1]) > 2 or pattern[i + 1] == "["):
                _refuse("a range of classes")
            if ranging and pattern[i + 1] == "\\" and pattern[i + 2 : i + 3] not in _PUNCTUATION:
                _refuse("a range of classes")
            out.append("-" if ranging else "\\-")
            i += 1
            continue
        out.append(_literal(c))
        i += 1
    _refuse("a class without end")
    return "", 0


def _literal(c: str) -> str:
    """In a class Java reads `[`, `&&`, Rust `--` and `~~` as operators."""
    return "\\" + c if c in r"\[]^-&~" else c


def _refuse(what: str) -> None:
    refuse(f"a regular expression with {what} on Spark", "write it without, or run it here: leave out --engine")
