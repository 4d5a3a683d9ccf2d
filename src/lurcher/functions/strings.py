"""Text: joining, cutting, searching, case. Positions count characters from 0.

Source: "String functions" (Kusto documentation). A text is never null; where a number that says where to cut is null the
result is the empty text.
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.functions import snippets as s
from lurcher.functions.build import constant, fill, refuse
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar
from lurcher.sql import tree as t
from lurcher.sql.walk import walk

_S = FunctionKind.SCALAR
_NEVER, _MAYBE = Nulls.NEVER, Nulls.MAYBE

# --- joining ---
scalar(
    "strcat",
    "*arg: text",
    "string",
    "The texts one after the other; null is the empty text.",
    "concat({arg...})",
    nulls=_NEVER,
    examples=(('strcat("a", 1, "b")', '"a1b"'), ('strcat("x", int(null))', '"x"')),
)
scalar(
    "strcat_delim",
    "delimiter: text, *arg: text",
    "string",
    "The texts with the delimiter between them.",
    "concat_ws({delimiter}, {arg...})",
    nulls=_NEVER,
    examples=(
        ("strcat_delim('-', 1, '2', 'A', 1s)", '"1-2-A-00:00:01"'),
        ("strcat_delim('-', 'a', int(null), 'b')", '"a--b"'),
    ),
)
scalar(
    "strcat_array",
    "array: dynamic, delimiter: text",
    "string",
    "The elements of an array as texts, with the delimiter between them; of what is no array its text.",
    f"CASE WHEN {s.is_array('{array}')} THEN array_to_string(list_transform({s.elements('{array}')},"
    f" lambda e__: coalesce(json_extract_string(e__, '$'), '')), {{delimiter}}) ELSE {s.text_of('{array}')} END",
    nulls=_MAYBE,
    examples=(
        ('strcat_array(dynamic(["a", 1, null, [1,2]]), "-")', '"a-1--[1,2]"'),
        ('strcat_array(dynamic("abc"), "-")', '"abc"'),
    ),
)
alias(_S, "array_strcat", "strcat_array")
_REPEATED = "list_transform(range(least(greatest({multiplier}, 0), 1024)), lambda i__: {value})"
scalar(
    "strrep",
    "value: text, multiplier: long",
    "string",
    "The text repeated, at most 1024 times.",
    "repeat({value}, least(greatest({multiplier}, 0), 1024))",
    nulls=_MAYBE,
    example=("strrep('ABC', 2)", '"ABCABC"'),
)
scalar(
    "strrep",
    "value: text, multiplier: long, delimiter: text",
    "string",
    "The text repeated with the delimiter between.",
    f"array_to_string({_REPEATED}, {{delimiter}})",
    nulls=_MAYBE,
    example=("strrep(123, 3, '.')", '"123.123.123"'),
)

# --- measures and case ---
scalar(
    "strlen",
    "string: string",
    "long",
    "The number of characters.",
    "length({string})",
    naming=Naming.PREFIX,
    prefix="strlen",
    example=('strlen("⒦⒰⒮⒯⒪")', "5"),
)
scalar(
    "strlen",
    "string: dynamic",
    "long",
    "The number of characters of the value's text.",
    f"length({s.text_of('{string}')})",
    naming=Naming.PREFIX,
    prefix="strlen",
    nulls=_NEVER,
    example=("strlen(dynamic([1,2]))", "5"),
)
scalar(
    "string_size",
    "string: string",
    "long",
    "The number of bytes in UTF-8.",
    "strlen({string})",
    naming=Naming.PREFIX,
    prefix="string_size",
    example=('string_size("⒦⒰⒮⒯⒪")', "15"),
)
scalar(
    "string_size",
    "string: dynamic",
    "long",
    "The number of bytes in UTF-8.",
    f"strlen({s.text_of('{string}')})",
    naming=Naming.PREFIX,
    prefix="string_size",
    nulls=_NEVER,
)
scalar(
    "toupper",
    "value: text",
    "string",
    "The text in capitals.",
    "upper({value})",
    example=('toupper("hello")', '"HELLO"'),
)
scalar(
    "tolower",
    "value: text",
    "string",
    "The text in small letters.",
    "lower({value})",
    example=('tolower("Hello")', '"hello"'),
)
# SQL's reverse keeps combined characters together, KQL's does not.
scalar(
    "reverse",
    "value: text",
    "string",
    "The characters in the opposite order.",
    "array_to_string(list_reverse(regexp_extract_all({value}, '(?s).')), '')",
    examples=(('reverse("abc")', '"cba"'), ("reverse(3h)", '"00:00:30"')),
)
scalar(
    "strcmp",
    "s1: text, s2: text",
    "long",
    "-1, 0 or 1: how the texts stand in ordinal order.",
    "CAST(CASE WHEN {s1} < {s2} THEN -1 WHEN {s1} > {s2} THEN 1 ELSE 0 END AS BIGINT)",
    example=('strcmp("abc", "ABC")', "1"),
)
scalar(
    "isascii",
    "value: text",
    "bool",
    "Whether all characters are ASCII.",
    "strlen({value}) = length({value})",
    example=('isascii("é")', "false"),
)
scalar(
    "isutf8",
    "value: text",
    "bool",
    "Whether the text is valid UTF-8; here it always is.",
    "{value} IS NOT NULL",
    nulls=_NEVER,
    example=('isutf8("some string")', "true"),
)

# --- cutting ---
# A start before the beginning gives nothing, SQL's substring would cut from the beginning; a negative length runs backwards there.


def _from_position(template: str) -> Callable[..., t.SqlExpr]:
    """A null position gives the service's one null string (isnull() of it is true), which this engine has not: refused where it
    is plain to see, empty text where a row's position is null."""

    def sql(string: t.SqlExpr, start: t.SqlExpr, length: t.SqlExpr | None = None) -> t.SqlExpr:
        for position in (start, length):
            if position is not None and any(isinstance(n, t.Literal) and n.value is None for n in walk(position)):
                refuse("substring() of a null position, which gives a null string")
        return fill(template, string=string, start=start, length=length)

    return sql


