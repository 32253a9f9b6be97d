"""peers.toml: which detectors of others there are, and what each environment holds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from imu.core.errors import RetrogaitError

FOLDER: Final = Path(__file__).parent
RUNNERS: Final = FOLDER / "runners"


class NoSuchPeer(RetrogaitError, KeyError):
    """An environment that peers.toml does not know."""

    # KeyError prints its argument in quotes; one plain line is wanted
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True, slots=True)
class Environment:
    """What one virtual environment holds, every package with its version."""

    name: str
    about: str
    licence: str
    """The strictest of what its runner imports."""
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One detector: a runner, and what it is told."""

    name: str
    environment: Environment
    runner: Path
    options: Mapping[str, Any]
    title: str
    source: str
    shows: tuple[str, ...]
    """Packages whose versions readers want to know."""


@cache
def environments() -> Mapping[str, Environment]:
    """By name, in the order of the file."""
    return MappingProxyType(
        {
            name: Environment(name, said["about"], said["licence"], tuple(said["requires"]))
            for name, said in _document()["environment"].items()
        }
    )


@cache
def entries() -> tuple[Entry, ...]:
    """All detectors, in the order of the file."""
    return tuple(
        Entry(
            name,
            environments()[said["environment"]],
            RUNNERS / said["runner"],
            MappingProxyType(dict(said.get("options", {}))),
            said["title"],
            said["source"],
            tuple(said["shows"]),
        )
        for name, said in _document()["detector"].items()
    )


def environment(name: str) -> Environment:
    """One by name.

    Raises:
        NoSuchPeer: with the names that there are.
    """
    try:
        return environments()[name]
    except KeyError:
        raise NoSuchPeer(f"no peer is called {name!r}; want one of {', '.join(environments())}") from None


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "peers.toml").read_text(encoding="utf-8"))
