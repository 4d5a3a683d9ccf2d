"""What sigcheck and Velociraptor say about signatures."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.app.add import AddReport, add
from lurcher.collect.entities import device_id
from lurcher.collect.exports.signed_files import common_name
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CERTIFICATES, FILES = "DeviceFileCertificateInfo", "DeviceFileEvents"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case")


#: When the report's file was last written: what it says of its time itself is nothing.
WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def put(lake: Lake, name: str, content: str | bytes, **more: Any) -> AddReport:
    path = lake.path.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return add(lake, [path], now=NOW, **more)


def rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    found = lake.table(table)
    return [] if found is None else sorted(found.arrow().to_pylist(), key=lambda r: r.get("ReportId") or 0)


# --- names ---


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C=US, ST=Washington, L=Redmond, O=Microsoft Corporation, CN=Microsoft Windows", "Microsoft Windows"),
        ("CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond, S=Washington, C=US", "Microsoft Windows"),
        (r"CN=Datto\, Inc.,O=Datto\, Inc.,C=US", "Datto, Inc."),
        ("C=US, O=Datto, Inc, CN=Datto, Inc", "Datto, Inc"),
        ('CN="NinjaRMM, LLC", O="NinjaRMM, LLC", C=US', "NinjaRMM, LLC"),
        ('O="Say ""hi""", CN="A ""B"" C"', 'A "B" C'),
        (r"CN=DWSNET O\C3\9C,C=EE", "DWSNET OÜ"),
        (r"CN=a\+b\=c\;d\\e\"f\ ,O=x", 'a+b=c;d\\e"f '),
        ("CN=One+SERIALNUMBER=12,O=x", "One"),
        ("CN=上海贝锐信息科技股份有限公司, C=CN", "上海贝锐信息科技股份有限公司"),
        ("2.5.4.3=Dotted,2.5.4.10=Org", "Dotted"),
        ("OID.2.5.4.3=Dotted", "Dotted"),
        ("CN=#0c05416c696365,O=x", "Alice"),
        ("/C=US/O=Servably, Inc./CN=Servably, Inc.", "Servably, Inc."),
        ("O=Only Org, C=US", "Only Org"),
        ("OU=Unit, O=Org, C=US", "Unit"),
        ("DC=com, DC=corp, CN=inner, CN=outer", "outer"),
        ("CN=leaf, CN=Users, DC=corp, DC=com", "leaf"),
        ("cn = lower case , o = x", "lower case"),
        ("Microsoft Windows", "Microsoft Windows"),
        ("CN=x = y, z, O=Org", "x = y, z"),
        ("", ""),
        ("C=US", ""),
        ("CN=", ""),
        ("CN=ends with\\", "ends with"),
        ('CN="not closed, O=x', '"not closed'),
        ("CN=line\r\nO=next", "line"),
    ],
)
def test_the_common_name_of_a_distinguished_name(text: str, name: str) -> None:
    assert common_name(text) == name


# --- sigcheck ---

HEADER = "Path,Verified,Date,Publisher,Company,Description,Product,Product Version,File Version,Machine Type"
HASHES = HEADER + ",MD5,SHA1,PESHA1,PE256,SHA256,IMP"
REVOKED = "A certificate was explicitly revoked by its issuer."


