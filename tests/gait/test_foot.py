"""What one foot finds, in the simulator and in recordings: contacts, their names, their reasons."""

import math
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from imu.core.records import CONTACT, LENGTH, LOOKBACK_S, NONE_NS, RELEASE, RESOLVED, REST_BEGINS, SECOND
from imu.core.samples import Samples
from imu.core.session import FEET
from imu.core.tables import DIRECTIONS, PATTERNS, quality_text
from imu.core.units import NS_PER_S
from imu.gait.foot import ContactParams, FootParams
from imu.simulate import Link, Noise, Person, Stand, Turn, Walk

STANDING = Stand(seconds=3.0)
FORWARD, BACKWARD = "forward", "backward"

REAL = {
    "ipol": (FORWARD, ["ipol-1-4", "ipol-2-2", "ipol-4-5", "ipol-7-6", "ipol-10-1"]),
    "gaitmap": (FORWARD, ["gaitmap-forward"]),
    "gaitmap reversed": (BACKWARD, ["gaitmap-timereversed"]),
    "bandai": (FORWARD, ["bandai-walk-active-001", "bandai-walk-sad-001", "bandai-walk-normal-001"]),
    "bandai backward": (BACKWARD, ["bandai-walk-back-active-001", "bandai-walk-back-sad-001"]),
    "grouvel": (FORWARD, ["grouvel-P01_S01_Gait_01", "grouvel-P03_S01_FastGait_01"]),
}
"""With truth. What is asked of them lies well below what they give."""
DIRECTED = REAL | {
    "treadmill": (FORWARD, ["treadmill-forward"]),
    "treadmill backward": (BACKWARD, ["treadmill-backward"]),
}


def there_and_back(direction: str, steps: int = 20):
    return STANDING, Walk(direction=direction, steps=steps), Stand(seconds=2.0)


def directions(contacts) -> list[str]:
    return [DIRECTIONS[k] for k in contacts["direction"]]


def reasons(contact) -> set[str]:
    return set(filter(None, quality_text(int(contact["quality"])).split(";")))


def feet_of(recorded_foot, names):
    return [recorded_foot(name, foot) for name in names for foot in FEET]


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0, 208.0, 1000.0])
def test_a_simulated_walk_is_found_at_any_rate(foot_recording, direction, rate_hz) -> None:
    for foot in FEET:
        walk = foot_recording.simulated(*there_and_back(direction), foot=foot, rate_hz=rate_hz)
        matched = walk.steady()
        assert len(matched.pairs) == len(walk.truth) - 3 >= 6
        assert matched.missed == matched.false == matched.mislabelled == []
        assert abs(np.median(matched.errors_s)) < 0.025
        assert np.std(matched.errors_s) < 0.012 + 0.3 / rate_hz
        late_s = [(found["t_emitted_ns"] - true["t_contact_ns"]) / NS_PER_S for found, true in matched.pairs]
        assert np.median(late_s) < 0.16
        angles = [found["foot_angle_deg"] - true["pitch_deg"] for found, true in matched.pairs]
        assert abs(np.median(angles)) < 4.0


@given(
    direction=st.sampled_from([FORWARD, BACKWARD]),
    foot=st.sampled_from(FEET),
    seed=st.integers(0, 10**6),
    speed_m_s=st.floats(0.6, 1.5),
    toe_out_deg=st.floats(-5.0, 20.0),
)
@example(direction=BACKWARD, foot="left", seed=1540, speed_m_s=1.485, toe_out_deg=0.0)
def test_other_people_walk_too(foot_recording, direction, foot, seed, speed_m_s, toe_out_deg) -> None:
    speed_m_s = speed_m_s if direction == FORWARD else 0.7 * speed_m_s
    segments = STANDING, Walk(direction=direction, steps=20, speed_m_s=speed_m_s), Stand(seconds=2.0)
    walk = foot_recording.simulated(*segments, foot=foot, seed=seed, person=Person(toe_out_deg=toe_out_deg))
    matched = walk.steady()
    assert len(matched.missed) + len(matched.false) <= 1
    assert len(matched.mislabelled) <= 1


