"""zip and tar as streams of their members. Nothing is unpacked to disk: names, links and devices are only names here."""

from __future__ import annotations

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from lurcher.collect.exports import limits
from lurcher.collect.exports.leaf import BLOCK, Damage, Leaf, Passed, Problem, reading
from lurcher.collect.exports.limits import Budget, Meter
from lurcher.collect.exports.packed import CODECS, Codec, Unpacked, raw_deflate
from lurcher.errors import LurcherError

_LOCAL = b"PK\x03\x04"
_DEFLATE = Codec("zip", lambda b: False, raw_deflate, {})
_METHODS = {9: "deflate64", 93: "zstd", 95: "xz", 98: "PPMd", 99: "AES"}


@dataclass
class Shelf:
    """Where members of a stream wait while they are read: in memory, or packed in a folder on disk."""

    folder: Path | None
    budget: Budget
    _files: list[Path] = field(default_factory=list)

    def hold(self, name: str, file: Path, stream: IO[bytes], damage: Damage) -> Leaf:
        """A leaf of what `stream` gives, which can be read more than once."""
        blocks, size = [], 0
        while size < limits.MAX_IN_MEMORY and (block := stream.read(limits.MAX_IN_MEMORY - size)):
            blocks.append(block)
            size += len(block)
        data = b"".join(blocks)
        if size < limits.MAX_IN_MEMORY:
            return Leaf(name, file, lambda: BytesIO(data), damage)
        import zstandard

        handle, text = tempfile.mkstemp(dir=self.folder, prefix="member-")
        path = Path(text)
        self._files.append(path)
        with os.fdopen(handle, "wb") as target, zstandard.ZstdCompressor(level=1).stream_writer(target) as packer:
            while data:
                packer.write(data)
                data = stream.read(BLOCK)
        zstd = next(c for c in CODECS if c.name == "zstd")

        def opened() -> IO[bytes]:
            free = Meter(1 << 62, Budget(1 << 62), name)
            return cast(IO[bytes], Unpacked(path.open("rb"), zstd, free, Damage(), name))

        return Leaf(name, file, opened, damage)

    def spool(self, leaf: Leaf) -> IO[bytes]:
        """The content of a leaf as something that can be read from its end. The one who gets it closes it."""
        folder = None if self.folder is None else str(self.folder)
        spooled = tempfile.SpooledTemporaryFile(limits.MAX_IN_MEMORY, dir=folder, prefix="zip-")  # noqa: SIM115
        target = cast(IO[bytes], spooled)
        size = 0
        with reading(leaf.name), closing(leaf.open()) as stream:
            while block := stream.read(BLOCK):
                size += len(block)
                if size > limits.MAX_SPOOLED:
                    target.close()
                    most = limits.MAX_SPOOLED >> 30
                    raise LurcherError(
                        f"a zip of more than {most} GiB inside of another archive",
                        "unpack the outer one first",
                        leaf.name,
                    )
                target.write(block)
        target.seek(0)
        return target

    def clear(self) -> None:
        for path in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()


class _Part:
    """The next bytes of a stream that goes on behind them."""

    def __init__(self, stream: IO[bytes], size: int, what: str, damage: Damage, meter: Meter | None = None) -> None:
        self._stream, self._size, self._what, self._damage, self._meter = stream, size, what, damage, meter
        self.left = size

    def read(self, size: int = BLOCK) -> bytes:
        block = self._stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        if self._meter is not None:
            self._meter.reached(self._size - self.left)
        if not block and self.left and size:
            self._damage.ends(self._what, self._size - self.left)
            self.left = 0
        return block

    def close(self) -> None:
        """The stream stays open: it is its owner's."""


# --- zip ---


def is_zip(head: bytes) -> bool:
    return head[:4] in (_LOCAL, b"PK\x05\x06")


def zip_members(leaf: Leaf, outer: str, shelf: Shelf, problem: Problem) -> Iterator[Leaf]:
    """The members by name; of a zip that has lost its directory in the order that they have."""
    source: Any = leaf.file if leaf.on_disk else shelf.spool(leaf)
    try:
        try:
            archive = zipfile.ZipFile(source)
        except zipfile.BadZipFile:
            problem(_cut(leaf, "cut: the zip ends before its end"))
            yield from _from_headers(leaf, outer, shelf, problem)
            return
        with archive, reading(leaf.name):
            for member in sorted(archive.infolist(), key=lambda m: m.filename):
                if member.is_dir():
                    continue
                name = f"{outer}/{member.filename}"
                shelf.budget.member(leaf.name)
                if member.flag_bits & 1 or member.compress_type == 99:
                    problem(_encrypted(name))
                elif member.compress_type not in (0, 8, 12, 14):
                    problem(_packed_otherwise(name, member.compress_type))
                else:
                    yield _zip_leaf(leaf, name, archive, member, shelf.budget)
    finally:
        if not leaf.on_disk:
            source.close()


def _encrypted(name: str) -> Passed:
    return Passed(name, "is encrypted", "unpack the archive first, with its password")


