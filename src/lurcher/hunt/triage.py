"""What makes a finding stand out, in words with the figures. Each reason is one query, asked only where its tables are.

A reason says what was seen, never what it means: "runs from C:\\Users\\eve\\Downloads" is a fact, "malicious" is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from lurcher.content.exclusions import parsing
from lurcher.content.exclusions.making import text as literal
from lurcher.hunt.answers import Answer, Ask, plain
from lurcher.hunt.run import MAX_KEYS, EvidenceKey, Seen

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
    #: What was asked of a whole table: query -> value. One for all findings of a hunt, as its tables do not change.
    known: dict[str, object] = field(default_factory=dict, compare=False, repr=False)


def _unexplained(seen: Seen) -> list[EvidenceKey]:
    return [k for k in seen.keys if not k.by] or list(seen.keys)


def in_part(seen: Seen) -> bool:
    """Whether a finding has more evidence than is looked into."""
    files = {k.sha1 for k in _unexplained(seen) if k.sha1}
    return len(files) > MAX_HASHES or len(seen.keys) == MAX_KEYS < (seen.total or 0)


def subject(
    seen: Seen,
    as_of: dt.datetime,
    tables: Collection[str],
    tools: Sequence[tuple[str, str]] = (),
    known: dict[str, object] | None = None,
) -> Subject:
    left = _unexplained(seen)
    devices = tuple(dict.fromkeys(k.device_id for k in left if k.device_id))
    hashes = tuple(dict.fromkeys(k.sha1 for k in left if k.sha1))[:MAX_HASHES]
    return Subject(devices, hashes, seen.first, as_of, frozenset(tables), tuple(tools), {} if known is None else known)


#: Tables, their columns that are asked for a finding's files, and those that are looked at.
_FILES = (
    ("DeviceFileCertificateInfo", "SHA1",
     "DeviceId, Timestamp, SHA1, Signer, IsSigned, IsTrusted, CertificateCreationTime, CertificateExpirationTime"),
    ("DeviceProcessEvents", "SHA1",
     "DeviceId, Timestamp, SHA1, FileName, FolderPath, ProcessCommandLine, ProcessVersionInfoOriginalFileName,"
     " IsProcessRemoteSession, IsInitiatingProcessRemoteSession"),
    ("DeviceNetworkEvents", "InitiatingProcessSHA1", "DeviceId, InitiatingProcessSHA1, InitiatingProcessFolderPath"),
    ("DeviceFileEvents", "SHA1", "DeviceId, Timestamp, SHA1, FileOriginUrl, InitiatingProcessFileName"),
)  # fmt: skip


def asked_of(abouts: Sequence[Subject]) -> list[str]:
    """Queries for all rows that the reasons of these findings are looked for in, but for those that need whole tables."""
    hashes = tuple(dict.fromkeys(h for about in abouts for h in about.hashes))
    tables = frozenset().union(*(about.tables for about in abouts))
    texts = [
        f"{table} | where {column} in ({_list(hashes)}) | project {columns}"
        for table, column, columns in _FILES
        if table in tables and hashes
    ]
    stems = next((_stems(about) for about in abouts if about.tools), "")
    if stems and "DeviceFileCertificateInfo" in tables:
        texts.append(
            f"DeviceFileCertificateInfo | where Signer has_any ({stems}) | project DeviceId, Timestamp, Signer"
        )
    return texts


@dataclass(frozen=True)
class Presence:
    """Where there is something to look at, of many findings at once: for each reason the devices and files of which there are
    rows. `hashes` and `devices` are what was asked about."""

    hashes: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    #: Name of a reason's check -> device -> hashes.
    found: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def rules_out(self, check: _Check, about: Subject) -> bool:
        rows = self.found.get(check.name)
        if rows is None or not self.hashes.issuperset(about.hashes) or not self.devices.issuperset(about.devices):
            return False
        return all(rows.get(device, _NO_HASHES).isdisjoint(about.hashes) for device in about.devices)


_NO_HASHES: set[str] = set()
#: Hashes, and devices, that one query asks for.
_MOST_AT_ONCE = 5_000


def presence(abouts: Sequence[Subject], ask: Ask) -> Presence:
    """One query a reason for all findings; most of them have nothing to tell by most reasons. Raises what `ask` raises."""
    hashes = tuple(dict.fromkeys(h for about in abouts for h in about.hashes))
    devices = tuple(dict.fromkeys(d for about in abouts for d in about.devices))
    tables = frozenset[str]().union(*(about.tables for about in abouts))
    if not hashes or not devices or max(len(hashes), len(devices)) > _MOST_AT_ONCE:
        return Presence()
    found: dict[str, dict[str, set[str]]] = {}
    for check in _CHECKS:
        if check.rows is None or not check.tables <= tables:
            continue
        table, column, test = check.rows
        answer = ask(
            f"{table} | where {column} in ({_list(hashes)}) and DeviceId in ({_list(devices)}) | where {test}"
            f" | distinct DeviceId, {column}"
        )
        here = found.setdefault(check.name, {})
        for device, value in answer.rows:
            here.setdefault(str(device), set()).add(str(value))
    return Presence(frozenset(hashes), frozenset(devices), found)


def reasons(seen: Seen, ask: Ask, about: Subject, present: Presence | None = None) -> list[Reason]:
    """Why a finding stands out; the heaviest first. `present`: what is known of all findings. Raises what `ask` raises."""
    if not about.hashes:
        about = replace(about, hashes=_talkers(seen, ask, about))
    found: dict[str, Reason] = {}
    for check in _CHECKS:
        if present is not None and present.rules_out(check, about):
            continue
        if check.tables <= about.tables and about.devices and (about.hashes or not check.hashes):
            # Two tables may say the same.
            found |= {r.text: r for r in check.run(ask, about) if r.text not in found}
    return sorted(found.values(), key=lambda r: -r.weight)


def _talkers(seen: Seen, ask: Ask, about: Subject) -> tuple[str, ...]:
    """The programs behind network events: these have no SHA1 of their own."""
    left = [k for k in seen.keys if not k.by and k.timestamp] or [k for k in seen.keys if k.timestamp]
    if "DeviceNetworkEvents" not in about.tables or not about.devices or not left:
        return ()
    times = ", ".join(f"datetime({t})" for t in dict.fromkeys(k.timestamp for k in left[:MAX_HASHES]))
    reports = _list(tuple(dict.fromkeys(k.report_id for k in left[:MAX_HASHES])))
    answer = ask(
        f"DeviceNetworkEvents | where DeviceId in ({_list(about.devices)}) and Timestamp in ({times})"
        f" and tostring(ReportId) in ({reports}) and isnotempty(InitiatingProcessSHA1)"
        f" | distinct InitiatingProcessSHA1 | sort by InitiatingProcessSHA1 asc | take {MAX_HASHES}"
    )
    return tuple(_texts(answer))


@dataclass(frozen=True, slots=True)
class _Check:
    tables: frozenset[str]
    run: Callable[[Ask, Subject], Iterator[Reason]]
    #: Whether it asks about the finding's files.
    hashes: bool = True
    #: The rows without which it has nothing to tell: a table, its column of hashes, a test.
    rows: tuple[str, str, str] | None = None

    @property
    def name(self) -> str:
        return self.run.__name__


_CHECKS: list[_Check] = []


def _needs(
    *tables: str,
    hashes: bool = True,
    rows: tuple[str, str, str] | None = None,
) -> Callable[[Callable[[Ask, Subject], Iterator[Reason]]], Callable[[Ask, Subject], Iterator[Reason]]]:
    def declare(run: Callable[[Ask, Subject], Iterator[Reason]]) -> Callable[[Ask, Subject], Iterator[Reason]]:
        _CHECKS.append(_Check(frozenset(tables), run, hashes, rows))
        return run

    return declare


def _list(values: Sequence[str]) -> str:
    return ", ".join(parsing.text(literal(v)) for v in values)


def _here(about: Subject, hash_column: str = "SHA1") -> str:
    return f"where DeviceId in ({_list(about.devices)}) and {hash_column} in ({_list(about.hashes)})"


def _texts(answer: Answer, column: int = 0) -> list[str]:
    return [str(r[column]) for r in answer.rows if r[column]]


#: What is seen within a day of when the data begins may have been there long before.
_SETTLED = dt.timedelta(days=1)


def _whole(ask: Ask, about: Subject, query: str) -> object:
    """A figure of a whole table, asked for once."""
    if query not in about.known:
        ((about.known[query],),) = ask(query).rows
    return about.known[query]


def _start(ask: Ask, about: Subject, table: str) -> object:
    """When the data of a table begins."""
    return _whole(ask, about, f"{table} | summarize min(Timestamp)")


def _about_files(ask: Ask, about: Subject, query: str) -> tuple[str, Any]:
    """What the certificates say of the files; of files without one, what their starts say. `query` has TABLE for the table."""
    for table in ("DeviceFileCertificateInfo", "DeviceProcessEvents"):
        if table in about.tables:
            answer = ask(query.replace("TABLE", table))
            if answer.rows and answer.rows[0][0]:
                return table, answer.rows[0][0]
    return "", None


def _in_user_folder(column: str) -> str:
    return " or ".join(f"{column} contains {parsing.text(literal(f))}" for f in USER_FOLDERS)


_EVENING, _MORNING = NIGHT
_RENAMED = "isnotempty(ProcessVersionInfoOriginalFileName) and FileName !~ ProcessVersionInfoOriginalFileName"
_NIGHT_SESSION = (
    "(IsProcessRemoteSession or IsInitiatingProcessRemoteSession"
    f" or ProcessCommandLine has_any ({_list(SESSION_WORDS)}))"
    f" and (hourofday(Timestamp) >= {_EVENING} or hourofday(Timestamp) < {_MORNING})"
)


@_needs()
def _prevalence(ask: Ask, about: Subject) -> Iterator[Reason]:
    table, n = _about_files(
        ask, about, f"TABLE | where SHA1 in ({_list(about.hashes)}) | summarize n = count_distinct(DeviceId)"
    )
    if table:
        m = _whole(ask, about, f"{table} | summarize count_distinct(DeviceId)")
        if isinstance(m, int) and m > 1 and n <= max(1, m // 10):
            yield Reason("rare", f"these files are on {n:,} of {m:,} devices", 6 if n == 1 else 3)


@_needs()
def _first_seen(ask: Ask, about: Subject) -> Iterator[Reason]:
    table, first = _about_files(ask, about, f"TABLE | {_here(about)} | summarize t = min(Timestamp)")
    if not table:
        return
    start = _start(ask, about, table)
    # What is there since the data begins was there before.
    if isinstance(first, dt.datetime) and isinstance(start, dt.datetime) and first - start >= _SETTLED:
        age = about.as_of - first
        if dt.timedelta(0) <= age <= dt.timedelta(days=7):
            yield Reason("new-here", f"first seen here {_age(age)} ago", 2)


@_needs("DeviceFileCertificateInfo", rows=("DeviceFileCertificateInfo", "SHA1", "true"))
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


@_needs("DeviceProcessEvents", rows=("DeviceProcessEvents", "SHA1", _in_user_folder("FolderPath")))
def _folder(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where {_in_user_folder('FolderPath')}"
        " | summarize n = count() by FolderPath | top 3 by n"
    )
    for path in _texts(answer):
        yield _from(path)


def _from(path: str) -> Reason:
    # Where an agent keeps its own service is no user's folder, though it is writable at first.
    weight = 8 if any(part in path.lower() for part in ("\\temp\\", "\\downloads\\", "\\appdata\\")) else 2
    return Reason("user-folder", f"runs from {path}", weight)


@_needs("DeviceProcessEvents", rows=("DeviceProcessEvents", "SHA1", _RENAMED))
def _renamed(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where {_RENAMED}"
        " | summarize n = count() by FileName, ProcessVersionInfoOriginalFileName | top 3 by n"
    )
    for name, original, _ in answer.rows:
        yield Reason("renamed", f"runs as {name}, its original name is {original}", 7)


@_needs(
    "DeviceNetworkEvents",
    rows=("DeviceNetworkEvents", "InitiatingProcessSHA1", _in_user_folder("InitiatingProcessFolderPath")),
)
def _talker(ask: Ask, about: Subject) -> Iterator[Reason]:
    """A program whose start is not in the data tells its folder when it talks."""
    tests = _in_user_folder("InitiatingProcessFolderPath")
    answer = ask(
        f"DeviceNetworkEvents | {_here(about, 'InitiatingProcessSHA1')} | where {tests}"
        " | summarize n = count() by InitiatingProcessFolderPath | top 3 by n"
    )
    for path in _texts(answer):
        yield _from(path)


@_needs(
    "DeviceProcessEvents",
    "DeviceFileCertificateInfo",
    rows=("DeviceProcessEvents", "SHA1", "isnotempty(ProcessVersionInfoOriginalFileName)"),
)
def _unsigned(ask: Ask, about: Subject) -> Iterator[Reason]:
    """A program that is signed elsewhere and not here. Defender writes `IsSigned` false of what it looked at; of what it has not
    looked at there is no row, which says less."""
    # Most have no start here: then whole tables need not be read.
    starts = f"DeviceProcessEvents | {_here(about)} | where isnotempty(ProcessVersionInfoOriginalFileName)"
    if not ask(f"{starts} | take 1 | project SHA1").rows:
        return
    answer = ask(
        f"let here = DeviceProcessEvents | {_here(about)} | where isnotempty(ProcessVersionInfoOriginalFileName)"
        " | distinct SHA1, Original = tolower(ProcessVersionInfoOriginalFileName);\n"
        "let names = DeviceProcessEvents | where isnotempty(SHA1)"
        " | where ProcessVersionInfoOriginalFileName in~ ((here | project Original))"
        " | distinct SHA1, Original = tolower(ProcessVersionInfoOriginalFileName);\n"
        "let judged = DeviceFileCertificateInfo | where SHA1 in ((names | project SHA1)) | distinct SHA1, Signer, IsSigned;\n"
        "let signed = judged | where IsSigned and isnotempty(Signer);\n"
        "let elsewhere = names | join kind=inner signed on SHA1"
        " | summarize Signer = min(Signer), Files = count_distinct(SHA1) by Original;\n"
        "here | where SHA1 !in ((signed | project SHA1)) | join kind=inner elsewhere on Original"
        " | extend Looked = SHA1 in ((judged | where not(IsSigned) | project SHA1))"
        " | distinct Original, Signer, Looked, Files | top 3 by Files"
    )
    for name, signer, looked, _ in answer.rows:
        if looked:
            yield Reason("unsigned-copy", f"{name} is not signed here; elsewhere it is, by {signer}", 8)
        else:
            yield Reason(
                "unsigned-copy", f"no signature of this {name} is known; elsewhere it is signed by {signer}", 5
            )


@_needs("DeviceFileEvents", rows=("DeviceFileEvents", "SHA1", "isnotempty(FileOriginUrl)"))
def _downloaded(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceFileEvents | {_here(about)} | where isnotempty(FileOriginUrl)"
        " | summarize t = min(Timestamp) by FileOriginUrl, InitiatingProcessFileName | top 3 by t asc"
    )
    for url, program, _ in answer.rows:
        yield Reason("downloaded", f"downloaded by {program or 'a program'} from {url}", 8)


@_needs("DeviceProcessEvents", rows=("DeviceProcessEvents", "SHA1", _NIGHT_SESSION))
def _at_night(ask: Ask, about: Subject) -> Iterator[Reason]:
    answer = ask(
        f"DeviceProcessEvents | {_here(about)} | where {_NIGHT_SESSION} | summarize n = count(), t = min(Timestamp)"
    )
    n, first = answer.rows[0]
    if n:
        yield Reason(
            "night-session",
            f"remote sessions between {_EVENING}:00 and {_MORNING}:00 UTC: {n} starts, first {plain(first)}",
            7,
        )


@_needs("DeviceFileCertificateInfo", hashes=False)
def _two_tools(ask: Ask, about: Subject) -> Iterator[Reason]:
    if not about.tools:
        return
    answer = ask(
        f"DeviceFileCertificateInfo | where DeviceId in ({_list(about.devices)}) and Signer has_any ({_stems(about)})"
        " | summarize t = min(Timestamp) by DeviceId, Signer"
    )
    start = _start(ask, about, "DeviceFileCertificateInfo") if answer.rows else None
    first: dict[tuple[str, str], dt.datetime] = {}
    for device, signer, moment in answer.rows:
        tool = next((name for stem, name in about.tools if stem.lower() in str(signer).lower()), None)
        if tool is None or not isinstance(moment, dt.datetime) or not isinstance(start, dt.datetime):
            continue
        if moment - start >= _SETTLED:
            key = (str(device), tool)
            first[key] = min(first.get(key, moment), moment)
    ordered = sorted((device, moment, tool) for (device, tool), moment in first.items())
    for (device, earlier, one), (device2, later, other) in pairwise(ordered):
        if device == device2 and later - earlier <= dt.timedelta(hours=1):
            yield Reason("two-tools", f"{one} and {other} first seen within {_age(later - earlier)} on one device", 7)


def _stems(about: Subject) -> str:
    return _list([stem for stem, _ in about.tools])


def _age(span: dt.timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"
