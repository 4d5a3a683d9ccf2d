"""Which columns a context field is, by the table that the evidence comes from.

A row of an event table carries its context itself. A certificate event (DeviceFileCertificateInfo) has a device and a SHA1 and
no name, path, process or account: its context are the events of the same DeviceId *and* SHA1. SHA1 alone would cross devices.
That an event's SHA1 is the certificate's says that the signed program itself ran; InitiatingProcessSHA1 would say what it
started, and is not context.

Source: the table references of Microsoft Defender XDR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Table -> its columns; None where the table is not known.
ColumnsOf = Callable[[str], frozenset[str] | None]

CERTIFICATES = "DeviceFileCertificateInfo"
PROCESSES = "DeviceProcessEvents"

_FILE = {
    "file.name": "FileName",
    "file.path": "FolderPath",
    "file.hash.md5": "MD5",
    "file.hash.sha1": "SHA1",
    "file.hash.sha256": "SHA256",
    "file.origin_url": "FileOriginUrl",
}
_DEVICE = {"device.name": "DeviceName", "device.id": "DeviceId"}

#: An event that starts a process is about that process; what is called initiating is its parent.
_STARTED = {
    "process.name": "FileName",
    "process.path": "FolderPath",
    "process.command_line": "ProcessCommandLine",
    "process.hash.md5": "MD5",
    "process.hash.sha1": "SHA1",
    "process.hash.sha256": "SHA256",
    "process.account": "AccountName",
    "process.parent.name": "InitiatingProcessFileName",
    "process.parent.path": "InitiatingProcessFolderPath",
    "process.parent.command_line": "InitiatingProcessCommandLine",
    "account.name": "AccountName",
    "account.domain": "AccountDomain",
    "account.upn": "AccountUpn",
}
#: Every other event is about what a process did. No table has the command line of its parent.
_INITIATING = {
    "process.name": "InitiatingProcessFileName",
    "process.path": "InitiatingProcessFolderPath",
    "process.command_line": "InitiatingProcessCommandLine",
    "process.hash.md5": "InitiatingProcessMD5",
    "process.hash.sha1": "InitiatingProcessSHA1",
    "process.hash.sha256": "InitiatingProcessSHA256",
    "process.account": "InitiatingProcessAccountName",
    "process.parent.name": "InitiatingProcessParentFileName",
    "account.name": "InitiatingProcessAccountName",
    "account.domain": "InitiatingProcessAccountDomain",
    "account.upn": "InitiatingProcessAccountUpn",
}
_ACCOUNT = {"account.name": "AccountName", "account.domain": "AccountDomain", "account.upn": "AccountUpn"}
_CERTIFICATE = {"file.hash.sha1": "SHA1", "file.signer": "Signer", "file.issuer": "Issuer", **_DEVICE}


def carried(table: str, columns: frozenset[str]) -> dict[str, str]:
    """Field -> column, for what a row of `table` carries itself."""
    if table == CERTIFICATES:
        wanted = _CERTIFICATE
    elif table == PROCESSES:
        wanted = {**_DEVICE, **_FILE, **_STARTED}
    else:
        wanted = {**_DEVICE, **_FILE, **_INITIATING}
        # A logon is of its own account; the process's account is another.
        wanted |= {f: c for f, c in _ACCOUNT.items() if c in columns}
    return {field: column for field, column in wanted.items() if column in columns}


@dataclass(frozen=True, slots=True)
class Side:
    """Context that is looked up by a key: `key` of the evidence against `on` of the table, giving `fields`."""

    name: str
    table: str
    key: str
    on: str
    fields: tuple[tuple[str, str], ...]


_DEVICES = (("device.group", "MachineGroup"), ("device.os", "OSPlatform"))


def sides(table: str, columns: frozenset[str]) -> tuple[Side, ...]:
    """What can be looked up for evidence of `table`. A signature belongs to a content, so SHA1 alone is its key."""
    found: list[Side] = []
    if "DeviceId" in columns:
        found.append(Side("device", "DeviceInfo", "DeviceId", "DeviceId", _DEVICES))
    if table != CERTIFICATES:
        if "SHA1" in columns:
            found.append(
                Side("signature", CERTIFICATES, "SHA1", "SHA1", (("file.signer", "Signer"), ("file.issuer", "Issuer")))
            )
        of_process = "SHA1" if table == PROCESSES else "InitiatingProcessSHA1"
        if of_process in columns:
            found.append(Side("process_signature", CERTIFICATES, of_process, "SHA1", (("process.signer", "Signer"),)))
    return tuple(found)


#: The events that are context of a certificate, by what a condition speaks of. A condition on a process is put to the rows
#: that say what ran; its file fields are then those of the same row.
EVENTS_OF_PROCESS = (PROCESSES, "DeviceImageLoadEvents")
EVENTS_OF_FILE = ("DeviceFileEvents", *EVENTS_OF_PROCESS)
_FILE_FIELDS = frozenset(_FILE) - {"file.hash.sha1"}


def events_for(fields: frozenset[str]) -> tuple[str, ...]:
    """The event tables whose rows are the context of a certificate event, for a condition on these fields; () for none."""
    if any(f.startswith(("process.", "account.")) for f in fields):
        return EVENTS_OF_PROCESS
    return EVENTS_OF_FILE if fields & _FILE_FIELDS else ()


def event_fields(table: str, columns: frozenset[str]) -> dict[str, str]:
    """Field -> column of an event that is a certificate's context. The signer of the program that ran is the certificate's own
    only where the event is the program's start; who loaded a library is signed by somebody else."""
    own = carried(table, columns)
    return own if table in EVENTS_OF_PROCESS else {f: c for f, c in own.items() if f.startswith("file.")}
