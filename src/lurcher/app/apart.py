"""One large file, read by several processes.

This process cuts the file and sends its parts to the others, in turn; each makes rows of them, and sends these back. Here they
are taken in the order of the parts and go into the one writer of the source, so that rows, rejects and what is found out about
the file are what they would be, had the file been read here. What cannot be read so, and whatever fails over there, is read here.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections import deque
from collections.abc import Generator, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from lurcher.collect import workers
from lurcher.collect.exports import Leaf, ReadContext, Reject, SourceFormat, TableBatch
from lurcher.collect.exports.partwise import Exchange, NotApartError, Parts, placed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: A smaller file is read before other processes have started.
WORTH = 64 * 1024 * 1024
#: Parts that wait for each process, or are read by it.
_AHEAD = 2
#: Processes: each holds some 200 MB.
_MOST = 2


def read(
    kind: SourceFormat, leaf: Leaf, context: ReadContext, size: int, workers: int
) -> Generator[TableBatch | Reject]:
    """What `kind.read` gives; of a large file, by so many processes, where the format lets it. Raises `NotApartError` where they
    cannot do it: then it is to be read by one."""
    parts = kind.parts() if kind.parts is not None and workers > 1 and size >= WORTH else None
    if parts is None or not parts.splits(leaf):
        yield from kind.read(leaf, context)
    else:
        yield from _read(parts, leaf, context, min(workers, _MOST))


def _read(parts: Parts, leaf: Leaf, context: ReadContext, workers: int) -> Iterator[TableBatch | Reject]:
    before, number = 0, 0
    cut = parts.cut(leaf, context)
    for part in cut:
        for made in parts.read(part, context):
            yield placed(made, parts.unit, before)
        before += parts.count
        number += 1
        if parts.settled():
            break
    with _Team(workers, parts, context, number) as team:
        waiting: deque[int] = deque()
        more = True
        while more or waiting:
            while more and len(waiting) < _AHEAD * workers:
                part = next(cut, None)
                if part is None:
                    more = False
                    break
                team.send(number, part)
                waiting.append(number)
                number += 1
            if not waiting:
                break
            made_there, count, told, learned = team.receive(waiting.popleft())
            context.join(told)
            parts.learn(learned)
            for made in made_there:
                if isinstance(made, Reject):
                    yield placed(made, parts.unit, before)
                else:
                    yield made.batch_of(context)
            before += count
    yield from parts.finish(context)


class _Sent:
    """Rows on their way from one process to another."""

    __slots__ = ("copies", "hashes", "rows", "table")

    def __init__(self, made: TableBatch) -> None:
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        batch = made.batch
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        self.table, self.copies, self.hashes = made.schema.name, made.copies, made.row_hash
        self.rows = pickle.PickleBuffer(sink.getvalue())

    def batch_of(self, context: ReadContext) -> TableBatch:
        import pyarrow as pa

        with pa.ipc.open_stream(pa.py_buffer(self.rows)) as stream:
            batch = stream.read_next_batch()
        return TableBatch(context.schema(self.table), batch, self.hashes, self.copies)


class _Team:
    """The processes. Used as a context: they end with it, and when this process ends."""

    def __init__(self, size: int, parts: Parts, context: ReadContext, first: int) -> None:
        self._size = size
        self._state = pickle.dumps((parts, context, first), 5)
        self._lines: list[Connection] = []
        self._processes: list[Any] = []

    def __enter__(self) -> _Team:
        try:
            self._begin()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, OSError):  # too many processes or open files, or one that ended at once
                raise NotApartError from error
            raise
        return self

    def _begin(self) -> None:
        import multiprocessing

        spawn = multiprocessing.get_context("spawn")
        between = {(i, j): spawn.Pipe(False) for i in range(self._size) for j in range(self._size) if i != j}
        for i in range(self._size):
            ours, theirs = spawn.Pipe()
            hears = {j: between[j, i][0] for j in range(self._size) if j != i}
            tells = {j: between[i, j][1] for j in range(self._size) if j != i}
            process = spawn.Process(target=_work, args=(i, self._size, theirs, hears, tells), daemon=True)
            self._lines.append(ours)
            with workers.starting():
                process.start()
            self._processes.append(process)
            theirs.close()
        for hear, tell in between.values():
            hear.close()
            tell.close()
        for line in self._lines:
            line.send_bytes(self._state)

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.close()
        for process in self._processes:
            process.terminate()  # nothing of the lake is in its hands
            process.join()

    def send(self, number: int, part: Any) -> None:
        try:
            _put(self._lines[number % self._size], (number, part))
        except (OSError, ValueError, pickle.PicklingError, RecursionError) as error:
            raise NotApartError from error

    def receive(self, number: int) -> Any:
        try:
            answer = _get(self._lines[number % self._size])
        except (EOFError, OSError) as error:  # it was ended from outside, as where memory is short
            raise NotApartError from error
        if answer is None:
            raise NotApartError
        return answer


def _put(line: Connection, value: Any) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, 5, buffer_callback=buffers.append)
    line.send_bytes(pickle.dumps(len(buffers)))
    line.send_bytes(head)
    for buffer in buffers:
        line.send_bytes(buffer.raw())


def _get(line: Connection) -> Any:
    count = pickle.loads(line.recv_bytes())
    head = line.recv_bytes()
    return pickle.loads(head, buffers=[line.recv_bytes() for _ in range(count)])


# --- what the others do ---


class _Others(Exchange):
    """What the other processes tell, as it comes."""

    def __init__(
        self, own: int, size: int, first: int, hears: dict[int, Connection], tells: dict[int, Connection]
    ) -> None:
        self._own, self._size, self._hears, self._tells = own, size, hears, tells
        #: The number of the next part of which a word is to be heard.
        self._next = first
        self._out: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._send, daemon=True).start()

    def tell(self, number: int, word: Any) -> None:
        self._out.put(pickle.dumps(word, 5))

    def before(self, number: int) -> Iterator[Any]:
        while self._next < number:
            whose = self._next % self._size
            self._next += 1
            if whose != self._own:
                yield pickle.loads(self._hears[whose].recv_bytes())

    def _send(self) -> None:
        # On a thread: who listens may be busy, and be about to tell something itself.
        while True:
            word = self._out.get()
            for line in self._tells.values():
                try:
                    line.send_bytes(word)
                except OSError:
                    os._exit(1)


def _work(own: int, size: int, line: Connection, hears: dict[int, Connection], tells: dict[int, Connection]) -> None:
    import gc

    workers.begin()
    gc.disable()
    parts, context, first = pickle.loads(line.recv_bytes())
    parts.learned()
    others = _Others(own, size, first, hears, tells)
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(line, inbox), daemon=True).start()
    while True:
        number, part = inbox.get()
        try:
            answer = _answer(number, part, parts, context, others)
        except BaseException:  # noqa: BLE001 - the parent reads the file itself, and meets it there
            answer = None
        try:
            _put(line, answer)
        except OSError:
            os._exit(1)
        del part, answer  # not held until the next part comes


def _answer(number: int, part: Any, parts: Parts, context: ReadContext, others: _Others) -> Any:
    parts.join(number, others)
    made = [x if isinstance(x, Reject) else _Sent(x) for x in parts.read(part, context)]
    parts.leave()
    return made, parts.count, context.learned(), parts.learned()


def _listen(line: Connection, inbox: SimpleQueue[Any]) -> None:
    """Parts, as they come: so that the parent never waits for a process that waits for it."""
    while True:
        try:
            inbox.put(_get(line))
        except (EOFError, OSError):
            os._exit(0)  # nobody asks any more
