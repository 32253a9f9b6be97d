import json
import shutil
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from imu.core.errors import DuplicateSession, SessionNotFound, UsageError
from imu.core.tables import whole
from imu.store.folder import read_session
from imu_bench.running import recordings
from imu_bench.running.choose import choose
from imu_bench.running.recordings import NoRecordings, at_hand, card_of, data_sets, given, is_private, made, staged
from imu_bench.running.scenario import PERTURBED, SHELVES, SIMULATED, SPLITS, Scenario, scenario, shelf
from imu_bench.running.simulated import PROTOCOLS, simulations
from imu_bench.truth import read_truth


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without originals."""
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path / "nowhere"))


@pytest.fixture
def quick(monkeypatch):
    """Of the simulated data set, two sessions."""
    few = [one for one in simulations() if one.name in ("simulated-forward-1", "simulated-backward-2")]
    monkeypatch.setattr("imu_bench.running.simulated.simulations", lambda: iter(few))


def directed(folder, *directions):
    """Give a session's truth these directions, in turn."""
    path = folder / "truth_contacts.parquet"
    table = pq.read_table(path)
    column = [directions[k % len(directions)] for k in range(len(table))]
    place = table.column_names.index("direction")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(column, pa.string())), path)
    return folder


class TestIds:
    @drawn(
        st.sampled_from(sorted({*SHELVES, "mine"})),
        st.sampled_from(sorted(SPLITS)),
        st.sampled_from([None, *PERTURBED]),
    )
    def test_an_id_is_read_as_it_is_written(self, data, split, perturbation):
        one = Scenario(data, split, perturbation)
        assert scenario(one.id) == one
        assert one.about.startswith(f"{data}: ")
        assert "\n" not in one.about

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("ipol", "want DATASET/all|forward|backward"),
            ("ipol/", "want DATASET"),
            ("/all", "want DATASET"),
            ("ipol/al", "meant 'all'"),
            ("ipol/all+rate50", "meant 'rate-50'"),
            ("ipol/all+", "no perturbation ''"),
            ("ipol/all+rate-50+loss-1", "no perturbation"),
        ],
    )
    def test_another_is_refused(self, given, said):
        with pytest.raises(UsageError, match=said.replace("|", r"\|")):
            scenario(given)

    def test_these_are_for_ever(self):
        """What an id means never changes; whoever wants something else adds one."""
        assert set(SPLITS) == {"all", "forward", "backward"}
        assert (
            *("noise-x4", "bias-1dps", "tilt-10", "tilt-20", "tilt-35"),
            *("rate-25", "rate-50", "rate-100", "rate-200", "rate-400"),
            *("loss-1", "loss-5", "loss-10", "gap-200", "jitter-5", "offset-20"),
        ) == PERTURBED

    def test_all_is_each_once_with_the_whole_first(self):
        for data in [*SHELVES, "mine"]:
            found = shelf(data)
            assert len({one.id for one in found}) == len(found)
            assert found[0].id == f"{data}/all"
        assert [one.id for one in shelf("mine")] == ["mine/all"]

    def test_every_data_set_with_figures_is_on_the_shelf(self):
        assert {name for name in data_sets() if not is_private(name)} <= set(SHELVES)


class TestCards:
    def test_of_what_nobody_knows_nothing_is_shown(self):
        assert card_of("of-my-own") is None
        assert is_private("of-my-own")
        assert is_private("gottlieb")
        assert not is_private(SIMULATED)

    def test_the_simulated_one_has_a_card_like_others(self):
        card = card_of(SIMULATED)
        assert (card.figures, card.kind) == ("published", "simulated")
        assert "contact" in card.truth


