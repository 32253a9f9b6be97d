import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.session import Session
from imu.store.folder import read_session
from imu_datasets.card import read_card
from imu_datasets.readers import gaitmap, gottlieb, ipol
from imu_datasets.readers.holes import holes
from imu_datasets.recorded import true_contact
from tests.datasets import made_up

FOLDERS = {"ipol": (ipol, "ipol"), "gaitmap": (gaitmap, "gaitmap"), "gottlieb": (gottlieb, "treadmill")}
RATE = 204.8


def only(recordings):
    (one,) = recordings
    return one


def times(contacts, foot, name="t_contact_ns"):
    return [row[name] for row in contacts if row["foot"] == foot]


# against another conversion of the same files


def originals(data_dir, folder):
    path = data_dir / "originals" / folder
    if not path.is_dir():
        pytest.skip(f"no original recordings: {path} is not there; name a folder that has them in IMU_DATA_DIR")
    return path


@pytest.mark.parametrize("name", FOLDERS)
def test_samples_are_those_of_the_sessions(name, data_dir, read_recording):
    reader, folder = FOLDERS[name]
    names = []
    for recorded in reader.recordings(originals(data_dir, folder)):
        session, theirs = read_recording(recorded.name)
        names.append(recorded.name)
        ours = Session.parse(dict(recorded.document))
        assert ours.subject == session.subject
        assert set(recorded.samples) == set(theirs)
        for sensor, samples in recorded.samples.items():
            # one bool a sensor: of some of these sets no figure may be shown, not even in a failure
            same = len(samples) == len(theirs[sensor]) and all(
                np.array_equal(np.float32(getattr(samples, kind)), np.float32(getattr(theirs[sensor], kind)))
                for kind in ("acc", "gyr")
            )
            clock = same and all(
                np.array_equal(getattr(samples, kind), getattr(theirs[sensor], kind)) for kind in ("t_ns", "seq")
            )
            worn = np.array_equal(ours.sensors[sensor].mounting, session.sensors[sensor].mounting)
            assert (same, clock, worn) == (True, True, True), f"{recorded.name} {sensor}"
            assert ours.sensors[sensor].rate_hz == session.sensors[sensor].rate_hz
    assert len(names) == len(set(names))
    assert names


def close(ours, theirs):
    if ours is None or theirs is None or isinstance(ours, str):
        return ours == theirs
    return abs(ours - theirs) < (1_000_000 if isinstance(ours, int) else 1e-6)


@pytest.mark.parametrize("name", FOLDERS)
def test_contacts_are_those_of_the_sessions(name, data_dir):
    reader, folder = FOLDERS[name]
    for recorded in reader.recordings(originals(data_dir, folder)):
        path = data_dir / "sessions" / recorded.name / "truth_contacts.parquet"
        if recorded.contacts is None:
            assert not path.exists(), f"{recorded.name} has truth that we leave out"
            continue
        ours, theirs = list(recorded.contacts), pq.read_table(path).to_pylist()
        if name == "gottlieb":
            # these files are cut shorter than those the sessions were made from: no last release, nor a last row
            end_ns = max(row["t_contact_ns"] for row in ours)
            theirs = [row for row in theirs if row["t_contact_ns"] <= end_ns]
            lasts = {max(times(ours, foot)) for foot in ("left", "right")}
            rows = zip(ours, theirs, strict=True)
            columns = [(a, b, [c for c in b if c != "t_release_ns" or a["t_contact_ns"] not in lasts]) for a, b in rows]
        else:
            columns = [(a, b, list(b)) for a, b in zip(ours, theirs, strict=True)]
        differ = sorted({c for a, b, known in columns for c in known if not close(a[c], b[c])})
        assert differ == [], recorded.name
        held = read_session(path.parent).document.get("truth_ignore_ns", [])
        assert recorded.document["truth_ignore_ns"] == held, recorded.name


@pytest.mark.parametrize("name", FOLDERS)
def test_cards_say_what_the_labels_mean(name):
    card = read_card(name)
    assert {"contact", "release", "direction", "first"} <= set(card.truth)
    assert (card.figures == "private") == (name == "gottlieb")


# a walk that nobody walked, there and back


@pytest.mark.parametrize("name", FOLDERS)
def test_an_empty_folder_has_no_recordings(name, tmp_path):
    assert list(FOLDERS[name][0].recordings(tmp_path)) == []


