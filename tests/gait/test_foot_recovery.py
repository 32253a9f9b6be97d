"""Nothing locks the detector up: whatever befell a foot, a few strides later its steps are found again."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.core.records import BREAK, CONTACT
from imu.core.samples import Samples
from imu.simulate import Clock, Stand, Walk

STRIDES = 3
"""What it may take to recover."""

Spoil = Callable[[Samples, np.ndarray], Samples]


@pytest.fixture(scope="module", params=["forward", "backward"])
def walk(request, foot_recording):
    return foot_recording.simulated(Stand(seconds=3.0), Walk(direction=request.param, steps=28), Stand(seconds=2.0))


def in_swing(walk, number: int, share: float) -> int:
    """When that share of the swing before a contact is over, ns."""
    release, contact = walk.truth[number - 1]["t_release_ns"], walk.truth[number]["t_contact_ns"]
    return round(release + share * (contact - release))


def check_recovered(walk, spoilt_until_ns: int, *, labelled: bool = True) -> None:
    later = [true["t_contact_ns"] for true in walk.truth if true["t_contact_ns"] > spoilt_until_ns]
    assert len(later) > STRIDES + 1
    # half a stride after the last contact that may still be wrong
    matched = walk.matched(after_ns=(later[STRIDES - 1] + later[STRIDES]) // 2)
    assert matched.missed == []
    assert matched.false == []
    assert len(matched.pairs) == len(later) - STRIDES
    assert not (labelled and matched.mislabelled)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_a_recording_that_begins_anywhere_in_a_stride(walk, share) -> None:
    one, two = (walk.truth[k]["t_contact_ns"] for k in (3, 4))
    begins_ns = round(one + share * (two - one))
    check_recovered(walk.between(begins_ns), begins_ns)


@pytest.mark.parametrize("length_s", [0.03, 0.1, 0.13, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("share", [-0.5, 0.05, 0.5, 0.9])
def test_a_gap(walk, share, length_s) -> None:
    """In stance, early, in the middle and late in a swing."""
    begins_ns = in_swing(walk, 5, share)
    ends_ns = begins_ns + round(1e9 * length_s)
    check_recovered(walk.without(begins_ns, ends_ns), ends_ns)


@pytest.mark.parametrize("share", np.linspace(0.0, 1.0, 11))
def test_no_contact_is_dated_into_a_gap(walk, share) -> None:
    begins_ns = in_swing(walk, 5, share)
    ends_ns = begins_ns + 400_000_000
    found = walk.without(begins_ns, ends_ns).contacts()["t_ns"]
    assert not ((found > begins_ns) & (found < ends_ns)).any()


@pytest.mark.parametrize("ahead_s", [0.05, 0.3, 5.0])
def test_a_clock_that_jumps_ahead(walk, ahead_s) -> None:
    jump_ns, jumps_ns = round(1e9 * ahead_s), in_swing(walk, 5, 0.5)

    def later(t_ns):
        return t_ns + jump_ns if t_ns > jumps_ns else t_ns

    truth = [{**true, "t_contact_ns": later(true["t_contact_ns"])} for true in walk.truth]
    jumped = walk.with_rows(t_ns=walk.rows.t_ns + np.where(walk.rows.t_ns > jumps_ns, jump_ns, 0))
    matched = type(walk)(walk.rate_hz, walk.mounting, jumped.rows, truth).matched()
    assert matched.missed == matched.false == matched.mislabelled == [], "its own time runs on"


@pytest.mark.parametrize("back_s", [0.05, 0.7, 2.5])
def test_a_clock_that_is_set_back(walk, back_s) -> None:
    """What comes until the clock has caught up is late. The hole is as long as the counter says, not as the clock."""
    back_ns, jumps_ns = round(1e9 * back_s), in_swing(walk, 5, 0.5)
    truth = [
        {**true, "t_contact_ns": true["t_contact_ns"] - back_ns * (true["t_contact_ns"] > jumps_ns)}
        for true in walk.truth
    ]
    jumped = walk.with_rows(t_ns=walk.rows.t_ns - np.where(walk.rows.t_ns > jumps_ns, back_ns, 0))
    check_recovered(type(walk)(walk.rate_hz, walk.mounting, jumped.rows, truth), jumps_ns)
    broken = jumped.events()["kind"] == BREAK
    assert broken.sum() == (back_s > 0.1), "no stride may span it"


def held(acc: float | None, gyr: float | None, *axes: int, clipped: bool = False) -> Spoil:
    """Readings that stand at a value, on some axes or on all."""

    def spoil(rows: Samples, where: np.ndarray) -> Samples:
        values = {"acc": rows.acc.copy(), "gyr": rows.gyr.copy()}
        for name, value in (("acc", acc), ("gyr", gyr)):
            if value is not None:
                values[name][np.ix_(where, axes or (0, 1, 2))] = value
        return Samples(rows.t_ns, rows.seq, values["acc"], values["gyr"], rows.clipped | (where & clipped))

    return spoil


def frozen(rows: Samples, where: np.ndarray) -> Samples:
    first = int(np.argmax(where))
    acc, gyr = (np.where(where[:, None], values[first], values) for values in (rows.acc, rows.gyr))
    return Samples(rows.t_ns, rows.seq, acc, gyr, rows.clipped)


SPOILS: dict[str, Spoil] = {
    "saturated": held(156.0, 34.9, clipped=True),
    "saturated the other way": held(-156.0, -34.9, clipped=True),
    "gyroscope saturated on one axis": held(None, 34.9, 0, clipped=True),
    "accelerometer saturated": held(156.0, None, clipped=True),
    "all zeros": held(0.0, 0.0),
    "frozen": frozen,
    "absurd": held(1e6, 1e6),
    "infinite": held(np.inf, np.inf),
}


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("length_s", [0.005, 0.05, 0.5, 3.0])
def test_readings_that_mean_nothing(walk, spoil, length_s) -> None:
    begins_ns = in_swing(walk, 5, 0.5)
    ends_ns = begins_ns + round(1e9 * length_s)
    rows = SPOILS[spoil](walk.rows, (walk.rows.t_ns >= begins_ns) & (walk.rows.t_ns < ends_ns))
    check_recovered(type(walk)(walk.rate_hz, walk.mounting, rows, walk.truth), ends_ns)


@pytest.mark.parametrize(
    ("acc", "gyr"),
    [((0, 0, 0), (0, 0, 0)), ((0, 0, -9.81), (0, 0, 0)), ((5, 5, 9.81), (0, 0, 0)), ((0, 0, 9.81), (0, 5, 0))],
    ids=["zeros", "upside down", "too heavy", "spinning"],
)
def test_constant_input_is_no_step_and_walking_after_it_is_found(foot_recording, acc, gyr) -> None:
    walk = foot_recording.simulated(Walk(direction="backward", steps=16), clock=Clock(offset_s=10.0))
    seq = np.arange(1000)
    ones = np.ones((1000, 1))
    constant = Samples(seq * 10_000_000, seq - 1000, ones * acc, ones * gyr, np.zeros(1000, np.bool_))
    assert (foot_recording(100.0, walk.mounting, constant, []).events()["kind"] != CONTACT).all()
    both = Samples(*(np.concatenate([getattr(r, name) for r in (constant, walk.rows)]) for name in Samples.__slots__))
    truth = [{**true, "t_contact_ns": true["t_contact_ns"] + 10_000_000_000} for true in walk.truth]
    check_recovered(foot_recording(100.0, walk.mounting, both, truth), 10_000_000_000)


@pytest.mark.parametrize(
    ("axis", "degrees", "same_way"),
    [("y", 180.0, True), ("y", 90.0, True), ("x", 180.0, False), ("z", 180.0, False), ("z", 35.0, True)],
)
def test_a_sensor_worn_otherwise_than_stated(walk, axis, degrees, same_way) -> None:
    """Pitch levels itself. Turned about the foot's own long axis or the vertical, forward is backward to it."""
    rotation = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    worn = walk.turned(walk.mounting.T @ rotation @ walk.mounting)
    check_recovered(worn, walk.truth[0]["t_contact_ns"], labelled=same_way)


