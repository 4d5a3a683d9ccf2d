"""IP addresses: parsing, masks, ranges, search in text.

Source: "IPv4/IPv6 functions" (Kusto documentation). A text may carry a prefix (`10.0.0.0/8`); what is no address gives null (of
a string function the empty text). IPv6 and what needs a list of ranges is left to vectorised functions.
"""

from __future__ import annotations

from lurcher.functions.registry import Nulls, scalar

_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.addresses:"
#: Leading zeros make it no address.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = rf"'\s*{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(?:3[0-2]|[12]?[0-9]))?\s*'"


#: The beginnings of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
_PRIVATE = r"'^\s*(?:10\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|192\.168\.)'"


def _number(text: str) -> str:
    """The address without its prefix applied; only for what is an address."""
    part = [f"TRY_CAST(split_part({text}, '.', {i}) AS BIGINT)" for i in range(1, 4)]
    part.append(f"TRY_CAST(split_part(split_part({text}, '.', 4), '/', 1) AS BIGINT)")
    return f"({part[0]} * 16777216 + {part[1]} * 65536 + {part[2]} * 256 + {part[3]})"


def _prefix(text: str) -> str:
    return f"coalesce(TRY_CAST(split_part({text}, '/', 2) AS BIGINT), 32)"


def _masked(number: str, prefix: str) -> str:
    return (
        f"({number} // (1::BIGINT << CAST(32 - {prefix} AS INTEGER)) * (1::BIGINT << CAST(32 - {prefix} AS INTEGER)))"
    )


def _is(text: str) -> str:
    return f"regexp_full_match({text}, {_ADDRESS})"


_IP = _masked(_number("{ip}"), _prefix("{ip}"))
scalar(
    "parse_ipv4",
    "ip: string",
    "long",
    "The address as a number, its prefix applied.",
    f"CASE WHEN {_is('{ip}')} THEN {_IP} END",
    nulls=_MAYBE,
    examples=(
        ("parse_ipv4('192.168.1.1')", "3232235777"),
        ("parse_ipv4('203.0.113.10/24')", "3405803776"),
        ("parse_ipv4('1.2.3.4/33')", "long(null)"),
    ),
)
_LEAST = f"least({_prefix('{ip}')}, {{prefix}})"
scalar(
    "parse_ipv4_mask",
    "ip: string, prefix: long",
    "long",
    "The address as a number, the prefix applied.",
    f"CASE WHEN {_is('{ip}')} AND {{prefix}} BETWEEN 0 AND 32 THEN {_masked(_number('{ip}'), _LEAST)} END",
    nulls=_MAYBE,
    example=('parse_ipv4_mask("127.0.0.1", 24)', "2130706432"),
)
scalar(
    "ipv4_netmask_suffix",
    "ip: string",
    "long",
    "The prefix of an address, 32 where it has none.",
    f"CASE WHEN {_is('{ip}')} THEN {_prefix('{ip}')} END",
    nulls=_MAYBE,
    example=("ipv4_netmask_suffix('10.1.2.3/8')", "8"),
)
scalar(
    "ipv4_is_private",
    "ip: string",
    "bool",
    "Whether the address is in one of the private ranges (10/8, 172.16/12, 192.168/16).",
    f"CASE WHEN {_is('{ip}')} THEN regexp_matches({{ip}}, {_PRIVATE}) END",
    nulls=_MAYBE,
    examples=(
        ("ipv4_is_private('192.168.1.1/24')", "true"),
        ("ipv4_is_private('172.32.0.1')", "false"),
        ("ipv4_is_private('127.0.0.1')", "false"),
        ("ipv4_is_private('x')", "bool(null)"),
    ),
)
_RANGE = _prefix("{ip_range}")
scalar(
    "ipv4_is_in_range",
    "ip: string, ip_range: string",
    "bool",
    "Whether the address is in the range.",
    f"CASE WHEN {_is('{ip}')} AND {_is('{ip_range}')}"
    f" THEN {_masked(_number('{ip}'), _RANGE)} = {_masked(_number('{ip_range}'), _RANGE)} END",
    nulls=_MAYBE,
    examples=(
        ("ipv4_is_in_range('192.168.1.6', '192.168.1.1/24')", "true"),
        ("ipv4_is_in_range('10.0.0.1', '192.168.1.1/24')", "false"),
    ),
)
_BOTH = f"least({_prefix('{ip1}')}, {_prefix('{ip2}')}, {{prefix}})"
_FIRST, _SECOND = _masked(_number("{ip1}"), _BOTH), _masked(_number("{ip2}"), _BOTH)
_VALID = f"{_is('{ip1}')} AND {_is('{ip2}')} AND {{prefix}} BETWEEN 0 AND 32"
for _params, _given in (("ip1: string, ip2: string", "32"), ("ip1: string, ip2: string, prefix: long", "{prefix}")):
    scalar(
        "ipv4_compare",
        _params,
        "long",
        "-1, 0 or 1: how the addresses stand after the shortest of the prefixes is applied.",
        f"CASE WHEN {_VALID} THEN CAST(sign({_FIRST} - {_SECOND}) AS BIGINT) END".replace("{prefix}", _given),
        nulls=_MAYBE,
        examples=(
            ("ipv4_compare('192.168.1.1/24', '192.168.1.255')", "0"),
            ("ipv4_compare('10.0.0.1', '10.0.0.2')", "-1"),
        )
        if _given == "32"
        else (),
    )
    scalar(
        "ipv4_is_match",
        _params,
        "bool",
        "Whether the addresses are equal after the shortest of the prefixes is applied.",
        f"CASE WHEN {_VALID} THEN {_FIRST} = {_SECOND} END".replace("{prefix}", _given),
        nulls=_MAYBE,
        examples=(("ipv4_is_match('192.168.1.1/24', '192.168.1.255')", "true"),) if _given == "32" else (),
    )
