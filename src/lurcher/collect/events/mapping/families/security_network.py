"""The Security log: the filtering platform, and shares."""

from __future__ import annotations

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import Expr, by, constant, converted, integer, ip, ip_type, name, port, text
from lurcher.collect.events.mapping.declare import SECURITY, ByNumber, event
from lurcher.collect.events.mapping.families.common import file, subject_logon

_OUT, _IN = "%%14593", "%%14592"


def _direction(out: Expr, into: Expr) -> Expr:
    return by("Direction", {_OUT: out, _IN: into, "outbound": out, "inbound": into})


# The source is who began, so the other side is the destination of what goes out, and the source of what comes in.
_SIDES: dict[str, Expr] = {
    "RemoteIP": _direction(ip("DestAddress"), ip("SourceAddress")),
    "RemotePort": _direction(port("DestPort"), port("SourcePort")),
    "LocalIP": _direction(ip("SourceAddress"), ip("DestAddress")),
    "LocalPort": _direction(port("SourcePort"), port("DestPort")),
}
# A path of a device (`\device\harddiskvolume2\windows\...`): which letter the volume had is not in the event.
_APPLICATION: dict[str, Expr] = {
    "InitiatingProcessId": integer("ProcessID"),
    "InitiatingProcessFileName": name("Application"),
    "InitiatingProcessFolderPath": text("Application"),
}
_BY = ByNumber("ProcessID", "Application")

event(
    SECURITY,
    5156,
    to="DeviceNetworkEvents",
    action=_direction(constant("ConnectionSuccess"), constant("InboundConnectionAccepted")),
    initiating=_BY,
    **_SIDES,
    RemoteIPType=_direction(ip_type("DestAddress"), ip_type("SourceAddress")),
    LocalIPType=_direction(ip_type("SourceAddress"), ip_type("DestAddress")),
    Protocol=converted(values.protocol, "Protocol", "Protocol by name"),
    **_APPLICATION,
)
event(
    SECURITY,
    5157,
    to="DeviceEvents",
    action=_direction(constant("FirewallOutboundConnectionBlocked"), constant("FirewallInboundConnectionBlocked")),
    initiating=_BY,
    **_SIDES,
    **_APPLICATION,
)
event(
    SECURITY,
    5031,
    to="DeviceEvents",
    action="FirewallInboundConnectionToAppBlocked",
    **file("Application"),
)
event(SECURITY, 5025, to="DeviceEvents", action="FirewallServiceStopped")

_SUBJECT_ACCOUNT: dict[str, Expr] = {
    "AccountDomain": text("SubjectDomainName"),
    "AccountName": text("SubjectUserName"),
    "AccountSid": text("SubjectUserSid"),
    "LogonId": integer("SubjectLogonId"),
}
event(
    SECURITY,
    5145,
    to="DeviceEvents",
    action="NetworkShareObjectAccessChecked",
    RemoteIP=ip("IpAddress"),
    RemotePort=port("IpPort"),
    **_SUBJECT_ACCOUNT,
)
event(SECURITY, 5142, to="DeviceEvents", action="NetworkShareObjectAdded", **subject_logon())
event(SECURITY, 5143, to="DeviceEvents", action="NetworkShareObjectModified", **subject_logon())
event(SECURITY, 5144, to="DeviceEvents", action="NetworkShareObjectDeleted", **subject_logon())
