"""What an intruder does with the catalogue's tools, as rows of Defender's tables: for proving exclusions on.

A variant is one way of it. `expected` ones look like the sanctioned use of the tool (installed below Program Files, run by the
service manager): an exclusion for a fleet that is looked after cannot tell them apart, and is not blamed for it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lurcher.rmm.catalogue import Catalogue, Tool

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """`folder`, `parent`, `command` and `name` have `{tool}` and `{exe}` for the tool's and its program's name."""

    name: str
    folder: str
    parent: str
    parent_folder: str
    command: str
    account: str
    program: str = "{exe}"
    expected: bool = False


VARIANTS = (
    Variant(
        "downloaded and started by hand", "C:\\Users\\maria\\Downloads\\", "chrome.exe",
        "C:\\Program Files\\Google\\Chrome\\Application\\", '"{path}"', "maria",
    ),
    Variant(
        "installed silently by a script from a temporary folder", "C:\\Windows\\Temp\\", "powershell.exe",
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\", '"{path}" /S --silent', "SYSTEM",
    ),
    Variant(
        "renamed and hidden among the data of programs", "C:\\ProgramData\\Updates\\", "cmd.exe", "C:\\Windows\\System32\\",
        '"{path}" -update', "SYSTEM", program="svchost.exe",
    ),
    Variant(
        "installed like the sanctioned tool, by somebody else", "C:\\Program Files\\{tool}\\", "services.exe",
        "C:\\Windows\\System32\\", '"{path}" --service', "SYSTEM", expected=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One tool used in one way, on a device of its own."""

    tool: str
    variant: Variant
    device: str


@dataclass(frozen=True)
class Intrusions:
    """`tables`: table -> rows. `cases`: DeviceId -> what was done there."""

    tables: Mapping[str, list[Row]]
    cases: Mapping[str, Case]


@dataclass(frozen=True)
class Setting:
    """Where and how the intruder is, so that an exclusion for some devices is proved on them. `said` are values that he gives to
    what he chooses, of the process that runs: (column of DeviceProcessEvents, value)."""

    device_name: str = ""
    device_group: str = ""
    said: tuple[tuple[str, str], ...] = ()


def intrusions(catalogue: Catalogue, now: dt.datetime, setting: Setting | None = None) -> Intrusions:
    """Every tool of the catalogue in every variant, within the last hours before `now`."""
    setting = setting or Setting()
    tables: dict[str, list[Row]] = {
        "DeviceFileCertificateInfo": [], "DeviceProcessEvents": [], "DeviceNetworkEvents": [], "DeviceFileEvents": [],
        "DeviceInfo": [],
    }  # fmt: skip
    cases: dict[str, Case] = {}
    for tool in catalogue.tools:
        for number, variant in enumerate(VARIANTS):
            device = hashlib.sha1(f"{tool.name}|{number}".encode()).hexdigest()
            cases[device] = Case(tool.name, variant, device)
            _play(catalogue, tool, variant, device, now - dt.timedelta(hours=2), setting, tables)
    return Intrusions(tables, cases)


def _play(
    catalogue: Catalogue,
    tool: Tool,
    variant: Variant,
    device: str,
    at: dt.datetime,
    setting: Setting,
    tables: dict[str, list[Row]],
) -> None:
    programs = [f.value for f in tool.executables if not f.generic and not set("*?\\/") & set(f.value)][:3]
    programs = [p for p in programs if p.lower().endswith((".exe", ".msi"))] or [f"{tool.name}.exe"]
    said = dict(setting.said)
    signers = [s.name for s in catalogue.signers_of(tool)][:3] or [""]
    head: Row = {"DeviceId": device, "DeviceName": setting.device_name or f"red-{device[:8]}", "Timestamp": at}
    tables["DeviceInfo"].append(head | {"MachineGroup": setting.device_group, "OSPlatform": "Windows11"})
    for number, program in enumerate(programs):
        signer = signers[number % len(signers)]
        name = said.get("FileName", variant.program.format(exe=program))
        path = variant.folder.format(tool=tool.name) + name
        digest = hashlib.sha1(f"{tool.name}|{program}".encode()).hexdigest()
        values: Row = {
            "FileName": name, "FolderPath": path, "SHA1": digest, "ProcessVersionInfoOriginalFileName": program,
            "AccountName": variant.account,
            "ProcessVersionInfoCompanyName": next((f.value for f in tool.companies if not f.generic), tool.vendor),
            "ProcessVersionInfoProductName": next((f.value for f in tool.products if not f.generic), tool.name),
            "InitiatingProcessFileName": variant.parent, "InitiatingProcessFolderPath": variant.parent_folder + variant.parent,
            "InitiatingProcessCommandLine": variant.parent, "ProcessCommandLine": variant.command.format(path=path),
        }  # fmt: skip
        values |= said
        report = {"ReportId": number + 1}
        tables["DeviceProcessEvents"].append(head | report | values | {"ActionType": "ProcessCreated"})
        tables["DeviceFileEvents"].append(
            head | report | {
                "ActionType": "FileCreated", "FileName": name, "FolderPath": path, "SHA1": digest,
                "InitiatingProcessFileName": values["InitiatingProcessFileName"],
                "InitiatingProcessCommandLine": values["InitiatingProcessCommandLine"],
            }
        )  # fmt: skip
        if signer:
            tables["DeviceFileCertificateInfo"].append(
                head
                | report
                | {"SHA1": digest, "IsSigned": True, "Signer": signer, "IsTrusted": True, "SignatureType": "Embedded"}
            )
        for domain in _hosts(tool):
            tables["DeviceNetworkEvents"].append(
                head | report | {
                    "ActionType": "ConnectionSuccess", "RemoteUrl": domain, "RemotePort": 443, "RemoteIP": "203.0.113.10",
                    "InitiatingProcessFileName": name, "InitiatingProcessFolderPath": path,
                    "InitiatingProcessSHA1": digest, "InitiatingProcessCommandLine": values["ProcessCommandLine"],
                    "InitiatingProcessAccountName": variant.account,
                    "InitiatingProcessParentFileName": values["InitiatingProcessFileName"],
                }
            )  # fmt: skip


def _hosts(tool: Tool) -> Iterable[str]:
    found = [f.value.replace("*.", "x.").replace("*", "x") for f in tool.domains if not f.generic]
    return [h for h in found if "/" not in h][:2]
