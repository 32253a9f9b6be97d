"""Which found event is which true one? Every comparison with truth rests on this one answer."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def pairs(true_ns: Sequence[int], found_ns: Sequence[int], window_ns: int) -> list[tuple[int, int]]:
    """One-to-one pairs of events at most `window_ns` apart, the nearest first.

    The two that are nearest become a pair and leave, then the nearest two of the rest, and so on; of equally near ones
    the earlier. Neither the order of the events nor which list is called true makes a difference.

    That finds as many pairs as there can be wherever the events of one list lie more than two windows apart, as the
    contacts of one foot do. Where they crowd it may find fewer, never under half: of true 0 and 100 and found 60 and
    200, with a window of 150, it pairs 100 with 60 and leaves 0 and 200 alone.

    Returns:
        (place in `true_ns`, place in `found_ns`) in order of the true event.

    >>> pairs([0, 1000, 2000], [1990, 30, 60], 50)
    [(0, 1), (2, 0)]
    """
    order = sorted(range(len(found_ns)), key=found_ns.__getitem__)
    in_time = [found_ns[j] for j in order]
    near: list[tuple[int, int, int, int]] = []
    for i, true in enumerate(true_ns):
        for j in order[bisect_left(in_time, true - window_ns) : bisect_right(in_time, true + window_ns)]:
            near.append((abs(found_ns[j] - true), found_ns[j] + true, i, j))
    mate: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in sorted(near):
        if i not in mate and j not in taken:
            mate[i] = j
            taken.add(j)
    return sorted(mate.items())
