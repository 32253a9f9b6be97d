"""What gravity, steps and other sensors can show of how sensors sit, standing, and stumbles: on simulated people."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.session import SENSORS
from imu.core.units import NS_PER_S
from imu.live.desk.calibration import NEED_S, Calibration
from imu.live.desk.placement import Motion, Placement, shaken
from imu.live.desk.stumbles import Stumbles
from imu.pipeline import Pipeline
from imu.simulate import Person, Protocol, Stand, Walk, named, simulate, usual_sensors

OTHER = {"foot_left": "foot_right", "foot_right": "foot_left", "pelvis": "pelvis"}
RATE_HZ = 200.0
BOUTS = (
    Stand(seconds=4.0),
    Walk(direction="backward", seconds=18.0),
    Stand(seconds=3.0),
    Walk(direction="forward", seconds=15.0),
    Stand(seconds=2.0),
)


def turned(mounting, about, degrees):
    """A mounting that says so, of a sensor that sits turned about a body axis (0 forward, 1 left, 2 up)."""
    angle, axis = np.radians(degrees), np.eye(3)[about]
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return tuple(map(tuple, rotation @ np.array(mounting)))


def played(sensors, *, swap=False, worn=SENSORS, until_s=100.0):
    """Placement after a walk; the mountings are those of usual sensors, whatever the sensors really are."""
    recording = simulate(Person(), Protocol(segments=BOUTS), {name: sensors[name] for name in worn}, seed=5)
    said = {name: np.array(usual_sensors()[name].mounting) for name in worn}
    session = replace(
        recording.session,
        sensors={name: replace(setup, mounting=said[name]) for name, setup in recording.session.sensors.items()},
    )
    placement, pipeline = Placement(said), Pipeline(session, worn)
    for blocks in zip(*(recording.samples(name, 0.05) for name in worn), strict=True):
        for name, block in zip(worn, blocks, strict=True):
            if len(block) and block.t_ns[-1] > until_s * NS_PER_S:
                return placement
            where = OTHER[name] if swap else name
            placement.push(where, block.t_ns, block.acc, block.gyr)
            for event in pipeline.push(where, block):
                placement.hear(event)
    return placement


def wrong(placement):
    return {one.sensor: one.text for one in placement.remarks() if one.ok is False}


def test_sensors_that_sit_well_are_left_alone():
    remarks = played(usual_sensors()).remarks()
    assert [(one.sensor, one.ok, one.text) for one in remarks] == [
        (name, True, "sits as it should") for name in SENSORS
    ]


def test_an_upside_down_pelvis_is_told_from_standing():
    sensors = usual_sensors()
    sensors["pelvis"] = replace(sensors["pelvis"], mounting=turned(sensors["pelvis"].mounting, 0, 180.0))
    assert wrong(played(sensors, until_s=3.0)) == {"pelvis": "is upside down"}


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("about", [0, 1])
def test_a_wrong_axis_is_told_from_standing(sensor, about):
    sensors = usual_sensors()
    sensors[sensor] = replace(sensors[sensor], mounting=turned(sensors[sensor].mounting, about, 90.0))
    assert set(wrong(played(sensors, until_s=3.0))) == {sensor}


def test_a_foot_sensor_turned_about_the_vertical_is_told_from_its_swings():
    sensors = usual_sensors()
    sensors["foot_left"] = replace(sensors["foot_left"], mounting=turned(sensors["foot_left"].mounting, 2, 90.0))
    assert wrong(played(sensors, until_s=3.0)) == {}
    assert "another axis" in wrong(played(sensors))["foot_left"]


def test_a_foot_sensor_the_wrong_way_round_is_told_from_the_other_foot():
    sensors = usual_sensors()
    sensors["foot_left"] = replace(sensors["foot_left"], mounting=turned(sensors["foot_left"].mounting, 2, 180.0))
    said = wrong(played(sensors))
    assert "another direction than the other foot" in said["foot_left"]


def test_swapped_feet_are_told_with_a_pelvis_and_not_without():
    said = wrong(played(usual_sensors(), swap=True))
    assert set(said) == set(SENSORS)
    assert "may be on the other foot" in said["foot_left"]
    feet = played(usual_sensors(), swap=True, worn=("foot_left", "foot_right"))
    assert wrong(feet) == {}
    assert all("can't be told" in one.text for one in feet.remarks())


@pytest.mark.parametrize("name", ["hip-drop", "limp", "slow", "toe-walker", "shuffling", "cautious-backward"])
@pytest.mark.parametrize("swap", [False, True])
def test_left_and_right_are_told_of_people_who_walk_otherwise(name, swap):
    person, protocol, sensors = named(name)
    recording = simulate(person, protocol.lasting(60.0), sensors, seed=2)
    placement = Placement({sensor: np.array(sensors[sensor].mounting) for sensor in SENSORS})
    pipeline = Pipeline(recording.session, SENSORS)
    for blocks in zip(*(recording.samples(sensor, 0.05) for sensor in SENSORS), strict=True):
        for sensor, block in zip(SENSORS, blocks, strict=True):
            for event in pipeline.push(OTHER[sensor] if swap else sensor, block):
                placement.hear(event)
    assert any("pelvis rises" in text for text in wrong(placement).values()) == swap


def moved(motion, rate_rad_s, seconds, begin_s=0.0):
    """A sensor turns so fast, about changing axes, in packets of 10."""
    rng = np.random.default_rng(1)
    for k in range(int(seconds * RATE_HZ / 10)):
        t_ns = np.rint((begin_s + (10 * k + np.arange(10)) / RATE_HZ) * NS_PER_S).astype(np.int64)
        gyr = rate_rad_s * rng.standard_normal((10, 3)) / np.sqrt(3.0)
        motion.push(t_ns, np.tile([0.0, 0.0, 9.81], (10, 1)), gyr)


@given(st.lists(st.floats(0.0, 0.5), min_size=0, max_size=4), st.floats(4.0, 20.0))
def test_whoever_is_shaken_is_the_one(quiet, hand):
    rates = {**{f"Q{k}": rate for k, rate in enumerate(quiet)}, "HAND": hand}
    motions = {name: Motion() for name in rates}
    for name, rate in rates.items():
        moved(motions[name], rate, 2.0)
    assert shaken(motions) == {"HAND"}


def test_nobody_is_shaken_while_all_walk_or_stand():
    for rates in ([0.1, 0.1, 0.1], [4.0, 4.0, 0.6]):
        motions = {str(k): Motion() for k in range(3)}
        for motion, rate in zip(motions.values(), rates, strict=True):
            moved(motion, rate, 2.0)
        assert shaken(motions) == frozenset()
    assert shaken({}) == frozenset()


def test_a_sensor_on_the_table_is_told_while_the_feet_walk():
    placement = Placement(dict.fromkeys(SENSORS))
    for sensor, rate in zip(SENSORS, (2.5, 2.5, 0.01), strict=True):
        moved(placement.motions[sensor], rate, 6.0)
    assert wrong(placement) == {"pelvis": "does not move while another one walks (left on the table?)"}


def stand(calibration, seconds, rate_rad_s=0.02, sensors=("foot_left", "foot_right"), begin_s=0.0):
    for k in range(int(seconds * RATE_HZ / 10)):
        t_ns = np.rint((begin_s + (10 * k + np.arange(10)) / RATE_HZ) * NS_PER_S).astype(np.int64)
        for sensor in sensors:
            calibration.push(sensor, t_ns, np.full((10, 3), rate_rad_s))


def test_standing_is_told_while_it_lasts_and_done_when_the_pipeline_says_so():
    calibration = Calibration(SENSORS, recorded=True)
    assert calibration.state == "none"
    stand(calibration, 1.5)
    assert calibration.state == "standing"
    assert calibration.document()["still_s"] == pytest.approx(1.5, abs=0.1)
    assert not calibration.wants_word
    stand(calibration, 2.0, begin_s=1.5)
    assert calibration.wants_word
    calibration.take([{"t_ns": 0, "kind": "mounting"}])
    calibration.rehearsed()
    assert calibration.state == "standing"
    calibration.take([{"t_ns": 0, "kind": "standing"}])
    assert calibration.state == "done"
    stand(calibration, 1.0, rate_rad_s=2.0, begin_s=3.5)
    assert calibration.state == "done"


def test_who_walks_is_told_so_and_to_stand_for_how_long():
    placement, calibration = Placement(dict.fromkeys(SENSORS)), Calibration(SENSORS)
    said = []
    for begin_s, rate in ((0.0, 2.5), (6.0, 0.02)):
        for second in range(6):
            stand(calibration, 1.0, rate_rad_s=rate, begin_s=begin_s + second)
            for foot in ("foot_left", "foot_right"):
                moved(placement.motions[foot], rate, 1.0, begin_s + second)
            said.append(calibration.document(walking=placement.walking)["state"])
            if calibration.wants_word:
                calibration.rehearsed()
    # not at once: whoever fidgets does not walk; and a stance is no standing
    assert said == ["none"] * 2 + ["walking"] * 4 + ["walking"] + ["standing"] * 3 + ["done"] * 2


def test_one_sensor_in_a_hand_walks_not():
    placement = Placement(dict.fromkeys(SENSORS))
    moved(placement.motions["foot_left"], 5.0, 6.0)
    moved(placement.motions["foot_right"], 0.02, 6.0)
    assert not placement.walking
    assert not Placement({}).walking


def test_one_foot_that_moves_is_no_standing():
    calibration = Calibration(SENSORS)
    stand(calibration, 5.0, sensors=("foot_left",))
    stand(calibration, 5.0, sensors=("foot_right",), rate_rad_s=1.0)
    calibration.rehearsed()
    assert calibration.state == "none"
    assert calibration.feet_rest_s == 0.0


def test_without_a_pelvis_feet_at_rest_are_enough():
    calibration = Calibration(("foot_left",), recorded=True)
    stand(calibration, NEED_S + 0.2, sensors=("foot_left",))
    calibration.take([])
    assert calibration.state == "done"


def flags(name, seed, seconds=None):
    """Stumbles that were true and those that were flagged: (foot, s)."""
    person, protocol, sensors = named(name)
    recording = simulate(person, protocol if seconds is None else protocol.lasting(seconds), sensors, seed=seed)
    pipeline, stumbles, found = Pipeline(recording.session, SENSORS), Stumbles(), []
    for blocks in zip(*(recording.samples(sensor, 0.05) for sensor in SENSORS), strict=True):
        for sensor, block in zip(SENSORS, blocks, strict=True):
            stumbles.rows(sensor, block)
            found += [stumble for event in pipeline.push(sensor, block) if (stumble := stumbles.hear(event))]
    true = [(json.loads(row["value"])["foot"], row["t_ns"] / NS_PER_S) for row in recording.stumbles]
    return true, [(one.foot, one.t_ns / NS_PER_S) for one in found]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_simulated_stumbles_are_flagged_with_their_contact(seed):
    true, found = flags("stumbles", seed)
    assert len(true) == 6
    hit = [any(foot == other and 0.0 < t_s - at_s < 1.0 for other, t_s in found) for foot, at_s in true]
    assert all(hit)
    assert len(found) <= len(true) + 1


@pytest.mark.parametrize("name", ["demo-live", "hip-drop", "limp", "steady-backward", "cautious-backward"])
def test_people_who_do_not_stumble_are_hardly_ever_flagged(name):
    assert flags(name, 1, 120.0) == ([], [])


def test_who_has_fallen_silent_is_neither_shaken_nor_on_the_table():
    motions = {"A": Motion()}
    moved(motions["A"], 8.0, 2.0)
    assert shaken(motions, 2 * NS_PER_S) == {"A"}
    assert shaken(motions, 4 * NS_PER_S) == frozenset()
    placement = Placement(dict.fromkeys(SENSORS))
    moved(placement.motions["pelvis"], 0.01, 6.0)
    for sensor in ("foot_left", "foot_right"):
        moved(placement.motions[sensor], 2.5, 6.0, begin_s=7.0)
    assert wrong(placement) == {}
