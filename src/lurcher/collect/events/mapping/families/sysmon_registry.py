"""Sysmon: the registry. Its table has no AdditionalFields; what has no column is in Sentinel's tables alone."""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import Expr, constant, converted
from lurcher.collect.events.mapping.declare import SYSMON, ByGuid, event
from lurcher.collect.events.mapping.families.common import initiating
from lurcher.collect.events.mapping.operation import operation

_BY: dict[str, Any] = {"initiating": ByGuid("ProcessGuid"), **initiating("Image", "ProcessId", "User")}
_KEY = converted(values.registry_key, "TargetObject", "TargetObject")
_VALUE = converted(values.registry_value, "TargetObject", "value of TargetObject")
_PARENT = converted(values.registry_parent, "TargetObject", "key of TargetObject")


def _by_operation(**cases: Expr) -> Expr:
    return operation({kind.lower(): expr for kind, expr in cases.items()})


# Keys and values in one event: which it was says EventType, or the message where a form has put its own into EventType.
event(
    SYSMON,
    12,
    to="DeviceRegistryEvents",
    action=_by_operation(
        CreateKey=constant("RegistryKeyCreated"),
        DeleteKey=constant("RegistryKeyDeleted"),
        DeleteValue=constant("RegistryValueDeleted"),
    ),
    RegistryKey=_by_operation(CreateKey=_KEY, DeleteKey=_KEY, DeleteValue=_PARENT),
    RegistryValueName=_by_operation(DeleteValue=_VALUE),
    **_BY,
)

event(
    SYSMON,
    13,
    to="DeviceRegistryEvents",
    action="RegistryValueSet",
    RegistryKey=_PARENT,
    RegistryValueName=_VALUE,
    RegistryValueData=converted(values.registry_data, "Details", "Details"),
    RegistryValueType=converted(values.registry_type, "Details", "type of Details"),
    **_BY,
)

# The key after, and before. A value that was renamed has no ActionType.
event(
    SYSMON,
    14,
    to="DeviceRegistryEvents",
    action=_by_operation(RenameKey=constant("RegistryKeyRenamed")),
    RegistryKey=converted(values.registry_key, "NewName", "NewName"),
    PreviousRegistryKey=_KEY,
    **_BY,
)
