"""What has to be known of a data set before a figure on it means anything: licence, citation, frames, labels."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias, get_args

from imu.core.errors import RetrogaitError

Figures: TypeAlias = Literal["published", "private"]
NEEDED: Final = ("title", "about", "licence", "citation", "figures", "kind", "frames", "truth")
FLAGS: Final = ("partial_truth", "clocks_apart")
KEYS: Final = (*NEEDED, "differs", "fetch", *FLAGS)
TABLES: Final = {"truth": "a table of texts", "fetch": "a table of texts"}
FETCH_KEYS: Final = ("url", "files")
EMPTY: Final = ("truth", "differs")
"""What may be said by saying nothing."""


class BadCard(RetrogaitError, ValueError):
    """A card that says too little, or what nobody asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Of one data set."""

    name: str
    title: str
    about: str
    """Who did what, with which sensors, in one or two sentences."""
    licence: str
    citation: str
    figures: Figures
    """`private`: nothing measured on it is to be shown to others."""
    kind: str
    """`real`, or how else the signals came about."""
    frames: str
    """Axes of its sensors as they are in the files, and as they are made ours."""
    truth: Mapping[str, str]
    """By label, what it means and how that biases timing; empty = there is none."""
    differs: str = ""
    """From other conversions of the same files, and why."""
    fetch: Mapping[str, str] | None = None
    """`url`, to which the path of a file in the index is added, or what `files` makes of it, as `all/{path}.txt`;
    None = the licence, or the source, lets nobody fetch it by program."""
    partial_truth: bool = False
    """Truth begins after the walk does, or ends before: what is found outside of it is not false."""
    clocks_apart: bool = False
    """Nobody knows by how much the clock of the truth differs from that of the sensors."""


def read_card(name: str) -> Card:
    """The card of a data set.

    Raises:
        BadCard: it lacks something.
    """
    path = files("imu_datasets") / "cards" / f"{name}.toml"
    try:
        return card_of(name, tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise BadCard(f"there is no card {name}; want cards/{name}.toml in imu_datasets") from None
    except tomllib.TOMLDecodeError as error:
        raise BadCard(f"the card {name} is no TOML: {error}; want keys and texts") from None


def card_of(name: str, said: Mapping[str, Any]) -> Card:
    """A card, checked.

    Raises:
        BadCard: it lacks something, or says something else.
    """
    unknown, missing = set(said) - set(KEYS), set(NEEDED) - set(said)
    if unknown or missing:
        what = f"has no {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(unknown))}"
        raise BadCard(f"the card {name} {what}; want {', '.join(KEYS)}")
    for key, value in said.items():
        if key in FLAGS:
            if not isinstance(value, bool):
                raise BadCard(f"the card {name} has {key} {value!r}; want true or false")
            continue
        wanted = dict if key in TABLES else str
        if not isinstance(value, wanted) or (not value and key not in EMPTY):
            raise BadCard(f"the card {name} has {key} {value!r}; want {TABLES.get(key, 'text')}")
    if said["figures"] not in get_args(Figures):
        raise BadCard(f"the card {name} has figures {said['figures']!r}; want {' or '.join(get_args(Figures))}")
    if "fetch" in said:
        _check_fetch(name, said["fetch"])
    return Card(name=name, **said)


def _check_fetch(name: str, table: Mapping[str, object]) -> None:
    url, pattern = table.get("url"), table.get("files", "{path}")
    if set(table) - set(FETCH_KEYS) or not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise BadCard(f"the card {name} has fetch {table!r}; want url, an address of the web, and at most files")
    if not isinstance(pattern, str) or "{path}" not in pattern:
        raise BadCard(f"the card {name} has fetch.files {pattern!r}; want a text with {{path}}")
