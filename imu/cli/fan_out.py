"""The same work on many tasks, in processes of their own: one that dies takes its task along, never the call."""

import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.resource_tracker import ensure_running
from types import FrameType
from typing import Any, Final, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
Progress = Callable[[float], None]
Work = Callable[[Task, Progress], Result]
"""A function of a module, handed to other processes by its name; told shares of 1 go to the `Progress`."""

TRIES: Final = 2
"""How often a task may take its process along before it is given up."""
REFRESHED_AFTER_S: Final = 0.2
CLOSED_AFTER_S: Final = 5.0


def fan_out(
    work: "Work[Task, Result]",
    tasks: Sequence[Task],
    *,
    workers: int,
    told: Callable[[int, float], None] = lambda done, under_way: None,
) -> Generator[tuple[int, Result | None]]:
    """Do all tasks in at most `workers` processes; with one, in this process.

    Yields each task's place with its result, in order of completion; None where its process died twice. `told` hears
    how many are done, and the sum of the shares of those under way.
    """
    if workers == 1:
        for place, task in enumerate(tasks):
            told(place, 0.0)
            yield place, work(task, lambda share, done=place: told(done, share))
        return
    yield from _Crew(work, tasks, min(workers, len(tasks)), told).results()


class _Worker(Generic[Task, Result]):
    """One process, and the link to it."""

    def __init__(self, work: "Work[Task, Result]") -> None:
        # spawn: numba's and Arrow's threads do not survive a fork
        context = get_context("spawn")
        self.link, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, work), daemon=True)
        with _deaf():
            self.process.start()
        # only with one holder of the far end does its death show
        far.close()
        self.place, self.share = -1, 0.0

    def give(self, place: int, task: Task) -> None:
        self.place, self.share = place, 0.0
        # a worker that has died shows when its end is read
        with suppress(OSError):
            self.link.send(task)

    def stop(self) -> None:
        self.link.close()
        self.process.terminate()
        self.process.join(CLOSED_AFTER_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Crew(Generic[Task, Result]):
    def __init__(
        self, work: "Work[Task, Result]", tasks: Sequence[Task], workers: int, told: Callable[[int, float], None]
    ) -> None:
        self._work, self._tasks, self._told = work, tasks, told
        self._waiting = deque(range(len(tasks)))
        self._tried = [0] * len(tasks)
        self._size, self._done = workers, 0
        self._workers: dict[Connection, _Worker[Task, Result]] = {}

    def results(self) -> Generator[tuple[int, Result | None]]:
        try:
            for _ in range(self._size):
                self._hire()
            while self._workers:
                self._told(self._done, sum(worker.share for worker in self._workers.values()))
                ready = wait(self._workers, REFRESHED_AFTER_S)
                for worker in [worker for link, worker in self._workers.items() if link in ready]:
                    yield from self._hear(worker)
        finally:
            for worker in self._workers.values():
                worker.stop()

    def _hire(self) -> None:
        if self._waiting:
            worker = _Worker(self._work)
            self._workers[worker.link] = worker
            self._next(worker)

    def _next(self, worker: _Worker[Task, Result]) -> None:
        if not self._waiting:
            del self._workers[worker.link]
            worker.stop()
            return
        place = self._waiting.popleft()
        self._tried[place] += 1
        worker.give(place, self._tasks[place])

    def _hear(self, worker: _Worker[Task, Result]) -> Generator[tuple[int, Result | None]]:
        try:
            word: Any = worker.link.recv()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        if isinstance(word, float):
            worker.share = word
            return
        self._done += 1
        place = worker.place
        # the next task first: whoever reads the results must not keep a worker waiting
        self._next(worker)
        yield place, word[0]

    def _bury(self, worker: _Worker[Task, Result]) -> Generator[tuple[int, Result | None]]:
        del self._workers[worker.link]
        worker.stop()
        given_up = self._tried[worker.place] >= TRIES
        if not given_up:
            self._waiting.appendleft(worker.place)
        self._hire()
        if given_up:
            self._done += 1
            yield worker.place, None


def _serve(link: Connection, work: "Work[Any, Any]") -> None:
    """What a worker's process does until nobody gives it any more."""
    # told to stop by its parent, it leaves by way of all `finally`: what is half written is removed
    signal.signal(signal.SIGTERM, _leave)
    last = 0

    def progress(share: float) -> None:
        nonlocal last
        percent = int(100.0 * share)
        if percent > last:
            last = percent
            link.send(share)

    try:
        with suppress(EOFError, OSError):
            while True:
                task, last = link.recv(), 0
                link.send((work(task, progress),))
    finally:
        # on its way out already; of a signal that comes just when it is made to be ignored Python would complain aloud
        signal.signal(signal.SIGTERM, _stay)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit()


def _stay(_number: int, _frame: FrameType | None) -> None:
    pass


@contextmanager
def _deaf() -> Generator[None]:
    """A terminal sends Ctrl-C to every process. One that is started deaf to it stays so and leaves it to the parent.

    The parent only puts it off meanwhile: what it ignored would be lost.
    """
    # else it is started with the first process, and ends the deafness
    ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
