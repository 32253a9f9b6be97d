from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.samples import Samples
from imu.simulate import Link
from imu.simulate.link import Arrived, deliver, in_blocks, joined

RATE_HZ = 100.0

links = st.builds(
    Link,
    packet_samples=st.integers(1, 20),
    lost_share=st.floats(0.0, 0.9),
    lost_in_a_row=st.integers(1, 8),
    gaps_s=st.lists(
        st.tuples(st.floats(0.0, 30.0), st.floats(0.001, 5.0)).map(lambda gap: (gap[0], gap[0] + gap[1])), max_size=2
    ).map(tuple),
    late_share=st.floats(0.0, 0.9),
    late_s=st.floats(0.001, 3.0),
    duplicate_share=st.floats(0.0, 0.9),
)


def sampled(n):
    """Samples that can be told from each other."""
    seq = np.arange(n)
    values = np.arange(3.0 * n).reshape(n, 3)
    return Samples(seq * 10_000_000, seq, values, -values, seq % 7 == 0)


def delivered(link, n, *, seed=1, chunk_packets=40):
    """All that arrives, and when."""
    size, samples = link.packet_samples * chunk_packets, sampled(n)

    def draw(number, shape):
        return np.random.default_rng([seed, number]).random(shape)

    parts = list(deliver((samples[i : i + size] for i in range(0, n, size)), link, RATE_HZ, draw))
    return Arrived(joined([part.samples for part in parts]), np.concatenate([part.slot for part in parts]))


def packets(link, seq):
    """Packet number, and first and last row, of each that arrived, in order of arrival."""
    number = seq // link.packet_samples
    edges = [0, *(np.flatnonzero((np.diff(number) != 0) | (np.diff(seq) <= 0)) + 1).tolist(), len(seq)]
    return [(int(number[a]), a, b) for a, b in pairwise(edges) if b > a]


@given(link=links, n=st.integers(1, 4000), seed=st.integers(0, 2**32), chunk_packets=st.integers(1, 60))
def test_what_arrives_was_sampled_and_comes_in_whole_packets_once_or_twice(link, n, seed, chunk_packets):
    (samples, _), clean = delivered(link, n, seed=seed, chunk_packets=chunk_packets), sampled(n)
    for name in Samples.__slots__:
        np.testing.assert_array_equal(getattr(samples, name), getattr(clean, name)[samples.seq])
    seen = {}
    for number, begin, end in packets(link, samples.seq):
        first = number * link.packet_samples
        assert samples.seq[begin:end].tolist() == list(range(first, min(first + link.packet_samples, n)))
        seen[number] = seen.get(number, 0) + 1
    assert set(seen.values()) <= {1, 2}


@given(link=links, n=st.integers(1, 4000), seed=st.integers(0, 2**32))
def test_each_packet_comes_when_due_or_late_and_its_copy_next(link, n, seed):
    samples, slot = delivered(link, n, seed=seed)
    assert (np.diff(slot) >= 0).all()
    overdue = slot > samples.seq // link.packet_samples
    assert not (overdue[:-1] & ~overdue[1:] & (np.diff(slot) == 0)).any(), "first the one that is due"
    late_by = max(1, round(link.late_s * RATE_HZ / link.packet_samples))
    first = {}
    for number, begin, end in packets(link, samples.seq):
        assert len(set(slot[begin:end].tolist())) == 1, "a packet comes at once"
        delay = int(slot[begin]) - number
        if number in first:
            assert delay == first[number] + 1
        else:
            first[number] = delay
            assert delay in (0, late_by)
    assert link.late_share or set(first.values()) <= {0}


@given(link=links.map(lambda link: replace(link, lost_share=0.0, gaps_s=())), n=st.integers(1, 4000))
def test_what_is_only_late_is_not_lost(link, n):
    samples, _ = delivered(link, n)
    assert set(samples.seq.tolist()) == set(range(n))


