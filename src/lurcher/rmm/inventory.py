"""The queries of the inventory: which tool is on which device, and how that is known. Each gives one row for a tool and a device.

| how | what vouches for it |
|---|---|
| `signature` | a file signed by the tool's maker |
| `version information` | a program whose original file name, company or product is the tool's |
| `inventory` | Defender's list of installed software |
| `network` | a host of the tool's was talked to |
| `name` | a file is called so, and nothing else: weak |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lurcher.rmm import queries
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.packrows import pack_rows

#: From the strongest to the weakest.
HOW = ("signature", "version information", "inventory", "network", "name")
#: What every query gives.
COLUMNS = (
    "Tool",
    "DeviceId",
    "DeviceName",
    "How",
    "FirstSeen",
    "LastSeen",
    "Signers",
    "Thumbprints",
    "Folders",
    "Hosts",
    "Files",
)
_FOLDER = (
    "extend Folder = iff(isnotempty(FileName) and FolderPath endswith FileName,"
    " substring(FolderPath, 0, strlen(FolderPath) - strlen(FileName) - 1), FolderPath)"
)
_BY = "by Tool, DeviceId, DeviceName, How"
_NONE = "dynamic([])"
#: Values of a list that a row has at most. A list that is this long may not be all.
MANY = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One query, and the tables without which it has nothing to say."""

    tables: frozenset[str]
    query: str


def _summary(**lists: str) -> str:
    """The same columns whatever the table."""
    sets = ", ".join(f"{name} = make_set({lists[name]}, {MANY})" for name in lists)
    empty = [n for n in ("Signers", "Thumbprints", "Folders", "Hosts", "Files") if n not in lists]
    more = f"| extend {', '.join(f'{n} = {_NONE}' for n in empty)}\n" if empty else ""
    times = "FirstSeen = min(Timestamp), LastSeen = max(Timestamp)"
    return f"| summarize {times}, {sets} {_BY}\n{more}| project {', '.join(COLUMNS)}\n"


def _rows(query: str, since: str) -> str:
    """A hunting query without its end, over the time that is asked for."""
    head = query.rpartition("| summarize ")[0]
    return re.sub(r"\n *\| where Timestamp > ago\([^)]*\)", f"\n| where {since}" if since else "", head)


def parts(catalogue: Catalogue, since: str = "") -> tuple[Part, ...]:
    """`since` is a condition on Timestamp in KQL, "" for all there is."""
    rows = pack_rows(catalogue)
    signed = _rows(queries.all_signature(rows.signers), since)
    wide = _rows(queries.all_wide(rows.wide, rows.programs), since)
    named = _rows(queries.all_process(rows.names), since)
    varied = _rows(queries.all_patterns(rows.patterns), since)
    made = _rows(queries.all_versions(rows.makers), since)
    talked = _rows(queries.all_network(rows.domains), since)
    files, processes, network = "DeviceFileCertificateInfo", "DeviceProcessEvents", "DeviceNetworkEvents"
    signature = "| extend How = 'signature'\n" + _summary(Signers="Signer", Thumbprints="SignerHash")
    started = _summary(Folders="Folder", Files="FileName")
    version = f"| extend How = 'version information'\n| {_FOLDER}\n" + started
    name = f"| extend How = 'name'\n| {_FOLDER}\n" + started
    by_name = (
        "| extend How = iff(ProcessVersionInfoOriginalFileName =~ Program, 'version information', 'name')\n"
        f"| {_FOLDER}\n" + started
    )
    ran = (
        "| where isnotempty(SHA1)\n| distinct Tool, DeviceId, DeviceName, SHA1\n"
        f"| join kind=inner (DeviceProcessEvents{f' | where {since}' if since else ''} | {_FOLDER}"
        " | distinct DeviceId, SHA1, FileName, Folder, Timestamp) on DeviceId, SHA1\n"
        "| extend How = 'signature'\n" + started
    )

    def other(table: str) -> str:
        """Files that were written or loaded say no more than their names."""
        return _rows(queries.all_process(rows.names), since).replace(processes, table)

    def plain(query: str) -> str:
        # These tables have no version information.
        query = re.sub(r" or ProcessVersionInfoOriginalFileName in~ \(\(Names \| project Term\)\)", "", query)
        return re.sub(r"iff\(ProcessVersionInfoOriginalFileName.*\)\);", "tolower(FileName);", query)

    found = [
        Part(frozenset({files}), signed + signature),
        Part(frozenset({files, processes}), signed + ran),
        Part(frozenset({files, processes}), wide + signature),
        Part(frozenset({processes}), named + by_name),
        Part(frozenset({processes}), varied + name),
        Part(frozenset({processes}), made + version),
        Part(
            frozenset({network}),
            talked + "| extend How = 'network'\n" + _summary(Hosts="Host", Files="InitiatingProcessFileName"),
        ),
    ]
    found += [Part(frozenset({t}), plain(other(t)) + name) for t in ("DeviceFileEvents", "DeviceImageLoadEvents")]
    if not since:
        found.append(Part(frozenset({"DeviceTvmSoftwareInventory"}), _installed(catalogue)))
    return tuple(found)


def _installed(catalogue: Catalogue) -> str:
    """Defender writes products in lower case with underscores. The list has no times, so it is asked only where no time is."""

    def key(name: str) -> str:
        return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")

    rows = {(key(n), t.name) for t in catalogue.tools for n in t.names if len(key(n)) > 3}
    body = ",\n".join(f"    {queries.text(k)}, {queries.text(t)}" for k, t in sorted(rows))
    return (
        f"let Products = datatable(SoftwareName: string, Tool: string) [\n{body}\n];\n"
        "DeviceTvmSoftwareInventory\n| lookup kind=inner Products on SoftwareName\n"
        "| extend How = 'inventory', Timestamp = datetime(null), File = strcat(SoftwareName, ' ', SoftwareVersion)\n"
        + _summary(Files="File")
    )


def fleet(tables: frozenset[str]) -> str:
    """How many devices there are."""
    names = sorted(tables)
    return f"union {', '.join(f'({t} | distinct DeviceId)' for t in names)}\n| summarize Devices = count_distinct(DeviceId)"
