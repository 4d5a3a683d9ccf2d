"""What happens on the example estate: events by table, in Defender's columns.

The stories that a hunter should find, and the noise around them:

1. Twenty devices run the sanctioned agent, signed "NinjaOne LLC": policy syncs, updates, a patch run every Wednesday night.
2. Three devices still run an agent of before the vendor's change of name, signed "NinjaRMM, LLC". On WS-017 it only updates and
   syncs; on LT-002 it also rolls out patches; on SRV-FILE01 an administrator uses its remote session as well.
3. WS-022: one evening v.singh downloads an "invoice viewer" with the browser; it is an agent of another tenant. It updates
   itself once (what the page's filter excuses), and at night somebody runs commands through it.
4. WS-026: a copy of that agent under the name svchost32.exe in the user's temp folder.
5. SRV-APP02: reached from WS-022; a newer agent, signed "NinjaOne LLC", renamed CleanupTask.exe: the published query looks for
   neither that signer, nor would the page's first filter let it through.
6. Other tools: AnyDesk, TeamViewer, ScreenConnect, AweSun. And ordinary work everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from estate import (
    DAYS,
    END,
    LATERAL,
    NINJA,
    NINJA_LATERAL,
    NINJA_OLD,
    NINJA_PATCHER,
    NINJA_RENAMED,
    NINJA_STRANGER,
    OLD_AGENT,
    ORDINARY,
    OTHER_TOOLS,
    RENAMED,
    SANCTIONED,
    START,
    STRANGER,
    TOOLS,
    Binary,
    Device,
    devices,
    sha1_of,
)

Event = dict[str, Any]
SERVICES = Binary(
    "services.exe", r"C:\Windows\System32", "Microsoft Windows Publisher", "Example Code Signing CA G4", "Microsoft Corporation",
    "Microsoft® Windows® Operating System", "services.exe", "10.0.26100",
)  # fmt: skip
EXPLORER = Binary(
    "explorer.exe", r"C:\Windows", "Microsoft Windows", "Example Code Signing CA G4", "Microsoft Corporation",
    "Microsoft® Windows® Operating System", "EXPLORER.EXE", "10.0.26100",
)  # fmt: skip
BY_NAME = {b.file_name: b for b in (*ORDINARY, SERVICES, EXPLORER)}


class Recorder:
    """Collects events by table; numbers them as a sensor does."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tables: dict[str, list[Event]] = {}
        self._report: dict[str, int] = {}

    def add(self, table: str, device: Device, when: datetime, action: str | None, **columns: Any) -> Event:
        self._report[device.name] = report = self._report.get(device.name, 1000) + 1
        event: Event = {"Timestamp": stamp(when), "DeviceId": device.id, "DeviceName": device.full_name}
        if action is not None:
            event["ActionType"] = action
        event |= columns
        event["ReportId"] = report
        self.tables.setdefault(table, []).append(event)
        return event

    def process(
        self, device: Device, when: datetime, binary: Binary, arguments: str, parent: Binary, account: str = ""
    ) -> None:
        """A process that starts; `account` empty is the system account."""
        command = f'"{binary.path}"' + (f" {arguments}" if arguments else "")
        self.add(
            "DeviceProcessEvents", device, when, "ProcessCreated",
            FileName=binary.file_name, FolderPath=binary.path, SHA1=binary.sha1, SHA256=binary.sha256, MD5=binary.md5,
            FileSize=binary.size, ProcessVersionInfoCompanyName=binary.company, ProcessVersionInfoProductName=binary.product,
            ProcessVersionInfoProductVersion=binary.build, ProcessVersionInfoOriginalFileName=binary.original_name,
            ProcessId=self.random.randrange(1000, 30000, 4), ProcessCommandLine=command,
            ProcessIntegrityLevel="System" if not account else "Medium", ProcessCreationTime=stamp(when),
            **self._account("Account", account),
            InitiatingProcessFileName=parent.file_name, InitiatingProcessFolderPath=parent.path,
            InitiatingProcessSHA1=parent.sha1, InitiatingProcessSHA256=parent.sha256,
            InitiatingProcessCommandLine=f'"{parent.path}"', InitiatingProcessId=self.random.randrange(500, 9000, 4),
            InitiatingProcessParentFileName="wininit.exe" if parent is SERVICES else "userinit.exe",
            **self._account("InitiatingProcessAccount", account), AdditionalFields="",
        )  # fmt: skip

    def file(
        self, device: Device, when: datetime, binary: Binary, writer: Binary, account: str = "", **origin: str
    ) -> None:
        self.add(
            "DeviceFileEvents", device, when, "FileCreated",
            FileName=binary.file_name, FolderPath=binary.path, SHA1=binary.sha1, SHA256=binary.sha256, MD5=binary.md5,
            FileSize=binary.size, **origin,
            InitiatingProcessFileName=writer.file_name, InitiatingProcessFolderPath=writer.path,
            InitiatingProcessSHA1=writer.sha1, InitiatingProcessCommandLine=f'"{writer.path}"',
            **self._account("InitiatingProcessAccount", account), AdditionalFields="",
        )  # fmt: skip

    def network(
        self, device: Device, when: datetime, binary: Binary, host: str, port: int = 443, account: str = ""
    ) -> None:
        self.add(
            "DeviceNetworkEvents", device, when, "ConnectionSuccess",
            RemoteIP=f"203.0.113.{int(sha1_of(host)[:2], 16)}", RemotePort=port, RemoteUrl=host, LocalIP=device.address,
            LocalPort=self.random.randrange(49152, 65535), Protocol="Tcp", LocalIPType="Private", RemoteIPType="Public",
            InitiatingProcessFileName=binary.file_name, InitiatingProcessFolderPath=binary.path,
            InitiatingProcessSHA1=binary.sha1, InitiatingProcessCommandLine=f'"{binary.path}"',
            **self._account("InitiatingProcessAccount", account), AdditionalFields="",
        )  # fmt: skip

    def certificate(self, device: Device, when: datetime, binary: Binary) -> None:
        signed = bool(binary.signer)
        self.add(
            "DeviceFileCertificateInfo", device, when, None,
            SHA1=binary.sha1, IsSigned=signed, SignatureType="Embedded" if signed else "",
            Signer=binary.signer, SignerHash=sha1_of(f"certificate {binary.signer} {binary.signed_from}") if signed else "",
            Issuer=binary.issuer, IssuerHash=sha1_of(f"issuer {binary.issuer}") if signed else "",
            CertificateSerialNumber="0" + sha1_of(f"serial {binary.signer} {binary.signed_from}")[:31] if signed else "",
            CrlDistributionPointUrls='["http://crl.example/codesigning.crl"]' if signed else "[]",
            CertificateCreationTime=stamp(binary.signed_from) if binary.signed_from else None,
            CertificateExpirationTime=stamp(binary.signed_to) if binary.signed_to else None,
            CertificateCountersignatureTime=stamp(binary.signed_from + timedelta(days=200)) if binary.signed_from else None,
            IsTrusted=signed, IsRootSignerMicrosoft=signed and binary.signer.startswith("Microsoft"),
        )  # fmt: skip

    @staticmethod
    def _account(prefix: str, account: str) -> Event:
        if not account:
            return {f"{prefix}Name": "system", f"{prefix}Domain": "nt authority", f"{prefix}Sid": "S-1-5-18"}
        sid = f"S-1-5-21-1004336348-1177238915-682003330-{int(sha1_of(account)[:4], 16)}"
        return {
            f"{prefix}Name": account, f"{prefix}Domain": "corp", f"{prefix}Sid": sid, f"{prefix}Upn": f"{account}@corp.example",
        }  # fmt: skip