@given(link=links, n=st.integers(200, 4000), seed=st.integers(0, 2**32))
def test_a_late_packet_comes_after_all_that_were_due_before_it(link, n, seed):
    samples, slot = delivered(link, n, seed=seed)
    number = samples.seq // link.packet_samples
    for row in np.flatnonzero(np.diff(number) < 0) + 1:
        behind, ahead = number[row], number[:row].max()
        assert slot[row] > behind, "only what is late or comes again comes out of order"
        assert slot[row] >= ahead


@given(
    link=links.map(lambda link: Link(packet_samples=link.packet_samples, gaps_s=link.gaps_s)), n=st.integers(1, 4000)
)
def test_a_gap_loses_the_packets_that_reach_into_it_and_no_other(link, n):
    seq = np.arange(n)
    reached = np.zeros(n, np.bool_)
    for begin_s, end_s in link.gaps_s:
        reached |= (seq / RATE_HZ >= begin_s) & (seq / RATE_HZ < end_s)
    lost = np.isin(seq // link.packet_samples, seq[reached] // link.packet_samples)
    np.testing.assert_array_equal(delivered(link, n).samples.seq, seq[~lost])


@pytest.mark.parametrize(
    ("share", "in_a_row"), [(0.002, 1), (0.05, 1), (0.05, 3), (0.3, 8), (0.6, 10), (0.9, 4), (0.5, 100)]
)
def test_packets_are_lost_as_often_as_asked_however_they_go_together(share, in_a_row):
    n = 200_000
    seq = delivered(Link(lost_share=share, lost_in_a_row=in_a_row), n, chunk_packets=4096).samples.seq
    # within six standard deviations: packets of one burst count once or twice
    assert 1.0 - len(seq) / n == pytest.approx(share, abs=6.0 * np.sqrt(share * (1.0 - share) * 2.0 * in_a_row / n))
    runs = np.diff(seq)[:-1] - 1
    assert runs[runs > 0].min() >= in_a_row


def test_late_and_copied_packets_are_as_many_as_asked_of_those_that_come():
    link, n = Link(packet_samples=2, lost_share=0.2, late_share=0.1, duplicate_share=0.03, late_s=0.5), 100_000
    samples, slot = delivered(link, n, chunk_packets=2048)
    number = samples.seq // 2
    came, copies = np.unique(number, return_counts=True)
    assert len(came) / (n / 2) == pytest.approx(0.8, abs=0.01)
    assert (copies == 4).mean() == pytest.approx(0.03, abs=0.005)
    first = {}
    for packet, at in zip(number.tolist(), slot.tolist(), strict=True):
        first.setdefault(packet, at - packet)
    delays = np.array(list(first.values()))
    assert set(delays.tolist()) == {0, 25}
    assert (delays == 25).mean() == pytest.approx(0.1, abs=0.01)


def test_a_clean_link_hands_on_what_it_gets():
    chunks = [sampled(30)[:20], sampled(30)[20:]]

    def draw(number, shape):
        raise AssertionError("nothing is left to chance")

    arrived = list(deliver(chunks, Link(packet_samples=5), RATE_HZ, draw))
    assert [part.samples for part in arrived] == chunks
    assert np.concatenate([part.slot for part in arrived]).tolist() == np.repeat(np.arange(6), 5).tolist()


@given(link=links, n=st.integers(1, 3000), block_s=st.floats(0.01, 50.0), blocks=st.integers(1, 400))
def test_blocks_are_cut_by_the_time_of_arrival_and_lose_nothing(link, n, block_s, blocks):
    arrived, slot_s = delivered(link, n), link.packet_samples / RATE_HZ
    cuts = range(0, len(arrived.slot), 700)
    parts = [Arrived(arrived.samples[i : i + 700], arrived.slot[i : i + 700]) for i in cuts]
    cut = list(in_blocks(parts, slot_s, block_s, blocks))
    assert len(cut) == blocks
    np.testing.assert_array_equal(joined(cut).seq, arrived.samples.seq)
    at, row = (arrived.slot + 1) * slot_s, 0
    for number, block in enumerate(cut):
        came = at[row : row + len(block)]
        row += len(block)
        assert (came >= number * block_s * (1.0 - 1e-12)).all()
        assert number == blocks - 1 or (came < (number + 1) * block_s * (1.0 + 1e-12)).all()
