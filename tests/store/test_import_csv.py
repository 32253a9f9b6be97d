import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import DuplicateSession
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.store.folder import present_sensors, read_session
from imu.store.import_csv import import_csv
from tests.store.import_bench import HEADER, PLAIN, RATE_HZ, ROWS, SESSION, Bench, lines, rows_of, sensor

# what comes in


def test_a_plain_file_becomes_a_session(bench):
    folder = bench.run(PLAIN, lines())
    assert folder == bench.folder / "store" / "subject=S01" / "session=one"
    session = read_session(folder)
    assert present_sensors(folder, session) == ("foot_left",)
    assert session.sensors["foot_left"].mounting is None
    read = rows_of(folder)
    assert read.t_ns.tolist() == [k * 10_000_000 for k in range(ROWS)]
    assert read.seq.tolist() == list(range(ROWS))
    assert read.acc.tolist() == [[k + 0.5, 2, 3] for k in range(ROWS)]
    assert read.gyr.tolist() == [[-4, 5, 6]] * ROWS


def test_the_description_goes_to_session_json(bench):
    toml = """
[session]
subject = "S01"
session = "one"
start_utc = 2026-11-21T10:00:00Z
activity = "treadmill, backward"
[session.subject_info]
age_y = 61
""" + sensor("foot_left", extra='mounting = [[0,0,-1],[0,1,0],[1,0,0]]\nplacement = "dorsum"\nacc_range_m_s2 = 156.9')
    document = read_session(bench.run(toml, lines())).document
    assert document["start_utc"] == "2026-11-21T10:00:00Z"
    assert document["subject_info"] == {"age_y": 61}
    assert document["sensors"]["foot_left"] == {
        "rate_hz": 100,
        "mounting": [[0, 0, -1], [0, 1, 0], [1, 0, 0]],
        "placement": "dorsum",
        "acc_range_m_s2": 156.9,
    }


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_units_of_time(bench, unit, per_s):
    if unit == "ns":
        times = [1_700_000_000 * 10**9 + k * 10_000_000 for k in range(ROWS)]
    else:
        times = [1_700_000_000 * per_s + k * per_s / RATE_HZ for k in range(ROWS)]
    folder = bench.run(SESSION + sensor("foot_left", t=f'column = "time", unit = "{unit}"'), lines(times))
    np.testing.assert_allclose(rows_of(folder).t_ns, np.arange(ROWS) * 10_000_000, atol=0 if unit == "ns" else 500)


def test_units_of_the_axes(bench):
    folder = bench.run(SESSION + sensor("foot_left", acc="mg", gyr="deg/s"), lines())
    np.testing.assert_allclose(rows_of(folder).acc[:, 1], 2e-3 * STANDARD_GRAVITY_M_S2, rtol=1e-6)
    np.testing.assert_allclose(rows_of(folder).gyr[:, 0], -4 * math.pi / 180, rtol=1e-6)


def test_a_counter_may_be_the_clock(bench):
    rows = [line for k, line in enumerate(lines(first=50)) if k not in (7, 8)]
    read = rows_of(bench.run(SESSION + sensor("foot_left", t='column = "n", unit = "samples"'), rows))
    counted = [k for k in range(ROWS) if k not in (7, 8)]
    assert read.seq.tolist() == [50 + k for k in counted]
    assert read.t_ns.tolist() == [k * 10_000_000 for k in counted]


def test_a_counter_of_the_file_is_kept(bench):
    extra = 'seq = { column = "n" }'
    assert rows_of(bench.run(SESSION + sensor("foot_left", extra=extra), lines(first=9))).seq.tolist() == list(
        range(9, 9 + ROWS)
    )


@given(lost=st.sets(st.integers(1, 199)), jitter=st.floats(0, 0.24), seed=st.integers(0, 1000))
def test_without_a_counter_lost_samples_show_in_the_steps_of_time(tmp_path_factory, lost, jitter, seed):
    rng = np.random.default_rng(seed)
    kept = [k for k in range(200) if k not in lost]
    times = [(k + rng.uniform(-jitter, jitter)) / RATE_HZ for k in kept]
    read = rows_of(Bench(tmp_path_factory.mktemp("lost")).run(PLAIN, lines(times)))
    assert read.seq.tolist() == kept


