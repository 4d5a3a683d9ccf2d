"""SARIF 2.1.0 out of a frozen document: what code scanning shows, and what two runs are compared by.

A result is found again in a later run by `partialFingerprints`: what its line says, not where it stands. So lines that move, and a
file that is moved (where its rule has an id), leave it unchanged.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0 (3.27 result, 3.35 suppression, 3.30 region).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from lurcher.errors import LurcherError

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
VERSION = "2.1.0"
#: Where the project is published; the manual stands behind it.
INFORMATION = "https://pypi.org/project/lurcher"
BASE = "ROOT"
#: A baseline larger than this is none: 5,000 rules give 30 MB at most.
MAX_BASELINE = 256 * 1024 * 1024
#: The fingerprints: of the place in its file, and of the same in a file that was moved.
PLACE, MOVED = "lurcherPlace/v1", "lurcherRule/v1"


@dataclass(frozen=True, slots=True)
class SarifRule:
    """What kinds of results there are. `level`: error, warning, note or none."""

    id: str
    message: str
    level: str
    help: str = ""
    help_uri: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SarifPlace:
    """`file` is a path relative to the document's base, with `/`, or absolute. Lines and columns as in `ProblemRow`."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True)
class SarifResult:
    """`subject` is what has the result wherever its file goes (the key of a rule, a device): "" for none. `suppressed` is a reason,
    None where it is not suppressed; `kind` says where that reason stands (`inSource`, or `external`)."""

    rule: str
    level: str
    message: str
    place: SarifPlace | None = None
    subject: str = ""
    suppressed: str | None = None
    kind: str = "inSource"
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SarifDocument:
    """One run. `base` is the folder that relative paths count from, as a `file:` URI ending in '/'. `notes` are what could not be
    looked at. `looked_at` are the files that were, relative as in places: of others a baseline's results are not missed."""

    rules: tuple[SarifRule, ...]
    results: tuple[SarifResult, ...]
    version: str
    base: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    looked_at: frozenset[str] = frozenset()
    properties: Mapping[str, Any] = field(default_factory=dict)


# --- fingerprints ---
def fingerprints(results: Sequence[SarifResult]) -> list[dict[str, str]]:
    """For each result its two fingerprints. Equal ones are counted up in the order of the file, so that none is lost."""
    seen: Counter[str] = Counter()
    found = []
    for result in results:
        file = result.place.file if result.place else ""
        text = " ".join((result.place.text if result.place else "").split())
        both = {}
        for name, where in ((PLACE, file), (MOVED, result.subject)):
            # What has no line is told apart by what it says.
            said = text or result.message
            raw = "\x1f".join((name, result.rule, where, said))
            both[name] = hashlib.sha256(f"{raw}\x1f{seen[raw]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
            seen[raw] += 1
        if not result.subject:
            del both[MOVED]
        found.append(both)
    return found


# --- baselines ---
@dataclass(frozen=True)
class Baseline:
    """The results of an earlier run, as they were written."""

    results: tuple[dict[str, Any], ...]
    rules: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def read_baseline(content: bytes, path: str) -> Baseline:
    """Raises `LurcherError` for what is no SARIF of lurcher's."""
    if len(content) > MAX_BASELINE:
        raise LurcherError("the baseline is too large", f"limit {MAX_BASELINE:,} bytes", path)
    try:
        data = json.loads(content)
        if data["version"] != VERSION:
            raise LurcherError(f"SARIF of version {data['version']!r} is not read", f"{VERSION} is", path)
        runs = [run for run in data["runs"] if run["tool"]["driver"]["name"] == "lurcher"]
        if not runs:
            raise LurcherError("the file holds no run of lurcher's", "write one: --format sarif --output FILE", path)
        rules = {rule["id"]: rule for run in runs for rule in run["tool"]["driver"].get("rules", ())}
        # What was gone in the earlier run is not gone anew.
        results = [r for run in runs for r in run.get("results", ()) if r.get("baselineState") != "absent"]
        for result in results:
            _ = result["ruleId"], result["message"]["text"], dict(result.get("partialFingerprints", {})).items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LurcherError(
            "the baseline is no SARIF file", "write one with: lurcher check RULES --format sarif --output FILE", path
        ) from None
    return Baseline(tuple(results), rules)


def compare(document: SarifDocument, baseline: Baseline) -> tuple[list[str], list[dict[str, Any]]]:
    """For each result `new`, `updated` (it says something else now, or is silenced or not) or `unchanged`; and the results that are
    gone."""
    prints = fingerprints(document.results)
    left = dict(enumerate(baseline.results))
    matched: dict[int, int] = {}
    for name in (PLACE, MOVED):
        index: dict[str, int] = {}
        for number, old in left.items():
            value = old.get("partialFingerprints", {}).get(name)
            if isinstance(value, str):
                index.setdefault(value, number)
        for i, own in enumerate(prints):
            if i not in matched and own.get(name) in index:
                matched[i] = index.pop(own[name])
                left.pop(matched[i], None)
    states = []
    for i, result in enumerate(document.results):
        if i not in matched:
            states.append("new")
            continue
        old = baseline.results[matched[i]]
        same = old["message"]["text"] == result.message and old.get("level", "warning") == result.level
        same = same and bool(old.get("suppressions")) == (result.suppressed is not None)
        states.append("unchanged" if same else "updated")
    return states, [old for old in left.values() if _missed(old, document)]


def _missed(old: dict[str, Any], document: SarifDocument) -> bool:
    """Whether a result that is not found again says anything: its file was looked at."""
    if not document.looked_at:
        return True
    try:
        uri = old["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        return unquote(uri) in document.looked_at
    except (KeyError, IndexError, TypeError):
        return True


# --- writing ---
def sarif(document: SarifDocument, baseline: Baseline | None = None) -> dict[str, Any]:
    """The document as SARIF's plain data, to be written as JSON."""
    rules = list(document.rules)
    number = {rule.id: i for i, rule in enumerate(rules)}
    prints = fingerprints(document.results)
    states, gone = compare(document, baseline) if baseline is not None else ([""] * len(prints), [])
    driver_rules = [_rule(rule) for rule in rules]
    for old in gone:
        if old["ruleId"] not in number:
            number[old["ruleId"]] = len(driver_rules)
            driver_rules.append((baseline.rules if baseline else {}).get(old["ruleId"], {"id": old["ruleId"]}))
    results = [
        _result(result, number, own, state) for result, own, state in zip(document.results, prints, states, strict=True)
    ]
    results += [{**old, "ruleIndex": number[old["ruleId"]], "baselineState": "absent"} for old in gone]
    files = sorted({r.place.file for r in document.results if r.place} | set(document.looked_at))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "lurcher",
                "semanticVersion": document.version,
                "informationUri": INFORMATION,
                "rules": driver_rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": why}, "locations": [_location(SarifPlace(file), False)]}
                    for file, why in document.notes
                ],
            }
        ],
        "artifacts": [{"location": _artifact(file)} for file in files],
        "results": results,
    }
    if document.base:
        run["originalUriBaseIds"] = {BASE: {"uri": document.base}}
    if document.properties:
        run["properties"] = dict(document.properties)
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def text_of(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _rule(rule: SarifRule) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.message},
        "defaultConfiguration": {"level": rule.level},
    }
    if rule.help:
        data["fullDescription"] = {"text": rule.help}
        data["help"] = {"text": rule.help}
    if rule.help_uri:
        data["helpUri"] = rule.help_uri
    if rule.tags:
        data["properties"] = {"tags": list(rule.tags)}
    return data


