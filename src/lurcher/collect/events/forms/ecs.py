"""Fields that Winlogbeat's modules for Sysmon and for the Security log, and Elastic Agent's integrations of the same, have moved to
the names of the Elastic Common Schema: back to their own.

They rename: `Image` is `process.executable` there and `event_data` has it no more. What it made of several fields
(`registry.*`, `related.*`) is not undone; `event_data` has those fields still.
Source: "Sysmon Module" and "Security Module", Winlogbeat reference, and the exported fields there.
"""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.forms import Object

_PROCESS = {
    "ProcessGuid": "process.entity_id",
    "ProcessId": "process.pid",
    "Image": "process.executable",
}
_SOURCE = {
    "SourceProcessGUID": "process.entity_id",
    "SourceProcessGuid": "process.entity_id",
    "SourceProcessId": "process.pid",
    "SourceThreadId": "process.thread.id",
    "SourceImage": "process.executable",
}
_FILE = {"TargetFilename": "file.path"}
_VERSION = {
    "OriginalFileName": "pe.original_file_name",
    "Company": "pe.company",
    "Description": "pe.description",
    "FileVersion": "pe.file_version",
    "Product": "pe.product",
}
#: Event of Sysmon -> its own name of a field: where the module puts it.
_MOVED: dict[int, dict[str, str]] = {
    1: {
        **_PROCESS,
        "CommandLine": "process.command_line",
        "CurrentDirectory": "process.working_directory",
        "ParentProcessGuid": "process.parent.entity_id",
        "ParentProcessId": "process.parent.pid",
        "ParentImage": "process.parent.executable",
        "ParentCommandLine": "process.parent.command_line",
        **{name: f"process.{path}" for name, path in _VERSION.items()},
    },
    2: {**_PROCESS, **_FILE},
    3: {
        **_PROCESS,
        "Protocol": "network.transport",
        "SourceIp": "source.ip",
        "SourceHostname": "source.domain",
        "SourcePort": "source.port",
        "DestinationIp": "destination.ip",
        "DestinationHostname": "destination.domain",
        "DestinationPort": "destination.port",
        "DestinationPortName": "network.protocol",
    },
    5: _PROCESS,
    6: {"ImageLoaded": "file.path"},
    7: {**_PROCESS, "ImageLoaded": "file.path", **{name: f"file.{path}" for name, path in _VERSION.items()}},
    8: {k: v for k, v in _SOURCE.items() if k != "SourceProcessGUID"},
    9: _PROCESS,
    10: {k: v for k, v in _SOURCE.items() if k != "SourceProcessGuid"},
    11: {**_PROCESS, **_FILE},
    12: _PROCESS,
    13: _PROCESS,
    14: _PROCESS,
    15: {**_PROCESS, **_FILE},
    17: {**_PROCESS, "PipeName": "file.name"},
    18: {**_PROCESS, "PipeName": "file.name"},
    22: {**_PROCESS, "QueryName": "dns.question.name", "QueryStatus": "sysmon.dns.status"},
    23: {**_PROCESS, **_FILE},
    26: {**_PROCESS, **_FILE},
}
_AUTHENTICATION = {
    "ProcessId": "process.pid",
    "ProcessName": "process.executable",
    "IpAddress": "source.ip",
    "IpPort": "source.port",
    "WorkstationName": "source.domain",
}
#: The same of the Security log.
_MOVED_SECURITY: dict[int, dict[str, str]] = {
    4624: _AUTHENTICATION,
    4625: _AUTHENTICATION,
    4648: _AUTHENTICATION,
    4688: {
        "NewProcessId": "process.pid",
        "NewProcessName": "process.executable",
        "ParentProcessName": "process.parent.executable",
        "ProcessId": "process.parent.pid",
        "CommandLine": "process.command_line",
    },
}
#: Where the hashes of an event are, and its accounts that have the fields `domain` and `name`.
_HASHES = {1: "process.", 6: "file.", 7: "file.", 15: "file.", 23: "file.", 26: "file."}
_KINDS = ("sha1", "md5", "sha256")


def restored(value: Object, number: int, data: Object) -> Object:
    """The data of a Sysmon event with the fields that the module has moved; `data` itself where it has moved none."""
    if not _by(value, "sysmon", "windows.sysmon_operational") or number not in _MOVED:
        return data
    result = _back(value, _MOVED[number], data)
    if "Hashes" not in result and number in _HASHES:
        before = _HASHES[number]
        hashes = [(kind.upper(), _at(value, f"{before}hash.{kind}")) for kind in _KINDS]
        hashes.append(("IMPHASH", _at(value, f"{before}pe.imphash")))
        told = [f"{kind}={found}" for kind, found in hashes if type(found) is str]
        if told:
            result["Hashes"] = ",".join(told)
    name, domain = _at(value, "user.name"), _at(value, "user.domain")
    # The module puts the account that Sysmon names there; without a module it is the account that wrote the event.
    if "User" not in result and type(name) is str and type(domain) is str:
        result["User"] = f"{domain}\\{name}"
    time = value.get("@timestamp")
    if "UtcTime" not in result and type(time) is str and time[10:11] == "T":
        result["UtcTime"] = time.replace("T", " ").rstrip("Z")
    return result


def restored_security(value: Object, number: int, data: Object) -> Object:
    """The same for an event of the Security log."""
    if number not in _MOVED_SECURITY or not _by(value, "security", "system.security"):
        return data
    return _back(value, _MOVED_SECURITY[number], data)


def _by(value: Object, module: str, dataset: str) -> bool:
    return bool(_at(value, "event.module") == module or _at(value, "event.dataset") == dataset)


def _back(value: Object, moved: dict[str, str], data: Object) -> Object:
    result = dict(data)
    for name, path in moved.items():
        found = _at(value, path)
        if name not in result and found is not None and type(found) is not dict:
            result[name] = found
    return result


def _at(value: Object, path: str) -> Any:
    """A value by its path, whether names are nested or dotted."""
    if path in value:
        return value[path]
    place: Any = value
    for part in path.split("."):
        if type(place) is not dict:
            return None
        place = place.get(part)
    return place
