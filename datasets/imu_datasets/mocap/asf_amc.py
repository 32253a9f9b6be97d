"""Acclaim's files: a skeleton (ASF) and how it moves (AMC).

The format as M. Schafer's definition V1.10 (mocap.co.nz/downloads/ASF_spec_v1.html), the notes on what VICON writes
(graphics.cs.cmu.edu/nsp/course/cs229/info/ACCLAIMdef.html) and the University of Wisconsin
(research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/ASF-AMC.html) describe it:

- a bone begins where its parent ends, and ends `length` further along `direction`, which is said in the file's axes
  with the skeleton at rest;
- its rotation L turns it against its parent: L = C M C^-1, where C is the rotation `axis`, and M that of its degrees of
  freedom in the motion's file. Each is made of turns about fixed axes in the order told: of `XYZ`, X is first and so
  stands rightmost, Rz Ry Rx. At rest every L is none, so that all bones' axes are the file's;
- the root's values stand in the order that its `order` tells, its rotations again about fixed axes in that order;
- what stands in the file times 1 / `length` of its units is inches in the files of Carnegie Mellon, whose own answer is
  (1.0 / 0.45) * 2.54 / 100 metres (mocap.cs.cmu.edu/faqs.php). `angle` counts for the skeleton, `:DEGREES` or
  `:RADIANS` for the motion;
- nothing tells the rate; frames are numbered, from any number on.

What we know no file to use and programs to take differently is refused: a root placed beforehand, bones that change
their length, and motions that leave out bones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import radians
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from imu.core.samples import Floats
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap.chain import AXES, Placed, numbers_of, turned
from imu_datasets.readers.delimited import shown, text_of

INCH_M: Final = 0.0254
ROOT: Final = "root"
TURNS: Final = tuple(f"r{axis.lower()}" for axis in AXES)
"""Degrees of freedom of a bone; a root has the moves too."""
MOVES: Final = tuple(f"t{axis.lower()}" for axis in AXES)
SECTIONS: Final = (":units", ":root", ":bonedata", ":hierarchy")
"""A skeleton has these; others say nothing of shape."""
OTHERS: Final = (":version", ":name", ":documentation", ":skin")
PASSED_OVER: Final = ("id", "limits", "bodymass", "cofmass")
"""Of a bone, what its motion does not need."""

Line: TypeAlias = tuple[int, list[str]]
"""Its number, counted from 1, and its words."""


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """Of a skeleton at rest."""

    name: str
    parent: str
    vector: Floats
    """(3,) from where it begins to where it ends, in the file's axes and its unit of length"""
    axis: Floats
    """(3, 3) C"""
    dof: tuple[str, ...]
    """Which turns its motion tells, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """An ASF file."""

    bones: tuple[Bone, ...]
    """Without the root; parents before children."""
    root_order: tuple[str, ...]
    length: float
    """Of its units: a length in the file divided by it is inches, in the files of Carnegie Mellon."""


Motion: TypeAlias = Mapping[str, Floats]
"""An AMC file: by bone (the root among them) (n, degrees of freedom); moves in the file's unit, turns in rad."""


def read_asf(path: Path) -> Skeleton:
    """A skeleton.

    Raises:
        BadOriginal: it is not what the format says.
    """
    sections = _sections(path)
    length, per_angle = _units(path, sections[":units"])
    root_order = _root(path, sections[":root"])
    parents = _parents(path, sections[":hierarchy"])
    bones: dict[str, Bone] = {}
    for lines in _blocks(path, sections[":bonedata"], "bone"):
        bone = _bone(path, lines, parents, per_angle)
        if bone.name in bones:
            raise BadOriginal(f"{path}: line {lines[0][0]} has bone {shown(bone.name)} again; want each bone once")
        bones[bone.name] = bone
    unknown = sorted(set(parents) - set(bones))
    if unknown:
        raise BadOriginal(f"{path}: :hierarchy has {shown(unknown[0])}, which is no bone of :bonedata; want one")
    # the hierarchy was checked to name parents before their children
    return Skeleton(tuple(bones[name] for name in parents), root_order, length)