def test_ipol_reads_what_was_written(tmp_path, rng):
    held = made_up.ipol_trial(tmp_path, rng)
    one = only(ipol.recordings(tmp_path))
    assert (one.name, one.document["subject"]) == ("ipol-5-2", "ipol5")
    for sensor, end in (("foot_left", "lf"), ("foot_right", "rf"), ("pelvis", "lb")):
        samples = one.samples[sensor]
        assert np.array_equal(samples.acc, held[end][0])
        assert np.array_equal(samples.gyr, held[end][1])
        assert samples.t_ns.tolist() == [k * 10_000_000 for k in range(1500)]
    assert times(one.contacts, "left") == [(100 * k + 40) * 10_000_000 for k in range(1, 14)]
    assert times(one.contacts, "left", "t_release_ns") == [k * 1_000_000_000 for k in range(2, 14)] + [None]
    # left ones at 640, 740, 840 and right ones at 690, 790, 890; the turn from 700 to 800, and 30 on both sides
    undirected = [row["t_contact_ns"] // 10_000_000 for row in one.contacts if row["direction"] is None]
    assert undirected == [690, 740, 790]
    assert one.document["truth_ignore_ns"] == []


def test_a_session_of_it_is_one(tmp_path, rng):
    made_up.ipol_trial(tmp_path, rng)
    one = only(ipol.recordings(tmp_path))
    session = one.write(tmp_path / "out")
    assert read_session(tmp_path / "out").session == session.session == "ipol-5-2"
    assert pq.read_table(tmp_path / "out" / "truth_contacts.parquet").num_rows == len(one.contacts)


def test_ipol_trials_come_in_order_of_numbers(tmp_path, rng):
    for trial in ("10-1", "2-11", "2-3"):
        made_up.ipol_trial(tmp_path, rng, trial)
    assert [one.name for one in ipol.recordings(tmp_path)] == ["ipol-2-3", "ipol-2-11", "ipol-10-1"]


def test_ipol_yields_what_is_there(tmp_path, rng):
    made_up.ipol_trial(tmp_path, rng, "1-1", ends=("rf",))
    made_up.ipol_trial(tmp_path, rng, "1-2", ends=("lb",))
    made_up.ipol_trial(tmp_path, rng, "1-3")
    (tmp_path / "1-3.json").unlink()
    foot, bare = ipol.recordings(tmp_path)
    assert set(foot.samples) == {"foot_right"}
    assert foot.contacts
    assert bare.contacts is None
    assert "truth_ignore_ns" not in bare.document


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, 1398), max_size=6))
def test_ipol_counts_lost_samples_and_has_no_truth_with_many(tmp_path_factory, gone):
    folder = tmp_path_factory.mktemp("lossy")
    counter = np.array([k for k in range(1400) if k not in gone])
    made_up.ipol_trial(folder, np.random.default_rng(1), counter=counter)
    one = only(ipol.recordings(folder))
    assert one.samples["pelvis"].seq.tolist() == counter.tolist()
    assert one.samples["pelvis"].t_ns.tolist() == (counter * 10_000_000).tolist()
    assert (one.contacts is None) == (len(gone) > ipol.MOST_LOST)


def test_gaitmap_reads_what_was_written(tmp_path, rng):
    held, strides = made_up.gaitmap_walk(tmp_path, rng)
    one, back = gaitmap.recordings(tmp_path)
    assert [one.name, back.name] == ["gaitmap-forward", "gaitmap-timereversed"]
    for foot in ("left", "right"):
        samples, turned = (each.samples[f"foot_{foot}"] for each in (one, back))
        acc, gyr = held[foot]
        assert np.allclose(samples.acc, acc)
        assert np.allclose(samples.gyr, np.radians(gyr))
        assert np.array_equal(turned.acc[::-1], samples.acc)
        assert np.array_equal(turned.gyr[::-1], -samples.gyr)
        assert np.array_equal(turned.t_ns, samples.t_ns)
        mine = [row for row in strides if row[1] == foot]
        assert times(one.contacts, foot) == [round(row[4] * 1e9 / RATE) for row in mine]
        assert times(one.contacts, foot, "t_release_ns") == [round(row[5] * 1e9 / RATE) for row in mine[1:]] + [None]
        assert times(one.contacts, foot, "stride_length_m") == pytest.approx([1 + 0.01 * row[0] for row in mine])
        assert times(back.contacts, foot) == [round((2999 - row[5]) * 1e9 / RATE) for row in reversed(mine)]
    assert {(row["first"], row["direction"]) for row in one.contacts} == {("heel", "forward")}
    assert {(row["first"], row["direction"]) for row in back.contacts} == {("toe", "backward")}


def test_gaitmap_reversed_twice_is_itself(tmp_path, rng):
    made_up.gaitmap_walk(tmp_path, rng)
    one, back = gaitmap.recordings(tmp_path)
    last_ns = one.samples["foot_left"].t_ns[-1]
    for foot in ("left", "right"):
        leaves = sorted(last_ns - t for t in times(back.contacts, foot))
        known = [t for t in times(one.contacts, foot, "t_release_ns") if t is not None]
        # the first tc is of a stance that no contact starts
        assert np.abs(np.subtract(leaves[1:], known)).max() <= 2


