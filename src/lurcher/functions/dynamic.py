"""Dynamic values: JSON texts, arrays, bags.

Source: "Dynamic/array functions" (Kusto documentation). An array's element that is null is the JSON null; a dynamic value that
is null is SQL's. Positions count from 0; negative ones from the end where the documentation says so.
"""

from __future__ import annotations

from lurcher.functions import snippets as s
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar
from lurcher.sql import tree as t

_S = FunctionKind.SCALAR
_MAYBE, _NEVER = Nulls.MAYBE, Nulls.NEVER
_UDF = "lurcher.functions.udfs.bags:"

# --- JSON ---
#: What the engine's reader takes and JSON is not: NaN and Infinity, a comma before the end. A text that is no JSON is a dynamic
#: string.
_LAX = r"(?i),\s*[\]}]|nan|inf"
_BARE = r"""regexp_replace({json_text}, '"(?:[^"\\]|\\.)*"', '""', 'g')"""
_JSON = (
    r"""regexp_matches({json_text}, '^\s*(?:[\[{"]|-?[0-9]|(?:true|false|null)\s*$)') AND json_valid({json_text})"""
    f" AND NOT CASE WHEN regexp_matches({{json_text}}, '{_LAX}') THEN regexp_matches({_BARE}, '{_LAX}') ELSE false END"
)
_PARSE = (
    f"CASE WHEN trim({{json_text}}) = '' THEN NULL WHEN {_JSON}"
    " THEN nullif(trim({json_text}, E' \\t\\r\\n'), 'null')::JSON ELSE to_json({json_text}) END"
)
_DOC = "The value that a JSON text says; a text that is no JSON becomes a dynamic string."
for _name in ("parse_json", "todynamic"):
    scalar(
        _name,
        "json_text: string",
        "dynamic",
        _DOC,
        _PARSE,
        naming=Naming.FIRST,
        nulls=_MAYBE,
        examples=(
            (_name + """('{"a": [1]}').a""", "dynamic([1])"),
            (_name + "('plain')", 'dynamic("plain")'),
            (_name + """('"in quotes"')""", 'dynamic("in quotes")'),
            (_name + "('[1,]')", 'dynamic("[1,]")'),
        ),
    )
    scalar(
        _name,
        "json_text: dynamic",
        "dynamic",
        "The value itself.",
        "{json_text}",
        naming=Naming.FIRST,
        example=(f"{_name}(dynamic([1]))", "dynamic([1])"),
    )
alias(_S, "parsejson", "parse_json", obsolete=True)
alias(_S, "toobject", "todynamic", obsolete=True)
scalar(
    "dynamic_to_json",
    "dynamic: boxed",
    "string",
    "The value as JSON, the keys of bags in order.",
    "kql_canonical_json({dynamic})",
    udf=_UDF + "canonical_json",
    nulls=_MAYBE,
    example=('dynamic_to_json(dynamic({"b":1,"a":[1, 2]}))', """'{"a":[1,2],"b":1}'"""),
)

# --- arrays ---
_LIST = s.elements("{array}")
_WHEN = f"CASE WHEN {s.is_array('{array}')} THEN %s END"
scalar(
    "array_length",
    "array: dynamic",
    "long",
    "The number of elements; null for what is no array.",
    _WHEN % "CAST(json_array_length({array}) AS BIGINT)",
    nulls=_MAYBE,
    examples=(("array_length(dynamic([1, 2]))", "2"), ('array_length(dynamic({"a":1}))', "long(null)")),
)
alias(_S, "arraylength", "array_length", obsolete=True)
scalar(
    "pack_array",
    "*value: boxed",
    "dynamic",
    "An array of the values.",
    "json_array({value...})",
    nulls=_NEVER,
    example=('pack_array(1, "2", 6s)', 'dynamic([1,"2","00:00:06"])'),
)


def _concat(*arrays: t.SqlExpr) -> t.SqlExpr:
    lists = tuple(t.Cast(t.call("json_extract", a, t.Literal("$[*]")), "JSON[]") for a in arrays)
    return t.call("to_json", t.call("list_concat", *lists) if len(lists) > 1 else lists[0])


