"""Detectors by name. Each is loaded when somebody asks for it, in whichever process.

Others add theirs through the entry point group `retrogait.detectors`, or name it where it lies: `mine:Detector` is what
`Detector` of the module `mine` is, or returns when it is called.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast

from imu.cli.boundary import no_traceback, one_line
from imu.core.errors import RetrogaitError, UsageError
from imu.store.slips import likely
from imu_bench.detector import About, Detector, Outside, Streaming, Whole

GROUP: Final = "retrogait.detectors"
NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Kind: TypeAlias = Literal["whole", "streaming", "outside"]

OURS: Final = ("retrogait",)
NAIVE: Final = ("naive-acc", "naive-gyro")
CHEATS: Final = ("cheat-late", "cheat-standing", "cheat-null", "cheat-forward")
BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "retrogait": "imu_bench.detectors.ours:Ours",
        "naive-acc": "imu_bench.detectors.naive:AccPeak",
        "naive-gyro": "imu_bench.detectors.naive:GyroZero",
        "cheat-late": "imu_bench.detectors.cheats:Late",
        "cheat-standing": "imu_bench.detectors.cheats:Restless",
        "cheat-null": "imu_bench.detectors.cheats:Silent",
        "cheat-forward": "imu_bench.detectors.cheats:Forward",
    }
)
GROUPS: Final = ("ours", "naive", "peers", "cheats", "others")
"""Names for several: `others` are those of entry points."""
USUAL: Final = ("ours", "naive", "peers", "others")


class NoDetector(RetrogaitError, LookupError):
    """One that can't be loaded, or is none."""


def chosen(words: Iterable[str]) -> list[str]:
    """Names of detectors, each once, in the order asked for: names, groups of them, or MODULE:ATTRIBUTE.

    Raises:
        UsageError: a name that nobody has.
        NoDetector: two have the same name.
    """
    known = names()
    found: dict[str, None] = {}
    for word in words:
        if word in GROUPS:
            found |= dict.fromkeys(names_in(word))
        elif word in known or ":" in word:
            found[word] = None
        else:
            everything = [*GROUPS, *known]
            raise UsageError(
                f"there is no detector {word!r}; want {', '.join(everything)}, or MODULE:ATTRIBUTE"
                f"{likely(word, everything)}"
            )
    return list(found)


def names() -> list[str]:
    """Of all that can be run here.

    Raises:
        NoDetector: two have the same name.
    """
    return [name for group in GROUPS for name in names_in(group)]


def detector(name: str) -> Detector:
    """One by name, or by MODULE:ATTRIBUTE.

    Raises:
        NoDetector: it can't be loaded, or is none.
    """
    if ":" in name:
        return _loaded(name)
    if name in BUILT_IN:
        return _loaded(BUILT_IN[name], name)
    if name in (others := _others()):
        return _loaded(others[name], name)
    found = _peers().get(name)
    if found is None:
        raise NoDetector(f"there is no detector {name!r}; want {', '.join(names())}{likely(name, names())}")
    return found


def kind_of(found: Detector) -> Kind:
    """Which of the three protocols it follows."""
    if isinstance(found, Outside):
        return "outside"
    return "streaming" if isinstance(found, Streaming) else "whole"


def names_in(group: str) -> list[str]:
    """Of a group of detectors."""
    ours = {"ours": OURS, "naive": NAIVE, "cheats": CHEATS}
    if group in ours:
        return list(ours[group])
    return sorted(_peers() if group == "peers" else _others())


def _peers() -> dict[str, Outside]:
    """Those whose environment is there."""
    # else a list of names would wait for it
    from imu_bench.peers.registry import peers  # noqa: PLC0415

    return {peer.about.name: peer for peer in peers()}


def _others() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        if entry.name in BUILT_IN or entry.name in GROUPS or entry.name in found:
            before = found.get(entry.name) or BUILT_IN.get(entry.name) or "a group of them"
            raise NoDetector(
                f"two detectors are called {entry.name!r}: {before} and {entry.value}; want names of their own"
                f" (entry point group {GROUP})"
            )
        found[entry.name] = entry.value
    return found


def _loaded(where: str, name: str | None = None) -> Detector:
    module, _, attribute = where.partition(":")
    here = str(Path.cwd())
    # as python -m does: a module of one's own lies where one stands
    if here not in sys.path:
        sys.path.append(here)
    try:
        with no_traceback():
            found: Any = import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
            found = found() if callable(found) else found
    except (RetrogaitError, OSError) as error:
        cause = error.__cause__
        reason = one_line(error) if cause is None else f"{type(cause).__name__}: {one_line(cause)}"
        raise NoDetector(f"the detector {where} can't be loaded: {reason}; want a class or a detector") from None
    return _checked(found, where, name)


def _checked(found: object, where: str, name: str | None) -> Detector:
    # a protocol at run time knows names of methods only
    if not isinstance(found, Outside | Streaming | Whole):
        raise NoDetector(
            f"{where} is no detector: {type(found).__name__} has neither detect, nor start, nor run; want one of them,"
            " and about (see docs/benchmark.md)"
        )
    about = cast("object", found.about)
    if not isinstance(about, About) or not NAME.fullmatch(about.name):
        shown = about.name if isinstance(about, About) else about
        raise NoDetector(
            f"{where} says about itself {shown!r}; want an About with a name of lower case, digits and dashes"
        )
    if name is not None and about.name != name:
        raise NoDetector(f"{where} is called {about.name!r}, and {name!r} where it was found; want one name")
    return found
