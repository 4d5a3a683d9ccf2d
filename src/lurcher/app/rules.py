"""Rules from what a user names: files, folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lurcher.content.model import Loaded, Placed, Rule


def load_rules(paths: Iterable[Path]) -> Loaded:
    """The rules of files and folders, each rule once (a page and a YAML of one id are one rule: the first that is named counts).

    Raises `LurcherError` for a path that is not there; a broken file of a folder is a diagnostic.
    """
    from lurcher.content.loading import load

    rules: dict[str, Rule] = {}
    diagnostics: list[Placed] = []
    skipped: list[tuple[str, str]] = []
    for path in paths:
        loaded = load(path)
        diagnostics += loaded.diagnostics
        skipped += loaded.skipped
        for rule in loaded.rules:
            first = rules.setdefault(rule.key, rule)
            if first is not rule and rule.path != first.path:
                skipped.append((rule.path, f"has the id of {first.path}, which is taken instead"))
    return Loaded(tuple(rules.values()), tuple(diagnostics), tuple(skipped))
