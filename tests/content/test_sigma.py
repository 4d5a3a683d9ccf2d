"""Sigma rules: which table, which columns, and that a comparison means what Sigma's specification says, on rows."""

from __future__ import annotations

import datetime as dt
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("sigma.backends.kusto", reason="the extra 'sigma'")

from lurcher.app.query import open_session
from lurcher.content.loading import load, load_folder, load_text
from lurcher.content.model import Rule

HEAD = "title: t\nid: b52e84a3-029e-4529-b09b-71d19dd27e94\n"


def rule_of(logsource: str, detection: str) -> Rule:
    text = (
        f"{HEAD}logsource: {{{logsource}}}\ndetection:\n{textwrap.indent(textwrap.dedent(detection).strip(), '  ')}\n"
    )
    loaded = load_text("rule.yml", text.encode())
    assert loaded is not None
    (rule,) = loaded.rules
    return rule


def matching(rule: Rule, columns: str, *rows: str) -> list[int]:
    """The numbers of the rows (a datatable's) that the rule's query gives."""
    assert not rule.problems, rule.problems
    table = rule.query.partition("\n")[0].strip()
    values = ", ".join(f"{n}, {row}" for n, row in enumerate(rows, 1))
    kql = f"let {table} = datatable(N: long, {columns}) [{values}];\n{rule.query}\n| project N | sort by N asc"
    session = open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None)
    return [r["N"] for r in session.run_table(kql).to_pylist()]


PROCESS = "category: process_creation, product: windows"


def test_a_rule_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "anydesk.yml"
    path.write_text(
        "title: AnyDesk runs\nid: b52e84a3-029e-4529-b09b-71d19dd27e94\nstatus: test\ndescription: d\ndate: 2022-02-11\n"
        "tags:\n  - attack.command-and-control\n  - attack.t1219.002\n  - attack.g0016\n  - cve.2022-1\nlogsource:\n"
        "  category: process_creation\n  product: windows\ndetection:\n  sel:\n    - Image|endswith: ['\\AnyDesk.exe', '\\b.exe']\n"
        "    - Company: AnyDesk Software GmbH\n  condition: sel\nfalsepositives: [Support]\nlevel: critical\n",
        encoding="utf-8",
    )
    loaded = load(path)
    (rule,) = loaded.rules
    assert not loaded.diagnostics
    assert (rule.name, rule.severity, rule.kind) == ("AnyDesk runs", "High", "Hunting")
    assert rule.tactics == ("CommandAndControl",)
    assert rule.techniques == ("T1219.002",)
    assert rule.extra["falsepositives"] == ["Support"]
    assert rule.format == "sigma"
    assert rule.query.split("\n")[0] == "DeviceProcessEvents"
    columns = "FolderPath: string, ProcessVersionInfoCompanyName: string"
    assert matching(
        rule,
        columns,
        r'@"C:\x\ANYDESK.EXE", ""',
        r'@"C:\x\anydesk.exe.txt", ""',
        '"", "anydesk software gmbh"',
        '"", "other"',
    ) == [1, 3]


def test_wildcards_keep_their_order_and_single_ones_count() -> None:
    rule = rule_of(PROCESS, "sel:\n  CommandLine: ['*one*two*', 'a?c']\ncondition: sel")
    rows = ['"x ONE y two z"', '"two one"', '"abc"', '"ac"', '"abbc"', '"1\\none\\ntwo"']
    assert matching(rule, "ProcessCommandLine: string", *rows) == [1, 3, 6]


def test_an_escaped_star_is_a_star() -> None:
    rule = rule_of(PROCESS, "sel:\n  CommandLine|contains: 'a\\*b'\ncondition: sel")
    assert matching(rule, "ProcessCommandLine: string", '"xa*by"', '"xaQby"') == [1]


def test_all_values_must_hold_as_text_not_as_words() -> None:
    rule = rule_of(PROCESS, "sel:\n  CommandLine|contains|all: [oba, 'zqu']\ncondition: sel")
    assert matching(rule, "ProcessCommandLine: string", '"foobazqux"', '"foobar"') == [1]


