"""Rules from what a user names: files, folders, texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lurcher.content.model import Loaded, Placed, Rule
from lurcher.errors import LurcherError

#: A line that no query has: the key of a rule that holds one.
_YAML = re.compile(r"^[ -]*[\"']?query[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True)
class RuleText:
    """A rule that is in no file. `name` stands for the file's, and ends as the names of its format do (`rule.yaml`)."""

    text: str
    name: str

    @classmethod
    def of(cls, text: str) -> RuleText:
        """The text of a rule in YAML, or of a query alone."""
        return cls(text, "<rule>.yaml" if _YAML.search(text) else "<rule>.kql")

    def __str__(self) -> str:
        return self.name


def load_place(place: Path | RuleText) -> Loaded:
    """The rules of one file, folder or text. Raises `LurcherError` for a path that is not there, or a name of no format."""
    from lurcher.content.loading import load, load_text

    if isinstance(place, Path):
        made = _made(place)
        return load(place) if made is None else made
    loaded = load_text(place.name, place.text.encode("utf-8", "surrogatepass"))
    if loaded is None:
        raise LurcherError("no format of rules has this name", "name it as a file is named: rule.yaml", place.name)
    return loaded


def _made(place: Path) -> Loaded | None:
    """The rules that the catalogue of remote-management tools makes, where the name is theirs (`rmm`) and no file has it."""
    if not str(place).startswith("rmm") or place.exists():
        return None
    from lurcher.app.rmm import pack_rules

    made = pack_rules(str(place))
    if made is None:
        return None
    parts = [load_place(RuleText(text, name)) for name, text in made]
    return Loaded(tuple(r for p in parts for r in p.rules), tuple(d for p in parts for d in p.diagnostics))


def beyond_rules(loaded: Loaded) -> list[Placed]:
    """What loading said beside its rules: of files without a rule, and what in a rule's file could not become one."""
    own = {id(r.file) for r in loaded.rules}
    problems = {id(d) for r in loaded.rules for d in r.problems}
    return [
        p
        for p in loaded.diagnostics
        if id(p.source) not in own or (p.diagnostic.is_error and id(p.diagnostic) not in problems)
    ]


def named_exclusions(rules: Iterable[Rule], ids: Iterable[str]) -> frozenset[str]:
    """The ids of exclusions that a user names. Raises `LurcherError` for one that none of the rules has."""
    named = frozenset(ids)
    if unknown := sorted(named - {e.id for r in rules for e in r.exclusions}):
        raise LurcherError(
            f"no rule here has an exclusion '{unknown[0]}'", "its id is needed, as lurcher exclusions lists it"
        )
    return named


def load_rules(paths: Iterable[Path | RuleText]) -> Loaded:
    """The rules of files, folders and texts, each rule once: a page and a YAML with one id and one query are one rule, and the
    first that is named counts. Another query under an id that is taken is a rule of its own, known by its path and content.

    Raises `LurcherError` for a path that is not there; a broken file of a folder is a diagnostic.
    """
    rules: dict[str, Rule] = {}
    diagnostics: list[Placed] = []
    skipped: list[tuple[str, str]] = []
    for path in paths:
        loaded = load_place(path)
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
