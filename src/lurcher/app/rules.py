"""Rules from what a user names: files, folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lurcher.content.model import Loaded, Placed, Rule


def load_rules(paths: Iterable[Path]) -> Loaded:
    """The rules of files and folders, each rule once: a page and a YAML with one id and one query are one rule, and the first
    that is named counts. Another query under an id that is taken is a rule of its own, known by its path and content.

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
            if first is rule:
                continue
            if " ".join(rule.query.split()) == " ".join(first.query.split()):
                if rule.path != first.path:
                    skipped.append((rule.path, f"is the rule of {first.path} once more"))
                continue
            own = replace(rule, id="")
            rules[own.key] = own
    return Loaded(tuple(rules.values()), tuple(diagnostics), tuple(skipped))
