"""Plugins that are known and not supported, with the reason: so that a query which uses one is told why.

Source of the names: Kusto.Language's table of plugins, and those that "Plugins" (Kusto documentation) lists beside them.
"""

from __future__ import annotations

_OUT = "it asks another service, and nothing leaves this machine"
_CODE = "it runs code that the query brings, and nothing of a query is run here but KQL"
_MINED = "how it chooses its patterns is not published"
_CLUSTER = "it asks the cluster that the query runs on"
_STORAGE = "it reads files of a cloud's storage, and nothing leaves this machine"
_SLIDING = "where its outer window lies around the inner one is not published: sliding_window_counts counts ids over days before"
_FUNNEL = "how it counts steps at the same time, and ids that begin again, is not published: scan finds rows that follow each other"
_DETECT = (
    "which rows it pairs where a step comes more than once is not published: scan finds rows that follow each other"
)
_SEVERAL = "it gives several results at once"

_BY_REASON: dict[str, str] = {
    _OUT: "azure_digital_twins_query_request cosmosdb_sql_request http_request http_request_post sql_request mysql_request"
    " postgresql_request dax_request ai_embed_text ai_chat_completion ai_chat_completion_prompt ai_embeddings",
    _STORAGE: "infer_storage_schema infer_storage_schema_with_suggestions external_datatable",
    _CODE: "csharp python r",
    _MINED: "autocluster autocluster_v2 basket diffpatterns diffpatterns_text",
    _CLUSTER: "estimate_rows_count execute_show_command execute_query identity identity_v3",
    _SLIDING: "activity_engagement",
    _FUNNEL: "funnel_sequence_completion",
    _DETECT: "sequence_detect",
    f"{_SEVERAL}, and how it counts is not published: scan finds rows that follow each other": "funnel_sequence",
    f"{_SEVERAL}: take gives the first rows, count their number": "preview",
}

#: name -> why it is not supported. One that a module declares all the same is supported.
UNSUPPORTED: dict[str, str] = {name: why for why, names in _BY_REASON.items() for name in names.split()}