@pytest.mark.parametrize("source", REAL)
def test_recorded_contacts_are_found(recorded_foot, source) -> None:
    matched = [foot.matched(within_s=0.15) for foot in feet_of(recorded_foot, REAL[source][1])]
    hits, missed, false = (sum(len(one[k]) for one in matched) for k in range(3))
    assert hits >= 0.93 * (hits + missed)
    assert hits >= 0.8 * (hits + false)


@pytest.mark.parametrize("source", DIRECTED)
def test_direction_is_found_and_turns_with_time(recorded_foot, source) -> None:
    """The same signals run backward are a walk in the other direction."""
    way, names = DIRECTED[source]
    other = BACKWARD if way == FORWARD else FORWARD
    for reverse, wanted, unwanted in ((False, way, other), (True, other, way)):
        feet = [foot.reversed() if reverse else foot for foot in feet_of(recorded_foot, names)]
        said = list(chain.from_iterable(directions(c[c["quality"] == 0]) for c in (foot.contacts() for foot in feet)))
        assert said.count(wanted) >= 0.9 * len(said) > 0
        assert said.count(unwanted) <= 0.02 * len(said)


@pytest.mark.parametrize("source", DIRECTED)
@pytest.mark.parametrize("seed", [1, 2])
def test_how_the_sensor_is_glued_on_changes_nothing(recorded_foot, source, seed) -> None:
    rotation = Rotation.random(random_state=seed).as_matrix()
    walk = recorded_foot(DIRECTED[source][1][0], "left")
    turned = type(walk)(walk.rate_hz, walk.mounting @ rotation.T, walk.rows, walk.truth).turned(rotation)
    one, other = walk.contacts(), turned.contacts()
    assert len(one) == len(other)
    assert np.abs(one["t_ns"] - other["t_ns"]).max() <= 1_000_000
    for name in ("pattern", "direction", "quality"):
        assert one[name].tolist() == other[name].tolist()


def check_unknown_mounting(walk, way) -> None:
    events = walk.events()
    contacts, resolved = events[events["kind"] == CONTACT], events[events["kind"] == RESOLVED]
    assert len(resolved) == 1
    assert 0.0 < resolved["confidence"][0] <= 1.0
    known = contacts["t_emitted_ns"] > resolved["t_emitted_ns"][0]
    before, after = contacts[~known], contacts[known]
    assert set(directions(before)) == {"uncertain"}
    assert {PATTERNS[k] for k in before["pattern"]} == {"uncertain"}
    assert np.isnan(before["foot_angle_deg"]).all()
    assert (before["confidence"] == 0.5).all()
    assert 3 <= len(before) <= 10
    clean = directions(after[after["quality"] == 0])
    assert clean.count(way) >= 0.8 * len(clean) > 0


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
@given(seed=st.integers(0, 10**6), foot=st.sampled_from(FEET))
@example(seed=3, foot="left")
def test_an_unknown_mounting_is_worked_out_whichever_way_the_person_walks(
    foot_recording, direction, seed, foot
) -> None:
    walk = foot_recording.simulated(*there_and_back(direction), foot=foot, seed=seed, mounting_known=False)
    check_unknown_mounting(walk.turned(Rotation.random(random_state=seed + 10).as_matrix()), direction)


@pytest.mark.parametrize("source", sorted(DIRECTED.keys() - {"bandai", "bandai backward", "grouvel"}))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_unknown_mounting_is_worked_out_in_recordings(recorded_foot, source, seed) -> None:
    way, names = DIRECTED[source]
    walk = recorded_foot(names[0], "left")
    unknown = type(walk)(walk.rate_hz, None, walk.rows, walk.truth)
    check_unknown_mounting(unknown.turned(Rotation.random(random_state=seed).as_matrix()), way)


def test_standing_alone_says_nothing_of_the_mounting(foot_recording) -> None:
    events = foot_recording.simulated(Stand(seconds=20.0), mounting_known=False).events()
    assert events["kind"].tolist() == [REST_BEGINS]


