"""Sigma rules by chance: what the query finds is what a reader of Sigma's specification, written here on its own, finds."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import random
import re
from typing import Any

import pytest

from lurcher.app.query import open_session
from lurcher.content.loading import load_text

pytest.importorskip("sigma.backends.kusto")

Event = dict[str, Any]
#: Of each log source: Sigma's fields, the kind of values that they hold, and the table's columns.
TEXT, NUMBER, ADDRESS, USER, TRUTH = "text", "number", "address", "user", "truth"
SOURCES: dict[str, tuple[str, dict[str, str], str]] = {
    "category: process_creation, product: windows": (
        "DeviceProcessEvents",
        {"Image": TEXT, "CommandLine": TEXT, "ParentImage": TEXT, "ProcessId": NUMBER, "User": USER},
        "FolderPath: string, ProcessCommandLine: string, InitiatingProcessFolderPath: string, ProcessId: long, "
        "AccountDomain: string, AccountName: string",
    ),
    "category: network_connection, product: windows": (
        "DeviceNetworkEvents",
        {"Image": TEXT, "DestinationIp": ADDRESS, "SourceIp": ADDRESS, "DestinationPort": NUMBER, "Initiated": TRUTH},
        "ActionType: string, InitiatingProcessFolderPath: string, LocalIP: string, RemoteIP: string, LocalPort: int, "
        "RemotePort: int",
    ),
    "product: windows, service: system": (
        "WindowsEvent",
        {"EventID": NUMBER, "Provider_Name": TEXT, "ImagePath": TEXT, "Param 1": TEXT, "Count": NUMBER, "Address": ADDRESS},
        "Channel: string, EventID: int, Provider: string, EventData: dynamic",
    ),
}  # fmt: skip
WORDS = ("a", "B", "ab", "a.b", "(x)", "ä", "\\", "a\\b", "$", "1", " ", "*", "?", "\n")
ADDRESSES = ("10.0.0.1", "10.1.2.3", "192.168.0.9", "fe80::1", "2001:db8::5", "", "8.8.8.8")
NETWORKS = ("10.0.0.0/8", "10.0.0.0/31", "192.168.0.0/16", "fe80::/10", "2001:db8::/32", "0.0.0.0/0")
EXPRESSIONS = ("a", "^a", "B$", "a.b", r"\.b", "(a|B)+", "[a-b]{2}", r"\\b", "x?y*z?$", "^$")


def row_of(table: str, event: Event) -> tuple[Any, ...]:
    if table == "DeviceProcessEvents":
        domain, _, name = event["User"].rpartition("\\")
        return event["Image"], event["CommandLine"], event["ParentImage"], event["ProcessId"], domain, name
    if table == "DeviceNetworkEvents":
        here, there = ("Source", "Destination") if event["Initiated"] else ("Destination", "Source")
        ip = {"Source": event["SourceIp"], "Destination": event["DestinationIp"]}
        ports = {"Source": event["SourcePort"], "Destination": event["DestinationPort"]}
        action = "ConnectionSuccess" if event["Initiated"] else "InboundConnectionAccepted"
        return action, event["Image"], ip[here], ip[there], ports[here], ports[there]
    data = {k: str(event[k]) for k in ("ImagePath", "Param 1", "Count", "Address") if event[k] not in (None, "")}
    return "System", event["EventID"], event["Provider_Name"], data


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return f"dynamic({json.dumps(value)})"
    if value is None:
        return "long(null)"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


# --- events and rules ---
def text(rng: random.Random) -> str:
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(0, 4))).strip()


def an_event(rng: random.Random, fields: dict[str, str]) -> Event:
    event: Event = {"SourcePort": rng.randint(0, 3)}
    for name, kind in fields.items():
        event[name] = {
            TEXT: lambda: text(rng),
            NUMBER: lambda: rng.choice((None, 0, 1, 2, 3)),
            ADDRESS: lambda: rng.choice(ADDRESSES),
            USER: lambda: rng.choice(("NT AUTHORITY\\SYSTEM", "CORP\\ab", "CORP\\B", "ab\\a")),
            TRUTH: lambda: rng.random() < 0.5,
        }[kind]()
    return event


class Like(list[str]):
    """A pattern: literal stretches, and `*` and `?` with a mark before them."""

    def __str__(self) -> str:
        """As Sigma writes it: special characters that mean themselves behind a backslash, and every backslash doubled."""
        return "".join(p[1:] if p in ("!*", "!?") else re.sub(r"([\\*?])", r"\\\1", p) for p in self)

    def expression(self) -> str:
        return "".join({"!*": ".*", "!?": "."}.get(p, re.escape(p)) for p in self)


def a_pattern(rng: random.Random, kind: str) -> Like:
    if kind == USER:
        return Like([rng.choice(("SYSTEM", "AUTHORI", "CORP\\ab", "ab", "NT AUTHORITY\\SYSTEM", "corp\\"))])
    parts = [rng.choice(WORDS[:-1]) for _ in range(rng.randint(1, 2))]
    for _ in range(rng.randint(0, 2)):
        parts.insert(rng.randint(0, len(parts)), rng.choice(("!*", "!*", "!?")))
    if not "".join(parts).strip() or (parts[0].strip() != parts[0]) or (parts[-1].strip() != parts[-1]):
        return Like(["a"])
    return Like(parts)


def an_item(rng: random.Random, name: str, kind: str) -> tuple[str, list[Any]]:
    """(a field with its modifiers, the values)"""
    if rng.random() < 0.1 and kind != TRUTH:
        return rng.choice(((name, [None]), (f"{name}|exists", [True]), (f"{name}|exists", [False])))
    if kind == TRUTH:
        return name, [rng.choice(("true", "false", True, False))]
    if kind == NUMBER:
        if rng.random() < 0.4:
            return f"{name}|{rng.choice(('lt', 'lte', 'gt', 'gte'))}", [rng.randint(0, 3)]
        return name, [rng.choice((n, str(n))) for n in rng.sample(range(4), rng.randint(1, 2))]
    if kind == ADDRESS:
        if rng.random() < 0.6:
            return f"{name}|cidr", rng.sample(NETWORKS, rng.randint(1, 2))
        return f"{name}|startswith", [Like([rng.choice(("10.", "fe80", "8"))])]
    if rng.random() < 0.2 and kind == TEXT:
        return f"{name}|re{rng.choice(('', '|i', '|i|s'))}", rng.sample(EXPRESSIONS, rng.randint(1, 2))
    how = rng.choice(("", "|contains", "|startswith", "|endswith", "|contains|all", "|contains|cased"))
    if kind == USER:
        # A name alone is read as the name of the account, whatever its domain.
        how = how.replace("|cased", "")
        if not how:
            return name, [Like([rng.choice(("CORP\\ab", "NT AUTHORITY\\system"))])]
    return name + how, [a_pattern(rng, kind) for _ in range(rng.randint(1, 3))]


def a_rule(rng: random.Random, fields: dict[str, str]) -> tuple[dict[str, Any], str]:
    """(the selections, the condition)"""
    selections: dict[str, Any] = {}
    for number in range(rng.randint(1, 4)):
        maps = []
        for _ in range(rng.randint(1, 2)):
            names = rng.sample(list(fields), rng.randint(1, 2))
            maps.append(dict(an_item(rng, n, fields[n]) for n in names))
        selections[f"{rng.choice(('sel', 'flt'))}_{number}"] = maps if len(maps) > 1 or rng.random() < 0.3 else maps[0]
    names = list(selections)
    condition = rng.choice(names)
    if rng.random() < 0.5:
        start = condition[:4]
        condition = rng.choice((f"1 of {start}*", f"all of {start}*", "1 of them", "all of them"))
    for _ in range(rng.randint(0, 2)):
        other = rng.choice(names)
        one = rng.choice((f"not {other}", other, f"not 1 of {other[:4]}*", f"(not {other} or {rng.choice(names)})"))
        condition = f"({condition}) {rng.choice(('and', 'or'))} {one}"
    return selections, condition


def written(value: Any) -> Any:
    return str(value) if isinstance(value, Like) else value


def rule_text(source: str, selections: dict[str, Any], condition: str) -> str:
    def one(item: dict[str, list[Any]]) -> dict[str, Any]:
        return {k: [written(v) for v in vs] if len(vs) > 1 else written(vs[0]) for k, vs in item.items()}

    detection = {n: [one(m) for m in s] if isinstance(s, list) else one(s) for n, s in selections.items()}
    body = json.dumps({**detection, "condition": condition}, ensure_ascii=False)
    return f"title: t\nlogsource: {{{source}}}\ndetection: {body}\n"


# --- what Sigma means ---
def value_holds(have: Any, value: Any, modifiers: list[str]) -> bool:
    if "exists" in modifiers:
        return (have not in (None, "")) == value
    if value is None:
        return have in (None, "")
    if {"lt", "lte", "gt", "gte"} & set(modifiers):
        if have in (None, ""):
            return False
        a, b = float(have), value
        return {"lt": a < b, "lte": a <= b, "gt": a > b, "gte": a >= b}[modifiers[0]]
    if "cidr" in modifiers:
        try:
            return ipaddress.ip_address(have) in ipaddress.ip_network(value)
        except ValueError:
            return False
    have = "" if have is None else str(have).lower() if isinstance(have, bool) else str(have)
    if "re" in modifiers:
        flags = (re.IGNORECASE if "i" in modifiers else 0) | (re.DOTALL if "s" in modifiers else 0)
        return re.search(value.replace("$", r"\Z"), have, flags) is not None
    if not isinstance(value, Like):
        return have == str(value).lower()
    expression = value.expression()
    before = ".*" if {"contains", "endswith"} & set(modifiers) else ""
    behind = ".*" if {"contains", "startswith"} & set(modifiers) else ""
    flags = re.DOTALL | (0 if "cased" in modifiers else re.IGNORECASE)
    return have != "" and re.fullmatch(before + expression + behind, have, flags) is not None


def item_holds(event: Event, key: str, values: list[Any]) -> bool:
    name, *modifiers = key.split("|")
    many = all if "all" in modifiers else any
    return many(value_holds(event[name], v, modifiers) for v in values)


def holds(event: Event, selections: dict[str, Any], condition: str) -> bool:
    def selected(name: str) -> bool:
        maps = selections[name] if isinstance(selections[name], list) else [selections[name]]
        return any(all(item_holds(event, k, v) for k, v in m.items()) for m in maps)

    found = {name: selected(name) for name in selections}

    def of(match: re.Match[str]) -> str:
        named = [v for n, v in found.items() if match[2] == "them" or n.startswith(match[2].rstrip("*"))]
        return str(any(named) if match[1] == "1" else all(named))

    said = re.sub(r"(1|all) of (\S+?)(?=[\s)]|$)", of, condition)
    said = re.sub(r"(?:sel|flt)_\d", lambda m: str(found[m[0]]), said)
    return bool(eval(said, {"__builtins__": {}}))  # noqa: S307 (made of the words above alone)


@pytest.mark.parametrize("source", SOURCES)
def test_queries_find_what_the_rules_say(source: str) -> None:
    table, fields, columns = SOURCES[source]
    rng = random.Random(f"sigma {source}")
    session = open_session(None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None)
    told = 0
    for _ in range(40):
        events = [an_event(rng, fields) for _ in range(25)]
        selections, condition = a_rule(rng, fields)
        text_ = rule_text(source, selections, condition)
        loaded = load_text("rule.yml", text_.encode())
        assert loaded is not None
        (rule,) = loaded.rules
        assert not rule.problems, (text_, rule.problems)
        assert rule.query.startswith(table), (text_, rule.query)
        rows = ", ".join(f"{n}, {', '.join(map(literal, row_of(table, e)))}" for n, e in enumerate(events))
        kql = f"let {table} = datatable(N: long, {columns}) [{rows}];\n{rule.query}\n| project N | sort by N asc"
        got = [r["N"] for r in session.run_table(kql).to_pylist()]
        want = [n for n, e in enumerate(events) if holds(e, selections, condition)]
        assert got == want, (text_, rule.query, [events[n] for n in set(got) ^ set(want)])
        told += bool(want)
    assert told > 15
