"""Sysmon: processes, and what one does to another."""

from __future__ import annotations

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import account, converted, domain, first, integer, text, time
from lurcher.collect.events.mapping.declare import SYSMON, ByGuid, event
from lurcher.collect.events.mapping.families.common import file, hashes, initiating, version_info

event(
    SYSMON,
    1,
    to="DeviceProcessEvents",
    action="ProcessCreated",
    initiating=ByGuid("ParentProcessGuid"),
    remembers="guid",
    **file("Image"),
    **hashes(),
    **version_info(),
    ProcessId=integer("ProcessId"),
    ProcessCommandLine=text("CommandLine"),
    ProcessIntegrityLevel=first(converted(values.integrity, "IntegrityLevel", "IntegrityLevel")),
    ProcessCreationTime=time("UtcTime"),
    AccountDomain=domain("User"),
    AccountName=account("User"),
    LogonId=integer("LogonId"),
    CreatedProcessSessionId=integer("TerminalSessionId"),
    InitiatingProcessCommandLine=text("ParentCommandLine"),
    **initiating("ParentImage", "ParentProcessId", "ParentUser"),
)

# Defender's row says who did it and to whom: the target is the row's process.
event(
    SYSMON,
    8,
    to="DeviceEvents",
    action="CreateRemoteThreadApiCall",
    initiating=ByGuid("SourceProcessGuid"),
    target=ByGuid("TargetProcessGuid"),
    **file("TargetImage"),
    ProcessId=integer("TargetProcessId"),
    AccountDomain=domain("TargetUser"),
    AccountName=account("TargetUser"),
    **initiating("SourceImage", "SourceProcessId", "SourceUser"),
)

event(
    SYSMON,
    10,
    to="DeviceEvents",
    action="OpenProcessApiCall",
    fields={"DesiredAccess": integer("GrantedAccess")},
    initiating=ByGuid("SourceProcessGuid"),
    target=ByGuid("TargetProcessGuid"),
    **file("TargetImage"),
    ProcessId=integer("TargetProcessId"),
    AccountDomain=domain("TargetUser"),
    AccountName=account("TargetUser"),
    **initiating("SourceImage", "SourceProcessId", "SourceUser"),
)
