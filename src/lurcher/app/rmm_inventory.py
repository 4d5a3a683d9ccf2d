"""Which remote-management tools are on which devices of a lake, and how that is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lurcher.app.rmm import catalogue_of
from lurcher.app.session import Session
from lurcher.hunt.answers import Answer, answer_of, plain
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.inventory import HOW, MANY, fleet, parts
from lurcher.rmm.policy import Policy, Sanction

#: Tables with devices in them.
DEVICE_TABLES = frozenset(
    {
        "DeviceFileCertificateInfo",
        "DeviceProcessEvents",
        "DeviceNetworkEvents",
        "DeviceFileEvents",
        "DeviceImageLoadEvents",
        "DeviceTvmSoftwareInventory",
    }
)


@dataclass
class Found:
    """A tool on a device. Times are texts in UTC, "" where the source has none. `sanctioned`: "yes", "no", or "" without a policy;
    `why` says what speaks against it. `devices` of `fleet`: how widely the tool is spread."""

    tool: str
    device_id: str
    device: str
    how: list[str] = field(default_factory=list)
    first_seen: str = ""
    last_seen: str = ""
    signers: list[str] = field(default_factory=list)
    thumbprints: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: Which of these lists may not be all, for they are too long.
    cut: list[str] = field(default_factory=list)
    devices: int = 0
    fleet: int = 0
    sanctioned: str = ""
    why: str = ""

    @property
    def weak(self) -> bool:
        """Known by a file's name alone."""
        return self.how == ["name"]


@dataclass(frozen=True)
class Inventory:
    """`asked` and `missing` are tables that were there and were not."""

    found: tuple[Found, ...]
    fleet: int
    asked: tuple[str, ...]
    missing: tuple[str, ...]


def inventory(
    session: Session, *, since: str = "", catalogue_path: Path | None = None, policy: Path | None = None
) -> Inventory:
    """`since` is a span (`30d`) or a day (`2026-11-01`). All matching is done by the engine; here are only tools by devices."""
    lake = session.tables.lake
    catalogue = catalogue_of(catalogue_path, lake.path if lake is not None else None)
    there = frozenset(t for t in DEVICE_TABLES if session.tables.data(t) is not None)
    found: dict[tuple[str, str], Found] = {}
    for part in parts(catalogue, _since(since)):
        if part.tables <= there:
            _merge(found, answer_of(session.run_table(part.query)))
    _resolve(found, catalogue)
    total = 0
    if there:
        total = int(session.run_table(fleet(there)).column(0)[0].as_py() or 0)
    spread: dict[str, int] = {}
    for tool, _ in found:
        spread[tool] = spread.get(tool, 0) + 1
    rows = sorted(found.values(), key=lambda f: (f.weak, f.tool.casefold(), f.device, f.device_id))
    sanctions = None
    if policy is not None:
        from lurcher.app.rmm_policy import read_policy

        sanctions = read_policy(policy, catalogue, session.now.date())
    groups = _groups(session) if sanctions is not None else {}
    for row in rows:
        row.how.sort(key=HOW.index)
        row.devices, row.fleet = spread[row.tool], total
        if sanctions is not None:
            row.sanctioned, row.why = _judged(row, sanctions, groups, session.now)
    return Inventory(tuple(rows), total, tuple(sorted(there)), tuple(sorted(DEVICE_TABLES - there)))


def _since(text: str) -> str:
    import re

    from lurcher.app.times import parse_time

    if not text:
        return ""
    if re.fullmatch(r"\d+(?:\.\d+)?[dhm]", text):
        return f"Timestamp >= ago({text})"
    return f"Timestamp >= datetime({parse_time(text):%Y-%m-%dT%H:%M:%SZ})"


