import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imu.core.samples import Block, Samples
from imu.core.session import SensorSetup
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.gait.intake import Intake, IntakeParams
from imu.store.raw import PerCount, read_raw, write_raw

RATE_HZ = 200.0
PERIOD_NS = round(NS_PER_S / RATE_HZ)
PARAMS = IntakeParams()


def even(n, *, rate_hz=RATE_HZ, start_ns=0, seed=1):
    """Samples of a quiet sensor, without any fault."""
    rng = np.random.default_rng(seed)
    t_ns = start_ns + np.round(np.arange(n) * NS_PER_S / rate_hz).astype(np.int64)
    acc = rng.normal(scale=2.0, size=(n, 3))
    return Samples(t_ns, np.arange(n, dtype=np.int64), acc, rng.normal(size=(n, 3)), np.zeros(n, np.bool_))


def take_in(samples, cuts=(), rate_hz=RATE_HZ):
    intake = Intake(PARAMS, rate_hz)
    edges = [0, *sorted(cuts), len(samples)]
    blocks = [*(intake.push(samples[a:b]) for a, b in pairwise(edges)), intake.flush()]
    return Block(*(np.concatenate([getattr(block, name) for block in blocks]) for name in Block.__slots__)), intake


def rows(t_ns, seq):
    """Samples with these clocks and counters, which nothing else is wrong with."""
    plain = even(len(t_ns))
    return dataclasses.replace(plain, t_ns=np.array(t_ns, np.int64), seq=np.array(seq, np.int64))


# what may befall a row, and what arrives then

FAULTS = ("none", "none", "none", "none", "lose", "nan", "inf", "late", "twice", "same stamp", "jump", "jitter", "clip")


@st.composite
def streams(draw):
    """Rows in order of arrival with all that the contract repairs."""
    faults = draw(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start_ns, gone_ns = int(rng.integers(0, 10**10)), 0
    taken, held = [], []  # (t_ns, seq, values, clipped)
    seq = int(rng.integers(0, 1000))
    for fault in faults:
        seq += 1
        if fault == "lose":
            seq += int(rng.integers(1, 9))
        if fault == "jump":
            gone_ns += int(rng.integers(PERIOD_NS, 10**9))
        t_ns = start_ns + gone_ns + seq * PERIOD_NS
        if fault == "jitter":
            t_ns += int(rng.integers(-3 * PERIOD_NS, 3 * PERIOD_NS))
        if fault == "same stamp" and taken:
            t_ns = taken[-1][0]
        values = rng.normal(size=6)
        if fault in ("nan", "inf"):
            values[rng.integers(6)] = {"nan": math.nan, "inf": rng.choice([math.inf, -math.inf])}[fault]
        row = (t_ns, seq, values, fault == "clip")
        if fault == "late":
            held.append(row)
            continue
        taken.append(row)
        if fault == "twice":
            taken.append(row)
        if held and rng.random() < 0.5:
            taken += held
            held = []
    taken += held
    t_ns, seqs, values, clipped = zip(*taken, strict=True)
    values = np.array(values)
    return Samples(np.array(t_ns), np.array(seqs), values[:, :3], values[:, 3:], np.array(clipped))


def told_by_the_contract(samples):
    """Its rules in plain Python: (rows that are accepted, samples lost before each, late, nan)."""
    accepted, lost, late, nan, newest = [], [], 0, 0, None
    for i in range(len(samples)):
        if not all(map(math.isfinite, [*samples.acc[i].tolist(), *samples.gyr[i].tolist()])):
            nan += 1
        elif newest is not None and samples.t_ns[i] <= samples.t_ns[newest]:
            late += 1
        else:
            accepted.append(i)
            lost.append(0 if newest is None else int(samples.seq[i] - samples.seq[newest]) - 1)
            newest = i
    return accepted, lost, late, nan


@settings(max_examples=200)
@given(samples=streams())
def test_rows_are_repaired_and_counted_as_the_contract_says(samples):
    accepted, lost, late, nan = told_by_the_contract(samples)
    # a late packet that jitter brings forward looks like a counter that starts anew, which has tests of its own
    assume(min(lost, default=0) >= 0)
    block, intake = take_in(samples)
    report = intake.report
    assert block.t_ns.tolist() == samples.t_ns[accepted].tolist()
    assert block.acc.tolist() == samples.acc[accepted].tolist()
    assert block.gyr.tolist() == samples.gyr[accepted].tolist()
    assert block.lost.tolist() == lost
    assert block.clipped.tolist() == samples.clipped[accepted].tolist()
    assert (report.rows, report.accepted, report.late, report.nan) == (len(samples), len(accepted), late, nan)
    assert (report.lost, report.gaps) == (sum(lost), sum(n > 0 for n in lost))
    assert report.saturated == block.clipped.sum()


@settings(max_examples=200)
@given(samples=streams())
def test_no_row_is_lost_from_sight_and_time_always_runs_on(samples):
    block, intake = take_in(samples)
    report = intake.report
    assert report.accepted + report.late + report.nan == report.rows
    assert (np.diff(block.t_ns) > 0).all()
    assert (block.dt_s > 0).all()
    assert np.isfinite(block.acc).all()
    assert np.isfinite(block.gyr).all()
    assert (block.lost >= 0).all()


@settings(max_examples=100)
@given(samples=streams(), cuts=st.lists(st.integers(0, 80), max_size=6))
def test_the_cut_never_changes_a_bit(samples, cuts):
    cuts = [min(cut, len(samples)) for cut in cuts]
    (one, whole), (other, cut_up) = take_in(samples), take_in(samples, cuts)
    for name in Block.__slots__:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert whole.report == cut_up.report


def test_what_is_given_stays_as_it_was():
    samples = even(50)
    for name in Samples.__slots__:
        getattr(samples, name).setflags(write=False)
    block, _ = take_in(samples[::-1][::-1])
    block.acc[:] = 0.0
    assert samples.acc.any()


# time


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.0, 0.45),
    rate_hz=st.sampled_from([52.0, 100.0, 104.0, 200.0, 370.0]),
)
def test_jitter_of_the_clock_never_enters_a_sum_of_times(seed, share, rate_hz):
    """The n-th interval differs from the period by what n intervals' jitter comes to on the average."""
    n, period_s = 300, 1.0 / rate_hz
    samples = even(n, rate_hz=rate_hz)
    jitter_s = np.random.default_rng(seed).uniform(-share, share, n) * period_s
    samples = dataclasses.replace(samples, t_ns=samples.t_ns + np.round(NS_PER_S * (1.0 + jitter_s)).astype(np.int64))
    block, intake = take_in(samples, rate_hz=rate_hz)
    most_s = 2.0 * share * period_s / np.maximum(np.arange(n), 1) + 2.0 * share * period_s * period_s / 10.0
    assert (np.abs(block.dt_s - period_s) <= most_s + 1e-7).all()
    assert intake.report.lost == 0
    assert not block.jumped.any()