def read_amc(path: Path, skeleton: Skeleton) -> Motion:
    """A motion of a skeleton.

    Raises:
        BadOriginal: it is not what the format says, or of another skeleton.
    """
    lines = _lines(path, text_of(path))
    heads = [(number, words) for number, words in lines if words[0].startswith(":")]
    told = {words[0].upper() for _, words in heads}
    for number, words in heads:
        if words[0].upper() not in (":FULLY-SPECIFIED", ":DEGREES", ":RADIANS"):
            raise BadOriginal(f"{path}: line {number} has {shown(words[0])}; want :FULLY-SPECIFIED and :DEGREES")
    if ":FULLY-SPECIFIED" not in told or len(told & {":DEGREES", ":RADIANS"}) != 1:
        raise BadOriginal(
            f"{path}: begins with {' '.join(sorted(told)) or 'no keyword'}; want :FULLY-SPECIFIED :DEGREES"
        )
    dof = {ROOT: skeleton.root_order} | {bone.name: bone.dof for bone in skeleton.bones if bone.dof}
    rows: dict[str, list[list[float]]] = {name: [] for name in dof}
    wanted: int | None = None
    for frame in _frames(path, lines[len(heads) :]):
        # a trial may be cut out of a longer one, and keeps its numbers
        count = _number(path, frame[0]) if wanted is None else wanted
        for name, values in _frame(path, frame, count, dof).items():
            rows[name].append(values)
        wanted = count + 1
    if wanted is None:
        raise BadOriginal(f"{path}: no frames; want one at least (cut off?)")
    unit = np.pi / 180.0 if ":DEGREES" in told else 1.0
    return {
        name: np.array(rows[name]) * [1.0 if freedom in MOVES else unit for freedom in freedoms]
        for name, freedoms in dof.items()
    }


def placed(skeleton: Skeleton, motion: Motion) -> Mapping[str, Placed]:
    """Every bone by name, where its motion turns it: at its beginning, which is where its parent ends. All in the
    file's axes and unit of length; a bone's own axes are the file's at rest.
    """
    root = motion[ROOT]
    place = np.zeros((len(root), 3))
    for column, freedom in enumerate(skeleton.root_order):
        if freedom in MOVES:
            place[:, MOVES.index(freedom)] = root[:, column]
    found = {ROOT: Placed(place, _turns(skeleton.root_order, root))}
    ends: dict[str, Floats] = {ROOT: place}
    for bone in skeleton.bones:
        rotation = found[bone.parent].rotation
        if bone.dof:
            rotation = rotation @ bone.axis @ _turns(bone.dof, motion[bone.name]) @ bone.axis.T
        found[bone.name] = Placed(ends[bone.parent], rotation)
        ends[bone.name] = found[bone.name].at(bone.vector)
    return found


def metres(skeleton: Skeleton) -> float:
    """In one of its units of length, where the unit behind them is the inch."""
    return INCH_M / skeleton.length


def _turns(freedoms: Sequence[str], values: Floats) -> Floats:
    """(n, 3, 3) of turns about fixed axes, one after the other; moves are passed over."""
    rotation = np.tile(np.eye(3), (len(values), 1, 1))
    for column, freedom in enumerate(freedoms):
        if freedom in TURNS:
            rotation = turned(freedom[1].upper(), values[:, column]) @ rotation
    return rotation


def _lines(path: Path, text: str) -> list[Line]:
    """Lines that say something."""
    split = ((number, line.partition("#")[0].split()) for number, line in enumerate(text.splitlines(), 1))
    lines = [(number, words) for number, words in split if words]
    if not lines:
        raise BadOriginal(f"{path}: says nothing; want a file of Acclaim's (empty, or cut off?)")
    return lines