def test_sigcheck_with_hashes(lake: Lake) -> None:
    text = HASHES + ",VT detection,VT link\r\n" + "\r\n".join([
        r'"C:\Tools\agent.exe",Signed,"11:45 AM 6/21/2024","NinjaOne, LLC",NinjaOne LLC,Agent,NinjaOne Agent,7.1,7.1.0.2,64-bit,'
        + f"{'A' * 32},{'B' * 40},{'C' * 40},{'D' * 64},{'E' * 64},n/a,0|72,https://www.virustotal.com/x",
        r"C:\Tools\plain.exe,Unsigned,4:04 AM 9/2/1990,n/a,n/a,n/a,n/a,n/a,n/a,32-bit"
        + f",{'1' * 32},{'2' * 40},n/a,n/a,{'3' * 64},n/a,Unknown,n/a",
        rf"C:\Tools\bad.exe,{REVOKED},1:00 PM 1/2/2020,Evil Ltd.,,,,,,64-bit,,,,,,,,",
        "",
    ])  # fmt: skip
    report = put(lake, "out.csv", text)
    (outcome,) = report.files
    assert (outcome.format, outcome.tables, outcome.rejected) == ("sigcheck", {CERTIFICATES: 3, FILES: 3}, 0)
    one, two, three = rows(lake, CERTIFICATES)
    assert {k: v for k, v in one.items() if v not in ("", None)} == {
        "Timestamp": WRITTEN, "SHA1": "b" * 40, "IsSigned": True, "Signer": "NinjaOne, LLC", "IsTrusted": True, "ReportId": 1,
    }  # fmt: skip
    assert one["CertificateCountersignatureTime"] is None
    assert (two["IsSigned"], two["IsTrusted"], two["Signer"], two["SHA1"]) == (False, False, "", "2" * 40)
    assert (three["IsSigned"], three["IsTrusted"], three["Signer"]) == (True, False, "Evil Ltd.")
    one, two, three = rows(lake, FILES)
    assert (one["FileName"], one["FolderPath"], one["MD5"], one["SHA256"]) == (
        "agent.exe", "C:\\Tools\\agent.exe", "a" * 32, "e" * 64,
    )  # fmt: skip
    assert json.loads(one["AdditionalFields"]) == {
        "SignatureStatus": "Signed", "CompanyName": "NinjaOne LLC", "FileDescription": "Agent",
        "ProductName": "NinjaOne Agent", "ProductVersion": "7.1", "FileVersion": "7.1.0.2", "Machine": "64-bit",
        "Date": "11:45 AM 6/21/2024", "SigningTime": "2024-06-21T11:45:00", "PESHA1": "C" * 40, "PE256": "D" * 64,
        "VT detection": "0|72", "VT link": "https://www.virustotal.com/x",
    }  # fmt: skip
    assert json.loads(two["AdditionalFields"])["LinkTime"] == "1990-09-02T04:04:00"
    assert json.loads(three["AdditionalFields"])["SignatureStatus"] == REVOKED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_sigcheck_in_any_encoding_with_its_banner(lake: Lake, encoding: str, separator: str) -> None:
    banner = (
        "\r\nSigcheck v2.90 - File version and signature viewer\r\nCopyright (C) 2004-2022 Mark Russinovich\r\n\r\n"
    )
    row = [r"c:\größe.exe", "Signed", "13:04 21.06.2024", "Grüße GmbH", "", "", "", "", "", "64-bit"]
    text = banner + HEADER.replace(",", separator) + "\r\n" + separator.join(row) + "\r\n"
    report = put(lake, "out.csv", text.encode(encoding))
    assert report.files[0].tables == {CERTIFICATES: 1, FILES: 1}, report.files[0]
    assert rows(lake, CERTIFICATES)[0]["Signer"] == "Grüße GmbH"
    (file,) = rows(lake, FILES)
    assert (file["FileName"], json.loads(file["AdditionalFields"])["SigningTime"]) == (
        "größe.exe",
        "2024-06-21T13:04:00",
    )


def test_sigcheck_of_an_oem_code_page(lake: Lake) -> None:
    content = (HEADER + "\r\nc:\\a.exe,Signed,n/a,Grüße GmbH,,,,,,\r\n").encode("cp850")
    put(lake, "out.csv", content, encoding="cp850")
    assert rows(lake, CERTIFICATES)[0]["Signer"] == "Grüße GmbH"


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("1:00 AM 2/1/2024", "1:00 AM 2/13/2024"), "2024-02-01T01:00:00"),
        (("01:00 02/01/2024", "01:00 13/02/2024"), "2024-01-02T01:00:00"),
        (("2024-01-02 01:00", "01:00 2024-02-13"), "2024-01-02T01:00:00"),
        (("01:00 02.01.2024", "01:00 03.01.2024"), "2024-01-02T01:00:00"),
        (("01:00 05/05/2024", "01:00 06/06/2024"), "2024-05-05T01:00:00"),
        (("01:00 01/02/2024", "01:00 03/04/2024"), None),
    ],
)
def test_the_order_of_a_date_is_decided_by_all_of_them(lake: Lake, dates: tuple[str, str], first: str | None) -> None:
    text = HEADER + "\n" + "".join(f"c:\\{i}.exe,Signed,{d},P,,,,,,\n" for i, d in enumerate(dates))
    report = put(lake, "out.csv", text)
    details = json.loads(rows(lake, FILES)[0]["AdditionalFields"])
    assert (details["Date"], details.get("SigningTime")) == (dates[0], first)
    assert any("which is the day" in n for n in report.files[0].notes) == (first is None)


def test_the_user_can_say_the_order(lake: Lake) -> None:
    put(lake, "out.csv", HEADER + "\nc:\\a.exe,Signed,01:00 01/02/2024,P,,,,,,\n", date_order="dmy")
    assert json.loads(rows(lake, FILES)[0]["AdditionalFields"])["SigningTime"] == "2024-02-01T01:00:00"