scalar(
    "format_ipv4",
    "ip: text",
    "string",
    "The address in four numbers, its prefix applied.",
    "kql_format_ipv4({ip}, 32)",
    udf=_UDF + "format_ipv4",
    nulls=_MAYBE,
    example=("format_ipv4(3232235777)", '"192.168.1.1"'),
)
scalar(
    "format_ipv4",
    "ip: text, prefix: long",
    "string",
    "The address in four numbers, the prefix applied.",
    "kql_format_ipv4({ip}, {prefix})",
    udf=_UDF + "format_ipv4",
    nulls=_MAYBE,
    examples=(
        ("format_ipv4('192.168.1.1', 24)", '"192.168.1.0"'),
        ("format_ipv4('192.168.1.1/24', 32)", '"192.168.1.0"'),
        ("format_ipv4('192.168.1.1', long(null))", '""'),
    ),
)
scalar(
    "format_ipv4_mask",
    "ip: text, prefix: long",
    "string",
    "The address in CIDR notation, the prefix applied.",
    "kql_format_ipv4_mask({ip}, {prefix})",
    udf=_UDF + "format_ipv4_mask",
    nulls=_MAYBE,
    example=("format_ipv4_mask('192.168.1.1', 24)", '"192.168.1.0/24"'),
)

scalar(
    "parse_ipv6",
    "ip: string",
    "string",
    "The IPv6 (or IPv4) address written out, its prefix applied; else the empty text.",
    "kql_parse_ipv6({ip}, NULL)",
    udf=_UDF + "parse_ipv6",
    nulls=_MAYBE,
    examples=(
        ("parse_ipv6('2001:db8::10')", '"2001:0db8:0000:0000:0000:0000:0000:0010"'),
        ("parse_ipv6('192.168.255.255/24')", '"0000:0000:0000:0000:0000:ffff:c0a8:ff00"'),
        ("parse_ipv6('x')", '""'),
    ),
)
scalar(
    "parse_ipv6_mask",
    "ip: string, prefix: long",
    "string",
    "The address written out, the prefix applied.",
    "kql_parse_ipv6({ip}, {prefix})",
    udf=_UDF + "parse_ipv6",
    nulls=_MAYBE,
    example=("parse_ipv6_mask('2001:db8::10', 64)", '"2001:0db8:0000:0000:0000:0000:0000:0000"'),
)
for _params, _prefix6 in (("ip1: string, ip2: string", "128"), ("ip1: string, ip2: string, prefix: long", "{prefix}")):
    scalar(
        "ipv6_compare",
        _params,
        "long",
        "-1, 0 or 1: how the addresses stand after the shortest of the prefixes is applied.",
        f"kql_ipv6_compare({{ip1}}, {{ip2}}, {_prefix6})",
        udf=_UDF + "ipv6_compare",
        nulls=_MAYBE,
        examples=(("ipv6_compare('192.168.1.1/24', '::ffff:c0a8:01ff')", "0"),) if _prefix6 == "128" else (),
    )
    scalar(
        "ipv6_is_match",
        _params,
        "bool",
        "Whether the addresses are equal after the shortest of the prefixes is applied.",
        f"kql_ipv6_compare({{ip1}}, {{ip2}}, {_prefix6}) = 0",
        udf=_UDF + "ipv6_compare",
        nulls=_MAYBE,
        examples=(("ipv6_is_match('fe80::1', 'fe80::1')", "true"),) if _prefix6 == "128" else (),
    )
