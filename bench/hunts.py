"""Twelve hunts against the best SQL that a person would write for DuckDB, over the same Parquet files, in one run.

    python bench/hunts.py [MILLIONS OF PROCESS EVENTS, 20] [FOLDER FOR THE LAKE]

The rows are made up: 500 devices, 30 days, process and network events (a quarter as many). Each figure is the best of three, the
two taking turns; the answers must be equal. The SQL is written for the question, with what KQL says about case, terms and nulls.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NOW = datetime(2026, 3, 31, tzinfo=UTC)
_SPAN = "(TIMESTAMP '2026-03-01' + to_microseconds((i::HUGEINT * 2592000000000 // {rows})::BIGINT))::TIMESTAMPTZ"
_PROCESS = """
    SELECT {span} AS "Timestamp", md5((h % 500)::VARCHAR) AS "DeviceId", 'pc' || (h % 500) || '.corp.example' AS "DeviceName",
        'ProcessCreated' AS "ActionType",
        CASE WHEN h % 997 = 0 THEN 'AnyDesk.exe' WHEN h % 991 = 0 THEN 'PowerShell.exe' ELSE 'tool' || (h // 7 % 800) || '.exe' END
            AS "FileName",
        'C:\\Program Files\\vendor ' || (h // 7 % 800) || '\\' AS "FolderPath", h // 3 % 30000 AS "ProcessId",
        CASE WHEN h % 100003 = 0 THEN 'cmd /c mimikatz "sekurlsa::logonpasswords"'
            WHEN h % 991 = 0 THEN 'powershell -nop -enc ' || base64(('Invoke-' || h)::BLOB)
            ELSE 'tool' || (h // 7 % 800)
                || ' --config C:\\data\\' || (h % 65536) || '.json --user svc' || (h % 40) || ' /quiet' END
            AS "ProcessCommandLine",
        'user' || (h // 11 % 900) AS "AccountName", 'parent' || (h // 13 % 60) || '.exe' AS "InitiatingProcessFileName",
        i AS "ReportId",
        CASE WHEN h % 50 = 0 THEN '{"Modules":[{"Name":"a' || (h % 30) || '.dll","Size":' || (h % 9000)
            || '},{"Name":"b.dll","Size":7}]}'
        END AS "AdditionalFields"
    FROM (SELECT i, (hash(i) % 1000000007)::BIGINT AS h FROM range({rows}) t(i))"""
_NETWORK = """
    SELECT {span} AS "Timestamp", md5((h % 500)::VARCHAR) AS "DeviceId", 'pc' || (h % 500) || '.corp.example' AS "DeviceName",
        CASE WHEN h % 10 = 0 THEN 'ConnectionFailed' ELSE 'ConnectionSuccess' END AS "ActionType",
        concat_ws('.', 10 + h % 90, h // 3 % 256, h // 5 % 256, h // 9 % 256) AS "RemoteIP",
        (CASE WHEN h % 20 = 0 THEN 8443 ELSE 443 END)::INTEGER AS "RemotePort",
        'host' || (h // 7 % 5000) || '.example.net' AS "RemoteUrl",
        CASE WHEN h % 997 = 0 THEN 'AnyDesk.exe' ELSE 'tool' || (h // 7 % 800) || '.exe' END AS "InitiatingProcessFileName",
        h // 3 % 30000 AS "InitiatingProcessId", i AS "ReportId"
    FROM (SELECT i, (hash(i + 77) % 1000000007)::BIGINT AS h FROM range({rows}) t(i))"""
_WINDOW = "Timestamp between (datetime(2026-03-05) .. datetime(2026-03-28))"
_SQL_WINDOW = "\"Timestamp\" BETWEEN '2026-03-05' AND '2026-03-28'"
_NEEDLES = [f"svc{n} quiet{n}" for n in range(299)] + ["mimikatz"]
_ANY = f"(^|[^\\p{{L}}\\p{{N}}])({'|'.join(_NEEDLES)})($|[^\\p{{L}}\\p{{N}}])"
_NAMES = [f"tool{n * 9}.exe" for n in range(50)]


@dataclass(frozen=True)
class Hunt:
    name: str
    kql: str
    sql: str


def quoted(names: list[str], mark: str) -> str:
    return ", ".join(f"{mark}{n}{mark}" for n in names)


HUNTS = (
    Hunt(
        "has",
        f'DeviceProcessEvents | where {_WINDOW} and ProcessCommandLine has "mimikatz" | summarize n=count() by DeviceName',
        f"""SELECT "DeviceName", count(*) FROM p WHERE {_SQL_WINDOW} AND contains(lower("ProcessCommandLine"), 'mimikatz')
            AND regexp_matches("ProcessCommandLine", '(?i)(^|[^\\p{{L}}\\p{{N}}])mimikatz($|[^\\p{{L}}\\p{{N}}])') GROUP BY 1""",
    ),
    Hunt(
        "has_any with 300 terms",
        f"DeviceProcessEvents | where {_WINDOW} and ProcessCommandLine has_any ({quoted(_NEEDLES, chr(34))}) | count",
        f"""SELECT count(*) FROM p WHERE {_SQL_WINDOW} AND regexp_matches(lower("ProcessCommandLine"), '{_ANY}')""",
    ),
    Hunt(
        "in~ with 50 names, not in a folder",
        f"DeviceProcessEvents | where {_WINDOW} and FileName in~ ({quoted(_NAMES, chr(34))})"
        ' and FolderPath !startswith "C:\\\\Program Files\\\\vendor 1" | summarize n=count(), d=dcount(DeviceId) by FileName',
        f"""SELECT "FileName", count(*), count(DISTINCT "DeviceId") FROM p WHERE {_SQL_WINDOW}
            AND lower("FileName") IN ({quoted(_NAMES, "'")})
            AND NOT starts_with(lower("FolderPath"), 'c:\\program files\\vendor 1') GROUP BY 1""",
    ),
    Hunt(
        "processes joined with their connections",
        'DeviceProcessEvents | where FileName =~ "anydesk.exe" | project DeviceId, ProcessId, Started=Timestamp'
        " | join kind=inner (DeviceNetworkEvents | where RemotePort == 443 | project DeviceId, ProcessId=InitiatingProcessId,"
        " RemoteIP, Timestamp) on DeviceId, ProcessId | where Timestamp between (Started .. 1d) | summarize n=count() by RemoteIP",
        """SELECT "RemoteIP", count(*) FROM p JOIN n ON p."DeviceId" = n."DeviceId" AND p."ProcessId" = n."InitiatingProcessId"
            WHERE lower(p."FileName") = 'anydesk.exe' AND n."RemotePort" = 443
            AND n."Timestamp" BETWEEN p."Timestamp" AND p."Timestamp" + INTERVAL 1 DAY GROUP BY 1""",
    ),
    Hunt(
        "seen today and on no day before (leftanti)",
        "DeviceProcessEvents | where Timestamp >= datetime(2026-03-30) | distinct FileName, DeviceName"
        " | join kind=leftanti (DeviceProcessEvents | where Timestamp < datetime(2026-03-30) | distinct FileName, DeviceName)"
        " on FileName, DeviceName | count",
        """SELECT count(*) FROM (SELECT DISTINCT "FileName", "DeviceName" FROM p WHERE "Timestamp" >= '2026-03-30') a ANTI JOIN
            (SELECT DISTINCT "FileName", "DeviceName" FROM p WHERE "Timestamp" < '2026-03-30') b
            USING ("FileName", "DeviceName")""",
    ),
    Hunt(
        "mv-expand on JSON",
        "DeviceProcessEvents | where isnotempty(AdditionalFields) | mv-expand m = AdditionalFields.Modules"
        " | extend Name=tostring(m.Name), Size=tolong(m.Size) | summarize n=count(), s=sum(Size) by Name",
        """SELECT m->>'$.Name' AS name, count(*), sum((m->>'$.Size')::BIGINT) FROM (SELECT unnest(
            ("AdditionalFields"::JSON->'$.Modules')::JSON[]) AS m FROM p WHERE "AdditionalFields" <> '') GROUP BY 1""",
    ),
    Hunt(
        "arg_max of whole rows",
        f"DeviceProcessEvents | where {_WINDOW} | summarize arg_max(ReportId, Timestamp, FileName, ProcessCommandLine, AccountName)"
        " by DeviceId | project DeviceId, ReportId, FileName, AccountName",
        f"""SELECT "DeviceId", max("ReportId"), arg_max("FileName", "ReportId"), arg_max("AccountName", "ReportId")
            FROM p WHERE {_SQL_WINDOW} GROUP BY 1""",
    ),
    Hunt(
        "top-nested",
        "DeviceProcessEvents | top-nested 5 of AccountName by a=count() desc, top-nested 3 of FileName by b=count() desc"
        " | summarize sum(a), sum(b)",
        """WITH g AS (SELECT "AccountName" AS x, "FileName" AS y, count(*) AS b FROM p GROUP BY 1, 2),
            a AS (SELECT x, sum(b) AS a FROM g GROUP BY 1 ORDER BY 2 DESC LIMIT 5)
            SELECT sum(a), sum(b) FROM (SELECT a.a, g.b FROM g JOIN a USING (x)
                QUALIFY row_number() OVER (PARTITION BY x ORDER BY b DESC) <= 3)""",
    ),
    Hunt(
        "make-series of hours by device",
        "DeviceProcessEvents | make-series n=count() default=0 on Timestamp from datetime(2026-03-20) to datetime(2026-03-27)"
        " step 1h by DeviceName | extend s=array_sum(n) | project DeviceName, s",
        """WITH g AS (SELECT "DeviceName", time_bucket(INTERVAL 1 HOUR, "Timestamp") AS h, count(*) AS n FROM p
                WHERE "Timestamp" >= '2026-03-20' AND "Timestamp" < '2026-03-27' GROUP BY 1, 2),
            f AS (SELECT d."DeviceName", list(coalesce(g.n, 0) ORDER BY t.h) AS n FROM (SELECT DISTINCT "DeviceName" FROM g) d
                CROSS JOIN range(TIMESTAMPTZ '2026-03-20', TIMESTAMPTZ '2026-03-27', INTERVAL 1 HOUR) t(h)
                LEFT JOIN g ON g."DeviceName" = d."DeviceName" AND g.h = t.h GROUP BY 1)
            SELECT "DeviceName", list_sum(n)::DOUBLE FROM f""",
    ),
    Hunt(
        "counts by hour and name",
        f"DeviceNetworkEvents | where {_WINDOW} | summarize n=count(), devices=dcount(DeviceId) by bin(Timestamp, 1h), ActionType",
        f"""SELECT epoch_us(time_bucket(INTERVAL 1 HOUR, "Timestamp")), "ActionType", count(*), count(DISTINCT "DeviceId")
            FROM n WHERE {_SQL_WINDOW} GROUP BY 1, 2""",
    ),
    Hunt(
        "who speaks to many (make_set)",
        f"DeviceNetworkEvents | where {_WINDOW} and RemotePort == 8443 | summarize urls=make_set(RemoteUrl, 10000), n=count()"
        " by DeviceName | where array_length(urls) > 100 | project DeviceName, n, m=array_length(urls)",
        f"""SELECT "DeviceName", count(*), len(list(DISTINCT "RemoteUrl")) FROM n WHERE {_SQL_WINDOW} AND "RemotePort" = 8443
            GROUP BY 1 HAVING len(list(DISTINCT "RemoteUrl")) > 100""",
    ),
    Hunt(
        "encoded commands, decoded",
        'DeviceProcessEvents | where FileName =~ "powershell.exe" and ProcessCommandLine has "-enc"'
        ' | extend text=base64_decode_tostring(extract(@"-enc\\s+([A-Za-z0-9+/=]+)", 1, ProcessCommandLine))'
        ' | where text startswith "invoke" | summarize n=count() by AccountName',
        """SELECT "AccountName", count(*) FROM (SELECT *, decode(from_base64(regexp_extract("ProcessCommandLine",
                '-enc\\s+([A-Za-z0-9+/=]+)', 1))) AS text FROM p WHERE lower("FileName") = 'powershell.exe'
                AND contains(lower("ProcessCommandLine"), '-enc')
                AND regexp_matches("ProcessCommandLine", '(?i)(^|[^\\p{L}\\p{N}])enc($|[^\\p{L}\\p{N}])'))
            WHERE starts_with(lower(text), 'invoke') GROUP BY 1""",
    ),
)


def make(folder: Path, millions: float) -> Any:
    """The lake; the one that is there where there is one."""
    import duckdb

    from lurcher.lake import Lake, SourceId
    from lurcher.schema import TableSchema, known_table

    if (folder / "lake.toml").exists():
        return Lake.open(folder)
    lake = Lake.create(folder)
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for name, text, rows in (
        ("DeviceProcessEvents", _PROCESS, int(millions * 1e6)),
        ("DeviceNetworkEvents", _NETWORK, int(millions * 1e6) // 4),
    ):
        made = db.sql(text.replace("{span}", _SPAN).replace("{rows}", str(rows)))
        known = known_table(name)
        assert known is not None
        schema = TableSchema(name, tuple(c for c in known.columns if c.name in made.columns), known.platforms)
        source = SourceId.of_content("bench", f"{name} {millions}".encode(), NOW)
        lake.append(name, made.to_arrow_reader(200_000), source=source, schema=schema)
    return lake


def hand(lake: Any) -> Any:
    """A connection of its own over the lake's files."""
    import duckdb

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for view, name in (("p", "DeviceProcessEvents"), ("n", "DeviceNetworkEvents")):
        files = [str(f.path) for f in lake.table(name).files]
        db.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet({files!r})")
    return db


def plain(rows: Any) -> list[tuple[Any, ...]]:
    def value(v: Any) -> Any:
        if isinstance(v, datetime):
            return int(v.timestamp() * 1e6)
        return "" if v is None else float(v) if isinstance(v, (int, float)) or hasattr(v, "as_tuple") else v

    return sorted(tuple(value(v) for v in row) for row in rows)


def timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main(arguments: list[str]) -> None:
    from lurcher.app.session import Session

    millions = float(arguments[0]) if arguments else 20.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(temporary) / "lake"
        seconds, lake = timed(lambda: make(folder, millions))
        print(f"lake of {millions:g} million process events: {seconds:.0f} s")
        session = Session.open(lake, NOW)
        db = hand(lake)
        worst = 0.0
        print(f"{'':44} {'lurcher':>9} {'by hand':>9}  ratio")
        for hunt in HUNTS:
            ours, theirs = [], []
            for _ in range(3):
                seconds, table = timed(lambda hunt=hunt: session.run_table(hunt.kql))
                ours.append(seconds)
                seconds, rows = timed(lambda hunt=hunt: db.execute(hunt.sql).fetchall())
                theirs.append(seconds)
            got = plain(zip(*(table.column(i).to_pylist() for i in range(table.num_columns)), strict=True))
            same = got == plain(rows)
            ratio = min(ours) / min(theirs)
            worst = max(worst, ratio)
            print(
                f"{hunt.name:44} {min(ours):8.3f}s {min(theirs):8.3f}s {ratio:6.2f}{'' if same else '  ANSWERS DIFFER'}"
            )
        print(f"the worst ratio is {worst:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