def _merge(found: dict[tuple[str, str], Found], answer: Answer) -> None:
    for row in answer.rows:
        value = dict(zip(answer.columns, row, strict=True))
        device_id = str(value["DeviceId"] or "")
        name = str(value["DeviceName"] or "")
        key = (str(value["Tool"]), device_id or name)
        one = found.setdefault(key, Found(key[0], device_id, name))
        one.device = one.device or name
        if value["How"] not in one.how:
            one.how.append(str(value["How"]))
        first, last = (str(plain(value[c]) or "") for c in ("FirstSeen", "LastSeen"))
        one.first_seen = min(filter(None, (one.first_seen, first)), default="")
        one.last_seen = max(one.last_seen, last)
        for column, into in (
            ("Signers", one.signers), ("Thumbprints", one.thumbprints), ("Folders", one.folders), ("Hosts", one.hosts),
            ("Files", one.files),
        ):  # fmt: skip
            texts = _texts(value[column])
            if len(texts) >= MANY and column.lower() not in one.cut:
                one.cut.append(column.lower())
            for text in texts:
                if text not in into:
                    into.append(text)


def _texts(value: object) -> list[str]:
    items = json.loads(value) if isinstance(value, str) else value
    return sorted(str(i) for i in items if i) if isinstance(items, Iterable) else []


def _resolve(found: dict[tuple[str, str], Found], catalogue: Catalogue) -> None:
    """A maker's signature on a device where one of his tools is known otherwise is taken for that tool's."""
    from lurcher.rmm.packrows import pack_rows

    shared = {label: tools for label, tools in pack_rows(catalogue).tools.items() if len(tools) > 1}
    for label, device in [key for key in found if key[0] in shared]:
        here = [found[(t, device)] for t in shared[label] if (t, device) in found]
        if len(here) == 1:
            maker = found.pop((label, device))
            one = here[0]
            one.how = list(dict.fromkeys((*one.how, *maker.how)))
            one.signers = list(dict.fromkeys((*one.signers, *maker.signers)))
            one.thumbprints = list(dict.fromkeys((*one.thumbprints, *maker.thumbprints)))
            one.folders = list(dict.fromkeys((*one.folders, *maker.folders)))
            one.cut = list(dict.fromkeys((*one.cut, *maker.cut)))
            one.first_seen = min(filter(None, (one.first_seen, maker.first_seen)), default="")
            one.last_seen = max(one.last_seen, maker.last_seen)


def _groups(session: Session) -> dict[str, str]:
    """DeviceId -> its group, the latest that is known."""
    if session.tables.data("DeviceInfo") is None:
        return {}
    answer = answer_of(
        session.run_table(
            "DeviceInfo | where isnotempty(MachineGroup) | summarize arg_max(Timestamp, MachineGroup) by DeviceId"
            " | project DeviceId, MachineGroup"
        )
    )
    return {str(d): str(g) for d, g in answer.rows}


def _judged(row: Found, policy: Policy, groups: dict[str, str], now: datetime) -> tuple[str, str]:
    mine = [s for s in policy.rows if s.tool.name == row.tool]
    if not mine:
        return "no", "not in the policy"
    against = [_against(row, s, groups, now) for s in mine]
    return ("yes", "") if "" in against else ("no", "; ".join(dict.fromkeys(against)))


def _against(row: Found, sanction: Sanction, groups: dict[str, str], now: datetime) -> str:
    """What keeps a row of the policy from covering it; "" for nothing."""
    if not sanction.in_force(now.date()):
        return f"sanctioned until {sanction.until}"
    if sanction.devices:
        names = {d.lower() for d in sanction.devices}
        group = groups.get(row.device_id, "")
        mine = {row.device.lower(), row.device_id.lower(), f"group:{group}".lower()} - {"", "group:"}
        if not names & mine:
            return "not for this device"
    if not row.signers:
        return "no signature is known here"
    allowed = {s.lower() for s in sanction.signers}
    other = [s for s in row.signers if s.lower() not in allowed]
    if other:
        return f"signed by {other[0]}"
    outside = [f for f in row.folders if not f"{f}\\".lower().startswith(tuple(x.lower() for x in sanction.folders))]
    if outside:
        return f"runs from {outside[0]}"
    if sanction.domains:
        strange = [h for h in row.hosts if not any(f".{h}".lower().endswith(f".{d}") for d in sanction.domains)]
        if strange:
            return f"talks to {strange[0]}"
    cut = [c for c in row.cut if c in ("signers", "folders") or (c == "hosts" and sanction.domains)]
    return f"{MANY} {cut[0]} or more: not all of them were looked at" if cut else ""
