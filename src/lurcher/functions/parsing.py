"""Texts with a structure: URLs, paths, command lines, CSV, XML, versions, base64, percent-encoding, compression, hashes.

Source: "parse_url()", "parse_path()", "parse_command_line()", "parse_xml()", ... (Kusto documentation).
"""

from __future__ import annotations

import json

from lurcher.functions import snippets as s
from lurcher.functions.build import constant, refuse
from lurcher.functions.registry import FunctionKind, Naming, Nulls, alias, scalar
from lurcher.sql import tree as t

_S = FunctionKind.SCALAR
_MAYBE = Nulls.MAYBE
_UDF = "lurcher.functions.udfs.parsing:"
_CODES = "lurcher.functions.udfs.codes:"

# --- structures ---
scalar(
    "parse_url",
    "url: string",
    "dynamic",
    "The parts of a URL: Scheme, Host, Port, Path, Username, Password, Query Parameters, Fragment.",
    "kql_parse_url({url})::JSON",
    udf=_UDF + "parse_url",
    nulls=_MAYBE,
    example=('parse_url("scheme://host:1234/path?k1=v1").Host', 'dynamic("host")'),
)
alias(_S, "parseurl", "parse_url", obsolete=True)
scalar(
    "parse_urlquery",
    "query: string",
    "dynamic",
    "The parameters of a URL's query.",
    "kql_parse_urlquery({query})::JSON",
    udf=_UDF + "parse_urlquery",
    nulls=_MAYBE,
    example=('parse_urlquery("k1=v1&k2=v2")', 'dynamic({"Query Parameters":{"k1":"v1","k2":"v2"}})'),
)
alias(_S, "parseurlquery", "parse_urlquery", obsolete=True)
scalar(
    "parse_path",
    "path: string",
    "dynamic",
    "The parts of a file path: Scheme, RootPath, DirectoryPath, DirectoryName, Filename, Extension, AlternateDataStreamName.",
    "kql_parse_path({path})::JSON",
    udf=_UDF + "parse_path",
    nulls=_MAYBE,
    example=(r'parse_path(@"C:\temp\file.txt").Filename', 'dynamic("file.txt")'),
)


def _command_line(command: t.SqlExpr, parser: t.SqlExpr) -> t.SqlExpr:
    if (kind := constant("parse_command_line", "parser", parser).lower()) != "windows":
        refuse(f"parse_command_line(): there is no parser '{kind}'", "the parser is windows")
    return t.Cast(t.call("kql_parse_command_line", command), "JSON")


scalar(
    "parse_command_line",
    "command: text, parser: string",
    "dynamic",
    "The arguments of a Windows command line, as an array.",
    _command_line,
    udf=_UDF + "parse_command_line",
    nulls=_MAYBE,
    example=(r'parse_command_line("echo \"hello world!\"", "windows")', 'dynamic(["echo","hello world!"])'),
)
scalar(
    "parse_csv",
    "csv_text: text",
    "dynamic",
    "The fields of a text's first CSV record, as an array.",
    "kql_parse_csv({csv_text})::JSON",
    udf=_UDF + "parse_csv",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("""parse_csv('aa,"b,b",cc')""", 'dynamic(["aa","b,b","cc"])'),
)
scalar(
    "parse_xml",
    "xml_text: text",
    "dynamic",
    "An XML text as a dynamic value; null where it is no XML.",
    "kql_parse_xml({xml_text})::JSON",
    udf="lurcher.functions.udfs.xml:parse_xml",
    naming=Naming.FIRST,
    nulls=_MAYBE,
    example=("""parse_xml('<a x="1"><b>t</b></a>')""", 'dynamic({"a":{"@x":"1","b":"t"}})'),
)
#: Four numbers of up to eight digits, as one number: 1.2.3.4 is 1 00000002 00000003 00000004.
_PART = "coalesce(TRY_CAST(split_part({version}, '.', %d) AS DECIMAL(38, 0)), 0)"
scalar(
    "parse_version",
    "version: string",
    "decimal",
    "A version of up to four numbers as a number that compares as versions do.",
    r"CASE WHEN regexp_full_match({version}, '[0-9]{1,8}(?:\.[0-9]{1,8}){0,3}') THEN CAST("
    + " + ".join(f"{_PART % (i + 1)} * {10 ** (8 * (3 - i))}::DECIMAL(38, 0)" for i in range(4))
    + " AS DECIMAL(38, 0)) END",
    nulls=_MAYBE,
    examples=(
        ('parse_version("1.2") > parse_version("1.1.9.9")', "true"),
        ('parse_version("0.2") == parse_version("0.2.0.0")', "true"),
    ),
)

