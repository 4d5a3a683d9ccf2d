"""What a query cost, as a notebook shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lurcher.report.explained import Explained as Document


class Explained:
    """A query's text, plan and SQL, what was read and left out, and where the time went: as `lurcher query --explain` prints it.
    `document` has the figures; one that is not known is None."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __repr__(self) -> str:
        from lurcher.report.explained import plain

        return plain(self.document)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        from lurcher.report.explained_html import fragment

        return fragment(self.document)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def dict(self) -> dict[str, Any]:
        """The figures as plain values: what `--format json` writes."""
        from lurcher.report.explained import as_json

        found: dict[str, Any] = json.loads(as_json(self.document))
        return found

    def write(self, path: str | Path) -> Path:
        """Into a file whose name ends in .html, .json or .txt."""
        from lurcher.app.explain import write_explained

        write_explained(self.document, None, Path(path))
        return Path(path)