def test_sigcheck_columns_of_other_versions(lake: Lake) -> None:
    header = "Path,Verified,Date,Publisher,Description,Product,Version,File Version"
    put(lake, "old.csv", header + "\nc:\\a.exe,Unsigned,n/a,Says Itself Inc.,D,P,1,2\n")
    assert rows(lake, CERTIFICATES)[0]["Signer"] == ""
    assert json.loads(rows(lake, FILES)[0]["AdditionalFields"])["Publisher"] == "Says Itself Inc."
    troy = (
        HEADER
        + ",Binary Version,Original Name,Internal Name,Copyright,Comments,Entropy,MD5,SHA1,PESHA1,PESHA256,SHA256,IMP"
    )
    put(lake, "troy.csv", troy + "\nc:\\b.exe,Signed,n/a,P,,,,,,,1.2,b-orig.exe,bint,(c),note,6.5,,,,,,\n")
    (details,) = (json.loads(r["AdditionalFields"]) for r in rows(lake, FILES) if r["FileName"] == "b.exe")
    assert (details["OriginalFileName"], details["InternalFileName"], details["Entropy"]) == (
        "b-orig.exe",
        "bint",
        "6.5",
    )


def test_what_sigcheck_could_not_look_at(lake: Lake) -> None:
    text = HEADER + "\nc:\\a.exe,The file could not be opened.,n/a,n/a,,,,,,\nc:\\b.exe,,n/a,n/a,,,,,,\n"
    text += ",Signed,n/a,P,,,,,,\nc:\\short.exe,Signed\n" + HEADER + "\nc:\\c.exe,Signed,n/a,P,,,,,,\n"
    report = put(lake, "out.csv", text)
    one, two, three = rows(lake, CERTIFICATES)
    assert (one["IsSigned"], one["IsTrusted"]) == (None, False)
    assert (two["IsSigned"], two["IsTrusted"]) == (None, None)
    assert (three["Signer"], report.files[0].rejected) == ("P", 2)
    assert set(report.files[0].reasons) == {"it names no file", "the row has 2 cells, the header 10"}
    assert any("header comes again" in n for n in report.files[0].notes)


def test_a_table_that_the_user_names_is_of_cells(lake: Lake) -> None:
    report = put(lake, "out.csv", HEADER + "\nc:\\a.exe,Signed,n/a,P,,,,,,\n", table="Raw")
    assert report.files[0].tables == {"Raw": 1}


# --- Velociraptor ---

PROCESS = {
    "Pid": 1664, "Ppid": 540, "TokenIsElevated": True, "Name": "agent.exe", "CommandLine": "agent.exe -x",
    "Exe": "C:\\Tools\\agent.exe", "Hash": {"MD5": "A" * 32, "SHA1": "B" * 40, "SHA256": "C" * 64},
    "Authenticode": {
        "Filename": "C:\\Tools\\agent.exe", "ProgramName": "Agent", "PublisherLink": None, "MoreInfoLink": "http://x",
        "SerialNumber": "33000002ED2C45", "IssuerName": "C=US, O=Issuer, Inc., CN=Issuer CA", "Trusted": "trusted",
        "SubjectName": "C=US, ST=Florida, O=NinjaOne, LLC, CN=NinjaOne, LLC", "Timestamp": "2024-05-06T07:08:09Z",
        "_ExtraInfo": None,
    },
    "Username": "NT AUTHORITY\\SYSTEM", "Fqdn": "WS-1.corp.local", "ClientId": "C.1",
}  # fmt: skip
UNSIGNED = {**PROCESS, "Pid": 2, "Authenticode": {"Filename": "C:\\x.exe", "Trusted": "untrusted", "SubjectName": None}}
SYSTEM = {
    "Pid": 4,
    "Ppid": 0,
    "Name": "System",
    "Exe": "",
    "Authenticode": None,
    "Hash": None,
    "Fqdn": "WS-1.corp.local",
}


def lines(*values: dict[str, Any]) -> str:
    return "".join(json.dumps(v) + "\n" for v in values)


def test_a_list_of_processes(lake: Lake) -> None:
    report = put(lake, "Windows.System.Pslist.json", lines(PROCESS, UNSIGNED, SYSTEM))
    (outcome,) = report.files
    assert (outcome.format, outcome.tables) == (
        "velociraptor",
        {"Windows_System_Pslist": 3, CERTIFICATES: 2, FILES: 2},
    )
    one, two = rows(lake, CERTIFICATES)
    assert {k: v for k, v in one.items() if v not in ("", None)} == {
        "Timestamp": WRITTEN, "DeviceId": device_id("ws-1"), "DeviceName": "WS-1.corp.local", "SHA1": "b" * 40, "IsSigned": True,
        "SignatureType": "Embedded", "Signer": "NinjaOne, LLC", "Issuer": "Issuer CA",
        "CertificateSerialNumber": "33000002ed2c45",
        "CertificateCountersignatureTime": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), "IsTrusted": True, "ReportId": 1,
    }  # fmt: skip
    assert (two["IsSigned"], two["IsTrusted"], two["Signer"], two["SignatureType"]) == (False, False, "", "")
    file = rows(lake, FILES)[0]
    assert (file["FileName"], file["FolderPath"], file["MD5"]) == ("agent.exe", "C:\\Tools\\agent.exe", "a" * 32)
    assert json.loads(file["AdditionalFields"])["SignatureStatus"] == "trusted"
    processes = {r["Pid"]: r for r in rows(lake, "Windows_System_Pslist")}
    assert (processes[1664]["CommandLine"], processes[4]["Name"]) == ("agent.exe -x", "System")
    assert json.loads(processes[1664]["Authenticode"])["SerialNumber"] == "33000002ED2C45"


