"""What tests with a browser share."""

import asyncio
import shutil
from pathlib import Path

import pytest

from imu.live.haste import FastLoop
from tests.firmware_bridge.conftest import open_files, run

__all__ = ["run"]


@pytest.fixture
def hurry():
    """Runs a test's coroutine in a time that may be hurried; it leaves no file open behind."""

    def hurry(coroutine):
        before = open_files()
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(coroutine)
        assert open_files() <= before

    return hurry


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser that Debian has."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium; install the Debian package chromium (make system)")
    return Path(found)
