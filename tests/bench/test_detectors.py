import math
import os
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.matching import pairs
from imu.core.samples import Samples
from imu.core.session import Session
from imu.core.tables import number, whole
from imu.reprocess import analyse
from imu.store.folder import read_session
from imu_bench.detector import About, Heard, Streaming, Whole
from imu_bench.detectors import registry
from imu_bench.detectors.cheats import Forward, Late, Restless, Silent
from imu_bench.detectors.naive import AccPeak, GyroZero
from imu_bench.detectors.ours import Ours, attitude
from imu_bench.detectors.registry import BUILT_IN, GROUPS, NoDetector, chosen, detector, kind_of, names, names_in
from imu_bench.predictions import PREDICTED, write_predictions
from imu_bench.running.feed import PACKET_NS, feed, found_by, packets
from imu_bench.running.heard import hear
from imu_bench.running.perturb import rotation, tilted
from tests.bench.mine import Mine
from tests.bench.planted import Slips, Teller

MS = 1_000_000


@pytest.fixture(scope="module")
def heard(walk_folder):
    return hear(walk_folder)


@pytest.fixture(scope="module")
def ours(heard):
    return feed(Ours(), heard)


def without(heard, *sensors):
    left = {name: one for name, one in heard.samples.items() if name not in sensors}
    said = heard.session.document["sensors"]
    return Heard(Session.parse({**heard.session.document, "sensors": {name: said[name] for name in left}}), left)


def unmounted(heard):
    said = {name: {**one, "mounting": None} for name, one in heard.session.document["sensors"].items()}
    return Heard(Session.parse({**heard.session.document, "sensors": said}), heard.samples)


def errors_ms(walk, found, foot, direction):
    """Of matched contacts, ms; and how many are true."""
    true = [row for row in walk.truth_contacts if row["foot"] == foot and row["direction"] == direction]
    own = [whole(row, "t_contact_ns") for row in found["contacts"] if row["foot"] == foot]
    at = [whole(row, "t_contact_ns") for row in true]
    return np.array([(own[j] - at[i]) / MS for i, j in pairs(at, own, 150 * MS)]), len(true)