def _sections(path: Path) -> Mapping[str, list[Line]]:
    """Lines by keyword, of those sections that shape a skeleton."""
    found: dict[str, list[Line]] = {}
    for keyword, lines in groupby(_keyed(path), key=lambda one: one[0]):
        held = [line for _, line in lines if line[1]]
        if keyword in found:
            raise BadOriginal(f"{path}: {keyword} comes twice; want each section once")
        found[keyword] = held
    for wanted in SECTIONS:
        if not found.get(wanted):
            raise BadOriginal(f"{path}: no {wanted}, or nothing in it; want {', '.join(SECTIONS)} (cut off?)")
    return found


def _keyed(path: Path) -> Iterator[tuple[str, Line]]:
    """Each line with the keyword of its section; that of the keyword itself has no words."""
    keyword = ""
    for number, words in _lines(path, text_of(path)):
        if words[0].startswith(":"):
            keyword = words[0].lower()
            if keyword not in (*SECTIONS, *OTHERS):
                raise BadOriginal(
                    f"{path}: line {number} has {shown(words[0])}; want {', '.join((*SECTIONS, *OTHERS))}"
                )
            yield keyword, (number, [])
        elif not keyword:
            raise BadOriginal(f"{path}: line {number} has {shown(' '.join(words))}; want a keyword as :version first")
        else:
            yield keyword, (number, words)


def _units(path: Path, lines: list[Line]) -> tuple[float, float]:
    """Length, and radians in the unit of angles."""
    said = {words[0]: (number, words[1:]) for number, words in lines}
    for name in ("length", "angle"):
        if name not in said:
            raise BadOriginal(f"{path}: :units has no {name}; want mass, length and angle")
    number, words = said["length"]
    (length,) = numbers_of(path, number, words, 1, "a length")
    if length <= 0.0:
        raise BadOriginal(f"{path}: line {number} has length {length:g}; want more than 0")
    number, words = said["angle"]
    if words not in (["deg"], ["rad"]):
        raise BadOriginal(f"{path}: line {number} has angle {shown(' '.join(words))}; want deg or rad")
    return length, radians(1.0) if words == ["deg"] else 1.0


def _root(path: Path, lines: list[Line]) -> tuple[str, ...]:
    """The order of its values. Its axis means nothing as long as it is not turned beforehand."""
    said = {words[0]: (number, words[1:]) for number, words in lines}
    for name in ("position", "orientation"):
        number, words = said.get(name, (0, ["0", "0", "0"]))
        if any(numbers_of(path, number, words, 3, f"a root's {name}")):
            raise BadOriginal(
                f"{path}: line {number} has a root's {name} that is not 0; want 0 0 0, as VICON writes it"
            )
    if "order" not in said:
        raise BadOriginal(f"{path}: :root has no order; want TX TY TZ RX RY RZ in some order")
    number, words = said["order"]
    order = tuple(word.lower() for word in words)
    if sorted(order) != sorted((*MOVES, *TURNS)):
        raise BadOriginal(
            f"{path}: line {number} has order {shown(' '.join(words))}; want TX TY TZ RX RY RZ, each once"
        )
    return order


def _parents(path: Path, lines: list[Line]) -> Mapping[str, str]:
    """By bone, in an order in which parents stand before their children."""
    parents: dict[str, str] = {}
    for line in _blocks(path, lines, "hierarchy"):
        for number, words in line:
            if words[0] != ROOT and words[0] not in parents:
                raise BadOriginal(f"{path}: line {number} has {shown(words[0])} before its parent; want {ROOT} first")
            for name in words[1:]:
                if name in parents or name == ROOT:
                    raise BadOriginal(f"{path}: line {number} has {shown(name)} again; want one parent for each bone")
                parents[name] = words[0]
    return parents


def _blocks(path: Path, lines: list[Line], what: str) -> Iterator[list[Line]]:
    """What stands between each begin and its end."""
    block: list[Line] | None = None
    for number, words in lines:
        if words == ["begin"] and block is None:
            block = []
        elif words == ["end"] and block:
            yield block
            block = None
        elif words[0] in ("begin", "end") or block is None:
            raise BadOriginal(
                f"{path}: line {number} has {shown(' '.join(words))}; want begin, a {what} and end in turn"
            )
        else:
            block.append((number, words))
    if block is not None:
        raise BadOriginal(f"{path}: the last {what} has no end; want begin, a {what} and end in turn (cut off?)")


