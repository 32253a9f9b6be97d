"""A simulated walk as a session folder, and its analysis."""

import shutil
from pathlib import Path

import pytest

from imu.reprocess import reprocess
from tests.reprocess.session_folders import simulated, write


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A session folder that nobody changes."""
    return write(tmp_path_factory.mktemp("made") / "walk", simulated())


@pytest.fixture
def session(made, tmp_path):
    """A copy of it to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "walk"))


@pytest.fixture(scope="session")
def usual(made, tmp_path_factory):
    """Its analysis."""
    target = tmp_path_factory.mktemp("usual")
    reprocess(made, target)
    return target
