"""What tests with a browser share."""

import shutil
from pathlib import Path

import pytest

from tests.firmware_bridge.conftest import run

__all__ = ["run"]


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser that Debian has."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium; install the Debian package chromium (make system)")
    return Path(found)
