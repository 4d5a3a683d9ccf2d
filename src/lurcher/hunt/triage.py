"""What makes a finding stand out, in words with the figures. Each reason is one query, asked only where its tables are.

A reason says what was seen, never what it means: "runs from C:\\Users\\eve\\Downloads" is a fact, "malicious" is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lurcher.content.exclusions import parsing
from lurcher.content.exclusions.making import text as literal
from lurcher.hunt.answers import Answer, Ask, plain
from lurcher.hunt.run import Seen

#: Hashes of a finding that are asked about. A finding with more is told of by the first of them.
MAX_HASHES = 200
#: Folders that a user, and so whatever runs as that user, may write to.
USER_FOLDERS = ("\\Users\\", "\\Temp\\", "\\ProgramData\\", "\\Downloads\\", "\\$Recycle")
NIGHT = (22, 6)
#: Words on the command line of a remote-management program that is being used by a person.
SESSION_WORDS = ("session", "remote", "console", "shell", "desktop", "rdp", "vnc")
#: A signing certificate that is younger than this at the time is worth a word.
YOUNG_DAYS = 30


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is for filters and counts, `text` for people; `weight` orders them, the heaviest first."""

    code: str
    text: str
    weight: int = 1


@dataclass(frozen=True)
class Subject:
    """What is asked about: a finding's devices and hashes, and what the lake has. `as_of` is aware. `tools` maps a signer's stem to
    the tool that it is, from the catalogue."""

    devices: tuple[str, ...]
    hashes: tuple[str, ...]
    first: str
    as_of: dt.datetime
    tables: frozenset[str]
    tools: tuple[tuple[str, str], ...] = field(default=())


def subject(seen: Seen, as_of: dt.datetime, tables: Collection[str], tools: Sequence[tuple[str, str]] = ()) -> Subject:
    left = [k for k in seen.keys if not k.by] or list(seen.keys)
    devices = tuple(dict.fromkeys(k.device_id for k in left if k.device_id))
    hashes = tuple(dict.fromkeys(k.sha1 for k in left if k.sha1))[:MAX_HASHES]
    return Subject(devices, hashes, seen.first, as_of, frozenset(tables), tuple(tools))


def reasons(seen: Seen, ask: Ask, about: Subject) -> list[Reason]:
    """Why a finding stands out; the heaviest first. Raises what `ask` raises."""
    found: list[Reason] = []
    for check in _CHECKS:
        if check.tables <= about.tables and about.hashes and about.devices:
            found += check.run(ask, about)
    return sorted(found, key=lambda r: -r.weight)


@dataclass(frozen=True, slots=True)
class _Check:
    tables: frozenset[str]
    run: Callable[[Ask, Subject], Iterator[Reason]]


_CHECKS: list[_Check] = []


def _needs(
    *tables: str,
) -> Callable[[Callable[[Ask, Subject], Iterator[Reason]]], Callable[[Ask, Subject], Iterator[Reason]]]:
    def declare(run: Callable[[Ask, Subject], Iterator[Reason]]) -> Callable[[Ask, Subject], Iterator[Reason]]:
        _CHECKS.append(_Check(frozenset(tables), run))
        return run

    return declare


def _list(values: Sequence[str]) -> str:
    return ", ".join(parsing.text(literal(v)) for v in values)


def _here(about: Subject, hash_column: str = "SHA1") -> str:
    return f"where DeviceId in ({_list(about.devices)}) and {hash_column} in ({_list(about.hashes)})"


def _texts(answer: Answer, column: int = 0) -> list[str]:
    return [str(r[column]) for r in answer.rows if r[column]]


#: When the data begins; what is seen within a day of that may have been there long before.
_START = "let start = toscalar(DeviceFileCertificateInfo | summarize min(Timestamp));\n"
_SETTLED = dt.timedelta(days=1)


