"""Plan -> SQL.

| module | what |
|---|---|
| `types` | KQL's types and literals in SQL |
| `rel` | a relation as a SELECT that is still open |
| `context` | what a statement's lowering carries: tables, CTEs, fresh names, functions called |
| `expressions`, `lists` | scalar expressions as a value or a condition; `in`, `has_any`, `has_all` |
| `relations` | the plain nodes; `joins`, `aggregates`, `windows`, `expanding`, `series` the others |
| `times` | the days that a scan can be narrowed to |
| `sharing` | what becomes a CTE |
| `lower` | the driver |
"""

from lurcher.engines.lowering.context import Stored, Tables
from lurcher.engines.lowering.lower import Lowered, lower

__all__ = ["Lowered", "Stored", "Tables", "lower"]
