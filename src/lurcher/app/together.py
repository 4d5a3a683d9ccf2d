"""Files that are read at once, each by a process of its own, and put into the lake in their order.

A process reads its file and stages the rows; then it waits until all files before are done, and looks again at what it knew of
the lake: whether the file was there, whether it is a file that has grown, which columns tables have. Where something has changed
it reads the file again. So the lake and the report are what they would be, had the files been added one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.app import add as one
from lurcher.app import apart
from lurcher.collect import workers as others

if TYPE_CHECKING:
    from lurcher.lake import Lake

#: So little is added before other processes have started.
_WORTH = 48 * 1024 * 1024
#: Processes read at once: each holds some 400 MB.
_MOST = 2
_POLL = 0.25
_MOST_OF_IT = 0.6


def worth(files: Sequence[Path], workers: int | None) -> bool:
    """Whether there is enough to be read at once."""
    if _count(workers) < 2 or len(files) < 2 or not others.can_spawn():
        return False
    sizes = []
    for file in files:
        try:
            sizes.append(file.stat().st_size)
        except OSError:
            continue
    # Where one file is most of it, its parts are what is read at once.
    return sum(sizes) >= _WORTH and max(sizes) < max(apart.WORTH, sum(sizes) * _MOST_OF_IT)


def processes(workers: int | None) -> int:
    """How many processes may read one file."""
    return _count(workers) if others.can_spawn() else 1


def _count(workers: int | None) -> int:
    return others.processors() if workers is None else workers


def add_files(
    lake: Lake,
    files: Sequence[Path],
    asked: one.Asked,
    workers: int | None,
    report: one.AddReport,
    progress: one.Progress | None,
) -> None:
    """Add the files; what came of them goes to the report, in their order."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, TimeoutError
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context("spawn")
    shared = _Shared(context)
    pool = ProcessPoolExecutor(
        min(_count(workers), _MOST, len(files)),
        context,
        _start,
        (lake.path, replace(asked, workers=1, shared=True), shared),
    )
    done = 0
    try:
        with others.starting():
            waiting = [pool.submit(_add, number, file) for number, file in enumerate(files)]
        for done, future in enumerate(waiting):
            while True:
                try:
                    report.files += future.result(_POLL)
                    break
                except TimeoutError:
                    if progress is not None:
                        progress(str(files[done]), shared.rows.value)
        return
    except BrokenProcessPool:
        pass  # a process was ended from outside, as where memory is short: the rest one after the other
    finally:
        shared.stop.value = True
        pool.shutdown(wait=True, cancel_futures=True)
    with lake.scratch() as scratch:
        for file in files[done:]:
            report.files += one.file_outcomes(lake, file, asked, scratch, progress)


class _Shared:
    """What the processes have in common. `turn`: the number of the file that may be put into the lake."""

    def __init__(self, context: Any) -> None:
        self.turn = context.Value("q", 0, lock=False)
        self.moved = context.Condition()
        self.rows = context.Value("q", 0)
        self.stop = context.Value("b", False, lock=False)


class _Ordered(one.Turn):
    def __init__(self, number: int, shared: _Shared) -> None:
        self._number, self._shared, self._mine = number, shared, False

    def come(self) -> bool:
        if self._mine:
            return False
        with self._shared.moved:
            while self._shared.turn.value != self._number:
                if self._shared.stop.value:
                    raise SystemExit(1)
                self._shared.moved.wait(1.0)
        self._mine = True
        return True

    def gone(self) -> None:
        self.come()
        with self._shared.moved:
            self._shared.turn.value = self._number + 1
            self._shared.moved.notify_all()


#: The worker's own; a process pool has no other place for what outlives one task.
_worker: tuple[Lake, one.Asked, _Shared] | None = None


def _start(lake: Path, asked: one.Asked, shared: _Shared) -> None:
    global _worker
    from lurcher.lake import Lake

    others.begin()
    _worker = Lake.open(lake), asked, shared


def _add(number: int, file: Path) -> list[one.FileOutcome]:
    assert _worker is not None
    lake, asked, shared = _worker
    before: tuple[str, int] = "", 0

    def progress(name: str, rows: int) -> None:
        nonlocal before
        if shared.stop.value:
            raise SystemExit(1)
        new = rows - before[1] if before[0] == name and rows >= before[1] else rows
        before = name, rows
        with shared.rows.get_lock():
            shared.rows.value += new

    turn = _Ordered(number, shared)
    try:
        with lake.scratch() as scratch:
            return one.file_outcomes(lake, file, asked, scratch, progress, turn)
    finally:
        turn.gone()
