"""Exclusions proposed for a finding, from what its evidence has in common.

What an attacker chooses (names, command lines) never carries a proposal: a content, a signer with a folder that only administrators
write to, a device do. They come narrowest first; who asks measures them and keeps those that explain the finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lurcher.content.exclusions.rewrite import GROUP_PREFIX
from lurcher.kql.formatter.words import string

#: Values of one field beyond which they are no pattern.
MAX_VALUES = 10
#: Folders that every user writes to: a path in one of them is the attacker's choice.
USER_FOLDERS = (
    "\\users\\",
    "\\temp\\",
    "\\tmp\\",
    "\\programdata\\",
    "\\downloads\\",
    "\\appdata\\",
    "\\$recycle",
    "\\perflogs\\",
)


@dataclass(frozen=True)
class Proposal:
    """`rests_on` says in words what it rests on."""

    rests_on: str
    when: str
    devices: tuple[str, ...] = ()


def proposals(facts: Mapping[str, Sequence[str]], subject: str) -> Iterator[Proposal]:
    """`facts`: context field -> the distinct values of the evidence. `subject` is `file` or `process`: what the rule is about."""
    hashes = _few(facts, f"{subject}.hash.sha1")
    signers = _few(facts, f"{subject}.signer")
    folder = folder_of(facts.get("process.path", ())) or folder_of(facts.get("file.path", ()))
    path = "process.path" if folder_of(facts.get("process.path", ())) else "file.path"
    parents = _few(facts, "process.parent.name")
    accounts = _few(facts, "process.account")
    devices = tuple(_few(facts, "device.name"))
    groups = tuple(GROUP_PREFIX + g for g in _few(facts, "device.group"))
    content = _among(f"{subject}.hash.sha1", hashes)
    signer = _among(f"{subject}.signer", signers)
    place = f"{path} startswith {string(folder)}" if folder else ""
    started = _among("process.parent.name", parents)
    account = _among("process.account", accounts)
    if content and devices:
        yield Proposal("this content, on these devices", content, devices)
    if signer and place:
        more = [p for p in (started, account) if p]
        words = "signer, folder" + (", what started it" if started else "") + (", account" if account else "")
        if more and devices:
            yield Proposal(f"{words}, on these devices", " and ".join((signer, place, *more)), devices)
        if devices:
            yield Proposal("signer and folder, on these devices", f"{signer} and {place}", devices)
        if more and groups:
            yield Proposal(f"{words}, in the devices' group", " and ".join((signer, place, *more)), groups)
        if groups:
            yield Proposal("signer and folder, in the devices' group", f"{signer} and {place}", groups)
    if content:
        yield Proposal("this content, on all devices", content)
    if signer and devices:
        yield Proposal("signer, on these devices", signer, devices)
    if signer and place:
        if more:
            yield Proposal(f"{words}, on all devices", " and ".join((signer, place, *more)))
        yield Proposal("signer and folder, on all devices", f"{signer} and {place}")
    if place and account and devices:
        yield Proposal("folder and account, on these devices", f"{place} and {account}", devices)


def folder_of(paths: Sequence[str]) -> str:
    """The folder that all paths are in, with a backslash at its end; "" where there is none, or every user writes to it."""
    if not paths or any(not p for p in paths):
        return ""
    first = paths[0]
    size = min(len(p) for p in paths)
    while size and len({p[:size].lower() for p in paths}) > 1:
        size -= 1
    folder = first[: first[:size].rfind("\\") + 1]
    parts = [p for p in folder.split("\\") if p]
    if len(parts) < 3 or any(mark in folder.lower() for mark in USER_FOLDERS):
        return ""
    return folder


def _few(facts: Mapping[str, Sequence[str]], field: str) -> list[str]:
    """The values, where all evidence has one and they are few."""
    values = list(facts.get(field, ()))
    return values if values and all(values) and len(values) <= MAX_VALUES else []


def _among(field: str, values: Sequence[str]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{field} == {string(values[0])}"
    return f"{field} in ({', '.join(string(v) for v in values)})"
