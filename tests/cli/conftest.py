"""Sessions to be broken, and the command as a user calls it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imu.cli.main import main


@pytest.fixture
def copy(walk_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy the simulated session to a name; keyword arguments go into its session.json."""

    def copied(name: str, **changes: Any) -> Path:
        folder = tmp_path / "in" / name
        shutil.copytree(walk_folder, folder)
        file = folder / "session.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "session": name, **changes}))
        return folder

    return copied


@pytest.fixture
def imu(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Call the command; get its exit code, and what it said on stdout and stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    return tree