# --- encodings ---
scalar(
    "base64_encode_tostring",
    "string: string",
    "string",
    "The text's UTF-8 in base64.",
    "to_base64(encode({string}))",
    example=('base64_encode_tostring("Kusto")', '"S3VzdG8="'),
)
alias(_S, "base64_encodestring", "base64_encode_tostring", obsolete=True)
scalar(
    "base64_decode_tostring",
    "base64_string: string",
    "string",
    "The text that base64 says; the empty text where it is none in UTF-8.",
    # What is base64 to the letter the engine decodes itself; the function takes what has white space in it.
    "CASE WHEN regexp_full_match({base64_string}, '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?')"
    " THEN coalesce(TRY(decode(from_base64({base64_string}))), '') ELSE kql_base64_text({base64_string}) END",
    udf=_CODES + "base64_text",
    nulls=_MAYBE,
    examples=(
        ('base64_decode_tostring("S3VzdG8=")', '"Kusto"'),
        ('base64_decode_tostring("U3RyaW5n0KHR0tGA0L7Rh9C60LA=")', '""'),
    ),
)
alias(_S, "base64_decodestring", "base64_decode_tostring", obsolete=True)
scalar(
    "base64_decode_toarray",
    "base64_string: string",
    "dynamic",
    "The bytes that base64 says, as an array of numbers.",
    "kql_base64_bytes({base64_string})::JSON",
    udf=_CODES + "base64_bytes",
    nulls=_MAYBE,
    example=('base64_decode_toarray("S3VzdG8=")', "dynamic([75,117,115,116,111])"),
)
scalar(
    "base64_encode_fromarray",
    "base64_string_decoded_as_array: dynamic",
    "string",
    "The bytes of an array in base64.",
    "kql_base64_of_bytes({base64_string_decoded_as_array})",
    udf=_CODES + "base64_of_bytes",
    nulls=_MAYBE,
    example=("base64_encode_fromarray(dynamic([75,117]))", '"S3U="'),
)
scalar(
    "base64_decode_toguid",
    "base64_string: string",
    "guid",
    "The guid that base64 says.",
    "TRY_CAST(kql_base64_guid({base64_string}) AS UUID)",
    udf=_CODES + "base64_guid",
    nulls=_MAYBE,
    example=('base64_decode_toguid("JpbpECu8dUy7Pv5gbeJXAA==")', "guid(10e99626-bc2b-4c75-bb3e-fe606de25700)"),
)
scalar(
    "base64_encode_fromguid",
    "guid: guid",
    "string",
    "The guid in base64.",
    "kql_base64_of_guid(CAST({guid} AS VARCHAR))",
    udf=_CODES + "base64_of_guid",
    nulls=_MAYBE,
    example=("base64_encode_fromguid(guid(ae3133f2-6e22-49ae-b06a-16e6a9b212eb))", '"8jMxriJurkmwahbmqbIS6w=="'),
)
scalar(
    "url_encode",
    "url: string",
    "string",
    "The text for a URL's query: a space becomes +.",
    "kql_url_encode({url})",
    udf=_CODES + "url_encode",
    nulls=_MAYBE,
    example=("url_encode('a b/c')", '"a+b%2fc"'),
)
scalar(
    "url_encode_component",
    "url: string",
    "string",
    "The text for a part of a URL: as url_encode() has it, but that a space becomes %20.",
    "replace(kql_url_encode({url}), '+', '%20')",
    udf=_CODES + "url_encode",
    nulls=_MAYBE,
    example=("url_encode_component('a b/c')", '"a%20b%2fc"'),
)
scalar(
    "url_decode",
    "encoded_url: string",
    "string",
    "The text that percent-encoding says.",
    "kql_url_decode({encoded_url})",
    udf=_CODES + "url_decode",
    nulls=_MAYBE,
    example=("url_decode('hello%20world')", '"hello world"'),
)
scalar(
    "zlib_decompress_from_base64_string",
    "string: string",
    "string",
    "The text of zlib data in base64; else the empty text.",
    "kql_decompress({string}, false)",
    udf=_CODES + "decompress",
    nulls=_MAYBE,
    example=('zlib_decompress_from_base64_string("eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=")', '"Test string 123"'),
)
scalar(
    "gzip_decompress_from_base64_string",
    "string: string",
    "string",
    "The text of gzip data in base64; else the empty text.",
    "kql_decompress({string}, true)",
    udf=_CODES + "decompress",
    nulls=_MAYBE,
    example=(
        'gzip_decompress_from_base64_string("H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==")',
        '"1234567890qwertyuiop"',
    ),
)
scalar(
    "punycode_from_string",
    "string: string",
    "string",
    "The text in Punycode.",
    "kql_to_punycode({string})",
    udf=_CODES + "to_punycode",
    nulls=_MAYBE,
    example=('punycode_from_string("艺术")', '"cqv902d"'),
)
scalar(
    "punycode_to_string",
    "string: string",
    "string",
    "The text that Punycode says.",
    "kql_from_punycode({string})",
    udf=_CODES + "from_punycode",
    nulls=_MAYBE,
    example=("punycode_to_string('acadmie-franaise-npb1a')", '"académie-française"'),
)

