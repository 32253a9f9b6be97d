"""Records of one foot become events, and events become rows of the contacts and strides tables."""

import math
from ctypes import c_float

import numpy as np
import numpy.typing as npt

from imu.core.events import Event
from imu.core.records import (
    BREAK,
    CONTACT,
    LENGTH,
    NONE_NS,
    PROVISIONAL,
    RELEASE,
    SECOND,
    FootEvent,
    foot_events,
)
from imu.core.session import Foot
from imu.core.tables import DIRECTIONS, PATTERNS, Row, quality_text, whole
from imu.core.units import NS_PER_S

LONGEST_STRIDE_NS = 3 * NS_PER_S


def single(value: float) -> float | None:
    """As a float32 column holds it, so that whoever reads the table computes the same; None for NaN."""
    # four times as fast as by way of numpy
    return None if math.isnan(value) else c_float(value).value


class FootFold:
    """Feed one foot's FOOT_EVENT records in order; get its events, and its rows at any time.

    `contacts` and `strides` grow in order of time; a contact's `t_second_ns` and `t_release_ns` are filled in when
    their events come.
    """

    def __init__(self, foot: Foot) -> None:
        self._foot: Foot = foot
        self.contacts: list[Row] = []
        self.strides: list[Row] = []
        self._reasons: list[int] = []
        self._breaks: list[int] = []
        """When a contact may have been lost. A contact is told after it was: a break that is told before it may have
        been later."""
        self._pending: Row | None = None
        """The stride whose end is known and whose length is not."""

    def push(self, records: npt.NDArray[np.void]) -> list[Event]:
        """Events in the order of their records."""
        told = (self._one(found) for found in foot_events(records))
        return [event for event in told if event is not None]

    def _one(self, found: FootEvent) -> Event | None:
        kind, emitted = found.kind, found.t_emitted_ns
        if kind == PROVISIONAL:
            return Event(emitted, self._foot, "contact_provisional", {"foot": self._foot, "t_contact_ns": found.t_ns})
        if kind == CONTACT:
            return self._contact(found)
        if kind == BREAK:
            self._breaks.append(found.t_ns)
        if kind == LENGTH and self._pending is not None:
            return self._stride(emitted, found.length_m)
        if kind in (SECOND, RELEASE):
            name = "second" if kind == SECOND else "release"
            contact = self.contacts[-1]
            contact[f"t_{name}_ns"] = found.t_ns
            row: Row = {"foot": self._foot, "t_contact_ns": contact["t_contact_ns"], f"t_{name}_ns": found.t_ns}
            return Event(emitted, self._foot, name, row)
        return None

    def _contact(self, found: FootEvent) -> Event:
        row: Row = {
            "foot": self._foot,
            "t_contact_ns": found.t_ns,
            "t_second_ns": None,
            "t_release_ns": None,
            "pattern": PATTERNS[found.pattern],
            "direction": DIRECTIONS[found.direction],
            "foot_angle_deg": single(found.foot_angle_deg),
            "confidence": single(found.confidence),
            "t_provisional_ns": None if found.t_provisional_ns == NONE_NS else found.t_provisional_ns,
            "t_emitted_ns": found.t_emitted_ns,
            "quality": quality_text(found.quality),
        }
        self.contacts.append(row)
        self._reasons.append(found.quality)
        self._pending = self._open_stride() if len(self.contacts) > 1 else None
        return Event(found.t_emitted_ns, self._foot, "contact", dict(row))

    def _open_stride(self) -> Row | None:
        """Of the last two contacts; None where they are too far apart, or one between them may have been lost."""
        first, last = self.contacts[-2:]
        start, end = whole(first, "t_contact_ns"), whole(last, "t_contact_ns")
        broken = any(start < at <= end for at in self._breaks)
        self._breaks = [at for at in self._breaks if at > end]
        if broken or end - start > LONGEST_STRIDE_NS:
            return None
        stride_s, stance_s = (end - start) / NS_PER_S, math.nan
        if first["t_release_ns"] is not None:
            stance_s = (whole(first, "t_release_ns") - start) / NS_PER_S
        return {
            "foot": self._foot,
            "stride_id": None,
            "t_start_ns": start,
            "t_end_ns": end,
            "t_release_ns": first["t_release_ns"],
            "stride_time_s": single(stride_s),
            "stance_time_s": single(stance_s),
            "swing_time_s": single(stride_s - stance_s),
            "stance_fraction": single(stance_s / stride_s),
            "stride_length_m": None,
            "speed_m_s": None,
            "direction": last["direction"],
            "pattern": first["pattern"],
            "quality": quality_text(self._reasons[-2] | self._reasons[-1]),
        }

    def _stride(self, emitted: int, length_m: float) -> Event:
        row, self._pending = self._pending, None
        if row is None:
            raise ValueError("a stride's length came without its end; lengths follow contacts")
        if not math.isnan(length_m):
            row["stride_length_m"] = single(length_m)
            if row["direction"] != "uncertain":
                sign = -1.0 if row["direction"] == "backward" else 1.0
                stride_s = (whole(row, "t_end_ns") - whole(row, "t_start_ns")) / NS_PER_S
                row["speed_m_s"] = single(sign * length_m / stride_s)
        self.strides.append(row)
        return Event(emitted, self._foot, "stride", dict(row))
