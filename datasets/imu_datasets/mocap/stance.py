"""How the bones of a skeleton lie in a body: told from its stillest moments, as nobody stands quietly in the files.

A skeleton at rest is no person who stands: its feet may point to the floor. So a foot's level is the one that it has
on the ground. In the stillest tenth of all frames (by the faster one of ankle and ball) a foot that walks lies flat;
the vertical of those, averaged in the foot's own axes, is the foot's up, and the line from the ankle to the ball of
the foot, made level, its forward: a foot that points outward is told to go straight ahead along itself. The floor is
where both ends of its sole are at these moments.

A pelvis has no such moments. Its left is the line through both hips; its up the vertical, averaged over all frames and
made square to that: so its mean tilt is 0 by definition, while obliquity is true to the skeleton.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.session import Foot
from imu_datasets.mocap.chain import Placed
from imu_datasets.mocap.poses import Body, Sole

STILL_SHARE: Final = 0.1
FEWEST_STILL: Final = 3
RESTS_M_S: Final = 0.2
UP: Final[Floats] = np.array([0.0, 0.0, 1.0])
UP.setflags(write=False)


def foot(ankle: Placed, ball: Placed, *, along: Floats, toes_m: Floats, heel_m: float) -> tuple[Body, Sole]:
    """A foot with its origin in the ankle, and its sole above the floor that it stands on.

    The toes' end moves with the toes, heel and ball with the foot. Heel and ball are where the sole is below them: as
    deep below ankle and ball as those are above the floor while the foot is still. The toes' end is the skeleton's, let
    down by as much.

    Args:
        ankle: joint of the foot, level frame, z up, m
        ball: joint of the toes
        along: (3,) from ankle to ball, of any length, in the foot's own axes
        toes_m: (3,) from the ball to the toes' end, in the toes' own axes
        heel_m: how far behind the ankle the heel is, along the sole
    """
    still = _still(ankle.place, ball.place)
    body = Body(ankle.place, ankle.rotation @ neutral(along, _mean_up(ankle.rotation[still])))
    toe = ball.at(toes_m)
    ankle_up, ball_up, toe_up = (float(np.median(place[still, 2])) for place in (ankle.place, ball.place, toe))
    return body, Sole(
        heel_m=ankle.place + body.rotation @ np.array([-heel_m, 0.0, -ankle_up]),
        toe_m=toe - toe_up * UP,
        ball_m=ball.place + body.rotation @ np.array([0.0, 0.0, -ball_up]),
    )


def pelvis(middle_m: Floats, rotation: Floats, left: Floats) -> Body:
    """A pelvis with its origin amid both hips.

    Args:
        middle_m: (n, 3) amid both hips, level frame
        rotation: (n, 3, 3) of the bone
        left: (3,) from the right hip to the left one, in the bone's own axes
    """
    left = _unit(left)
    up = _unit(_square(_mean_up(rotation), left))
    return Body(middle_m, rotation @ np.stack([np.cross(left, up), left, up], axis=1))


def neutral(along: Floats, up: Floats) -> Floats:
    """(3, 3) whose columns are forward, left and up in a bone's own axes: `along`, made square to `up`, is forward."""
    forward = _unit(_square(along, up))
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def _still(ankle_m: Floats, ball_m: Floats) -> Ints:
    """The stillest frames."""
    moved = np.maximum(*(np.linalg.norm(np.gradient(place, axis=0), axis=1) for place in (ankle_m, ball_m)))
    count = min(max(round(STILL_SHARE * len(moved)), FEWEST_STILL), len(moved))
    return np.sort(np.argsort(moved, kind="stable")[:count])


def _mean_up(rotation: Floats) -> Floats:
    """(3,) the vertical in a bone's own axes, averaged."""
    return _unit((UP @ rotation).mean(axis=0))


def _square(vector: Floats, to: Floats) -> Floats:
    return vector - to * float(vector @ to)


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    # what has no direction has none here either
    return vector / length if length else np.full_like(vector, np.nan)


def on_floor(soles: Mapping[Foot, Sole], rate_hz: float) -> dict[Foot, Sole]:
    """The same soles above the floor that their own ends stood on, which may rise along the way.

    Where cameras were levelled badly, or a model of the body drifts in their room, what stands still stands higher with
    every step. One rise along the line of the walk, and one level for each end of each sole, are fitted to all frames
    in which that end rests (slower than `RESTS_M_S`), and taken away. Bodies stay: which way is up remains the file's.
    """
    ends = {(side, end): place for side, sole in soles.items() for end, place in _ends(sole).items()}
    middle = np.concatenate(list(ends.values()))[:, :2].mean(axis=0)
    _, _, lines = np.linalg.svd(np.concatenate(list(ends.values()))[:, :2] - middle, full_matrices=False)
    along = {key: (place[:, :2] - middle) @ lines[0] for key, place in ends.items()}
    rows: list[Floats] = []
    heights: list[Floats] = []
    for column, (key, place) in enumerate(ends.items()):
        rests = np.linalg.norm(np.gradient(place, 1.0 / rate_hz, axis=0), axis=1) < RESTS_M_S
        row = np.zeros((int(rests.sum()), 1 + len(ends)))
        row[:, 0], row[:, 1 + column] = along[key][rests], 1.0
        rows.append(row)
        heights.append(place[rests, 2])
    fitted = np.asarray(np.linalg.lstsq(np.concatenate(rows), np.concatenate(heights))[0], np.float64)
    level = {
        key: place - UP * (fitted[0] * along[key] + fitted[1 + column])[:, None]
        for column, (key, place) in enumerate(ends.items())
    }
    return {side: Sole(**{end: level[side, end] for end in _ends(sole)}) for side, sole in soles.items()}


def _ends(sole: Sole) -> dict[str, Floats]:
    """What is known of a sole."""
    ends = {"heel_m": sole.heel_m, "toe_m": sole.toe_m}
    return ends if sole.ball_m is None else ends | {"ball_m": sole.ball_m}
