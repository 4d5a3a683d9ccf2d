"""Installers, cabinets, app packages, scripts and catalogues, made from nothing and signed by the test authority.

Each is written from the description of its format, and `osslsigncode` (another program) finds the signatures good: see
test_containers.py.
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tests.collect import made  # it puts the next one on the path

import signing  # isort: skip

CAB, SIP, PE = "1.3.6.1.4.1.311.2.1.25", "1.3.6.1.4.1.311.2.1.30", "1.3.6.1.4.1.311.2.1.15"
MSI_SIP = bytes.fromhex("f1100c0000000000c000000000000046")
PS_SIP = bytes.fromhex("1fcc3b60594b084eb724d2c6297ef351")
APPX_SIP = bytes.fromhex("4bdfc50a07cee24db76e23c839a09fd1")
WHEN = datetime(2026, 2, 1, tzinfo=UTC)


def _link() -> bytes:
    return signing._tlv(0xA2, signing._tlv(0x80, "<<<Obsolete>>>".encode("utf-16-be")))


def _sip(uuid: bytes) -> bytes:
    numbers = [signing._int(n) for n in (1, 0, 0, 0, 0, 0)]
    return signing._seq(numbers[0], signing._octets(uuid), *numbers[1:])


def indirect(kind: str, value: bytes, name: str, digest: bytes) -> bytes:
    stated = signing._seq(signing._digest_algorithm(name), signing._octets(digest))
    return signing._seq(signing._seq(signing._oid(kind), value), stated)


def signed(
    signer: made.Signer,
    content: bytes,
    *,
    kind: str = "1.3.6.1.4.1.311.2.1.4",
    name: str = "sha256",
    stamp: datetime | None = None,
) -> bytes:
    """A ContentInfo over `content` (encoded)."""
    attributes = [signing._seq(signing._oid("1.3.6.1.4.1.311.2.1.12"), signing._set(signing._seq()))]
    value, head = signing._signed(signer, kind, content[signing._header(content) :], name, attributes)
    if stamp is not None:
        assert signer.stamper is not None
        token = signing._token(signer.stamper, value, name, stamp)
        head.append(signing._tlv(0xA1, signing._seq(signing._oid("1.3.6.1.4.1.311.3.3.1"), signing._set(token))))
    return signing._content_info(name, kind, content, [signer.certificate, *signer.chain], signing._seq(*head))


# --- cabinets ---


def cab(content: bytes = b"hello", *, reserve: bool) -> bytes:
    """A cabinet with one file, stored; with the reserved area that a signature needs, still empty."""
    name = b"a.txt\0"
    extra = 24 if reserve else 0
    folders_at = 36 + extra
    files_at = folders_at + 8
    data_at = files_at + 16 + len(name)
    data = struct.pack("<IHH", 0, len(content), len(content)) + content
    size = data_at + len(data)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, files_at, 0, 3, 1, 1, 1, 4 if reserve else 0, 7, 0)
    area = struct.pack("<HBB", 20, 0, 0) + b"\0\0\x10\0" + bytes(16) if reserve else b""
    folder = struct.pack("<IHH", data_at, 1, 0)
    file = struct.pack("<IIHHHH", len(content), 0, 0, 0, 0, 0x20) + name
    return head + area + folder + file + data


def sign_cab(signer: made.Signer, content: bytes = b"hello") -> bytes:
    whole = bytearray(cab(content, reserve=True))
    struct.pack_into("<I", whole, 44, len(whole))
    digest = hashlib.sha256(whole[:4] + whole[8:34] + whole[56:]).digest()
    blob = signed(signer, indirect(CAB, _link(), "sha256", digest), stamp=WHEN)
    blob += bytes(-len(blob) % 8)
    struct.pack_into("<I", whole, 48, len(blob))
    return bytes(whole) + blob


# --- compound files ---

Tree = Mapping[str, "bytes | Tree"]
MSI_CLASS = bytes.fromhex("84100c0000000000c000000000000046")
_FREE, _END = 0xFFFFFFFF, 0xFFFFFFFE


def compound(tree: Tree, class_id: bytes = MSI_CLASS) -> bytes:
    """A compound file of version 3. Streams of less than 4096 octets lie in the root's."""
    entries: list[dict] = [
        {"name": "Root Entry", "kind": 5, "class": class_id, "child": _FREE, "left": _FREE, "right": _FREE}
    ]

    def add(inside: Tree) -> int:
        first = _FREE
        before: dict | None = None
        for name in sorted(inside, key=lambda n: (len(n), n.upper())):
            content = inside[name]
            entry = {"name": name, "left": _FREE, "right": _FREE, "child": _FREE, "class": bytes(16), "data": b""}
            entries.append(entry)
            index = len(entries) - 1
            if isinstance(content, bytes):
                entry |= {"kind": 2, "data": content}
            else:
                entry |= {"kind": 1, "class": b"storage class id", "child": add(content)}
            if before is None:
                first = index
            else:
                before["right"] = index
            before = entry
        return first

    entries[0]["child"] = add(tree)
    mini, mini_fat, sectors, fat = b"", [], [], []

    def chain(data: bytes) -> int:
        count = (len(data) + 511) // 512
        start = len(sectors)
        for i in range(count):
            sectors.append(data[512 * i : 512 * i + 512].ljust(512, b"\0"))
            fat.append(start + i + 1 if i + 1 < count else _END)
        return start if count else _END

    for entry in entries[1:]:
        data = entry["data"]
        if entry["kind"] != 2 or not data:
            entry["start"] = _END if entry["kind"] == 2 else 0
        elif len(data) < 4096:
            entry["start"] = len(mini) // 64
            count = (len(data) + 63) // 64
            mini_fat += [entry["start"] + i + 1 for i in range(count - 1)] + [_END]
            mini += data.ljust(64 * count, b"\0")
        else:
            entry["start"] = chain(data)
    entries[0] |= {"start": chain(mini), "data": mini}
    table = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    table += b"\xff" * (-len(table) % 512)
    mini_start = chain(table)
    raw = b"".join(map(_entry, entries))
    raw += b"".join(_entry(None) for _ in range(-len(entries) % 4))
    directory = chain(raw)
    total = len(sectors)
    count = 1
    while total + count > 128 * count:
        count += 1
    fat += [0xFFFFFFFD] * count
    fat += [_FREE] * (128 * count - len(fat))
    words = struct.pack(f"<{len(fat)}I", *fat)
    places = [total + i for i in range(count)] + [_FREE] * (109 - count)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, count, directory, 0, 4096, mini_start, len(table) // 512, _END, 0)
    return head + struct.pack("<109I", *places) + b"".join(sectors) + words


