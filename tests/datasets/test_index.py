"""What an index says of files, and what it finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_datasets.dataset import dataset, names
from imu_datasets.index import Index, index_of, index_text, look_at, read_index, verify

PARTS = st.text("abcDEF0189-_ä.", min_size=1, max_size=6).filter(lambda part: part.strip("."))
# one letter before each name: no file stands where another wants a folder
PATHS = st.builds(
    lambda folders, name: "/".join([*(f"d{part}" for part in folders), f"f{name}"]), st.lists(PARTS, max_size=2), PARTS
)
FILES = st.dictionaries(PATHS, st.binary(max_size=200), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    def fill(files):
        root = tmp_path_factory.mktemp("originals")
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        return root

    return fill


def states(root, entries):
    return {checked.entry.path: checked.state for checked in verify(root, entries)}


@given(FILES)
def test_a_folder_is_what_its_index_says(filled, files):
    root = filled(files)
    index = Index(tuple(look_at(root)), ("one",))
    assert [(entry.path, entry.size) for entry in index.files] == sorted((p, len(c)) for p, c in files.items())
    assert index_of(index_text(index)) == index
    assert set(states(root, index.files).values()) == {"good"}


@given(FILES, st.data())
def test_any_changed_byte_is_found(filled, files, data):
    root = filled(files)
    entries = tuple(look_at(root))
    path = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[path])
    if content:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        content.append(0)
    (root / path).write_bytes(content)
    assert states(root, entries) == {other: "differs" if other == path else "good" for other in files}


@given(FILES, st.data())
def test_a_missing_file_is_found(filled, files, data):
    root = filled(files)
    entries = tuple(look_at(root))
    path = data.draw(st.sampled_from(sorted(files)))
    (root / path).unlink()
    assert states(root, entries) == {other: "missing" if other == path else "good" for other in files}


def test_an_index_is_the_same_text_in_whatever_order(filled):
    root = filled({"b": b"2", "a/c": b"1"})
    entries = tuple(look_at(root))
    assert index_text(Index(entries[::-1])) == index_text(Index(entries))
    assert index_text(Index(entries)).endswith("}\n")


def test_what_is_written_about_data_is_no_data(filled):
    root = filled({"a.csv": b"1", "README.md": b"2", "b/LICENSE": b"3", ".DS_Store": b"4"})
    assert [entry.path for entry in look_at(root)] == ["a.csv"]


def test_where_nobody_has_made_an_index_it_is_empty():
    assert read_index("nowhere") == Index()


@pytest.mark.parametrize("name", names())
def test_recordings_at_hand_are_what_our_index_says(name, data_dir):
    data = dataset(name)
    root = data.folder(data_dir)
    if not root.is_dir():
        pytest.skip(f"no originals of {name}: {root} is not there; name a folder that has them in IMU_DATA_DIR")
    assert data.index.files
    assert set(states(root, data.index.files).values()) == {"good"}


@pytest.mark.parametrize("name", names())
def test_our_index_names_the_sessions_that_the_reader_yields(name, data_dir):
    data = dataset(name)
    root = data.folder(data_dir)
    if not root.is_dir():
        pytest.skip(f"no originals of {name}: {root} is not there; name a folder that has them in IMU_DATA_DIR")
    assert tuple(recorded.name for recorded in data.recordings(root)) == data.index.sessions