@_needs("DeviceFileCertificateInfo")
def _prevalence(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        "let all = toscalar(DeviceFileCertificateInfo | summarize dcount(DeviceId));\n"
        f"DeviceFileCertificateInfo | where SHA1 in ({_list(about.hashes)})"
        " | summarize n = count_distinct(DeviceId) | extend m = all"
    )
    n, m = answer.rows[0]
    if n and m and n <= max(1, m // 10):
        yield Reason("rare", f"these files are on {n} of {m} devices", 6 if n == 1 else 3)


@_needs("DeviceFileCertificateInfo")
def _first_seen(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"{_START}DeviceFileCertificateInfo | {_here(about)} | summarize t = min(Timestamp) | extend s = start"
    )
    first, start = answer.rows[0]
    # What is there since the data begins was there before.
    if isinstance(first, dt.datetime) and first - start >= _SETTLED:
        age = about.as_of - first
        if dt.timedelta(0) <= age <= dt.timedelta(days=7):
            yield Reason("new-here", f"first seen here {_age(age)} ago", 2)


@_needs("DeviceFileCertificateInfo")
def _signer(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceFileCertificateInfo | {_here(about)} | summarize seen = min(Timestamp), trusted = countif(IsTrusted),"
        " untrusted = countif(not(IsTrusted)) by Signer, CertificateCreationTime, CertificateExpirationTime"
    )
    for signer, made, ends, seen, trusted, untrusted in answer.rows:
        if untrusted and not trusted:
            yield Reason("untrusted", f"the signature of {signer} does not lead to a trusted root", 7)
        if isinstance(made, dt.datetime) and isinstance(seen, dt.datetime):
            young = seen - made
            if dt.timedelta(0) <= young <= dt.timedelta(days=YOUNG_DAYS):
                yield Reason(
                    "young-signer", f"the certificate of {signer} was {young.days} days old when it was seen", 4
                )
            if isinstance(ends, dt.datetime) and seen > ends:
                yield Reason("expired-signer", f"the certificate of {signer} had ended {_age(seen - ends)} before", 2)


@_needs("DeviceProcessEvents")
def _folder(ask: Ask, about: Subject) -> Iterator[Reason]:
    tests = " or ".join(f"FolderPath contains {parsing.text(literal(f))}" for f in USER_FOLDERS)
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where {tests} | summarize n = count() by FolderPath | top 3 by n"
    )
    for path in _texts(answer):
        # Where an agent keeps its own service is no user's folder, though it is writable at first.
        weight = 8 if any(part in path.lower() for part in ("\\temp\\", "\\downloads\\", "\\appdata\\")) else 2
        yield Reason("user-folder", f"runs from {path}", weight)


@_needs("DeviceProcessEvents")
def _renamed(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where isnotempty(ProcessVersionInfoOriginalFileName)"
        " and FileName !~ ProcessVersionInfoOriginalFileName"
        " | summarize n = count() by FileName, ProcessVersionInfoOriginalFileName | top 3 by n"
    )
    for name, original, _ in answer.rows:
        yield Reason("renamed", f"runs as {name}, its original name is {original}", 7)


@_needs("DeviceFileEvents")
def _downloaded(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceFileEvents | {_here(about)} | where isnotempty(FileOriginUrl)"
        " | summarize t = min(Timestamp) by FileOriginUrl, InitiatingProcessFileName | top 3 by t asc"
    )
    for url, program, _ in answer.rows:
        yield Reason("downloaded", f"downloaded by {program or 'a program'} from {url}", 8)


@_needs("DeviceProcessEvents")
def _at_night(ask: Ask, about: Subject) -> Iterator[Reason]:
    evening, morning = NIGHT
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where (IsProcessRemoteSession or IsInitiatingProcessRemoteSession"
        f" or ProcessCommandLine has_any ({_list(SESSION_WORDS)}))"
        f" and (hourofday(Timestamp) >= {evening} or hourofday(Timestamp) < {morning})"
        " | summarize n = count(), t = min(Timestamp)"
    )
    n, first = answer.rows[0]
    if n:
        yield Reason(
            "night-session",
            f"remote sessions between {evening}:00 and {morning}:00 UTC: {n} starts, first {plain(first)}",
            7,
        )


@_needs("DeviceFileCertificateInfo")
def _two_tools(ask: Ask, about: Subject) -> Iterator[Reason]:
    if not about.tools:
        return
    stems = _list([stem for stem, _ in about.tools])
    answer = ask(
        f"{_START}DeviceFileCertificateInfo | where DeviceId in ({_list(about.devices)}) and Signer has_any ({stems})"
        " | summarize t = min(Timestamp) by DeviceId, Signer | extend s = start"
    )
    first: dict[tuple[str, str], dt.datetime] = {}
    for device, signer, moment, start in answer.rows:
        tool = next((name for stem, name in about.tools if stem.lower() in str(signer).lower()), None)
        if tool is not None and isinstance(moment, dt.datetime) and moment - start >= _SETTLED:
            key = (str(device), tool)
            first[key] = min(first.get(key, moment), moment)
    ordered = sorted((device, moment, tool) for (device, tool), moment in first.items())
    for (device, earlier, one), (device2, later, other) in pairwise(ordered):
        if device == device2 and later - earlier <= dt.timedelta(hours=1):
            yield Reason("two-tools", f"{one} and {other} first seen within {_age(later - earlier)} on one device", 7)


def _age(span: dt.timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"
