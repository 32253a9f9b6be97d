"""People and protocols known by name. Each is a TOML file beside this module, to be copied and changed."""

from importlib.resources import files

from imu.core.errors import BadSpec
from imu.simulate.spec import Spec, parse_spec

PLACE = files("imu.simulate") / "specs"


def names() -> tuple[str, ...]:
    """All names, in order."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in PLACE.iterdir() if entry.name.endswith(".toml")))


def text(name: str) -> str:
    """The TOML file behind a name.

    Raises:
        BadSpec: no such name.
    """
    if name not in names():
        raise BadSpec(f"there is no simulation called {name!r}; want {', '.join(names())}, or a file", key="name")
    return (PLACE / f"{name}.toml").read_text("utf-8")


def named(name: str) -> Spec:
    """What `simulate` takes, by name.

    Raises:
        BadSpec: no such name.
    """
    return parse_spec(text(name), name)