_FROM_END = "WHEN -{start} <= length({string}) THEN substring({string}, length({string}) + {start} + 1"
scalar(
    "substring",
    "string: text, start: integer",
    "string",
    "The text from a position on; a negative start counts from the end.",
    _from_position(f"CASE WHEN {{start}} >= 0 THEN substring({{string}}, {{start}} + 1) {_FROM_END}) ELSE '' END"),
    nulls=_MAYBE,
    examples=(('substring("abcdefg", 2)', '"cdefg"'), ('substring("abc", -10)', '""')),
)
scalar(
    "substring",
    "string: text, start: integer, length: integer",
    "string",
    "So many characters from a position on; a negative start counts from the end.",
    _from_position(
        "CASE WHEN {start} >= 0 THEN substring({string}, {start} + 1, least(greatest({length}, 0), 2147483647))"
        f" {_FROM_END}, least(greatest({{length}}, 0), 2147483647)) ELSE '' END"
    ),
    nulls=_MAYBE,
    examples=(
        ('substring("abcdefg", 5, 10)', '"fg"'),
        ('substring("abcdefg", -3, 10)', '"efg"'),
        ('substring("abc", -10, 2)', '""'),
    ),
)
scalar(
    "split",
    "source: text, delimiter: string",
    "dynamic",
    "The pieces between delimiters, as an array.",
    s.array("string_split({source}, {delimiter})"),
    naming=Naming.FIRST,
    examples=(('split("a__b", "_")', 'dynamic(["a","","b"])'), ('split("", "_")', 'dynamic([""])')),
)
scalar(
    "split",
    "source: text, delimiter: string, requestedIndex: integer",
    "dynamic",
    "An array of one element: the piece at that index; empty where there is none.",
    s.array("list_slice(string_split({source}, {delimiter}), {requestedIndex} + 1, {requestedIndex} + 1)"),
    naming=Naming.FIRST,
    example=('split("aaa_bbb_ccc", "_", 1)', 'dynamic(["bbb"])'),
)

# --- replacing ---
scalar(
    "replace_string",
    "text: text, lookup: string, rewrite: string",
    "string",
    "The text with every occurrence replaced.",
    "replace({text}, {lookup}, {rewrite})",
    example=('replace_string("abcb", "b", "1")', '"a1c1"'),
)
scalar(
    "replace_strings",
    "text: text, lookups: dynamic, rewrites: dynamic",
    "string",
    "The text with each lookup replaced by the rewrite at its place; what was replaced is not looked at again.",
    "kql_replace_strings({text}, {lookups}, {rewrites})",
    udf="lurcher.functions.udfs.text:replace_strings",
    nulls=_MAYBE,
    example=(
        'replace_strings("a cat and a dog", dynamic(["cat","dog"]), dynamic(["dog","pigeon"]))',
        '"a dog and a pigeon"',
    ),
)
scalar(
    "translate",
    "searchList: string, replacementList: string, source: text",
    "string",
    "The text with each character of one list replaced by that at its place in the other, whose last stands for any beyond.",
    "CASE WHEN {replacementList} = '' THEN translate({source}, {searchList}, '') ELSE translate({source}, {searchList},"
    " rpad({replacementList}, CAST(greatest(length({searchList}), 1) AS INTEGER), right({replacementList}, 1))) END",
    examples=(('translate("krasp", "otsku", "spark")', '"kusto"'), ('translate("abc", "x", "ab")', '"xx"')),
)