class TestRegistry:
    def test_all_that_come_along_are_detectors_of_their_names(self):
        for name in BUILT_IN:
            found = detector(name)
            assert found.about.name == name
            assert isinstance(found, Whole | Streaming)
        assert kind_of(detector("retrogait")) == kind_of(detector("cheat-late")) == "streaming"
        assert kind_of(detector("naive-gyro")) == "whole"

    def test_groups_and_names_each_once(self, monkeypatch):
        monkeypatch.setattr(registry, "_peers", dict)
        assert chosen(["ours", "naive-acc", "naive", "retrogait"]) == ["retrogait", "naive-acc", "naive-gyro"]
        assert chosen(["tests.bench.mine:Mine"]) == ["tests.bench.mine:Mine"]
        assert set(names()) >= set(BUILT_IN)
        assert sorted(name for group in GROUPS for name in names_in(group)) == sorted(names())
        with pytest.raises(ValueError, match=r"no detector 'retrogate'.*meant 'retrogait'"):
            chosen(["retrogate"])

    def test_those_of_entry_points_are_found(self, monkeypatch):
        entry = EntryPoint("mine", "tests.bench.mine:Mine", registry.GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])
        assert names_in("others") == chosen(["others"]) == ["mine"]
        assert isinstance(detector("mine"), Mine)

    @pytest.mark.parametrize("name", ["retrogait", "peers", "twice"])
    def test_a_clash_of_names_is_an_error(self, name, monkeypatch):
        found = [EntryPoint(name, f"{module}:X", registry.GROUP) for module in ("a", "b")][: 1 + (name == "twice")]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)
        with pytest.raises(NoDetector, match=f"two detectors are called '{name}'"):
            names()

    @pytest.mark.parametrize(
        ("where", "said"),
        [
            ("no_such_module:X", "ModuleNotFoundError"),
            ("tests.bench.mine:Yours", "AttributeError"),
            ("json:JSONDecoder", "has neither detect, nor start, nor run"),
            ("imu_bench.detector:About", "TypeError"),
        ],
    )
    def test_what_is_none_is_refused_in_one_line(self, where, said):
        with pytest.raises(NoDetector, match=said) as refused:
            detector(where)
        assert "\n" not in str(refused.value)

    def test_a_name_has_to_be_fit_for_paths_and_the_same_as_where_it_was_found(self, monkeypatch):
        entry = EntryPoint("other", "tests.bench.mine:Mine", registry.GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
        with pytest.raises(NoDetector, match="called 'mine', and 'other' where it was found"):
            detector("other")
        monkeypatch.setattr(Mine, "about", About("../mine", "", "", "", {}))
        with pytest.raises(NoDetector, match="name of lower case"):
            detector("tests.bench.mine:Mine")


class TestFeed:
    def test_packets_are_all_samples_in_order_of_time(self, heard):
        parts = list(packets(heard.samples))
        for sensor, one in heard.samples.items():
            own = [part for name, part in parts if name == sensor]
            assert np.array_equal(np.concatenate([part.seq for part in own]), one.seq)
            assert max(int(part.t_ns[-1] - part.t_ns[0]) for part in own) < PACKET_NS
        starts = [int(part.t_ns[0]) for _, part in parts]
        newest = np.maximum.accumulate(starts)
        assert (newest - starts).max() < PACKET_NS

    @given(st.lists(st.integers(0, 400 * MS), min_size=1, max_size=60))
    def test_late_rows_come_when_they_came(self, t_ns):
        n = len(t_ns)
        made = Samples(np.array(t_ns), np.arange(n), np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n, bool))
        parts = [part for _, part in packets({"foot_left": made, "pelvis": made})]
        assert sum(map(len, parts)) == 2 * len(made)
        assert all(len(part) for part in parts)

    def test_contacts_are_dated_on_arrival_and_stay_as_told(self, heard):
        rows = feed(Teller(), heard)["contacts"]
        first = next(row for row in rows if row["foot"] == "left")
        assert 2_000 * MS < first["t_told_ns"] <= 2_000 * MS + 2 * PACKET_NS
        assert first["direction"] == "uncertain"
        # what comes after it is known at the end; what it was is not changed any more
        assert first["t_release_ns"] > first["t_contact_ns"]
        assert "pattern" not in first
        at_end = next(row for row in rows if row["foot"] == "right")
        assert at_end["t_told_ns"] == int(heard.samples["foot_right"].t_ns[-1])

    def test_who_gets_all_at_once_has_no_dates(self, heard):
        class Dated:
            about = Mine.about

            def detect(self, heard):
                return {"contacts": [{"foot": "left", "t_contact_ns": 1, "t_told_ns": 2}]}

        assert found_by(Dated(), heard) == {"contacts": [{"foot": "left", "t_contact_ns": 1}]}

    def test_what_can_not_be_written_is_said(self, heard):
        with pytest.raises(ValueError, match=r"contacts has 't_contact'.*meant 't_contact_ns'"):
            found_by(Slips(), heard)

        class Talks:
            about = Mine.about

            def detect(self, heard):
                return {"contact": []}

        with pytest.raises(ValueError, match=r"table 'contact'.*meant 'contacts'"):
            found_by(Talks(), heard)


class TestOurs:
    def test_it_is_what_reprocess_makes(self, ours, walk_folder):
        tables = analyse(walk_folder, read_session(walk_folder)).tables()
        assert [{k: v for k, v in row.items() if k != "t_told_ns"} for row in ours["contacts"]] == tables["contacts"]
        assert (ours["strides"], ours["steps"]) == (tables["strides"], tables["steps"])

    def test_contacts_are_told_when_it_says(self, ours):
        rows = [row for row in ours["contacts"] if "at_end" not in str(row["quality"])]
        assert len(rows) > 30
        for row in rows:
            assert 0 <= whole(row, "t_told_ns") - whole(row, "t_emitted_ns") < PACKET_NS

    def test_the_pelvis_is_held_as_truth_says(self, ours, walk):
        t_ns = np.array([whole(row, "t_ns") for row in ours["pelvis"]])
        true = next(iter(walk.truth_pelvis()))
        inside = (t_ns > 4_000 * MS) & (t_ns < 30_000 * MS)
        for name, limit in (("obliquity_deg", 1.0), ("tilt_deg", 1.0)):
            found = np.array([number(row, name) for row in ours["pelvis"]])[inside]
            error = found - np.interp(t_ns[inside], true["t_ns"], true[name])
            assert (error - error.mean()).std() < limit
            # neither sign nor axis is another's
            assert np.corrcoef(found, found - error)[0, 1] > 0.6

    def test_without_pelvis_or_mounting_there_is_no_attitude(self, heard):
        assert "pelvis" not in feed(Ours(), without(heard, "pelvis"))
        assert "pelvis" not in feed(Ours(), unmounted(heard))

    @given(st.floats(-60, 60), st.floats(-60, 60), st.floats(-3, 3))
    def test_angles_are_bakers(self, obliquity, tilt, heading):
        """Rotation, obliquity, tilt, in this order, about the axes that move along."""
        held = (
            rotation(np.array([0.0, 0, 1]), heading)
            @ rotation(np.array([1.0, 0, 0]), math.radians(obliquity))
            @ rotation(np.array([0.0, 1, 0]), math.radians(tilt))
        )
        q = np.array([quaternion(held)])
        found = attitude(q, np.array([[0.0, 0.0, 1.0]]), np.eye(3))
        assert found[0][0] == pytest.approx(obliquity, abs=1e-6)
        assert found[1][0] == pytest.approx(tilt, abs=1e-6)


