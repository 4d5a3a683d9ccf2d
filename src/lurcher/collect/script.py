"""Signatures of scripts: a block of comment lines that hold the signature in base64.

Sources: "about_Signing" (PowerShell) for the block; what the digest is over is not published by Microsoft. It is the text
before the block as UTF-16, without the line break that belongs to the block; for the Windows Script Host (VBScript, JScript,
WSF) followed by the text's length. How octets without a mark of their encoding become text depends on the machine that signed:
each way is tried, and a digest that is the same is proof. One that is not is taken for a change only where there is but one way
to read the file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lurcher.collect.authenticode import SIP_INFO, Signature, Signatures, read_blob
from lurcher.collect.filehash import IMAGE_DIGESTS
from lurcher.collect.pe import MAX_CERTIFICATE_TABLE, Reader
from lurcher.collect.subjects import Subject

#: A script of more than this is passed over.
MAX_SCRIPT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Style:
    """How a kind of script has its signature. `always`: scripts without one are rows too. Of JavaScript they are not: most of it
    belongs to web pages."""

    kind: str
    begin: str
    end: str
    prefix: str
    suffix: str = ""
    host: bool = False
    always: bool = True


_HASH = ("# SIG # Begin signature block", "# SIG # End signature block", "# ")
_XML = ("<!-- SIG # Begin signature block -->", "<!-- SIG # End signature block -->", "<!-- ", " -->")
_STYLES = {
    ".ps1": _Style("PowerShell script", *_HASH),
    ".psm1": _Style("PowerShell module", *_HASH),
    ".psd1": _Style("PowerShell data", *_HASH),
    ".ps1xml": _Style("PowerShell formats", *_XML),
    ".psc1": _Style("PowerShell console", *_XML),
    ".cdxml": _Style("PowerShell cmdlets", *_XML),
    ".mof": _Style(
        "MOF", "/* SIG # Begin signature block */", "/* SIG # End signature block */", "/* ", " */", always=False
    ),
    ".vbs": _Style(
        "VBScript", "'' SIG '' Begin signature block", "'' SIG '' End signature block", "'' SIG '' ", host=True
    ),
    ".js": _Style(
        "JScript",
        "// SIG // Begin signature block",
        "// SIG // End signature block",
        "// SIG // ",
        host=True,
        always=False,
    ),
    ".wsf": _Style("Windows script", "<signature>", "</signature>", "** SIG ** ", host=True),
}


def read(reader: Reader, name: str) -> Subject | None:
    dot = name.rfind(".")
    style = _STYLES.get(name[dot:].lower()) if dot >= 0 else None
    if style is None or reader.size > MAX_SCRIPT:
        return None
    content = reader.at(0, reader.size, "the script")
    mark, codec = _encoding(content)
    text = content[len(mark) :].decode(codec, "replace")
    block = _block(style, text)
    if block is None:
        return Subject(style.kind, Signatures(()), lambda _: None, flat=True) if style.always else None
    before, encoded, after = block
    try:
        if encoded is None:
            raise ValueError
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        signatures = Signatures((), ("the signature block is not base64 in comments",))
    else:
        if len(blob) > MAX_CERTIFICATE_TABLE:
            signatures = Signatures((), ("the signature block is too large",))
        else:
            signatures = read_blob(blob, frozenset({SIP_INFO}))
    readings = tuple(_readings(style, mark, codec, before, after))
    return Subject(
        style.kind,
        signatures,
        lambda s: _agrees(readings, style, after, mark, before, s),
        "the text can be read in several ways, and none gives the signed digest",
    )


def _encoding(content: bytes) -> tuple[bytes, str]:
    """The mark of the encoding, if there is one, and a codec. Octets without a mark are kept as they are (Latin-1)."""
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if content.startswith(mark):
            return mark, codec
    return b"", "latin-1"


def _block(style: _Style, text: str) -> tuple[str, str | None, str] | None:
    """The text before the last signature block, what the block holds (None: a line of it is no comment, and would run), and what
    follows it."""
    at = text.rfind(style.begin)
    while at >= 0 and at > 0 and text[at - 1] != "\n":
        at = text.rfind(style.begin, 0, at)
    if at < 0:
        return None
    stop = text.find(style.end, at)
    if stop < 0:
        return None
    prefix, suffix = style.prefix.strip(), style.suffix.strip()
    found: list[str] = []
    comments = True
    for line in text[at + len(style.begin) : stop].splitlines():
        line = line.strip()
        comments &= not line or (line.startswith(prefix) and line.endswith(suffix))
        found.append(line.removeprefix(prefix).removesuffix(suffix).strip())
    before = text[:at].removesuffix("\n").removesuffix("\r") if text[:at].endswith("\n") else text[:at]
    return before, "".join(found) if comments else None, text[stop + len(style.end) :]


def _readings(style: _Style, mark: bytes, codec: str, before: str, after: str) -> Iterator[bytes]:
    """What may have been digested, the likeliest first."""
    texts = [before]
    if not mark and not before.isascii():
        raw = before.encode("latin-1")
        texts = []
        for name in ("utf-8", "cp1252", "latin-1"):
            try:
                texts.append(raw.decode(name))
            except UnicodeDecodeError:
                continue
    rest = re.sub(r"\A\r?\n", "", after) if style.kind == "Windows script" else ""
    for text in texts:
        for front in ("\ufeff", "") if mark else ("",):
            data = (front + text + rest).encode("utf-16-le", "surrogatepass")
            if style.host:
                yield data + (len(data) // 2 & 0xFFFFFFFF).to_bytes(4, "little")
            yield data


def _agrees(
    readings: tuple[bytes, ...], style: _Style, after: str, mark: bytes, before: str, signature: Signature
) -> bool | None:
    if signature.digest_name not in IMAGE_DIGESTS:
        return None
    if after.strip() and style.kind != "Windows script":
        return False  # what follows the block runs, and is not signed
    for data in readings:
        if hashlib.new(signature.digest_name, data, usedforsecurity=False).digest() == signature.file_digest:
            return True
    plain = bool(mark) or before.isascii()
    return False if plain and style.kind != "Windows script" else None
