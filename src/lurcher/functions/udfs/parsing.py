"""URLs, file paths, command lines and CSV records as dynamic values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain as dump
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: RFC 3986, with the authority in its parts; a name without a password stays in the host, as the service has it.
_URL = re.compile(
    r"""(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://
        (?:(?P<user>[^:@/?\#]*):(?P<password>[^@/?\#]*)@)?
        (?P<host>\[[^\]]*\]|[^:/?\#]*)(?::(?P<port>[0-9]*))?
        (?P<path>[^?\#]*)(?:\?(?P<query>[^\#]*))?(?:\#(?P<fragment>.*))?$""",
    re.VERBOSE | re.DOTALL,
)


def _query(text: str) -> dict[str, str | list[str]]:
    """In the order of the keys; one that comes again has an array, without a key or a value there is no parameter (measured)."""
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        key, _, value = pair.partition("=")
        if key and value:
            found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in sorted(found.items())}


def _url(text: str) -> str:
    """Of a text without `scheme://` every part is empty; a slash alone at the very end is no path."""
    match = _URL.match(text)
    part = {k: match[k] or "" if match else "" for k in _URL.groupindex}
    alone = match is not None and match["path"] == "/" and match["query"] is None and match["fragment"] is None
    path = "" if alone else part["path"]
    return dump({
        "Scheme": part["scheme"], "Host": part["host"], "Port": part["port"], "Path": path,
        "Username": part["user"], "Password": part["password"],
        "Query Parameters": _query(part["query"]), "Fragment": part["fragment"],
    })  # fmt: skip


@udf("VARCHAR", returns="VARCHAR")
def parse_url(url: pa.Array) -> pa.Array:
    return each(_url, "string", url)


@udf("VARCHAR", returns="VARCHAR")
def parse_urlquery(query: pa.Array) -> pa.Array:
    return each(lambda text: dump({"Query Parameters": _query(text.removeprefix("?"))}), "string", query)


def _path(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    root = match[0] if (match := re.match(r"[A-Za-z]:(?=[\\/]|$)", rest)) else ""
    # A colon behind the drive begins the name of an alternate data stream.
    body, _, stream = rest[len(root) :].partition(":")
    cut = max(body.rfind("/"), body.rfind("\\"))
    directory, name = (body[:cut], body[cut + 1 :]) if cut >= 0 else ("", body)
    last = max(directory.rfind("/"), directory.rfind("\\"))
    return dump({
        "Scheme": scheme, "RootPath": root, "DirectoryPath": root + directory, "DirectoryName": directory[last + 1 :],
        "Filename": name, "Extension": name.rpartition(".")[2] if "." in name else "", "AlternateDataStreamName": stream,
    })  # fmt: skip


@udf("VARCHAR", returns="VARCHAR")
def parse_path(path: pa.Array) -> pa.Array:
    return each(_path, "string", path)


def _arguments(text: str) -> str:
    """Source: CommandLineToArgvW (Windows API): backslashes are literal unless a quote follows; two quotes inside quotes are
    one; the program's name knows no escapes."""
    found: list[str] = []
    at, size = 0, len(text)
    while at < size and text[at] in " \t":
        at += 1
    first = True
    while at < size:
        word: list[str] = []
        quoted = False
        while at < size and (quoted or text[at] not in " \t"):
            char = text[at]
            if char == "\\" and not first:
                run = len(text[at:]) - len(text[at:].lstrip("\\"))
                at += run
                if at < size and text[at] == '"':
                    word.append("\\" * (run // 2))
                    if run % 2:
                        word.append('"')
                        at += 1
                else:
                    word.append("\\" * run)
                continue
            if char == '"':
                if quoted and not first and text[at + 1 : at + 2] == '"':
                    word.append('"')
                    at += 1
                else:
                    quoted = not quoted
            else:
                word.append(char)
            at += 1
        found.append("".join(word))
        first = False
        while at < size and text[at] in " \t":
            at += 1
    return dump(found)


@udf("VARCHAR", returns="VARCHAR")
def parse_command_line(command: pa.Array) -> pa.Array:
    return each(_arguments, "string", command)


_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|\r|$)', re.DOTALL)


def _csv(text: str) -> str | None:
    fields: list[str] = []
    at = 0
    while match := _FIELD.match(text, at):
        fields.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        if match[3] != ",":
            return dump(fields)
        at = match.end()
    return None


@udf("VARCHAR", returns="VARCHAR")
def parse_csv(text: pa.Array) -> pa.Array:
    return each(_csv, "string", text)
