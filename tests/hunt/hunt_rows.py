"""Telemetry made on the spot: tables as KQL's own `datatable`, in front of each query. It runs on any engine."""

from __future__ import annotations

import datetime as dt

import pytest

NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
A, B, C = "a" * 40, "b" * 40, "c" * 40

_SHAPES = {
    "DeviceFileCertificateInfo": "Timestamp:datetime, DeviceId:string, DeviceName:string,"
    " SHA1:string, Signer:string, ReportId:long",
    "DeviceProcessEvents": "Timestamp:datetime, DeviceId:string, DeviceName:string, FileName:string, FolderPath:string,"
    " SHA1:string,"
    " ProcessCommandLine:string, AccountName:string, InitiatingProcessFileName:string, InitiatingProcessCommandLine:string,"
    " InitiatingProcessSHA1:string, ReportId:long, ProcessVersionInfoOriginalFileName:string,"
    " IsProcessRemoteSession:bool, IsInitiatingProcessRemoteSession:bool",
    "DeviceImageLoadEvents": "Timestamp:datetime, DeviceId:string, FileName:string, SHA1:string, InitiatingProcessFileName:string,"
    " InitiatingProcessCommandLine:string, InitiatingProcessParentFileName:string",
    "DeviceFileEvents": "Timestamp:datetime, DeviceId:string, FileName:string, SHA1:string, FileOriginUrl:string,"
    " InitiatingProcessFileName:string",
    "DeviceInfo": "Timestamp:datetime, DeviceId:string, MachineGroup:string, OSPlatform:string",
}


def columns_of(table):
    return frozenset(c.split(":")[0].strip() for c in _SHAPES[table].split(",")) if table in _SHAPES else None


def certificate(device, sha1=A, day=8, report=1, signer="NinjaRMM, LLC"):
    return {
        "Timestamp": day,
        "DeviceId": device,
        "DeviceName": f"{device}.corp",
        "SHA1": sha1,
        "Signer": signer,
        "ReportId": report,
    }


def process(device, name, line="", sha1=A, day=8, **more):
    return {
        "Timestamp": day,
        "DeviceId": device,
        "DeviceName": f"{device}.corp",
        "FileName": name,
        "ProcessCommandLine": line,
        "SHA1": sha1,
        **more,
    }


def ask_over(**tables):
    """An `Ask` over rows as dictionaries; `Timestamp` is a day of March 2026. What is not given is empty."""
    pytest.importorskip("lurcher.plan.compile")
    from lurcher.app.session import Session, Tables
    from lurcher.hunt.answers import answer_of

    prelude = "".join(_datatable(name, shape, tables.get(name, [])) for name, shape in _SHAPES.items())
    session = Session(Tables(None), NOW)
    return lambda query: answer_of(session.run_table(prelude + query))


def _datatable(name, shape, rows):
    columns = [c.strip().split(":") for c in shape.split(",")]
    cells = [_cell(row.get(c), t) for row in rows for c, t in columns]
    return f"let {name} = datatable({shape})[{', '.join(cells)}];\n"


def _cell(value, type_):
    if type_ == "datetime":
        return f"datetime(2026-03-{value:02})"
    if type_ == "bool":
        return "true" if value else "false"
    if type_ == "long":
        return str(value or 0)
    return '"' + str(value or "").replace("\\", "\\\\").replace('"', '\\"') + '"'
