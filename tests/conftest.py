"""What all tests share: where recordings lie, and how examples are drawn."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
IN_CI = "CI" in os.environ

# no deadline: the first call of a kernel compiles it; in CI the same examples every time
settings.register_profile("retrogait", deadline=None, derandomize=IN_CI, print_blob=not IN_CI)
settings.load_profile("retrogait")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that holds `sessions/`, real recordings that are never part of the repository."""
    folder = Path(os.environ.get("IMU_DATA_DIR") or ROOT.parent / "shared" / "data")
    if not (folder / "sessions").is_dir():
        pytest.skip(f"no recordings: {folder} has no folder sessions; name one that has in IMU_DATA_DIR")
    return folder
