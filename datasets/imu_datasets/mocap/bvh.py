"""BVH files (Biovision hierarchy): a skeleton and how it moves.

The format as the University of Wisconsin describes it
(research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html):

- a bone's rotation is the product of those of its channels as they stand: `Zrotation Xrotation Yrotation` is
  Rz Rx Ry, each about the axes that those before it have turned; degrees;
- there is no unit of length and nothing says which way is up: whoever reads a source has to know both;
- the axes of all bones are those of the file where all channels are zero.

In one thing sources differ: a joint's position channels stand here in place of its OFFSET, as they do in the files
of Bandai Namco, whose joints all have them and repeat the OFFSET there, and not on top of it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.samples import Floats
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap.chain import AXES, Placed, numbers_of, turned
from imu_datasets.readers.delimited import shown, text_of

CHANNELS: Final = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in AXES)
MOST_JOINTS: Final = 1000
"""More are no person; and a file that only opens brackets is refused before it fills the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Of a skeleton."""

    name: str
    parent: str | None
    """None = the root."""
    offset: tuple[float, float, float]
    """From the parent's joint, in the parent's axes; of the root from the file's origin."""
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bvh:
    """All of a file but the ends of its outermost bones."""

    joints: tuple[Joint, ...]
    """Parents before children, as they stand."""
    frame_s: float
    values: Floats
    """(n, channels of all joints), degrees and the file's unit of length"""

    def __len__(self) -> int:
        """How many frames."""
        return len(self.values)


def read_bvh(path: Path) -> Bvh:
    """A file.

    Raises:
        BadOriginal: it is not what the format says.
    """
    lines = _Lines(path)
    lines.expect("HIERARCHY")
    joints = tuple(_hierarchy(lines))
    names = [joint.name for joint in joints]
    for name in names:
        if names.count(name) > 1:
            raise BadOriginal(f"{path}: joint {shown(name)} comes {names.count(name)} times; want each name once")
    frames = lines.labelled("Frames:")
    if frames != int(frames) or frames < 1:
        raise lines.bad("want a whole number of frames, 1 or more")
    frame_s = lines.labelled("Frame Time:")
    if frame_s <= 0.0:
        raise lines.bad("want the seconds of a frame, more than 0")
    wide = sum(len(joint.channels) for joint in joints)
    rows = [numbers_of(path, line, words, wide, "a value a channel") for line, words in lines.rest()]
    if len(rows) != int(frames):
        raise BadOriginal(f"{path}: {len(rows)} frames; want {int(frames)} as line {lines.frames_line} says (cut off?)")
    return Bvh(joints, frame_s, np.array(rows, np.float64).reshape(len(rows), wide))


def placed(bvh: Bvh) -> Mapping[str, Placed]:
    """Every joint by name, in the file's axes and its unit of length."""
    found: dict[str, Placed] = {}
    at = 0
    for joint in bvh.joints:
        place = np.tile(np.array(joint.offset), (len(bvh), 1))
        rotation = np.tile(np.eye(3), (len(bvh), 1, 1))
        for channel in joint.channels:
            axis, value = channel[0], bvh.values[:, at]
            if channel.endswith("position"):
                place[:, AXES.index(axis)] = value
            else:
                rotation = rotation @ turned(axis, np.radians(value))
            at += 1
        if joint.parent is not None:
            parent = found[joint.parent]
            place = parent.place + np.einsum("nij,nj->ni", parent.rotation, place)
            rotation = parent.rotation @ rotation
        found[joint.name] = Placed(place, rotation)
    return found


