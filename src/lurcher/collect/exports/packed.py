"""gzip, zstd, bzip2 and xz as streams of bytes.

Several of them one after the other are one stream. One that ends before its end is taken as far as it goes, and its `Damage`
says so; one whose bytes are wrong (a checksum, an impossible code) is not taken: nobody knows where the wrong ones begin.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from lurcher.collect.exports.leaf import BLOCK, Damage
from lurcher.collect.exports.limits import Meter
from lurcher.errors import LurcherError

_INPUT = 65_536
#: zstd gives out all that is in what it gets: a block of 4 bytes may hold 128 KiB.
_ZSTD_INPUT = 4096
_MEMORY = 256 * 1024 * 1024

#: Gives what is in some bytes, what of them is left over, and whether that was the end.
Feed = Callable[[bytes, int], tuple[bytes, bytes, bool]]


@dataclass(frozen=True)
class Codec:
    """`starts`: what a stream begins with; `suffixes`: what files of it are called, and without it."""

    name: str
    starts: Callable[[bytes], bool]
    decoder: Callable[[], Feed]
    suffixes: dict[str, str]

    def unpacked_name(self, name: str) -> str:
        for suffix, rest in self.suffixes.items():
            if name.lower().endswith(suffix):
                return name[: -len(suffix)] + rest
        return name


def _deflate(bits: int) -> Feed:
    it = zlib.decompressobj(bits)

    def feed(data: bytes, most: int) -> tuple[bytes, bytes, bool]:
        out = it.decompress(data, most)
        return out, it.unused_data if it.eof else it.unconsumed_tail, it.eof

    return feed


def raw_deflate() -> Feed:
    """What zips have."""
    return _deflate(-15)


def _holding(it: Any) -> Feed:
    """Decoders that keep what they have not read yet."""

    def feed(data: bytes, most: int) -> tuple[bytes, bytes, bool]:
        out = it.decompress(data, most)
        return out, it.unused_data if it.eof else b"", it.eof

    return feed


def _zstd() -> Feed:
    import zstandard

    it = zstandard.ZstdDecompressor(max_window_size=_MEMORY >> 1).decompressobj()

    def feed(data: bytes, most: int) -> tuple[bytes, bytes, bool]:
        try:
            out = it.decompress(data[:_ZSTD_INPUT]) if data else b""
        except zstandard.ZstdError as error:
            raise zlib.error(str(error)) from None
        return out, (it.unused_data if it.eof else b"") + data[_ZSTD_INPUT:], it.eof

    return feed


CODECS = (
    Codec("gzip", lambda b: b[:3] == b"\x1f\x8b\x08", lambda: _deflate(31), {".gz": "", ".tgz": ".tar"}),
    Codec(
        "zstd",
        lambda b: b[:4] == b"\x28\xb5\x2f\xfd" or (b[1:4] == b"\x2a\x4d\x18" and 0x50 <= b[0] <= 0x5F),
        _zstd,
        {".zst": "", ".zstd": "", ".tzst": ".tar"},
    ),
    Codec(
        "bzip2",
        lambda b: b[:3] == b"BZh" and b[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"),
        lambda: _holding(bz2.BZ2Decompressor()),
        {".bz2": "", ".tbz2": ".tar", ".tbz": ".tar"},
    ),
    Codec(
        "xz",
        lambda b: b[:6] == b"\xfd7zXZ\0",
        lambda: _holding(lzma.LZMADecompressor(memlimit=_MEMORY)),
        {".xz": "", ".txz": ".tar"},
    ),
)


def codec_of(head: bytes) -> Codec | None:
    return next((c for c in CODECS if c.starts(head)), None)


class Unpacked:
    """What is in a packed stream, which it owns."""

    def __init__(
        self, stream: IO[bytes], codec: Codec, meter: Meter, damage: Damage, name: str, *, after: bytes = b""
    ) -> None:
        self._stream, self._codec, self._meter, self._damage, self._name = stream, codec, meter, damage, name
        self._feed = codec.decoder()
        self._input = after
        self._out: list[bytes] = []
        self._have = self._place = 0
        self._ended = False

    def read(self, size: int = BLOCK) -> bytes:
        while not self._ended and (size < 0 or self._have < size):
            block = self._next(BLOCK)
            self._out.append(block)
            self._have += len(block)
        data = b"".join(self._out)
        head, rest = (data, b"") if size < 0 else (data[:size], data[size:])
        self._out, self._have = [rest] if rest else [], len(rest)
        return head

    def _next(self, most: int) -> bytes:
        """Some more; nothing only at the end."""
        while True:
            try:
                out, self._input, ended = self._feed(self._input, most)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
                raise LurcherError(f"the {self._codec.name} is damaged: {error}", path=self._name) from None
            self._place += len(out)
            self._meter.reached(self._place)
            if ended:
                self._ended = not self._again()
                if not self._ended:
                    self._feed = self._codec.decoder()
            elif not out and not self._input:
                self._input = self._stream.read(_INPUT)
                if not self._input:
                    self._damage.ends(f"the {self._codec.name}", self._place)
                    self._ended = True
            if out or self._ended:
                return out

    def _again(self) -> bool:
        """Whether another one follows."""
        while True:
            rest = self._input.lstrip(b"\0")  # tapes and disks fill up with zeros
            if len(rest) >= 16:
                break
            more = self._stream.read(_INPUT)
            if not more:
                break
            self._input = rest + more
        self._input = rest
        if rest and not self._codec.starts(rest):
            self._damage.notes[f"what follows the end of the {self._codec.name} was passed over"] = None
            return False
        return bool(rest)

    def close(self) -> None:
        self._stream.close()