def test_start_is_the_first_contact_after_the_beginning_a_rest_and_a_long_gap(foot_recording) -> None:
    walk = foot_recording.simulated(
        *there_and_back(FORWARD), *there_and_back(BACKWARD), link=Link(gaps_s=((8.0, 8.4),))
    )
    found = walk.contacts()
    first = [int(np.searchsorted(found["t_ns"], t_s * NS_PER_S)) for t_s in (0.0, 8.0, 16.5)]
    assert [k for k, contact in enumerate(found) if "start" in reasons(contact)] == first


def test_turn_is_where_the_foot_turned(foot_recording) -> None:
    walk = foot_recording.simulated(STANDING, Walk(direction=FORWARD, steps=12), Turn(degrees=180.0), STANDING)
    turned_ns = int(walk.truth[5]["t_contact_ns"]) + NS_PER_S // 2
    for contact in walk.contacts():
        assert ("turn" in reasons(contact)) == (abs(contact["turn_deg"]) > 25.0)
        assert contact["t_ns"] > turned_ns or abs(contact["turn_deg"]) < 5.0
    assert sum("turn" in reasons(contact) for contact in walk.contacts()) >= 2


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
@pytest.mark.parametrize("degrees", [90.0, -180.0])
def test_how_far_a_foot_turned_adds_up(foot_recording, direction, degrees) -> None:
    walk = Walk(direction=direction, steps=10)
    for foot in FEET:
        found = foot_recording.simulated(STANDING, walk, Turn(degrees=degrees), walk, STANDING, foot=foot).contacts()
        assert abs(found["turn_deg"].sum() - degrees) < 5.0


def test_stop_is_a_swing_of_less_than_half_the_one_before(foot_recording) -> None:
    long, short = Walk(direction=FORWARD, steps=8), Walk(direction=BACKWARD, steps=8, step_length_m=0.2)
    said: list[tuple[float, bool]] = []
    for seed in range(4):
        walk = foot_recording.simulated(STANDING, long, STANDING, short, STANDING, long, STANDING, seed=seed)
        shares = {
            int(true["t_contact_ns"]): true["stride_length_m"] / before["stride_length_m"]
            for before, true in pairwise(walk.truth)
            if before["stride_length_m"]
        }
        pairs = walk.matched().pairs
        said += [(shares.get(true["t_contact_ns"], 1.0), "stop" in reasons(found)) for found, true in pairs]
    # a closing step is about half a stride: either way will do
    stops = [stop for share, stop in said if share < 0.4]
    assert all(stops)
    assert stops
    assert not any(stop for share, stop in said if share > 0.6)


@pytest.mark.parametrize("moment", ["gap", "saturated"])
def test_what_befell_a_swing_is_said_of_its_contact_and_of_no_other(foot_recording, moment) -> None:
    walk = foot_recording.simulated(*there_and_back(FORWARD))
    hurt = walk.truth[4]["t_release_ns"] + 150_000_000
    rows = walk.rows
    near = (rows.t_ns >= hurt) & (rows.t_ns < hurt + 30_000_000)
    if moment == "gap":
        broken = type(walk)(walk.rate_hz, walk.mounting, rows.where(~near), walk.truth)
    else:
        broken = walk.with_rows(clipped=near)
    said = [(int(contact["t_ns"] > hurt), reasons(contact)) for contact in broken.contacts()]
    assert [k for k, (_, why) in enumerate(said) if moment in why] == [sum(1 - after for after, _ in said)]


def test_a_narrow_gyroscope_is_said_of_every_swing_that_reaches_its_limit(foot_recording) -> None:
    walk = foot_recording.simulated(*there_and_back(FORWARD), noise=Noise(gyr_range_rad_s=4.0))
    assert all("saturated" in reasons(contact) for contact in walk.contacts())


