import math

import numpy as np
import pytest

from imu.core.samples import Block
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu_bench.likeness.features import of_foot, of_pelvis, of_run
from imu_bench.likeness.signals import FootCut, PelvisCut, cut_feet
from imu_bench.likeness.strides import Stride, runs, strides_of
from imu_bench.truth import Hole, Truth


def ns(t_s):
    return round(t_s * NS_PER_S)


def contact(foot, t_s, **changes):
    return {
        "foot": foot,
        "t_contact_ns": ns(t_s),
        "t_release_ns": ns(t_s + 0.62),
        "first": "heel",
        "pitch_deg": 20.0,
        "direction": "forward",
        "stride_length_m": 1.2,
        "t_toe_on_ns": None,
        "t_heel_on_ns": None,
    } | changes


def walk_of(n, **changes):
    """Contacts of both feet, a second apart each, half a second from each other: right, left, right, ..."""
    rows = [contact(foot, 1.0 + k + late) for k in range(n) for foot, late in (("right", 0.0), ("left", 0.5))]
    for place, change in changes.items():
        rows[int(place.removeprefix("row"))] |= change
    return rows


def stride(seconds=1.0, release=0.62, start=2.0):
    return Stride(
        foot="left",
        walking="forward",
        start_ns=ns(start),
        end_ns=ns(start + seconds),
        release_ns=None if release is None else ns(start + release),
        double_support_ns=None,
        length_m=None,
    )


def test_a_stride_wants_both_contacts_and_the_one_between_to_go_one_way():
    found = strides_of(Truth(walk_of(4)))
    assert len(found) == 6
    assert {one.foot for one in found} == {"left", "right"}
    assert [one.seconds for one in found] == [1.0] * 6
    assert len(runs(found)) == 2
    for lost in ({"direction": None}, {"direction": "in_place"}, {"direction": "backward"}):
        # of eight: it begins a stride, ends one, and lies within one of the other foot
        assert len(strides_of(Truth(walk_of(5, row4=lost)))) == 5
    # a hole lies within a stride of either foot
    assert len(strides_of(Truth(walk_of(4), holes=(Hole("right", ns(2.2), ns(2.3)),)))) == 4


def test_a_missing_or_doubled_contact_of_the_other_foot_makes_no_stride():
    rows = walk_of(4)
    found = strides_of(Truth([*rows[:3], *rows[4:]]))
    assert [(one.foot, one.start_ns) for one in found] == [
        ("left", ns(3.5)),
        ("right", ns(1.0)),
        ("right", ns(3.0)),
    ]
    # the contact whose release would begin the double support is the one that truth lacks
    assert [one.double_support_ns is None for one in found] == [False, True, True]
    doubled = sorted([*rows, contact("left", 2.7)], key=lambda row: row["t_contact_ns"])
    right = [one.start_ns for one in strides_of(Truth(doubled)) if one.foot == "right"]
    assert right == [ns(1.0), ns(3.0)]
    # with one foot alone nothing can be asked of the other
    assert len(strides_of(Truth([row for row in rows if row["foot"] == "left"]))) == 3


def test_closing_and_overlong_strides_are_left_out():
    assert len(strides_of(Truth(walk_of(4, row6={"stride_length_m": 0.5})))) == 5
    assert len(strides_of(Truth(walk_of(4, row6={"stride_length_m": 0.7})))) == 6
    apart = [contact("left", 1.0), contact("right", 2.0), contact("left", 4.01), contact("right", 5.0)]
    assert [one.foot for one in strides_of(Truth(apart))] == ["right"]


def test_support_is_counted_from_both_feet():
    left = [one for one in strides_of(Truth(walk_of(4))) if one.foot == "left"]
    # the right foot leaves 0.12 s after the left one lands, and lands 0.12 s before the left one leaves
    assert left[0].double_support_ns == pytest.approx(ns(0.24), abs=2)
    assert left[0].release_ns - left[0].start_ns == ns(0.62)
    flight = [row | {"t_release_ns": row["t_contact_ns"] + ns(0.45)} for row in walk_of(4)]
    assert strides_of(Truth(flight))[0].double_support_ns == pytest.approx(ns(-0.1), abs=2)
    unknown = strides_of(Truth(walk_of(4, row2={"t_release_ns": None})))
    assert [one.double_support_ns is None for one in unknown] == [False, True, False, True, True, False]


def of_times(times):
    ends = np.cumsum([2.0, *times])
    return [stride(seconds=t, start=start) for t, start in zip(times, ends, strict=False)]


