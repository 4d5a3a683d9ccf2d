"""Sysmon: connections, names, pipes."""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import by, constant, converted, ip, ip_type, port, text
from lurcher.collect.events.mapping.declare import SYSMON, ByGuid, event
from lurcher.collect.events.mapping.families.common import initiating

_BY: dict[str, Any] = {"initiating": ByGuid("ProcessGuid"), **initiating("Image", "ProcessId", "User")}

# The source is who began. Where the event does not say whether that was this side, there is no row.
event(
    SYSMON,
    3,
    to="DeviceNetworkEvents",
    action=by("Initiated", {"true": constant("ConnectionSuccess"), "false": constant("InboundConnectionAccepted")}),
    RemoteIP=by("Initiated", {"true": ip("DestinationIp"), "false": ip("SourceIp")}),
    RemotePort=by("Initiated", {"true": port("DestinationPort"), "false": port("SourcePort")}),
    RemoteIPType=by("Initiated", {"true": ip_type("DestinationIp"), "false": ip_type("SourceIp")}),
    LocalIP=by("Initiated", {"true": ip("SourceIp"), "false": ip("DestinationIp")}),
    LocalPort=by("Initiated", {"true": port("SourcePort"), "false": port("DestinationPort")}),
    LocalIPType=by("Initiated", {"true": ip_type("SourceIp"), "false": ip_type("DestinationIp")}),
    Protocol=converted(values.protocol, "Protocol", "Protocol"),
    **_BY,
)

event(
    SYSMON,
    17,
    to="DeviceEvents",
    action="NamedPipeEvent",
    fields={
        "PipeName": converted(values.pipe, "PipeName", "`\\Device\\NamedPipe` and PipeName"),
        "FileOperation": constant("File created"),
    },
    **_BY,
)
event(
    SYSMON,
    18,
    to="DeviceEvents",
    action="NamedPipeEvent",
    fields={
        "PipeName": converted(values.pipe, "PipeName", "`\\Device\\NamedPipe` and PipeName"),
        "FileOperation": constant("File opened"),
    },
    **_BY,
)

event(
    SYSMON,
    22,
    to="DeviceEvents",
    action="DnsQueryResponse",
    fields={"DnsQueryString": text("QueryName"), "DnsQueryResult": text("QueryResults")},
    **_BY,
)