def test_case_counts_where_the_rule_says_so() -> None:
    rule = rule_of(PROCESS, "sel:\n  CommandLine|contains|cased: 'Ab'\ncondition: sel")
    assert matching(rule, "ProcessCommandLine: string", '"xAbx"', '"xabx"') == [1]


def test_nothing_is_an_empty_text() -> None:
    rule = rule_of(
        PROCESS,
        "sel:\n  Image|endswith: x\nnot1:\n  CommandLine: null\nnot2:\n  CommandLine: ''\ncondition: sel and not 1 of not*",
    )
    assert matching(rule, "FolderPath: string, ProcessCommandLine: string", '"x", ""', '"x", "y"') == [2]


def test_numbers_and_text_are_compared_as_the_column_is() -> None:
    rule = rule_of(PROCESS, "sel:\n  ProcessId: ['4', 0x10]\n  CommandLine: 7\ncondition: sel")
    columns = "ProcessId: long, ProcessCommandLine: string"
    assert matching(rule, columns, '4, "7"', '16, "7"', '5, "7"', '4, "8"') == [1, 2]


def test_a_user_is_an_account_in_a_domain() -> None:
    rule = rule_of(PROCESS, "sel:\n  User: 'CORP\\bob'\ncondition: sel")
    columns = "AccountDomain: string, AccountName: string"
    assert matching(rule, columns, '"corp", "bob"', '"other", "bob"') == [1]


def test_connections_as_sysmon_tells_them() -> None:
    rule = rule_of(
        "category: network_connection, product: windows",
        "sel:\n  Initiated: 'false'\n  DestinationPort: 3389\n  SourceIp|cidr: 10.0.0.0/8\ncondition: sel",
    )
    columns = "ActionType: string, LocalIP: string, LocalPort: int, RemoteIP: string, RemotePort: int"
    inbound = '"InboundConnectionAccepted", "192.0.2.1", 3389, "10.1.1.1", 50000'
    outbound = '"ConnectionSuccess", "10.1.1.1", 50000, "192.0.2.1", 3389'
    assert matching(rule, columns, inbound, outbound) == [1]


def test_the_registry_as_sysmon_tells_it() -> None:
    rule = rule_of(
        "category: registry_set, product: windows",
        "sel:\n  TargetObject|startswith: 'HKLM\\System\\CurrentControlSet\\Services\\'\n  TargetObject|endswith: '\\Start'\n"
        "  Details: 'DWORD (0x00000010)'\ncondition: sel",
    )
    columns = "ActionType: string, RegistryKey: string, RegistryValueName: string, RegistryValueData: string"
    defender = r'"RegistryValueSet", @"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\x", "Start", "16"'
    sysmon = r'"RegistryValueSet", @"HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\x", "Start", "16"'
    other = r'"RegistryValueSet", @"HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\x", "Start", "2"'
    deleted = r'"RegistryValueDeleted", @"HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\x", "Start", "16"'
    assert matching(rule, columns, defender, sysmon, other, deleted) == [1, 2]


def test_what_defender_has_no_table_for_is_asked_of_the_events() -> None:
    rule = rule_of(
        "category: process_access, product: windows",
        "sel:\n  TargetImage|endswith: '\\lsass.exe'\n  Odd Name: 1\ncondition: sel",
    )
    assert rule.query.startswith("WindowsEvent\n")
    columns = "Channel: string, EventID: int, EventData: dynamic"
    sysmon = '"Microsoft-Windows-Sysmon/Operational"'
    data = r'dynamic({"TargetImage": "C:\\lsass.exe", "Odd Name": "1"})'
    assert matching(rule, columns, f"{sysmon}, 10, {data}", f"{sysmon}, 8, {data}", f'"Security", 10, {data}') == [1]


