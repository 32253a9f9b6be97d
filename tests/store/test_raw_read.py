import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.core.errors import RetrogaitError
from imu.core.session import SensorSetup
from imu.core.tables import AXES
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw
from tests.store.raw_files import N, columns, equal, file_of, whole

# what it reads


def test_a_plain_file_is_read_as_it_stands(tmp_path, setup):
    held = columns()
    read = whole(read_raw(file_of(tmp_path / "x", held), "foot_left", setup))
    assert read.t_ns.tolist() == held["t_ns"].to_pylist()
    assert read.seq.tolist() == held["seq"].to_pylist()
    for k, axis in enumerate(AXES):
        assert (read.acc if k < 3 else read.gyr)[:, k % 3].tolist() == held[axis].to_pylist()
    assert not read.clipped.any()
    for values in (read.acc, read.gyr):
        assert values.flags.c_contiguous
        assert values.dtype == np.float64


@pytest.mark.parametrize("block_rows", [1, 7, N, 1000])
def test_the_block_size_changes_nothing(tmp_path, setup, block_rows):
    held = columns(seq=pa.array([None if k % 5 == 0 else k for k in range(N)], pa.int64()))
    path = file_of(tmp_path / "x", held, row_group_size=11)
    blocks = list(read_raw(path, "foot_left", setup, block_rows=block_rows))
    assert max(map(len, blocks)) <= block_rows
    assert equal(whole(blocks), whole(read_raw(path, "foot_left", setup)))


def test_columns_in_another_order_and_others_between_are_no_matter(tmp_path, setup):
    held = columns()
    mixed = {"note": pa.array(["x"] * N), **dict(reversed(held.items())), "mag_x": held["acc_x"]}
    one, other = (
        whole(read_raw(file_of(tmp_path / name, table), "foot_left", setup))
        for name, table in (("a", held), ("b", mixed))
    )
    assert equal(one, other)


@pytest.mark.parametrize(
    ("axis", "unit", "si"),
    [
        ("acc_y", "g", STANDARD_GRAVITY_M_S2),
        ("acc_y", "mg", STANDARD_GRAVITY_M_S2 / 1000),
        ("acc_y", "m/s^2", 1.0),
        ("gyr_z", "deg/s", math.pi / 180),
        ("gyr_z", "rad/s", 1.0),
    ],
)
def test_units_are_converted(tmp_path, setup, axis, unit, si):
    held = columns(**{axis: pa.array(np.linspace(-2, 2, N))})
    read = whole(read_raw(file_of(tmp_path / "x", held, {axis: {"unit": unit}}), "foot_left", setup))
    vectors = read.acc if axis.startswith("acc") else read.gyr
    np.testing.assert_array_equal(vectors[:, AXES.index(axis) % 3], np.linspace(-2, 2, N) * si)


def test_counts_become_si_by_their_scale(tmp_path, setup):
    counts = np.arange(N, dtype=np.int16) - 20
    metadata = {axis: {"unit": "m/s^2" if axis[0] == "a" else "rad/s", "scale": "0.00478"} for axis in AXES}
    held = columns(**{axis: pa.array(counts) for axis in AXES})
    read = whole(read_raw(file_of(tmp_path / "x", held, metadata), "foot_left", setup))
    np.testing.assert_array_equal(read.acc[:, 1], counts * 0.00478)
    np.testing.assert_array_equal(read.gyr[:, 2], counts * 0.00478)


def test_whole_milli_g_need_no_scale(tmp_path, setup):
    held = columns(acc_x=pa.array(np.full(N, 1000, np.int32)))
    read = whole(read_raw(file_of(tmp_path / "x", held, {"acc_x": {"unit": "mg"}}), "foot_left", setup))
    np.testing.assert_allclose(read.acc[:, 0], STANDARD_GRAVITY_M_S2, rtol=1e-15)


def test_counts_at_the_limit_of_their_type_are_clipped(tmp_path, setup):
    counts = np.zeros(N, np.int16)
    counts[[3, 4, 5, 6]] = 32767, -32767, -32768, 32766
    held = columns(gyr_x=pa.array(counts))
    read = whole(read_raw(file_of(tmp_path / "x", held, {"gyr_x": {"scale": "0.001"}}), "foot_left", setup))
    assert np.flatnonzero(read.clipped).tolist() == [3, 4, 5]


