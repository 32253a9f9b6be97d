import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.errors import BadRawFile
from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.core.tables import RAW
from imu.store.raw import read_raw, write_raw
from tests.store.raw_files import N, columns, equal, file_of, refused, whole


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
