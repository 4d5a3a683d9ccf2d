"""What was not taken, kept: a JSON line for each, with file, place, reason and the raw text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import IO

from lurcher.collect.exports.rows import Reject

#: Of a longer raw text only the beginning is kept; the file still has it.
_RAW = 65_536


class RejectFile:
    """The rejects of one source. The file is made with the first of them."""

    def __init__(self, path: Path, source: str) -> None:
        self.path, self._source = path, source
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self._file: IO[bytes] | None = None

    def add(self, reject: Reject) -> None:
        import orjson

        if self._file is None:
            self._file = self.path.open("wb")
        self.count += 1
        if len(self.reasons) < 1000 or reject.reason in self.reasons:
            self.reasons[reject.reason] += 1
        text = reject.raw[:_RAW].decode("utf-8", "backslashreplace")
        line = {"file": self._source, reject.unit: reject.position, "reason": reject.reason, "raw": text}
        if len(reject.raw) > _RAW:
            line["cut"] = True
        try:
            data = orjson.dumps(line)
        except TypeError:  # half of a surrogate pair
            data = orjson.dumps(
                {
                    k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v
                    for k, v in line.items()
                }
            )
        self._file.write(data + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
