import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadRawFile, BadSessionFile, CannotWrite, RetrogaitError, SessionNotFound
from imu.core.session import Session
from imu.store.folder import analysis_dir, copy_session_json, find_sessions, present_sensors, read_session
from imu.store.raw import raw_path


def refused(folder, kind=BadSessionFile):
    with pytest.raises(kind) as caught:
        read_session(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert "want" in message
    return message


def sessions_in(found):
    assert not [entry for entry in found if isinstance(entry, SessionNotFound)]
    return found


# one session


def test_a_session_is_read(tmp_path, make_session):
    made = make_session(tmp_path / "x")
    assert read_session(tmp_path / "x").document == made.document


def test_a_byte_order_mark_is_no_matter(tmp_path, make_session):
    make_session(tmp_path)
    file = tmp_path / "session.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_session(tmp_path).subject == "S01"


def test_what_is_not_there_is_not_found(tmp_path):
    assert "is not there" in refused(tmp_path / "absent", SessionNotFound)
    assert "File name too long" in refused(tmp_path / ("x" * 300))
    assert "File name too long" in str(find_sessions(["x" * 300])[0])
    assert "holds no session.json" in refused(tmp_path, SessionNotFound)
    (tmp_path / "session.json").touch()
    assert "is a file" in refused(tmp_path / "session.json", SessionNotFound)


def test_json_errors_say_where(tmp_path):
    (tmp_path / "session.json").write_text('{"schema": "x",\n "subject" "S01"}')
    assert "line 2, column 12" in refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}}",
        b"null",
        b"[]",
        b'{"schema": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xe4"}',
        '{"a": "ä"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b"\0" * 100,
        b"PAR1",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "session.json").write_bytes(content)
    refused(tmp_path)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "session.json").mkdir()
    assert "is a folder" in refused(tmp_path)


@given(content=st.binary(max_size=200))
def test_whatever_the_file_holds_nothing_else_is_raised(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "session.json").write_bytes(content)
    with pytest.raises(RetrogaitError):
        read_session(folder)


def test_the_present_sensors_are_those_with_a_file(tmp_path, make_session):
    session = make_session(tmp_path)
    assert present_sensors(tmp_path, session) == ("foot_left", "foot_right", "pelvis")
    raw_path(tmp_path, "foot_left").unlink()
    raw_path(tmp_path, "pelvis").unlink()
    assert present_sensors(tmp_path, session) == ("foot_right",)


def test_without_any_foot_there_is_nothing_to_analyse(tmp_path, make_session):
    session = make_session(tmp_path)
    raw_path(tmp_path, "foot_left").unlink()
    raw_path(tmp_path, "foot_right").unlink()
    with pytest.raises(BadRawFile, match=r"no raw/foot_left.parquet nor raw/foot_right.parquet; want"):
        present_sensors(tmp_path, session)


def test_a_foot_that_session_json_does_not_name_is_not_read(tmp_path, make_session):
    session = make_session(tmp_path, sensors=("foot_left",))
    raw_path(tmp_path, "foot_left").rename(raw_path(tmp_path, "foot_right"))
    with pytest.raises(BadRawFile, match="foot_left"):
        present_sensors(tmp_path, session)


# many


@pytest.fixture
def store(tmp_path, make_session):
    root = tmp_path / "store"
    for subject, session in (("S02", "b"), ("S01", "b"), ("S01", "a")):
        make_session(root / f"subject={subject}" / f"session={session}", subject=subject, session=session, rows=3)
    return root


def names(found, root):
    return [str(entry.relative_to(root)) for entry in sessions_in(found)]


ALL = ["subject=S01/session=a", "subject=S01/session=b", "subject=S02/session=b"]


def test_a_session_a_store_and_a_glob_are_found_sorted(store):
    assert names(find_sessions([str(store)]), store) == ALL
    assert names(find_sessions([str(store / "*" / "*")]), store) == ALL
    assert names(find_sessions([str(store / "subject=S0[1]")]), store) == ALL[:2]
    assert names(find_sessions([str(store / ALL[2])]), store) == ALL[2:]
    assert names(find_sessions([str(store / "**" / "session=b")]), store) == ALL[1:]


def test_each_session_comes_once_in_the_order_of_the_arguments(store, monkeypatch):
    arguments = [str(store / ALL[2]), str(store), str(store / ALL[0]) + "/", str(store / "*")]
    assert names(find_sessions(arguments), store) == [ALL[2], *ALL[:2]]
    monkeypatch.chdir(store)
    assert [str(entry) for entry in find_sessions([".", str(store)])] == ALL