def stamp(when: datetime) -> str:
    """As Defender writes times: UTC, seven digits, the last of which is noise here."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def play(seed: int = 1219) -> dict[str, list[Event]]:
    """All events, by table, in order of time."""
    record = Recorder(seed)
    estate = {d.name: d for d in devices()}
    for device in estate.values():
        _ordinary_work(record, device)
    for name in SANCTIONED:
        _sanctioned_agent(record, estate[name])
    for name in OLD_AGENT:
        _old_agent(record, estate[name])
    for name, tool in TOOLS.items():
        _other_tool(record, estate[name], OTHER_TOOLS[tool])
    _stranger(record, estate[STRANGER])
    _renamed_copy(record, estate[RENAMED])
    _lateral(record, estate[LATERAL], estate[STRANGER])
    for events in record.tables.values():
        events.sort(key=lambda e: (e["Timestamp"], e["DeviceId"], e["ReportId"]))
    return record.tables


def _days() -> Iterator[datetime]:
    midnight = START.replace(hour=0)
    return (midnight + timedelta(days=n) for n in range(1, DAYS + 1))


def _at(record: Recorder, day: datetime, first_hour: float, last_hour: float) -> datetime:
    return min(
        day + timedelta(seconds=record.random.uniform(first_hour * 3600, last_hour * 3600)), END - timedelta(minutes=1)
    )


def _ordinary_work(record: Recorder, device: Device) -> None:
    server = device.group == "Servers"
    for day in _days():
        record.add(
            "DeviceInfo", device, day + timedelta(hours=6), None,
            OSPlatform=device.os, OSBuild=26100, OSArchitecture="64-bit", MachineGroup=device.machine_group,
            PublicIP="198.51.100.7", JoinType="Hybrid Azure AD Join", OnboardingStatus="Onboarded", ClientVersion="10.8800.26100",
            LoggedOnUsers=f'[{{"UserName":"{device.user}","DomainName":"corp"}}]',
        )  # fmt: skip
        if day.weekday() >= 5 and not server:
            continue
        record.add(
            "DeviceLogonEvents", device, _at(record, day, 6.5, 9), "LogonSuccess",
            LogonType="Interactive" if not server else "Network", AccountName=device.user, AccountDomain="corp",
            RemoteIP="" if not server else "10.20.9.1", Protocol="Negotiate", IsLocalAdmin=False, AdditionalFields="",
        )  # fmt: skip
        for _ in range(record.random.randrange(5, 12)):
            binary = record.random.choice(ORDINARY)
            account = "" if server or binary.file_name in ("svchost.exe", "taskhostw.exe") else device.user
            record.process(device, _at(record, day, 7, 18), binary, "", EXPLORER if account else SERVICES, account)
        for _ in range(record.random.randrange(2, 5)):
            browser = BY_NAME[record.random.choice(("msedge.exe", "chrome.exe", "OUTLOOK.EXE", "Teams.exe"))]
            host = record.random.choice(
                ("www.example.com", "mail.corp.example", "intranet.corp.example", "news.example.org")
            )
            record.network(device, _at(record, day, 7, 18), browser, host, account=device.user)
        for binary in record.random.sample(ORDINARY, 4):
            record.certificate(device, _at(record, day, 5, 20), binary)


def _agent_host(tenant: str) -> str:
    return f"agent-{tenant}.rmm.example"


def _sanctioned_agent(record: Recorder, device: Device) -> None:
    record.file(device, START + timedelta(hours=2), NINJA, SERVICES)
    for day in _days():
        if record.random.random() < 0.9:
            when = _at(record, day, 0, 23)
            record.process(device, when, NINJA, "--policy sync", SERVICES)
            record.network(device, when + timedelta(seconds=3), NINJA, _agent_host("corp"))
        if day.weekday() == 2:  # the patch run, Wednesday night
            when = _at(record, day, 1, 3)
            record.process(device, when, NINJA_PATCHER, "/patch /silent", NINJA)
            record.certificate(device, when + timedelta(seconds=20), NINJA_PATCHER)
        if record.random.random() < 0.35:
            record.certificate(device, _at(record, day, 0, 23), NINJA)
    record.process(device, END - timedelta(days=2, hours=7), NINJA, "/update 9.0.4711", SERVICES)
    record.certificate(device, END - timedelta(days=2, hours=7), NINJA)


def _old_agent(record: Recorder, device: Device) -> None:
    record.file(device, START + timedelta(hours=3), NINJA_OLD, SERVICES)
    for day in _days():
        when = _at(record, day, 0, 23)
        record.process(device, when, NINJA_OLD, "/sync policy", SERVICES)
        record.network(device, when + timedelta(seconds=5), NINJA_OLD, _agent_host("corp"))
        if day.weekday() in (1, 4):
            record.process(device, when + timedelta(minutes=4), NINJA_OLD, "/update check", SERVICES)
        if device.name == "LT-002" and day.weekday() == 2:
            record.process(device, when + timedelta(minutes=9), NINJA_OLD, r"/run deploy\patch-2026-11.msp", SERVICES)
        if device.name == "SRV-FILE01" and day.weekday() == 3:
            record.process(device, _at(record, day, 9, 16), NINJA_OLD, "/session rdp --technician ops-admin", SERVICES)
        record.certificate(device, when + timedelta(seconds=30), NINJA_OLD)


def _other_tool(record: Recorder, device: Device, binary: Binary) -> None:
    for day in _days():
        if record.random.random() < 0.3:
            when = _at(record, day, 8, 17)
            record.process(device, when, binary, "--service", SERVICES)
            record.network(
                device, when + timedelta(seconds=2), binary, f"relay-{sha1_of(binary.signer)[:4]}.remote.example"
            )
            record.certificate(device, when + timedelta(seconds=9), binary)


def _stranger(record: Recorder, device: Device) -> None:
    edge, cmd, powershell = BY_NAME["msedge.exe"], BY_NAME["cmd.exe"], BY_NAME["powershell.exe"]
    evening = END.replace(hour=19, minute=42) - timedelta(days=3)
    record.file(
        device, evening, NINJA_STRANGER, edge, device.user,
        FileOriginUrl="https://invoices.support-desk.example/viewer/ninjaRMM.exe",
        FileOriginReferrerUrl="https://mail.corp.example/",
    )  # fmt: skip
    record.process(device, evening + timedelta(minutes=1), NINJA_STRANGER, "/install TOKEN=7f31", EXPLORER, device.user)
    record.certificate(device, evening + timedelta(minutes=1, seconds=8), NINJA_STRANGER)
    record.process(device, evening + timedelta(minutes=6), NINJA_STRANGER, "/update check", EXPLORER, device.user)
    night = evening.replace(hour=2, minute=13) + timedelta(days=1)
    for n in range(2):
        when = night + timedelta(days=n)
        record.network(device, when, NINJA_STRANGER, _agent_host("x7k2"), account=device.user)
        record.process(device, when, NINJA_STRANGER, "/session remote --tenant x7k2", EXPLORER, device.user)
        record.process(device, when + timedelta(minutes=3), cmd, "/c whoami /all", NINJA_STRANGER, device.user)
        record.process(
            device,
            when + timedelta(minutes=5),
            powershell,
            "-nop -w hidden -c Get-ADComputer -Filter *",
            NINJA_STRANGER,
            device.user,
        )
        record.certificate(device, when + timedelta(seconds=20), NINJA_STRANGER)


def _renamed_copy(record: Recorder, device: Device) -> None:
    night = END.replace(hour=3, minute=2) - timedelta(days=1)
    record.file(device, night, NINJA_RENAMED, BY_NAME["powershell.exe"], device.user)
    record.process(
        device, night + timedelta(seconds=30), NINJA_RENAMED, "/update", BY_NAME["powershell.exe"], device.user
    )
    record.process(
        device, night + timedelta(minutes=2), NINJA_RENAMED, "/session remote --tenant x7k2", EXPLORER, device.user
    )
    record.network(device, night + timedelta(minutes=2), NINJA_RENAMED, _agent_host("x7k2"), account=device.user)
    record.certificate(device, night + timedelta(seconds=40), NINJA_RENAMED)


def _lateral(record: Recorder, device: Device, origin: Device) -> None:
    night = END.replace(hour=2, minute=51) - timedelta(days=1)
    record.add(
        "DeviceLogonEvents", device, night, "LogonSuccess",
        LogonType="RemoteInteractive", AccountName=origin.user, AccountDomain="corp", RemoteIP=origin.address,
        RemoteDeviceName=origin.name.lower(), Protocol="Negotiate", IsLocalAdmin=True, AdditionalFields="",
    )  # fmt: skip
    record.file(device, night + timedelta(minutes=1), NINJA_LATERAL, EXPLORER, origin.user)
    record.process(device, night + timedelta(minutes=2), NINJA_LATERAL, "", EXPLORER, origin.user)
    record.network(device, night + timedelta(minutes=3), NINJA_LATERAL, _agent_host("x7k2"), account=origin.user)
    record.certificate(device, night + timedelta(minutes=2, seconds=30), NINJA_LATERAL)
