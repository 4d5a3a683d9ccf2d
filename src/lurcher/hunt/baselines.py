"""What the ledger knows of entities: since when, and on how many devices, a file, signer or account is in findings."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lurcher.hunt.run import Seen

#: Kind -> columns of a result row that hold one, in lower case. Names that stand for the same thing on both services.
_COLUMNS = {
    "account": ("accountname", "accountupn", "initiatingprocessaccountname", "initiatingprocessaccountupn", "account",
                "userprincipalname", "subjectusername", "targetusername"),
    "sha1": ("sha1", "initiatingprocesssha1"),
    "sha256": ("sha256", "initiatingprocesssha256"),
    "md5": ("md5", "initiatingprocessmd5"),
    "signer": ("signer",),
    "file": ("filename", "initiatingprocessfilename", "processversioninfooriginalfilename"),
    "ip": ("remoteip", "localip", "ipaddress", "sourceip", "destinationip", "clientip", "srcip", "dstip"),
    "url": ("remoteurl", "url", "fileoriginurl", "domain", "domainname"),
}  # fmt: skip
_KIND_OF = {column: kind for kind, columns in _COLUMNS.items() for column in columns}
#: Kind of what an entity mapping of a Sentinel rule names.
_MAPPED = {
    "account.name": "account", "account.fullname": "account", "account.upnsuffix": "", "filehash.value": "hash",
    "file.name": "file", "ip.address": "ip", "url.url": "url", "dns.domainname": "url", "process.commandline": "command",
    "mailbox.mailboxprimaryaddress": "account",
}  # fmt: skip
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
_HEX = re.compile(r"[0-9a-f]+")
#: Values of one list, and characters of one value, that are kept.
_MANY, _LONG = 50, 300


@dataclass(frozen=True, order=True)
class Known:
    """An entity on a device (its name as the finding has it, or its id; "" where there is none)."""

    kind: str
    value: str
    device: str


@dataclass(frozen=True)
class Baseline:
    """An entity of a finding against all findings of the ledger. Times are texts; `devices`: on how many it
    was seen in findings."""

    kind: str
    value: str
    first_on_device: str
    last_on_device: str
    first_in_fleet: str
    devices: int
    #: Whether this finding's device was the first to have it, and whether others have it by now.
    first_here: bool

    @property
    def text(self) -> str:
        if self.kind == "device":
            return f"device {self.value}: in findings since {_day(self.first_in_fleet)}"
        where = "on this device alone" if self.devices <= 1 else f"on {self.devices:,} devices"
        begun = (
            f"first in the fleet, {_day(self.first_in_fleet)}"
            if self.first_here
            else f"first on this device {_day(self.first_on_device)}, in the fleet {_day(self.first_in_fleet)}"
        )
        return f"{self.kind} {self.value}: in findings {where}; {begun}; last {_day(self.last_on_device)}"


def _day(text: str) -> str:
    return text.replace("T", " ")[:16]


def entities_of(seen: Seen, mapped: Mapping[str, str]) -> tuple[Known, ...]:
    """The entities of a result row, by its columns' names and the rule's entity mappings (column -> `Type.Field`), and the files of
    its evidence."""
    device = seen.device.casefold()
    found: set[Known] = set()
    if device:
        found.add(Known("device", device, device))
    for column, value in seen.row.items():
        kind = _MAPPED.get(mapped.get(column, "").casefold()) or _KIND_OF.get(column.casefold(), "")
        if kind and isinstance(value, str):
            found.update(k for v in _values(value) if (k := _known(kind, v, device)) is not None)
    for key in seen.keys:
        if key.sha1:
            found.add(Known("sha1", key.sha1.casefold()[:_LONG], device))
    return tuple(sorted(found))


def _values(text: str) -> list[str]:
    """What a value lists: `make_set()` gives JSON."""
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        if isinstance(listed, list):
            return [v for v in listed[:_MANY] if isinstance(v, str)]
    return [text]


def _known(kind: str, value: str, device: str) -> Known | None:
    value = value.strip().casefold()[:_LONG]
    if not value:
        return None
    if kind == "hash":
        kind = _HASHES.get(len(value), "") if _HEX.fullmatch(value) else ""
    return Known(kind, value, device) if kind else None


def baselines(db: sqlite3.Connection, known: tuple[Known, ...]) -> list[Baseline]:
    """What the ledger has of these entities."""
    found = []
    for one in known:
        here = db.execute(
            "SELECT first_seen, last_seen FROM entities WHERE kind = ? AND value = ? AND device = ?",
            (one.kind, one.value, one.device),
        ).fetchone()
        if here is None:
            continue
        first, devices = db.execute(
            "SELECT min(first_seen), count(*) FROM entities WHERE kind = ? AND value = ?", (one.kind, one.value)
        ).fetchone()
        found.append(Baseline(one.kind, one.value, here[0], here[1], first, devices, here[0] == first))
    return found
