"""Sysmon: WMI. Only the binding of a filter to a consumer (21) has an ActionType; filters (19) and consumers (20) have none."""

from __future__ import annotations

from lurcher.collect.events.mapping.columns import account, domain
from lurcher.collect.events.mapping.declare import SYSMON, event

event(
    SYSMON,
    21,
    to="DeviceEvents",
    action="WmiBindEventFilterToConsumer",
    InitiatingProcessAccountDomain=domain("User"),
    InitiatingProcessAccountName=account("User"),
)
