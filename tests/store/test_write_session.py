import pytest

from imu.core.errors import BadSessionFile, CannotWrite, DuplicateSession
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS
from imu.store.atomic import replacing, write_bytes
from imu.store.folder import read_session
from imu.store.tables import read_rows
from imu.store.write_session import create_session, write_truth

DOCUMENT = {
    "schema": "retrogait.session/1",
    "subject": "S01",
    "session": "one",
    "sensors": {"foot_left": {"rate_hz": 100, "mounting": None, "firmware": "kept"}},
    "note": "größer",
}


def test_a_new_session_reads_back_with_everything_it_said(tmp_path):
    session = create_session(tmp_path / "deep" / "x", DOCUMENT)
    assert read_session(tmp_path / "deep" / "x").document == session.document == DOCUMENT
    content = (tmp_path / "deep" / "x" / "session.json").read_bytes()
    assert "größer".encode() in content
    create_session(tmp_path / "y", session)
    assert (tmp_path / "y" / "session.json").read_bytes() == content


def test_a_session_is_not_overwritten_unasked(tmp_path):
    create_session(tmp_path, DOCUMENT)
    other = {**DOCUMENT, "note": "other"}
    with pytest.raises(DuplicateSession, match="holds a session already"):
        create_session(tmp_path, other)
    assert read_session(tmp_path).document == DOCUMENT
    create_session(tmp_path, other, overwrite=True)
    assert read_session(tmp_path).document == other


def test_a_session_that_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(BadSessionFile):
        create_session(tmp_path / "x", {**DOCUMENT, "subject": "Anna Muster"})
    assert not (tmp_path / "x").exists()


def test_truth_is_written_where_there_is_any(tmp_path):
    contact = dict.fromkeys(TRUTH_CONTACTS.column_names) | {"foot": "left", "t_contact_ns": 5}
    pelvis = {"t_ns": 1, "obliquity_deg": 1.5, "tilt_deg": 0.0, "rotation_deg": -2.0}
    write_truth(tmp_path / "a", contacts=[contact], version="0.1.0", params={})
    write_truth(tmp_path / "b", contacts=[contact], pelvis=[pelvis], version="0.1.0", params={})
    assert read_rows(tmp_path / "a" / "truth_contacts.parquet", TRUTH_CONTACTS) == [contact]
    assert not (tmp_path / "a" / "truth_pelvis.parquet").exists()
    assert read_rows(tmp_path / "b" / "truth_pelvis.parquet", TRUTH_PELVIS) == [pelvis]


# files that are there as a whole or not at all


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def interrupted():
        with replacing(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_place_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"file/deep/x: .*; want a folder"):
        write_bytes(tmp_path / "file" / "deep" / "x", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite):
        write_bytes(tmp_path / "folder", b"")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_errors_of_our_own_pass_through_as_they_are(tmp_path):
    with pytest.raises(BadSessionFile, match="mine"), replacing(tmp_path / "x"):
        raise BadSessionFile("mine")
    assert not list(tmp_path.iterdir())
