"""What the binder takes away before any engine sees it: rows for their types and documentation, without SQL.

Source: Microsoft's signatures (Kusto.Language).
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar

_S = FunctionKind.SCALAR
scalar(
    "pack_all",
    "ignore_null_empty?: literal scalar",
    "dynamic",
    "A bag of all columns of the row.",
    None,
    nulls=Nulls.NEVER,
)
scalar("bag_pack_columns", "*value: column scalar", "dynamic", "A bag of the given columns.", None, nulls=Nulls.NEVER)
scalar(
    "column_ifexists",
    "column_name: constant string, defaultValue: scalar",
    "arg 1",
    "The column where there is one of that name, else the default.",
    None,
    nulls=Nulls.MAYBE,
)
alias(_S, "columnifexists", "column_ifexists", obsolete=True)
scalar("ingestion_time", "", "datetime", "When the row was added.", None, nulls=Nulls.MAYBE)
# What `geo_info_from_ip_address(ip)` becomes where there is a file of places.
scalar(
    "__geo_info",
    "ip: string, file: string",
    "dynamic",
    "The place of an address: country, state, city, latitude, longitude, as far as they are known.",
    "kql_geo_info({ip}, {file})::JSON",
    udf="lurcher.functions.udfs.geo:geo_info",
    nulls=Nulls.MAYBE,
    hidden=True,
)
scalar(
    "iscolumnexists",
    "column_name: constant string",
    "bool",
    "Whether there is a column of that name.",
    None,
    nulls=Nulls.NEVER,
    hidden=True,
)
scalar(
    "column_names_of",
    "table: tabular",
    "dynamic",
    "The names of a table's columns, as an array.",
    None,
    nulls=Nulls.NEVER,
)
scalar(
    "around",
    "value: scalar, center: scalar, delta: scalar",
    "bool",
    "Whether the value is at most so far from the center.",
    None,
    nulls=Nulls.MAYBE,
    examples=(("around(7, 5, 2)", "true"), ("around(8, 5, 2)", "false")),
)
scalar(
    "bin_auto",
    "value: summable",
    "arg 0",
    "The value rounded down to a bin, whose size `set query_bin_auto_size` says, and `set query_bin_auto_at` where one begins.",
    None,
    naming=Naming.FIRST,
    nulls=Nulls.MAYBE,
    hidden=True,
)
scalar(
    "assert",
    "predicate: bool, message: constant string",
    "bool",
    "True; where the predicate is not, the query stops with the message.",
    None,
    nulls=Nulls.NEVER,
    example=("assert(1 < 2, 'no')", "true"),
)
# `parse-kv` with a regular expression: the value of the first pair that has the key.
scalar(
    "__kv_of_pairs",
    "pairs: dynamic, key: string",
    "string",
    "The value of the first of [key, value] pairs that has the key; empty where none has.",
    "coalesce(list_extract(list_transform(list_filter(CAST({pairs} AS VARCHAR[][]), lambda p__: trim(p__[1]) = {key}),"
    " lambda p__: CASE WHEN p__[1] <> trim(p__[1]) OR p__[2] <> trim(p__[2]) THEN error('LurcherError: parse-kv with a regex"
    " that takes white space around a key or a value along: whether it counts is not documented\n  hint: leave it outside of"
    " the groups') ELSE p__[2] END), 1), '')",
    nulls=Nulls.NEVER,
    hidden=True,
)
# `find`, of a table that has nothing to pack, beside one that has: an empty bag, or none.
scalar(
    "__untold_pack",
    "value: scalar",
    "dynamic",
    "What find packs of a table all of whose columns are shown: refused.",
    "CASE WHEN coalesce(CAST({value} AS VARCHAR) <> '', true) IS NOT NULL THEN error('LurcherError: find over a table all of whose"
    " columns are shown, beside one that has more: what pack_ is there is not documented\n  hint: project the columns that you"
    " want') END",
    nulls=Nulls.MAYBE,
    hidden=True,
)
# `parse-kv` with quotes or greedy, or without delimiters.
scalar(
    "__kv_value",
    "text: string, options: string, place: string",
    "string",
    "The value of the key at a place of those that are asked for. A text that can be read in two ways fails.",
    "coalesce(json_extract_string(kql_kv_values({text}, {options}), {place}), '')",
    udf="lurcher.functions.udfs.kv:kv_values",
    nulls=Nulls.NEVER,
    hidden=True,
)
