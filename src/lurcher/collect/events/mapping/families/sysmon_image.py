"""Sysmon: drivers and libraries, with what it says of their signatures."""

from __future__ import annotations

from lurcher.collect.events.mapping.columns import equals, text, truth
from lurcher.collect.events.mapping.declare import SYSMON, ByGuid, event
from lurcher.collect.events.mapping.families.common import file, hashes, initiating

event(SYSMON, 6, to="DeviceEvents", action="DriverLoad", **file("ImageLoaded"), **hashes())

event(
    SYSMON,
    7,
    to="DeviceImageLoadEvents",
    action="ImageLoaded",
    initiating=ByGuid("ProcessGuid"),
    **file("ImageLoaded"),
    **hashes(),
    **initiating("Image", "ProcessId", "User"),
)

# Issuer, their hashes and dates are not in the event.
event(
    SYSMON,
    6,
    7,
    to="DeviceFileCertificateInfo",
    action=None,
    SHA1=hashes()["SHA1"],
    IsSigned=truth("Signed"),
    Signer=text("Signature"),
    IsTrusted=equals("SignatureStatus", "Valid"),
)
