"""The one door to numba: a typed `njit`, and a cache that notices edits.

numba's own cache looks at the file of the function alone and misses an edit in a callee of another file, so the cache
lies in a directory named after the content of all kernels.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.config
import numpy as np


def kernels_digest() -> str:
    """Names the content of all kernel files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_dir() -> Path:
    """Where compiled kernels are kept: under `NUMBA_CACHE_DIR` if set, else in the user's cache."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retrogait"
    folder = root / f"kernels-{kernels_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # a read-only home must not stop an analysis: compile anew each boot
        return Path(tempfile.gettempdir()) / f"retrogait-{os.getuid()}" / folder.name
    return folder


# read by numba when a function is decorated, so it is set before the first one
numba.core.config.CACHE_DIR = str(cache_dir())  # pyright: ignore[reportAttributeAccessIssue]


def njit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first call and cache; plain Python where `NUMBA_DISABLE_JIT` is set."""
    return numba.njit(cache=True)(function)


def as_record(coefficients: Any) -> np.record:
    """A NamedTuple of numbers, nested or not, as one record: handed to kernels by reference.

    A large tuple is copied, number by number, at every call of one kernel by another.
    """
    dtype, values = _described(coefficients)
    return np.rec.array([values], dtype=dtype)[0]


def _described(coefficients: Any) -> tuple[list[tuple[str, Any]], tuple[Any, ...]]:
    dtype: list[tuple[str, Any]] = []
    values: list[Any] = []
    for name, value in coefficients._asdict().items():
        if isinstance(value, tuple):
            inner, inner_values = _described(value)
            dtype.append((name, inner))
            values.append(inner_values)
        else:
            dtype.append((name, "<i8" if isinstance(value, int) else "<f8"))
            values.append(value)
    return dtype, tuple(values)