def test_the_sensors_own_period_is_learned():
    """Of 200 samples a second that are stated, 204 come."""
    block, intake = take_in(even(4000, rate_hz=204.0))
    assert block.dt_s[-1] == pytest.approx(1 / 204.0, rel=1e-5)
    assert intake.report.rate_hz == pytest.approx(204.0, rel=1e-5)
    assert intake.report.clock_jumps == 0


def test_time_across_lost_samples_is_the_clocks():
    whole = even(100)
    block, _ = take_in(whole.where((whole.seq < 40) | (whole.seq >= 70)))
    assert block.lost[40] == 30
    assert block.dt_s[40] == pytest.approx(31 / RATE_HZ)
    assert np.delete(block.dt_s, 40) == pytest.approx(1 / RATE_HZ)


@pytest.mark.parametrize("ms", [3, 20, 50, 1000, 3_600_000])
def test_a_jump_of_the_clock_alone_is_no_loss(ms):
    samples = even(400)
    t_ns = samples.t_ns + np.where(samples.seq >= 200, ms * 1_000_000, 0)
    block, intake = take_in(dataclasses.replace(samples, t_ns=t_ns))
    assert len(block) == 400
    assert (intake.report.lost, intake.report.gaps, intake.report.clock_jumps) == (0, 0, 1)
    # no more of it reaches an integral than the mean of 200 periods moves by
    assert np.abs(block.dt_s * RATE_HZ - 1.0).max() < 0.05
    assert np.flatnonzero(block.jumped).tolist() == ([200] if ms > 40 else [])


def test_less_than_half_a_period_is_jitter_and_no_jump():
    samples = even(100)
    t_ns = samples.t_ns + np.where(samples.seq >= 50, round(0.45 * PERIOD_NS), 0)
    assert take_in(dataclasses.replace(samples, t_ns=t_ns))[1].report.clock_jumps == 0