scalar(
    "array_concat",
    "*array: dynamic",
    "dynamic",
    "One array with the elements of all.",
    _concat,
    nulls=_MAYBE,
    example=("array_concat(dynamic([1,2]), dynamic([3]))", "dynamic([1,2,3])"),
)
_SLICE = (
    "list_slice({l}, (CASE WHEN {a} < 0 THEN greatest(len({l}) + {a}, 0) ELSE {a} END) + 1,"
    " (CASE WHEN {b} < 0 THEN len({l}) + {b} ELSE {b} END) + 1)"
)
scalar(
    "array_slice",
    "array: dynamic, start: integer, end: integer",
    "dynamic",
    "The elements from one position to another, both included; negative positions count from the end.",
    _WHEN % s.array(_SLICE.replace("{l}", _LIST).replace("{a}", "{start}").replace("{b}", "{end}")),
    nulls=_MAYBE,
    examples=(
        ("array_slice(dynamic([1,2,3]), 1, 2)", "dynamic([2,3])"),
        ("array_slice(dynamic([1,2,3,4,5]), 2, -1)", "dynamic([3,4,5])"),
        ("array_slice(dynamic([1,2,3,4,5]), -3, -2)", "dynamic([3,4])"),
    ),
)
scalar(
    "array_reverse",
    "value: dynamic",
    "dynamic",
    "The elements in the opposite order.",
    (_WHEN % s.array(f"list_reverse({_LIST})")).replace("{array}", "{value}"),
    nulls=_MAYBE,
    example=("array_reverse(dynamic([1,2]))", "dynamic([2,1])"),
)
_ROTATE = (
    "CASE WHEN {n} IS NULL THEN NULL WHEN len({l}) = 0 THEN {l}"
    " ELSE list_concat(list_slice({l}, {k} + 1, len({l})), list_slice({l}, 1, {k})) END"
)
for _name, _k in (
    ("array_rotate_left", "(({rotate_count} % len({l}) + len({l})) % len({l}))"),
    ("array_rotate_right", "((-{rotate_count} % len({l}) + len({l})) % len({l}))"),
):
    scalar(
        _name,
        "array: dynamic, rotate_count: integer",
        "dynamic",
        "The elements rotated by so many places.",
        _WHEN % s.array(_ROTATE.replace("{k}", _k).replace("{l}", _LIST).replace("{n}", "{rotate_count}")),
        nulls=_MAYBE,
        example=(
            f"{_name}(dynamic([1,2,3,4,5]), 2)",
            "dynamic([3,4,5,1,2])" if "left" in _name else "dynamic([4,5,1,2,3])",
        ),
    )
#: No array has so many.
_PLACES = (
    "CAST(CASE WHEN abs({shift_count}::HUGEINT) < 2147483647 THEN {shift_count}"
    " ELSE sign({shift_count}) * 2147483647 END AS BIGINT)"
)
_PAD = "list_transform(range(least(abs({n}), len({l}))), lambda i__: {d})"
_SHIFT = (
    "CASE WHEN {n} >= 0 THEN list_concat(list_slice({l}, least({n}, len({l})) + 1, len({l})), {p})"
    " ELSE list_concat({p}, list_slice({l}, 1, greatest(len({l}) + {n}, 0))) END"
)
for _name, _count in (("array_shift_left", _PLACES), ("array_shift_right", f"(-{_PLACES})")):
    for _default in ("'null'::JSON", "{default_value}"):
        _sql = _SHIFT.replace("{p}", _PAD).replace("{n}", _count).replace("{l}", _LIST).replace("{d}", _default)
        _extra = ", default_value: boxed" if _default.startswith("{") else ""
        scalar(
            _name,
            f"array: dynamic, shift_count: integer{_extra}",
            "dynamic",
            "The elements moved by so many places, the gap filled with null or the value given.",
            _WHEN % s.array(_sql),
            nulls=_MAYBE,
            example=(
                f"{_name}(dynamic([1,2,3]), 1{', -1' if _extra else ''})",
                f"dynamic([2,3,{'-1' if _extra else 'null'}])"
                if "left" in _name
                else f"dynamic([{'-1' if _extra else 'null'},1,2])",
            ),
        )
