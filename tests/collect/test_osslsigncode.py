"""Agreement with osslsigncode on every made file (apt-get install osslsigncode; skipped where it is not installed)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.collect import made
from tests.collect.osslsigncode import ask

from lurcher.collect.examine import Examiner, FileFacts, Settings

pytestmark = pytest.mark.skipif(shutil.which("osslsigncode") is None, reason="osslsigncode is not installed")


@pytest.mark.parametrize("name", [*made.files()])
def test_osslsigncode_says_the_same(name: str, tmp_path: Path) -> None:
    path, bundle = tmp_path / name, tmp_path / "ca.pem"
    path.write_bytes(made.files()[name])
    bundle.write_text(made.CA.pem + made.SHA1_CA.pem)
    theirs = ask(path, bundle)
    result = Examiner(Settings(made.NOW, nested=True, trusted=made.ROOTS)).examine(str(path))
    assert isinstance(result, FileFacts)
    ours = [s for s in result.signatures if s.is_signed]
    assert bool(theirs) == bool(ours)
    if theirs and not theirs[0].digest_matches:  # where the digest differs it prints nothing more
        assert ours[0].status == "the file is not what was signed: its digest differs"
        return
    assert "digest" not in "".join(s.status for s in ours)
    assert [(s.signer, s.issuer, int(s.serial, 16), s.created, s.expires, s.countersigned) for s in ours] == [
        (t.signer, t.issuer, t.serial, t.created, t.expires, t.countersigned) for t in theirs
    ]