def test_a_counter_that_starts_anew_leaves_the_loss_to_the_clock():
    n, away = 100, 37
    t_ns = np.concatenate([np.arange(n), n + away + np.arange(n)]) * PERIOD_NS
    seq = np.concatenate([5000 + np.arange(n), np.arange(n)])
    block, intake = take_in(rows(t_ns, seq))
    assert len(block) == 2 * n
    assert block.lost[n] == away
    assert (intake.report.lost, intake.report.gaps, intake.report.late) == (away, 1, 0)


def test_a_counter_that_starts_anew_without_a_pause_loses_nothing():
    report = take_in(rows(np.arange(200) * PERIOD_NS, [*range(100), *range(100)]))[1].report
    assert (report.accepted, report.lost, report.gaps, report.clock_jumps) == (200, 0, 0, 0)


def test_a_late_packet_is_lost_where_it_was_due_and_dropped_where_it_came():
    order = [*range(40), *range(48, 60), *range(40, 48), *range(60, 100)]
    whole = even(100)
    late = Samples(*(getattr(whole, name)[order] for name in Samples.__slots__))
    block, intake = take_in(late)
    report = intake.report
    assert (report.accepted, report.late, report.lost, report.gaps) == (92, 8, 8, 1)
    assert report.accepted + report.lost == 100
    assert report.rate_hz == pytest.approx(RATE_HZ)
    assert block.lost[40] == 8


def test_a_clock_that_steps_back_keeps_nobody_waiting_longer_than_it_stepped():
    samples = even(400)
    t_ns = samples.t_ns - np.where(samples.seq >= 200, 20 * PERIOD_NS, 0)
    report = take_in(dataclasses.replace(samples, t_ns=t_ns))[1].report
    assert (report.accepted, report.late, report.lost) == (380, 20, 20)


@pytest.mark.parametrize("value", [1e38, -1e38, 1e150, 2e4])
def test_a_value_that_no_worn_sensor_can_mean_is_as_good_as_none(value):
    samples = even(100)
    samples.gyr[[20, 21], 1] = value
    samples.acc[60, 0] = value
    block, intake = take_in(samples)
    assert (intake.report.nan, intake.report.lost, intake.report.gaps) == (3, 3, 2)
    assert np.flatnonzero(block.lost).tolist() == [20, 58]


# what a report says of nothing, and of little


def test_nothing_has_no_times():
    block, intake = take_in(even(0))
    report = intake.report
    assert len(block) == 0
    assert (report.first_ns, report.newest_ns, report.rate_hz) == (None, None, None)


def test_rows_of_nan_alone_have_no_times():
    samples = even(5)
    report = take_in(dataclasses.replace(samples, gyr=np.full((5, 3), np.nan)))[1].report
    assert (report.accepted, report.nan, report.first_ns, report.rate_hz) == (0, 5, None, None)


def test_one_sample_has_a_time_and_no_rate():
    block, intake = take_in(even(1, start_ns=7))
    assert block.dt_s.tolist() == [1 / RATE_HZ]
    assert (intake.report.first_ns, intake.report.newest_ns, intake.report.rate_hz) == (7, 7, None)


@settings(max_examples=50)
@given(lost=st.lists(st.integers(1, 998), max_size=300), rate_hz=st.sampled_from([100.0, 104.0, 200.0]))
def test_the_rate_counts_lost_samples_in(lost, rate_hz):
    whole = even(1000, rate_hz=rate_hz)
    report = take_in(whole.where(~np.isin(whole.seq, lost)), rate_hz=rate_hz)[1].report
    assert report.lost == len(set(lost))
    assert report.rate_hz == pytest.approx(rate_hz, rel=1e-6)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan])
def test_a_rate_that_can_not_be_is_refused(rate_hz):
    with pytest.raises(ValueError, match="rate_hz"):
        Intake(PARAMS, rate_hz)


# saturation


