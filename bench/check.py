"""How long `lurcher check` takes for a repository of many rules, and the memory it needs.

    python bench/check.py [RULES]

Makes RULES rules (5,000) in a temporary folder out of the rules of content/ and of queries of the sizes that published rules
have, each with an id, a name and a query of its own; every tenth has the defects of published files. Measured are one process,
and one for each core.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """\
id: {id}
name: Rule {number}
description: |
  What rule {number} finds, and what an analyst does with it.
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
{dash}  dataTypes:
{dash}    - DeviceProcessEvents
tactics: {tactics}
relevantTechniques:
  - T1059
query: |
"""


#: From a handful of lines to a screen: lists, joins, sets, JSON, time series.
QUERIES = (
    """DeviceProcessEvents
| where Timestamp > ago(7d)
| where FileName in~ ({words}) or ProcessVersionInfoOriginalFileName in~ ({words})
| where ProcessCommandLine has_any ({words}) and not(InitiatingProcessFileName =~ "setup.exe")
| project Timestamp, DeviceId, DeviceName, AccountName, FileName, ProcessCommandLine, ReportId
""",
    """let window = 14d;
let known = DeviceNetworkEvents
| where Timestamp between (ago(2 * window) .. ago(window))
| summarize by RemoteUrl = tolower(RemoteUrl);
DeviceNetworkEvents
| where Timestamp > ago(window)
| where isnotempty(RemoteUrl) and RemoteUrl has_any ({words})
| extend Host = tostring(parse_url(RemoteUrl).Host), Domain = tolower(RemoteUrl)
| join kind=leftanti known on $left.Domain == $right.RemoteUrl
| summarize FirstSeen = min(Timestamp), LastSeen = max(Timestamp), Devices = dcount(DeviceId), Ports = make_set(RemotePort, 50)
    by Host, InitiatingProcessFileName
| where Devices < 5
| order by LastSeen desc
""",
    """SigninLogs
| where TimeGenerated > ago(1d)
| where ResultType in ("50126", "50053", "50055")
| extend City = tostring(LocationDetails.city), Country = tostring(LocationDetails.countryOrRegion)
| extend Device = parse_json(tostring(DeviceDetail)), Method = tostring(AuthenticationDetails)
| extend Browser = tostring(Device.browser), System = tostring(Device.operatingSystem)
| summarize Failures = count(), Users = dcount(UserPrincipalName), Codes = make_set(ResultType), Cities = make_set(City)
    by IPAddress, Country, Browser, System, bin(TimeGenerated, 1h)
| where Failures > 20 and Users > 5
| join kind=inner (
    SigninLogs
    | where TimeGenerated > ago(1d) and ResultType == "0"
    | project SuccessTime = TimeGenerated, IPAddress, UserPrincipalName, AppDisplayName
) on IPAddress
| where SuccessTime > TimeGenerated
| project TimeGenerated, SuccessTime, IPAddress, UserPrincipalName, AppDisplayName, Failures, Users, Country, Browser
""",
    """let tools = datatable(Tool: string, Port: long) [
    "one", 4444, "two", 5555, "three", 6666, "four", 7777, "five", 8888,
];
let signed = DeviceFileCertificateInfo
| where Timestamp > ago(30d)
| where Signer has_any ({words}) and IsTrusted
| summarize arg_max(Timestamp, *) by SHA1
| project SHA1, Signer, Issuer, CertificateExpirationTime;
union isfuzzy=true
    (DeviceProcessEvents | where Timestamp > ago(30d) | project Timestamp, DeviceId, DeviceName, SHA1, FileName, Kind = "process"),
    (DeviceImageLoadEvents | where Timestamp > ago(30d) | project Timestamp, DeviceId, DeviceName, SHA1, FileName, Kind = "image"),
    (DeviceFileEvents | where Timestamp > ago(30d) | project Timestamp, DeviceId, DeviceName, SHA1, FileName, Kind = "file")
| join kind=inner signed on SHA1
| join kind=leftouter (
    DeviceNetworkEvents
    | where Timestamp > ago(30d)
    | join kind=inner tools on $left.RemotePort == $right.Port
    | summarize Connections = count(), Tools = make_set(Tool) by DeviceId
) on DeviceId
| extend Age = datetime_diff("day", now(), Timestamp), Risk = case(Connections > 100, "high", Connections > 10, "medium", "low")
| where FileName !in~ ("setup.exe", "update.exe") and not(FileName matches regex @"^[a-f0-9]{8}\\.tmp$")
| summarize Rows = count(), Kinds = make_set(Kind), Names = make_set(FileName), First = min(Timestamp), Last = max(Timestamp)
    by DeviceId, DeviceName, Signer, Risk
| top 100 by Rows desc
""",
    """SecurityEvent
| where TimeGenerated > ago(1d) and EventID in (4624, 4625, 4672, 4688)
| extend Parts = split(Account, "\\\\"), Command = tolower(CommandLine)
| extend Domain = tostring(Parts[0]), Name = tostring(Parts[1])
| where Command has_any ({words})
| parse Command with Before "-enc" Encoded
| extend Decoded = base64_decode_tostring(trim(@"\\s+", Encoded))
| make-series Events = count() default = 0 on TimeGenerated from ago(1d) to now() step 1h by Computer, Domain
| extend (Anomalies, Score, Baseline) = series_decompose_anomalies(Events, 2.5)
| mv-expand TimeGenerated to typeof(datetime), Events to typeof(long), Anomalies to typeof(long), Score to typeof(double)
| where Anomalies > 0
| project TimeGenerated, Computer, Domain, Events, Score
""",
)
WORDS = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo",
]  # fmt: skip


def material() -> list[str]:
    """The queries that rules are made of."""
    from lurcher.content.loading import load_folder

    own = [rule.query for rule in load_folder(ROOT / "content").rules]
    lists = (WORDS[i : i + 3 + i] for i in range(len(WORDS) // 2))
    quoted = [", ".join(f'"{word}.exe"' for word in words) for words in lists]
    return list(dict.fromkeys([*own, *(q.replace("{words}", w) for w in quoted for q in QUERIES)]))


def make(folder: Path, count: int) -> int:
    queries = material()
    for number in range(count):
        query = re.sub(r"\bago\(\d+d\)", f"ago({1 + number % 30}d)", queries[number % len(queries)])
        broken = number % 10 == 0
        text = HEAD.format(
            id=uuid.uuid5(uuid.NAMESPACE_URL, str(number)),
            number=number,
            dash="" if broken else "  ",
            tactics="Execution" if broken else "[Execution]",
        )
        body = "".join(f"  {line}".rstrip() + "\n" for line in query.replace("\t", "    ").splitlines())
        path = folder / f"{number // 100:03}" / f"rule-{number:05}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + body, encoding="utf-8")
    return len(queries)


def main(arguments: list[str]) -> None:
    count = int(arguments[0]) if arguments else 5000
    program = str(Path(sys.executable).parent / "lurcher")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        different = make(folder, count)
        print(f"{count:,} rules of {different} queries")
        before = 0.0
        for jobs in ("1", ""):
            command = [program, "check", str(folder), "--summary"] + (["--jobs", jobs] if jobs else [])
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - start
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            memory, processor = used.ru_maxrss / 1024, used.ru_utime + used.ru_stime - before
            before += processor
            how = f"{jobs} process" if jobs else "all cores"
            print(
                f"{how}: {seconds:.1f} s ({processor:.1f} s of processor time), {memory:.0f} MB at most in one process; "
                f"{done.stdout.splitlines()[-1]}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
