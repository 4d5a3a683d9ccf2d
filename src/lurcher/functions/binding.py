"""What the binder takes away before any engine sees it: rows for their types and documentation, without SQL.

Source: Microsoft's signatures (Kusto.Language).
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind, Nulls, alias, scalar

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
