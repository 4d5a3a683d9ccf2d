"""What `render` asks for: drawn below the rows in a terminal, or into a file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError

if TYPE_CHECKING:
    from lurcher.engines.base import Result
    from lurcher.plan.compile import Compiled
    from lurcher.plan.nodes import Render


def ready(compiled: Compiled, chart: Path) -> None:
    """Raises `LurcherError` where the text asks for no chart, or for several, or the file's ending is none of a chart: before
    anything runs."""
    from lurcher.report.charts import FILE_KINDS

    if chart.suffix.lower() not in FILE_KINDS:
        raise LurcherError(f"no chart can be written to {chart}", f"end its name with one of {', '.join(FILE_KINDS)}")
    asked = [q for q in compiled.queries if q.render is not None]
    if not asked:
        raise LurcherError(
            "--chart: the query asks for no chart", "end it with a render, as: | render timechart", compiled.source.name
        )
    if len(asked) > 1:
        raise LurcherError(f"--chart: the text asks for {len(asked)} charts, a file takes one", "split the text")


def write_with_chart(result: Result, render: Render, format_: str, output: Path | None, chart: Path | None) -> int:
    """Write the rows as `write_result` does, and the chart: to the file, or below the table. Gives the number of rows."""
    from dataclasses import replace

    from lurcher.report.charts import NotDrawn, chart_of, draw, write_chart
    from lurcher.report.results import rows_of, write_result

    batches = list(result.batches)
    count = write_result(replace(result, batches=iter(batches)), format_, output)
    rows = list(rows_of(replace(result, batches=iter(batches))))
    drawn = chart_of(render, result.columns, rows)
    if isinstance(drawn, NotDrawn):
        if chart is not None:
            raise LurcherError(f"--chart: {drawn.reason or f'a {render.chart} has no drawing'}")
        if drawn.reason:
            print(f"note: {drawn.reason}", file=sys.stderr)
    elif chart is not None:
        note = write_chart(drawn, chart, result.columns, rows)
        if note:
            print(f"note: {note}", file=sys.stderr)
    else:
        width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
        sys.stdout.write("\n" + draw(drawn, min(width, 120)))
        sys.stdout.flush()
    return count
