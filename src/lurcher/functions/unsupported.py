"""Functions of KQL that are known and not supported, with the reason: so that a query which uses one is told more than
that there is no such function.

Source of the names: Kusto.Language's function tables.
"""

from __future__ import annotations

_CLUSTER = "it asks the cluster that the query runs on"
_SKETCH = "what the service's sketches look like is not reproduced"
_PERIODS = "which periods the service lets count is not published"
_FFT = "how the service scales transforms, and pads arrays to a length, is not published"
_TEMPERATURE = "its documentation shows kelvins as degrees Celsius by division; what the service gives is not known"
_GRAPH = "it stands in the where and project of graph-match and graph-shortest-paths alone"
_STORED = "it reads a graph that the cluster stores; make-graph makes one of tables"
_HASH = "how the service combines hashes is not published"

_BY_REASON: dict[str, str] = {
    _CLUSTER: "current_cluster_endpoint current_database current_principal current_principal_details current_principal_is_member_of"
    " current_node_id extent_id extentid extent_tags row_id cursor_after cursor_before_or_at cursor_current current_cursor"
    " rowstore_ordinal_range stored_query_result materialized_view external_table",
    _SKETCH: "hll_isvalid tdigest_isvalid",
    _PERIODS: "series_periods_detect series_periods_validate",
    _FFT: "series_fft series_ifft",
    _TEMPERATURE: "convert_temperature",
    _STORED: "graph",
    _GRAPH: "all any map inner_nodes node_id node_degree_in node_degree_out labels",
    _HASH: "hash_combine hash_many",
    "the compressed bytes of the service are not reproduced": "zlib_compress_to_base64_string gzip_compress_to_base64_string",
    "the sizes of the service's storage are not known here": "estimate_data_size",
    "it needs a database of places": "geo_info_from_ip_address",
    "which names the service lists is not published": "datetime_list_timezones",
    "which paths it gives for bags within bags is not published": "treepath",
    "it is not supported yet": "entity_group row_rank passthrough",
}

#: name -> why it is not supported.
UNSUPPORTED: dict[str, str] = {name: why for why, names in _BY_REASON.items() for name in names.split()}