def test_sessions_at_any_depth_but_not_inside_a_session(tmp_path, make_session):
    make_session(tmp_path / "a" / "b" / "c", rows=3)
    make_session(tmp_path / "x", rows=3)
    make_session(tmp_path / "x" / "copy", rows=3)
    assert names(find_sessions([str(tmp_path)]), tmp_path) == ["a/b/c", "x"]


def test_each_argument_without_a_session_is_one_error_in_its_place(store, tmp_path):
    (tmp_path / "bare" / "deeper").mkdir(parents=True)
    (tmp_path / "note.txt").touch()
    session = store / ALL[0]
    arguments = {
        str(tmp_path / "absent"): "is not there",
        str(session): None,
        str(store / "session*"): "matches nothing",
        str(tmp_path / "bare"): "holds no session.json",
        str(tmp_path / "note.txt"): "is a file",
        str(tmp_path / "*.txt"): "is a file",
        str(session / "session.json"): f"meant its folder {session}?",
        "": "no path",
    }
    found = find_sessions(arguments)
    assert len(found) == len(arguments)
    for entry, (argument, words) in zip(found, arguments.items(), strict=True):
        if words is None:
            assert entry == session
        else:
            assert isinstance(entry, SessionNotFound)
            assert words in str(entry)
            assert "\n" not in str(entry)
            assert argument == "" or "*" in argument or argument in str(entry)


def test_a_glob_passes_over_files_but_not_over_folders_without_a_session(store, tmp_path):
    (store / "README.md").touch()
    (store / "subject=S03").mkdir()
    found = find_sessions([str(store / "*")])
    assert names(found[:3], store) == ALL
    assert len(found) == 4
    assert "subject=S03 holds no session.json" in str(found[3])


def test_a_name_with_brackets_is_meant_literally(tmp_path, make_session):
    make_session(tmp_path / "take [1]", rows=3)
    assert names(find_sessions([str(tmp_path / "take [1]")]), tmp_path) == ["take [1]"]


def test_symlinks_inside_a_folder_are_not_followed(store, tmp_path):
    (store / "loop").symlink_to(store)
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "one").symlink_to(store / ALL[0])
    assert names(find_sessions([str(store)]), store) == ALL
    assert isinstance(find_sessions([str(tmp_path / "list")])[0], SessionNotFound)
    assert find_sessions([str(tmp_path / "list" / "one")]) == [tmp_path / "list" / "one"]


def test_a_folder_that_may_not_be_read_is_an_error_and_the_others_go_on(store, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("S01"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find_sessions([str(store)])
    assert "S01 can't be read: Permission denied" in str(found[0])
    assert names(found[1:], store) == ALL[2:]


# where the analysis goes


def test_the_analysis_lies_by_subject_and_session(tmp_path, make_session):
    session = make_session(tmp_path / "x", subject="S7", session="2026")
    assert analysis_dir(tmp_path / "out", session) == tmp_path / "out" / "subject=S7" / "session=2026"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("link", ["subject=S01", "subject=S01/session=one", "subject=S01/session=one/analysis"])
def test_a_symlink_that_leads_out_of_the_store_is_refused(tmp_path, make_session, link):
    session = make_session(tmp_path / "x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out" / link).parent.mkdir(parents=True)
    (tmp_path / "out" / link).symlink_to(outside)
    with pytest.raises(CannotWrite, match="symlink"):
        analysis_dir(tmp_path / "out", session)


def test_a_store_that_is_itself_a_symlink_is_the_users_choice(tmp_path, make_session):
    session = make_session(tmp_path / "x")
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    assert analysis_dir(tmp_path / "out", session) == tmp_path / "out" / "subject=S01" / "session=one"


@pytest.mark.parametrize("code", ["../../x", "a/../../../x"])
def test_codes_that_no_one_checked_lead_nowhere(tmp_path, code):
    with pytest.raises(CannotWrite):
        analysis_dir(tmp_path / "out", Session("S01", code, {}, {}))


def test_session_json_is_copied_to_the_byte(tmp_path, make_session):
    make_session(tmp_path / "x")
    file = tmp_path / "x" / "session.json"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    for _ in range(2):
        copy_session_json(tmp_path / "x", tmp_path / "out" / "y")
        assert (tmp_path / "out" / "y" / "session.json").read_bytes() == file.read_bytes()
    with pytest.raises(SessionNotFound):
        copy_session_json(tmp_path / "absent", tmp_path / "z")
    assert not (tmp_path / "z").exists()
