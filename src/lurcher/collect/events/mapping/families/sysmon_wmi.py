"""Sysmon: WMI. A filter (19), a consumer (20) and the binding of the two (21) are the parts of one persistence, and Defender
has one ActionType for it, which hunts ask for; AdditionalFields.EventID tells which of the three a row is."""

from __future__ import annotations

from lurcher.collect.events.mapping.columns import account, domain
from lurcher.collect.events.mapping.declare import SYSMON, event

for number in (19, 20, 21):
    event(
        SYSMON,
        number,
        to="DeviceEvents",
        action="WmiBindEventFilterToConsumer",
        InitiatingProcessAccountDomain=domain("User"),
        InitiatingProcessAccountName=account("User"),
    )