scalar(
    "array_index_of",
    "array: dynamic, value: boxed",
    "long",
    "The position of a value, -1 where it is not there.",
    _WHEN % f"CAST(coalesce(list_position({_LIST}, {{value}}), 0) - 1 AS BIGINT)",
    nulls=_MAYBE,
    examples=(('array_index_of(dynamic(["a","b"]), "b")', "1"), ('array_index_of(dynamic(["a"]), "z")', "-1")),
)
_FROM = "(CASE WHEN {start} < 0 THEN greatest(len({l}) + {start}, 0) ELSE least({start}, len({l})) END)"
_POSITIONS = (
    f"list_filter(range({_FROM}, CASE WHEN {{length}} < 0 THEN len({{l}})"
    f" ELSE least(len({{l}}), {_FROM} + least({{length}}, len({{l}}))) END),"
    " lambda i__: {l}[i__ + 1] = {value})"
)
for _params, _length, _which in (
    ("start: integer", "-1", "1"),
    ("start: integer, length: integer", "{length}", "1"),
    ("start: integer, length: integer, occurrence: constant integer", "{length}", "{occurrence}"),
):
    scalar(
        "array_index_of",
        f"array: dynamic, value: boxed, {_params}",
        "long",
        "The position of a value in a stretch of the array; null where the length is below -1 or the occurrence below 0.",
        f"CASE WHEN {_length} >= -1 AND {_which} >= 0 THEN {_WHEN} END"
        % f"CAST(coalesce({_POSITIONS.replace('{length}', _length).replace('{l}', _LIST)}[{_which}], -1) AS BIGINT)",
        nulls=_MAYBE,
        examples=(
            ('array_index_of(dynamic(["a", "b", "a"]), "a", 1, -1, 1)', "2"),
            ('array_index_of(dynamic(["a", "b", "a"]), "a", 0, -1, -1)', "long(null)"),
        )
        if _which == "{occurrence}"
        else (),
    )
scalar(
    "array_sum",
    "array: dynamic",
    "real",
    "The sum of the numbers; null where an element is no number.",
    _WHEN
    % f"CASE WHEN len(list_filter({_LIST}, lambda e__: json_type(e__) NOT IN ('BIGINT', 'UBIGINT', 'DOUBLE'))) = 0"
    f" THEN list_sum(list_transform({_LIST}, lambda e__: TRY_CAST(e__ AS DOUBLE))) END",
    nulls=_MAYBE,
    examples=(("array_sum(dynamic([1,2,3,4]))", "10.0"), ('array_sum(dynamic([1, "a"]))', "real(null)")),
)
for _name, _order in (("array_sort_asc", "ASC"), ("array_sort_desc", "DESC")):
    for _last in (True, False):
        _params = "array: dynamic" if _last else "array: dynamic, nulls_last: constant bool"
        _where = "true" if _last else "{nulls_last}"
        scalar(
            _name,
            _params,
            "dynamic",
            f"The elements in {'ascending' if _order == 'ASC' else 'descending'} order, nulls last unless told.",
            f"kql_sort_array({{array}}, {'false' if _order == 'ASC' else 'true'}, {_where})::JSON",
            udf=_UDF + "sort_array",
            nulls=_MAYBE,
            example=(
                f'{_name}(dynamic([null,"blue","yellow","green"]){"" if _last else ", false"})',
                "dynamic(["
                + ("" if _last else "null,")
                + ('"blue","green","yellow"' if _order == "ASC" else '"yellow","green","blue"')
                + (",null" if _last else "")
                + "])",
            ),
        )
#: Several arrays sorted by the first come out as as many columns.
for _name in ("array_sort_asc", "array_sort_desc"):
    scalar(
        _name,
        "array: dynamic, other: dynamic, *others?: dynamic, nulls_last?: constant bool",
        "custom",
        "The first array sorted, the others in the same order.",
        None,
        nulls=_MAYBE,
    )
