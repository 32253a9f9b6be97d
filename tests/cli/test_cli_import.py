import json

import numpy as np

MAP = """
[session]
subject = "S01"
session = "first"

[sensors.foot_left]
rate_hz = 100
t = { column = "time", unit = "s" }
acc = { columns = ["ax", "ay", "az"], unit = "g" }
gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }
"""


def write(folder):
    t = np.arange(500) / 100.0
    rows = np.column_stack([t, np.zeros((500, 2)), np.ones(500), np.zeros((500, 3))])
    np.savetxt(folder / "left.csv", rows, delimiter=",", header="time,ax,ay,az,gx,gy,gz", comments="")
    (folder / "map.toml").write_text(MAP)


def test_it_says_where_the_session_is_and_what_comes_next(imu, tmp_path):
    write(tmp_path)
    code, out, err = imu(
        "import", tmp_path / "left.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "a clinic"
    )
    folder = tmp_path / "a clinic" / "subject=S01" / "session=first"
    assert (code, err) == (0, "")
    assert out == f"{folder} holds the session\nnext: imu inspect '{folder}'\n      imu reprocess '{folder}'\n"
    assert json.loads((folder / "session.json").read_text())["subject"] == "S01"
    assert imu("inspect", folder)[0] == 0


def test_a_wrong_map_is_one_line(imu, tmp_path):
    write(tmp_path)
    (tmp_path / "map.toml").write_text(MAP.replace('"gx"', '"gyro_x"'))
    code, out, err = imu("import", tmp_path / "left.csv", "--map", tmp_path / "map.toml", "--out", tmp_path / "clinic")
    assert (code, out) == (1, "")
    assert err.startswith("imu: left.csv has no column 'gyro_x'")
    assert err.count("\n") == 1
    assert not (tmp_path / "clinic").exists()


def test_the_map_is_wanted(imu, tmp_path):
    assert imu("import", tmp_path / "left.csv", "--out", tmp_path)[0] == 2