def peaks(limit, *, low=None, axis=2, n=4000, times=1.3):
    """A sensor that swings beyond its limit, with a little noise: (samples, which are at the limit)."""
    samples = even(n, seed=5)
    low = -limit if low is None else low
    wave = times * limit * np.sin(np.arange(n) / 20.0) + np.random.default_rng(2).normal(scale=0.01 * limit, size=n)
    values = np.concatenate([samples.acc, samples.gyr], axis=1)
    values[:, axis] = np.clip(wave, low, limit)
    samples = dataclasses.replace(samples, acc=values[:, :3], gyr=values[:, 3:])
    return samples, (wave <= low) | (wave >= limit)


@pytest.mark.parametrize(
    ("limit", "axis"),
    [(2 * STANDARD_GRAVITY_M_S2, 0), (156.9064, 2), (math.radians(250.0), 3), (math.radians(2000.0), 5)],
)
def test_a_plateau_is_found_though_no_range_is_stated(limit, axis):
    samples, at_limit = peaks(limit, axis=axis)
    block, intake = take_in(samples)
    # the limit is known from its third sample on; the first ones are counted then
    assert not block.clipped[~at_limit].any()
    assert at_limit.sum() - block.clipped.sum() == 2 * 2
    assert intake.report.saturated == at_limit.sum()


def test_both_ends_of_a_converter_are_limits_though_the_lower_one_is_a_count_further_away():
    limit = 16.0 * STANDARD_GRAVITY_M_S2
    samples, at_limit = peaks(limit * 32767 / 32768, low=-limit)
    assert take_in(samples)[1].report.saturated == at_limit.sum()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_single_plateau_counts_whole(sign):
    samples = even(300)
    samples.gyr[100:120, 1] = sign * 8.7266
    block, intake = take_in(samples)
    assert np.flatnonzero(block.clipped).tolist() == list(range(102, 120))
    assert intake.report.saturated == 20


def test_small_values_that_repeat_are_no_limit():
    """A sensor at rest shows the same few counts again and again."""
    samples = even(2000)
    acc, gyr = np.round(samples.acc) + np.array([0.0, 0.0, 9.81]), np.round(samples.gyr)
    assert take_in(dataclasses.replace(samples, acc=acc, gyr=gyr))[1].report.saturated == 0


def test_the_same_peak_twice_is_chance():
    samples = even(300)
    samples.acc[[50, 200], 0] = 80.0
    assert take_in(samples)[1].report.saturated == 0


@settings(max_examples=50)
@given(at=st.sets(st.integers(0, 199), min_size=1, max_size=30), acc=st.booleans())
def test_values_at_the_stated_range_are_saturated_and_kept(tmp_path_factory, at, acc):
    samples = even(200)
    setup = SensorSetup(RATE_HZ, None, acc_range_m_s2=8 * STANDARD_GRAVITY_M_S2, gyr_range_rad_s=math.radians(500.0))
    limit = setup.acc_range_m_s2 if acc else setup.gyr_range_rad_s
    (samples.acc if acc else samples.gyr)[sorted(at), 1] = limit
    path = tmp_path_factory.mktemp("raw") / "foot_left.parquet"
    write_raw(path, "foot_left", [samples], setup=setup, version="0")
    read = next(read_raw(path, "foot_left", setup))
    block, intake = take_in(read)
    assert np.flatnonzero(block.clipped).tolist() == sorted(at)
    assert intake.report.saturated == len(at)
    assert intake.report.accepted == 200


def test_the_ends_of_the_converter_are_saturated(tmp_path):
    samples = even(200)
    scale = PerCount(acc_m_s2=0.001, gyr_rad_s=0.001)
    samples.acc[[10, 60], 0] = 1e3, -1e3
    samples.gyr[[60, 90], 2] = 1e3, -1e3
    setup = SensorSetup(RATE_HZ, None)
    path = tmp_path / "foot_left.parquet"
    write_raw(path, "foot_left", [samples], setup=setup, version="0", encoding="int16", per_count=scale)
    block, intake = take_in(next(read_raw(path, "foot_left", setup)))
    assert np.flatnonzero(block.clipped).tolist() == [10, 60, 90]
    assert intake.report.saturated == 3


def test_nothing_is_invented():
    """However much is lost, no more samples leave than came."""
    whole = even(5000)
    lossy = whole.where(np.random.default_rng(4).random(5000) > 0.9)
    block, intake = take_in(lossy)
    assert block.t_ns.tolist() == lossy.t_ns.tolist()
    assert block.acc.tolist() == lossy.acc.tolist()
    assert intake.report.accepted + intake.report.lost == int(lossy.seq[-1] - lossy.seq[0]) + 1
