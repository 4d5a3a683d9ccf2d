"""The context fields that an exclusion may name, and their other spellings.

Which column a field is depends on the evidence: `context` says that. Source of the synonyms: Elastic Common Schema 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lurcher.kql.syntax import Expression
from lurcher.kql.syntax.base import node

Entity = Literal["process", "file", "device", "account", "signature"]
Algorithm = Literal["md5", "sha1", "sha256"]


@dataclass(frozen=True, slots=True)
class Field:
    """A context field. `folds`: Windows compares it without case, so `==` does. `chosen`: its value is whatever an attacker
    likes it to be. `algorithm` of a hash; `any` where the length of the constant tells it."""

    name: str
    entity: Entity
    folds: bool = False
    chosen: bool = False
    algorithm: Algorithm | Literal["any", ""] = ""


@node
class FieldRef(Expression):
    """A context field in the tree of a condition. Never in a query: `rewrite` puts a column in its place."""

    field: str


_ROWS: tuple[Field, ...] = (
    Field("process.name", "process", folds=True, chosen=True),
    Field("process.path", "process", folds=True),
    Field("process.command_line", "process", chosen=True),
    Field("process.hash", "process", folds=True, algorithm="any"),
    Field("process.hash.md5", "process", folds=True, algorithm="md5"),
    Field("process.hash.sha1", "process", folds=True, algorithm="sha1"),
    Field("process.hash.sha256", "process", folds=True, algorithm="sha256"),
    Field("process.account", "account"),
    Field("process.signer", "process"),
    Field("process.parent.name", "process", folds=True, chosen=True),
    Field("process.parent.path", "process", folds=True),
    Field("process.parent.command_line", "process", chosen=True),
    Field("file.name", "file", folds=True, chosen=True),
    Field("file.path", "file", folds=True),
    Field("file.hash", "file", folds=True, algorithm="any"),
    Field("file.hash.md5", "file", folds=True, algorithm="md5"),
    Field("file.hash.sha1", "file", folds=True, algorithm="sha1"),
    Field("file.hash.sha256", "file", folds=True, algorithm="sha256"),
    Field("file.origin_url", "file", chosen=True),
    Field("file.signer", "signature"),
    Field("file.issuer", "signature"),
    Field("device.name", "device"),
    Field("device.id", "device"),
    Field("device.group", "device"),
    Field("device.os", "device"),
    Field("account.name", "account"),
    Field("account.domain", "account"),
    Field("account.upn", "account"),
)
FIELDS: dict[str, Field] = {f.name: f for f in _ROWS}

SYNONYMS: dict[str, str] = {
    "process.parent_process_name": "process.parent.name",
    "process.parent_name": "process.parent.name",
    "process.parent_command_line": "process.parent.command_line",
    "process.executable": "process.path",
    "process.commandline": "process.command_line",
    "process.parent.executable": "process.parent.path",
    "process.md5": "process.hash.md5",
    "process.sha1": "process.hash.sha1",
    "process.sha256": "process.hash.sha256",
    "process.user.name": "process.account",
    "process.code_signature.subject_name": "process.signer",
    "file.md5": "file.hash.md5",
    "file.sha1": "file.hash.sha1",
    "file.sha256": "file.hash.sha256",
    "file.code_signature.subject_name": "file.signer",
    "file.x509.issuer.common_name": "file.issuer",
    "host.name": "device.name",
    "host.hostname": "device.name",
    "host.id": "device.id",
    "host.os.platform": "device.os",
    "user.name": "account.name",
    "user.domain": "account.domain",
    "user.email": "account.upn",
}

#: Length in hex digits -> hash.
HASH_LENGTHS: dict[int, Algorithm] = {32: "md5", 40: "sha1", 64: "sha256"}


def canonical(written: str) -> str | None:
    """The field that a dotted name means, in any case; None where it means none."""
    name = written.lower()
    name = SYNONYMS.get(name, name)
    return name if name in FIELDS else None
