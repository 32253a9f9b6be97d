import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imu.core.errors import BadRawFile
from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.store.raw import PerCount, of_values, read_raw, rows_in, write_raw
from tests.store.raw_files import equal, whole

# what it refuses


def test_a_sensor_without_rows_leaves_no_file(tmp_path, setup):
    assert write_raw(tmp_path / "y", "foot_left", [], setup=setup, version="0.0.0") == 0
    assert list(tmp_path.iterdir()) == []


# what it writes


def with_losses(samples):
    acc = samples.acc.copy()
    acc[3] = math.nan
    return Samples(samples.t_ns, samples.seq, acc, samples.gyr, samples.clipped)


def test_float32_reads_back_to_the_bit(tmp_path, setup, make_samples):
    samples = with_losses(make_samples(30_000))
    path = tmp_path / "deeper" / "foot_left.parquet"
    assert write_raw(path, "foot_left", [samples], setup=setup, version="0.0.0") == 30_000
    assert equal(whole(read_raw(path, "foot_left", setup)), samples)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert pq.ParquetFile(path).metadata.row_group(0).num_rows == 60 * 200


@given(cuts=st.lists(st.integers(0, 500), max_size=8), encoding=st.sampled_from(["float32", "int16"]))
def test_how_the_stream_was_cut_changes_no_byte(tmp_path_factory, cuts, encoding):
    folder = tmp_path_factory.mktemp("cuts")
    rng = np.random.default_rng(2)
    n = 500
    samples = Samples(
        np.arange(n), np.arange(n), rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), np.zeros(n, np.bool_)
    )
    setup = SensorSetup(rate_hz=2.5, mounting=None, acc_range_m_s2=160.0, gyr_range_rad_s=35.0)
    edges = [0, *sorted(cuts), n]
    parts = [samples[a:b] for a, b in pairwise(edges)]
    for name, blocks in (("one", [samples]), ("many", parts)):
        write_raw(folder / name, "pelvis", blocks, setup=setup, version="0.0.0", encoding=encoding)
    assert (folder / "one").read_bytes() == (folder / "many").read_bytes()


def test_counts_of_a_device_read_back_to_the_bit(tmp_path, setup):
    rng = np.random.default_rng(4)
    n = 1000
    counts = rng.integers(-32768, 32768, (n, 6))
    per_count = PerCount(0.488e-3 * STANDARD_GRAVITY_M_S2, math.radians(0.07))
    samples = Samples(
        np.arange(n),
        np.arange(n),
        counts[:, :3] * per_count.acc_m_s2,
        counts[:, 3:] * per_count.gyr_rad_s,
        (np.abs(counts) >= 32767).any(axis=1),
    )
    path = tmp_path / "x"
    write_raw(
        path, "pelvis", [with_losses(samples)], setup=setup, version="0.0.0", encoding="int16", per_count=per_count
    )
    assert equal(whole(read_raw(path, "pelvis", setup)), with_losses(samples))
    assert pq.read_schema(path).field("acc_x").type == pa.int16()


def test_int16_of_the_ranges_rounds_by_half_a_count_and_stops_at_the_range(tmp_path, make_samples):
    setup = SensorSetup(rate_hz=200.0, mounting=None, acc_range_m_s2=20.0, gyr_range_rad_s=35.0)
    samples = make_samples(2000)
    write_raw(tmp_path / "x", "pelvis", [samples], setup=setup, version="0.0.0", encoding="int16")
    read = whole(read_raw(tmp_path / "x", "pelvis", setup))
    np.testing.assert_allclose(read.acc, np.clip(samples.acc, -20, 20), atol=1.01 * 20 / 32767)
    np.testing.assert_allclose(read.gyr, samples.gyr, atol=0.51 * 35 / 32767)
    beyond = (np.abs(samples.acc) >= 20).any(axis=1)
    assert beyond.any()
    assert read.clipped[beyond].all()


def test_int16_wants_to_know_its_counts(tmp_path, setup, make_samples):
    with pytest.raises(ValueError, match="per_count"):
        write_raw(tmp_path / "x", "pelvis", [make_samples(3)], setup=setup, version="0.0.0", encoding="int16")
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_leaves_what_was_there(tmp_path, setup, make_samples):
    path = tmp_path / "x"
    write_raw(path, "pelvis", [make_samples(10)], setup=setup, version="0.0.0")
    before = path.read_bytes()

    def unplugged():
        yield make_samples(20_000)
        raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        write_raw(path, "pelvis", unplugged(), setup=setup, version="0.0.0")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_the_rows_are_counted_without_reading_them(tmp_path, setup, make_samples):
    write_raw(tmp_path / "x", "pelvis", [make_samples(30)], setup=setup, version="0.0.0")
    assert rows_in(tmp_path / "x", "pelvis") == 30
    with pytest.raises(BadRawFile, match=r"raw/pelvis\.parquet is not there"):
        rows_in(tmp_path / "absent", "pelvis")


def test_the_file_says_what_it_is(tmp_path, setup, make_samples):
    write_raw(tmp_path / "x", "pelvis", [make_samples(3)], setup=setup, version="1.2.3")
    metadata = pq.read_schema(tmp_path / "x").metadata
    assert metadata[b"retrogait.schema"] == b"retrogait.raw/1"
    assert metadata[b"retrogait.sensor"] == b"pelvis"
    assert metadata[b"retrogait.version"] == b"1.2.3"


# real recordings


@given(data=st.data(), counts=st.booleans())
def test_values_read_back_as_live_analysis_saw_them(tmp_path_factory, data, counts):
    n = data.draw(st.integers(1, 40))
    setup = SensorSetup(rate_hz=200.0, mounting=None, acc_range_m_s2=156.9, gyr_range_rad_s=34.9)
    per_count = PerCount(156.9 / 32768, 34.9 / 32768) if counts else None
    if counts:
        values = data.draw(arrays(np.int16, (n, 6)))
    else:
        values = data.draw(arrays(np.float32, (n, 6), elements=st.floats(-160.0, 160.0, width=32)))
    live = of_values(np.arange(n) * 5_000_000, np.arange(n), values, setup, per_count)
    path = tmp_path_factory.mktemp("raw") / "foot_left.parquet"
    encoding = "int16" if counts else "float32"
    write_raw(path, "foot_left", [live], setup=setup, version="0", encoding=encoding, per_count=per_count)
    [read] = read_raw(path, "foot_left", setup)
    for name in Samples.__slots__:
        np.testing.assert_array_equal(getattr(read, name), getattr(live, name))