class TestGiven:
    def test_by_name_up_to_the_first_dash(self, copied, tmp_path):
        for name in ("ipol-2", "ipol-1", "treadmill-backward", "mine"):
            copied(name)
        notes = []
        found = given([str(tmp_path)], notes.append)
        assert {data: list(sessions) for data, sessions in found.items()} == {
            "gottlieb": ["treadmill-backward"],
            "ipol": ["ipol-1", "ipol-2"],
            "mine": ["mine"],
        }
        assert found["ipol"]["ipol-1"] == tmp_path / "ipol-1"
        assert notes == []

    def test_what_can_not_be_read_is_told(self, copied, tmp_path):
        (copied("a-2") / "session.json").write_text("{")
        notes = []
        assert list(given([str(copied("a-1")), str(tmp_path / "a-2"), str(tmp_path / "no")], notes.append)["a"]) == [
            "a-1"
        ]
        assert len(notes) == 2
        assert "no JSON" in notes[0]
        assert "is not there" in notes[1]
        with pytest.raises(SessionNotFound, match="no session that can be read"):
            given([str(tmp_path / "no")], notes.append)

    def test_two_of_one_name_are_refused(self, copied, tmp_path):
        shutil.copytree(copied("a-1"), tmp_path / "more" / "a-1")
        with pytest.raises(DuplicateSession, match="both called a-1"):
            given([str(tmp_path)], print)


class TestSplits:
    def test_are_by_what_truth_says_of_a_session(self, copied):
        folders = {
            "a-1": directed(copied("a-1"), "forward", None),
            "a-2": directed(copied("a-2"), "backward", "in_place"),
            "a-3": copied("a-3"),
            "a-4": directed(copied("a-4"), None, "in_place"),
            "a-5": copied("a-5"),
        }
        (folders["a-5"] / "truth_contacts.parquet").unlink()
        found = {split: list(staged(Scenario("a", split), folders).sessions) for split in SPLITS}
        assert found == {"all": ["a-1", "a-2", "a-3", "a-4"], "forward": ["a-1"], "backward": ["a-2"]}

    def test_one_without_sessions_is_refused(self, copied):
        with pytest.raises(NoRecordings, match="a/forward has no session"):
            staged(Scenario("a", "forward"), {"a-1": copied("a-1")})


class TestSimulated:
    def test_it_is_standing_and_walking_of_people_who_differ(self):
        found = list(simulations())
        assert len({one.name for one in found}) == len(found)
        assert all(one.name.startswith(f"{SIMULATED}-") for one in found)
        assert {one.name.split("-")[1] for one in found} == {*PROTOCOLS, "toes"}
        assert len({one.recording().session.subject for one in found}) >= 3
        standing = [one.recording() for one in found if "standing" in one.name]
        assert sum(one.duration_s for one in standing) >= 600.0
        assert not any(one.truth_contacts for one in standing)

    def test_its_splits_are_what_they_are_called(self):
        for one in simulations():
            told = {row["direction"] for row in one.recording().truth_contacts} - {None, "in_place"}
            kind = one.name.split("-")[1]
            wanted = {"forward": {"forward"}, "toes": {"forward"}, "backward": {"backward"}, "standing": set()}
            assert told == wanted.get(kind, {"forward", "backward"}), one.name

    @pytest.mark.usefixtures("nowhere", "quick")
    def test_it_needs_no_files_and_is_made_once(self, tmp_path):
        notes = []
        first = made(SIMULATED, tmp_path, notes.append)
        assert list(first) == ["simulated-backward-2", "simulated-forward-1"]
        folder = first["simulated-forward-1"]
        truth = read_truth(folder, read_session(folder))
        assert truth.complete
        assert truth.pelvis is not None
        assert all(whole(a, "t_contact_ns") <= whole(b, "t_contact_ns") for a, b in pairwise(truth.contacts))
        content = (folder / "raw" / "foot_left.parquet").read_bytes()
        before = folder.stat().st_mtime_ns
        assert made(SIMULATED, tmp_path, notes.append) == first
        assert folder.stat().st_mtime_ns == before
        assert notes == ["making sessions of simulated"]
        # broken off: all anew, and the same bytes
        (tmp_path / "recordings" / SIMULATED / "made.json").unlink()
        made(SIMULATED, tmp_path, notes.append)
        assert (folder / "raw" / "foot_left.parquet").read_bytes() == content
        assert len(notes) == 2


