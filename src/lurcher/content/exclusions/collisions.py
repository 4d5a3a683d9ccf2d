"""What a short word in an exclusion also matches: names and commands that are on any Windows system or in any intruder's hand,
and the words by which a hunted technique is recognised.

Names from Windows and well-known software; commands of public tools with the ATT&CK technique that they serve (attack.mitre.org).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

#: What is everywhere: files, registry and protocol names of Windows and common software.
COMMON: tuple[str, ...] = (
    "wordpad.exe",
    "RDP-Tcp",
    "StandardProfile",
    "rdpclip.exe",
    "mobsync.exe",
    "SyncHost.exe",
    "OneDriveStandaloneUpdater.exe",
    "syncthing.exe",
    "GoogleUpdate.exe",
    "MicrosoftEdgeUpdate.exe",
    "gpupdate.exe",
    "wuauclt.exe",
    "UpdateOrchestrator",
    "TiWorker.exe",
    "dispatch.exe",
    "DismHost.exe",
    "msiexec.exe",
    "setup.exe",
    "installer.exe",
    "uninstall.exe",
    "services.exe",
    "svchost.exe",
    "taskhostw.exe",
    "schtasks.exe",
    "sc.exe",
    "cmd.exe",
    "powershell.exe",
    "rundll32.exe",
    "regsvr32.exe",
    "backgroundTaskHost.exe",
    "RuntimeBroker.exe",
    "SearchIndexer.exe",
    "wbadmin.exe",
    "robocopy.exe",
    "vssadmin.exe",
    "cleanmgr.exe",
    "ScriptBlockLogging",
    "cscript.exe",
    "wscript.exe",
    "javascript.exe",
    "helper.exe",
    "AgentSvc.exe",
    "backup.exe",
    "diskpart.exe",
    "DeployAppx.exe",
    "DllHost.exe",
    "explorer.exe",
    "iexplore.exe",
)
#: What an intruder types: command -> technique.
HOSTILE: dict[str, str] = {
    "lsadump::dcsync": "T1003.006",
    "rclone sync": "T1567.002",
    "rclone copy": "T1567.002",
    "sekurlsa::logonpasswords": "T1003.001",
    "comsvcs.dll MiniDump": "T1003.001",
    "procdump -ma lsass": "T1003.001",
    "rdpwrap": "T1021.001",
    "SharpRDP.exe": "T1021.001",
    "fDenyTSConnections": "T1021.001",
    "tscon.exe": "T1563.002",
    "AmsiScanBuffer patch": "T1562.001",
    "EtwEventWrite patch": "T1562.006",
    "certutil -urlcache": "T1105",
    "bitsadmin /transfer": "T1197",
    "vssadmin delete shadows": "T1490",
    "wevtutil cl": "T1070.001",
    "cleanup.ps1 -Force": "T1070",
    "schtasks /create": "T1053.005",
    "psexec -s": "T1569.002",
    "net use \\\\": "T1021.002",
    "fake update.exe": "T1036.005",
    "SocGholish Update.js": "T1204.002",
    "deploy.ps1 -enc": "T1059.001",
    "Invoke-WebRequest": "T1105",
    "script:http": "T1218.010",
}
#: Technique -> (its own id, the words in command lines and names by which it is recognised).
TECHNIQUE_WORDS: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "T1219": (
        ("T1219.002", frozenset(("rdp", "remotedesktop", "remote desktop", "mstsc", "vnc", "screenshare", "remotecontrol",
                                 "remote control", "remote session", "ninjaremote", "screenconnect", "unattended"))),
    ),
    "T1021": (("T1021.001", frozenset(("rdp", "mstsc", "termsrv"))), ("T1021.006", frozenset(("winrm", "wsmprovhost")))),
    "T1059": (("T1059.001", frozenset(("powershell", "-enc", "encodedcommand", "pwsh"))),
              ("T1059.003", frozenset(("cmd /c", "cmd.exe")))),
    "T1003": (("T1003.001", frozenset(("lsass", "minidump", "procdump"))), ("T1003.006", frozenset(("dcsync",)))),
    "T1053": (("T1053.005", frozenset(("schtasks", "scheduled task", "taskschd"))),),
    "T1105": (("T1105", frozenset(("download", "urlcache", "invoke-webrequest", "curl", "wget"))),),
    "T1567": (("T1567.002", frozenset(("rclone", "megasync"))),),
    "T1070": (("T1070.001", frozenset(("wevtutil", "clear-eventlog"))),),
    "T1490": (("T1490", frozenset(("vssadmin", "shadowcopy", "bcdedit"))),),
    "T1569": (("T1569.002", frozenset(("psexec", "paexec"))),),
    "T1072": (("T1072", frozenset(("deploy", "push install"))),),
}  # fmt: skip


def hunted(techniques: Iterable[str], word: str) -> tuple[str, ...]:
    """The technique ids of the rule, with the sub-technique, that a word is a mark of; () where it is of none."""
    low = word.lower().strip()
    found: list[str] = []
    for technique in techniques:
        for sub, words in TECHNIQUE_WORDS.get(technique.partition(".")[0], ()):
            # A rule for one sub-technique does not hunt its siblings.
            if "." in technique and technique != sub:
                continue
            if low in words:
                found += [t for t in (technique, sub) if t not in found]
    return tuple(found)


def collisions(word: str, op: str, executables: Iterable[str]) -> tuple[str, ...]:
    """What else a test matches: hostile commands first, with their technique, then the catalogue's programs, then what is common.
    `executables` are those of the catalogue that the rule is about."""
    test = _tester(op, word)
    if test is None:
        return ()
    hostile = [f"{command} ({technique})" for command, technique in HOSTILE.items() if test(command)]
    known = [name for name in executables if test(name)]
    common = [name for name in COMMON if test(name) and name not in known]
    return (*hostile, *known, *common)


def _tester(op: str, word: str) -> Callable[[str], bool] | None:
    import re

    low = word.lower()
    if len(low.strip()) < 2:
        return None
    tests: dict[str, Callable[[str], bool]] = {
        "contains": lambda text: low in text.lower(),
        "startswith": lambda text: text.lower().startswith(low),
        "endswith": lambda text: text.lower().endswith(low),
        "has": lambda text: (
            low in re.findall(r"[a-z0-9]+", text.lower()) or (not low.isalnum() and low in text.lower())
        ),
    }
    return tests.get(op.removesuffix("_cs"))