scalar(
    "ipv6_is_in_range",
    "ip: string, ip_range: string",
    "bool",
    "Whether the address is in the range.",
    "kql_ip_in_ranges({ip}, json_array({ip_range}), 6)",
    udf=_UDF + "ip_in_ranges",
    nulls=_MAYBE,
    example=("ipv6_is_in_range('a5e::1', 'a5e::/16')", "true"),
)
for _version in (4, 6):
    _example = ("192.168.1.6", "192.168.1.1/24") if _version == 4 else ("a5e::1", "a5e::/16")
    _doc = "Whether the address is in any of the ranges."
    scalar(
        f"ipv{_version}_is_in_any_range",
        "ip: text, *ranges: string",
        "bool",
        _doc,
        f"kql_ip_in_ranges({{ip}}, json_array({{ranges...}}), {_version})",
        udf=_UDF + "ip_in_ranges",
        nulls=_MAYBE,
        example=(f"ipv{_version}_is_in_any_range('{_example[0]}', '{_example[1]}')", "true"),
    )
    scalar(
        f"ipv{_version}_is_in_any_range",
        "ip: text, ranges: dynamic",
        "bool",
        _doc,
        f"kql_ip_in_ranges({{ip}}, {{ranges}}, {_version})",
        udf=_UDF + "ip_in_ranges",
        nulls=_MAYBE,
    )

scalar(
    "ipv4_range_to_cidr_list",
    "start_ip: string, end_ip: string",
    "dynamic",
    "The ranges in CIDR notation that hold the addresses from one to another, and no others.",
    "kql_ipv4_range_to_cidr_list({start_ip}, {end_ip})::JSON",
    udf=_UDF + "ipv4_range_to_cidr_list",
    nulls=_MAYBE,
    example=(
        'ipv4_range_to_cidr_list("1.1.128.0", "1.1.140.255")',
        'dynamic(["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"])',
    ),
)
for _name, _whole in (("has_any_ipv4", "true"), ("has_any_ipv4_prefix", "false")):
    _doc = (
        "Whether one of the addresses occurs in the text as a whole."
        if _whole == "true"
        else "Whether an address that begins so occurs in the text."
    )
    scalar(
        _name,
        "source: text, *ips: string",
        "bool",
        _doc,
        f"kql_has_ipv4({{source}}, json_array({{ips...}}), {_whole})",
        udf=_UDF + "has_ipv4",
        nulls=_MAYBE,
    )
    scalar(
        _name,
        "source: text, ips: dynamic",
        "bool",
        _doc,
        f"kql_has_ipv4({{source}}, {{ips}}, {_whole})",
        udf=_UDF + "has_ipv4",
        nulls=_MAYBE,
    )
scalar(
    "has_ipv4",
    "source: text, ip: string",
    "bool",
    "Whether the address occurs in the text as a whole.",
    "kql_has_ipv4({source}, json_array({ip}), true)",
    udf=_UDF + "has_ipv4",
    nulls=_MAYBE,
    example=("has_ipv4('05:04:54 127.0.0.1 GET /favicon.ico 404', '127.0.0.1')", "true"),
)
scalar(
    "has_ipv4_prefix",
    "source: text, ip_prefix: string",
    "bool",
    "Whether an address that begins so occurs in the text.",
    "kql_has_ipv4({source}, json_array({ip_prefix}), false)",
    udf=_UDF + "has_ipv4",
    nulls=_MAYBE,
    examples=(
        ("has_ipv4_prefix('05:04:54 127.0.0.1 GET', '127.0.')", "true"),
        ("has_ipv4_prefix('05:04:54 127.0.0.1 GET', '127.0')", "false"),
        ("has_ipv4_prefix('05:04:54 127.0.0.12 GET', '127.0.0.1')", "false"),
    ),
)
