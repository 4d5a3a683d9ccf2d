"""Rules of whatever form -> Sentinel YAML with sidecars: the form in which rules are kept, tested and tuned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lurcher.app.rules import beyond_rules, load_place
from lurcher.content.checks.registry import Compiled
from lurcher.content.exclusionfiles import sidecar_text
from lurcher.content.export.model import Deploy
from lurcher.content.export.yamltext import convert
from lurcher.content.loading import BESIDE, SIDECAR, load_text
from lurcher.content.model import Placed, Rule
from lurcher.content.values import slug
from lurcher.errors import LurcherError
from lurcher.report.whole import whole_file

Outcome = Literal["written", "unchanged", "differs", "refused"]
#: Keys of a Sigma rule that its query is made of; the query takes their place.
_SIGMA = frozenset({"logsource", "detection", "fields", "tags", "date", "modified", "related"})
MAX_NAME = 100
_FORMS = {
    "page": "a page",
    "kql": "a KQL file",
    "markdown": "Markdown",
    "azure": "a template of Azure",
    "detection": "a custom detection",
    "summary": "a summary rule",
}


@dataclass(frozen=True)
class Imported:
    """What became of a rule. `path` is the file that is or would be; `why` says what is to be known of it."""

    rule: Rule
    path: str
    outcome: Outcome
    why: str = ""


@dataclass
class ImportReport:
    """`loading`: what kept a file from becoming a rule."""

    rules: list[Imported] = field(default_factory=list)
    loading: list[Placed] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(r.outcome == outcome for r in self.rules)

    @property
    def exit_code(self) -> int:
        """1 where something that was asked for is not there now."""
        return int(
            bool(self.count("differs") or self.count("refused") or any(p.diagnostic.is_error for p in self.loading))
        )


def import_rules(paths: Sequence[Path], to: Path, *, force: bool = False, dry_run: bool = False) -> ImportReport:
    """Write the rules of files and folders below the folder `to`, a rule a file, in the folders that they came in.

    Nothing that is there is overwritten without `force`. Raises `LurcherError` for a path that is not there, where there is no
    rule at all, and where nothing can be written.
    """
    report = ImportReport()
    taken: dict[Path, tuple[str, str]] = {}
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        loaded = load_place(path)
        report.loading += beyond_rules(loaded)
        report.skipped += loaded.skipped
        for rule in loaded.rules:
            words = " ".join(rule.query.split())
            if rule.runnable and (first := seen.setdefault((rule.key, words), rule.path)) != rule.path:
                report.skipped.append((rule.path, f"is the rule of {first} once more"))
                continue
            report.rules.append(_import(rule, _place(rule, path, to, taken), force, dry_run))
    if not report.rules and not report.loading:
        raise LurcherError(
            "there is no rule here", "name a rule's file or a folder of rules", ", ".join(map(str, paths))
        )
    return report


def _place(rule: Rule, named: Path, to: Path, taken: dict[Path, tuple[str, str]]) -> Path:
    """The rule's file: called after the file it came from, or after the rule where that holds several."""
    source = Path(rule.path)
    below = Path(os.path.relpath(source.parent, named)) if named.is_dir() else Path()
    stem = source.name.rpartition(".")[0].removesuffix(".page") or slug(rule.name)
    if f"{stem}.yaml".endswith(BESIDE):
        # A file of that name is read as what stands beside a rule.
        stem = stem.replace(".", "-")
    place, own = to / below / f"{stem}.yaml", (rule.key, rule.path)
    if taken.get(place, own) != own:
        stem = (slug(rule.name) or stem)[:MAX_NAME]
        place = to / below / f"{stem}.yaml"
    number = 2
    while taken.get(place, own) != own:
        place = to / below / f"{stem}-{number}.yaml"
        number += 1
    taken[place] = own
    return place


def _import(rule: Rule, place: Path, force: bool, dry_run: bool) -> Imported:
    if not rule.runnable:
        return Imported(rule, str(place), "refused", next(d.message for d in rule.problems if d.is_error))
    text, said = rule_text(rule)
    again = load_text(str(place), text.encode())
    if again is None or len(again.rules) != 1 or again.rules[0].query.strip() != rule.query.strip():
        return Imported(rule, str(place), "refused", "the query would not be the same when it is read again")
    files = {place: text}
    kept = {e.id for e in again.rules[0].exclusions}
    beside = [e for e in rule.exclusions if e.file.name != rule.file.name or e.id not in kept]
    if beside:
        files[place.with_name(place.name.removesuffix(".yaml") + SIDECAR)] = sidecar_text(beside)
    states = {path: path.read_bytes() == content.encode() for path, content in files.items() if path.is_file()}
    if len(states) == len(files) and all(states.values()):
        return Imported(rule, str(place), "unchanged", said)
    if not force and not all(states.values()):
        return Imported(rule, str(place), "differs", "a file of that name is there and differs; --force overwrites it")
    if not dry_run:
        _write(files)
    return Imported(rule, str(place), "written", said)


def _write(files: dict[Path, str]) -> None:
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                partial.write_text(content, encoding="utf-8", newline="")
        except OSError as problem:
            raise LurcherError(
                f"cannot be written: {problem.strerror or problem}", "is the folder yours?", str(path)
            ) from None


def rule_text(rule: Rule) -> tuple[str, str]:
    """The rule as Sentinel YAML, and what is to be said of it. A file of Sentinel's stays as it was but for its repairs."""
    said = ""
    if rule.format == "sigma":
        kept = {k: v for k, v in rule.extra.items() if k not in _SIGMA}
        rule = replace(rule, extra=kept, version="")
        said = "; ".join(("made of a Sigma rule", *(d.message for d in rule.repairs)))
    elif rule.format != "sentinel":
        said = f"made of {_FORMS.get(rule.format, rule.format)}"
    deploy = Deploy(rule, rule.query, Compiled())
    if deploy.id_made and not rule.id:
        rule = replace(rule, id=deploy.id)
        # Its text as it is has no id, and a rule without one cannot be kept track of.
        if rule.format == "sentinel":
            rule = replace(rule, format="kql")
        said = "; ".join(filter(None, (said, "an id was made for it")))
    return str(convert(Deploy(rule, rule.query, Compiled())).value), said
