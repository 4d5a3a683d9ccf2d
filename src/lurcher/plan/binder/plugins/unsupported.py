"""Plugins that are known and not supported, with the reason: so that a query which uses one is told why.

Source of the names: Kusto.Language's table of plugins, and those that "Plugins" (Kusto documentation) lists beside them.
"""

from __future__ import annotations

_OUT = "it asks another service, and nothing leaves this machine"
_CODE = "it runs code that the query brings, and nothing of a query is run here but KQL"
_MINED = "how it chooses its patterns is not published"
_CLUSTER = "it asks the cluster that the query runs on"
_STORAGE = "it reads files of a cloud's storage, and nothing leaves this machine"
_SKETCH = "sketches of the service are not reproduced; join the ids of both sides and count them"
_TEXT = "how the service writes values as texts in it is not published"
_FOLLOW = "it is not supported: scan finds rows that follow each other, summarize and join count those who came back"

_BY_REASON: dict[str, str] = {
    _OUT: "azure_digital_twins_query_request cosmosdb_sql_request http_request http_request_post sql_request mysql_request"
    " postgresql_request dax_request ai_embed_text ai_chat_completion ai_chat_completion_prompt ai_embeddings",
    _STORAGE: "infer_storage_schema infer_storage_schema_with_suggestions external_datatable",
    _CODE: "csharp python r",
    _MINED: "autocluster autocluster_v2 basket diffpatterns diffpatterns_text",
    _CLUSTER: "estimate_rows_count execute_show_command execute_query identity identity_v3",
    _SKETCH: "dcount_intersect",
    _TEXT: "narrow",
    _FOLLOW: "activity_engagement activity_metrics new_activity_metrics funnel_sequence funnel_sequence_completion"
    " sequence_detect",
    "it gives several results at once: take gives the first rows, count their number": "preview",
}

#: name -> why it is not supported. One that a module declares all the same is supported.
UNSUPPORTED: dict[str, str] = {name: why for why, names in _BY_REASON.items() for name in names.split()}
