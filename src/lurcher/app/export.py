"""Write rules as files that Sentinel and Defender deploy. Nothing is deployed from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lurcher.app.rules import RuleText, beyond_rules, load_rules
from lurcher.app.session import Session
from lurcher.content.checks.registry import Compiled
from lurcher.content.export import arm, bicep, codes, defender, kqltext, limits, sentinel, yamltext
from lurcher.content.export.model import Converted, Deploy
from lurcher.content.model import Placed, Rule
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source
from lurcher.report.whole import whole_file

#: Names that a workspace may have of its own: tables, functions, watchlists.
_OWN = frozenset({"KS204", "KS211"})
#: Names of devices, which Windows does not let a file have.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})


@dataclass(frozen=True)
class Target:
    """`join` makes one file of several rules, where the target can; `checked`: a query that does not stand is not exported."""

    name: str
    doc: str
    suffix: str
    convert: Callable[[Deploy], Converted]
    text: Callable[[Any], str]
    join: Callable[[Sequence[Any], Sequence[str]], str] | None = None
    checked: bool = True


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _as_it_is(value: Any) -> str:
    return str(value)


TARGETS: dict[str, Target] = {
    t.name: t
    for t in (
        Target(
            "sentinel-arm", "templates of Azure Resource Manager: saved searches and analytics rules", ".json",
            sentinel.convert, lambda r: arm.template([r]), lambda rs, names: arm.template(rs),
        ),
        Target(
            "sentinel-bicep", "the same as Bicep", ".bicep",
            sentinel.convert, lambda r: bicep.template([r], ["rule"]), bicep.template,
        ),
        Target("sentinel-yaml", "the rule's own YAML", ".yaml", yamltext.convert, _as_it_is, checked=False),
        Target("defender", "custom detections, as Microsoft Graph takes them", ".json", defender.convert, _json),
        Target("kql", "the query, below comments that say what it is", ".kql", kqltext.convert, _as_it_is, checked=False),
    )
}  # fmt: skip
NAVIGATOR = "navigator"
NAMES = (*TARGETS, NAVIGATOR)


@dataclass(frozen=True)
class ExportFile:
    """`path` is where it was written; "" where it was not. `rules` are the keys of the rules in it."""

    path: str
    text: str
    rules: tuple[str, ...]


@dataclass
class ExportReport:
    """`converted` has every rule, `files` those that were exported. `notes` are of the export as a whole."""

    target: str
    tuned: bool
    converted: list[Converted] = field(default_factory=list)
    files: list[ExportFile] = field(default_factory=list)
    loading: list[Placed] = field(default_factory=list)
    skipped: tuple[tuple[str, str], ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[Converted]:
        return [c for c in self.converted if not c.ok]

    @property
    def exit_code(self) -> int:
        """0; 1 where some rule was not exported; 2 where none was."""
        bad = self.refused or any(p.diagnostic.is_error for p in self.loading)
        return 0 if not bad else 1 if self.files else 2

    def file_of(self, converted: Converted) -> str:
        key = converted.deploy.rule.key
        return next((f.path for f in self.files if key in f.rules), "")


def export(
    paths: Sequence[Path | RuleText],
    session: Session,
    target: str,
    *,
    out: Path | None = None,
    tuned: bool = True,
    forced: Iterable[str] = (),
) -> ExportReport:
    """Convert the rules of files and folders, and write them to `out`: a file where it ends as the target's files do, else a folder
    with a file for each rule. Without `out` there is one file, which is not written.

    Raises `LurcherError` where there is no rule, and where several rules cannot be one file.
    """
    from lurcher.app.rmm import with_packs

    lake = session.tables.lake
    loaded = load_rules(with_packs(paths, lake.path if lake is not None else None))
    if not loaded.rules:
        errors = "; ".join(p.diagnostic.message for p in loaded.errors)
        raise LurcherError("there is no rule here" + (f": {errors}" if errors else ""), "name a rule's file or a folder of rules",
                           ", ".join(map(str, paths)))  # fmt: skip
    report = ExportReport(target, tuned, loading=beyond_rules(loaded), skipped=loaded.skipped)
    if target == NAVIGATOR:
        _navigator(loaded.rules, session, out, report)
        return report
    form = TARGETS[target]
    _named_as_file(out, form)
    force = frozenset(forced)
    for rule in loaded.rules:
        report.converted.append(_converted(rule, session, form, tuned, force))
    if form.join is not None:
        _once(report.converted)
    good = [c for c in report.converted if c.ok]
    _write(good, form, out, report)
    return report


def _named_as_file(out: Path | None, form: Target) -> None:
    """Raises `LurcherError` where `out` is named as a file of another sort: a folder of that name is not what is meant."""
    others = {*(t.suffix for t in TARGETS.values()), ".yml"} - {form.suffix}
    if out is not None and out.suffix.lower() in others and not out.is_dir():
        raise LurcherError(
            f"a file of {form.name} ends in {form.suffix}", "name it so, or name a folder: --out FOLDER", str(out)
        )


def _once(converted: list[Converted]) -> None:
    """A resource's name is its rule's id, in any case of letters; of two, the first is exported."""
    first: dict[str, str] = {}
    for i, one in enumerate(converted):
        if one.ok and one.deploy.id in first:
            twice = codes.ID_TWICE.at(one.deploy.rule.span_of("id"), other=first[one.deploy.id], id=one.deploy.id)
            converted[i] = replace(one, said=(*one.said, twice))
        elif one.ok:
            first[one.deploy.id] = one.deploy.rule.path


# --- one rule ---
def _converted(rule: Rule, session: Session, form: Target, tuned: bool, forced: frozenset[str]) -> Converted:
    if not rule.runnable:
        first = next(d for d in rule.problems if d.is_error)
        empty = Deploy(rule, rule.query, Compiled())
        return Converted(empty, said=(codes.DOES_NOT_STAND.at(first.span, why=first.message, hint=first.hint),))
    deploy, why = _deploy(rule, session, tuned, forced)
    converted = form.convert(deploy)
    said = tuple(d for d in why if form.checked or not d.is_error)
    if not form.checked:
        said += tuple(codes.NOT_CHECKED.at(d.span, why=d.message) for d in why if d.is_error)
    return replace(converted, said=(*said, *converted.said))


def _deploy(rule: Rule, session: Session, tuned: bool, forced: frozenset[str]) -> tuple[Deploy, list[Diagnostic]]:
    from lurcher.app.check import compiler
    from lurcher.app.exclusions import columns_of, verdicts
    from lurcher.content.exclusions.rewrite import Settings, rewrite
    from lurcher.content.exclusions.verdicts import refusals

    compile_ = compiler(session)
    plain = compile_(rule.query_source)
    said = _of_query(rule, plain)
    if not rule.exclusions:
        return Deploy(rule, rule.query, plain), said
    if not tuned:
        left = tuple((e.id, "the rule is exported as published") for e in rule.exclusions)
        return Deploy(rule, rule.query, plain, left_out=left), said
    made = rewrite(
        rule, columns_of(session), session.now.date(), Settings(forced=forced), refusals(verdicts(rule, session))
    )
    applied = tuple(a.exclusion.id for a in made.in_force)
    left = tuple((a.exclusion.id, a.reason) for a in made.applied if not a.in_force)
    if not applied:
        return Deploy(rule, rule.query, plain, left_out=left), said
    compiled = compile_(Source(made.tuned))
    if not said:
        said = [
            codes.DOES_NOT_STAND.at(NOWHERE, why=f"with its exclusions: {d.message}", hint="export it as published")
            for d in compiled.diagnostics
            if d.is_error
        ][:1]
    context = tuple(t for t in compiled.tables if t not in plain.tables)
    return Deploy(rule, made.tuned, compiled, applied, left, context), said


def _of_query(rule: Rule, compiled: Compiled) -> list[Diagnostic]:
    """The first thing that is wrong with the query. What may be a workspace's own, and what is not computed here, cannot be
    judged from here."""
    errors = [d for d in compiled.diagnostics if d.is_error]
    if not errors:
        return []
    wrong = [d for d in errors if d.kind in ("syntax", "semantic") and d.code not in _OWN]
    first = (wrong or errors)[0]
    line, column = rule.query_source.position(min(first.span.start, len(rule.query)))
    why = f"line {line}, column {column}: {first.message} [{first.code}]"
    return [(codes.DOES_NOT_STAND if wrong else codes.NOT_CHECKED).at(NOWHERE, why=why, hint=first.hint)]


# --- files ---
def _write(good: list[Converted], form: Target, out: Path | None, report: ExportReport) -> None:
    if not good:
        return
    names = _file_names(good)
    one_file = out is None or (out.suffix.lower() == form.suffix and not out.is_dir())
    if not one_file and form.join is not None and len(good) > limits.MAX_DEPLOYMENTS:
        report.notes.append(
            f"{len(good):,} rules: Azure keeps {limits.MAX_DEPLOYMENTS} deployments of a resource group, so that several rules"
            " are put into one file"
        )
        assert out is not None
        out, one_file = out / f"rules{form.suffix}", True
    if not one_file:
        assert out is not None
        _folder(out)
        for converted, name in zip(good, names, strict=True):
            text = form.join([converted.value], [name]) if form.join else form.text(converted.value)
            _put(out / (name + form.suffix), text, (converted,), report)
        return
    if form.join is None:
        if len(good) > 1:
            raise LurcherError(
                f"{len(good)} rules do not go into one file of {form.name}",
                "name a folder: --out FOLDER",
                str(out or ""),
            )
        _put(out, form.text(good[0].value), good, report)
        return
    parts = _parts(good, names, form)
    if len(parts) > 1:
        if out is None:
            raise LurcherError(
                f"{len(good):,} rules are more than one template holds", "name a folder or a file: --out FOLDER"
            )
        report.notes.append(
            f"split into {len(parts)} files: a template holds {limits.MAX_RESOURCES} resources and four megabytes"
        )
    for number, (members, text) in enumerate(parts, 1):
        path = out if out is None or len(parts) == 1 else out.with_stem(f"{out.stem}-{number}")
        _put(path, text, members, report)


def _parts(good: list[Converted], names: list[str], form: Target) -> list[tuple[list[Converted], str]]:
    """As few files as the limits allow, the rules in their order."""
    assert form.join is not None
    sizes = [len(form.join([c.value], [n]).encode()) for c, n in zip(good, names, strict=True)]
    parts: list[list[int]] = [[]]
    size = 0
    for index, own in enumerate(sizes):
        if parts[-1] and (len(parts[-1]) >= limits.MAX_RESOURCES or size + own > limits.MAX_TEMPLATE):
            parts.append([])
            size = 0
        parts[-1].append(index)
        size += own
    return [
        ([good[i] for i in part], form.join([good[i].value for i in part], [names[i] for i in part])) for part in parts
    ]


def _put(path: Path | None, text: str, members: Sequence[Converted], report: ExportReport) -> None:
    if path is not None:
        _folder(path.parent)
        with whole_file(path) as partial:
            partial.write_bytes(text.encode("utf-8", "surrogatepass"))
    keys = tuple(c.deploy.rule.key for c in members)
    report.files.append(ExportFile(str(path) if path is not None else "", text, keys))


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LurcherError(
            f"the folder cannot be made: {error.strerror or error}", "name another with --out", str(path)
        ) from None


def _file_names(good: list[Converted]) -> list[str]:
    """A name for each rule's file, after its own; told apart without case, as Windows does."""
    from lurcher.content.values import slug

    names: list[str] = []
    taken: set[str] = set()
    for converted in good:
        rule = converted.deploy.rule
        stem = slug(Path(rule.path).name.partition(".")[0], 100)
        base = f"rule-{stem}" if stem in _DEVICES else stem
        name, n = base, 1
        while name in taken:
            n += 1
            name = f"{base}-{n}"
        taken.add(name)
        names.append(name)
    return names


def _navigator(rules: Sequence[Rule], session: Session, out: Path | None, report: ExportReport) -> None:
    """One layer of all the rules, as `lurcher coverage --navigator` makes it."""
    from lurcher.app.coverage import coverage_of
    from lurcher.report.navigator import layer, text_of

    doc = coverage_of(rules, session)
    not_counted = dict(doc.not_counted)
    for rule in rules:
        why = not_counted.get(rule.name or rule.path)
        said = (codes.DOES_NOT_STAND.at(NOWHERE, why=why),) if why else ()
        report.converted.append(Converted(Deploy(rule, rule.query, Compiled()), None if why else True, said=said))
    report.notes += [f"{name}: names no technique" for name in doc.untagged]
    report.notes += [f"{id_}: ATT&CK {doc.version} has no such technique" for id_ in doc.unknown]
    report.notes += [f"{old} is {new} today ({name})" for old, new, name in doc.moved]
    good = [c for c in report.converted if c.ok]
    if good:
        path = out / "navigator.json" if out is not None and (out.is_dir() or out.suffix.lower() != ".json") else out
        _put(path, text_of(layer(doc)), good, report)