def _bone(path: Path, lines: list[Line], parents: Mapping[str, str], per_angle: float) -> Bone:
    said: dict[str, Line] = {}
    for number, words in lines:
        name = words[0]
        if name.startswith("("):
            # limits go on over lines
            continue
        if name in said or name not in ("name", "direction", "length", "axis", "dof", *PASSED_OVER):
            raise BadOriginal(
                f"{path}: line {number} has {shown(name)}; want name, direction, length, axis, dof or limits, each once"
            )
        said[name] = number, words[1:]
    first = lines[0][0]
    for name in ("name", "direction", "length", "axis"):
        if name not in said:
            raise BadOriginal(f"{path}: the bone at line {first} has no {name}; want name, direction, length and axis")
    number, words = said["name"]
    if len(words) != 1 or words[0] not in parents:
        raise BadOriginal(f"{path}: line {number} has name {shown(' '.join(words))}; want one that :hierarchy tells")
    direction = np.array(_values(path, said["direction"], 3, "a direction"))
    if abs(float(np.linalg.norm(direction)) - 1.0) > 1e-3:
        raise BadOriginal(f"{path}: line {said['direction'][0]} has a direction of another length than 1; want 1")
    (length,) = _values(path, said["length"], 1, "a length")
    number, dof = said.get("dof", (0, list[str]()))
    if len(set(dof)) != len(dof) or not set(dof) <= set(TURNS):
        raise BadOriginal(f"{path}: line {number} has dof {shown(' '.join(dof))}; want some of {' '.join(TURNS)}")
    axis = _axis(path, said["axis"], per_angle)
    return Bone(words[0], parents[words[0]], length * direction, axis, tuple(dof))


def _values(path: Path, line: Line, count: int, what: str) -> list[float]:
    return numbers_of(path, line[0], line[1], count, what)


def _axis(path: Path, line: Line, per_angle: float) -> Floats:
    number, words = line
    order = words[-1].upper() if words else ""
    if sorted(order) != list(AXES):
        raise BadOriginal(f"{path}: line {number} has axis {shown(' '.join(words))}; want three angles and XYZ")
    angles = numbers_of(path, number, words[:-1], 3, "angles of an axis")
    freedoms = [f"r{axis.lower()}" for axis in order]
    return _turns(freedoms, per_angle * np.array([angles]))[0]


def _frames(path: Path, lines: list[Line]) -> Iterator[list[Line]]:
    """Lines from one frame's number to the next one's."""
    frame: list[Line] = []
    for number, words in lines:
        if len(words) == 1:
            if frame:
                yield frame
            frame = []
        elif not frame:
            raise BadOriginal(f"{path}: line {number} has {shown(' '.join(words))}; want the number of a frame")
        frame.append((number, words))
    if frame:
        yield frame


def _number(path: Path, line: Line) -> int:
    number, words = line
    if not (words[0].isascii() and words[0].isdecimal()):
        raise BadOriginal(f"{path}: line {number} has {shown(words[0])}; want the number of a frame")
    return int(words[0])


def _frame(path: Path, lines: list[Line], count: int, dof: Mapping[str, Sequence[str]]) -> Mapping[str, list[float]]:
    """The values of one frame, by bone."""
    number, words = lines[0]
    if words != [str(count)]:
        raise BadOriginal(f"{path}: line {number} has frame {shown(words[0])}; want {count} (lines lost?)")
    values: dict[str, list[float]] = {}
    for number, words in lines[1:]:
        name = words[0]
        if name not in dof or name in values:
            raise BadOriginal(
                f"{path}: line {number} has {shown(name)}; want each bone that moves once (another skeleton's motion?)"
            )
        values[name] = numbers_of(path, number, words[1:], len(dof[name]), f"{' '.join(dof[name])} of {name}")
    missing = sorted(set(dof) - set(values))
    if missing:
        raise BadOriginal(f"{path}: frame {count} lacks {', '.join(missing)}; want every bone that moves (cut off?)")
    return values
