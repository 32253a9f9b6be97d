"""Which samples of an epoch came, by packet: what is missing, and what lies next to a place."""

from bisect import bisect_left, insort
from typing import NamedTuple


class Stamp(NamedTuple):
    """What a packet bears, as sent: two of the same stamp are one packet."""

    counter: int
    """Sample counter of its last sample; 0 where the device has none."""
    ticks: int
    packet: int | None
    digest: int
    """Of its values."""


class Entry(NamedTuple):
    """One packet, as it was handed on."""

    first: int
    """Sample number."""
    last: int
    first_ticks: int
    last_ticks: int
    stamp: Stamp


class Ledger:
    """The packets of one epoch by sample number; the newest in full, older ones as a count.

    Args:
        start: sample number of the first sample that the device took in this epoch, as far as is known.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._entries: list[Entry] = []
        self._stamps: set[Stamp] = set()
        self._samples = 0
        self._skipped = 0
        self.forgot = False
        """Something was forgotten: what lay before the oldest can't be told."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def lost(self) -> int:
        """Samples that were taken and did not come."""
        return self._entries[-1].last - self._start + 1 - self._samples - self._skipped

    @property
    def oldest(self) -> Entry:
        return self._entries[0]

    def add(self, entry: Entry) -> None:
        self._start = min(self._start, entry.first)
        self._samples += entry.last - entry.first + 1
        insort(self._entries, entry, key=_first)
        self._stamps.add(entry.stamp)

    def skip(self, samples: int) -> None:
        """These numbers were never given to a sample."""
        self._skipped += samples

    def knows(self, stamp: Stamp) -> bool:
        return stamp in self._stamps

    def around(self, first: int) -> tuple[Entry | None, Entry | None]:
        """The packets before and after a sample number."""
        return self._neighbours(bisect_left(self._entries, first, key=_first))

    def around_ticks(self, ticks: int) -> tuple[Entry | None, Entry | None]:
        """The packets before and after a time."""
        return self._neighbours(bisect_left(self._entries, ticks, key=_last_ticks))

    def forget(self, before: float) -> None:
        """The packets before a sample number, as packets; they stay counted."""
        old = bisect_left(self._entries, before, key=_first)
        if old:
            self._stamps.difference_update(entry.stamp for entry in self._entries[:old])
            del self._entries[:old]
            self.forgot = True

    def _neighbours(self, at: int) -> tuple[Entry | None, Entry | None]:
        return (self._entries[at - 1] if at else None, self._entries[at] if at < len(self._entries) else None)


def _first(entry: Entry) -> int:
    return entry.first


def _last_ticks(entry: Entry) -> int:
    return entry.last_ticks
