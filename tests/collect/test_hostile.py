"""Damaged files: whatever is changed in a signed file, examining it ends, and ends with a result."""

from __future__ import annotations

import os
import random
import resource
import time
from pathlib import Path

import pytest
from tests.collect import made
from tests.collect.made import NOW, ROOTS

from lurcher.collect.examine import Examiner, FileFacts, NotPe, Rejected, Settings

#: `LURCHER_MUTATIONS=10000` for the long run; bench/signatures_fuzz.py does it on real files.
COUNT = int(os.environ.get("LURCHER_MUTATIONS", "1500"))


def mutate(content: bytes, chance: random.Random) -> bytes:
    """One to eight changes: bits, octets, runs, lengths, cuts, copies; most of them where the headers and the signature are."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        where = chance.random()
        at = (
            chance.randrange(min(1024, len(data)))
            if where < 0.3
            else chance.randrange(len(data) // 2 if where < 0.9 else 0, len(data))
        )
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0x84, 0xFF, 0x30, 0x31, 0xA0))
            case 2:
                data[at : at + 4] = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data))).to_bytes(4, "little")
            case 3:
                data[at : at + chance.randrange(1, 64)] = chance.randbytes(chance.randrange(64))
            case 4:
                del data[max(at, 64) :]
            case 5:
                data[at:at] = data[at : at + chance.randrange(256)]
            case 6:
                data += chance.randbytes(chance.randrange(32))
        if len(data) < 64:
            break
    return bytes(data)


def test_damaged_files_give_a_result_in_bounded_time_and_memory(tmp_path: Path) -> None:
    chance = random.Random(2024)
    files = list(made.files().values())
    examiner = Examiner(Settings(NOW, trusted=ROOTS, nested=True))
    path = tmp_path / "a.exe"
    kinds: dict[type, int] = {FileFacts: 0, NotPe: 0, Rejected: 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    trusted = 0
    for n in range(COUNT):
        path.write_bytes(mutate(chance.choice(files), chance))
        result = examiner.examine(str(path))
        kinds[type(result)] += 1
        if isinstance(result, FileFacts):
            assert result.signatures, n
            trusted += any(s.is_trusted for s in result.signatures)
    assert sum(kinds.values()) == COUNT
    assert kinds[FileFacts] > COUNT / 4  # The mutations do reach the signatures.
    assert trusted < COUNT / 4
    assert time.monotonic() - began < COUNT * 0.1  # A hang, not a measure of speed.
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, "KiB more than before"


@pytest.mark.parametrize("depth", [4, 5, 30, 3000])
def test_signatures_nested_deeper_than_four_are_not_read(tmp_path: Path, depth: int) -> None:
    import signing

    info = b""
    for _ in range(min(depth, 40) + 1):
        unsigned = [signing._seq(signing._oid("1.3.6.1.4.1.311.2.4.1"), signing._set(info))] if info else []
        info = made.signature(made.PROGRAM, made.CA.signer("Deep"), unsigned=unsigned)
    if depth > 40:  # deeper than Python calls: shells without a signature in them
        info = b"\x30\x80" * depth
    path = tmp_path / "a.exe"
    path.write_bytes(made.attach(made.PROGRAM.ljust(len(made.PROGRAM) + -len(made.PROGRAM) % 8, b"\0"), info))
    result = Examiner(Settings(NOW, trusted=ROOTS, nested=True)).examine(str(path))
    assert isinstance(result, FileFacts)
    assert len(result.signatures) == min(depth + 1, 5) if depth <= 40 else 1
    assert bool(result.problems) == (depth > 4)


def test_many_certificates_of_one_name_do_not_multiply_the_work(tmp_path: Path) -> None:
    # Sixty-two authorities of two names and one key: each has signed all of the other name.
    import signing

    ca, valid = made.TestCA("Loop"), (made.EXPIRED[0], made.NOW)
    may_issue = [signing._extension("2.5.29.19", signing._seq(signing._tlv(1, b"\xff")))]
    names = (signing._name("A0"), signing._name("A1"))
    authorities = [
        signing._certificate(names[n % 2], ca._key, names[1 - n % 2], ca._key, n, valid, "sha256", may_issue)
        for n in range(62)
    ]
    leaf = signing._certificate(signing._name("Leaf"), ca._key, names[0], ca._key, 99, valid, "sha256", [])
    signer = made.Signer("Leaf", leaf, ca._key, names[0], 99, tuple(authorities))
    path = tmp_path / "a.exe"
    path.write_bytes(made.sign(made.PROGRAM, signer))
    began = time.monotonic()
    examiner = Examiner(Settings(NOW))
    results = [examiner.examine(str(path)) for _ in range(50)]  # also when the links are known already
    assert all(isinstance(r, FileFacts) and r.signatures[0].is_trusted is False for r in results)
    assert time.monotonic() - began < 10  # milliseconds each; without a bound it would not end
