import json

import numpy as np
import pyarrow.parquet as pq

LEFT = "raw/foot_left.parquet"


def test_a_good_session_is_described(copy, imu):
    folder = copy("good")
    code, out, err = imu("inspect", folder)
    assert (code, err) == (0, "")
    facts = dict(line.split(None, 1) for line in out.splitlines()[1:] if " " in line)
    assert out.splitlines()[0] == "SIM01 good"
    assert facts["folder"] == str(folder)
    assert facts["activity"] == "forward, backward"
    assert facts["truth"] == "contacts, steps, pelvis"
    assert facts["events"] == "5 phases"
    assert facts["analysed"].startswith("no; imu reprocess ")
    assert facts["quality"] == "good"
    assert facts["mounting"].split() == ["known"] * 3
    assert facts["samples"].split() == ["3300"] * 3
    assert max(map(len, out.splitlines()[8:])) <= 80
    imu("reprocess", folder)
    assert "analysed  yes" in imu("inspect", folder)[1]


def test_what_is_lost_is_counted_as_reprocess_counts_it(copy, imu):
    folder = copy("lossy")
    table = pq.read_table(folder / LEFT)
    keep = np.delete(np.arange(len(table)), np.concatenate([np.arange(1000, 1060), [2000]]))
    pq.write_table(table.take(keep), folder / LEFT)
    code, out, _ = imu("inspect", folder, "--json")
    assert code == 0
    described = json.loads(out)
    left = described["sensors"]["foot_left"]
    assert (left["lost"], left["gaps"], left["stated_rate_hz"]) == (61, 2, 100.0)
    assert abs(left["longest_gap_s"] - 0.61) < 1e-6
    assert described["quality"] == "usable with care"
    assert described["reasons"] == ["1.8 % of the samples of foot_left are lost: strides there are left out"]
    imu("reprocess", folder)
    summary = json.loads((folder / "analysis" / "summary.json").read_text())
    assert summary["sensors"]["foot_left"]["lost"] == left["lost"]
    assert summary["sensors"]["foot_left"]["gaps"] == left["gaps"]


def test_json_is_one_object_a_session_and_broken_ones_are_named(copy, imu):
    one, bad, two = copy("one"), copy("two-bad", schema="other"), copy("two")
    (two / "raw" / "pelvis.parquet").unlink()
    (two / "events.parquet").write_bytes(b"none")
    code, out, err = imu("inspect", one, bad, two, "--json")
    assert code == 1
    first, second = (json.loads(line) for line in out.splitlines())
    assert (first["session"], first["missing"], first["analysed"]) == ("one", [], False)
    assert (second["session"], second["missing"], second["events"]) == ("two", ["pelvis"], None)
    assert err == f"imu: {bad}: session.json has schema 'other'; this version reads 'retrogait.session/1'" + (
        " (written by a newer one?)\n"
    )


def test_what_is_not_there_is_one_line(imu, tmp_path):
    code, out, err = imu("inspect", tmp_path / "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith(f"imu: {tmp_path / 'nowhere'} is not there")
    assert err.count("\n") == 1


def test_sensors_that_never_overlap(copy, imu):
    folder = copy("apart")
    table = pq.read_table(folder / LEFT)
    later = table["t_ns"].to_numpy() + 100_000_000_000
    place = table.schema.get_field_index("t_ns")
    pq.write_table(table.set_column(place, table.schema.field("t_ns"), [later]), folder / LEFT)
    code, out, _ = imu("inspect", folder, "--json")
    assert code == 0
    assert json.loads(out)["overlap_s"] == 0.0
    assert json.loads(out)["quality"] == "usable with care"