def test_the_user_can_say_when_and_where_a_report_was_made(lake: Lake) -> None:
    made = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    report = put(
        lake,
        "out.csv",
        HASHES + "\r\nC:\\a.exe,Unsigned,4:04 AM 9/2/1990" + ",n/a" * 13,
        at=made,
        device="WS-7.corp.local",
    )
    (row,) = rows(lake, CERTIFICATES)
    assert (row["Timestamp"], row["DeviceName"], row["DeviceId"]) == (made, "WS-7.corp.local", device_id("ws-7"))
    assert not any("--at" in note or "--device" in note for note in report.files[0].notes)


def test_a_report_without_time_and_device_says_so(lake: Lake) -> None:
    (outcome,) = put(lake, "out.csv", HASHES + "\r\nC:\\a.exe,Unsigned,4:04 AM 9/2/1990" + ",n/a" * 13).files
    assert rows(lake, FILES)[0]["Timestamp"] == WRITTEN
    assert [n for n in outcome.notes if "2026-01-02 03:04 UTC; --at TIME" in n]
    assert [n for n in outcome.notes if "--device NAME" in n]


def test_a_file_that_a_catalogue_vouches_for(lake: Lake) -> None:
    said = {**PROCESS["Authenticode"], "Timestamp": None, "_ExtraInfo": {"Catalog": "C:\\Windows\\x.cat"}}  # type: ignore[dict-item]
    put(lake, "Windows.System.Pslist.json", lines({**PROCESS, "Authenticode": said}))
    (row,) = rows(lake, CERTIFICATES)
    assert (row["SignatureType"], row["CertificateCountersignatureTime"]) == ("Catalog", None)
    assert json.loads(rows(lake, FILES)[0]["AdditionalFields"])["Catalog"] == "C:\\Windows\\x.cat"


def test_artifacts_that_call_it_otherwise(lake: Lake) -> None:
    row = {
        "OSPath": "C:\\a.dll", "DllAuthenticode": PROCESS["Authenticode"], "DllHash": PROCESS["Hash"], "_ts": 1714979289,
        "_Source": "DetectRaptor.Windows.Detection.HijackLibsMFT", "ClientId": "C.77",
    }  # fmt: skip
    report = put(lake, "results.json", lines(row))
    assert "DetectRaptor_Windows_Detection_HijackLibsMFT" in report.files[0].tables
    (found,) = rows(lake, CERTIFICATES)
    assert (found["SHA1"], found["DeviceId"], found["Timestamp"]) == (
        "b" * 40, "C.77", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    )  # fmt: skip


def test_an_array_and_a_name_that_says_nothing(lake: Lake) -> None:
    report = put(lake, "x.json", json.dumps([PROCESS, SYSTEM], indent=2))
    assert report.files[0].tables == {"Velociraptor": 2, CERTIFICATES: 1, FILES: 1}


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2024-05-06 07:08:09 +0000 UTC", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T09:08:09+02:00", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (1714979289, datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("", None),
        ("1601-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_times_as_the_program_has_them(lake: Lake, stamp: object, time: datetime | None) -> None:
    put(lake, "x.json", lines({**PROCESS, "Authenticode": {**PROCESS["Authenticode"], "Timestamp": stamp}}))  # type: ignore[dict-item]
    assert rows(lake, CERTIFICATES)[0]["CertificateCountersignatureTime"] == time


def test_values_of_any_type_reject_nothing_and_crash_nothing(lake: Lake) -> None:
    for n, odd in enumerate([1, True, [], {}, "x", [{"SubjectName": 1}], {"SubjectName": {"a": 1}, "Timestamp": []}]):
        report = put(
            lake, f"{n}.json", lines(PROCESS, {**PROCESS, "Authenticode": odd, "Hash": odd, "Exe": odd, "_ts": odd})
        )
        assert not report.files[0].skipped, report.files[0]


def test_other_json_is_not_taken_for_it(lake: Lake) -> None:
    report = put(lake, "x.json", lines({"Authenticode": "text", "A": 1}), table="Raw")
    assert report.files[0].format == "json"
