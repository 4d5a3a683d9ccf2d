"""One comparison of a Sigma rule as KQL.

Sigma compares text without case, knows `*` and `?`, and has no types; KQL has all three otherwise. The Kusto backend of pySigma
writes `has_all` for several values that must all hold, drops the order of what stands between wildcards, and compares numbers with
text: here each comparison is written so that it means what Sigma's specification says. Source: "Sigma Rules Specification",
sections "Wildcards", "Value Modifiers".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from lurcher.content.sigma.targets import Field
from lurcher.kql.formatter.words import string
from lurcher.kql.types import ScalarType


class Wild(Enum):
    """Sigma's wildcards: any run of characters, one character."""

    MANY = "*"
    ONE = "?"


#: A value: literal stretches and wildcards in order.
Pattern = Sequence[str | Wild]

NUMBERS = frozenset({ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL})
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_INTEGER = re.compile(r"\s*([+-]?[0-9]+|0[xX][0-9a-fA-F]+)\s*")
_DWORD = re.compile(r"(?i)DWORD \(0x([0-9a-f]{1,8})\)")
_QWORD = re.compile(r"(?i)QWORD \(0x([0-9a-f]{1,8})-0x([0-9a-f]{1,8})\)")
#: What only Sysmon writes for a value that is no text.
_SYSMON = re.compile(r"(?i)[DQ]WORD|\(0x|\b0x0|Binary Data|\(Empty\)|^\(?0x[0-9a-f]*\)?$")
_WORDS = (
    "Binary Data",
    "(Empty)",
    *(f"DWORD (0x{n:08x})" for n in (0, 1, 2, 4, 0xFFFFFFFF)),
    "QWORD (0x00000000-0x00000001)",
)
#: Sysmon's short names of hives.
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE", "HKU": "HKEY_USERS", "HKCR": "HKEY_CLASSES_ROOT", "HKCU": "HKEY_CURRENT_USER",
}  # fmt: skip
#: Sysmon's words for what happens in the registry -> Defender's.
_EVENTS = {
    "createkey": "RegistryKeyCreated", "deletekey": "RegistryKeyDeleted", "setvalue": "RegistryValueSet",
    "deletevalue": "RegistryValueDeleted", "renamekey": "RegistryKeyRenamed",
}  # fmt: skip
#: Defender names the control set that is the current one.
_CONTROL = re.compile(r"(?i)\\CurrentControlSet(?=\\|$)")


def matches(field: Field, pattern: Pattern, *, cased: bool = False) -> str:
    """`field` is a value with wildcards."""
    parts = _merged(pattern)
    plain = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else None
    if field.type in NUMBERS and (plain is not None or not parts):
        return _number(field, plain or "")
    if field.type is ScalarType.BOOL and plain is not None:
        return f"{field.text} == {plain.lower()}" if plain.lower() in ("true", "false") else "false"
    text = _text(field)
    if not parts:
        return exists(field, there=False) if field.user else f"isempty({text})"
    if parts == [Wild.MANY]:
        return exists(field, there=True) if field.user else f"isnotempty({text})"
    if field.user and plain is not None:
        return _account(field.user, plain, cased)
    if field.registry == "event":
        if plain is None or plain.lower() not in _EVENTS:
            raise ValueError(f"the registry's events are compared with something that is none of {', '.join(_EVENTS)}")
        return f"{text} == {string(_EVENTS[plain.lower()])}"
    if field.registry == "data" and (said := _data(text, parts)):
        return said
    if field.registry == "data" and _of_sysmon(parts):
        raise ValueError(
            "a part of what Sysmon writes for numbers, bytes and nothing is compared, which the table has not"
        )
    if field.registry == "path" and isinstance(parts[0], str):
        hive, mark, rest = parts[0].partition("\\")
        parts[0] = _HIVES.get(hive.upper(), hive) + mark + rest
    if field.registry == "path" and any(isinstance(p, str) and _CONTROL.search(p) for p in parts):
        other = [_CONTROL.sub(r"\\ControlSet001", p) if isinstance(p, str) else p for p in parts]
        return f"({_on_text(text, parts, cased)} or {_on_text(text, other, cased)})"
    return _on_text(text, parts, cased)


def among(field: Field, values: Sequence[str]) -> str:
    """`field` is one of several values without wildcards. Only of text, and not of paths in the registry."""
    return f"{_text(field)} in~ ({', '.join(string(v) for v in values)})"


def listable(field: Field) -> bool:
    """Whether `among` may say it."""
    return field.type not in NUMBERS and field.type is not ScalarType.BOOL and not field.registry and field.user is None


def number(field: Field, value: int | float) -> str:
    if field.type in NUMBERS:
        return f"{field.text} == {_digits(value)}"
    return f"{_text(field)} =~ {string(str(value))}"


def ordered(field: Field, operator: str, value: int | float) -> str:
    """Of nothing it is false, and its opposite true: KQL gives null for both."""
    left = field.text if field.type in NUMBERS else f"toreal({_text(field)})"
    return f"coalesce({left} {operator} {_digits(value)}, false)"


def boolean(field: Field, value: bool) -> str:
    word = "true" if value else "false"
    return f"{field.text} == {word}" if field.type is ScalarType.BOOL else f"{_text(field)} =~ {string(word)}"


