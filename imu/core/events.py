"""Live output: a stream of events. A table is the fold of its events."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from imu.core.tables import Row

Kind: TypeAlias = Literal["contact_provisional", "contact", "second", "release", "stride", "step"]


@dataclass(frozen=True, slots=True)
class Event:
    """One finding. `row` holds the columns of its table that are known by now; once out, it never changes."""

    t_emitted_ns: int
    """Newest sample needed, session clock. Of a step: half a second after its end, the least it waits for the other
    foot; one that begins before gravity is known waits longer."""
    foot: Literal["left", "right"]  # of a step: its stance foot
    kind: Kind
    row: Row = field(hash=False)