scalar(
    "__sort_arrays",
    "descending: bool, nulls_last: bool, *array: dynamic",
    "dynamic",
    "The arrays, the first sorted and the others in the same order, in one array.",
    "kql_sort_arrays(json_array({array...}), {descending}, {nulls_last})::JSON",
    udf=_UDF + "sort_arrays",
    nulls=_MAYBE,
    hidden=True,
)
scalar(
    "array_iff",
    "condition_array: dynamic, when_true: boxed, when_false: boxed",
    "dynamic",
    "For each condition the element of the one or the other array (or the one value) at its place.",
    "kql_array_iff({condition_array}, {when_true}, {when_false})::JSON",
    udf=_UDF + "array_iff",
    nulls=_MAYBE,
    example=("array_iff(dynamic([true,false]), dynamic([1,2]), dynamic([4,5]))", "dynamic([1,5])"),
)
alias(_S, "array_iif", "array_iff")
scalar(
    "array_split",
    "array: dynamic, index: boxed",
    "dynamic",
    "The array cut before the given positions.",
    "kql_array_split({array}, {index})::JSON",
    udf=_UDF + "array_split",
    nulls=_MAYBE,
    examples=(
        ("array_split(dynamic([1,2,3,4,5]), 2)", "dynamic([[1,2],[3,4,5]])"),
        ("array_split(dynamic([1,2,3,4,5]), dynamic([1,3]))", "dynamic([[1],[2,3],[4,5]])"),
    ),
)
scalar(
    "zip",
    "*array: dynamic",
    "dynamic",
    "An array of arrays: the elements at the same place of each.",
    "kql_zip_arrays(json_array({array...}))::JSON",
    udf=_UDF + "zip_arrays",
    nulls=_MAYBE,
    example=("zip(dynamic([1,3]), dynamic([2]))", "dynamic([[1,2],[3,null]])"),
)
scalar(
    "repeat",
    "value: boxed, count: long",
    "dynamic",
    "An array of the value, so many times; null for a negative number of them.",
    "CASE WHEN {count} >= 0 THEN "
    + s.array("list_transform(range({count}), lambda i__: coalesce({value}, 'null'::JSON))")
    + " END",
    naming=Naming.PREFIX,
    prefix="repeat",
    nulls=_MAYBE,
    examples=(("repeat(1, 3)", "dynamic([1,1,1])"), ("repeat(1, -1)", "dynamic(null)")),
)

# --- range: at most 1,048,576 elements ---
_MOST = 1_048_575
# Cut before it is made a whole number: the stop may be endless. NaN, which is greater than all, stays what fails.
_STEPS = "floor(({stop} - {start}) / {step})"
_COUNT = (
    f"CAST(CASE WHEN {_STEPS} > {_MOST} AND NOT isnan({_STEPS}) THEN {_MOST} ELSE greatest({_STEPS}, -1) END AS BIGINT)"
)
for _types, _one, _box in (
    ("integer", "1", "{x}"),
    ("real", "1", "{x}"),
    ("timespan", "36000000000", s.timespan_text("{x}")),
):
    for _step in (_one, "{step}"):
        _value = _box.replace("{x}", f"({{start}} + i__ * {_step})")
        _size = _COUNT.replace("{step}", _step)
        _sql = f"CASE WHEN {_step} <> 0 AND {{start}} + {{stop}} IS NOT NULL THEN "
        _sql += f"to_json(list_transform(range({_size} + 1), lambda i__: {_value})) END"
        _params = f"start: {_types}, stop: {_types}" + (f", step: {_types}" if _step == "{step}" else "")
        _examples = {
            "integer": ("range(1, 7, 3)", "dynamic([1,4,7])"),
            "real": ("range(1.0, 2.0, 0.5)", "dynamic([1.0,1.5,2.0])"),
            "timespan": ("range(1h, 5h, 2h)", 'dynamic(["01:00:00","03:00:00","05:00:00"])'),
        }
        scalar(
            "range",
            _params,
            "dynamic",
            "An array of evenly spaced values, both ends included.",
            _sql,
            nulls=_MAYBE,
            examples=(_examples[_types],) if _step == "{step}" else (),
        )
for _step in ("36000000000", "{step}"):
    _span = _COUNT.replace("{stop}", s.ticks("{stop}")).replace("{start}", s.ticks("{start}")).replace("{step}", _step)
    _value = s.datetime_text(f"({{start}} + to_microseconds(i__ * {_step} // 10))")
    scalar(
        "range",
        "start: datetime, stop: datetime" + (", step: timespan" if _step == "{step}" else ""),
        "dynamic",
        "An array of evenly spaced times, both ends included.",
        f"CASE WHEN {_step} <> 0 AND {{start}} IS NOT NULL AND {{stop}} IS NOT NULL"
        f" THEN to_json(list_transform(range({_span} + 1), lambda i__: {_value})) END",
        nulls=_MAYBE,
        examples=(("array_length(range(datetime(2007-01-01), datetime(2007-12-31), 1d))", "365"),)
        if _step == "{step}"
        else (("array_length(range(datetime(2007-01-01), datetime(2007-01-02)))", "25"),),
    )

