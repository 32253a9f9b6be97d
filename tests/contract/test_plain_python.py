"""The kernels compiled and the kernels as plain Python are one definition."""

import os
import pickle
import subprocess
import sys
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
import pytest

TOLERANCE = 1e-9
"""Of floats: the two may call different mathematical libraries. Integers, so all times and labels, agree exactly."""

PLAIN = """
import pickle, sys
stage, calls = pickle.load(sys.stdin.buffer)
pickle.dump(([getattr(stage, method)(*given) for method, given in calls], stage), sys.stdout.buffer)
"""


def check_alike(one: Any, other: Any) -> None:
    if is_dataclass(one):
        one, other = asdict(one), asdict(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            check_alike(value, other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for value, value_ in zip(one, other, strict=True):
            check_alike(value, value_)
    elif isinstance(one, np.ndarray) and one.dtype.names:
        assert one.dtype == other.dtype
        for name in one.dtype.names:
            check_alike(one[name], other[name])
    elif isinstance(one, float) or getattr(one, "dtype", None) == np.float64:
        np.testing.assert_allclose(other, one, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    else:
        np.testing.assert_array_equal(other, one)


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="the kernels run as plain Python already")
def test_compiled_and_plain_agree(case) -> None:
    calls = [*case.calls(case.pieces([case.rows // 2])), *case.last]
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAIN],
        input=pickle.dumps((case.make(), calls)),
        capture_output=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        check=False,
    )
    assert child.returncode == 0, child.stderr.decode()
    plain_outs, plain_stage = pickle.loads(child.stdout)
    stage = case.make()
    outs = [getattr(stage, method)(*given) for method, given in calls]
    check_alike(outs, plain_outs)
    check_alike(case.tells(stage), case.tells(plain_stage))
