"""What a stage is given stays the caller's: never written to, never kept, in whatever memory layout it comes."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "strided": lambda values: np.repeat(values, 2, axis=0)[::2],
    "reversed view": lambda values: np.ascontiguousarray(values[::-1])[::-1],
    "Fortran order": np.asfortranarray,
    "column of a wider table": lambda values: np.stack([values, values], axis=-1)[..., 0],
    "of the other byte order": lambda values: values.astype(values.dtype.newbyteorder()),
    "float32": lambda values: values.astype(np.float32) if values.dtype == np.float64 and values.ndim == 2 else values,
}
"""The values of the streams are such that float32 holds them; times and periods are left alone."""


def arrays(rows: Any) -> dict[str, np.ndarray]:
    if isinstance(rows, np.ndarray):
        return {"": rows}
    return {field.name: value for field in fields(rows) if isinstance(value := getattr(rows, field.name), np.ndarray)}


def changed(rows: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    new = {name: change(values) for name, values in arrays(rows).items()}
    return replace(rows, **new) if is_dataclass(rows) else new[""]


def read_only(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values.setflags(write=False)
    return values


def test_input_is_not_written_to(case) -> None:
    pieces = list(case.pieces([case.rows // 3, case.rows // 2]))
    before = [[values.tobytes() for values in arrays(rows).values()] for _, rows in pieces]
    case.run(pieces)
    assert [[values.tobytes() for values in arrays(rows).values()] for _, rows in pieces] == before


def test_read_only_input(case) -> None:
    assert case.run((name, changed(rows, read_only)) for name, rows in case.pieces([case.rows // 2])) == case.whole


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout(case, layout) -> None:
    pieces = [(name, changed(rows, LAYOUTS[layout])) for name, rows in case.pieces([case.rows // 3, case.rows // 2])]
    assert case.run(pieces) == case.whole


def test_input_may_be_overwritten_once_it_was_taken(case) -> None:
    def lent():
        for name, rows in case.pieces(range(0, case.rows, 37)):
            lent_rows = changed(rows, np.copy)
            yield name, lent_rows
            for values in arrays(lent_rows).values():
                values.view(np.uint8)[...] = 1

    assert case.run(lent()) == case.whole
