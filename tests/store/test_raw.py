import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imu.core.errors import BadRawFile, RetrogaitError
from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.core.tables import AXES, RAW
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.store.folder import present_sensors, read_session
from imu.store.raw import PerCount, of_values, raw_path, read_raw, rows_in, write_raw

N = 40


def columns(**changes):
    """A file's columns; a change replaces one, `...` leaves it out."""
    rng = np.random.default_rng(3)
    plain = {
        "t_ns": pa.array(np.arange(N) * 5_000_000),
        "seq": pa.array(np.arange(N)),
        **{axis: pa.array(rng.normal(size=N).astype(np.float32)) for axis in AXES},
    }
    return {name: values for name, values in {**plain, **changes}.items() if values is not ...}


def file_of(path, held, metadata=None, **options):
    fields = [pa.field(name, values.type, metadata=(metadata or {}).get(name)) for name, values in held.items()]
    pq.write_table(pa.table(list(held.values()), pa.schema(fields)), path, **options)
    return path


def whole(blocks):
    parts = list(blocks)
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def equal(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name in ("acc", "gyr"))
        for name in Samples.__slots__
    )


def refused(path, setup, **options):
    with pytest.raises(BadRawFile) as caught:
        whole(read_raw(path, "foot_left", setup, **options))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("raw/foot_left.parquet ")
    assert caught.value.sensor == "foot_left"
    return caught.value


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


# what it refuses


@pytest.mark.parametrize("name", RAW.column_names)
def test_a_missing_column_is_named(tmp_path, setup, name):
    error = refused(file_of(tmp_path / "x", columns(**{name: ...})), setup)
    assert error.column == name
    assert repr(name) in str(error)


def test_a_column_that_is_nearly_called_so_is_named_as_the_slip(tmp_path, setup):
    held = columns(acc_x=..., AccX=pa.array(np.zeros(N)))
    assert "'AccX'" in str(refused(file_of(tmp_path / "x", held), setup))


def test_a_column_that_is_there_twice_is_refused(tmp_path, setup):
    held = columns()
    table = pa.table([*held.values(), held["acc_x"]], names=[*held, "acc_x"])
    pq.write_table(table, tmp_path / "x")
    assert refused(tmp_path / "x", setup).column == "acc_x"


@pytest.mark.parametrize(
    ("name", "unit", "slip"),
    [
        ("acc_x", "m/s2", "m/s^2"),
        ("acc_x", "rad/s", "swapped"),
        ("gyr_y", "rpm", "want one of rad/s, deg/s"),
        ("gyr_y", "dps", "meant 'deg/s'"),
        ("gyr_y", "m/s2", "swapped"),
        ("gyr_y", "", "deg/s"),
        ("acc_z", "G", "mg"),
        ("t_ns", "us", "ns"),
    ],
)
def test_another_unit_is_refused(tmp_path, setup, name, unit, slip):
    error = refused(file_of(tmp_path / "x", columns(), {name: {"unit": unit}}), setup)
    assert error.column == name
    assert slip in str(error)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["1.0"] * N),
        pa.array(["1,0"] * N, pa.large_string()),
        pa.array([b"1"] * N),
        pa.array([True] * N),
        pa.array([[1.0]] * N),
        pa.array([1] * N, pa.uint16()),
        pa.array([None] * N),
        pa.array(["1"] * N).dictionary_encode(),
        pa.array([1] * N, pa.timestamp("ns")),
    ],
    ids=lambda values: str(values.type),
)
@pytest.mark.parametrize("name", ["acc_y", "gyr_z"])
def test_what_is_no_number_is_refused(tmp_path, setup, name, values):
    assert refused(file_of(tmp_path / "x", columns(**{name: values})), setup).column == name