class _Lines:
    """The lines of a file that are not empty, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path, self.line, self.words, self.frames_line = path, 0, list[str](), 0
        split = ((number, text.split()) for number, text in enumerate(text_of(path).splitlines(), 1))
        self._left = iter([(number, words) for number, words in split if words])

    def next(self, wanted: str) -> list[str]:
        """Words of the next line, one at least."""
        try:
            self.line, self.words = next(self._left)
        except StopIteration:
            raise BadOriginal(f"{self.path}: ends after line {self.line}; want {wanted} (cut off?)") from None
        return self.words

    def expect(self, *words: str) -> None:
        """The next line has to say just this."""
        wanted = " ".join(words)
        if self.next(wanted) != list(words):
            raise self.bad(f"want {wanted}")

    def labelled(self, label: str) -> float:
        """What stands behind a label."""
        words = self.next(f"{label} and a number")
        wanted = label.split()
        if words[: len(wanted)] != wanted:
            raise self.bad(f"want {label} and a number")
        if label == "Frames:":
            self.frames_line = self.line
        return numbers_of(self.path, self.line, words[len(wanted) :], 1, f"a number after {label}")[0]

    def rest(self) -> Iterator[tuple[int, list[str]]]:
        """Numbers and words of all lines that are left."""
        return self._left

    def bad(self, wanted: str) -> BadOriginal:
        """What is wrong with the line at hand."""
        return BadOriginal(f"{self.path}: line {self.line} has {shown(' '.join(self.words))}; {wanted}")


def _hierarchy(lines: _Lines) -> Iterator[Joint]:
    """All joints, up to and with the line MOTION."""
    inside: list[str] = []
    found = 0
    name = _named(lines, lines.next("ROOT and a name"), "ROOT")
    while True:
        found += 1
        if found > MOST_JOINTS:
            raise lines.bad(f"want {MOST_JOINTS} joints at most (no skeleton?)")
        lines.expect("{")
        parent = inside[-1] if inside else None
        inside.append(name)
        yield Joint(name, parent, _offset(lines), _channels(lines))
        words = lines.next("JOINT, End Site or }")
        while words[0] in ("End", "}"):
            if words[0] == "End":
                _end(lines)
            elif words == ["}"] and len(inside) > 1:
                inside.pop()
            elif words == ["}"]:
                lines.expect("MOTION")
                return
            else:
                raise lines.bad("want } alone on its line")
            words = lines.next("JOINT, End Site or }")
        name = _named(lines, words, "JOINT")


def _named(lines: _Lines, words: list[str], keyword: str) -> str:
    if len(words) != 2 or words[0] != keyword:
        raise lines.bad(f"want {keyword} and one name")
    return words[1]


def _end(lines: _Lines) -> None:
    """The end of an outermost bone: checked, and of no further use here."""
    if lines.words != ["End", "Site"]:
        raise lines.bad("want End Site")
    lines.expect("{")
    _offset(lines)
    lines.expect("}")


def _offset(lines: _Lines) -> tuple[float, float, float]:
    words = lines.next("OFFSET and three numbers")
    if words[0] != "OFFSET":
        raise lines.bad("want OFFSET and three numbers")
    x, y, z = numbers_of(lines.path, lines.line, words[1:], 3, "an OFFSET")
    return x, y, z


def _channels(lines: _Lines) -> tuple[str, ...]:
    wanted = f"want CHANNELS, their number and as many different ones of {', '.join(CHANNELS)}"
    words = lines.next("CHANNELS")
    names = tuple(words[2:])
    if words[0] != "CHANNELS" or len(words) < 2 or words[1] != str(len(names)):
        raise lines.bad(wanted)
    if len(set(names)) != len(names) or not set(names) <= set(CHANNELS):
        raise lines.bad(wanted)
    return names


def rate_hz(bvh: Bvh, published_hz: float, path: Path) -> float:
    """The rate that a source publishes, once a file's frame time agrees with it to the digits that it has.

    Raises:
        BadOriginal: it does not.
    """
    if not math.isclose(bvh.frame_s, 1.0 / published_hz, rel_tol=1e-4):
        raise BadOriginal(f"{path}: Frame Time {bvh.frame_s:g} s; want {1.0 / published_hz:.7g} ({published_hz:g} Hz)")
    return published_hz
