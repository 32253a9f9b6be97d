"""C3D: made-up files of a simulated walk, and the walks of grouvel, held against their events and other conversions."""

import sys

import ezc3d
import numpy as np
import pyarrow.parquet as pq
import pytest

from imu.core.session import Session
from imu_datasets.dataset import BadOriginal, dataset
from imu_datasets.mocap.c3d import Event, NoEzc3d, read_c3d
from imu_datasets.readers import grouvel

MS = 1_000_000
EVENTS = (("Foot Strike", "Right", 61.5), ("Foot Off", "Left", 0.75), ("Foot Strike", "Left", 0.25))


def write_c3d(path, markers, *, rate_hz=100.0, unit="mm", events=(), first_frame=0):
    """Markers by label, (n, 3) m."""
    file = ezc3d.c3d()
    places = np.stack(list(markers.values()), axis=1) if markers else np.empty((0, 0, 3))
    n, count, _ = places.shape
    points = np.ones((4, count, n))
    points[:3] = places.transpose(2, 1, 0) * {"mm": 1e3, "cm": 1e2, "m": 1.0}.get(unit, 1.0)
    file["parameters"]["POINT"]["RATE"]["value"] = [rate_hz]
    file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(markers)
    file["header"]["points"]["first_frame"] = first_frame
    file["header"]["points"]["last_frame"] = first_frame + n - 1
    file["data"]["points"] = points
    if events:
        file.add_parameter("EVENT", "USED", [len(events)])
        file.add_parameter("EVENT", "LABELS", [label for label, _, _ in events])
        file.add_parameter("EVENT", "CONTEXTS", [context for _, context, _ in events])
        times = np.array([[t_s // 60, t_s % 60] for _, _, t_s in events]).T
        file.add_parameter("EVENT", "TIMES", times)
    file.write(str(path))
    return path


@pytest.fixture
def dots(rng):
    return {"LHEE": rng.normal(size=(50, 3)), "RHEE": rng.normal(size=(50, 3))}


@pytest.mark.parametrize("unit", ["mm", "cm", "m"])
def test_markers_are_read_in_metres(tmp_path, dots, unit):
    trial = read_c3d(write_c3d(tmp_path / "a.c3d", dots, unit=unit, rate_hz=120.0))
    assert trial.rate_hz == 120.0
    assert list(trial.markers) == list(dots)
    for label, place in dots.items():
        np.testing.assert_allclose(trial.marker(label), place, atol=1e-5)
    assert trial.events == ()


def test_events_come_in_order_with_minutes(tmp_path, dots):
    trial = read_c3d(write_c3d(tmp_path / "a.c3d", dots, events=EVENTS))
    assert [(label, context) for _, label, context in trial.events] == [
        ("Foot Strike", "Left"),
        ("Foot Off", "Left"),
        ("Foot Strike", "Right"),
    ]
    assert [event.t_s for event in trial.events] == pytest.approx([0.25, 0.75, 61.5], abs=1e-4)


def test_events_of_a_cut_count_from_its_first_frame(tmp_path, dots):
    trial = read_c3d(write_c3d(tmp_path / "a.c3d", dots, events=EVENTS, first_frame=20))
    assert trial.events[0] == Event(pytest.approx(0.05, abs=1e-4), "Foot Strike", "Left")


def test_a_marker_out_of_sight_is_told_of(tmp_path, dots):
    dots["LHEE"][7:10] = np.nan
    trial = read_c3d(write_c3d(tmp_path / "a.c3d", dots))
    assert np.isnan(trial.markers["LHEE"][7:10]).all()
    with pytest.raises(BadOriginal, match="marker LHEE was not seen in 3 of 50 frames; want it in all"):
        trial.marker("LHEE")
    with pytest.raises(BadOriginal, match="no marker LTOE, but LHEE, RHEE; want it"):
        trial.marker("LTOE")


def test_a_file_that_breaks_off_is_refused(tmp_path, dots):
    path = write_c3d(tmp_path / "a.c3d", dots)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(BadOriginal, match=r"frames; want the 50 that its header tells \(cut off\?\)"):
        read_c3d(path)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\0" * 2000, b"time,x,y\n" * 300])
def test_what_is_no_c3d_is_refused(tmp_path, content):
    path = tmp_path / "a.c3d"
    path.write_bytes(content)
    with pytest.raises(BadOriginal, match=r"a\.c3d"):
        read_c3d(path)


def test_a_file_that_is_not_there_is_told_of(tmp_path):
    with pytest.raises(BadOriginal, match="can't be read: No such file"):
        read_c3d(tmp_path / "none.c3d")


def test_another_unit_is_refused(tmp_path, dots):
    with pytest.raises(BadOriginal, match="places in 'inch'; want m, cm, mm"):
        read_c3d(write_c3d(tmp_path / "a.c3d", dots, unit="inch"))


def test_without_the_extra_one_line_says_what_is_missing(tmp_path, dots, monkeypatch):
    path = write_c3d(tmp_path / "a.c3d", dots)
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(NoEzc3d, match=r"^reading C3D needs ezc3d, .*pip install 'retrogait\[datasets\]'$"):
        read_c3d(path)


def markers_of(walk, lasts_s=14.0):
    """Those that grouvel's files have and its reader wants, of a simulated person who walks along y."""
    t = np.arange(int(lasts_s * 100.0)) / 100.0
    middle, turned = walk.pelvis().pose(t)
    sites = {
        "LASI": (0.1, 0.12, 0.08),
        "RASI": (0.1, -0.12, 0.08),
        "LPSI": (-0.1, 0.05, 0.09),
        "RPSI": (-0.1, -0.05, 0.09),
    }
    sites |= {"LHJC": (0.0, 0.09, 0.0), "RHJC": (0.0, -0.09, 0.0), "SACR": (-0.1, 0.0, 0.09)}
    markers = {label: middle + turned @ np.array(at) for label, at in sites.items()}
    for foot, letter, side in (("left", "L", 1.0), ("right", "R", -1.0)):
        sites = {
            "HEE": (-0.1, 0, 0.04),
            "TOE": (0.09, 0.01 * side, 0.04),
            "FMH": (0.08, 0.05 * side, 0.03),
            "AJC": (-0.05, 0, 0.08),
        }
        for label, at in sites.items():
            markers[letter + label], _ = walk.foot(foot).hind_pose(t, np.array(at))
    return {label: np.stack([-place[:, 1], place[:, 0], place[:, 2]], axis=1) for label, place in markers.items()}


class TestGrouvelMadeUp:
    @pytest.fixture
    def root(self, walk, tmp_path):
        write_c3d(tmp_path / "P07_S01_Gait_01.c3d", markers_of(walk), events=EVENTS)
        return tmp_path

    def test_a_walk_is_a_session_with_its_truth(self, root, walk, tmp_path):
        (recorded,) = grouvel.recordings(root)
        assert recorded.name == "grouvel-P07_S01_Gait_01"
        assert Session.parse(dict(recorded.document)).subject == "P07"
        recorded.write(tmp_path / "session")
        true = [row for row in walk.truth_contacts if row["t_contact_ns"] < 12_500 * MS]
        assert len(true) > 12
        for row in true:
            off_ms = min(
                (
                    (one["t_contact_ns"] - row["t_contact_ns"]) / MS
                    for one in recorded.contacts
                    if one["foot"] == row["foot"]
                ),
                key=abs,
            )
            assert -60 <= off_ms <= 15
        assert {(row["direction"], row["first"]) for row in recorded.contacts[:12]} == {("forward", "heel")}

    def test_a_standing_foot_is_level_and_its_sensor_slopes(self, root):
        poses, seats = grouvel.read(root / "P07_S01_Gait_01.c3d")
        for sensor in ("foot_left", "foot_right"):
            np.testing.assert_allclose(poses.bodies[sensor].rotation[50, 2, 2], 1.0, atol=1e-3)
            # from an ankle 8 cm up to a marker 4 cm up, 14 cm ahead
            assert seats[sensor].slope_deg == pytest.approx(np.degrees(np.arctan2(4, 14)) - 2.1, abs=1.0)
        # they walk along y
        np.testing.assert_allclose(poses.bodies["pelvis"].rotation[50, :, 0], [0.0, 1.0, 0.0], atol=0.1)

    def test_other_names_are_no_walks_of_it(self, root):
        (root / "P07_S01_Gait_01.c3d").rename(root / "P07_S01_Squat_01.c3d")
        assert list(grouvel.recordings(root)) == []

    def test_a_file_that_can_not_be_stands_in_its_place(self, root, walk):
        markers = markers_of(walk)
        del markers["LFMH"]
        write_c3d(root / "P07_S01_Gait_00.c3d", markers)
        write_c3d(root / "P07_S01_Gait_02.c3d", markers_of(walk), rate_hz=200.0)
        write_c3d(root / "P07_S01_Gait_03.c3d", {label: place[:20] for label, place in markers_of(walk).items()})
        write_c3d(
            root / "P07_S01_Gait_04.c3d",
            {label: place + np.arange(len(place))[:, None] * 0.1 for label, place in markers_of(walk).items()},
        )
        told = [str(one) if isinstance(one, BadOriginal) else one.name for one in grouvel.recordings(root)]
        assert "no marker LFMH" in told[0]
        assert told[1] == "grouvel-P07_S01_Gait_01"
        assert "200 frames a second; want 100" in told[2]
        assert "20 frames; want 30 or more" in told[3]
        assert "never at rest" in told[4]


@pytest.fixture(scope="module")
def walks(data_dir):
    root = dataset("grouvel").folder(data_dir)
    if not root.is_dir():
        pytest.skip(f"no originals of grouvel: {root} is not there; name a folder that has them in IMU_DATA_DIR")
    return root, list(dataset("grouvel").recordings(root))


def nearest_ms(rows, name, foot, t_ms):
    """From a time to that of the nearest row."""
    return min((row[name] / MS - t_ms for row in rows if row["foot"] == foot and row[name] is not None), key=abs)


def test_every_foot_strike_of_the_files_has_a_contact_a_little_later(walks):
    root, recordings = walks
    off_ms, gone_ms = [], []
    for recorded in recordings:
        events = read_c3d(root / f"{recorded.name.removeprefix('grouvel-')}.c3d").events
        for t_s, label, context in events:
            column, told = ("t_contact_ns", off_ms) if label == "Foot Strike" else ("t_release_ns", gone_ms)
            told.append(nearest_ms(recorded.contacts, column, context.lower(), t_s * 1e3))
    # a heel is furthest ahead before it is down, and a toe furthest behind after it is up
    assert min(off_ms) > -5.0
    assert max(off_ms) < 75.0
    assert 5.0 < np.median(off_ms) < 25.0
    seen = [off for off in gone_ms if abs(off) < 150.0]
    assert len(seen) > 0.8 * len(gone_ms)
    assert min(seen) > -60.0
    assert max(seen) < 0.0


def test_what_others_made_of_the_files_agrees(walks, data_dir):
    _, recordings = walks
    off, wrong, compared = [], 0, 0
    for recorded in recordings:
        folder = data_dir / "sessions" / recorded.name
        if not folder.is_dir():
            continue
        truth = pq.read_table(folder / "truth_contacts.parquet").to_pylist()
        pelvis = pq.read_table(folder / "truth_pelvis.parquet").to_pydict()
        np.testing.assert_allclose(recorded.pelvis["obliquity_deg"], pelvis["obliquity_deg"], atol=0.01)
        np.testing.assert_allclose(recorded.pelvis["tilt_deg"], pelvis["tilt_deg"], atol=0.05)
        for sensor, most_acc, most_gyr in (("pelvis", 0.1, 1e-3), ("foot_left", 1.5, 0.2), ("foot_right", 1.5, 0.2)):
            raw = pq.read_table(folder / "raw" / f"{sensor}.parquet")
            ours = recorded.samples[sensor]
            assert ours.t_ns.tolist() == raw["t_ns"].to_pylist()
            for kind, values, most in (("acc", ours.acc, most_acc), ("gyr", ours.gyr, most_gyr)):
                theirs = np.stack([raw[f"{kind}_{axis}"].to_numpy() for axis in "xyz"], axis=1)
                assert np.sqrt(np.mean((values - theirs)[10:-10] ** 2)) < most
        for row in truth:
            compared += 1
            off.append(nearest_ms(recorded.contacts, "t_contact_ns", row["foot"], row["t_contact_ns"] / MS))
            (mate,) = (
                one
                for one in recorded.contacts
                if one["foot"] == row["foot"]
                and abs(one["t_contact_ns"] / MS - row["t_contact_ns"] / MS - off[-1]) < 1e-3
            )
            wrong += (mate["first"], mate["direction"]) != (row["first"], row["direction"])
    if not compared:
        pytest.skip(f"no sessions grouvel-* in {data_dir / 'sessions'}; name a folder that has them in IMU_DATA_DIR")
    # one heel slides on (the card tells), all others are the same to the sample
    assert np.sort(np.abs(off))[:-1].max() < 1.0
    assert np.max(np.abs(off)) < 25.0
    assert wrong <= 2
