import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.cli import reprocess as command
from imu.cli.fan_out import fan_out
from imu.store import atomic
from imu.store.tables import is_analysed

LEFT = "raw/foot_left.parquet"


def rewrite(folder, change):
    """Read the left foot's file, change the table, write it back."""
    pq.write_table(change(pq.read_table(folder / LEFT)), folder / LEFT)


def with_column(table, name, values, **metadata):
    place = table.schema.get_field_index(name)
    field = pa.field(name, values.type, metadata=metadata)
    return table.set_column(place, field, values)


def sensors_of(folder, change):
    file = folder / "session.json"
    document = json.loads(file.read_text())
    change(document["sensors"])
    file.write_text(json.dumps(document))


def cut_in_half(folder):
    content = (folder / LEFT).read_bytes()
    (folder / LEFT).write_bytes(content[: len(content) // 2])


def reverse_clock(table):
    return with_column(table, "t_ns", pa.array(table["t_ns"].to_numpy()[::-1].copy()))


BROKEN = {
    "column": lambda folder: rewrite(folder, lambda table: table.drop_columns(["gyr_z"])),
    "unit": lambda folder: rewrite(
        folder, lambda table: with_column(table, "acc_x", table["acc_x"].combine_chunks(), unit="furlong/s^2")
    ),
    "text": lambda folder: rewrite(folder, lambda table: with_column(table, "acc_x", pa.array(["9,81"] * len(table)))),
    "truncated": cut_in_half,
    "no-parquet": lambda folder: (folder / LEFT).write_bytes(b"t_ns,seq\n0,0\n" * 100),
    "no-rows": lambda folder: rewrite(folder, lambda table: table.slice(0, 0)),
    "reversed": lambda folder: rewrite(folder, reverse_clock),
    "gone": shutil.rmtree,
    "json": lambda folder: (folder / "session.json").write_text('{"schema": '),
    "schema": lambda folder: None,
    "no-foot": lambda folder: sensors_of(folder, lambda sensors: [sensors.pop(f"foot_{s}") for s in ("left", "right")]),
    "rate": lambda folder: sensors_of(folder, lambda sensors: sensors["foot_left"].update(rate_hz=0)),
    "mounting": lambda folder: sensors_of(
        folder, lambda sensors: sensors["foot_left"].update(mounting=[[1, 0, 0], [0, 1, 0], [0, 0, -1]])
    ),
    "unsafe": lambda folder: None,
    "twin": lambda folder: None,
}
"""All that the contract refuses, by what is done to a good session."""
CHANGES = {
    "schema": {"schema": "retrogait.session/99"},
    "unsafe": {"subject": "../elsewhere"},
    "twin": {"session": "good"},
}


def test_what_is_broken_fails_alone(copy, imu, files, tmp_path):
    good = copy("good")
    folders = {name: copy(name, **CHANGES.get(name, {})) for name in BROKEN}
    for name, do in BROKEN.items():
        do(folders[name])
    before = files(tmp_path)
    code, out, err = imu("reprocess", good, *folders.values(), "--out", tmp_path / "store", "--workers", 1)
    assert code == 1
    lines = err.splitlines()
    assert [next(name for name in BROKEN if f"/in/{name}" in line) for line in lines] == list(BROKEN)
    assert all(line.startswith("imu: ") for line in lines)
    assert "Traceback" not in out + err
    assert "internal error" not in err
    assert out.splitlines()[0].startswith("SIM01 good: ")
    assert "1 session analysed" in out.splitlines()[-1]
    assert f"{len(BROKEN)} failed" in out.splitlines()[-1]
    target = tmp_path / "store" / "subject=SIM01" / "session=good"
    assert is_analysed(target)
    after = files(tmp_path)
    written = set(after) - set(before)
    assert {path.rpartition("/")[0] for path in written} == {
        str(folder.relative_to(tmp_path)) for folder in (target, target / "analysis")
    }
    assert {path: after[path] for path in before} == before


def test_all_good_is_exit_0_and_a_line_each(copy, imu):
    one, two = copy("one"), copy("two")
    code, out, err = imu("reprocess", one, two)
    assert (code, err) == (0, "")
    first, second, last = out.splitlines()
    assert first.startswith("SIM01 one: ")
    assert second.startswith("SIM01 two: ")
    assert first.removeprefix("SIM01 one") == second.removeprefix("SIM01 two")
    assert "contacts" in first
    assert "lost 0 of" in first
    assert last.startswith("2 sessions analysed in ")
    assert is_analysed(one)
    assert is_analysed(two)


def test_a_store_is_read_as_a_whole_and_in_order(copy, imu):
    folders = [copy(name) for name in ("b", "a", "c")]
    shutil.rmtree(folders[1] / "raw")
    code, out, err = imu("reprocess", folders[0].parent)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()[:2]] == ["SIM01 b", "SIM01 c"]
    assert err.count("\n") == 1
    assert str(folders[1]) in err


def test_quiet_says_only_what_failed(copy, imu):
    good, bad = copy("good"), copy("bad", schema="other")
    assert imu("reprocess", good, "--quiet") == (0, "", "")
    code, out, err = imu("reprocess", good, bad, "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith(f"imu: {bad}: session.json has schema 'other'")


def test_json_is_one_object_a_session(copy, imu, tmp_path):
    good, bad = copy("good"), copy("bad", schema="other")
    code, out, _ = imu("reprocess", good, bad, tmp_path / "nowhere", "--out", tmp_path / "store", "--json")
    assert code == 1
    one, two, three = (json.loads(line) for line in out.splitlines())
    assert (one["ok"], one["subject"], one["session"], one["error"]) == (True, "SIM01", "good", None)
    assert one["source"] == str(good)
    assert one["target"] == str(tmp_path / "store" / "subject=SIM01" / "session=good")
    summary = json.loads((tmp_path / "store/subject=SIM01/session=good/analysis/summary.json").read_text())
    assert one["contacts"] == sum(part["contacts"] for part in summary["directions"].values()) > 0
    assert (two["ok"], two["source"]) == (False, str(bad))
    assert "schema" in two["error"]
    assert (three["ok"], three["source"], three["target"]) == (False, None, None)
    assert "nowhere" in three["error"]


@pytest.mark.parametrize("workers", [0, -3])
def test_no_workers_is_wrong_usage(copy, imu, workers):
    code, out, err = imu("reprocess", copy("one"), "--workers", workers)
    assert (code, out) == (2, "")
    assert f"--workers is {workers}; want" in err


def test_workers_change_no_byte_and_no_order(copy, imu, files, tmp_path):
    folders = [copy(name) for name in ("a", "b", "c")]
    broken = copy("broken", schema="other")
    calls = {}
    for workers in (1, 2):
        store = tmp_path / f"store{workers}"
        code, out, err = imu("reprocess", *folders, broken, "--out", store, "--workers", workers)
        assert code == 1
        assert str(broken) in err
        calls[workers] = (out.splitlines()[:-1], err, files(store))
    assert calls[1] == calls[2]
    assert len(calls[1][2]) == 3 * 5


@pytest.mark.parametrize(("enough_bytes", "cpus", "workers"), [(10**9, 8, 1), (1, 8, 2), (1, 1, 1), (1, None, 1)])
def test_as_many_workers_as_pay(copy, imu, monkeypatch, enough_bytes, cpus, workers):
    asked = []

    def watched(work, tasks, *, workers, told):
        asked.append(workers)
        return fan_out(work, tasks, workers=1, told=told)

    monkeypatch.setattr(command, "fan_out", watched)
    monkeypatch.setattr(command, "WORTH_A_WORKER_BYTES", enough_bytes)
    monkeypatch.setattr(command.os, "cpu_count", lambda: cpus)
    assert imu("reprocess", copy("a"), copy("b"))[0] == 0
    assert asked == [workers]


def test_a_bug_in_one_session_is_one_line_and_the_others_go_on(copy, imu, monkeypatch):
    real = command.reprocess

    def sometimes(source, target, **options):
        return {}["what nobody thought of"] if source.name == "b" else real(source, target, **options)

    monkeypatch.setattr(command, "reprocess", sometimes)
    folders = [copy(name) for name in ("a", "b", "c")]
    monkeypatch.delenv("IMU_DEBUG", raising=False)
    code, out, err = imu("reprocess", *folders)
    assert code == 1
    assert "2 sessions analysed" in out
    assert err == (
        f"imu: {folders[1]}: internal error: KeyError: 'what nobody thought of';"
        " run with IMU_DEBUG=1 for the traceback\n"
    )
    monkeypatch.setenv("IMU_DEBUG", "1")
    code, out, err = imu("reprocess", *folders)
    assert code == 1
    assert "2 sessions analysed" in out
    assert "Traceback" in err
    assert "sometimes" in err


@pytest.mark.parametrize("at", range(4))
def test_ctrl_c_while_writing_leaves_no_half_file(copy, imu, files, monkeypatch, at):
    """Wherever it comes: the session counts as not analysed, and the next call makes it whole."""
    folder = copy("one")
    assert imu("reprocess", folder)[0] == 0
    whole = files(folder)
    real, calls = os.fsync, 0

    def interrupted(handle):
        nonlocal calls
        calls += 1
        if calls > 2 * at + 1:
            raise KeyboardInterrupt
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fsync", interrupted)
        code, out, err = imu("reprocess", folder)
    assert (code, out, err) == (130, "", "imu: stopped by Ctrl-C\n")
    assert not list(folder.rglob("*.tmp"))
    assert not is_analysed(folder)
    left = files(folder)
    assert left == {path: whole[path] for path in left}
    assert imu("reprocess", folder)[0] == 0
    assert files(folder) == whole


def test_lost_and_late_samples_and_a_missing_sensor_are_told(copy, imu):
    folder = copy("one")
    (folder / "raw" / "pelvis.parquet").unlink()

    def lose(table):
        order = np.delete(np.arange(len(table)), np.arange(500, 520))
        order[[100, 101]] = order[[101, 100]]
        return table.take(order)

    rewrite(folder, lose)
    code, out, err = imu("reprocess", folder)
    assert (code, err) == (0, "")
    line = out.splitlines()[0]
    assert "lost 21 of" in line
    assert "dropped 1 late row" in line
    assert "pelvis: no samples in raw/pelvis.parquet" in line
