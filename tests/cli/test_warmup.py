import os
import subprocess
import sys

import pytest

from imu.cli import warmup


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled while NUMBA_DISABLE_JIT is set")
def test_after_it_nothing_is_compiled_any_more(imu, copy):
    code, out, _ = imu("warmup")
    assert code == 0
    folder = warmup.cache_folder()
    assert str(folder) in out
    before = {file.name for file in folder.iterdir()}
    assert imu("reprocess", copy("known"))[0] == 0
    unknown = copy("unknown", sensors={name: {"rate_hz": 100.0} for name in ("foot_left", "foot_right", "pelvis")})
    (unknown / "raw" / "foot_right.parquet").unlink()
    assert imu("reprocess", unknown)[0] == 0
    assert {file.name for file in folder.iterdir()} == before


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
