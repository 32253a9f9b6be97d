import os
import subprocess
import sys

import pytest

from imu.cli import warmup

COMPILED = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled as plain Python")

WARM_THEN_REPROCESS = """
import sys
from imu.cli.main import main

def ready():
    modules = [module for name, module in sys.modules.items() if name.startswith("imu.kernels.")]
    return {
        f"{kernel.__module__}.{kernel.__name__} of {signature}"
        for module in modules
        for kernel in vars(module).values()
        for signature in getattr(kernel, "signatures", ())
    }

assert main(["warmup"]) == 0
warm = ready()
assert warm
assert main(["reprocess", *sys.argv[1:]]) == 0
later = ready() - warm
sys.exit("\\n".join(sorted(later)) if later else 0)
"""


@COMPILED
def test_it_says_where_the_kernels_are_kept(imu):
    code, out, _ = imu("warmup")
    assert code == 0
    folder = warmup.cache_folder()
    assert f"they are kept in {folder} (" in out
    assert list(folder.glob("*.nbi"))


@COMPILED
def test_after_it_nothing_is_compiled_any_more(copy):
    """In a process of its own, where nothing else has compiled or loaded a kernel."""
    known = copy("known")
    unknown = copy("unknown", sensors={name: {"rate_hz": 100.0} for name in ("foot_left", "foot_right", "pelvis")})
    (unknown / "raw" / "foot_right.parquet").unlink()
    command = [sys.executable, "-c", WARM_THEN_REPROCESS, known, unknown, "--workers", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_only_older_versions_of_this_installation_are_removed(tmp_path):
    mine, other = "kernels_aaaa", "kernels_bbbb"
    for folder in (
        f"kernels-1/{mine}",
        f"kernels-2/{mine}",
        f"kernels-2/{other}",
        f"kernels-3/{mine}",
        f"elsewhere/{mine}",
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.nbi").touch()
    assert warmup.prune(tmp_path / "kernels-3" / mine) == 2
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.nbi")} == {
        f"kernels-2/{other}/x.nbi",
        f"kernels-3/{mine}/x.nbi",
        f"elsewhere/{mine}/x.nbi",
    }
    assert not (tmp_path / "kernels-1").exists()


def test_warm_processes_are_not_warmed_again(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(warmup, "_stamp", lambda: tmp_path / "warm")
    monkeypatch.setattr(warmup, "warm_up", lambda: calls.append((tmp_path / "warm").touch()))
    warmup.warm_up_once()
    warmup.warm_up_once()
    assert len(calls) == 1


def test_plain_python_has_nothing_to_compile():
    result = subprocess.run(
        [sys.executable, "-m", "imu", "warmup"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("nothing to keep")
