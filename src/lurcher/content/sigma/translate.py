"""The text of a Sigma file -> one translation a rule. Imports pySigma."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.pipelines.common import windows_logsource_mapping
from sigma.pipelines.microsoftxdr.microsoftxdr import microsoft_xdr_pipeline
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetectionItem, SigmaRule
from sigma.types import SigmaString

from lurcher.content.sigma.backend import Backend
from lurcher.content.sigma.targets import Target, targets

#: Steps of the Kusto backend's Defender pipeline that are taken as they are. Left out: those that drop a condition (EventID,
#: Initiated), rewrite what the registry's events or users are called, or list the fields that a table has.
_STEPS = frozenset(
    {
        "microsoft_xdr_set_query_table", "microsoft_xdr_table_fieldmappings", "microsoft_xdr_generic_fieldmappings",
        "microsoft_xdr_parent_image_fieldmapping", "microsoft_xdr_parent_image_name_value",
        "microsoft_xdr_hashes_field_values",
    }
)  # fmt: skip
#: Own fields that the pipeline must not rename.
_KEPT = (
    "TargetObject",
    "Details",
    "DestinationIp",
    "DestinationPort",
    "SourceIp",
    "SourcePort",
    "Initiated",
    "EventType",
    "User",
    "ParentUser",
)


@dataclass
class Translation:
    """One rule. `query` is "" where `problem` says why there is none."""

    rule: dict[str, Any]
    query: str = ""
    problem: str = ""
    notes: list[str] = field(default_factory=list)


def translate(text: str) -> list[Translation]:
    """Every rule of a text, which is known to be YAML. What pySigma cannot take is a problem of its rule."""
    try:
        collection = SigmaCollection.from_yaml(text, collect_errors=True)
    except Exception as error:  # noqa: BLE001 - a stranger's file meets a parser that is not ours: whatever it raises is the answer
        return [Translation({}, problem=_said(error))]
    return [_one(rule) for rule in collection.rules]


def _one(rule: Any) -> Translation:
    made = Translation(_plain(rule))
    if isinstance(rule, SigmaCorrelationRule):
        made.problem = "a correlation of other rules; write it as KQL (summarize over their query)"
        return made
    if not isinstance(rule, SigmaRule):
        made.problem = "a filter for other rules, not a rule; write it as an exclusion beside them"
        return made
    if rule.errors:
        made.problem = "; ".join(_said(e) for e in rule.errors)
        return made
    source = rule.logsource
    product, category, service = (str(v or "").lower() for v in (source.product, source.category, source.service))
    tried = targets(product, category, service, windows_logsource_mapping)
    if not tried:
        named = ", ".join(
            f"{k} {v}" for k, v in (("product", product), ("category", category), ("service", service)) if v
        )
        made.problem = f"no table is known for the log source ({named})"
        return made
    problems = []
    for target in tried:
        try:
            made.query, made.notes = _query(rule, target)
        except SigmaError as error:
            problems.append(f"{target.table}: {_said(error)}")
            continue
        return made
    made.problem = "; ".join(dict.fromkeys(problems))
    return made


def _query(rule: SigmaRule, target: Target) -> tuple[str, list[str]]:
    from copy import deepcopy

    backend = Backend(target, _pipeline(target))
    for item in _items(rule):
        for value in item.value:
            if isinstance(value, SigmaString) and value.contains_placeholder():
                raise SigmaError(f"a placeholder in '{item.field}' is to be filled in first")
    # The pipeline writes into the rule, which may be tried for another table.
    conditions: list[str] = []
    copied = deepcopy(rule)
    try:
        backend.convert_rule(copied, callback=_collect(conditions))
    except SigmaError:
        raise
    except RecursionError:
        raise SigmaError("the condition is nested too deep") from None
    except Exception as error:
        raise SigmaError(_said(error)) from error
    if not conditions:
        raise SigmaError("there is no condition")
    whole = conditions[0] if len(conditions) == 1 else " or ".join(f"({c})" for c in conditions)
    steps = [f"| where {c}" for c in (*target.conditions, whole)]
    return _laid_out("\n".join((target.table, *steps))), _notes(rule, target)


def _laid_out(query: str) -> str:
    from lurcher.kql.formatter import format
    from lurcher.kql.parser import parse
    from lurcher.kql.source import Source

    parsed = parse(Source(query))
    return format(parsed.tree) if parsed.ok else query


def _notes(rule: SigmaRule, target: Target) -> list[str]:
    """What the table cannot say as the rule does."""
    items = list(_items(rule))
    names = dict.fromkeys(i.field for i in items if i.field)
    if target.known and (strange := [name for name in names if name not in target.known]):
        listed = ", ".join(f"'{name}'" for name in strange)
        return [f"Sysmon writes no {listed} with these events: it is empty there"]
    if not target.defender:
        return []
    notes = []
    if "DestinationHostname" in names:
        notes.append("'DestinationHostname' is compared with RemoteUrl, which may be a whole address with its path")
    if target.table != "DeviceProcessEvents" and any(i.field == "ParentImage" for i in items):
        notes.append(f"'ParentImage' is read as the file name alone: {target.table} has no path of the parent")
    hashes = (str(v).upper() for i in items if i.field == "Hashes" for v in i.value)
    if any("IMPHASH=" in h for h in hashes):
        notes.append(f"the values of IMPHASH are left out: {target.table} has no such column")
    return notes


def _items(rule: SigmaRule) -> Iterator[SigmaDetectionItem]:
    """Every comparison of a rule."""
    waiting: list[Any] = list(rule.detection.detections.values())
    while waiting:
        one = waiting.pop()
        if isinstance(one, SigmaDetectionItem):
            yield one
        else:
            waiting += one.detection_items


def _collect(into: list[str]) -> Callable[..., Any]:
    def keep(rule: Any, format_: Any, index: int, condition: Any, result: Any) -> Any:
        if result is not None:
            into.append(str(result))
        return None

    return keep


def _pipeline(target: Target) -> ProcessingPipeline:
    if not target.defender:
        return ProcessingPipeline()
    pipeline = microsoft_xdr_pipeline(query_table=target.table)
    pipeline.items = [item for item in pipeline.items if item.identifier in _STEPS]
    pipeline.postprocessing_items = []
    for item in pipeline.items:
        step: Any = item.transformation
        mappings = getattr(step, "field_mappings", None)
        if mappings is not None:
            step.field_mappings = _without(mappings)
            step.mapping = step.field_mappings.generic_mappings
        elif isinstance(mapping := getattr(step, "mapping", None), dict):
            step.mapping = {k: v for k, v in mapping.items() if k not in _KEPT}
    return pipeline


def _without(mappings: Any) -> Any:
    """The backend's names of fields, less those that are read here in another way."""
    from dataclasses import replace

    return replace(
        mappings,
        table_mappings={
            table: {k: v for k, v in names.items() if k not in _KEPT}
            for table, names in mappings.table_mappings.items()
        },
        generic_mappings={k: v for k, v in mappings.generic_mappings.items() if k not in _KEPT},
    )


def _plain(rule: Any) -> dict[str, Any]:
    try:
        return dict(rule.to_dict())
    except Exception:  # noqa: BLE001 - a rule with errors has no such form, and its text is read anyway
        return {}


def _said(error: BaseException) -> str:
    """pySigma's words on one line, without the list of all fields that it knows."""
    text = str(error).partition(" in ")[0] if "Please use valid fields" in str(error) else str(error)
    text = re.sub(r" \(while [a-z ]+ rule [^)]*\)$", "", " ".join(text.split()))
    return text[:400] or type(error).__name__
