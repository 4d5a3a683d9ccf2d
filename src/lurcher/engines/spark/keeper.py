"""Runs a command for as long as its own standard input is open: `python -m lurcher.engines.spark.keeper FOLDER COMMAND...`.

Whoever started it holds the other end. It is closed when that process ends, however it ends: a Java process that nobody stops
would stay. What the command says goes into FOLDER/log; FOLDER is removed with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

_GRACE = 10


def main(folder: str, command: list[str]) -> int:
    with open(os.path.join(folder, "log"), "wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        unwanted = threading.Event()

        def wait_for_the_end() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
            unwanted.set()
            child.terminate()
            try:
                child.wait(_GRACE)
            except subprocess.TimeoutExpired:
                child.kill()

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        code = child.wait()
    # Else it ended by itself, and its log is still to be read.
    if unwanted.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
