"""Files examined by all cores, answered in the order in which they were found.

Processes, not threads: walking a signature is Python. They are spawned, as forking a process that has threads (Arrow's) can hang.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from lurcher.collect import workers as others
from lurcher.collect.examine import Examiner, FileFacts, NotPe, Rejected, Settings
from lurcher.collect.walk import Found, Unreadable
from lurcher.errors import LurcherError

Result = FileFacts | NotPe | Rejected
_Item = Found | Unreadable

#: What a worker gets at a time.
CHUNK_FILES = 32
CHUNK_OCTETS = 64 * 1024 * 1024
#: Chunks that wait for each worker: enough to keep it busy, few enough to bound what is in memory.
CHUNKS_WAITING = 3
#: So little work is done before other processes have started.
_WORTH_FILES = 64
_WORTH_OCTETS = 64 * 1024 * 1024


#: The digests by which the catalogues that are known by now list files: see `Examiner.examine`.
Listed = Callable[[], tuple[str, ...]]


def no_catalogues() -> tuple[str, ...]:
    return ()


def examine_files(
    found: Iterator[_Item], settings: Settings, workers: int | None, listed: Listed = no_catalogues
) -> Iterator[tuple[_Item, Result]]:
    """Each file with what it is, in order. `workers` None: as many as there are processors."""
    count = workers if workers is not None else others.processors()
    if not others.can_spawn():
        count = 1
    chunks = _chunks(found)
    begin: list[list[_Item]] = []
    files = octets = 0
    for chunk in chunks:
        begin.append(chunk)
        files += len(chunk)
        octets += sum(f.size for f in chunk if isinstance(f, Found))
        if files > _WORTH_FILES or octets > _WORTH_OCTETS:
            break
    else:
        count = 1
    if not begin:
        return
    everything = chain(begin, chunks)
    yield from _alone(everything, settings, listed) if count <= 1 else _together(everything, settings, count, listed)


def _chunks(found: Iterator[_Item]) -> Iterator[list[_Item]]:
    chunk: list[_Item] = []
    octets = 0
    for item in found:
        chunk.append(item)
        octets += item.size if isinstance(item, Found) else 0
        if len(chunk) >= CHUNK_FILES or octets >= CHUNK_OCTETS:
            yield chunk
            chunk, octets = [], 0
    if chunk:
        yield chunk


def _alone(chunks: Iterable[list[_Item]], settings: Settings, listed: Listed) -> Iterator[tuple[_Item, Result]]:
    examiner = Examiner(settings)
    for chunk in chunks:
        for item in chunk:
            yield item, Rejected(item.reason) if isinstance(item, Unreadable) else examiner.examine(item.path, listed())


def _together(
    chunks: Iterable[list[_Item]], settings: Settings, workers: int, listed: Listed
) -> Iterator[tuple[_Item, Result]]:
    import multiprocessing
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (settings,))
    waiting: deque[tuple[list[_Item], Future[list[Result]]]] = deque()

    def answer() -> Iterator[tuple[_Item, Result]]:
        chunk, future = waiting.popleft()
        results = iter(future.result())
        for item in chunk:
            yield item, Rejected(item.reason) if isinstance(item, Unreadable) else next(results)

    try:
        for chunk in chunks:
            paths = [item.path for item in chunk if isinstance(item, Found)]
            digests = listed()
            with others.starting():
                waiting.append((chunk, pool.submit(_examine, paths, digests)))
            if len(waiting) > workers * CHUNKS_WAITING:
                yield from answer()
        while waiting:
            yield from answer()
    except BrokenProcessPool:
        raise LurcherError(
            "a process that examined files was ended from outside",
            "it may have run out of memory: try again with fewer workers. A script that collects must do so under "
            "`if __name__ == '__main__':`",
        ) from None
    finally:
        # Also when the caller stops early or presses Ctrl-C: what has not begun is dropped, what has ends by itself.
        pool.shutdown(wait=True, cancel_futures=True)


#: The worker's own; a process pool has no other place for what outlives one task.
_examiner: Examiner | None = None


def _start(settings: Settings) -> None:
    global _examiner
    others.begin()
    _examiner = Examiner(settings)


def _examine(paths: list[str], listed: tuple[str, ...]) -> list[Result]:
    assert _examiner is not None
    return [_examiner.examine(path, listed) for path in paths]
