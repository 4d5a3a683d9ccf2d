"""Aggregates that collect: make_list, make_set, make_bag and their kin.

Source: "make_list()", "make_set()", "make_bag()" (Kusto documentation). Nulls are passed over, and at most 1,048,576 elements
kept. The order of a set is open in the service; here it is sorted, so that the same rows give the same text.
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, Naming, Nulls, aggregate, alias

_A = FunctionKind.AGGREGATE
_MOST = "1048576"
_UDF = "lurcher.functions.udfs.bags:"
#: An element that is null is passed over, also a JSON null inside a dynamic.
_LIST = "to_json(list_slice(coalesce(list({expr} {order}) FILTER (WHERE {expr} IS NOT NULL%s), []), 1, %s))"
#: The elements of a dynamic that is an array follow each other: make_list(pack_array(x)) keeps the array x.
_FLAT = (
    "to_json(list_slice(coalesce(flatten(list("
    "CASE WHEN json_type({expr}) = 'ARRAY' THEN CAST(json_extract({expr}, '$[*]') AS JSON[]) ELSE [{expr}] END"
    " {order}) FILTER (WHERE {expr} IS NOT NULL%s)), []), 1, %s))"
)
#: The elements of a dynamic that is an array count one by one.
_SET = (
    "to_json(list_slice(coalesce(list_sort(list_distinct(flatten(list("
    "CASE WHEN json_type({expr}) = 'ARRAY' THEN CAST(json_extract({expr}, '$[*]') AS JSON[])"
    " ELSE [{expr}] END) FILTER (WHERE {expr} IS NOT NULL%s)))), []), 1, %s))"
)
#: Values of one plain type are told apart before they are boxed, which is far quicker; texts sort as texts, numbers by size.
_PLAIN = (
    "to_json(list_slice(coalesce(list_sort(list(DISTINCT {expr}) FILTER (WHERE {expr} IS NOT NULL%s)), []), 1, %s))"
)
_PLAIN_TYPES = "string|int|long|bool"

for _name, _prefix, _sql, _boxed, _doc in (
    ("make_list", "list", _LIST, _FLAT, "The values as an array, in the order of the rows where they have one"),
    ("make_set", "set", _PLAIN, _SET, "The distinct values as an array"),
):
    _named = {"naming": Naming.PREFIX, "prefix": _prefix, "nulls": Nulls.NEVER}
    for _types, _template in ((_PLAIN_TYPES, _sql), ("boxed", _boxed)):
        aggregate(_name, f"expr: {_types}", "dynamic", f"{_doc}.", _template % ("", _MOST), **_named)
        aggregate(
            _name,
            f"expr: {_types}, maxSize: constant integer",
            "dynamic",
            f"{_doc}, so many at most.",
            _template % ("", "{maxSize}"),
            **_named,
        )
        aggregate(
            f"{_name}_if",
            f"expr: {_types}, predicate: bool",
            "dynamic",
            f"{_doc}, where the predicate is true.",
            _template % (" AND {predicate}", _MOST),
            **_named,
        )
        aggregate(
            f"{_name}_if",
            f"expr: {_types}, predicate: bool, maxSize: constant integer",
            "dynamic",
            f"{_doc}, where the predicate is true, so many at most.",
            _template % (" AND {predicate}", "{maxSize}"),
            **_named,
        )
alias(_A, "makelist", "make_list", obsolete=True)
alias(_A, "makeset", "make_set", obsolete=True)
aggregate(
    "make_list_with_nulls",
    "expr: boxed",
    "dynamic",
    "The values as an array, nulls among them.",
    f"to_json(list_slice(coalesce(list({{expr}} {{order}}), []), 1, {_MOST}))",
    naming=Naming.PREFIX,
    prefix="list",
    nulls=Nulls.NEVER,
)

_BAG = "kql_make_bag(to_json(list_slice(coalesce(list({expr} {order}) FILTER (WHERE {expr} IS NOT NULL%s), []), 1, %s)))::JSON"
for _name in ("make_bag", "make_dictionary"):
    _bag = {
        "naming": Naming.PREFIX,
        "prefix": "bag" if _name == "make_bag" else "dictionary",
        "nulls": Nulls.NEVER,
        "udf": _UDF + "make_bag",
        "hidden": _name != "make_bag",
    }
    _doc = "One bag with the keys of all; of a key in several, one counts."
    aggregate(_name, "expr: dynamic", "dynamic", _doc, _BAG % ("", _MOST), **_bag)
    aggregate(_name, "expr: dynamic, maxSize: constant integer", "dynamic", _doc, _BAG % ("", "{maxSize}"), **_bag)
_bag = {"naming": Naming.PREFIX, "prefix": "bag", "nulls": Nulls.NEVER, "udf": _UDF + "make_bag"}
aggregate(
    "make_bag_if",
    "expr: dynamic, predicate: bool",
    "dynamic",
    "One bag with the keys of all where the predicate is true.",
    _BAG % (" AND {predicate}", _MOST),
    **_bag,
)
aggregate(
    "make_bag_if",
    "expr: dynamic, predicate: bool, maxSize: constant integer",
    "dynamic",
    "One bag with the keys of all where the predicate is true.",
    _BAG % (" AND {predicate}", "{maxSize}"),
    **_bag,
)
