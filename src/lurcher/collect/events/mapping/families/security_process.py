"""The Security log: processes, services, tasks."""

from __future__ import annotations

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import converted, event_time, first, integer, name, only_if, text
from lurcher.collect.events.mapping.declare import SECURITY, SYSTEM, ByNumber, event
from lurcher.collect.events.mapping.families.common import file, file_of_command, subject, subject_logon
from lurcher.collect.events.mapping.task import task_json

# The account of the new process is Target* where it is another one than the creator's (2016 and later), else the creator's.
event(
    SECURITY,
    4688,
    to="DeviceProcessEvents",
    action="ProcessCreated",
    initiating=ByNumber("ProcessId", "ParentProcessName"),
    remembers="number",
    **file("NewProcessName"),
    ProcessId=integer("NewProcessId"),
    ProcessCommandLine=text("CommandLine"),
    ProcessTokenElevation=converted(values.elevation, "TokenElevationType", "TokenElevationType"),
    ProcessIntegrityLevel=converted(values.integrity, "MandatoryLabel", "MandatoryLabel"),
    ProcessCreationTime=event_time(),
    AccountDomain=first(text("TargetDomainName"), text("SubjectDomainName")),
    AccountName=first(text("TargetUserName"), text("SubjectUserName")),
    AccountSid=first(
        only_if("TargetUserSid", lambda sid: sid != "S-1-0-0", text("TargetUserSid"), "not S-1-0-0"),
        text("SubjectUserSid"),
    ),
    LogonId=first(
        only_if("TargetLogonId", lambda logon: values.integer(logon) != 0, integer("TargetLogonId"), "not 0"),
        integer("SubjectLogonId"),
    ),
    InitiatingProcessId=integer("ProcessId"),
    InitiatingProcessFileName=name("ParentProcessName"),
    InitiatingProcessFolderPath=text("ParentProcessName"),
    **subject_logon(),
)

event(
    SECURITY,
    4697,
    to="DeviceEvents",
    action="ServiceInstalled",
    initiating=ByNumber("ClientProcessId"),
    **file_of_command("ServiceFileName"),
    InitiatingProcessId=integer("ClientProcessId"),
    **subject_logon(),
)
# The same from the service manager, which says less of who did it. Both are logged for one installation.
event(
    SYSTEM,
    7045,
    to="DeviceEvents",
    action="ServiceInstalled",
    fields={
        "ServiceName": text("ServiceName"),
        "ServiceAccount": text("AccountName"),
        "ServiceStartType": text("StartType"),
        "ServiceType": text("ServiceType"),
    },
    **file_of_command("ImagePath"),
)

for _number, _action, _content in (
    (4698, "ScheduledTaskCreated", "TaskContent"),
    (4699, "ScheduledTaskDeleted", "TaskContent"),
    (4700, "ScheduledTaskEnabled", "TaskContent"),
    (4701, "ScheduledTaskDisabled", "TaskContent"),
    (4702, "ScheduledTaskUpdated", "TaskContentNew"),
):
    event(
        SECURITY,
        _number,
        to="DeviceEvents",
        action=_action,
        fields={"TaskName": text("TaskName"), "TaskContent": converted(task_json, _content, f"{_content} as JSON")},
        initiating=ByNumber("ClientProcessId"),
        InitiatingProcessId=integer("ClientProcessId"),
        **subject_logon(),
    )

event(SECURITY, 1102, to="DeviceEvents", action="SecurityLogCleared", **subject_logon())
event(SECURITY, 4719, to="DeviceEvents", action="AuditPolicyModification", **subject_logon())
event(
    SECURITY,
    6416,
    to="DeviceEvents",
    action="PnpDeviceConnected",
    **subject(),
)