@pytest.mark.parametrize(("acc_sd", "gyr_sd"), [(0.5, 0.1), (1.0, 0.3)])
def test_a_foot_that_is_never_still(foot_recording, acc_sd, gyr_sd) -> None:
    """A belt that shakes: no sample of stillness, and stance is only quieter than swing."""
    rng = np.random.default_rng(1)
    for direction in ("forward", "backward"):
        walk = foot_recording.simulated(Stand(seconds=3.0), Walk(direction=direction, steps=28), Stand(seconds=2.0))
        rows = walk.rows
        shaken = walk.with_rows(
            acc=rows.acc + acc_sd * rng.normal(size=rows.acc.shape),
            gyr=rows.gyr + gyr_sd * rng.normal(size=rows.gyr.shape),
        )
        check_recovered(shaken, walk.truth[0]["t_contact_ns"])


@pytest.mark.parametrize("gyr_bias", [0.02, -0.1])
@pytest.mark.parametrize("acc_scale", [0.93, 1.07])
def test_a_sensor_out_of_calibration(walk, gyr_bias, acc_scale) -> None:
    poor = walk.with_rows(acc=acc_scale * walk.rows.acc, gyr=walk.rows.gyr + gyr_bias)
    check_recovered(poor, walk.truth[0]["t_contact_ns"])
