"""What the catalogue of remote-management tools knows of programs, as the verdicts on exclusions and triage ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lurcher.rmm.catalogue import Catalogue, Tool


@dataclass(frozen=True, slots=True)
class CataloguePrograms:
    """`Programs` of `lurcher.content.exclusions.verdicts`."""

    catalogue: Catalogue

    def owners(self, executable: str) -> tuple[str, ...]:
        return tuple(t.name for t in self.catalogue.known_executable(executable))

    def relatives(self, words: Iterable[str]) -> tuple[str, ...]:
        """The programs of the tools that a constant or a part of a rule's name names, itself or by its signer. Generic names are
        left out, and a signer of many products points to none of them."""
        found: dict[str, None] = {}
        for word in words:
            for part in (word, *re.split(r"\s+-\s+|[,:;()]", word)):
                tool = self._tool(part.strip())
                if tool is not None:
                    found |= {f.value: None for f in tool.executables if not f.generic and "*" not in f.value}
        return tuple(found)

    def _tool(self, word: str) -> Tool | None:
        if len(word) < 3:
            return None
        tool = self.catalogue.tool(word)
        if tool is not None:
            return tool
        maker = self.catalogue.tool_by_signer(word)
        return maker.tool if maker is not None else None


def tool_signers(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """(stem of a signer, tool) for `triage`: signers that are one tool's own."""
    own = (s for s in catalogue.signers if s.scope == "own" and len(s.stem) > 3 and len(s.tools) == 1)
    return tuple(dict.fromkeys((s.stem, s.tools[0]) for s in own))
