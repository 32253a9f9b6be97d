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


class _Waiting(NamedTuple):
    """Sent and not yet due: in order of slot, then kind."""

    samples: Samples
    slot: Ints
    kind: Ints
    """(n,) 0, LATE or TWICE"""


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
    if not (link.lost_share or link.gaps_s or link.late_share or link.duplicate_share):
        yield from (Arrived(chunk, chunk.seq // size) for chunk in chunks)
        return
    # of so many packets none may begin a burst, or this one is lost too
    begins = 1.0 - (1.0 - link.lost_share) ** (1.0 / link.lost_in_a_row)
    burst = np.zeros(link.lost_in_a_row - 1, np.bool_)
    waiting = _Waiting(NOTHING, NOTHING.seq, NOTHING.seq)
    for number, chunk in enumerate(chunks):
        packet = chunk.seq // size
        first, n = int(packet[0]), int(packet[-1] - packet[0]) + 1
        random = draw(number, (3, n))
        starts = np.concatenate([burst, random[0] < begins])
        # a packet is lost when a burst began with it or within the packets before it
        begun = np.concatenate([[0], np.cumsum(starts)])
        lost = begun[link.lost_in_a_row :] > begun[: -link.lost_in_a_row]
        burst = starts[len(starts) - len(burst) :]
        row, taken_s = packet - first, chunk.seq / rate_hz
        for begin_s, end_s in link.gaps_s:
            lost[row[(taken_s >= begin_s) & (taken_s < end_s)]] = True
        late, twice = ~lost & (random[1] < link.late_share), ~lost & (random[2] < link.duplicate_share)
        kept, copied = np.flatnonzero(~lost[row]), np.flatnonzero(twice[row])
        sent = np.concatenate([kept, copied])
        delay = late_by * late[row[sent]]
        delay[len(kept) :] += 1
        kind = np.concatenate([waiting.kind, LATE * late[row[kept]], np.full(len(copied), TWICE)])
        slot = np.concatenate([waiting.slot, packet[sent] + delay])
        # in a slot: who is on time, who is late, who comes again; each in order already
        order = np.argsort((TWICE + 1) * slot + kind, kind="stable")
        rows = np.concatenate([np.arange(len(waiting.samples)), len(waiting.samples) + sent])[order]
        samples, slot, kind = taken(joined([waiting.samples, chunk]), rows), slot[order], kind[order]
        now = int(np.searchsorted(slot, first + n))
        waiting = _Waiting(samples[now:], slot[now:], kind[now:])
        yield Arrived(samples[:now], slot[:now])
    yield Arrived(waiting.samples, waiting.slot)


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
