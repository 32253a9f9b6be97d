import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.samples import Samples
from imu.core.session import Session
from imu_datasets.dataset import dataset
from imu_datasets.mocap.labels import labels
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.reverse import reverse, reversed_samples
from imu_datasets.mocap.virtual import pelvis_truth, samples
from imu_datasets.recorded import AS_WORN, Recorded, document_of, true_contact

MS = 1_000_000
KEPT = ("foot", "t_contact_ns", "t_release_ns", "t_toe_on_ns", "t_heel_on_ns", "t_toe_off_ns", "t_heel_off_ns")
"""What a truth can say of both ways through time."""


def sensor(rng, n, start_ns=0, period_ns=5 * MS, lost=0):
    seq = np.arange(n, dtype=np.int64)
    seq[n // 2 :] += lost
    return Samples(
        start_ns + seq * period_ns, seq + 17, rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.random(n) < 0.1
    )


def recorded(sensors, contacts=None, pelvis=None, **more):
    setups = {name: {"rate_hz": 200.0, "mounting": AS_WORN} for name in sensors}
    return Recorded(document_of("S1", "walk", setups, **more), sensors, contacts, pelvis)


def assert_same(one, other):
    for name in ("t_ns", "seq", "acc", "gyr", "clipped"):
        mine, others = getattr(one, name), getattr(other, name)
        assert mine.dtype == others.dtype
        assert mine.tobytes() == others.tobytes(), name


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 10**9), st.integers(0, 30)), min_size=1, max_size=3),
)
def test_twice_is_the_identity_of_samples_to_the_bit(seed, shapes):
    rng = np.random.default_rng(seed)
    names = ("foot_left", "foot_right", "pelvis")
    walk = recorded(
        {name: sensor(rng, n, start, lost=lost) for name, (n, start, lost) in zip(names, shapes, strict=False)}
    )
    back = reverse(walk)
    again = reverse(back)
    for name, one in walk.samples.items():
        assert_same(again.samples[name], one)
    assert again.document == walk.document
    # all stay within the time that it took
    assert min(one.t_ns.min() for one in back.samples.values()) == min(one.t_ns.min() for one in walk.samples.values())
    assert max(one.t_ns.max() for one in back.samples.values()) == max(one.t_ns.max() for one in walk.samples.values())


def test_specific_force_stays_and_rates_change_sign(rng):
    one = sensor(rng, 10, start_ns=3 * MS)
    back = reversed_samples(one, turn_ns=100 * MS)
    assert (back.acc == one.acc[::-1]).all()
    assert (back.gyr == -one.gyr[::-1]).all()
    assert (back.t_ns == 100 * MS - one.t_ns[::-1]).all()
    assert (back.clipped == one.clipped[::-1]).all()


def test_what_was_lost_is_lost_at_its_mirror_place(rng):
    one = sensor(rng, 10, lost=3)
    back = reverse(recorded({"foot_left": one})).samples["foot_left"]
    assert np.diff(back.seq).tolist() == np.diff(one.seq).tolist()[::-1]
    assert np.diff(back.t_ns).tolist() == np.diff(one.t_ns).tolist()[::-1]


def test_a_sensor_without_samples_has_none(rng):
    walk = recorded({"foot_left": sensor(rng, 10), "pelvis": sensor(rng, 0)})
    assert len(reverse(walk).samples["pelvis"]) == 0


def stance(foot, begin_ms, end_ms, **known):
    times = {"t_contact_ns": begin_ms, "t_release_ns": end_ms} | {
        name: known.pop(name) for name in list(known) if name.startswith("t_")
    }
    in_ns = {name: None if at is None else at * MS for name, at in times.items()}
    return true_contact(foot, in_ns.pop("t_contact_ns"), **in_ns, **known)


