"""The names of an event's fields, by their places, for forms that write values without names.

How many fields an event has tells which version of it: a number of values that is not listed has no names here.
Source: the manifests of Windows and of Sysmon (`wevtutil gp PROVIDER /ge /gm`); "Advanced security audit policy settings"
(Microsoft Learn) has the XML of each event.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_SUBJECT = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId"
_TARGET = "TargetUserSid TargetUserName TargetDomainName TargetLogonId"
_ACCOUNT = "TargetUserName TargetDomainName TargetSid"
_LOGON = (
    f"{_SUBJECT} {_TARGET} LogonType LogonProcessName AuthenticationPackageName WorkstationName LogonGuid TransmittedServices "
    "LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort"
)
_PROCESS = f"{_SUBJECT} NewProcessId NewProcessName TokenElevationType ProcessId"
_TASK = f"{_SUBJECT} TaskName TaskContent"
_GROUP = f"MemberName MemberSid {_ACCOUNT} {_SUBJECT} PrivilegeList"
_CONNECTION = (
    "Application Direction SourceAddress SourcePort DestAddress DestPort Protocol FilterRTID LayerName LayerRTID"
)
_FILE = "FileVersion Description Product Company"
_BY = "RuleName UtcTime ProcessGuid ProcessId Image"
_PARENT = "ParentProcessGuid ParentProcessId ParentImage ParentCommandLine"
_STARTED = "CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes"
_SIDES = (
    "Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp "
    "DestinationHostname DestinationPort DestinationPortName"
)
_SIGNED = "Hashes Signed Signature SignatureStatus"

_AUDITING: dict[int, tuple[str, ...]] = {
    4624: (
        _LOGON,
        f"{_LOGON} ImpersonationLevel",
        f"{_LOGON} ImpersonationLevel RestrictedAdminMode TargetOutboundUserName TargetOutboundDomainName VirtualAccount "
        "TargetLinkedLogonId ElevatedToken",
    ),
    4625: (
        f"{_SUBJECT} TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus LogonType LogonProcessName "
        "AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress "
        "IpPort",
    ),
    4634: (f"{_TARGET} LogonType",),
    4647: (_TARGET,),
    4648: (
        f"{_SUBJECT} LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName TargetInfo ProcessId "
        "ProcessName IpAddress IpPort",
    ),
    4672: (f"{_SUBJECT} PrivilegeList",),
    4688: (
        _PROCESS,
        f"{_PROCESS} CommandLine",
        f"{_PROCESS} CommandLine {_TARGET} ParentProcessName MandatoryLabel",
    ),
    4689: (f"{_SUBJECT} Status ProcessId ProcessName",),
    4697: (f"{_SUBJECT} ServiceName ServiceFileName ServiceType ServiceStartType ServiceAccount",),
    **dict.fromkeys((4698, 4699, 4700, 4701), (_TASK,)),
    **dict.fromkeys((4722, 4724, 4725), (f"{_ACCOUNT} {_SUBJECT}",)),
    **dict.fromkeys((4723, 4726), (f"{_ACCOUNT} {_SUBJECT} PrivilegeList",)),
    **dict.fromkeys((4728, 4729, 4732, 4733, 4756, 4757), (_GROUP,)),
    4776: ("PackageName TargetUserName Workstation Status",),
    5145: (
        f"{_SUBJECT} ObjectType IpAddress IpPort ShareName ShareLocalPath RelativeTargetName AccessMask AccessList AccessReason",
    ),
    5156: (f"ProcessID {_CONNECTION} RemoteUserID RemoteMachineID",),
    5157: (f"ProcessID {_CONNECTION} RemoteUserID RemoteMachineID",),
}
_SYSMON: dict[int, tuple[str, ...]] = {
    1: (
        f"{_BY} {_FILE} {_STARTED} {_PARENT}",
        f"{_BY} {_FILE} OriginalFileName {_STARTED} {_PARENT}",
        f"{_BY} {_FILE} OriginalFileName {_STARTED} {_PARENT} ParentUser",
    ),
    3: (f"{_BY} User {_SIDES}",),
    7: (
        f"{_BY} ImageLoaded {_FILE} {_SIGNED}",
        f"{_BY} ImageLoaded {_FILE} OriginalFileName {_SIGNED}",
        f"{_BY} ImageLoaded {_FILE} OriginalFileName {_SIGNED} User",
    ),
    11: (f"{_BY} TargetFilename CreationUtcTime", f"{_BY} TargetFilename CreationUtcTime User"),
}
_PROVIDERS: dict[str, dict[int, tuple[str, ...]]] = {
    "Microsoft-Windows-Security-Auditing": _AUDITING,
    "Microsoft-Windows-Eventlog": {1102: (_SUBJECT,)},
    "Service Control Manager": {7045: ("ServiceName ImagePath ServiceType StartType AccountName",)},
    "Microsoft-Windows-PowerShell": {
        4103: ("ContextInfo UserData Payload",),
        4104: ("MessageNumber MessageTotal ScriptBlockText ScriptBlockId Path",),
    },
    "Microsoft-Windows-Sysmon": _SYSMON,
}


@cache
def _names(provider: str, number: int, count: int) -> tuple[str, ...] | None:
    versions = _PROVIDERS.get(provider, {}).get(number, ())
    return next((names for version in versions if len(names := tuple(version.split())) == count), None)


def named(provider: str | None, number: int, values: list[Any]) -> dict[str, Any]:
    """The data that these values are: by their names where those are known, else under `Data`."""
    names = _names(provider or "", number, len(values))
    if names is not None:
        return dict(zip(names, values, strict=True))
    return {"Data": values} if values else {}
