"""The manual that the declarations write: what is supported, each function, each code.

| module | what it gives |
|---|---|
| `functions` | a function's entry: signatures, documentation, examples, SQL. What a page shows, and a hover |
| `probes` | the smallest query for each operator, statement and plugin of the language |
| `support` | what becomes of each when it is bound: supported, refused and why |
| `differences` | where answers differ from the service's, each with a query that shows it |
| `pages` | all of it as Markdown, file name -> text |

The state of a construct is never written by hand: it is what the binder and the lowering say of its probe.
"""
