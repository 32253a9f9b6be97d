"""The command of the benches, and copies of the simulated walk to be changed."""

import json
import shutil
import sys

import pytest

from imu_bench.__main__ import main


@pytest.fixture
def bench(monkeypatch, capsys):
    """Call `python -m imu_bench`; get its exit code and what it said."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["imu_bench", *map(str, words)])
        capsys.readouterr()
        try:
            code = main()
        except SystemExit as leaving:
            code = leaving.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def copied(walk_folder, tmp_path):
    """Copy it to a name; keyword arguments change sensors of its session.json."""

    def copy(name="walk", **sensors):
        folder = tmp_path / name
        shutil.copytree(walk_folder, folder)
        document = json.loads((folder / "session.json").read_text()) | {"session": name}
        for sensor, changes in sensors.items():
            document["sensors"][sensor] |= changes
        (folder / "session.json").write_text(json.dumps(document))
        return folder

    return copy


@pytest.fixture
def folders_of(data_dir):
    """All recordings of a source. Skips where there are none."""

    def found(source):
        folders = sorted(str(folder) for folder in data_dir.glob(f"sessions/{source}-*"))
        if not folders:
            pytest.skip(f"no recordings {source}-* in {data_dir / 'sessions'}; see IMU_DATA_DIR")
        return folders

    return found
