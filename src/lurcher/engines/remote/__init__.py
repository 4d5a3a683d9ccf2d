"""The live services: the same KQL text, sent to where the data are, and rows that are typed as ours.

| stage | module | in | out |
|---|---|---|---|
| target | `targets` | `sentinel:WORKSPACE`, `defender`, `adx:CLUSTER/DB` | service, endpoint |
| request | `sentinel`, `kusto`, `graph` | KQL, time span | status, headers, bytes |
| answer | `replies`, `answers` | bytes | tables, or what the service says is wrong |
| patience | `patience` | a request | its answer, after waiting and asking again |
| parts | `parts` | KQL | KQL texts of shorter times that together give the same rows |
| rows | `values`, `engine` | tables | `engines.base.Result` |

Nothing here is imported before a target is named, and a service's library only where that service is asked.
"""
