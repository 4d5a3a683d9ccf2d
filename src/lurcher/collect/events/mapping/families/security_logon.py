"""The Security log: logons. A logon that ended (4634, 4647) or used other credentials elsewhere (4648) has no ActionType."""

from __future__ import annotations

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import Expr, converted, integer, ip, ip_type, name, port, text
from lurcher.collect.events.mapping.declare import SECURITY, ByNumber, event
from lurcher.collect.events.mapping.families.common import subject


def _logon() -> dict[str, Expr]:
    return {
        "LogonType": converted(values.logon_type, "LogonType", "LogonType by name"),
        "AccountDomain": text("TargetDomainName"),
        "AccountName": text("TargetUserName"),
        "AccountSid": text("TargetUserSid"),
        "Protocol": text("AuthenticationPackageName"),
        "RemoteDeviceName": text("WorkstationName"),
        "RemoteIP": ip("IpAddress"),
        "RemoteIPType": ip_type("IpAddress"),
        "RemotePort": port("IpPort"),
        "InitiatingProcessId": integer("ProcessId"),
        "InitiatingProcessFileName": name("ProcessName"),
        "InitiatingProcessFolderPath": text("ProcessName"),
        **subject(),
    }


_BY = ByNumber("ProcessId", "ProcessName")

event(
    SECURITY,
    4624,
    to="DeviceLogonEvents",
    action="LogonSuccess",
    initiating=_BY,
    **_logon(),
    LogonId=integer("TargetLogonId"),
)
event(
    SECURITY,
    4625,
    to="DeviceLogonEvents",
    action="LogonFailed",
    initiating=_BY,
    **_logon(),
    FailureReason=converted(values.failure, "FailureReason", "FailureReason in words"),
)
event(
    SECURITY,
    4723,
    to="DeviceEvents",
    action="PasswordChangeAttempt",
    AccountDomain=text("TargetDomainName"),
    AccountName=text("TargetUserName"),
    AccountSid=text("TargetSid"),
    **subject(),
)
event(
    SECURITY,
    4797,
    to="DeviceEvents",
    action="AccountCheckedForBlankPassword",
    AccountDomain=text("TargetDomainName"),
    AccountName=text("TargetUserName"),
    **subject(),
)