def regex(field: Field, pattern: str, flags: str = "") -> str:
    return f"{_text(field)} matches regex {string((f'(?{flags})' if flags else '') + pattern)}"


def network(field: Field, cidr: str) -> str:
    """What is no address of the family is in no network of it; KQL gives null there."""
    family = "ipv6" if ":" in cidr else "ipv4"
    return f"coalesce({family}_is_in_range({_text(field)}, {string(cidr)}), false)"


def _account(columns: tuple[str, str], plain: str, cased: bool) -> str:
    """A user by the whole name: `DOMAIN\\name`, or the name alone."""
    domain, name = columns
    before, mark, rest = plain.rpartition("\\")
    named = _on_text(name, [rest], cased)
    return f"({named} and {_on_text(domain, [before], cased)})" if mark and before else named


def exists(field: Field, there: bool) -> str:
    if field.user:
        # The two put together are never empty.
        return f"{'isnotempty' if there else 'isempty'}({field.user[1]})"
    if field.type is ScalarType.STRING:
        return f"{'isnotempty' if there else 'isempty'}({field.text})"
    return f"{'isnotnull' if there else 'isnull'}({field.text})"


def same(field: Field, other: Field, before: bool, behind: bool, cased: bool) -> str:
    """`fieldref`: equal to another field, or with anything before or behind it."""
    word = {(False, False): "==" if cased else "=~", (True, False): "endswith", (False, True): "startswith"}
    operator = word.get((before, behind), "contains")
    return f"{_text(field)} {operator}{'_cs' if cased and (before or behind) else ''} {_text(other)}"


def anywhere(pattern: Pattern) -> str:
    """A keyword: some column contains it."""
    parts = _merged(pattern)
    while parts and parts[0] is Wild.MANY:
        parts.pop(0)
    while parts and parts[-1] is Wild.MANY:
        parts.pop()
    if len(parts) == 1 and isinstance(parts[0], str):
        return f"* contains {string(parts[0])}"
    return f"* matches regex {string('(?is)' + _regex(parts))}" if parts else "true"


def _text(field: Field) -> str:
    return field.text if field.type is ScalarType.STRING else f"tostring({field.text})"


def _merged(pattern: Pattern) -> list[str | Wild]:
    """Without empty stretches, neighbours of one kind made one."""
    parts: list[str | Wild] = []
    for part in pattern:
        if part == "":
            continue
        if parts and isinstance(part, str) and isinstance(parts[-1], str):
            parts[-1] += part
        elif not (part is Wild.MANY and parts and parts[-1] is Wild.MANY):
            parts.append(part)
    return parts


def _number(field: Field, plain: str) -> str:
    if not plain:
        return f"isnull({field.text})"
    whole = _INTEGER.fullmatch(plain)
    if whole is None:
        # No number is ever such a text.
        return "false"
    return f"{field.text} == {int(whole[1], 16 if whole[1][:2].lower() == '0x' else 10)}"


def _of_sysmon(parts: list[str | Wild]) -> bool:
    """Whether a pattern is, or finds, one of the words that only Sysmon writes."""
    if any(isinstance(p, str) and _SYSMON.search(p) for p in parts):
        return True
    whole = re.compile(_regex(parts), re.IGNORECASE | re.DOTALL)
    return any(whole.fullmatch(words) for words in _WORDS)


def _data(text: str, parts: list[str | Wild]) -> str:
    """What Sysmon writes for a number, for bytes and for nothing, as Defender has it; "" for anything else."""
    solid = [p for p in parts if isinstance(p, str)]
    if len(solid) != 1 or Wild.ONE in parts:
        return ""
    if number := _DWORD.fullmatch(solid[0].strip()):
        return f"{text} == {string(str(int(number[1], 16)))}"
    if number := _QWORD.fullmatch(solid[0].strip()):
        return f"{text} == {string(str(int(number[1], 16) << 32 | int(number[2], 16)))}"
    if solid[0] == "Binary Data":
        return 'RegistryValueType =~ "Binary"'
    return f"isempty({text})" if solid[0] == "(Empty)" else ""


def _digits(value: int | float) -> str:
    return str(value) if value >= 0 else f"({value})"


def _on_text(text: str, parts: list[str | Wild], cased: bool) -> str:
    cs = "_cs" if cased else ""
    match parts:
        case [str(only)]:
            return f"{text} {'==' if cased else '=~'} {string(only)}"
        case [Wild.MANY, str(end)]:
            return f"{text} endswith{cs} {string(end)}"
        case [str(start), Wild.MANY]:
            return f"{text} startswith{cs} {string(start)}"
        case [Wild.MANY, str(part), Wild.MANY]:
            return f"{text} contains{cs} {string(part)}"
    flags = "s" if cased else "is"
    head = "" if parts[0] is Wild.MANY else "^"
    tail = "" if parts[-1] is Wild.MANY else "$"
    inner = parts[(not head) : len(parts) - (not tail)]
    return f"{text} matches regex {string(f'(?{flags}){head}{_regex(inner)}{tail}')}"


def _regex(parts: Sequence[str | Wild]) -> str:
    escaped = {Wild.MANY: ".*", Wild.ONE: "."}
    return "".join(_META.sub(r"\\\g<0>", p) if isinstance(p, str) else escaped[p] for p in parts)
