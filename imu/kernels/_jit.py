"""The one door to numba: a typed `njit`, and a cache that notices edits.

numba's own cache looks at the file of the function alone and misses an edit in a callee of another file, so the cache
lies in a directory named after the content of all kernels.
"""

import hashlib
import importlib
import os
import sys
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


def cache_dir() -> Path | None:
    """Where compiled kernels are kept: under `NUMBA_CACHE_DIR` if set, else in the user's cache.

    None where nothing can be written: then every process compiles anew, which must not stop an analysis.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retrogait"
    folder = root / f"kernels-{kernels_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


CACHE = cache_dir()
if CACHE is not None:
    # read by numba when a function is decorated, so it is set before the first one
    numba.core.config.CACHE_DIR = str(CACHE)  # pyright: ignore[reportAttributeAccessIssue]


def njit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first call and cache; plain Python where `NUMBA_DISABLE_JIT` is set."""
    return numba.njit(cache=CACHE is not None)(function)


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


def start_without_scipy() -> None:
    """Let numba start without SciPy's linear algebra, which takes as long to import as ten minutes take to analyse.

    numba asks for a BLAS when its first kernel loads, whether any kernel multiplies matrices or not; none here does.
    For a process of our own: other numba code in it can't multiply matrices from then on.
    """
    wanted = "scipy.linalg"
    if wanted not in sys.modules:
        sys.modules[wanted] = None  # pyright: ignore[reportArgumentType]
        try:
            importlib.import_module("numba.np.arraymath")
        finally:
            del sys.modules[wanted]