def test_gaitmap_has_a_hole_where_a_stride_is_missing(tmp_path, rng):
    made_up.gaitmap_walk(tmp_path, rng, missing=(5,))
    one, _ = gaitmap.recordings(tmp_path)
    found = one.document["truth_ignore_ns"]
    assert [foot for foot, _, _ in found] == ["left", "right"]
    for foot, start_ns, end_ns in found:
        inside = [t for t in times(one.contacts, foot) if start_ns <= t <= end_ns]
        assert inside == []
        assert (end_ns - start_ns) / 1e9 == pytest.approx(1.4 * 200 / RATE, abs=1e-6)


def test_gaitmap_yields_what_is_there(tmp_path, rng):
    made_up.gaitmap_walk(tmp_path, rng)
    (tmp_path / "position_sample.csv").unlink()
    one, _ = gaitmap.recordings(tmp_path)
    assert {row["stride_length_m"] for row in one.contacts} == {None}
    (tmp_path / "stride_events_sample.csv").unlink()
    assert [each.contacts for each in gaitmap.recordings(tmp_path)] == [None, None]


@pytest.mark.parametrize(("stem", "direction", "phase"), [("FW", "forward", 0.0), ("BW", "backward", 0.5)])
@pytest.mark.parametrize("period_s", [0.9, 1.1, 1.37])
def test_gottlieb_reads_what_was_written(stem, direction, phase, period_s, tmp_path, rng):
    held = made_up.gottlieb_walk(tmp_path, rng, stem, period_s)
    one = only(gottlieb.recordings(tmp_path))
    assert one.name == f"treadmill-{direction}"
    for foot, sensor, shift in (("left", "LT", 0.0), ("right", "RT", 0.5)):
        samples = one.samples[f"foot_{foot}"]
        assert np.allclose(samples.acc, held[sensor][0] * made_up.G)
        assert np.allclose(samples.gyr, np.radians(held[sensor][1]))
        assert np.array_equal(samples.t_ns, np.arange(2000) * 2_700_000)
        found = np.array(times(one.contacts, foot)) / 1e9
        # furthest ahead (or behind) once a period; the filter bends both ends of the file
        off = found / period_s - (phase + shift)
        assert (np.abs(off - off.round()) * period_s)[1:-1].max() <= 0.01 + 1e-9
        assert np.diff(found) == pytest.approx(period_s, abs=0.03)
        stances = [
            (row["t_release_ns"] - row["t_contact_ns"]) / 1e9
            for row in one.contacts
            if row["foot"] == foot and row["t_release_ns"] is not None
        ]
        assert stances == pytest.approx([period_s / 2] * len(stances), abs=0.03)
        assert len(stances) >= len(found) - 1
    assert {row["direction"] for row in one.contacts} == {direction}
    assert {row["first"] for row in one.contacts} == {"heel" if direction == "forward" else "toe"}


def test_gottlieb_yields_what_is_there(tmp_path, rng):
    made_up.gottlieb_walk(tmp_path, rng, "FW")
    made_up.gottlieb_walk(tmp_path, rng, "BW")
    assert [one.name for one in gottlieb.recordings(tmp_path)] == ["treadmill-backward", "treadmill-forward"]
    (tmp_path / "BW_Kinematic.csv").unlink()
    back, one = gottlieb.recordings(tmp_path)
    assert back.contacts is None
    assert one.contacts


def test_gottlieb_gives_no_contact_the_release_of_the_next(tmp_path, rng):
    made_up.gottlieb_walk(tmp_path, rng, period_s=1.0)
    path = tmp_path / "FW_Kinematic.csv"
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    for row in rows:
        if 4.0 < float(row[0]) < 5.0:
            row[header.index("LTOE")] = "0.4"
    path.write_text(made_up.separated([header, *rows]))
    one = only(gottlieb.recordings(tmp_path))
    unseen = [row["t_contact_ns"] for row in one.contacts if row["foot"] == "left" and row["t_release_ns"] is None]
    assert any(abs(t_ns - 4_000_000_000) <= 10_000_000 for t_ns in unseen)


@given(st.integers(3, 12), st.integers(600, 2000), st.integers(1, 10))
def test_a_hole_is_where_a_contact_is_missing_and_nowhere_else(n, stride_ms, gone):
    all_ns = [k * stride_ms * 1_000_000 for k in range(n + 3)]
    kept = [t for k, t in enumerate(all_ns) if k != gone]
    found = holes(true_contact("left", t) for t in kept)
    if not 0 < gone < len(all_ns) - 1:
        assert found == []
    else:
        ((foot, start_ns, end_ns),) = found
        assert foot == "left"
        assert all_ns[gone - 1] < start_ns < all_ns[gone] < end_ns < all_ns[gone + 1]
        assert holes((true_contact("left", t) for t in kept), until_ns=all_ns[gone]) == []
