"""What people do to recordings and commands, and what must come of it."""

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadSessionFile, DuplicateSession
from imu.pipeline import Pipeline
from imu.reprocess import plan, reprocess
from imu.store.folder import find_sessions, read_session


@pytest.fixture
def copy(walk_folder, tmp_path):
    def copied(name: str = "walk", **changes) -> Path:
        folder = tmp_path / name
        shutil.copytree(walk_folder, folder)
        document = json.loads((folder / "session.json").read_text())
        document.update(changes)
        (folder / "session.json").write_text(json.dumps(document))
        return folder

    return copied


def rate_stated(folder: Path, rate_hz: float) -> None:
    document = json.loads((folder / "session.json").read_text())
    for sensor in document["sensors"].values():
        sensor["rate_hz"] = rate_hz
    (folder / "session.json").write_text(json.dumps(document))


@pytest.mark.parametrize("stated_hz", [50.0, 75.0, 200.0, 400.0])
def test_a_rate_that_the_clock_contradicts_is_named_and_not_believed(copy, stated_hz):
    folder, true = copy("wrong"), copy("true")
    right = reprocess(true, true).summary
    rate_stated(folder, stated_hz)
    wrong = reprocess(folder, folder).summary
    assert [entry["what"] for entry in wrong["left_out"] if entry["what"].endswith(" rate")] == [
        "foot_left rate",
        "foot_right rate",
        "pelvis rate",
    ]
    for direction in ("forward", "backward"):
        for name in ("stride_length_m", "cadence_spm"):
            told, true_one = wrong["directions"][direction][name], right["directions"][direction][name]
            assert told["mean"] == pytest.approx(true_one["mean"], rel=0.05)


def test_repairs_name_what_is_absent_and_what_starts_late_or_ends_early(copy):
    folder = copy()
    (folder / "raw" / "pelvis.parquet").unlink()
    left = folder / "raw" / "foot_left.parquet"
    table = pq.read_table(left)
    pq.write_table(table.slice(200, table.num_rows - 500), left)
    repairs = reprocess(folder, folder).summary["repairs"]
    assert repairs["pelvis"] == {"absent": 1}
    assert (repairs["foot_left"]["starts_late_s"], repairs["foot_left"]["ends_early_s"]) == (2.0, 3.0)
    assert (repairs["foot_right"]["starts_late_s"], repairs["foot_right"]["ends_early_s"]) == (0.0, 0.0)
    assert repairs["foot_right"]["jitter"] == 0


def test_results_beside_raw_data_are_no_recordings_to_analyse_again(copy, tmp_path):
    folder = copy("store/walk")
    for _ in range(2):
        jobs = plan([str(tmp_path / "store")], tmp_path / "store" / "results")
        assert [(job.source, job.error) for job in jobs] == [(folder, None)]
        reprocess(folder, jobs[0].target)
    # who names it gets to know what is missing
    assert find_sessions([str(jobs[0].target)]) == [jobs[0].target]


def test_raw_data_of_another_session_keep_their_session_json(copy, tmp_path):
    folder, other = copy("mine"), copy("store/subject=SIM01/session=walk")
    (job,) = plan([str(folder)], tmp_path / "store")
    assert isinstance(job.error, DuplicateSession)
    assert job.target is None
    assert (other / "session.json").exists()


def test_numbers_beyond_any_number_are_refused(copy):
    folder = copy()
    text = (folder / "session.json").read_text()
    (folder / "session.json").write_text(text.replace("{", '{"activity_level": 1e999, ', 1))
    with pytest.raises(BadSessionFile, match="1e999"):
        read_session(folder)


def test_sync_says_only_what_the_contract_knows(copy):
    assert reprocess(one := copy("a", sync="device"), one).summary["sync"] == "device"
    assert reprocess(two := copy("b", sync={"by": "hand"}), two).summary["sync"] == "unknown"


def test_a_sensor_that_ends_early_may_say_so_early(walk):
    """The tables are the same whether a stream's end is told at once or with that of all."""

    def tables(*, told: bool):
        pipeline = Pipeline(walk.session, list(walk.session.sensors))
        for k, blocks in enumerate(zip(*(walk.samples(name) for name in walk.session.sensors), strict=True)):
            for name, samples in zip(walk.session.sensors, blocks, strict=True):
                if name == "foot_left" and k >= 20:
                    if told:
                        pipeline.end(name)
                else:
                    pipeline.push(name, samples)
        pipeline.flush()
        return pipeline.tables(), pipeline.summary()

    assert tables(told=True) == tables(told=False)


def test_two_stars_find_sessions_and_not_what_is_in_them(copy, tmp_path):
    folders = [copy("store/a"), copy("store/b")]
    assert find_sessions([f"{tmp_path}/store/**"]) == folders


def test_a_folder_may_be_called_anything(copy, tmp_path):
    odd = tmp_path / os.fsdecode(b"gait \xff lab")
    try:
        copy().rename(odd)
    except OSError:
        pytest.skip(f"{tmp_path} takes no such name; run with --basetemp on a Linux file system")
    assert reprocess(odd, odd).summary["directions"]
