import dataclasses
import pickle

import numpy as np
import pytest

from imu.core.errors import BadSpec
from imu.simulate import Clock, Noise, SensorModel
from imu.simulate.placements import PLACEMENTS, Restrapping, check_worn, mirrored

OUTWARD = {
    "dorsum": (0, 0, 1),
    "toe_cap": (0, 0, 1),
    "heel_counter": (-1, 0, 0),
    "sacrum": (-1, 0, 0),
    "l5": (-1, 0, 0),
    "iliac_crest_left": (0, 1, 0),
    "iliac_crest_right": (0, -1, 0),
}
"""Which way of the body each place looks."""


# where it sits


@pytest.mark.parametrize("name", PLACEMENTS)
def test_each_place_has_its_sensor_flat_against_the_body(name):
    model = SensorModel(placement=name)
    nominal = np.array(model.mounting)
    np.testing.assert_array_equal(nominal @ nominal.T, np.eye(3))
    assert np.linalg.det(nominal) == 1.0
    assert (nominal[:, 2] == OUTWARD[name]).all(), "z comes out of the skin"
    off_deg = np.degrees(np.arccos(0.5 * (np.trace(model.axes() @ nominal.T) - 1.0)))
    assert 1.0 < off_deg < 35.0, "straps are not exact, nor further off than the contract says"


def test_places_lie_where_their_names_say():
    at = {name: np.array(place.position_m) for name, place in PLACEMENTS.items()}
    assert at["heel_counter"][0] < -0.1 < at["dorsum"][0] < 0.1 < at["toe_cap"][0]
    assert at["sacrum"][0] < -0.05
    assert at["sacrum"][2] < at["l5"][2]
    left, right = PLACEMENTS["iliac_crest_left"], PLACEMENTS["iliac_crest_right"]
    assert mirrored(left)._replace(mounting=right.mounting) == right
    assert left.position_m[1] > 0.1
    assert SensorModel(placement="toe_cap").segment == "toes"
    assert [PLACEMENTS[name].segment for name in ("dorsum", "l5")] == ["foot", "pelvis"]


def test_what_is_not_said_is_the_placements_and_follows_it():
    model, place = SensorModel(placement="dorsum"), PLACEMENTS["heel_counter"]
    moved = dataclasses.replace(dataclasses.replace(model, rate_hz=50.0), placement="heel_counter")
    assert (moved.position_m, moved.mounting, moved.strapped_deg) == place[1:]
    right = dataclasses.replace(moved, mirrored=True)
    roll, pitch, yaw = place.strapped_deg
    assert right.strapped_deg == (-roll, pitch, -yaw)
    copied = pickle.loads(pickle.dumps(right))
    assert copied == right
    assert dataclasses.replace(copied, mirrored=False) == moved


def test_what_is_said_stays():
    said = SensorModel(placement="dorsum", position_m=(0.1, 0.0, 0.0), strapped_deg=(0.0, 0.0, 0.0))
    moved = dataclasses.replace(said, placement="heel_counter", mirrored=True)
    assert (moved.position_m, moved.strapped_deg) == ((0.1, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert moved.mounting == PLACEMENTS["heel_counter"].mounting
    free = SensorModel(placement="shin", position_m=(0.0, 0.0, 0.2))
    assert (free.segment, free.strapped_deg) == (None, (0.0, 0.0, 0.0))
    np.testing.assert_array_equal(free.axes(), np.eye(3))


def test_a_place_belongs_to_foot_or_pelvis():
    for name in ("dorsum", "toe_cap", "shin", None):
        check_worn("foot_left", name)
    with pytest.raises(BadSpec, match="want one on the foot: dorsum, toe_cap, heel_counter"):
        check_worn("foot_right", "sacrum")
    with pytest.raises(BadSpec, match="want one on the pelvis: sacrum"):
        check_worn("pelvis", "toe_cap")


# what can't be


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (SensorModel, "placement is None without a position_m; want one of dorsum"),
        (lambda: SensorModel(placement="heel"), "placement is 'heel' without.*heel_counter.*typing slip"),
        (lambda: Noise(acc_scale_share=(1.0, 1.0, 1.0)), "acc_scale_share is 1; .*1 for none"),
        (lambda: Noise(gyr_drift_rad_s=0.5), "deg/s"),
        (lambda: Noise(drift_s=0.5), "drift_s is 0.5"),
        (lambda: Noise(gyr_warming_rad_s=(0.0, 1.0, 0.0)), "deg/s"),
        (lambda: Noise(acc_cross_deg=((1.0, 0.0, 0.0),) * 3), r"acc_cross_deg\[0\]\[0\] is 1; want 0 to 0"),
        (lambda: Noise(gyr_cross_deg=((0.0, 0.0, 45.0),) * 3), r"gyr_cross_deg\[0\]\[2\] is 45"),
        (lambda: Noise(gyr_per_acc_rad_s=(0.1, 0.0, 0.0)), "deg/s a g"),
        (lambda: Clock(wander_ppm=-3.0), "wander_ppm is -3"),
        (lambda: Clock(wander_s=0.01), "wander_s"),
        (lambda: Restrapping(t_s=-1.0, strapped_deg=(0.0, 0.0, 0.0)), "t_s is -1"),
        (lambda: Restrapping(t_s=1.0, strapped_deg=(0.0, 400.0, 0.0)), "strapped_deg is 400"),
        (
            lambda: SensorModel(
                placement="dorsum",
                restrapped=(
                    Restrapping(t_s=5.0, strapped_deg=(0.0, 0.0, 0.0), off_s=3.0),
                    Restrapping(t_s=7.0, strapped_deg=(0.0, 0.0, 0.0)),
                ),
            ),
            "one at 7 s, when that of 5 s is not over",
        ),
    ],
)
def test_what_no_sensor_can_do_is_refused(make, match):
    with pytest.raises(BadSpec, match=match):
        make()