def quaternion(matrix):
    """wxyz of a rotation of less than half a turn."""
    w = math.sqrt(max(1.0 + np.trace(matrix), 1e-12)) / 2.0
    x, y, z = matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]
    found = np.array([w, x / (4 * w), y / (4 * w), z / (4 * w)])
    return found / np.linalg.norm(found)


@pytest.mark.parametrize("naive", [AccPeak(), GyroZero()], ids=["acc", "gyro"])
class TestNaive:
    def test_walking_forward_is_found(self, naive, heard, walk):
        found = found_by(naive, heard)
        for foot in ("left", "right"):
            errors, true = errors_ms(walk, found, foot, "forward")
            assert len(errors) >= 0.75 * true
            assert errors.std() < 50.0
        assert all("direction" not in row for row in found["contacts"])

    def test_strides_and_steps_go_from_contact_to_contact(self, naive, heard):
        found = found_by(naive, heard)
        times = {(row["foot"], row["t_contact_ns"]) for row in found["contacts"]}
        assert len(found["strides"]) > 10
        for row in found["strides"]:
            assert {(row["foot"], row["t_start_ns"]), (row["foot"], row["t_end_ns"])} <= times
            assert 0.6 <= row["stride_time_s"] <= 3.0
        for row in found["steps"]:
            assert (row["stance_foot"], row["t_start_ns"]) in times
            assert 0.0 < row["step_time_s"] <= 2.0
            assert row["cadence_spm"] == pytest.approx(60.0 / row["step_time_s"])

    def test_it_can_be_written_whatever_is_missing(self, naive, heard, tmp_path):
        short = Heard(heard.session, {name: one[:30] for name, one in heard.samples.items()})
        still = Heard(heard.session, {name: one[:200] for name, one in heard.samples.items()})
        for number_, one in enumerate((heard, without(heard, "foot_right", "pelvis"), unmounted(heard), short, still)):
            found = found_by(naive, one)
            assert found.keys() <= PREDICTED.keys()
            write_predictions(tmp_path / str(number_), found)
        assert not found_by(naive, still)["contacts"]

    def test_straps_that_sit_askew_do_not_matter_much(self, naive, heard, walk):
        rng = np.random.default_rng(1)
        askew = Heard(
            heard.session, {name: tilted(10.0)(name, one, 100.0, rng)[0] for name, one in heard.samples.items()}
        )
        errors, true = errors_ms(walk, found_by(naive, askew), "left", "forward")
        assert len(errors) >= 0.85 * true


class TestCheats:
    def test_late_is_late_and_says_that_it_is_not(self, heard, ours):
        rows = [row for row in feed(Late(), heard)["contacts"] if "at_end" not in str(row["quality"])]
        own = {(row["foot"], row["t_contact_ns"]): row for row in ours["contacts"]}
        for row in rows:
            assert whole(row, "t_emitted_ns") - whole(row, "t_contact_ns") == MS
            late = whole(row, "t_told_ns") - whole(own[row["foot"], row["t_contact_ns"]], "t_told_ns")
            assert late >= 119 * MS or whole(row, "t_told_ns") >= int(heard.samples["foot_left"].t_ns[-1]) - 120 * MS

    def test_restless_walks_where_nobody_does(self, heard):
        found = found_by(Restless(), heard)["contacts"]
        standing = [row for row in found if whole(row, "t_contact_ns") < 2_500 * MS]
        assert len(standing) >= 3

    def test_silent_is_right_of_what_it_says(self, heard, ours):
        found = found_by(Silent(), heard)["contacts"]
        assert len(found) == len(ours["contacts"])
        said = [row for row in found if row.get("direction") is not None]
        assert 0 < len(said) < len(found)
        assert all(row["quality"] == "" for row in said)

    def test_forward_never_says_otherwise(self, heard):
        found = found_by(Forward(), heard)["contacts"]
        assert {row["direction"] for row in found} == {"forward"}


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
@pytest.mark.parametrize("name", ["gaitmap-forward", "grouvel-P01_S01_Gait_01"])
def test_real_walking_is_found_by_all(name, data_dir):
    folder = data_dir / "sessions" / name
    if not folder.is_dir():
        pytest.skip(f"no recording {name} in {folder.parent}; see IMU_DATA_DIR")
    heard = hear(folder)
    for one in ("retrogait", "naive-acc", "naive-gyro"):
        assert len(found_by(detector(one), heard)["contacts"]) > 5
