"""ATT&CK's techniques: which there are, and to which tactics they belong. Source: `data/attack.tsv` (Enterprise, version 17.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lurcher.content.fields import TACTICS

VERSION = "17.0"
#: Enterprise's tactics in the order of the matrix.
ORDER = (
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation", "DefenseEvasion",
    "CredentialAccess", "Discovery", "LateralMovement", "Collection", "CommandAndControl", "Exfiltration", "Impact",
)  # fmt: skip
#: The ids of Enterprise's tactics.
TACTIC_IDS = {
    "TA0043": "Reconnaissance", "TA0042": "ResourceDevelopment", "TA0001": "InitialAccess", "TA0002": "Execution",
    "TA0003": "Persistence", "TA0004": "PrivilegeEscalation", "TA0005": "DefenseEvasion", "TA0006": "CredentialAccess",
    "TA0007": "Discovery", "TA0008": "LateralMovement", "TA0009": "Collection", "TA0011": "CommandAndControl",
    "TA0010": "Exfiltration", "TA0040": "Impact",
}  # fmt: skip
_FORM = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Technique:
    """`tactics` in Sentinel's spelling (`CommandAndControl`). `successor` is set for a revoked id: what took its place."""

    id: str
    name: str
    tactics: tuple[str, ...]
    successor: str = ""


def well_formed(id_: str) -> bool:
    """`T1219` or `T1219.002`."""
    return _FORM.fullmatch(id_) is not None


def judged(id_: str) -> bool:
    """Whether the list is complete for ids of this sort: `T08xx` are ICS techniques, which it does not hold."""
    return well_formed(id_) and not id_.startswith("T08")


@cache
def _techniques() -> dict[str, Technique]:
    text = (resources.files("lurcher.content") / "data" / "attack.tsv").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        id_, tactics, name = line.split("\t")
        found[id_] = Technique(id_, "", (), name) if tactics == ">" else Technique(id_, name, tuple(tactics.split(",")))
    return found


def technique(id_: str) -> Technique | None:
    """None where version 17.0 has no such id."""
    return _techniques().get(id_)


def techniques() -> tuple[Technique, ...]:
    """All techniques and sub-techniques, revoked ids left out."""
    return tuple(row for row in _techniques().values() if not row.successor)


def today(id_: str) -> Technique | None:
    """The technique that an id stands for now: what took the place of a revoked one. A sub-technique that is not known stands for
    its technique. None where there is none."""
    id_ = id_.strip().upper()
    row = _techniques().get(id_) or (_techniques().get(id_[:5]) if well_formed(id_) else None)
    for _ in range(8):
        if row is None or not row.successor:
            return row
        row = _techniques().get(row.successor)
    return None


def full_name(id_: str) -> str:
    """`T1219.002` -> `Remote Access Tools: Remote Desktop Software`; "" for none."""
    row = _techniques().get(id_)
    if row is None:
        return ""
    parent = _techniques().get(id_[:5]) if "." in id_ else None
    return f"{parent.name}: {row.name}" if parent is not None else row.name


def tactic(name: str) -> str:
    """A tactic in Sentinel's spelling from any that files use (`command-and-control`, `Command and Control`); "" for none."""
    wanted = re.sub(r"[^a-z]", "", name.lower())
    return next((t for t in TACTICS if t.lower() == wanted), "")
