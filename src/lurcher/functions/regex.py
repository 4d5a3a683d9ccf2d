"""Regular expressions: extract, extract_all, replace_regex, trim and what is like them. Both sides speak RE2.

Source: "extract()", "extract_all()", "trim()" (Kusto documentation), RE2 syntax; the shapes of results as measured on
Microsoft's emulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lurcher.functions import snippets as s
from lurcher.functions.build import constant, constant_integer, constant_text, fill, refuse
from lurcher.functions.registry import FunctionKind, Nulls, alias, scalar
from lurcher.sql import tree as t

_NAMED = re.compile(r"((?:^|[^\\])(?:\\\\)*\(\?)(?=<[A-Za-z_])")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?P?<(?P<name>\w+)>|\(\?|(?P<group>\()", re.DOTALL)


#: What other dialects have and RE2 has not, outside of classes: references to groups, looks ahead and behind, atomic groups.
_FOREIGN = re.compile(r"\\([1-9])|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|(\(\?(?:=|!|<=|<!|>))", re.DOTALL)


def re2(pattern: t.SqlExpr) -> t.SqlExpr:
    """The pattern as the engine's RE2 takes it: it knows named groups as `(?P<name>` only. A computed pattern stays.

    Raises LurcherError for what RE2 has not, as the service does."""
    text = constant_text(pattern)
    if text is None:
        return pattern
    for match in _FOREIGN.finditer(text):
        if match[1] or match[2]:
            refuse(
                f"the regular expression has {match[0]}, which KQL's (RE2) have not",
                "write it without references to groups, looks ahead and behind",
            )
    return t.Literal(_NAMED.sub(r"\1P", text))


def groups(pattern: str) -> list[str | None]:
    """The names of the capture groups in order, None for one without."""
    found: list[str | None] = []
    for match in _TOKEN.finditer(pattern):
        if match["group"] or match["name"]:
            found.append(match["name"])
    return found


# --- extract ---
def _extract(regex: t.SqlExpr, group: t.SqlExpr, source: t.SqlExpr) -> t.SqlExpr:
    number = constant_integer(group)
    if number is not None and not 0 <= number <= 9:
        refuse("extract(): the engine counts capture groups from 0 to 9", "use fewer groups: (?:...) captures nothing")
    return fill(
        "regexp_extract({source}, {regex}, {group})", source=source, regex=re2(regex), group=t.Cast(group, "INTEGER")
    )


_SIGNATURE = "regex: constant string, captureGroup: long, source: string"
scalar(
    "extract",
    _SIGNATURE,
    "string",
    "What a capture group of the first match holds (0: the whole match); else the empty text.",
    _extract,
    nulls=Nulls.MAYBE,
    examples=((r'extract("User: ([^,]+)", 1, "User: James, Age: 29")', '"James"'), ('extract("(a)", 3, "a")', '""')),
)
scalar(
    "extract",
    f"{_SIGNATURE}, typeLiteral: literal type",
    "custom",
    "The same, converted to the type.",
    None,
    nulls=Nulls.MAYBE,
    example=(r'extract("-([0-9]{2})-", 1, "15-12-2024", typeof(int))', "int(12)"),
)


def _extract_all(regex: t.SqlExpr, *rest: t.SqlExpr) -> t.SqlExpr:
    """One group gives an array of texts, several an array of arrays; no match gives null."""
    pattern = constant("extract_all", "regular expression", regex)
    names = groups(pattern)
    if not names:
        refuse(
            "extract_all(): the regular expression has no capture group",
            "put parentheses around what is to be extracted",
        )
    wanted = list(range(1, len(names) + 1))
    if len(rest) == 2:
        wanted = _selection(rest[0], names) or wanted
    picked = [
        fill(f"regexp_extract_all({{source}}, {{regex}}, {i})", source=rest[-1], regex=re2(regex)) for i in wanted
    ]
    if len(picked) == 1:
        one = "list_transform({l}, lambda x__: coalesce(x__, ''))"
        return fill(f"to_json(nullif({one}, []))", l=picked[0])
    row = ", ".join(f"coalesce(x__[{i + 1}], '')" for i in range(len(picked)))
    return fill(
        f"to_json(nullif(list_transform(list_zip({{lists...}}), lambda x__: [{row}]), []))", lists=tuple(picked)
    )


def _selection(chosen: t.SqlExpr, names: list[str | None]) -> list[int]:
    """The groups that `dynamic([1, 'name'])` names; those that are not there are passed over."""
    import json

    text = constant("extract_all", "capture groups", chosen.expr if isinstance(chosen, t.Cast) else chosen)
    found = []
    for item in json.loads(text):
        if isinstance(item, int) and 1 <= item <= len(names):
            found.append(item)
        elif isinstance(item, str) and item in names:
            found.append(names.index(item) + 1)
    return found


_DOC = (
    "All matches: an array of the group's texts, of arrays where there are several groups; null where nothing matches."
)
scalar(
    "extract_all",
    "regex: constant string, source: string",
    "dynamic",
    _DOC,
    _extract_all,
    nulls=Nulls.MAYBE,
    examples=(
        (r'extract_all(@"([0-9]+)", "123, 567 and 789")', 'dynamic(["123","567","789"])'),
        (r'extract_all(@"([a-z])([0-9])", "a1b2")', 'dynamic([["a","1"],["b","2"]])'),
    ),
)
scalar(
    "extract_all",
    "regex: constant string, captureGroups: dynamic, source: string",
    "dynamic",
    _DOC,
    _extract_all,
    nulls=Nulls.MAYBE,
    example=(r'extract_all(@"([a-z])([0-9])", dynamic([2]), "a1b2")', 'dynamic(["1","2"])'),
)
alias(FunctionKind.SCALAR, "extractall", "extract_all", obsolete=True)


# --- replace ---
def _replace(source: t.SqlExpr, regex: t.SqlExpr, rewrite: t.SqlExpr) -> t.SqlExpr:
    return fill("regexp_replace({source}, {regex}, {rewrite}, 'g')", source=source, regex=re2(regex), rewrite=rewrite)


scalar(
    "replace_regex",
    "source: text, lookup_regex: string, rewrite_pattern: string",
    "string",
    r"The text with every match replaced; `\0` stands for the match, `\1` for a group.",
    _replace,
    examples=((r'replace_regex("Number is 1.", @"is (\d+)", @"was: \1")', '"Number was: 1."'),),
)
scalar(
    "replace",
    "regex: string, rewrite: string, source: text",
    "string",
    r"The text with every match replaced; `\0` stands for the match, `\1` for a group.",
    lambda regex, rewrite, source: _replace(source, regex, rewrite),
    obsolete="replace_regex",
    hidden=True,
)


# --- trim ---
def _trim(*, start: bool, end: bool) -> Callable[[t.SqlExpr, t.SqlExpr], t.SqlExpr]:
    def lower(regex: t.SqlExpr, source: t.SqlExpr) -> t.SqlExpr:
        result = source
        if start:
            result = fill("regexp_replace({s}, concat('^(?:', {r}, ')+'), '')", s=result, r=re2(regex))
        if end:
            result = fill("regexp_replace({s}, concat('(?:', {r}, ')+$'), '')", s=result, r=re2(regex))
        return result

    return lower


for _name, _start, _end, _example in (
    ("trim", True, True, ('trim("--", "--https://bing.com--")', '"https://bing.com"')),
    ("trim_start", True, False, (r'trim_start(@"\s+", "  a ")', '"a "')),
    ("trim_end", False, True, ('trim_end(".com", "bing.com")', '"bing"')),
):
    scalar(
        _name,
        "regex: constant string, source: text",
        "string",
        "The text without what matches at its ends.",
        _trim(start=_start, end=_end),
        example=_example,
    )


# --- others ---
scalar(
    "regex_quote",
    "string: text",
    "string",
    "The text with what is special in a regular expression escaped.",
    r"regexp_replace({string}, '([\\.+*?()|\[\]{}^$])', '\\\1', 'g')",
    example=("regex_quote('(so$me.Te^xt)')", r"@'\(so\$me\.Te\^xt\)'"),
)


def _indexof_regex(string: t.SqlExpr, regex: t.SqlExpr) -> t.SqlExpr:
    return fill(
        "CASE WHEN regexp_matches({string}, {regex})"
        " THEN length(regexp_extract({string}, concat('(?s:^(.*?))(?:', {regex}, ')'), 1)) ELSE -1 END",
        string=string,
        regex=re2(regex),
    )


scalar(
    "indexof_regex",
    "string: text, match: constant text",
    "long",
    "The position of the first match, -1 where there is none.",
    _indexof_regex,
    example=('indexof_regex("abcabc", @"b.a")', "1"),
)


def _indexof_regex_from(
    string: t.SqlExpr,
    regex: t.SqlExpr,
    start: t.SqlExpr,
    length: t.SqlExpr | None = None,
    occurrence: t.SqlExpr | None = None,
) -> t.SqlExpr:
    """In a stretch of the text: what stands before an occurrence is the pieces between the matches, and the matches."""
    if occurrence is not None and (constant_integer(occurrence) or 0) > 1000:
        refuse("indexof_regex(): an occurrence beyond the thousandth")
    template = (
        "CASE WHEN {start} < 0 OR {length} < -1 OR {occurrence} < 0 THEN NULL"
        " WHEN {start} > length({string}) OR len(regexp_extract_all({part}, {regex})) < greatest({occurrence}, 1) THEN -1"
        " ELSE {start} + length(regexp_extract({part}, concat('^((?:(?s:.*?)(?:', {regex}, ')){',"
        " greatest({occurrence}, 1) - 1, '}(?s:.*?))(?:', {regex}, ')'), 1)) END"
    )
    part = fill(
        "CASE WHEN {length} = -1 THEN substring({string}, {start} + 1) ELSE substring({string}, {start} + 1, {length}) END",
        string=string,
        start=start,
        length=length or t.Literal(-1),
    )
    return fill(
        template,
        string=string,
        part=part,
        regex=re2(regex),
        start=start,
        length=length or t.Literal(-1),
        occurrence=occurrence or t.Literal(1),
    )


scalar(
    "indexof_regex",
    "string: text, match: constant text, start: integer, length?: integer, occurrence?: constant integer",
    "long",
    "The position of a match (1: the first) in a stretch; -1 where there is none, null where a number makes no sense.",
    _indexof_regex_from,
    nulls=Nulls.MAYBE,
    examples=(
        ('indexof_regex("abcabcdefg", @"a.c", 0, 9, 2)', "3"),
        ('indexof_regex("abcabc", @"a.c", 1, -1, 2)', "-1"),
        ('indexof_regex("ababaa", @"a.a", 0, -1, 2)', "-1"),
        ('indexof_regex("abcabc", @"a|ab", -1)', "long(null)"),
    ),
)

_STEP = re.compile(r"""\.?\[\s*(?:'([^'"]*)'|"([^"]*)"|([0-9]+))\s*\]|\.([^.\[\]*"]+)""")


def _extract_json(path: t.SqlExpr, text: t.SqlExpr) -> t.SqlExpr:
    """`$.a.b`, `$['a'][0]` and `$.['a']` as the engine writes a path. Wildcards, recursion and slices the service does not know
    either."""
    given = constant("extract_json", "JSON path", path)
    steps: list[str] = []
    at = 1
    while at < len(given) and (match := _STEP.match(given, at)) is not None:
        name = next((g for g in (match[1], match[2], match[4]) if g is not None), None)
        steps.append(f"[{match[3]}]" if name is None else f'."{name}"')
        at = match.end()
    if not given.startswith("$") or at < len(given):
        refuse("extract_json(): this path", "write $.name.other[0] or $['name'][0]")
    return fill(
        f"CASE WHEN json_valid({{json}}) THEN {s.text_of('json_extract({json}, {path})')} ELSE '' END",
        json=text,
        path=t.Literal("$" + "".join(steps)),
    )


scalar(
    "extract_json",
    "jsonPath: constant string, jsonText: string",
    "string",
    "The text at a JSON path; the empty text where there is none.",
    _extract_json,
    nulls=Nulls.MAYBE,
    examples=(
        ("""extract_json("$.name", '{"name": "John"}')""", '"John"'),
        ("""extract_json("$['hosts'][1]['name']", '{"hosts": [{}, {"name": "b"}]}')""", '"b"'),
    ),
)
scalar(
    "extract_json",
    "jsonPath: constant string, jsonText: string, type: literal type",
    "custom",
    "The same, converted to the type.",
    None,
    nulls=Nulls.MAYBE,
    example=("""extract_json("$.n", '{"n": 5}', typeof(int))""", "int(5)"),
)
alias(FunctionKind.SCALAR, "extractjson", "extract_json")