def _packed_otherwise(name: str, method: int) -> Passed:
    return Passed(
        name,
        f"is packed in a way that is not read ({_METHODS.get(method, method)})",
        "unpack the archive first, with 7-Zip",
    )


def _zip_leaf(leaf: Leaf, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> Leaf:
    damage, meter = Damage(), Meter(member.compress_size, budget, name)
    return Leaf(name, leaf.file, lambda: cast(IO[bytes], _Member(archive.open(member), meter, damage)), damage)


class _Member:
    """A member of a zip, within its limits."""

    def __init__(self, stream: IO[bytes], meter: Meter, damage: Damage) -> None:
        self._stream, self._meter, self._damage, self._place = stream, meter, damage, 0

    def read(self, size: int = BLOCK) -> bytes:
        blocks, have = [], 0
        while have < size or size < 0:
            try:
                block = self._stream.read(min(BLOCK, size - have) if size >= 0 else BLOCK)
            except EOFError:
                self._damage.ends("the member of the zip", self._place)
                block = b""
            except (zlib.error, zipfile.BadZipFile) as error:
                raise LurcherError(f"the member of the zip is damaged: {error}") from None
            if not block:
                break
            self._place += len(block)
            self._meter.reached(self._place)
            blocks.append(block)
            have += len(block)
        return b"".join(blocks)

    def close(self) -> None:
        self._stream.close()


def _from_headers(leaf: Leaf, outer: str, shelf: Shelf, problem: Problem) -> Iterator[Leaf]:
    """Members by the header that stands before each: all that is left of a zip that was cut."""
    with reading(leaf.name), closing(leaf.open()) as stream:
        held = b""
        while True:
            head = held + stream.read(30 - len(held))
            if len(head) < 30 or head[:4] != _LOCAL:
                return
            _, flags, method, _, _, _, packed, size, n, m = struct.unpack("<HHHHHLLLHH", head[4:])
            title = stream.read(n)
            extra = stream.read(m)
            name = f"{outer}/{title.decode('utf-8' if flags & 0x800 else 'cp437', 'replace')}"
            shelf.budget.member(leaf.name)
            if 0xFFFFFFFF in (packed, size):
                packed = _zip64(extra, size == 0xFFFFFFFF) or packed
            damage = Damage()
            if flags & 1 or method not in (0, 8) or (flags & 8 and method == 0):
                problem(_encrypted(name) if flags & 1 else _packed_otherwise(name, method))
                if flags & 8:
                    return  # how long it is stands behind it
                _drain(_Part(stream, packed, "the zip", damage))
                held = b""
                continue
            if method == 0 or not flags & 8:
                part = _Part(stream, packed, "the zip", damage, Meter(packed, shelf.budget, name))
                inside: Any = part
                if method == 8:
                    inside = Unpacked(cast(IO[bytes], part), _DEFLATE, Meter(packed, shelf.budget, name), damage, name)
                if title[-1:] != b"/":
                    yield shelf.hold(name, leaf.file, cast(IO[bytes], inside), damage)
                _drain(part)
                held = b""
            else:
                left = _Rest(stream)
                meter = Meter(leaf.file.stat().st_size, shelf.budget, name)
                it = _Stretch(left, meter, damage, name)
                yield shelf.hold(name, leaf.file, cast(IO[bytes], it), damage)
                _drain(it)
                stream = left.after(it.rest)
                mark = stream.read(16)  # signature (or not), checksum, two sizes of four or eight bytes
                mark += stream.read(8)
                place = mark.find(_LOCAL, 8)
                held = mark[place:] if place >= 0 else b""
            shelf.clear()


def _zip64(extra: bytes, both: bool) -> int | None:
    """The packed size of a member beyond 4 GiB."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1 and size >= (16 if both else 8):
            return int(struct.unpack_from("<Q", extra, at + 4 + (8 if both else 0))[0])
        at += 4 + size
    return None


def _drain(stream: Any) -> None:
    while stream.read(BLOCK):
        pass


class _Rest:
    """A stream with bytes put back in front of it."""

    def __init__(self, stream: Any, before: bytes = b"") -> None:
        self._stream, self._before = stream, before

    def read(self, size: int = BLOCK) -> bytes:
        head, self._before = self._before[:size], self._before[size:]
        return head if len(head) == size else head + self._stream.read(size - len(head))

    def after(self, before: bytes) -> Any:
        return _Rest(self._stream, before + self._before)

    def close(self) -> None:
        """The stream is its owner's."""


class _Stretch:
    """Deflated data that says itself where it ends, and what was read beyond (`rest`)."""

    def __init__(self, stream: Any, meter: Meter, damage: Damage, name: str) -> None:
        self._stream, self._meter, self._damage, self._name = stream, meter, damage, name
        self._feed, self._input, self._place, self._ended = raw_deflate(), b"", 0, False
        self.rest = b""

    def read(self, size: int = BLOCK) -> bytes:
        while not self._ended:
            try:
                out, self._input, self._ended = self._feed(self._input, size)
            except zlib.error as error:
                raise LurcherError(f"the member of the zip is damaged: {error}", path=self._name) from None
            self._place += len(out)
            self._meter.reached(self._place)
            if self._ended:
                self.rest = self._input
            elif not out and not self._input:
                self._input = self._stream.read(65_536)
                if not self._input:
                    self._damage.ends("the zip", self._place)
                    self._ended = True
            if out:
                return out
        return b""


# --- tar ---


def is_tar(head: bytes) -> bool:
    return _header(head[:512]) is not None


@dataclass(frozen=True)
class _Header:
    name: bytes
    size: int
    kind: bytes


def _header(block: bytes) -> _Header | None:
    """A member's header; None where it is none: the sum of its bytes stands in it."""
    if len(block) < 512 or not block[0]:
        return None
    said = _number(block[148:156])
    plain = block[:148] + b" " * 8 + block[156:]
    size = _number(block[124:136])
    if said is None or size is None or size < 0:
        return None
    if said not in (sum(plain), sum(b - 256 if b > 127 else b for b in plain)):
        return None
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _Header(prefix + b"/" + name if prefix else name, size, block[156:157])


def _number(field_: bytes) -> int | None:
    if field_[0] in (0x80, 0xFF):  # GNU's: binary, for what is too large for octal digits
        return int.from_bytes(field_[1:], "big") if field_[0] == 0x80 else -1
    text = field_.split(b"\0")[0].strip()
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return None


_LINKS = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe"}


def tar_members(leaf: Leaf, outer: str, shelf: Shelf, problem: Problem) -> Iterator[Leaf]:
    """The members in the order that they have: a tar is read from its start to its end, once."""
    with reading(leaf.name), closing(leaf.open()) as stream:
        place, more = 0, dict[bytes, bytes]()
        while True:
            block = stream.read(512)
            place += len(block)
            header = _header(block)
            if header is None:
                _end_of_tar(block, stream, leaf, problem)
                return
            shelf.budget.member(leaf.name)
            size = (
                int(more[b"size"]) if more.get(b"size", b"").isdigit() and header.kind not in b"xgLK" else header.size
            )
            damage = Damage()
            if header.kind in (b"x", b"L", b"g", b"K"):
                if size > limits.MAX_IN_MEMORY:
                    raise LurcherError("a name of more than 16 MiB", path=leaf.name)
                text = stream.read(size + -size % 512)[:size]
                place += size + -size % 512
                if header.kind == b"x":
                    more |= _pax(text)
                elif header.kind == b"L":
                    more[b"path"] = text.rstrip(b"\0")
                continue
            name = f"{outer}/{more.get(b'path', header.name).decode('utf-8', 'backslashreplace')}"
            sparse = any(key.startswith(b"GNU.sparse") for key in more)
            more = {}
            part = _Part(stream, size, "the tar", damage)
            if sparse or header.kind == b"S":
                problem(Passed(name, "a sparse file in the archive, which is not read", "unpack the archive first"))
            elif header.kind in _LINKS:
                problem(
                    Passed(name, f"{_LINKS[header.kind]} in the archive, without content of its own", harmless=True)
                )
            elif header.kind != b"5" and not name.endswith("/"):
                if leaf.on_disk:
                    yield Leaf(name, leaf.file, _stretch(leaf.file, place, size, damage), damage)
                else:
                    yield shelf.hold(name, leaf.file, cast(IO[bytes], part), damage)
                    shelf.clear()
            if leaf.on_disk:
                whole = leaf.file.stat().st_size
                stream.seek(min(place + size, whole))
                if place + size > whole:
                    damage.ends("the tar", whole - place)
            else:
                _drain(part)
            if damage.cut:
                problem(_cut(leaf, damage.cut))
                return
            place += size
            if size % 512:
                place += len(stream.read(512 - size % 512))


def _end_of_tar(block: bytes, stream: IO[bytes], leaf: Leaf, problem: Problem) -> None:
    """Two blocks of zeros end a tar."""
    if block.strip(b"\0"):
        problem(
            _cut(leaf, "cut: the tar ends within a header" if len(block) < 512 else "the tar is damaged behind this")
        )
        return
    _drain(stream)  # to where what it is packed in ends, and says whether it is whole
    if leaf.damage.cut:
        problem(_cut(leaf, leaf.damage.cut))
    elif not block:
        problem(Passed(leaf.name, "the tar has no mark of its end: is it cut off?", harmless=True))


def _cut(leaf: Leaf, what: str) -> Passed:
    return Passed(leaf.name, f"{what}; its members were read as far as they go", "what came behind is missing")


def _stretch(file: Path, start: int, size: int, damage: Damage) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        stream = file.open("rb")
        stream.seek(start)
        part = _Part(stream, size, "the tar", damage)
        part.close = stream.close  # type: ignore[method-assign]
        return cast(IO[bytes], part)

    return opened


def _pax(text: bytes) -> dict[bytes, bytes]:
    """`"%d key=value\\n"`, the number being the length of the whole."""
    found, at = {}, 0
    while at < len(text):
        length, blank, _ = text[at : at + 20].partition(b" ")
        if not blank or not length.isdigit() or int(length) <= len(length) + 1:
            break
        key, _, value = text[at + len(length) + 1 : at + int(length)].removesuffix(b"\n").partition(b"=")
        found[key] = value
        at += int(length)
    return found