# --- searching ---
_FOUND = "CASE WHEN strpos(%s, {match}) = 0 THEN -1 ELSE strpos(%s, {match}) - 1 + %s END"
_BEGIN = "(CASE WHEN {start} < 0 THEN greatest(length({string}) + {start}, 0) ELSE {start} END)"
_REST = f"substring({{string}}, {_BEGIN} + 1)"
_PART = f"substring({{string}}, {_BEGIN} + 1, {{length}})"
scalar(
    "indexof",
    "string: text, match: text",
    "long",
    "The position of the first occurrence, -1 where there is none.",
    _FOUND % ("{string}", "{string}", "0"),
    example=("indexof('abc def ab', 'def')", "4"),
)
scalar(
    "indexof",
    "string: text, match: text, start: integer",
    "long",
    "The position of the first occurrence from a start on; a negative start counts from the end.",
    _FOUND % (_REST, _REST, _BEGIN),
    example=("indexof('abc def ab', 'ab', 7)", "8"),
)
scalar(
    "indexof",
    "string: text, match: text, start: integer, length: integer",
    "long",
    "The position of the first occurrence in a stretch; a length of -1 is no limit.",
    f"CASE WHEN {{length}} = -1 THEN ({_FOUND % (_REST, _REST, _BEGIN)})"
    f" WHEN {{length}} >= 0 THEN ({_FOUND % (_PART, _PART, _BEGIN)}) END",
    nulls=_MAYBE,
    example=("indexof(1234567, 5, 1, 4)", "4"),
)


def _indexof(string: t.SqlExpr, match: t.SqlExpr, *place: t.SqlExpr) -> t.SqlExpr:
    needle = constant("indexof", "match, where an occurrence is asked for,", match)
    if any(needle[i:] == needle[: len(needle) - i] for i in range(1, len(needle))):
        refuse("indexof(): the occurrence of a text that can overlap itself")
    return t.call("kql_indexof", string, match, *(t.Cast(p, "BIGINT") for p in place))


scalar(
    "indexof",
    "string: text, match: text, start: integer, length: integer, occurrence: integer",
    "long",
    "The position of an occurrence (1: the first) in a stretch; -1 where there is none, null where a number makes no sense.",
    _indexof,
    udf="lurcher.functions.udfs.text:indexof",
    nulls=_MAYBE,
    examples=(
        ("indexof('abcdefgabcdefg', 'cde', 1, 10, 2)", "9"),
        ("indexof('abcdefgabcdefg', 'cde', 1, -1, 3)", "-1"),
        ("indexof('abcdefgabcdefg', 'cd', 1, 10, 2)", "9"),
    ),
)
scalar(
    "has_any_index",
    "source: text, values: dynamic",
    "long",
    "The position of the first of the values that the text has as a term; -1 where there is none.",
    "kql_has_any_index({source}, {values})",
    udf="lurcher.functions.udfs.text:has_any_index",
    nulls=_MAYBE,
    examples=(
        ('has_any_index("this is an example", dynamic(["not", "example"]))', "1"),
        ('has_any_index("this is an example", dynamic(["exam"]))', "-1"),
    ),
)


def _count(source: t.SqlExpr, search: t.SqlExpr, kind: t.SqlExpr | None = None) -> t.SqlExpr:
    how = constant("countof", "kind", kind).lower() if kind is not None else "normal"
    if how == "regex":
        from lurcher.functions.regex import re2

        return fill("len(regexp_extract_all({source}, {search}))", source=source, search=re2(search))
    if how != "normal":
        refuse(f"countof(): there is no kind '{how}'", "it is normal or regex")
    # Occurrences overlap: `aaaa` has three `aa`. Where there is none, and with a single character, no position is looked at.
    return fill(
        "CASE WHEN {search} = '' OR NOT contains({source}, {search}) THEN 0"
        " WHEN length({search}) = 1 THEN length({source}) - length(replace({source}, {search}, ''))"
        " ELSE len(list_filter(range(1, length({source}) - length({search}) + 2),"
        " lambda i__: substring({source}, i__, length({search})) = {search})) END",
        source=source,
        search=search,
    )