@pytest.mark.parametrize(
    ("values", "slip"),
    [
        (pa.array([1] * N, pa.timestamp("ns")), "start_utc"),
        (pa.array([1] * N, pa.duration("us")), "start_utc"),
        (pa.array(np.arange(N) * 0.005), "1e9"),
        (pa.array(["1"] * N), "as string"),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_a_time_that_is_not_whole_nanoseconds_is_refused(tmp_path, setup, values, slip):
    error = refused(file_of(tmp_path / "x", columns(t_ns=values)), setup)
    assert error.column == "t_ns"
    assert slip in str(error)


def test_a_counter_that_is_text_or_float_is_refused(tmp_path, setup):
    for values in (pa.array(["1"] * N), pa.array(np.arange(N) * 1.0)):
        assert refused(file_of(tmp_path / "x", columns(seq=values)), setup).column == "seq"


def test_other_whole_numbers_serve_as_time_and_counter(tmp_path, setup):
    held = columns(t_ns=pa.array(range(N), pa.uint64()), seq=pa.array(range(N), pa.uint16()))
    read = whole(read_raw(file_of(tmp_path / "x", held), "foot_left", setup))
    assert read.t_ns.dtype == read.seq.dtype == np.int64
    held["t_ns"] = pa.array([2**64 - 1] * N, pa.uint64())
    refused(file_of(tmp_path / "y", held), setup)


@pytest.mark.parametrize("scale", ["", "x", "0", "-0.01", "nan", "inf", "1,5"])
def test_a_scale_that_is_no_positive_number_is_refused(tmp_path, setup, scale):
    held = columns(acc_x=pa.array(np.zeros(N, np.int16)))
    assert refused(file_of(tmp_path / "x", held, {"acc_x": {"scale": scale}}), setup).column == "acc_x"


@pytest.mark.parametrize("metadata", [None, {"acc_x": {"unit": "m/s^2"}}])
def test_counts_without_a_scale_are_refused(tmp_path, setup, metadata):
    held = columns(acc_x=pa.array(np.zeros(N, np.int16)))
    assert "without a scale" in str(refused(file_of(tmp_path / "x", held, metadata), setup))


def test_floats_with_a_scale_are_refused(tmp_path, setup):
    assert "converted already" in str(refused(file_of(tmp_path / "x", columns(), {"acc_x": {"scale": "0.1"}}), setup))


def test_a_file_without_rows_is_refused(tmp_path, setup):
    held = {name: values.slice(0, 0) for name, values in columns().items()}
    assert "no rows" in str(refused(file_of(tmp_path / "x", held), setup))
    write_raw(tmp_path / "y", "foot_left", [], setup=setup, version="0.0.0")
    assert "no rows" in str(refused(tmp_path / "y", setup))


def test_what_is_no_parquet_is_refused(tmp_path, setup):
    for name, content in (
        ("empty", b""),
        ("text", b"t_ns,seq\n1,2\n"),
        ("zeros", bytes(5000)),
        ("magic", b"PAR1" * 20),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, setup)
    (tmp_path / "folder").mkdir()
    assert "folder" in str(refused(tmp_path / "folder", setup))
    assert "not there" in str(refused(tmp_path / "absent", setup))


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "small.parquet"
    rng = np.random.default_rng(5)
    n = 300
    samples = Samples(
        np.arange(n) * 5_000_000, np.arange(n), rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), np.zeros(n, np.bool_)
    )
    setup = SensorSetup(rate_hz=2.0, mounting=None)  # several row groups
    write_raw(path, "foot_left", [samples], setup=setup, version="0.0.0")
    return path, path.read_bytes()


@settings(max_examples=300)
@given(share=st.floats(0, 1, exclude_max=True))
def test_any_beginning_of_a_file_is_refused_and_nothing_else_happens(small_file, share):
    path, content = small_file
    cut = path.with_name("cut.parquet")
    cut.write_bytes(content[: int(share * len(content))])
    refused(cut, SensorSetup(200.0, None))


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_nothing(small_file, place, bit):
    """Pages carry checksums. The footer has none: there a flip may go unseen, but nothing else may be raised."""
    path, content = small_file
    damaged = bytearray(content)
    at = int(place * len(content))
    damaged[at] ^= 1 << bit
    flipped = path.with_name("flipped.parquet")
    flipped.write_bytes(damaged)
    setup = SensorSetup(200.0, None)
    try:
        read = whole(read_raw(flipped, "foot_left", setup))
    except BadRawFile:
        return
    footer_bytes = int.from_bytes(content[-8:-4], "little")
    if at < len(content) - 8 - footer_bytes:
        assert equal(read, whole(read_raw(path, "foot_left", setup)))


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
