"""Events as Windows words them in English: labelled values under headings, as Splunk's input `WinEventLog` keeps them.

    02/20/2021 05:41:56 PM              local time of the machine, without a zone
    LogName=Security
    EventCode=4688                      .. and other names
    Message=A new process has been created.

    Creator Subject:
        Account Name:       PC$         under `Creator Subject`: SubjectUserName

The same label means another field under another heading, so each event has a table here of those that are read; what is not in
it is in the message alone. The text of a Sysmon event has its fields' own names. In another language nothing is read but the
header. Where the message names an account in place of its SID there is no SID.
Source: "Advanced security audit policy settings" (Microsoft Learn), which has the text and the XML of each event side by side.
"""

from __future__ import annotations

import re
from typing import Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms.sysmon_text import SYSMON, fields
from lurcher.collect.events.forms.values import event_id, integer, keywords, level, opcode, text

START = re.compile(
    r"(?:\ufeff)?(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d):(\d\d)(\.\d{1,7})? ([AP])M\r?\n(?=(?:[A-Za-z]+=[^\r\n]*\r?\n){0,12}LogName=)"
)
#: What the message files call a provider -> its name.
_PROVIDERS = {"Microsoft Windows security auditing.": "Microsoft-Windows-Security-Auditing"}
_SID, _NOBODY = re.compile(r"S-1(?:-\d+)+"), {"NULL SID": "S-1-0-0"}
#: The two reasons of a failed logon whose words are not those of the table of codes.
_REASONS = {
    "Unknown user name or bad password.": "%%2313",
    "The user has not been granted the requested logon type at this machine.": "%%2308",
}

