import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadSessionFile, BadTableFile
from imu.core.session import Session
from imu.store.folder import read_session
from imu_bench.truth import Hole, read_truth


def with_keys(folder, **keys):
    document = json.loads((folder / "session.json").read_text()) | keys
    (folder / "session.json").write_text(json.dumps(document))
    return Session.parse(document)


def test_session_json_tells_of_the_truth(copied):
    folder = copied()
    found = read_truth(folder, with_keys(folder, truth_complete=False, truth_ignore_ns=[["left", 1, 2]]))
    assert (found.complete, found.holes) == (False, (Hole("left", 1, 2),))


@pytest.mark.parametrize(
    "keys",
    [
        {"truth_complete": "no"},
        {"truth_ignore_ns": {"left": [1, 2]}},
        {"truth_ignore_ns": [["foot_left", 1, 2]]},
        {"truth_ignore_ns": [["left", 2, 1]]},
        {"truth_ignore_ns": [["left", 1.5, 2]]},
        {"truth_ignore_ns": ["left"]},
    ],
)
def test_what_session_json_can_not_mean_is_refused(keys, copied):
    folder = copied()
    with pytest.raises(BadSessionFile, match="want"):
        read_truth(folder, with_keys(folder, **keys))


def test_truth_of_no_foot_is_refused(copied):
    folder = copied()
    file = folder / "truth_contacts.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(0, "foot", pa.array(["L"] * len(table))), file)
    with pytest.raises(BadTableFile, match="'L'; want left or right"):
        read_truth(folder, read_session(folder))


def test_the_true_pelvis_is_in_order_of_time(copied):
    folder = copied()
    file = folder / "truth_pelvis.parquet"
    table = pq.read_table(file)
    pq.write_table(table.take(list(range(len(table)))[::-1]), file)
    pelvis = read_truth(folder, read_session(folder)).pelvis
    assert pelvis.t_ns.tolist() == table["t_ns"].to_pylist()
    assert pelvis.obliquity_deg.tolist() == table["obliquity_deg"].to_pylist()
    assert pelvis.tilt_deg.tolist() == table["tilt_deg"].to_pylist()