@pytest.fixture
def forward(rng):
    """Two feet for 4 s, heel first, without the times at which ends leave."""
    rows = [
        stance("left", 500, 1100, first="heel", direction="forward", pitch_deg=20.0),
        stance("right", 1000, 1600, first="heel", direction="forward", stride_length_m=1.1),
        stance("left", 1500, 2100, first="flat", direction="forward", stride_length_m=1.2),
        stance("right", 2000, 2600, first="heel", direction="in_place", stride_length_m=0.05),
        stance("left", 2500, None, first="heel", direction="forward", stride_length_m=1.3),
    ]
    return recorded({"foot_left": sensor(rng, 801), "foot_right": sensor(rng, 801)}, rows)


def test_contacts_are_releases_and_the_other_way_round(forward):
    rows = reverse(forward).contacts
    assert [(row["foot"], row["t_contact_ns"] // MS, row["t_release_ns"] // MS) for row in rows] == [
        ("right", 1400, 2000),
        ("left", 1900, 2500),
        ("right", 2400, 3000),
        ("left", 2900, 3500),
    ]


def test_the_swing_that_ends_in_a_stance_is_the_one_that_began_there(forward):
    rows = reverse(forward).contacts
    assert [(row["direction"], row["stride_length_m"]) for row in rows] == [
        (None, None),  # what came after the right foot's last stance nobody saw
        ("backward", 1.3),
        ("in_place", 0.05),
        ("backward", 1.2),
    ]
    # from release to release
    assert rows[3]["speed_m_s"] == pytest.approx(-1.2)
    assert rows[1]["speed_m_s"] is None


def test_the_end_that_a_foot_rolls_to_touches_first(forward):
    assert [row["first"] for row in reverse(forward).contacts] == [None, None, "toe", "toe"]
    assert all(row["pitch_deg"] is None for row in reverse(forward).contacts)


@pytest.mark.parametrize(("toe_ms", "heel_ms", "first"), [(900, 700, "toe"), (700, 900, "heel"), (900, 890, "flat")])
def test_where_truth_tells_which_end_left_last_that_one_touches_first(rng, toe_ms, heel_ms, first):
    row = stance("left", 500, 900, first="heel", direction="forward", t_toe_off_ns=toe_ms, t_heel_off_ns=heel_ms)
    (back,) = reverse(recorded({"foot_left": sensor(rng, 301)}, [row])).contacts
    assert back["first"] == first
    assert back["t_toe_on_ns"] == 1500 * MS - toe_ms * MS
    assert back["t_contact_ns"] == min(back["t_toe_on_ns"], back["t_heel_on_ns"])


def test_a_toe_walker_rolls_to_nowhere(rng):
    row = stance("left", 500, 900, first="toe", direction="forward")
    assert reverse(recorded({"foot_left": sensor(rng, 301)}, [row])).contacts[0]["first"] is None


def test_what_it_can_not_tell_is_no_false_contact_of_others(rng):
    rows = [stance("left", 500, None), stance("left", 1500, 2000), stance("right", 700, 900)]
    holes = [["left", 100 * MS, 200 * MS], ["right", 300 * MS, 350 * MS]]
    back = reverse(recorded({"foot_left": sensor(rng, 801)}, rows, truth_ignore_ns=holes))
    assert back.document["truth_complete"] is False
    assert back.document["truth_ignore_ns"] == [
        ["right", 3650 * MS, 3700 * MS],
        ["left", 3800 * MS, 3900 * MS],
        # a stance that must have had a release, somewhere before the next contact
        ["left", 2500 * MS, 3500 * MS],
    ]


def test_its_name_and_its_mark_come_and_go(forward):
    back = reverse(forward)
    assert (back.name, back.document["time_reversed"]) == ("walk-reversed", True)
    again = reverse(back)
    assert again.name == "walk"
    assert "time_reversed" not in again.document
    assert Session.parse(dict(back.document)).session == "walk-reversed"


def test_without_truth_it_has_none(rng):
    back = reverse(recorded({"foot_left": sensor(rng, 10)}))
    assert back.contacts is None
    assert back.pelvis is None
    assert "truth_complete" not in back.document


@pytest.fixture(scope="module")
def captured(walk):
    t = np.arange(int(walk.duration_s * 100.0)) / 100.0
    soles = {
        foot: Sole(*(walk.foot(foot).ends(t)._asdict()[end] for end in ("heel", "toe", "ball")))
        for foot in ("left", "right")
    }
    bodies = {f"foot_{foot}": Body(*walk.foot(foot).hind_pose(t, np.zeros(3))) for foot in ("left", "right")}
    return Poses(100.0, bodies | {"pelvis": Body(*walk.pelvis().pose(t))}, soles)


def session_of(poses):
    read = {name: samples(poses, name, rate_hz=100.0) for name in poses.bodies}
    return recorded(read, labels(poses), pelvis_truth(poses, rate_hz=100.0))


def test_twice_is_the_identity_of_a_walk(captured):
    walk = session_of(captured)
    again = reverse(reverse(walk))
    for name, one in walk.samples.items():
        assert_same(again.samples[name], one)
    assert {name: np.asarray(column).tobytes() for name, column in again.pelvis.items()} == {
        name: np.asarray(column).tobytes() for name, column in walk.pelvis.items()
    }
    left = [row for row in walk.contacts if row["t_release_ns"] is not None]
    assert [[row[name] for name in KEPT] for row in again.contacts] == [[row[name] for name in KEPT] for row in left]
    for foot in ("left", "right"):
        # the first one's swing and the last one's are those that a cut takes
        ours, theirs = ([row for row in rows if row["foot"] == foot][1:-1] for rows in (again.contacts, left))
        for name in ("first", "direction", "stride_length_m"):
            assert [row[name] for row in ours] == [row[name] for row in theirs]


def test_it_is_what_sensors_read_of_the_path_run_backward(captured):
    back = Poses(
        captured.rate_hz,
        {name: Body(body.place_m[::-1], body.rotation[::-1]) for name, body in captured.bodies.items()},
        {},
    )
    n = len(captured) - 1
    for name in captured.bodies:
        one, other = (samples(poses, name, rate_hz=100.0) for poses in (captured, back))
        mirrored = reversed_samples(one, turn_ns=int(one.t_ns[-1]))
        # samples begin with the first frame and end before the last one
        np.testing.assert_allclose(mirrored.acc[20 : n - 21], other.acc[21 : n - 20], atol=1e-6)
        np.testing.assert_allclose(mirrored.gyr[20 : n - 21], other.gyr[21 : n - 20], atol=1e-6)


def test_forward_walking_becomes_toe_first_backward_walking(captured):
    walk = session_of(captured)
    back = reverse(walk).contacts
    forward = [row for row in walk.contacts if row["direction"] == "forward"]
    mirrored = [row for row in back if row["direction"] == "backward"]
    assert abs(len(mirrored) - len(forward)) <= 2
    assert [row["first"] for row in mirrored].count("toe") >= len(mirrored) - 2
    assert all(row["stride_length_m"] > 0 > row["speed_m_s"] for row in mirrored if row["speed_m_s"] is not None)


def test_a_reversed_recording_is_a_session(captured, tmp_path):
    written = reverse(session_of(captured)).write(tmp_path / "back")
    assert written.session == "walk-reversed"
    assert (tmp_path / "back" / "truth_pelvis.parquet").is_file()


def test_a_real_walk_backward_in_time_is_the_one_that_its_reader_makes(data_dir):
    root = dataset("gaitmap").folder(data_dir)
    if not root.is_dir():
        pytest.skip(f"no originals of gaitmap: {root} is not there; name a folder that has them in IMU_DATA_DIR")
    forward, wanted = dataset("gaitmap").recordings(root)
    back = reverse(forward)
    for name, one in wanted.samples.items():
        assert (back.samples[name].acc == one.acc).all()
        assert (back.samples[name].gyr == one.gyr).all()
        # both round to the nanosecond
        np.testing.assert_allclose(back.samples[name].t_ns, one.t_ns, atol=1)
    for row in back.contacts:
        mate = min(
            (one for one in wanted.contacts if one["foot"] == row["foot"]),
            key=lambda one: abs(one["t_contact_ns"] - row["t_contact_ns"]),
        )
        assert abs(mate["t_contact_ns"] - row["t_contact_ns"]) <= 2
        assert row["direction"] in (mate["direction"], None)
        assert row["first"] == mate["first"] == "toe"