Labels = dict[str, dict[str, str]]
_SUBJECT = {
    "Security ID": "SubjectUserSid",
    "Account Name": "SubjectUserName",
    "Account Domain": "SubjectDomainName",
    "Domain Name": "SubjectDomainName",
    "Logon ID": "SubjectLogonId",
}
_TARGET = {
    "Security ID": "TargetUserSid",
    "Account Name": "TargetUserName",
    "Account Domain": "TargetDomainName",
    "Logon ID": "TargetLogonId",
    "Logon GUID": "LogonGuid",
}
_ACCOUNT = {"Security ID": "TargetSid", "Account Name": "TargetUserName", "Account Domain": "TargetDomainName"}
_GROUP = {
    "Security ID": "TargetSid",
    "Account Name": "TargetUserName",
    "Group Name": "TargetUserName",
    "Account Domain": "TargetDomainName",
    "Group Domain": "TargetDomainName",
}
_MEMBER = {"Security ID": "MemberSid", "Account Name": "MemberName"}
_TYPE = {"Logon Type": "LogonType"}
_PROCESS = {"Process ID": "ProcessId", "Process Name": "ProcessName"}
_NETWORK = {"Workstation Name": "WorkstationName", "Source Network Address": "IpAddress", "Source Port": "IpPort"}
_DETAILS = {
    "Logon Process": "LogonProcessName",
    "Authentication Package": "AuthenticationPackageName",
    "Transited Services": "TransmittedServices",
    "Package Name (NTLM only)": "LmPackageName",
    "Key Length": "KeyLength",
}
_CLIENT = {"Client Address": "IpAddress", "Client Port": "IpPort"}
_SERVICE = {"Service Name": "ServiceName", "Service ID": "ServiceSid"}
_OF_SUBJECT: Labels = {"Subject": _SUBJECT}
_OF_ACCOUNT: Labels = {"Subject": _SUBJECT, "Target Account": _ACCOUNT}
_OF_GROUP: Labels = {"Subject": _SUBJECT, "Member": _MEMBER, "Group": _GROUP}
_OF_TASK: Labels = {"Subject": _SUBJECT, "Task Information": {"Task Name": "TaskName", "Task Content": "TaskContent"}}
_OF_SHARE: Labels = {
    "Subject": _SUBJECT,
    "Network Information": {"Object Type": "ObjectType", "Source Address": "IpAddress", "Source Port": "IpPort"},
    "Share Information": {
        "Share Name": "ShareName",
        "Share Path": "ShareLocalPath",
        "Relative Target Name": "RelativeTargetName",
    },
    "Access Request Information": {"Access Mask": "AccessMask"},
}
_OF_CONNECTION: Labels = {
    "Application Information": {"Process ID": "ProcessID", "Application Name": "Application"},
    "Network Information": {
        "Direction": "Direction",
        "Source Address": "SourceAddress",
        "Source Port": "SourcePort",
        "Destination Address": "DestAddress",
        "Destination Port": "DestPort",
        "Protocol": "Protocol",
    },
}
#: Event of the Security log -> heading ('' for what has none) -> label -> field.
_SECURITY: dict[int, Labels] = {
    1102: _OF_SUBJECT,
    4624: {
        "": _TYPE,
        "Logon Information": _TYPE,
        "Subject": _SUBJECT,
        "New Logon": _TARGET,
        "Process Information": _PROCESS,
        "Network Information": _NETWORK,
        "Detailed Authentication Information": _DETAILS,
    },
    4625: {
        "": _TYPE,
        "Subject": _SUBJECT,
        "Account For Which Logon Failed": _TARGET,
        "Failure Information": {"Failure Reason": "FailureReason", "Status": "Status", "Sub Status": "SubStatus"},
        "Process Information": {"Caller Process ID": "ProcessId", "Caller Process Name": "ProcessName"},
        "Network Information": _NETWORK,
        "Detailed Authentication Information": _DETAILS,
    },
    4634: {"": _TYPE, "Subject": _TARGET},
    4647: {"Subject": _TARGET},
    4648: {
        "Subject": {**_SUBJECT, "Logon GUID": "LogonGuid"},
        "Account Whose Credentials Were Used": {
            "Account Name": "TargetUserName",
            "Account Domain": "TargetDomainName",
            "Logon GUID": "TargetLogonGuid",
        },
        "Target Server": {"Target Server Name": "TargetServerName", "Additional Information": "TargetInfo"},
        "Process Information": _PROCESS,
        "Network Information": {"Network Address": "IpAddress", "Port": "IpPort"},
    },
    4672: {"": {"Privileges": "PrivilegeList"}, "Subject": _SUBJECT},
    4688: {
        "Subject": _SUBJECT,
        "Creator Subject": _SUBJECT,
        "Target Subject": _TARGET,
        "Process Information": {
            "New Process ID": "NewProcessId",
            "New Process Name": "NewProcessName",
            "Token Elevation Type": "TokenElevationType",
            "Mandatory Label": "MandatoryLabel",
            "Creator Process ID": "ProcessId",
            "Creator Process Name": "ParentProcessName",
            "Process Command Line": "CommandLine",
        },
    },
    4689: {"Subject": _SUBJECT, "Process Information": {**_PROCESS, "Exit Status": "Status"}},
    4697: {
        "Subject": _SUBJECT,
        "Service Information": {
            "Service Name": "ServiceName",
            "Service File Name": "ServiceFileName",
            "Service Type": "ServiceType",
            "Service Start Type": "ServiceStartType",
            "Service Account": "ServiceAccount",
        },
    },
    **dict.fromkeys((4698, 4699, 4700, 4701), _OF_TASK),
    4702: {"Subject": _SUBJECT, "Task Information": {"Task Name": "TaskName", "Task New Content": "TaskContentNew"}},
    4719: _OF_SUBJECT,
    4720: {"Subject": _SUBJECT, "New Account": _ACCOUNT},
    **dict.fromkeys((4722, 4723, 4724, 4725, 4726, 4738), _OF_ACCOUNT),
    **dict.fromkeys((4728, 4729, 4732, 4733, 4756, 4757), _OF_GROUP),
    4768: {
        "Account Information": {
            "Account Name": "TargetUserName",
            "Supplied Realm Name": "TargetDomainName",
            "User ID": "TargetSid",
        },
        "Service Information": _SERVICE,
        "Network Information": _CLIENT,
        "Additional Information": {
            "Ticket Options": "TicketOptions",
            "Result Code": "Status",
            "Ticket Encryption Type": "TicketEncryptionType",
            "Pre-Authentication Type": "PreAuthType",
        },
    },
    4769: {
        "Account Information": {
            "Account Name": "TargetUserName",
            "Account Domain": "TargetDomainName",
            "Logon GUID": "LogonGuid",
        },
        "Service Information": _SERVICE,
        "Network Information": _CLIENT,
        "Additional Information": {
            "Ticket Options": "TicketOptions",
            "Ticket Encryption Type": "TicketEncryptionType",
            "Failure Code": "Status",
            "Transited Services": "TransmittedServices",
        },
    },
    4776: {
        "": {
            "Authentication Package": "PackageName",
            "Logon Account": "TargetUserName",
            "Source Workstation": "Workstation",
            "Error Code": "Status",
        }
    },
    5140: _OF_SHARE,
    5145: _OF_SHARE,
    5156: _OF_CONNECTION,
    5157: _OF_CONNECTION,
}
_SERVICE_INSTALLED: Labels = {
    "": {
        "Service Name": "ServiceName",
        "Service File Name": "ImagePath",
        "Service Type": "ServiceType",
        "Service Start Type": "StartType",
        "Service Account": "AccountName",
    }
}
_XML, _LAST = ("TaskContent", "TaskContentNew"), ("CommandLine",)
_SCRIPT = re.compile(
    r"Creating Scriptblock text \((\d+) of (\d+)\):\n(.*)\n\s*\nScriptBlock ID: (\S+)\nPath: ?([^\n]*)", re.DOTALL
)
_AUDITING = ("Microsoft-Windows-Security-Auditing", "Microsoft-Windows-Eventlog")
_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z()\- ]{0,60}):(?:[ \t]+(.*))?")


