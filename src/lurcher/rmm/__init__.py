"""Remote-management tools: what is known of them, and what rules about them miss.

| module | what it is |
|---|---|
| `data/catalogue.toml` | the facts, each with its source |
| `catalogue` | the facts as data, found by name, signer, thumbprint, file name and domain |
| `terms` | KQL's `has` on a text, in Python |
| `drift` | the check that compares a rule's signer terms with the catalogue |
| `queries`, `packrows`, `rules` | the hunting rules that it makes, with their tests |
| `inventory` | the queries that say which tool is on which device |
| `policy` | which tools are sanctioned, as exclusions |
| `lolrmm`, `update` | a newer LOLRMM against the catalogue, and the overlay that brings it in |
"""
