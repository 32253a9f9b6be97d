from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.matching import pairs

WINDOW = 150
TIMES = st.lists(st.integers(-600, 600), max_size=7)
SPACED = st.lists(st.integers(2 * WINDOW + 1, 700), max_size=7).map(
    lambda gaps: [sum(gaps[:n]) - 1500 for n in range(1, len(gaps) + 1)]
)


def most(true, found):
    """By trying every way: how many pairs can there be?"""

    @cache
    def of(i, free):
        if i == len(true):
            return 0
        with_one = [1 + of(i + 1, free - {j}) for j in free if abs(found[j] - true[i]) <= WINDOW]
        return max([of(i + 1, free), *with_one])

    return of(0, frozenset(range(len(found))))


@given(TIMES, TIMES)
def test_one_to_one_within_the_window_and_in_order(true, found):
    matched = pairs(true, found, WINDOW)
    assert matched == sorted(matched)
    for side in zip(*matched, strict=True):
        assert len(set(side)) == len(side)
    assert all(abs(found[j] - true[i]) <= WINDOW for i, j in matched)


@given(TIMES, TIMES)
def test_whoever_goes_without_saw_nearer_ones_pair(true, found):
    matched = pairs(true, found, WINDOW)
    apart = {("true", i): abs(found[j] - true[i]) for i, j in matched}
    apart |= {("found", j): abs(found[j] - true[i]) for i, j in matched}
    for i, one in enumerate(true):
        for j, other in enumerate(found):
            if abs(other - one) <= WINDOW:
                assert min(apart.get(("true", i), WINDOW + 1), apart.get(("found", j), WINDOW + 1)) <= abs(other - one)


@given(st.sets(st.integers(-600, 600), max_size=7), st.sets(st.integers(-600, 600), max_size=7), st.randoms())
def test_neither_roles_nor_order_matter(true, found, random):
    def times(one, other):
        return {(one[i], other[j]) for i, j in pairs(one, other, WINDOW)}

    shuffled = random.sample(sorted(true), len(true)), random.sample(sorted(found), len(found))
    expected = times(sorted(true), sorted(found))
    assert times(*shuffled) == expected
    assert {(one, other) for other, one in times(*shuffled[::-1])} == expected


@given(SPACED, TIMES)
def test_as_many_as_there_can_be_where_one_list_is_spaced(spaced, found):
    assert len(pairs(spaced, found, WINDOW)) == len(pairs(found, spaced, WINDOW)) == most(spaced, found)


@given(TIMES, TIMES)
def test_never_fewer_than_half_of_them(true, found):
    assert most(true, found) / 2 <= len(pairs(true, found, WINDOW)) <= most(true, found)


def test_where_events_crowd_the_nearest_may_cost_a_pair():
    true, found = [0, 100], [60, 200]
    assert pairs(true, found, WINDOW) == [(1, 0)]
    assert most(true, found) == 2


@given(TIMES, TIMES)
def test_what_is_found_exactly_is_paired_with_itself(times, false):
    matched = pairs(times, times + false, WINDOW)
    assert [i for i, _ in matched] == list(range(len(times)))
    assert all((times + false)[j] == times[i] for i, j in matched)


@pytest.mark.parametrize(("true", "found"), [([], []), ([1], []), ([], [1])])
def test_nothing_pairs_with_nothing(true, found):
    assert pairs(true, found, WINDOW) == []


def test_the_window_belongs_to_itself():
    assert pairs([0], [WINDOW], WINDOW) == [(0, 0)]
    assert pairs([0], [WINDOW + 1], WINDOW) == []