# --- bags ---
scalar(
    "bag_pack",
    "*key: text, *value: boxed",
    "dynamic",
    "A bag of keys and values.",
    lambda *pairs: t.call("json_object", *pairs),
    nulls=_NEVER,
    example=('bag_pack("a", 1, "b", "x")', 'dynamic({"a":1,"b":"x"})'),
)
alias(_S, "pack", "bag_pack", obsolete=True)
alias(_S, "pack_dictionary", "bag_pack", obsolete=True)
scalar(
    "__bag_pack_nonempty",
    "*key: text, *value: boxed",
    "dynamic",
    "A bag of the keys whose values are neither null nor empty.",
    lambda *pairs: t.Cast(t.call("kql_drop_empty", t.call("json_object", *pairs)), "JSON"),
    udf=_UDF + "drop_empty",
    nulls=_NEVER,
    hidden=True,
)
scalar(
    "bag_keys",
    "object: dynamic",
    "dynamic",
    "The keys of a bag, as an array; null for what is no bag.",
    "CASE WHEN json_type({object}) = 'OBJECT' THEN to_json(json_keys({object})) END",
    nulls=_MAYBE,
    example=('bag_keys(dynamic({"a":1,"b":2}))', 'dynamic(["a","b"])'),
)
scalar(
    "bag_has_key",
    "bag: dynamic, key: string",
    "bool",
    "Whether the bag has the key (or the JSON path that begins with `$.` or `$[`).",
    "CASE WHEN json_type({bag}) <> 'OBJECT' THEN false WHEN starts_with({key}, '$.') OR starts_with({key}, '$[')"
    " THEN kql_bag_has_path({bag}, {key}) ELSE list_contains(json_keys({bag}), {key}) END",
    udf=_UDF + "bag_has_path",
    nulls=_MAYBE,
    examples=(
        ("bag_has_key(dynamic({'key1': 1}), 'key1')", "true"),
        ("bag_has_key(dynamic({'a': {'b': 1}}), '$.a.b')", "true"),
        ("bag_has_key(dynamic({'a b': {'c': 1}}), \"$['a b'].d\")", "false"),
    ),
)
scalar(
    "bag_merge",
    "*bag: dynamic",
    "dynamic",
    "One bag with the keys of all; of a key in several, the first counts.",
    "kql_bag_merge(json_array({bag...}))::JSON",
    udf=_UDF + "bag_merge",
    nulls=_MAYBE,
    example=("bag_merge(dynamic({'A1':12, 'B1':2}), dynamic({'A2':81, 'A1':1}))", "dynamic({'A1':12,'B1':2,'A2':81})"),
)
scalar(
    "bag_remove_keys",
    "bag: dynamic, keys: dynamic",
    "dynamic",
    "The bag without some keys (or JSON paths that begin with `$.`).",
    "kql_bag_remove_keys({bag}, {keys})::JSON",
    udf=_UDF + "bag_remove_keys",
    nulls=_MAYBE,
    example=(
        "bag_remove_keys(dynamic({'a': 1, 'b': {'c': 2, 'd': 3}}), dynamic(['a', '$.b.c']))",
        "dynamic({'b':{'d':3}})",
    ),
)
scalar(
    "bag_set_key",
    "bag: dynamic, key: constant string, value: boxed",
    "dynamic",
    "The bag with a key (or JSON path) set.",
    "kql_bag_set_key({bag}, {key}, {value})::JSON",
    udf=_UDF + "bag_set_key",
    nulls=_MAYBE,
    example=("bag_set_key(dynamic({'a': 1}), '$.b.c', 'x')", "dynamic({'a':1,'b':{'c':'x'}})"),
)
scalar(
    "bag_zip",
    "keys: dynamic, values: dynamic",
    "dynamic",
    "A bag of the keys of one array and the values of another.",
    "kql_bag_zip({keys}, {values})::JSON",
    udf=_UDF + "bag_zip",
    nulls=_MAYBE,
    example=("bag_zip(dynamic(['a','b']), dynamic([1]))", "dynamic({'a':1,'b':null})"),
)
