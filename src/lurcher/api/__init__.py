"""The commands as Python objects, for scripts and notebooks: `lurcher.open("case").query("DeviceInfo | take 5").pandas()`.

| module | what it is |
|---|---|
| `case` | `Case`: a lake, and what one does with it; `open`, `init`, `query` |
| `options` | what queries may use: times, limits, what only the cloud has |
| `result` | the rows of a query: Arrow, pandas, polars, Python values, a table, a chart |
| `reports` | what came of adding, hunting, checking: lists that show themselves |
| `display` | tables as text and as HTML; what was written by an intruder is shown and never sent |
| `magic` | `%%kql` in notebooks |

`import lurcher` names these things and imports none of them before they are used (`lurcher/__init__.py`).
"""

from lurcher.api.case import Case, init, open, query
from lurcher.api.reports import Added, Checked, Collected, Findings, Hunt, TableList
from lurcher.api.result import Result

__all__ = [
    "Added",
    "Case",
    "Checked",
    "Collected",
    "Findings",
    "Hunt",
    "Result",
    "TableList",
    "init",
    "open",
    "query",
]