def test_late_rows_step_back_and_leave_no_trace_in_the_counter(bench):
    order = [0, 1, 2, 5, 6, 3, 4, 4, 7, 8]
    read = rows_of(bench.run(PLAIN, lines([k / RATE_HZ for k in order])))
    assert read.seq.tolist() == order
    assert read.t_ns.tolist() == [k * 10_000_000 for k in order]


def test_values_that_are_missing_are_nan_and_rows_without_a_time_are_left_out(bench):
    rows = lines()
    rows[3] = "0.03,3,,2,3,4,5,6"
    rows[4] = "0.04,4,NaN,2,3,4,5,6"
    rows[6] = ",6,1,2,3,4,5,6"
    rows[-1] = ",,,,,,,"
    read = rows_of(bench.run(PLAIN, rows))
    assert read.seq.tolist() == [k for k in range(ROWS - 1) if k != 6]
    assert np.flatnonzero(np.isnan(read.acc[:, 0])).tolist() == [3, 4]
    assert np.isfinite(read.gyr).all()


@pytest.mark.parametrize(
    ("form", "rewrite"),
    [
        ("", lambda text: text.replace(",", ";")),
        ("", lambda text: text.replace(",", "\t")),
        ("", lambda text: text.replace(",", "|")),
        ('delimiter = " "', lambda text: text.replace(",", " ")),
        ('decimal = ","', lambda text: text.replace(",", ";").replace(".", ",")),
        ("skip_rows = 2", lambda text: f"device 7, exported\n\n{text}"),
        ("", lambda text: text.replace("\n", "\r\n")),
        ("", lambda text: f"\ufeff{text}"),
        ("", lambda text: text.replace("time", '"time"').replace(",ax", ", ax ")),
        ("", lambda text: text.rstrip("\n")),
        ("", lambda text: text.replace("\n", "\n\n").replace("gz\n\n", "gz\n")),
    ],
)
def test_ways_to_write_the_same_numbers(bench, form, rewrite):
    plain = "\n".join([HEADER, *lines()]) + "\n"
    toml = SESSION + f"[csv]\n{form}\n" + sensor("foot_left")
    read = rows_of(bench.run(toml, rewrite(plain)))
    assert read.t_ns.tolist() == [k * 10_000_000 for k in range(ROWS)]
    assert read.acc.tolist() == [[k + 0.5, 2, 3] for k in range(ROWS)]


def test_signs_of_another_encoding_in_the_header_are_no_matter(bench):
    read = rows_of(
        bench.run(PLAIN, f"{HEADER},°C\n".encode("latin-1") + "\n".join(f"{x},°" for x in lines()).encode("latin-1"))
    )
    assert len(read) == ROWS


def test_columns_by_their_place(bench):
    numbered = """
[sensors.pelvis]
rate_hz = 100
t = { column = 1, unit = "s" }
acc = { columns = [3, 4, 5], unit = "m/s^2" }
gyr = { columns = [6, 7, 8], unit = "rad/s" }
"""
    left = numbered.replace("pelvis", "foot_left")
    twice = HEADER.replace("ay", "ax").replace("az", "ax")
    read = rows_of(bench.run(SESSION + left, "\n".join([twice, *lines()])))
    assert read.acc[0].tolist() == [0.5, 2, 3]
    bare = SESSION.replace("one", "two") + "[csv]\nheader = false\n" + left
    assert rows_of(bench.run(bare, "\n".join(lines()))).acc[0].tolist() == [0.5, 2, 3]


def test_one_column_may_serve_twice(bench):
    toml = PLAIN.replace('"az"', '"ax"')
    assert rows_of(bench.run(toml, lines())).acc[0].tolist() == [0.5, 2, 0.5]


def test_sensors_keep_their_offset_on_one_clock_that_begins_with_the_first(bench):
    toml = SESSION + sensor("foot_left") + sensor("foot_right", t='column = "time", unit = "ms"')
    folder = bench.run(toml, lines([5.02, 5.03]), lines([5000, 5010]))
    assert rows_of(folder, "foot_left").t_ns.tolist() == [20_000_000, 30_000_000]
    assert rows_of(folder, "foot_right").t_ns.tolist() == [0, 10_000_000]