scalar(
    "countof",
    "source: text, search: string, kind?: literal string",
    "long",
    "How often a text occurs, overlaps counted; with 'regex', how often a regular expression matches.",
    _count,
    examples=(('countof("aaaa", "aa")', "3"), ('countof("aaaa", "aa", "regex")', "2")),
)

# --- emptiness ---
_DOC = "Whether the value is the empty text or null."
scalar("isempty", "value: string", "bool", _DOC, "{value} = ''", nulls=_NEVER, example=("isempty('')", "true"))
scalar(
    "isempty",
    "value: dynamic",
    "bool",
    _DOC,
    f"{s.text_of('{value}')} = ''",
    nulls=_NEVER,
    examples=(("isempty(dynamic([]))", "false"), ("isempty(dynamic(null))", "true")),
)
_OTHERS = "bool|int|long|real|decimal|datetime|timespan|guid"
scalar(
    "isempty",
    f"value: {_OTHERS}",
    "bool",
    _DOC,
    "{value} IS NULL",
    nulls=_NEVER,
    example=("isempty(int(null))", "true"),
)
_DOC = "Whether the value is neither the empty text nor null."
scalar(
    "isnotempty", "value: string", "bool", _DOC, "{value} <> ''", nulls=_NEVER, example=("isnotempty('abc')", "true")
)
# The test of null alone, which the engine answers without reading JSON, comes first: most of such a column is often null.
# What begins as a bag or an array is not empty whatever is in it.
scalar(
    "isnotempty",
    "value: dynamic",
    "bool",
    _DOC,
    f"{{value}} IS NOT NULL AND CASE WHEN starts_with({{value}}, '{{') OR starts_with({{value}}, '[') THEN true"
    f" ELSE {s.text_of('{value}')} <> '' END",
    nulls=_NEVER,
)
scalar("isnotempty", f"value: {_OTHERS}", "bool", _DOC, "{value} IS NOT NULL", nulls=_NEVER)
alias(_S, "notempty", "isnotempty", obsolete=True)
_DOC = "Whether the value is null; a text never is."
scalar(
    "isnull", "expression: string", "bool", _DOC, "{expression} IS NULL", nulls=_NEVER, example=('isnull("")', "false")
)
scalar(
    "isnull",
    f"expression: dynamic|{_OTHERS}",
    "bool",
    _DOC,
    "{expression} IS NULL",
    nulls=_NEVER,
    example=("isnull(int(null))", "true"),
)
_DOC = "Whether the value is not null; a text always is."
scalar(
    "isnotnull",
    f"expression: string|dynamic|{_OTHERS}",
    "bool",
    _DOC,
    "{expression} IS NOT NULL",
    nulls=_NEVER,
    example=("isnotnull(1)", "true"),
)
alias(_S, "notnull", "isnotnull", obsolete=True)

# --- code points ---
scalar(
    "unicode_codepoints_from_string",
    "value: text",
    "dynamic",
    "The code points of the characters, as an array.",
    s.array("list_transform(regexp_extract_all({value}, '(?s).'), lambda c__: unicode(c__))"),
    example=('unicode_codepoints_from_string("⒦A")', "dynamic([9382,65])"),
)
alias(_S, "to_utf8", "unicode_codepoints_from_string", obsolete=True)
scalar(
    "unicode_codepoints_to_string",
    "*value: boxed",
    "string",
    "The text of code points, given one by one or in arrays.",
    "array_to_string(list_transform(flatten(list_transform([{value...}],"
    " lambda v__: CASE WHEN json_type(v__) = 'ARRAY' THEN json_extract(v__, '$[*]') ELSE [v__] END)),"
    " lambda c__: chr(CAST(c__ AS INTEGER))), '')",
    nulls=_MAYBE,
    examples=(
        ("unicode_codepoints_to_string(75, 117)", '"Ku"'),
        ("unicode_codepoints_to_string(range(48, 50), range(65, 66))", '"012AB"'),
    ),
)
alias(_S, "make_string", "unicode_codepoints_to_string", obsolete=True)