def _result(result: SarifResult, number: Mapping[str, int], own: dict[str, str], state: str) -> dict[str, Any]:
    data: dict[str, Any] = {"ruleId": result.rule}
    if result.rule in number:
        data["ruleIndex"] = number[result.rule]
    data |= {"level": result.level, "message": {"text": result.message}}
    if result.place:
        data["locations"] = [_location(result.place, True)]
    data["partialFingerprints"] = own
    if result.suppressed is not None:
        data["suppressions"] = [
            {"kind": result.kind, "status": "accepted", "justification": result.suppressed or "no reason given"}
        ]
    if state:
        data["baselineState"] = state
    if result.properties:
        data["properties"] = dict(result.properties)
    return data


def _location(place: SarifPlace, region: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"artifactLocation": _artifact(place.file)}
    if region:
        line, column = max(1, place.line), max(1, place.column)
        end_line, end_column = max(line, place.end_line), max(1, place.end_column)
        if end_line == line:
            end_column = max(column, end_column)
        data["region"] = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
        if place.text:
            data["region"]["snippet"] = {"text": place.text}
    return {"physicalLocation": data}


def _artifact(file: str) -> dict[str, Any]:
    """A relative path belongs to the base; an absolute one is a `file:` URI."""
    if file.startswith("/"):
        return {"uri": "file://" + quote(file)}
    if len(file) > 2 and file[1] == ":":
        return {"uri": "file:///" + quote(file.replace("\\", "/"), safe="/:")}
    return {"uri": quote(file.replace("\\", "/")), "uriBaseId": BASE}


def relative(files: Iterable[str], base: str) -> dict[str, str]:
    """Path -> the path below a folder, with `/`; paths that are not below it stay absolute."""
    import os

    root = os.path.realpath(base)
    found = {}
    for file in files:
        path = os.path.abspath(file)
        real = os.path.realpath(path)
        below = next((p for p in (path, real) if p == root or p.startswith(root.rstrip(os.sep) + os.sep)), None)
        found[file] = os.path.relpath(below, root).replace(os.sep, "/") if below else path
    return found