def test_variability_is_of_the_middle_of_a_run():
    assert of_run(of_times([1.5, 1.0, 1.1, 0.9, 1.4])) == {}
    told = of_run(of_times([1.5, 1.0, 1.1, 0.9, 1.0, 1.4]))
    assert told["stride_time_sd_s"] == pytest.approx(np.std([1.0, 1.1, 0.9, 1.0], ddof=1))
    assert told["stride_time_cv_pct"] == pytest.approx(100 * told["stride_time_sd_s"])
    assert "stride_time_lag1" not in told
    slow = of_run(of_times([1.0 + 0.05 * math.sin(k / 8) for k in range(100)]))
    quick = of_run(of_times([1.0 + 0.05 * (-1) ** k for k in range(100)]))
    assert slow["stride_time_lag1"] > 0.9
    assert quick["stride_time_lag1"] == pytest.approx(-0.99, abs=0.02)


def rotation(axis, degrees):
    angle = math.radians(degrees)
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k


def swinging_block(strapped, offset=(0.0, 0.0, 0.0), rate_hz=200.0, n=6):
    """A foot flat on the ground for 0.6 s of each second that then swings toes-down and back, from 0 to 30 degrees.

    Gravity stays along its up axis: what is asked for is which axes are found, not a walk.
    """
    t_s = np.arange(round((n + 2.5) * rate_hz)) / rate_hz
    share = t_s % 1.0
    swings = (share >= 0.6) & (t_s > 1.0)
    left = np.where(swings, math.radians(30.0) * 0.5 * np.sin((share - 0.6) / 0.4 * 2 * math.pi) * 2 * math.pi / 0.4, 0)
    gyr = np.stack([np.zeros_like(left), left, np.zeros_like(left)], axis=1) @ strapped.T + offset
    acc = np.tile([0.0, 0.0, STANDARD_GRAVITY_M_S2], (len(t_s), 1)) @ strapped.T
    flags = np.zeros(len(t_s), np.bool_)
    return Block(
        np.rint(t_s * NS_PER_S).astype(np.int64),
        np.full(len(t_s), 1 / rate_hz),
        np.zeros(len(t_s), np.int64),
        flags,
        flags,
        acc,
        gyr,
    )


@pytest.mark.parametrize("axis", [(0, 1, 0), (1, 0, 0), (1, 2, 0.5)])
def test_a_strap_that_sits_askew_is_seen_through(axis):
    strapped = rotation(axis, 35.0) @ rotation((0, 0, 1), 12.0)
    nominal = rotation((0, 0, 1), 90.0)
    block = swinging_block(nominal.T @ strapped, offset=(0.01, -0.02, 0.015))
    cuts = cut_feet(block, nominal, [stride(start=2.0 + k) for k in range(5)])
    assert len(cuts) == 5
    for cut in cuts:
        told = of_foot(cut)
        inside = (cut.t_s >= 0) & (cut.t_s <= 1)
        assert np.abs(cut.gyr[:, [0, 2]]).max() < 1e-6
        assert np.abs(cut.pitch_deg[inside & (cut.t_s < 0.6)]).max() < 0.01
        assert told["least_pitch_deg"] == pytest.approx(-30.0, abs=0.2)
        assert told["most_pitch_deg"] == pytest.approx(0.0, abs=0.2)
        assert told["toes_down_peak_rad_s"] == pytest.approx(told["toes_up_peak_rad_s"], rel=0.02)
        # sin^2 leaves 5 of its 30 degrees after arcsin(sqrt(1/6)) of its half turn
        leaves = 60 + 40 * math.asin(math.sqrt(5 / 30)) / math.pi
        assert told["flat_until_pct"] == pytest.approx(leaves, abs=0.6)
        assert told["stance_median_rad_s"] < 1e-6


def test_holes_and_turns_are_left_out():
    block = swinging_block(np.eye(3))
    strides = [stride(start=2.0 + k) for k in range(5)]
    keep = (block.t_ns < ns(3.2)) | (block.t_ns > ns(3.3))
    holed = Block(*(getattr(block, name)[keep] for name in Block.__slots__))
    assert [cut.stride for cut in cut_feet(holed, np.eye(3), strides)] == [strides[0], *strides[2:]]
    turning = block.gyr.copy()
    turning[(block.t_ns > ns(4.7)) & (block.t_ns <= ns(4.9)), 2] += math.radians(30) / 0.2
    turned = Block(*(turning if name == "gyr" else getattr(block, name) for name in Block.__slots__))
    assert [cut.stride for cut in cut_feet(turned, np.eye(3), strides)] == [*strides[:2], *strides[3:]]