def test_a_column_that_the_table_lacks_leads_to_the_events() -> None:
    rule = rule_of("category: image_load, product: windows", "sel:\n  Signed: 'false'\ncondition: sel")
    assert rule.query.startswith("WindowsEvent\n")


def test_the_security_log() -> None:
    rule = rule_of(
        "service: security, product: windows", "sel:\n  EventID: 4624\n  LogonType: [3, '10']\ncondition: sel"
    )
    assert rule.query.startswith("SecurityEvent\n")
    assert matching(rule, "EventID: int, LogonType: int", "4624, 3", "4624, 10", "4624, 2", "4625, 3") == [1, 2]


def test_data_without_names() -> None:
    rule = rule_of("service: application, product: windows", "sel:\n  Data|contains: 'Users\\bob'\ncondition: sel")
    columns = "Channel: string, EventData: dynamic"
    named = r'"Application", dynamic({"Data": ["NTDS", "C:\\Users\\bob\\x"]})'
    assert matching(rule, columns, named, r'"Application", dynamic({"Data": ["x"]})') == [1]


def test_keywords_are_looked_for_in_every_column() -> None:
    rule = rule_of("service: application, product: windows", "keywords: [mimikatz, 'a*z']\ncondition: keywords")
    columns = "Channel: string, Message: string"
    rows = ['"Application", "run MIMIKATZ now"', '"Application", "xaQQzx"', '"Application", "x"']
    assert matching(rule, columns, *rows) == [1, 2]


