"""Who and what there is in the example estate: devices, people, software. Everything is invented; see README.md beside this.

The domain is `corp.example`, the addresses are documentation ranges, every hash is derived from a name, and no binary of any
vendor is contained or described exactly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from files import strangers_agent

#: The estate is seen for 30 days up to here. Fixed, so that everybody hunts the same case.
END = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
DAYS = 30
START = END - timedelta(days=DAYS)


def _octets(of: str | bytes) -> bytes:
    return of.encode() if isinstance(of, str) else of


def sha1_of(of: str | bytes) -> str:
    return hashlib.sha1(_octets(of), usedforsecurity=False).hexdigest()


def sha256_of(of: str | bytes) -> str:
    return hashlib.sha256(_octets(of)).hexdigest()


def md5_of(of: str | bytes) -> str:
    return hashlib.md5(_octets(of), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Device:
    name: str
    group: str
    os: str
    user: str
    address: str

    @property
    def id(self) -> str:
        # As `lurcher collect signatures --device` makes ids of names, so that files tie to events.
        return sha1_of(f"lurcher device {self.full_name}")

    @property
    def full_name(self) -> str:
        return f"{self.name.lower()}.corp.example"

    @property
    def machine_group(self) -> str:
        """The device group in Defender: those that the IT department looks after with its agent are one."""
        return "Managed by NinjaOne" if self.name in SANCTIONED + OLD_AGENT else self.group


@dataclass(frozen=True)
class Binary:
    """A signed (or unsigned) program. `build` makes the hashes of one build differ from another's."""

    file_name: str
    folder: str
    signer: str
    issuer: str
    company: str
    product: str
    original_name: str
    build: str
    signed_from: datetime | None = None
    signed_to: datetime | None = None
    #: The file itself, where files.py makes one: events have its hashes then.
    content: bytes = b""

    @property
    def key(self) -> str:
        # A copy under another name is the same content: the name is no part of the key.
        return f"{self.original_name} {self.signer} {self.build}"

    @property
    def sha1(self) -> str:
        return sha1_of(self.content or self.key)

    @property
    def sha256(self) -> str:
        return sha256_of(self.content or self.key)

    @property
    def md5(self) -> str:
        return md5_of(self.content or self.key)

    @property
    def size(self) -> int:
        return len(self.content) or int(self.sha1[:6], 16) + 40_960

    @property
    def path(self) -> str:
        return f"{self.folder}\\{self.file_name}"


_PEOPLE = (
    "a.lee", "b.kaya", "c.moreau", "d.novak", "e.rossi", "f.haas", "g.silva", "h.berg",
    "i.popov", "j.doe", "k.tanaka", "l.meyer", "m.ali", "n.chen", "o.diaz", "p.kowalski",
    "q.nguyen", "r.jensen", "s.costa", "t.ivanova", "u.okafor", "v.singh", "w.brown", "x.wang",
    "y.sato", "z.horvat", "a.fischer", "b.martin", "c.olsen", "d.petrov", "e.garcia", "f.dubois",
)  # fmt: skip


def devices() -> list[Device]:
    """Forty devices: 28 workstations, 6 laptops, 6 servers."""
    result = []
    for n in range(1, 29):
        result.append(Device(f"WS-{n:03}", "Workstations", "Windows11", _PEOPLE[n - 1], f"10.20.1.{n}"))
    for n in range(1, 7):
        result.append(Device(f"LT-{n:03}", "Laptops", "Windows11", _PEOPLE[(27 + n) % len(_PEOPLE)], f"10.20.2.{n}"))
    for n, name in enumerate(("SRV-DC01", "SRV-FILE01", "SRV-APP01", "SRV-APP02", "SRV-SQL01", "SRV-PRINT01"), 1):
        result.append(Device(name, "Servers", "WindowsServer2022", "svc-ops", f"10.20.9.{n}"))
    return result