def parse(raw: str, position: int) -> Event:
    """The event of such a text. Raises `ValueError` where it is none."""
    start = START.match(raw)
    if start is None:
        raise ValueError("no time and LogName, with which an event begins")
    month, day, year, hour, minute, second, fraction, half = start.groups()
    if not 1 <= int(hour) <= 12:
        raise ValueError(f"{hour} is no hour of a 12-hour clock")
    hours = int(hour) % 12 + (12 if half == "P" else 0)
    time = f"{year}-{month}-{day}T{hours:02}:{minute}:{second}{fraction or ''}"
    head, mark, message = raw[start.end() :].partition("\nMessage=")
    given: dict[str, str] = {}
    for line in head.split("\n"):
        name, _, value = line.rstrip("\r").partition("=")
        given.setdefault(name, value)
    source = given.get("SourceName")
    provider = _PROVIDERS.get(source, source) if source else None
    number = event_id(given.get("EventCode"))
    message = message.replace("\r\n", "\n").strip() if mark else ""
    mask, sid = given.get("Keywords"), given.get("Sid")
    return Event(
        position,
        time,
        provider,
        number,
        text(given.get("LogName")),
        text(given.get("ComputerName")),
        integer(given.get("RecordNumber")),
        data_of(provider, number, message),
        level=level(given.get("Type"), provider),
        opcode=opcode(given.get("OpCode")),
        keywords=keywords(mask) if mask and mask != "None" else None,
        user_sid=sid if sid and _SID.fullmatch(sid) else None,
        message=message or None,
    )


def data_of(provider: str | None, number: int, message: str) -> dict[str, Any]:
    """The fields that a message tells."""
    if provider == SYSMON:
        return dict(fields(message) or {})
    if provider in _AUDITING and number in _SECURITY:
        return _labelled(message, _SECURITY[number])
    if provider == "Service Control Manager" and number == 7045:
        return _labelled(message, _SERVICE_INSTALLED)
    if number == 4104 and (script := _SCRIPT.fullmatch(message)):
        names = ("MessageNumber", "MessageTotal", "ScriptBlockText", "ScriptBlockId", "Path")
        return dict(zip(names, script.groups(), strict=True))
    return {}


def _labelled(message: str, labels: Labels) -> dict[str, Any]:
    """The values of these labels. A value goes on over lines that begin with no label; a task's XML goes to its end, a command
    line, which comes last, to the first empty line. What comes first counts: a value may have lines that look like labels."""
    found: dict[str, Any] = {}
    heading, name = "", ""
    for line in message.split("\n")[1:]:
        bare = line.strip()
        if name in _LAST:
            if not bare:
                break
            found[name] += f"\n{line}"
            continue
        if name in _XML and "</Task>" not in found[name]:
            found[name] += f"\n{line}"
            continue
        match = _LABEL.fullmatch(line)
        own = not line[:1].isspace()
        if not bare:
            heading, name = "", ""
        elif match is None:
            if name:
                found[name] += f"\n{bare}"
        elif own and not match[2] and match[1] not in labels.get("", {}):
            heading, name = match[1], ""
        else:
            name = labels.get("" if own else heading, {}).get(match[1], "")
            if name in found:
                name = ""
            elif name:
                found[name] = (match[2] or "").strip()
    return {name: value for name, raw in found.items() if (value := _value(name, raw)) is not None}


def _value(name: str, value: str) -> str | None:
    if name.endswith("Sid"):
        return value if _SID.fullmatch(value) else _NOBODY.get(value)
    return _REASONS.get(value, value) if name == "FailureReason" else value
