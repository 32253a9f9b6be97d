"""Where a truth that was made by hand or by another program leaves contacts out, told from its own rhythm."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from imu.core.session import FEET
from imu.core.tables import Row, whole

BEYOND_STRIDES: Final = 1.6
"""Contacts of a foot that are further apart than so many of its median strides have another between them."""
MARGIN_STRIDES: Final = 0.3
"""A hole begins and ends so far from the contacts on its sides: they are true, and stay scored."""


def holes(rows: Iterable[Row], until_ns: int | None = None) -> list[list[str | int]]:
    """`truth_ignore_ns` of a session: foot, start and end (ns), where a contact is missing between two others.

    `rows` are of TRUTH_CONTACTS. A gap that ends after `until_ns` is a rest and no hole.
    """
    found: list[list[str | int]] = []
    held: Sequence[Row] = list(rows)
    for foot in FEET:
        times = sorted(whole(row, "t_contact_ns") for row in held if row["foot"] == foot)
        if len(times) < 3:
            continue
        stride_ns = float(np.median(np.diff(times)))
        for before, after in pairwise(times):
            if after - before > BEYOND_STRIDES * stride_ns and (until_ns is None or after <= until_ns):
                margin_ns = MARGIN_STRIDES * stride_ns
                found.append([foot, int(before + margin_ns), int(after - margin_ns)])
    return found


def in_order(rows: Iterable[Row]) -> list[Row]:
    """By time, then left before right."""
    return sorted(rows, key=lambda row: (whole(row, "t_contact_ns"), str(row["foot"])))
