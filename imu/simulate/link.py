"""Packets that get lost, come late or come twice: from samples in order of time to samples in order of arrival."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from imu.core.samples import Flags, Floats, Ints, Samples
from imu.simulate.sensors import Link

Draw: TypeAlias = Callable[[int, tuple[int, int]], Floats]
"""Uniform random numbers of a chunk."""

ON_TIME: Final = 0
LATE: Final = 1
TWICE: Final = 2


class Arrived(NamedTuple):
    samples: Samples
    slot: Ints
    """(n,) number of the packet that was due when the sample came, not decreasing"""


def joined(parts: list[Samples]) -> Samples:
    """Rows of one sensor, one part after the other."""
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def taken(samples: Samples, rows: Ints | Flags) -> Samples:
    """Chosen rows, in the order chosen."""
    return Samples(*(getattr(samples, name)[rows] for name in Samples.__slots__))


def deliver(chunks: Iterable[Samples], link: Link, rate_hz: float, draw: Draw) -> Iterator[Arrived]:
    """Chunks of whole packets, in order; what is late is held back, and comes at the end at the latest."""
    size, late_by = link.packet_samples, max(1, round(link.late_s * rate_hz / link.packet_samples))
    burst = np.zeros(link.lost_in_a_row - 1, np.bool_)
    waiting: tuple[Samples, Ints, Ints] | None = None
    for number, chunk in enumerate(chunks):
        packet = chunk.seq // size
        first, n = int(packet[0]), int(packet[-1] - packet[0]) + 1
        random = draw(number, (3, n))
        starts = np.concatenate([burst, random[0] < link.lost_share / link.lost_in_a_row])
        # a packet is lost when a burst began with it or within the packets before it
        begun = np.concatenate([[0], np.cumsum(starts)])
        lost = begun[link.lost_in_a_row :] > begun[: -link.lost_in_a_row]
        burst = starts[len(starts) - len(burst) :]
        due_s = (first + np.arange(n)) * size / rate_hz
        for begin_s, end_s in link.gaps_s:
            lost |= (due_s >= begin_s) & (due_s < end_s)
        late, twice = ~lost & (random[1] < link.late_share), ~lost & (random[2] < link.duplicate_share)
        row = packet - first
        kept, copied = np.flatnonzero(~lost[row]), np.flatnonzero(twice[row])
        rows = np.concatenate([kept, copied])
        delay = np.concatenate([late_by * late[row[kept]], late_by * late[row[copied]] + 1])
        kind = np.concatenate([LATE * late[row[kept]], np.full(len(copied), TWICE)])
        samples, slot = taken(chunk, rows), packet[rows] + delay
        if waiting is not None:
            samples, slot = joined([waiting[0], samples]), np.concatenate([waiting[1], slot])
            kind = np.concatenate([waiting[2], kind])
        order = np.lexsort((samples.seq, kind, slot))
        samples, slot, kind = taken(samples, order), slot[order], kind[order]
        now = int(np.searchsorted(slot, first + n))
        waiting = samples[now:], slot[now:], kind[now:]
        yield Arrived(samples[:now], slot[:now])
    if waiting is not None:
        yield Arrived(waiting[0], waiting[1])


def in_blocks(arrived: Iterable[Arrived], seconds_a_slot: float, block_s: float, blocks: int) -> Iterator[Samples]:
    """Cut by time of arrival into so many blocks of `block_s`, empty ones included; the last one takes the rest."""
    held: list[Samples] = []
    current = 0
    for samples, slot in arrived:
        block = np.minimum(((slot + 1) * seconds_a_slot / block_s).astype(np.int64), blocks - 1)
        edges = np.searchsorted(block, np.arange(current, int(block[-1]) + 2 if len(block) else current + 1))
        for begin, end in zip(edges[:-1], edges[1:], strict=True):
            if begin == edges[0]:
                pass
            held.append(samples[int(begin) : int(end)])
        del edges
    yield joined(held)
