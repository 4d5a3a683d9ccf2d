"""Hunting: rules are run, result rows tied to their evidence, findings kept.

| module | in -> out |
|---|---|
| `answers` | KQL -> rows as plain values, through whatever engine the application gives |
| `ties` | a rule's tail -> which columns of a result row name its group of evidence |
| `run` | a rule and its exclusions -> what was seen, with counts of what was explained |
| `ledger`, `schema` | what was seen -> findings with their state across runs, in SQLite beside the lake |
| `triage` | a finding -> what makes it stand out, in words with figures |
"""
