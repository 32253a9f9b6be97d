"""From memory to a session folder and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadSessionFile, DuplicateSession
from imu.core.session import Session
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS
from imu.simulate.link import joined
from imu.store.folder import read_session
from imu.store.raw import raw_path, read_raw
from imu.store.tables import read_rows
from imu_datasets.recorded import AS_WORN, Recorded, at_ns, document_of, evenly, timed, true_contact

RATE_HZ = 102.4
FEET = ("foot_left", "foot_right")


def made(seed=0, n=50, *, sensors=FEET, contacts=True, pelvis=True, session="walk"):
    random = np.random.default_rng(seed)
    samples = {name: evenly(random.normal(0, 20, (n, 3)), random.normal(0, 5, (n, 3)), RATE_HZ) for name in sensors}
    times = at_ns(np.arange(0, n, 7), RATE_HZ)
    rows = [
        true_contact("left" if k % 2 else "right", int(t), first="heel", pitch_deg=12.5 if k % 3 else None)
        for k, t in enumerate(times)
    ]
    angles = {name: random.normal(0, 3, len(times)) for name in TRUTH_PELVIS.column_names[1:]}
    return Recorded(
        document_of(
            "S01", session, {name: {"rate_hz": RATE_HZ, "mounting": AS_WORN} for name in sensors}, note="made up"
        ),
        samples,
        rows if contacts else None,
        {"t_ns": times, **angles} if pelvis else None,
    )


def read(folder, session, sensor):
    return joined(list(read_raw(raw_path(folder, sensor), sensor, session.sensors[sensor])))


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_what_was_written_is_read(tmp_path_factory, seed, n):
    folder = tmp_path_factory.mktemp("session")
    recorded = made(seed, n)
    assert recorded.name == "walk"
    session = recorded.write(folder)
    assert isinstance(session, Session)
    assert read_session(folder).document == dict(recorded.document)
    for sensor, samples in recorded.samples.items():
        back = read(folder, session, sensor)
        assert np.array_equal(back.t_ns, samples.t_ns)
        assert np.array_equal(back.seq, samples.seq)
        assert np.array_equal(back.acc, samples.acc.astype(np.float32))
        assert np.array_equal(back.gyr, samples.gyr.astype(np.float32))
    rows = read_rows(folder / "truth_contacts.parquet", TRUTH_CONTACTS)
    assert rows == sorted(recorded.contacts, key=lambda row: (row["t_contact_ns"], row["foot"]))
    # null is null: no NaN ever passes for a number
    assert all(value is None or value == value for row in rows for value in row.values())  # noqa: PLR0124
    pelvis = read_rows(folder / "truth_pelvis.parquet", TRUTH_PELVIS)
    assert [row["t_ns"] for row in pelvis] == list(recorded.pelvis["t_ns"])
    assert [row["tilt_deg"] for row in pelvis] == list(recorded.pelvis["tilt_deg"].astype(np.float32))


def test_a_session_without_truth_has_no_file_of_it(tmp_path):
    made(contacts=False, pelvis=False).write(tmp_path)
    assert not list(tmp_path.glob("truth_*"))


def test_no_contact_is_not_the_same_as_no_truth(tmp_path):
    recorded = Recorded(made().document, made().samples, contacts=[])
    recorded.write(tmp_path)
    assert read_rows(tmp_path / "truth_contacts.parquet", TRUTH_CONTACTS) == []


def test_a_session_is_not_written_over(tmp_path):
    made(1).write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(DuplicateSession, match="holds a session already; want --overwrite, or another folder"):
        made(2).write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_overwriting_leaves_nothing_of_what_stood_there(tmp_path):
    made(1).write(tmp_path / "a")
    (tmp_path / "a" / "analysis").mkdir()
    (tmp_path / "a" / "analysis" / "summary.json").write_text("{}")
    less = made(2, sensors=("foot_left",), contacts=False, pelvis=False)
    less.write(tmp_path / "a", overwrite=True)
    less.write(tmp_path / "b")

    def held(folder):
        return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert held(tmp_path / "a") == held(tmp_path / "b")


def test_what_fails_half_way_is_no_session(tmp_path):
    broken = made(1)
    broken.contacts[0]["pitch_deg"] = float("nan")
    with pytest.raises(ValueError, match="pitch_deg"):
        broken.write(tmp_path)
    assert not (tmp_path / "session.json").exists()


def test_a_document_that_cannot_be_is_refused_before_anything_is_written(tmp_path):
    recorded = made(session="../elsewhere")
    with pytest.raises(BadSessionFile, match="session"):
        recorded.write(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_row_of_truth_has_all_columns_and_no_others():
    assert true_contact("left", 7) == dict.fromkeys(TRUTH_CONTACTS.column_names) | {"foot": "left", "t_contact_ns": 7}
    with pytest.raises(ValueError, match="has no t_toe_up_ns; want foot, "):
        true_contact("left", 7, t_toe_up_ns=8)


@given(st.floats(10, 1000), st.integers(0, 10**7))
def test_times_are_those_of_the_rate_to_the_nanosecond(rate_hz, k):
    assert abs(int(at_ns(np.array([k]), rate_hz)[0]) - k * 1e9 / rate_hz) <= 1


def test_no_sample_is_called_clipped_that_nobody_called_so():
    zeros = np.zeros((3, 3))
    samples = timed(np.array([0, 5, 9]), np.array([0, 1, 2]), zeros, zeros)
    assert not samples.clipped.any()