def _validity(first: int, last: int) -> dict[str, Any]:
    return {"signed_from": datetime(first, 3, 1, tzinfo=UTC), "signed_to": datetime(last, 6, 1, tzinfo=UTC)}


#: The sanctioned agent of today, and its patcher.
NINJA = Binary(
    "NinjaRMMAgent.exe", r"C:\Program Files (x86)\corp-main-9.0.4711", "NinjaOne LLC", "Example Code Signing CA G4",
    "NinjaOne LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "9.0.4711", **_validity(2024, 2027),
)  # fmt: skip
NINJA_PATCHER = Binary(
    "NinjaRMMAgentPatcher.exe", r"C:\Program Files (x86)\corp-main-9.0.4711", "NinjaOne LLC", "Example Code Signing CA G4",
    "NinjaOne LLC", "NinjaRMM Patcher", "NinjaRMMAgentPatcher.exe", "9.0.4711", **_validity(2024, 2027),
)  # fmt: skip
#: An agent from before the vendor changed its name; still on three devices. Its launcher is called ninjaRMM.exe here, so that
#: the scenarios of the published page have something to explain.
NINJA_OLD = Binary(
    "ninjaRMM.exe", r"C:\Program Files (x86)\NinjaRMM", "NinjaRMM, LLC", "Example Code Signing CA G2",
    "NinjaRMM, LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "4.4.6039", **_validity(2019, 2023),
)  # fmt: skip
#: The stranger's agents: of another tenant, from a browser download, and renamed copies of it.
NINJA_STRANGER = Binary(
    "ninjaRMM.exe", r"C:\Users\v.singh\Downloads", "NinjaRMM, LLC", "Example Code Signing CA G2",
    "NinjaRMM, LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "5.1.0090", content=strangers_agent(), **_validity(2019, 2023),
)  # fmt: skip
NINJA_RENAMED = Binary(
    "svchost32.exe", r"C:\Users\z.horvat\AppData\Local\Temp", "NinjaRMM, LLC", "Example Code Signing CA G2",
    "NinjaRMM, LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "5.1.0090", content=strangers_agent(), **_validity(2019, 2023),
)  # fmt: skip
NINJA_LATERAL = Binary(
    "CleanupTask.exe", r"C:\ProgramData\Cache", "NinjaOne LLC", "Example Code Signing CA G4",
    "NinjaOne LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "9.1.0002", **_validity(2024, 2027),
)  # fmt: skip

OTHER_TOOLS = {
    "anydesk": Binary(
        "AnyDesk.exe", r"C:\Program Files (x86)\AnyDesk", "AnyDesk Software GmbH", "Example Code Signing CA G4",
        "AnyDesk Software GmbH", "AnyDesk", "AnyDesk.exe", "9.5.1", **_validity(2024, 2027),
    ),
    "teamviewer": Binary(
        "TeamViewer_Service.exe", r"C:\Program Files\TeamViewer", "TeamViewer Germany GmbH", "Example Code Signing CA G4",
        "TeamViewer Germany GmbH", "TeamViewer", "TeamViewer_Service.exe", "15.62.4", **_validity(2024, 2027),
    ),
    "screenconnect": Binary(
        "ScreenConnect.ClientService.exe", r"C:\Program Files (x86)\ScreenConnect Client (5f2a)", "Connectwise, LLC",
        "Example Code Signing CA G4", "ScreenConnect Software", "ScreenConnect", "ScreenConnect.ClientService.exe", "25.1.10",
        **_validity(2024, 2027),
    ),
    "awesun": Binary(
        "AweSun.exe", r"C:\Program Files\Oray\AweSun", "上海贝锐信息科技股份有限公司", "Example Code Signing CA G4",
        "AweSun", "AweSun", "AweSun.exe", "3.0.1", **_validity(2024, 2027),
    ),
}  # fmt: skip


def _ordinary(name: str, folder: str, signer: str, company: str, product: str, build: str) -> Binary:
    return Binary(
        name, folder, signer, "Example Code Signing CA G4" if signer else "", company, product, name, build,
        **(_validity(2024, 2027) if signer else {}),
    )  # fmt: skip