def _entry(entry: dict | None) -> bytes:
    if entry is None:
        return bytes(64) + struct.pack("<HBBIII", 0, 0, 0, _FREE, _FREE, _FREE) + bytes(48)
    name = entry["name"].encode("utf-16-le")
    head = name.ljust(64, b"\0") + struct.pack("<HBB", len(name) + 2, entry["kind"], 1)
    head += struct.pack("<III", entry["left"], entry["right"], entry["child"]) + entry["class"] + struct.pack("<I", 0)
    return head + bytes(16) + struct.pack("<IQ", entry["start"], len(entry.get("data", b"")))


PACKAGE: Tree = {"Tables": b"t" * 300, "Binary": b"\1\2\3" * 3000, "Deep": {"One": b"1", "Two": b"2" * 5000}, "A": b""}


def sign_msi(signer: made.Signer, tree: Tree = PACKAGE, *, extended: bool = False, name: str = "sha256") -> bytes:
    digest = hashlib.new(name)
    more: dict[str, bytes | Tree] = {}
    if extended:
        meta = hashlib.new(name)
        meta.update(MSI_CLASS + bytes(4))
        _describe(tree, meta)
        more["\x05MsiDigitalSignatureEx"] = meta.digest()
        digest.update(meta.digest())
    _stream(tree, digest)
    digest.update(MSI_CLASS)
    blob = signed(signer, indirect(SIP, _sip(MSI_SIP), name, digest.digest()), name=name, stamp=WHEN)
    return compound({**tree, **more, "\x05DigitalSignature": blob})


def _sorted(tree: Tree) -> Sequence[str]:
    return sorted(tree, key=lambda n: n.encode("utf-16-le"))


def _stream(tree: Tree, digest) -> None:
    for name in _sorted(tree):
        content = tree[name]
        if isinstance(content, bytes):
            digest.update(content)
        else:
            _stream(content, digest)
            digest.update(b"storage class id")