for _name, _udf_name, _doc, _shown in (
    (
        "punycode_domain_to_string",
        "to_punycode_domain",
        "A domain's name in ASCII: each label that is not becomes xn-- and its Punycode.",
        ('punycode_domain_to_string("Riðill.org")', '"xn--Riill-jta.org"'),
    ),
    (
        "punycode_domain_from_string",
        "from_punycode_domain",
        "The domain's name that Punycode says; the empty text where a label is none.",
        ('punycode_domain_from_string("xn--Ge-mia.Bulg.edu")', '"Gáe.Bulg.edu"'),
    ),
):
    scalar(
        _name,
        "string: string",
        "string",
        _doc,
        f"kql_{_udf_name}({{string}})",
        udf=_CODES + _udf_name,
        nulls=_MAYBE,
        example=_shown,
    )


def _user_agent(user_agent: t.SqlExpr, look_for: t.SqlExpr | None = None) -> t.SqlExpr:
    if look_for is None:
        refuse("parse_user_agent() without what it looks for", "it looks for browser, os, device")
    text = constant("parse_user_agent", "look-for", look_for.expr if isinstance(look_for, t.Cast) else look_for)
    try:
        wanted = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        wanted = [text]
    known = ("browser", "os", "device")
    if not wanted or any(w not in known for w in wanted):
        refuse(f"parse_user_agent(): it cannot look for {text!r}", "it looks for browser, os, device")
    return t.Cast(t.call("kql_parse_user_agent", user_agent, t.Literal(" ".join(dict.fromkeys(wanted)))), "JSON")


for _look_for in ("constant string", "constant dynamic"):
    scalar(
        "parse_user_agent",
        f"user_agent: string, look_for{'?' if _look_for == 'constant string' else ''}: {_look_for}",
        "dynamic",
        "What a user agent tells of browser, os and device, whichever is looked for, by the rules of uap-core.",
        _user_agent,
        udf="lurcher.functions.udfs.agents:parse_user_agent",
        nulls=_MAYBE,
    )

# --- hashes ---
for _name, _sql, _doc, _example in (
    ("hash_md5", "md5", "MD5", "f5a7924e621e84c9280a9a27e1bcb7f6"),
    ("hash_sha1", "sha1", "SHA-1", "70c07ec18ef89c5309bbb0937f3a6342411e1fdd"),
    ("hash_sha256", "sha256", "SHA-256", "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"),
):
    scalar(
        _name,
        "source: text",
        "string",
        f"{_doc} of the value's text, in lower-case hexadecimal; of the empty text the empty text.",
        f"CASE WHEN {{source}} = '' THEN '' ELSE {_sql}({{source}}) END",
        nulls=_MAYBE,
        example=(f'{_name}("World")', f'"{_example}"'),
    )


def _unknown_bytes(source: t.SqlExpr, mod: t.SqlExpr | None = None) -> t.SqlExpr:
    refuse(
        "hash() of what is neither text nor time: which bytes of it the service hashes is not published",
        "hash its text",
    )


# The service hashes the bytes of a time's ticks, not of its text.
_TICKS = s.ticks("{source}")
for _name in ("hash", "hash_xxhash64"):
    scalar(
        _name,
        "source: datetime",
        "long",
        "xxHash64 of the time's ticks.",
        f"kql_xxhash64_number({_TICKS})",
        udf=_CODES + "xxhash64_number",
        nulls=_MAYBE,
        example=(f'{_name}(datetime("2015-01-01"))', "1380966698541616202"),
    )
    scalar(
        _name,
        "source: datetime, mod: integer",
        "long",
        "xxHash64 of the time's ticks, modulo a number.",
        f"(kql_xxhash64_number({_TICKS}) % nullif({{mod}}, 0) + {{mod}}) % nullif({{mod}}, 0)",
        udf=_CODES + "xxhash64_number",
        nulls=_MAYBE,
        example=(f'{_name}(datetime("2015-01-01"), 100)', "2"),
    )
    scalar(_name, "source: not_dynamic, mod?: integer", "long", "Refused.", _unknown_bytes, nulls=_MAYBE, hidden=True)
    scalar(
        _name,
        "source: string",
        "long",
        "xxHash64 of the text.",
        "kql_xxhash64({source})",
        udf=_CODES + "xxhash64",
        nulls=_MAYBE,
        example=(f'{_name}("World")', "1846988464401551951"),
    )
    scalar(
        _name,
        "source: string, mod: integer",
        "long",
        "xxHash64 of the text, modulo a number.",
        "(kql_xxhash64({source}) % nullif({mod}, 0) + {mod}) % nullif({mod}, 0)",
        udf=_CODES + "xxhash64",
        nulls=_MAYBE,
        example=(f'{_name}("World", 100)', "51"),
    )
