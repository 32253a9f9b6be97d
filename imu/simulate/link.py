"""Packets that get lost, come late or come twice: from samples in order of time to samples in order of arrival."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from imu.core.samples import Flags, Floats, Ints, Samples
from imu.simulate.sensors import Link

Draw: TypeAlias = Callable[[int, tuple[int, int]], Floats]
"""Uniform random numbers of a chunk."""

LATE: Final = 1
TWICE: Final = 2


NOTHING: Final = Samples(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3)), np.empty((0, 3)), np.empty(0, np.bool_)
)


class Arrived(NamedTuple):
    samples: Samples
    slot: Ints
    """(n,) number of the packet that was due when the sample came, not decreasing"""


def joined(parts: list[Samples]) -> Samples:
    """Rows of one sensor, one part after the other."""
    parts = [part for part in parts if len(part)] or [NOTHING]
    return (
        parts[0]
        if len(parts) == 1
        else Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))
    )


def taken(samples: Samples, rows: Ints | Flags) -> Samples:
    """Chosen rows, in the order chosen."""
    return Samples(*(getattr(samples, name)[rows] for name in Samples.__slots__))


def deliver(chunks: Iterable[Samples], link: Link, rate_hz: float, draw: Draw) -> Iterator[Arrived]:
    """Chunks of whole packets, in order; what is late is held back, and comes at the end at the latest."""
    size, late_by = link.packet_samples, max(1, round(link.late_s * rate_hz / link.packet_samples))
    burst = np.zeros(link.lost_in_a_row - 1, np.bool_)
    waiting = NOTHING, np.empty(0, np.int64), np.empty(0, np.int64)
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
        samples = joined([waiting[0], taken(chunk, rows)])
        slot, kind = np.concatenate([waiting[1], packet[rows] + delay]), np.concatenate([waiting[2], kind])
        order = np.lexsort((samples.seq, kind, slot))
        samples, slot, kind = taken(samples, order), slot[order], kind[order]
        now = int(np.searchsorted(slot, first + n))
        waiting = samples[now:], slot[now:], kind[now:]
        yield Arrived(samples[:now], slot[:now])
    yield Arrived(waiting[0], waiting[1])


def in_blocks(arrived: Iterable[Arrived], slot_s: float, block_s: float, blocks: int) -> Iterator[Samples]:
    """Cut by time of arrival into so many blocks of `block_s`, empty ones included; the last one takes the rest."""
    held, current = [NOTHING], 0
    for samples, slot in arrived:
        block = np.minimum(((slot + 1) * slot_s / block_s).astype(np.int64), blocks - 1)
        begin = 0
        while len(block) and block[-1] > current:
            end = int(np.searchsorted(block, current, side="right"))
            yield joined([*held, samples[begin:end]])
            held, begin, current = [NOTHING], end, current + 1
        held.append(samples[begin:])
    yield joined(held)
    yield from [NOTHING] * (blocks - current - 1)
