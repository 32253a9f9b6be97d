"""People and protocols known by name. Each is a TOML file beside this module, to be copied and changed."""

import difflib
from pathlib import Path
from typing import Final

from imu.core.errors import BadSpec
from imu.simulate.spec import Spec, parse_spec

PLACE: Final = Path(__file__).with_name("specs")


def names() -> tuple[str, ...]:
    """All names, in order."""
    return tuple(sorted(entry.stem for entry in PLACE.glob("*.toml")))


def text(name: str) -> str:
    """The TOML file behind a name.

    Raises:
        BadSpec: no such name.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        slip = f"did you mean {near[0]}?" if near else "a typing slip?"
        raise BadSpec(
            f"there is no simulation called {name!r}; want {', '.join(names())}, or a file ({slip})", key="name"
        )
    return (PLACE / f"{name}.toml").read_text("utf-8")


def about(name: str) -> str:
    """What it is, in one line: the comment that its file begins with.

    Raises:
        BadSpec: no such name.
    """
    return text(name).partition("\n")[0].removeprefix("#").strip()


def named(name: str) -> Spec:
    """What `simulate` takes, by name.

    Raises:
        BadSpec: no such name.
    """
    return parse_spec(text(name), name)