def test_values_at_the_stated_range_are_clipped(tmp_path):
    setup = SensorSetup(200.0, None, acc_range_m_s2=4 * STANDARD_GRAVITY_M_S2, gyr_range_rad_s=8.0)
    held = columns(
        acc_z=pa.array(np.where(np.arange(N) == 3, -4.0, 3.9).astype(np.float32)),
        gyr_x=pa.array(np.where(np.arange(N) == 9, 7.9999, math.nan)),
    )
    read = whole(read_raw(file_of(tmp_path / "x", held, {"acc_z": {"unit": "g"}}), "foot_left", setup))
    assert np.flatnonzero(read.clipped).tolist() == [3, 9]


def test_null_is_nan(tmp_path, setup):
    held = columns(
        acc_x=pa.array([None, 1.0] * (N // 2), pa.float32()), gyr_x=pa.array([None, 5] * (N // 2), pa.int16())
    )
    read = whole(read_raw(file_of(tmp_path / "x", held, {"gyr_x": {"scale": "2"}}), "foot_left", setup))
    assert np.isnan(read.acc[::2, 0]).all()
    assert np.isnan(read.gyr[::2, 0]).all()
    assert np.isfinite(read.acc[:, 1:]).all()
    assert (read.gyr[1::2, 0] == 10).all()


@pytest.mark.parametrize("name", ["t_ns", "seq"])
def test_a_row_without_time_or_counter_is_all_nan_and_repeats_the_row_before(tmp_path, setup, name):
    numbers = [None, 100, 200, None, None, 300, *range(400, 400 + N - 6)]
    path = file_of(tmp_path / "x", columns(**{name: pa.array(numbers, pa.int64())}))
    read = whole(read_raw(path, "foot_left", setup, block_rows=4))
    got = getattr(read, name)
    assert got[1:6].tolist() == [100, 200, 200, 200, 300]
    lost = [0, 3, 4]
    assert np.isnan(read.acc[lost]).all()
    assert np.isnan(read.gyr[lost]).all()
    assert np.isfinite(np.delete(read.acc, lost, 0)).all()


def test_a_huge_row_group_needs_little_memory(tmp_path, setup):
    n = 400_000
    rng = np.random.default_rng(1)
    held = {"t_ns": pa.array(np.arange(n)), "seq": pa.array(np.arange(n))}
    held |= {axis: pa.array(rng.normal(size=n)) for axis in AXES}
    path = file_of(tmp_path / "x", held, row_group_size=n, use_dictionary=False, compression="none")
    del held
    whole_file = path.stat().st_size
    before = pa.total_allocated_bytes()
    most = 0
    for _ in read_raw(path, "foot_left", setup, block_rows=4096):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < whole_file / 2


def test_an_empty_row_group_between_others_is_no_matter(tmp_path, setup):
    table = pa.table(columns())
    with pq.ParquetWriter(tmp_path / "x", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 5), table.slice(0, 0), table.slice(5), table.slice(0, 0)):
            writer.write_table(part)
    assert pq.ParquetFile(tmp_path / "x").num_row_groups == 5
    assert len(whole(read_raw(tmp_path / "x", "foot_left", setup))) == N


# real recordings


def test_every_real_session_is_read(data_dir):
    folders = sorted(path.parent for path in (data_dir / "sessions").glob("*/session.json"))
    assert folders
    for folder in folders:
        session = read_session(folder)
        for sensor in present_sensors(folder, session):
            path = raw_path(folder, sensor)
            try:
                read = whole(read_raw(path, sensor, session.sensors[sensor], block_rows=1000))
            except RetrogaitError as error:
                pytest.fail(f"{path}: {error}")
            assert len(read) == pq.read_metadata(path).num_rows
            held = pq.read_table(path, columns=["acc_x", "gyr_z"])
            assert np.array_equal(read.acc[:, 0], held["acc_x"].to_numpy(), equal_nan=True)
            assert np.array_equal(read.gyr[:, 2], held["gyr_z"].to_numpy(), equal_nan=True)
