"""The Security log: accounts and groups. The row's account is what the event calls its target: the account, or the group."""

from __future__ import annotations

from lurcher.collect.events.mapping.columns import Expr, text
from lurcher.collect.events.mapping.declare import SECURITY, event
from lurcher.collect.events.mapping.families.common import subject

_TARGET: dict[str, Expr] = {
    "AccountDomain": text("TargetDomainName"),
    "AccountName": text("TargetUserName"),
    "AccountSid": text("TargetSid"),
}
_GROUP: dict[str, Expr] = {
    "GroupName": text("TargetUserName"),
    "GroupDomainName": text("TargetDomainName"),
    "GroupSid": text("TargetSid"),
}

for _number, _action in (
    (4720, "UserAccountCreated"),
    (4726, "UserAccountDeleted"),
    (4738, "UserAccountModified"),
):
    event(SECURITY, _number, to="DeviceEvents", action=_action, **_TARGET, **subject())

# Who came into a group or left it is MemberSid and MemberName of AdditionalFields.
event(SECURITY, 4732, to="DeviceEvents", action="UserAccountAddedToLocalGroup", fields=_GROUP, **_TARGET, **subject())
event(
    SECURITY, 4733, to="DeviceEvents", action="UserAccountRemovedFromLocalGroup", fields=_GROUP, **_TARGET, **subject()
)

# Local, global, universal.
event(
    SECURITY, 4731, 4727, 4754, to="DeviceEvents", action="SecurityGroupCreated", fields=_GROUP, **_TARGET, **subject()
)
event(
    SECURITY, 4734, 4730, 4758, to="DeviceEvents", action="SecurityGroupDeleted", fields=_GROUP, **_TARGET, **subject()
)

event(SECURITY, 5136, to="DeviceEvents", action="DirectoryServiceObjectModified", **subject())
event(SECURITY, 5137, to="DeviceEvents", action="DirectoryServiceObjectCreated", **subject())
