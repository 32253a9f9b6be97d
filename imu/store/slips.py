"""The likely slip behind a wrong word: how a refusal ends."""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from imu.core.units import TO_SI

OTHER_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "m/s2": "m/s^2",
        "m/s²": "m/s^2",
        "m/s/s": "m/s^2",
        "m/s**2": "m/s^2",
        "G": "g",
        "dps": "deg/s",
        "°/s": "deg/s",
        "deg/sec": "deg/s",
        "rad/sec": "rad/s",
        "rads": "rad/s",
    }
)


def likely(word: str, words: Iterable[str]) -> str:
    """Name the nearest of the words, in whatever case, or nothing if none is near.

    >>> likely("AccX", ["time", "acc_x"])
    " (meant 'acc_x'?)"
    """
    by_lower = {other.lower(): other for other in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" (meant {by_lower[close[0]]!r}?)" if close else ""


def likely_unit(unit: str, si_unit: str) -> str:
    """Name the unit that another spelling means, or the mistake of one quantity for the other.

    >>> likely_unit("dps", "rad/s"), likely_unit("g", "rad/s"), likely_unit("furlong", "m/s^2")
    (" (meant 'deg/s'?)", ' (acc and gyr swapped?)', '')
    """
    meant = OTHER_SPELLINGS.get(unit, unit)
    if meant in TO_SI[si_unit]:
        return f" (meant {meant!r}?)"
    return " (acc and gyr swapped?)" if any(meant in units for units in TO_SI.values()) else ""