def cut_of(acc=None, gyr=None, rate_hz=200.0, release=0.62):
    """A stride of one second, all quiet but for what is given as a function of the time since the contact."""
    t_s = np.arange(-0.1, 1.1, 1 / rate_hz)
    left = np.zeros_like(t_s) if gyr is None else gyr(t_s)
    pitch = -np.degrees(np.cumsum(left) / rate_hz)
    return FootCut(
        stride=stride(release=release),
        t_s=t_s,
        acc=np.full(len(t_s), 9.8) if acc is None else acc(t_s),
        gyr=np.stack([0 * left, left, 0 * left], axis=1),
        pitch_deg=pitch - np.interp(0.3, t_s, pitch),
        quiet_s=0.3,
    )


def burst(t_s, hz, height=50.0):
    return 9.8 + height * np.exp(-t_s / 0.03) * np.abs(np.sin(2 * np.pi * hz * t_s)) * (t_s > 0) * (t_s < 0.1)


@pytest.mark.parametrize("rate_hz", [100.0, 204.8, 370.0, 1000.0])
def test_the_power_of_a_transient_is_told_alike_at_all_rates(rate_hz):
    def wave(hz):
        return lambda t_s: 20 + 10 * np.sin(2 * np.pi * hz * t_s)

    assert of_foot(cut_of(wave(10), rate_hz=rate_hz))["contact_above_20_hz"] < 0.05
    assert of_foot(cut_of(wave(40), rate_hz=rate_hz))["contact_above_20_hz"] > 0.95


def test_what_comes_too_seldom_shows_no_transient():
    assert "contact_above_20_hz" not in of_foot(cut_of(rate_hz=52.0, acc=lambda t_s: burst(t_s, 10)))


def test_figures_of_one_stride():
    def acc(t_s):
        return 9.8 + 90 * (np.abs(t_s - 0.1) < 0.004) + 15 * (np.abs(t_s - 0.8) < 0.004) + 70 * (t_s > 0.97) * (t_s < 1)

    def gyr(t_s):
        # 10 degrees toes-down in the first 100 ms, push-off at 0.58 s, swing back at 0.8 s
        return (
            math.radians(100) * (t_s > 0) * (t_s < 0.1)
            + 8 * np.exp(-(((t_s - 0.58) / 0.03) ** 2))
            - 6 * np.exp(-(((t_s - 0.8) / 0.03) ** 2))
        )

    told = of_foot(cut_of(acc, gyr))
    assert told["contact_acc_m_s2"] == pytest.approx(99.8)
    assert told["swing_acc_m_s2"] == pytest.approx(24.8)
    assert told["stance_acc_m_s2"] == pytest.approx(9.8)
    assert told["landing_rotation_deg"] == pytest.approx(10, abs=0.6)
    assert told["landing_peak_rad_s"] == pytest.approx(math.radians(100), rel=0.01)
    assert told["toes_down_peak_rad_s"] == pytest.approx(8, rel=0.01)
    assert told["toes_down_peak_pct"] == pytest.approx(58, abs=0.6)
    assert told["toes_up_peak_rad_s"] == pytest.approx(6, rel=0.01)
    assert told["toes_up_peak_pct"] == pytest.approx(80, abs=0.6)
    assert told["contact_pitch_deg"] == pytest.approx(10, abs=0.6)
    assert told["release_pitch_deg"] < -20
    assert told["stance_least_rad_s"] < 1e-6
    without = of_foot(cut_of(acc, gyr, release=None))
    assert {"swing_acc_m_s2", "release_pitch_deg"} == told.keys() - without.keys()


def test_equal_steps_have_even_harmonics():
    t_s = np.arange(-0.1, 1.1, 0.005)

    def told(limp):
        up = np.sin(4 * np.pi * t_s) + limp * np.sin(2 * np.pi * t_s) + 0.01 * np.sin(6 * np.pi * t_s)
        angles = np.stack([4 * np.sin(2 * np.pi * t_s), np.sin(4 * np.pi * t_s), 0 * t_s], axis=1)
        return of_pelvis(PelvisCut(stride=stride(), t_s=t_s, angles_deg=angles, sampled_s=t_s, vertical_m_s2=up))

    assert told(0.0)["obliquity_range_deg"] == pytest.approx(8, rel=0.01)
    assert told(0.0)["tilt_range_deg"] == pytest.approx(2, rel=0.01)
    assert told(0.0)["pelvis_vertical_range_m_s2"] == pytest.approx(2, rel=0.02)
    assert (
        told(0.0)["pelvis_harmonic_ratio"] > 10 > told(0.5)["pelvis_harmonic_ratio"] > told(2)["pelvis_harmonic_ratio"]
    )
