"""A message bus without a radio, the firmware as a library, and tests that leave nothing behind."""

import asyncio
import ctypes
import shutil
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.firmware_bridge.firmware_board import load
from tests.firmware_bridge.message_bus import dbus_daemon

FDS = Path("/proc/self/fd")


@pytest.fixture(scope="session")
def private_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon; install the Debian package dbus (make system)")
    with dbus_daemon(tmp_path_factory.mktemp("bus")) as address:
        yield address


@pytest.fixture
def system_bus(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whatever asks for the system's message bus gets one on which there is nothing but what the test puts there."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    return private_bus


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The firmware and its stub board, whose state is the library's: a module has its own."""
    return load(tmp_path_factory.mktemp("firmware"))


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a test's coroutine and checks that it leaves no task and no open file behind."""

    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        async def all_of_it() -> None:
            loop = asyncio.get_running_loop()
            slips: list[dict[str, Any]] = []
            loop.set_exception_handler(lambda _, context: slips.append(context))
            await coroutine
            await asyncio.sleep(0.01)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left
            assert not slips

        before = open_files()
        asyncio.run(all_of_it())
        # fewer where rubbish of an earlier test was collected meanwhile
        assert open_files() <= before

    return run


def open_files() -> int:
    return sum(1 for _ in FDS.iterdir()) if FDS.is_dir() else 0
