"""How it looks on a terminal: tables, times, a progress bar; all of it plain text anywhere else."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TextIO

SHOWN_AFTER_S: Final = 1.0
"""Work that is done by then needs no bar."""
REDRAWN_AFTER_S: Final = 0.1
ESTIMATED_FROM: Final = 0.05
"""The share from which on the time left is told; before that it would be mostly start-up."""
BAR_WIDTH: Final = 24

BOLD: Final = "1"
GREEN: Final = "32"
YELLOW: Final = "33"
RED: Final = "31"


def painted(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour, if the stream (stdout) is a terminal whose user has nothing against it."""
    plain = (
        not (sys.stdout if stream is None else stream).isatty()
        or os.environ.get("NO_COLOR")
        or os.environ.get("TERM") == "dumb"
    )
    return text if plain else f"\x1b[{colour}m{text}\x1b[0m"


def duration_text(seconds: float) -> str:
    """A length of time as one says it.

    >>> [duration_text(s) for s in (0.0421, 9.96, 59.4, 59.6, 598.2, 3725)]
    ['0.04 s', '10 s', '59 s', '1 min 0 s', '9 min 58 s', '1 h 02 min']
    """
    if round(seconds, 1) < 10.0:
        return f"{seconds:.2f} s" if seconds < 1.0 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def percent_text(share: float) -> str:
    """A share of 1 in percent, with as many digits as it takes to see that it is not 0.

    >>> [percent_text(share) for share in (0, 0.000012, 0.0021, 0.034, 1)]
    ['0 %', '0.001 %', '0.21 %', '3.4 %', '100 %']
    """
    percent = 100.0 * share
    digits = 0 if percent in (0.0, 100.0) else 1 if percent >= 1.0 else 2 if percent >= 0.1 else 3
    return f"{percent:.{digits}f} %"


def counted(n: int, thing: str) -> str:
    """How many of something.

    >>> counted(1, "session"), counted(0, "stride")
    ('1 session', '0 strides')
    """
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines of a table: the first `left` columns flush left, the others flush right, two spaces between.

    >>> aligned([("", "n"), ("left", "12")])
    ['       n', 'left  12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


class Bar:
    """How far a call has come, on stderr while that is a terminal; elsewhere nothing.

    Args:
        total: how many `things` there are; of one, `things` says what is being done.
        stream: stderr.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        total: int,
        things: str = "sessions",
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._things, self._clock = total, things, clock
        self._stream = sys.stderr if stream is None else stream
        self._wanted = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._begin_s = self._drawn_s = clock()
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def update(self, done: int, under_way: float = 0.0) -> None:
        """So many are done, and this much of one more (the sum of shares where several are under way)."""
        now_s = self._clock()
        elapsed_s = now_s - self._begin_s
        if not self._wanted or elapsed_s < SHOWN_AFTER_S or now_s - self._drawn_s < REDRAWN_AFTER_S:
            return
        self._drawn_s = now_s
        share = min((done + under_way) / self._total, 1.0)
        full = int(share * BAR_WIDTH)
        known = share >= ESTIMATED_FROM
        left = f", about {duration_text(elapsed_s * (1.0 - share) / share)} left" if known else ""
        head = f"{done} of {self._total} {self._things}" if self._total > 1 else self._things
        line = (
            f"{head}  [{'#' * full}{'.' * (BAR_WIDTH - full)}] {100.0 * share:3.0f} %  {duration_text(elapsed_s)}{left}"
        )[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r{line.ljust(self._shown)}")
        self._stream.flush()
        self._shown = len(line)

    def clear(self) -> None:
        """Make room for other output."""
        if self._shown:
            self._stream.write(f"\r{' ' * self._shown}\r")
            self._stream.flush()
            self._shown = 0