def test_files_go_to_sensors_by_name_by_order_or_all_to_one(bench):
    left, right = lines([0.0]), [lines([0.0])[0].replace("0.5", "1.5", 1)]
    by_name = (
        SESSION.replace("one", "a")
        + sensor("foot_left", extra='file = "l.csv"')
        + sensor("foot_right", extra='file = "r.csv"')
    )
    folder = bench.run(by_name, right, left, names=("r.csv", "l.csv"))
    assert [rows_of(folder, name).acc[0, 0] for name in ("foot_left", "foot_right")] == [0.5, 1.5]
    by_order = SESSION.replace("one", "b") + sensor("foot_right") + sensor("foot_left")
    folder = bench.run(by_order, right, left)
    assert [rows_of(folder, name).acc[0, 0] for name in ("foot_left", "foot_right")] == [0.5, 1.5]
    folder = bench.run(SESSION.replace("one", "c") + sensor("foot_right") + sensor("foot_left"), left)
    assert [rows_of(folder, name).acc[0, 0] for name in ("foot_left", "foot_right")] == [0.5, 0.5]


def test_a_long_file_is_read_in_many_blocks(bench):
    n = 60_000
    rows = [f"{k / RATE_HZ},{k},{k}.5,2,3,-4,5,6" for k in range(n) if k % 1000 != 500]
    read = rows_of(bench.run(PLAIN, rows))
    assert read.seq.tolist() == [k for k in range(n) if k % 1000 != 500]


def test_the_same_import_twice_is_refused(bench):
    bench.run(PLAIN, lines())
    with pytest.raises(DuplicateSession):
        bench.run(PLAIN, lines())


# real files


def original(data_dir, *parts):
    file = data_dir.joinpath("originals", *parts)
    if not file.is_file():
        pytest.skip(f"no original recording: {file} is not there; name a folder that has it in IMU_DATA_DIR")
    return file


def foot(name, t, acc, acc_unit, gyr, rate_hz):
    return f"""
[sensors.{name}]
rate_hz = {rate_hz}
t = {t}
acc = {{ columns = {acc}, unit = "{acc_unit}" }}
gyr = {{ columns = {gyr}, unit = "deg/s" }}
"""


def agree(folder, other, **tolerance):
    """Two session folders hold the same samples."""
    for name in ("foot_left", "foot_right"):
        one, two = rows_of(folder, name), rows_of(other, name)
        np.testing.assert_array_equal(one.t_ns, two.t_ns)
        np.testing.assert_array_equal(one.seq, two.seq)
        np.testing.assert_allclose(one.acc, two.acc, **tolerance)
        np.testing.assert_allclose(one.gyr, two.gyr, **tolerance)


def test_a_file_with_two_header_lines_and_a_counter_for_a_clock(bench, data_dir):
    file = original(data_dir, "gaitmap", "imu_sample.csv")
    clock = '{ column = 1, unit = "samples" }'
    toml = SESSION + "[csv]\nskip_rows = 1\n"
    for name, first in (("foot_left", 2), ("foot_right", 3)):
        places = [first + 2 * k for k in range(6)]
        toml += foot(name, clock, places[:3], "m/s^2", places[3:], 204.8)
    folder = import_csv([file], bench.put("map.toml", toml), bench.folder / "store")
    agree(folder, data_dir / "sessions" / "gaitmap-forward", rtol=1e-6, atol=1e-6)


def test_a_file_with_both_feet_in_g_and_degrees(bench, data_dir):
    file = original(data_dir, "treadmill", "FW_IMU.csv")
    toml = SESSION
    for name, side in (("foot_left", "LT"), ("foot_right", "RT")):
        acc, gyr = ([f"{side}.{kind}.{axis}" for axis in "XYZ"] for kind in ("ACC", "GY"))
        toml += foot(name, '{ column = "Time", unit = "s" }', acc, "g", gyr, 370.37)
    folder = import_csv([file], bench.put("map.toml", toml), bench.folder / "store")
    agree(folder, data_dir / "sessions" / "treadmill-forward", rtol=1e-6, atol=1e-6)
