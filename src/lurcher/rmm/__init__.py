"""Remote-management tools: what is known of them, and what rules about them miss.

| module | what it is |
|---|---|
| `data/catalogue.toml` | the facts, each with its source |
| `catalogue` | the facts as data, found by name, signer, thumbprint, file name and domain |
| `terms` | KQL's `has` on a text, in Python |
| `drift` | the check that compares a rule's signer terms with the catalogue |
"""
