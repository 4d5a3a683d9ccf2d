"""A case as a service: the query APIs of the services, answered from a lake.

| what comes | module | what goes out |
|---|---|---|
| a connection | `run` | a socket that is bound, and let go of when the process is told to end |
| a request | `guard` | the same, if whoever asks may; else 401, 403, 413, 415 |
| its body | `kusto`, `management`, `workspace`, `hunting` | a question, in the words of one API |
| a question | `desk` | rows as JSON; or a `Problem`. Bounded in time, memory, and how many there are at once |
| rows, a problem | `kusto`, `workspace`, `hunting` | the document of that API |

`app` says which address is which. Nothing here is imported before `lurcher serve` is called.
"""
