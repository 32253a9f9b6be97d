"""What is run: a data set, which of its sessions, and what is made worse about them. Ids are permanent.

`ipol/all`, `bandai/backward+rate-50`: data set, split, perturbation. Another meaning is another id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, cast, get_args

from imu.core.errors import UsageError
from imu.store.slips import likely

Split: TypeAlias = Literal["all", "forward", "backward"]

SIMULATED: Final = "simulated"
SPLITS: Final[Mapping[Split, str]] = MappingProxyType(
    {
        "all": "every session that has truth",
        "forward": "sessions whose truth names no walking but forward",
        "backward": "sessions whose truth names no walking but backward",
    }
)
PERTURBED: Final[tuple[str, ...]] = (
    "noise-x4",
    "bias-1dps",
    "tilt-10",
    "tilt-20",
    "tilt-35",
    "rate-25",
    "rate-50",
    "rate-100",
    "rate-200",
    "rate-400",
    "loss-1",
    "loss-5",
    "loss-10",
    "gap-200",
    "jitter-5",
    "offset-20",
)
"""Ids of `imu_bench.running.perturb`, which needs numpy: a list of names need not wait for it."""


class Shelf(NamedTuple):
    """What is run of a data set when all is."""

    splits: tuple[Split, ...]
    perturbed: tuple[Split, ...] = ()
    """Of which every perturbation is run."""


SHELVES: Final[Mapping[str, Shelf]] = MappingProxyType(
    {
        # real impacts, ten people, both feet and pelvis
        "ipol": Shelf(("all",), ("all",)),
        # the same real strides in either direction of time
        "gaitmap": Shelf(("all", "forward", "backward"), ("all",)),
        # all backward walking of people there is; forward has the real recordings above
        "bandai": Shelf(("all", "forward", "backward"), ("backward",)),
        "cmu": Shelf(("all",)),
        "grouvel": Shelf(("all",)),
        "gottlieb": Shelf(("all", "forward", "backward")),
        # real, both directions, ten people: who has it has the best there is
        "kiel": Shelf(("all", "forward", "backward"), ("backward",)),
        # backward with impacts
        SIMULATED: Shelf(("all", "forward", "backward"), ("backward",)),
    }
)
"""By name of the data set. Every other combination has its id too, and is run when asked for: these are chosen so that
all of it takes minutes."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the results."""

    data: str
    split: Split
    perturbation: str | None = None

    @property
    def id(self) -> str:
        """Permanent."""
        return f"{self.data}/{self.split}{'' if self.perturbation is None else f'+{self.perturbation}'}"

    @property
    def about(self) -> str:
        """In one line."""
        if self.perturbation is None:
            return f"{self.data}: {SPLITS[self.split]}"
        # here and not above: it needs numpy
        from imu_bench.running.perturb import PERTURBATIONS  # noqa: PLC0415

        return f"{self.data}: {SPLITS[self.split]}; {PERTURBATIONS[self.perturbation].about}"


@dataclass(frozen=True, slots=True)
class Staged:
    """A scenario, and where its sessions lie."""

    scenario: Scenario
    sessions: Mapping[str, Path]
    """Folders by name of the session, in order: as recorded, truth beside; never perturbed."""

    @property
    def id(self) -> str:
        return self.scenario.id

    @property
    def data(self) -> str:
        return self.scenario.data

    @property
    def split(self) -> str:
        return self.scenario.split

    @property
    def perturbation(self) -> str | None:
        return self.scenario.perturbation

    @property
    def about(self) -> str:
        return self.scenario.about


def scenario(given: str) -> Scenario:
    """The scenario of an id.

    Data sets are not checked here: recordings of one's own have the name that they begin with.

    Raises:
        UsageError: there is none of that id.

    >>> scenario("ipol/all+rate-50")
    Scenario(data='ipol', split='all', perturbation='rate-50')
    """
    wanted = f"want DATASET/{'|'.join(SPLITS)}, or that with +PERTURBATION (see imu-bench list)"
    whole, plus, perturbation = given.partition("+")
    data, slash, split = whole.partition("/")
    if not data or not slash or not split:
        raise UsageError(f"there is no scenario {given!r}; {wanted}")
    if split not in get_args(Split):
        raise UsageError(f"{given!r} has no split {split!r}; want {', '.join(SPLITS)}{likely(split, SPLITS)}")
    if plus and perturbation not in PERTURBED:
        raise UsageError(
            f"{given!r} has no perturbation {perturbation!r}; want one of {', '.join(PERTURBED)}"
            f"{likely(perturbation, PERTURBED)}"
        )
    return Scenario(data, cast("Split", split), perturbation if plus else None)


def shelf(data: str) -> list[Scenario]:
    """What is run of a data set when all is: first as recorded, then made worse."""
    splits, perturbed = SHELVES.get(data, Shelf(("all",)))
    return [
        *(Scenario(data, split) for split in splits),
        *(Scenario(data, split, name) for split in perturbed for name in PERTURBED),
    ]
