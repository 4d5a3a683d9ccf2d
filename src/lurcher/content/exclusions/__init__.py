"""Exclusions: what a false-positive scenario says, what it explains, and what it costs. One rewriting, KQL -> KQL.

| step | module | in -> out |
|---|---|---|
| reading | `language` | the loose text of `when` -> a tree, its other readings, diagnostics |
| fields | `fields`, `context` | `process.name` -> the columns it is, by the table that the evidence comes from |
| cutting | `split`, `window` | the rule's query -> evidence and tail; its time window |
| rewriting | `rewrite` | rule + exclusions -> the tuned query, and the queries that say what was explained |
| judging | `verdicts`, `collisions` | an exclusion -> its blind spots, from general rules and catalogues |
| measuring | `measures` | an exclusion and data -> the share that it hides, how its readings differ |
"""