def test_at_end_is_what_the_end_decided(foot_recording) -> None:
    walk = foot_recording.simulated(*there_and_back(FORWARD))
    contact = walk.contacts()[5]
    cut = walk.between(end_ns=int(contact["t_emitted_ns"])).contacts()
    assert [("at_end" in reasons(one)) for one in cut] == [False] * 5 + [True]
    assert not any("at_end" in reasons(one) for one in walk.contacts())


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
def test_what_follows_a_contact_is_near_the_truth(foot_recording, direction) -> None:
    walk = foot_recording.simulated(*there_and_back(direction), rate_hz=200.0)
    events = walk.events()
    of = {
        kind: {int(event["t_contact_ns"]): event for event in events[events["kind"] == kind]}
        for kind in (SECOND, RELEASE, LENGTH)
    }
    errors: dict[str, list[float]] = {"second": [], "release": [], "length": []}
    for (found, true), (after, _) in pairwise(walk.matched().pairs):
        t_ns = int(found["t_ns"])
        second, release, length = (of[kind][t_ns] for kind in (SECOND, RELEASE, LENGTH))
        assert t_ns <= second["t_ns"] < release["t_ns"] < after["t_ns"]
        down = max(true["t_toe_on_ns"], true["t_heel_on_ns"])
        errors["second"].append((second["t_ns"] - down) / NS_PER_S)
        errors["release"].append((release["t_ns"] - true["t_release_ns"]) / NS_PER_S)
        if true["stride_length_m"] is not None:
            errors["length"].append(length["length_m"] / true["stride_length_m"] - 1.0)
    assert abs(np.median(errors["second"])) < 0.05
    assert abs(np.median(errors["release"])) < 0.08
    assert abs(np.median(errors["length"])) < 0.05


def nonsense(seed: int) -> Samples:
    """No walk at all: twelve seconds of smooth noise, with holes."""
    rng, n = np.random.default_rng(seed), 1200
    width = rng.uniform(2.0, 15.0)

    def noise(size: float) -> np.ndarray:
        values = gaussian_filter1d(rng.normal(size=(n, 3)), width, axis=0)
        return size * values / values.std()

    gyr, acc = noise(rng.uniform(1.0, 12.0)), noise(rng.uniform(1.0, 15.0)) + np.array([0.0, 0.0, 9.81])
    kept = rng.random(n) > rng.choice([0.0, 0.05])
    for _ in range(rng.integers(4)):
        hole = int(rng.integers(n))
        kept[hole : hole + int(rng.integers(10, 90))] = False
    seq = np.flatnonzero(kept)
    return Samples(seq * 10_000_000, seq, acc[seq], gyr[seq], np.zeros(len(seq), np.bool_))


@given(seed=st.integers(0, 10**6), known=st.booleans())
@example(seed=4, known=True)
@example(seed=38, known=True)
def test_even_nonsense_keeps_order(foot_recording, seed, known) -> None:
    events = foot_recording(100.0, np.eye(3) if known else None, nonsense(seed), []).events()
    assert (np.diff(events["t_emitted_ns"]) >= 0).all()
    assert (events["t_ns"] <= events["t_emitted_ns"]).all()
    contacts = events[events["kind"] == CONTACT]
    assert (contacts["t_emitted_ns"] - contacts["t_ns"] <= LOOKBACK_S * NS_PER_S).all()
    assert (np.diff(contacts["t_ns"]) > 0).all()
    apart_s = np.diff(contacts["t_ns"]) / NS_PER_S
    anew = np.array(["start" in reasons(contact) for contact in contacts[1:]], np.bool_)
    assert (apart_s[~anew] >= ContactParams().apart_s - 1e-6).all()
    for kind in (SECOND, RELEASE, LENGTH):
        of = events["t_contact_ns"][events["kind"] == kind]
        assert len(set(of.tolist())) == len(of)
        assert set(of.tolist()) <= set(contacts["t_ns"].tolist())
    assert (
        (contacts["t_provisional_ns"] == NONE_NS) | (contacts["t_provisional_ns"] <= contacts["t_emitted_ns"])
    ).all()


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan])
def test_a_rate_that_is_none_is_refused(rate_hz) -> None:
    with pytest.raises(ValueError, match="want a positive number of samples per second"):
        FootParams().resolve(rate_hz)
