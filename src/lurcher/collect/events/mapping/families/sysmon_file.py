"""Sysmon: files."""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.mapping.columns import converted
from lurcher.collect.events.mapping.declare import SYSMON, ByGuid, event
from lurcher.collect.events.mapping.families.common import file, hashes, initiating
from lurcher.collect.events.mapping.zone import host_url, referrer_url

_BY: dict[str, Any] = {"initiating": ByGuid("ProcessGuid"), **initiating("Image", "ProcessId", "User")}

event(SYSMON, 2, to="DeviceEvents", action="FileTimestampModificationEvent", **file("TargetFilename"), **_BY)

event(SYSMON, 11, 29, to="DeviceFileEvents", action="FileCreated", **file("TargetFilename"), **hashes(), **_BY)

# A named stream of a file; the hash is of the file. Where a file came from is what a browser puts into the stream Zone.Identifier.
event(
    SYSMON,
    15,
    to="DeviceFileEvents",
    action="FileCreated",
    **file("TargetFilename"),
    **hashes(),
    FileOriginUrl=converted(host_url, "Contents", "HostUrl of Contents"),
    FileOriginReferrerUrl=converted(referrer_url, "Contents", "ReferrerUrl of Contents"),
    **_BY,
)

event(SYSMON, 23, 26, to="DeviceFileEvents", action="FileDeleted", **file("TargetFilename"), **hashes(), **_BY)