@pytest.mark.parametrize(
    ("logsource", "detection", "why"),
    [
        ("category: webserver", "sel: {a: b}\ncondition: sel", "no table is known for the log source (category webserver)"),
        (PROCESS, "sel: {Image|expand: '%x%'}\ncondition: sel", "a placeholder in 'Image' is to be filled in first"),
        (PROCESS, "sel: {Image: b}\ncondition: other", "other"),
        (PROCESS, "sel: {Image|nosuch: b}\ncondition: sel", "nosuch"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_at_the_detection(logsource: str, detection: str, why: str) -> None:
    rule = rule_of(logsource, detection)
    assert not rule.runnable
    (problem,) = rule.problems
    assert problem.code == "LU150"
    assert why in problem.message
    assert rule.file.position(problem.span.start)[0] >= 3


def test_correlations_and_filters_are_told(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(
        "title: c\nid: b52e84a3-029e-4529-b09b-71d19dd27e94\ncorrelation:\n  type: event_count\n  rules: [x]\n  group-by: [User]\n"
        "  timespan: 1h\n  condition: {gte: 10}\n",
        encoding="utf-8",
    )
    loaded = load_folder(tmp_path)
    (error,) = loaded.errors
    assert error.diagnostic.code == "LU150"
    assert not any(r.runnable for r in loaded.rules)


def test_what_a_table_cannot_say_is_noted() -> None:
    rule = rule_of(
        "category: file_event, product: windows",
        "sel:\n  TargetFilename|endswith: .exe\n  ParentImage|endswith: '\\cmd.exe'\ncondition: sel",
    )
    assert [d.code for d in rule.repairs] == ["LU151"]
    assert matching(
        rule, "ActionType: string, FolderPath: string, InitiatingProcessParentFileName: string",
        '"FileCreated", "a.exe", "CMD.exe"', '"FileCreated", "a.exe", "x.exe"', '"FileDeleted", "a.exe", "cmd.exe"',
    ) == [1]  # fmt: skip


def test_several_documents_with_a_global_one() -> None:
    text = (
        "action: global\ntitle: t\nid: b52e84a3-029e-4529-b09b-71d19dd27e94\nlevel: low\n---\n"
        "logsource: {category: process_creation, product: windows}\ndetection: {sel: {Image: a}, condition: sel}\n---\n"
        "logsource: {category: file_event, product: windows}\ndetection: {sel: {TargetFilename: a}, condition: sel}\n"
    )
    loaded = load_text("x.yml", text.encode())
    assert loaded is not None
    assert [r.query.partition("\n")[0] for r in loaded.rules] == ["DeviceProcessEvents", "DeviceFileEvents"]


def test_aliases_without_end_are_refused() -> None:
    bomb = "logsource: {}\ndetection:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"  {chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8)
    )
    loaded = load_text("x.yml", bomb.encode())
    assert loaded is not None
    assert [p.diagnostic.code for p in loaded.errors] == ["LU121"]


def test_other_yaml_is_not_sigma() -> None:
    loaded = load_text("x.yaml", b"name: x\nquery: |\n  T\n  | where logsource == 1\n")
    assert loaded is not None
    assert loaded.rules[0].format == "sentinel"


def test_expressions_keep_their_stars_and_marks() -> None:
    rule = rule_of(PROCESS, "sel:\n  CommandLine|re: '^(?:a|b)c*d?.*\\.e$'\ncondition: sel")
    assert matching(rule, "ProcessCommandLine: string", '"accdx.e"', '"b.e"', '"cd.e"', '"A.e"') == [1, 2]


@pytest.mark.parametrize(("flags", "found"), [("", []), ("|i", [1]), ("|i|s", [1, 2]), ("|i|m", [1, 3])])
def test_flags_of_expressions(flags: str, found: list[int]) -> None:
    rule = rule_of(PROCESS, f"sel:\n  CommandLine|re{flags}: '^A.b$'\ncondition: sel")
    assert matching(rule, "ProcessCommandLine: string", '"a-b"', '"a\\nb"', '"x\\na-b"') == found


def test_a_part_of_a_user_may_be_of_the_domain() -> None:
    columns = "AccountDomain: string, AccountName: string"
    rows = ('"NT AUTHORITY", "SYSTEM"', '"CORP", "authority"', '"CORP", "bob"', '"", ""')
    for how, value, found in (
        ("|contains", "AUTHORI", [1, 2]), ("|startswith", "nt authority\\sys", [1]), ("|endswith", "\\bob", [3]), ("", "", [4]),
    ):  # fmt: skip
        rule = rule_of(PROCESS, f"sel:\n  User{how}: '{value}'\ncondition: sel")
        assert matching(rule, columns, *rows) == found, (how, value)


def test_the_user_of_an_event_is_that_of_the_process_behind_it() -> None:
    rule = rule_of("category: file_event, product: windows", "sel:\n  User|contains: SYSTEM\ncondition: sel")
    assert "InitiatingProcessAccountName" in rule.query
    assert "RequestAccountName" not in rule.query


def test_a_user_of_linux_has_no_domain() -> None:
    rule = rule_of("category: process_creation, product: linux", "sel:\n  User|startswith: ro\ncondition: sel")
    assert matching(rule, "AccountDomain: string, AccountName: string", '"host", "root"', '"root", "bob"') == [1]


def test_what_happens_in_the_registry_is_one_thing() -> None:
    source = "category: registry_delete, product: windows"
    rule = rule_of(source, "sel:\n  EventType: DeleteKey\n  TargetObject|endswith: x\ncondition: sel")
    columns = "ActionType: string, RegistryKey: string, RegistryValueName: string"
    assert matching(rule, columns, '"RegistryKeyDeleted", "x", ""', '"RegistryValueDeleted", "x", ""') == [1]


@pytest.mark.parametrize("value", ["DWORD (0x*", "*0x0000*", "*(0x00000001)", "Binary*"])
def test_a_part_of_how_sysmon_writes_numbers_is_looked_for_in_its_events(value: str) -> None:
    rule = rule_of("category: registry_set, product: windows", f"sel:\n  Details: '{value}'\ncondition: sel")
    assert rule.query.startswith("WindowsEvent\n")


def test_what_is_no_address_is_in_no_network() -> None:
    source = "category: network_connection, product: windows"
    rule = rule_of(
        source,
        "sel:\n  DestinationPort: 1\nflt:\n  DestinationIp|cidr: [10.0.0.0/8, 'fe80::/10']\ncondition: sel and not flt",
    )
    columns = "ActionType: string, LocalIP: string, RemoteIP: string, LocalPort: int, RemotePort: int"
    rows = [f'"ConnectionSuccess", "", "{ip}", 0, 1' for ip in ("10.0.0.1", "2001:db8::1", "fe80::1", "", "192.0.2.1")]
    assert matching(rule, columns, *rows) == [2, 4, 5]


def test_nothing_is_not_less_than_a_number() -> None:
    rule = rule_of(PROCESS, "flt:\n  ProcessId|lt: 5\ncondition: not flt")
    assert matching(rule, "ProcessId: long", "long(null)", "4", "5") == [1, 3]


def test_fields_of_entra_that_are_columns() -> None:
    source = "product: azure, service: signinlogs"
    rule = rule_of(source, "sel:\n  ResultType: 50053\n  conditionalAccessStatus: failure\ncondition: sel")
    assert rule.query.split("\n")[0] == "SigninLogs"
    columns = "ResultType: string, ConditionalAccessStatus: string"
    assert matching(rule, columns, '"50053", "Failure"', '"0", "failure"') == [1]


@pytest.mark.parametrize(
    ("source", "field"),
    [
        # A bag, a name of another product's, and a table whose columns are called as something else is.
        ("product: azure, service: signinlogs", "Status"),
        ("product: azure, service: auditlogs", "properties.message"),
        ("product: azure, service: activitylogs", "operationName"),
        ("product: m365, service: audit", "Operation"),
    ],
)
def test_fields_that_no_column_holds_are_refused(source: str, field: str) -> None:
    rule = rule_of(source, f"sel:\n  {field}: x\ncondition: sel")
    assert [p.code for p in rule.problems] == ["LU150"]


def test_fields_that_sysmon_does_not_write_are_told() -> None:
    rule = rule_of("category: dns_query, product: windows", "sel:\n  QueryName: x\n  md5: y\ncondition: sel")
    assert [(r.code, r.message) for r in rule.repairs] == [
        ("LU151", "Sysmon writes no 'md5' with these events: it is empty there")
    ]


def test_a_service_says_which_log_a_category_is_in() -> None:
    rule = rule_of(
        "category: process_creation, product: windows, service: security", "sel:\n  EventID: 4688\ncondition: sel"
    )
    assert rule.query.split() == ["SecurityEvent", "|", "where", "EventID", "==", "4688"]


def test_the_value_without_a_name_is_the_default_one() -> None:
    rule = rule_of(
        "category: registry_event, product: windows",
        "sel:\n  TargetObject|endswith: '\\open\\command\\(Default)'\nkey:\n  TargetObject|endswith: '\\x'\ncondition: sel or key",
    )
    columns = "ActionType: string, RegistryKey: string, RegistryValueName: string"
    key = r'@"HKEY_USERS\S-1\open\command"'
    rows = (
        f'"RegistryValueSet", {key}, ""', f'"RegistryValueSet", {key}, "(Default)"', f'"RegistryKeyCreated", {key}, ""',
        f'"RegistryValueSet", {key}, "x"', r'"RegistryKeyCreated", @"HKEY_USERS\x", ""',
    )  # fmt: skip
    assert matching(rule, columns, *rows) == [1, 2, 4, 5]


def test_dashes_that_would_make_millions_of_spellings_are_refused() -> None:
    text = (
        "title: x\nlogsource:\n  product: windows\n  category: process_creation\ndetection:\n  selection:\n"
        "    CommandLine|windash|contains: '{}'\n  condition: selection\n"
    )
    two = load_text("a.yaml", text.format("-a -b").encode())
    many = load_text("a.yaml", text.format("-a " * 30).encode())
    assert two is not None
    assert two.rules[0].runnable
    assert many is not None
    assert not many.rules
    assert "windash" in many.errors[0].diagnostic.message