_WIN, _PF, _X86 = r"C:\Windows\System32", r"C:\Program Files", r"C:\Program Files (x86)"
_MS, _MSC = "Microsoft Windows", "Microsoft Corporation"
ORDINARY = (
    _ordinary("svchost.exe", _WIN, _MS, _MSC, "Microsoft® Windows® Operating System", "10.0.26100"),
    _ordinary("cmd.exe", _WIN, _MS, _MSC, "Microsoft® Windows® Operating System", "10.0.26100"),
    _ordinary(
        "powershell.exe",
        rf"{_WIN}\WindowsPowerShell\v1.0",
        _MS,
        _MSC,
        "Microsoft® Windows® Operating System",
        "10.0.26100",
    ),
    _ordinary("taskhostw.exe", _WIN, _MS, _MSC, "Microsoft® Windows® Operating System", "10.0.26100"),
    _ordinary("mstsc.exe", _WIN, _MS, _MSC, "Microsoft® Windows® Operating System", "10.0.26100"),
    _ordinary("msedge.exe", rf"{_X86}\Microsoft\Edge\Application", _MSC, _MSC, "Microsoft Edge", "142.0.1"),
    _ordinary("OUTLOOK.EXE", rf"{_PF}\Microsoft Office\root\Office16", _MSC, _MSC, "Microsoft Outlook", "16.0.19"),
    _ordinary("WINWORD.EXE", rf"{_PF}\Microsoft Office\root\Office16", _MSC, _MSC, "Microsoft Word", "16.0.19"),
    _ordinary("EXCEL.EXE", rf"{_PF}\Microsoft Office\root\Office16", _MSC, _MSC, "Microsoft Excel", "16.0.19"),
    _ordinary("Teams.exe", rf"{_PF}\WindowsApps\MSTeams", _MSC, _MSC, "Microsoft Teams", "25.300"),
    _ordinary("OneDrive.exe", rf"{_PF}\Microsoft OneDrive", _MSC, _MSC, "Microsoft OneDrive", "25.2"),
    _ordinary(
        "chrome.exe", rf"{_PF}\Google\Chrome\Application", "Google LLC", "Google LLC", "Google Chrome", "142.0.7"
    ),
    _ordinary(
        "firefox.exe", rf"{_PF}\Mozilla Firefox", "Mozilla Corporation", "Mozilla Corporation", "Firefox", "145.0"
    ),
    _ordinary("Acrobat.exe", rf"{_PF}\Adobe\Acrobat DC\Acrobat", "Adobe Inc.", "Adobe Inc.", "Adobe Acrobat", "25.1"),
    _ordinary("Zoom.exe", rf"{_PF}\Zoom\bin", "Zoom Communications, Inc.", "Zoom Communications, Inc.", "Zoom", "6.6"),
    _ordinary("Code.exe", rf"{_PF}\Microsoft VS Code", _MSC, _MSC, "Visual Studio Code", "1.106"),
    _ordinary("7zFM.exe", rf"{_PF}\7-Zip", "", "Igor Pavlov", "7-Zip", "25.01"),
    _ordinary("notepad++.exe", rf"{_PF}\Notepad++", "Notepad++", "Don HO", "Notepad++", "8.8"),
)

#: Which devices have what.
SANCTIONED = tuple(f"WS-{n:03}" for n in range(1, 17)) + tuple(
    f"SRV-{n}" for n in ("APP01", "SQL01", "PRINT01", "DC01")
)
OLD_AGENT = ("WS-017", "LT-002", "SRV-FILE01")
STRANGER, RENAMED, LATERAL = "WS-022", "WS-026", "SRV-APP02"
TOOLS = {
    "WS-019": "anydesk",
    "LT-004": "anydesk",
    "WS-024": "teamviewer",
    "SRV-APP01": "screenconnect",
    "LT-006": "awesun",
}
