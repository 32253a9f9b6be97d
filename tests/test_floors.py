"""The plan of the house: what import-linter is told in pyproject.toml, and what it can't see."""

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path
from pkgutil import iter_modules

import pytest

import imu
from imu.version import VERSION

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
NO_FLOOR = {"__main__", "version"}
"""The command's other door, and a string that any floor may read."""


def test_everything_stands_on_one_floor():
    """The linter says nothing of a module that no floor names."""
    layers = next(contract["layers"] for contract in SETTINGS["contracts"] if contract["type"] == "layers")
    named = [name.strip(" ()") for layer in layers for name in layer.split("|")]
    built = {f"imu.{module.name}" for module in iter_modules(imu.__path__) if module.name not in NO_FLOOR}
    assert len(named) == len(set(named))
    assert built <= set(named), "a new part of the house needs its floor in pyproject.toml"


@pytest.mark.parametrize("package", SETTINGS["root_packages"])
def test_packages_are_found_by_their_own_name_and_import_nothing_heavy(package):
    code = f"import sys, {package}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "numpy", "pyarrow", "scipy"} & set(modules)


def test_the_version_has_one_home():
    assert version("retrogait") == VERSION
    assert entry_points(group="console_scripts", name="imu")["imu"].value == "imu.cli.main:main"