@pytest.mark.usefixtures("nowhere")
class TestOriginals:
    def test_what_is_not_there_is_said(self, tmp_path):
        assert not at_hand("ipol")
        with pytest.raises(NoRecordings, match=r"files of ipol are not at hand.*IMU_DATA_DIR"):
            made("ipol", tmp_path, print)
        with pytest.raises(NoRecordings, match=r"no data set 'ipool'.*meant 'ipol'"):
            made("ipool", tmp_path, print)

    def test_sessions_are_made_of_them_and_made_anew_when_they_change(self, tmp_path, monkeypatch, copied):
        root = tmp_path / "nowhere" / "originals" / "ipol"
        root.mkdir(parents=True)
        (root / "one.txt").write_text("1")
        calls = []

        def convert(sets, store, *, overwrite):
            calls.append([one.name for one in sets])
            shutil.copytree(copied(f"ipol-{len(calls)}"), store / "subject=S" / "session=x")
            yield sets[0], store
            yield sets[0], ValueError("one is broken")

        monkeypatch.setattr(recordings, "convert", convert)
        notes = []
        assert list(made("ipol", tmp_path / "out", notes.append)) == ["ipol-1"]
        assert list(made("ipol", tmp_path / "out", notes.append)) == ["ipol-1"]
        (root / "two.txt").write_text("2")
        assert list(made("ipol", tmp_path / "out", notes.append)) == ["ipol-2"]
        assert calls == [["ipol"], ["ipol"]]
        assert notes[:2] == ["making sessions of ipol", "ipol: one is broken"]


@pytest.mark.usefixtures("nowhere", "quick")
class TestChoose:
    def chosen(self, tmp_path, *ids, everything=False, sessions=None, private=False):
        notes = []
        found = choose(
            ids, everything=everything, sessions=sessions, private=private, out=tmp_path / "out", tell=notes.append
        )
        return [one.id for one in found], notes

    def test_everything_is_what_is_at_hand(self, tmp_path):
        ids, notes = self.chosen(tmp_path, everything=True)
        assert ids == [one.id for one in shelf(SIMULATED)]
        assert any(note.startswith("ipol: left out, its files are not at hand") for note in notes)
        # of what is private nothing is said where it is not there either
        assert not any(note.startswith("gottlieb") for note in notes)

    def test_what_is_private_is_left_out_aloud_where_it_is_at_hand(self, tmp_path, monkeypatch):
        (tmp_path / "data" / "originals" / "treadmill").mkdir(parents=True)
        monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path / "data"))
        _, notes = self.chosen(tmp_path, everything=True)
        assert any(note.startswith("gottlieb: left out") and "--private" in note for note in notes)

    def test_each_once_in_the_order_asked_for(self, tmp_path):
        ids = ["simulated/backward+loss-1", "simulated/all", "simulated/all"]
        assert self.chosen(tmp_path, *ids)[0] == ids[:2]

    def test_what_is_asked_for_by_name_has_to_be_there(self, tmp_path):
        with pytest.raises(NoRecordings, match="not at hand"):
            self.chosen(tmp_path, "ipol/all")
        with pytest.raises(NoRecordings, match="no data set"):
            self.chosen(tmp_path, "nobodys/all")

    def test_private_data_want_to_be_asked_for(self, tmp_path, copied):
        folder = str(copied("treadmill-forward"))
        with pytest.raises(UsageError, match="--private"):
            self.chosen(tmp_path, "gottlieb/all", sessions=[folder])
        with pytest.raises(NoRecordings, match="nothing is left"):
            self.chosen(tmp_path, sessions=[folder])
        assert self.chosen(tmp_path, sessions=[folder], private=True)[0] == ["gottlieb/all"]

    def test_sessions_are_in_place_of_originals(self, tmp_path, copied):
        folder = str(directed(copied("ipol-1"), "forward"))
        assert self.chosen(tmp_path, sessions=[folder])[0] == ["ipol/all"]
        ids, notes = self.chosen(tmp_path, everything=True, sessions=[folder])
        assert ids == [one.id for one in shelf("ipol")]
        assert notes == []
        with pytest.raises(NoRecordings, match="--sessions has none of gaitmap; it has ipol"):
            self.chosen(tmp_path, "gaitmap/all", sessions=[folder])
        with pytest.raises(NoRecordings, match="ipol/backward has no session"):
            self.chosen(tmp_path, "ipol/backward", sessions=[folder])

    def test_of_everything_a_split_without_sessions_is_left_out(self, tmp_path, copied):
        folder = directed(copied("bandai-1"), "forward")
        ids, notes = self.chosen(tmp_path, everything=True, sessions=[str(folder)])
        assert ids == ["bandai/all", "bandai/forward"]
        assert all("has no session" in note for note in notes)
        assert json.loads((folder / "session.json").read_text())["session"] == "bandai-1"
