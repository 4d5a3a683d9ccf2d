"""Sigma rules -> KQL, by pySigma (which reads the rules) and its Kusto backend (which knows Defender's field names).

| module | what it is |
|---|---|
| `targets` | which table a log source is in, and what its fields are called there |
| `compare` | one comparison of a field with a value, as KQL means it |
| `backend` | the Kusto backend with these |
| `translate` | a rule's text -> queries |

pySigma is the extra `lurcher[sigma]`; only `backend` and `translate` import it, when a Sigma rule is met.
"""