def _describe(tree: Tree, digest) -> None:
    for name in _sorted(tree):
        content = tree[name]
        digest.update(name.encode("utf-16-le"))
        if isinstance(content, bytes):
            digest.update(struct.pack("<I", len(content)) + bytes(20))
        else:
            digest.update(b"storage class id" + bytes(20))
            _describe(content, digest)


# --- app packages ---

_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="bin" ContentType="application/octet-stream"/>'
    '<Override PartName="/AppxSignature.p7x" ContentType="application/vnd.ms-appx.signature"/></Types>'
)
_MAP = '<?xml version="1.0"?><BlockMap HashMethod="http://www.w3.org/2001/04/xmlenc#sha256"></BlockMap>'
MEMBERS = {
    "a.bin": "content " * 99,
    "AppxManifest.xml": "<Package/>",
    "AppxBlockMap.xml": _MAP,
    "[Content_Types].xml": _TYPES,
}


def package(members: Mapping[str, str | bytes] = MEMBERS) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def sign_package(signer: made.Signer) -> bytes:
    plain = package()
    at = plain.index(b"PK\x01\x02")
    digests = {
        b"AXPC": plain[:at],
        b"AXCD": plain[at:],
        b"AXCT": _TYPES.encode(),
        b"AXBM": _MAP.encode(),
    }
    blob = b"APPX" + b"".join(tag + hashlib.sha256(data).digest() for tag, data in digests.items())
    info = signed(signer, indirect(SIP, _sip(APPX_SIP), "sha256", blob), stamp=WHEN)
    return package({**MEMBERS, "AppxSignature.p7x": b"PKCX" + info})


# --- scripts ---

BLOCKS = {
    ".ps1": ("# SIG # Begin signature block", "# SIG # End signature block", "# ", ""),
    ".ps1xml": ("<!-- SIG # Begin signature block -->", "<!-- SIG # End signature block -->", "<!-- ", " -->"),
    ".vbs": ("'' SIG '' Begin signature block", "'' SIG '' End signature block", "'' SIG '' ", ""),
    ".js": ("// SIG // Begin signature block", "// SIG // End signature block", "// SIG // ", ""),
}


def sign_script(signer: made.Signer, text: str, extension: str, encoding: str = "utf-8", mark: str = "") -> bytes:
    """`mark`: a byte order mark ('\\ufeff') that the file begins with."""
    content = (mark + text).encode("utf-16-le")
    if extension in (".vbs", ".js"):
        content += struct.pack("<I", len(content) // 2)
    digest = hashlib.sha256(content).digest()
    info = signed(signer, indirect(SIP, _sip(PS_SIP), "sha256", digest), stamp=WHEN)
    begin, end, prefix, suffix = BLOCKS[extension]
    encoded = base64.b64encode(info).decode()
    lines = [prefix + encoded[i : i + 64] + suffix for i in range(0, len(encoded), 64)]
    return (mark + "\r\n".join([text, begin, *lines, end, ""])).encode(encoding)


# --- catalogues ---


def catalogue(signer: made.Signer, members: Sequence[tuple[str, bytes]], *, second: bool = False) -> bytes:
    """A catalogue of these digests (hashlib's name, octets); `second`: the digest is the member's name, as in version 2."""
    rows = []
    for name, digest in members:
        value = indirect(PE, signing._seq(signing._tlv(0x03, b"\0"), signing._tlv(0xA0, _link())), name, digest)
        attributes = signing._set(signing._seq(signing._oid("1.3.6.1.4.1.311.2.1.4"), signing._set(value)))
        tag = digest.hex().upper().encode("utf-16-le") + b"\0\0"
        rows.append(signing._seq(signing._octets(digest)) if second else signing._seq(signing._octets(tag), attributes))
    version = "1.3.6.1.4.1.311.12.1.3" if second else "1.3.6.1.4.1.311.12.1.2"
    content = signing._seq(
        signing._seq(signing._oid("1.3.6.1.4.1.311.12.1.1")),
        signing._octets(b"0123456789abcdef"),
        signing._time(WHEN),
        signing._seq(signing._oid(version), signing._tlv(0x05)),
        signing._seq(*rows),
    )
    return signed(signer, content, kind="1.3.6.1.4.1.311.10.1", stamp=WHEN)


def image_digest(program: bytes, name: str = "sha256") -> bytes:
    """Authenticode's digest of an unsigned program."""
    checksum, entry = signing._places(program)
    return hashlib.new(name, program[:checksum] + program[checksum + 4 : entry] + program[entry + 8 :]).digest()
