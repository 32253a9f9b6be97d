"""BVH: files of skeletons that nobody has, and the walks of bandai."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap.bvh import placed, rate_hz, read_bvh
from imu_datasets.mocap.chain import Placed
from imu_datasets.mocap.stance import foot, pelvis
from imu_datasets.readers import bandai

# a skeleton as text: (name, parent, offset, channels), parents before children


def children(joints, name):
    return [joint for joint in joints if joint[1] == name]


def block(joints, joint, keyword, lines, deep=0):
    name, _, offset, channels = joint
    pad = "\t" * deep
    lines += [f"{pad}{keyword} {name}", f"{pad}{{", f"{pad}\tOFFSET {' '.join(map(repr, offset))}"]
    lines.append(f"{pad}\tCHANNELS {' '.join([str(len(channels)), *channels])}")
    for child in children(joints, name):
        block(joints, child, "JOINT", lines, deep + 1)
    if not children(joints, name):
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET 0 1.5 0", f"{pad}\t}}"]
    lines.append(f"{pad}}}")


def order_of(joints, name=None):
    """As a file has them: each with all of its children before the next one."""
    for joint in children(joints, name):
        yield joint
        yield from order_of(joints, joint[0])


def bvh_text(joints, values, frame_s=0.01):
    lines = ["HIERARCHY"]
    block(joints, children(joints, None)[0], "ROOT", lines)
    lines += ["MOTION", f"Frames:\t{len(values)}", f"Frame Time:\t{frame_s!r}"]
    return "\n".join([*lines, *(" ".join(map(repr, row)) for row in values)]) + "\n"


def someone(rng, joints=6, frames=4):
    """A skeleton with channels in any order, and a motion of it."""
    made = []
    for k in range(joints):
        turns = [f"{axis}rotation" for axis in rng.permutation(list("XYZ"))]
        moves = [f"{axis}position" for axis in rng.permutation(list("XYZ"))]
        channels = [turns, moves + turns, turns[:1], [], [*turns[:2], moves[0]]][0 if k == 0 else rng.integers(5)]
        parent = None if k == 0 else made[rng.integers(k)][0]
        made.append((f"bone{k}", parent, rng.normal(size=3).round(4).tolist(), channels))
    made = list(order_of(made))
    return made, rng.uniform(-170, 170, (frames, sum(len(joint[3]) for joint in made))).round(4).tolist()


def truly(joints, row):
    """Places and rotations of one frame, by SciPy and one joint after the other."""
    found, left = {}, list(row)
    for name, parent, offset, channels in joints:
        place, turn = np.array(offset), Rotation.identity()
        for channel in channels:
            value = left.pop(0)
            if channel.endswith("position"):
                place["XYZ".index(channel[0])] = value
            else:
                turn = turn * Rotation.from_euler(channel[0], value, degrees=True)
        if parent is not None:
            place, turn = found[parent][0] + found[parent][1].apply(place), found[parent][1] * turn
        found[name] = place, turn
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_written_is_read_and_every_joint_is_where_it_belongs(seed, tmp_path_factory):
    joints, values = someone(np.random.default_rng(seed))
    path = tmp_path_factory.mktemp("bvh") / "made.bvh"
    path.write_text(bvh_text(joints, values))
    motion = read_bvh(path)
    assert [(one.name, one.parent, list(one.offset), list(one.channels)) for one in motion.joints] == joints
    assert motion.frame_s == 0.01
    assert motion.values.tolist() == values
    ours = placed(motion)
    for n, row in enumerate(values):
        for name, (place, turn) in truly(joints, row).items():
            np.testing.assert_allclose(ours[name].place[n], place, atol=1e-9 * 500)
            np.testing.assert_allclose(ours[name].rotation[n], turn.as_matrix(), atol=1e-9)


CHAIN = [
    ("Root", None, (0.0, 0.0, 0.0), ["Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation"]),
    ("Knee", "Root", (0.0, -40.0, 0.0), ["Zrotation", "Xrotation", "Yrotation"]),
    ("Ankle", "Knee", (0.0, -30.0, 0.0), ["Zrotation", "Xrotation", "Yrotation"]),
]


def chain(tmp_path, *rows):
    path = tmp_path / "chain.bvh"
    path.write_text(bvh_text(CHAIN, rows))
    return placed(read_bvh(path))


def test_a_knee_bent_by_90_degrees_puts_the_ankle_behind_it(tmp_path):
    # y up, looking along z: about x, positive, what hangs down swings back
    ankle = chain(tmp_path, [5.0, 90.0, 7.0, 0, 0, 0, 0, 90, 0, 0, 0, 0])["Ankle"]
    np.testing.assert_allclose(ankle.place, [[5.0, 50.0, 7.0 - 30.0]], atol=1e-12)
    # forward, left, up in metres
    np.testing.assert_allclose(ankle.z_up(0.01).place, [[-0.23, 0.05, 0.5]], atol=1e-12)


def test_rotations_apply_as_their_channels_stand(tmp_path):
    # Z, X, Y: the turn about x is about the axis that z has turned
    knee = chain(tmp_path, [0, 0, 0, 90, 90, 0, 0, 0, 0, 0, 0, 0])["Knee"]
    np.testing.assert_allclose(knee.place, [[0.0, 0.0, -40.0]], atol=1e-12)


def test_position_channels_stand_in_place_of_the_offset(tmp_path):
    joints = [CHAIN[0], ("Knee", "Root", (0.0, -40.0, 3.0), ["Yposition", "Xrotation"])]
    path = tmp_path / "moved.bvh"
    path.write_text(bvh_text(joints, [[0, 0, 0, 0, 0, 0, -41.0, 0]]))
    np.testing.assert_array_equal(placed(read_bvh(path))["Knee"].place, [[0.0, -41.0, 3.0]])


def refused(path, *words):
    with pytest.raises(BadOriginal) as slip:
        read_bvh(path)
    said = str(slip.value)
    assert "\n" not in said
    assert said.startswith(str(path))
    for word in ("want", *words):
        assert word in said
    return said


def small():
    return bvh_text(CHAIN, [[0.0] * 12, [1.0] * 12])


def spoiled(words):
    return [" ".join([*words[:-1], "nan"]) if len(words) > 2 else "what"]


SLIPS = {
    "gone": lambda line, _: [],
    "twice": lambda line, _: [line, line],
    "cut short": lambda _, words: [" ".join(words[:-1])],
    "spoiled": lambda _, words: spoiled(words),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_no_line_can_be_wrong(slip, tmp_path):
    lines = small().splitlines()
    path = tmp_path / "bad.bvh"
    for k, line in enumerate(lines):
        path.write_text("\n".join([*lines[:k], *SLIPS[slip](line, line.split()), *lines[k + 1 :]]))
        refused(path)


def test_no_file_can_end_early(tmp_path):
    text = small().rstrip()
    path = tmp_path / "bad.bvh"
    # within the last number nobody can tell
    for length in range(0, len(text) - len("1.0"), 7):
        path.write_text(text[:length])
        refused(path)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("CHANNELS 3 Zrotation Xrotation", "CHANNELS 3 Zrotation Zrotation", "different ones"),
        ("CHANNELS 3 Zrotation", "CHANNELS 3 Wrotation", "Zrotation"),
        ("CHANNELS 3", "CHANNELS 4", "CHANNELS"),
        ("OFFSET 0.0 -40.0 0.0", "OFFSET 0.0 -40.0", "2 values"),
        ("OFFSET 0.0 -40.0 0.0", "OFFSET 0.0 1e999 0.0", "'1e999'"),
        ("JOINT Ankle", "JOINT Knee", "each name once"),
        ("JOINT Ankle", "ROOT Ankle", "want JOINT"),
        ("Frames:\t2", "Frames:\t3", "2 frames; want 3"),
        ("Frames:\t2", "Frames:\t2.5", "whole number"),
        ("Frames:\t2", "Frames:\t0", "1 or more"),
        ("Frame Time:\t0.01", "Frame Time:\t0", "more than 0"),
        ("\t}\n}\nMOTION", "\t}\n}\nROOT Other", "want MOTION"),
        ("1.0 1.0\n", "1.0\n", "12 of them"),
        ("1.0 1.0\n", "1.0 1.0 1.0\n", "13 values"),
        ("1.0 1.0\n", "1.0 1,0\n", "'1,0'"),
    ],
)
def test_what_is_wrong_is_named(old, new, word, tmp_path):
    text = small()
    assert old in text
    path = tmp_path / "bad.bvh"
    path.write_text(text.replace(old, new, 1) if old != "1.0 1.0\n" else text[: -len(old)] + new)
    refused(path, word)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "bad.bvh"
    for content, word in ((b"", "HIERARCHY"), (b"\xff\xfe\x00", "UTF-8"), (b"time,acc\n1,2\n", "HIERARCHY")):
        path.write_bytes(content)
        refused(path, word)
    refused(tmp_path / "absent.bvh", "can be read")


def test_brackets_without_end_are_no_skeleton(tmp_path):
    path = tmp_path / "deep.bvh"
    joint = "JOINT j{} {{ OFFSET 0 0 0 CHANNELS 0".replace(" {{ ", "\n{{\n").replace(" CHANNELS", "\nCHANNELS") + "\n"
    path.write_text("HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 0\n" + "".join(joint.format(k) for k in range(3000)))
    refused(path, "joints at most")


def test_the_published_rate_is_held_against_the_file(tmp_path):
    path = tmp_path / "chain.bvh"
    path.write_text(bvh_text(CHAIN, [[0.0] * 12], frame_s=0.0333333))
    motion = read_bvh(path)
    assert rate_hz(motion, 30.0, path) == 30.0
    with pytest.raises(BadOriginal, match=r"Frame Time 0\.0333333 s; want 0\.008333333 \(120 Hz\)"):
        rate_hz(motion, 120.0, path)


# bones that lie in a body as nobody told


def walked(rng, flat, n=100):
    """A foot that is put down flat (n / 2 frames) with the rotation `flat`, and moved in between."""
    place, turn = np.zeros((n, 3)), np.tile(flat, (n, 1, 1))
    moving = np.arange(n) % 20 >= 10
    step = np.cumsum(moving)
    place[:, 0] = 0.03 * step
    place[:, 2] = 0.12 + np.where(moving, 0.05, 0.0)
    tilt = Rotation.from_euler("y", rng.uniform(-0.5, 0.9, (n, 1))).as_matrix()
    turn[moving] = (tilt @ turn)[moving]
    return place, turn, moving


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), yaw=st.floats(-3.1, 3.1), slope=st.floats(0.05, 1.0))
def test_a_foot_lies_level_and_ahead_where_it_stands_still(seed, yaw, slope):
    rng = np.random.default_rng(seed)
    own = Rotation.random(random_state=seed).as_matrix()
    # rotation of a flat foot, its bone sloping down, whose own axes lie anyhow
    level = Rotation.from_euler("z", yaw).as_matrix()
    place, turn, moving = walked(rng, level @ own)
    bone = own.T @ np.array([0.16 * math.cos(slope), 0.0, -0.16 * math.sin(slope)])
    ankle = Placed(place, turn)
    ball = Placed(ankle.at(bone), turn)
    body, sole = foot(ankle, ball, along=bone, toes_m=own.T @ [0.07, 0.0, 0.0], heel_m=0.05)
    np.testing.assert_allclose(body.rotation[~moving], np.tile(level, ((~moving).sum(), 1, 1)), atol=1e-9)
    np.testing.assert_array_equal(body.place_m, place)
    for end, far in ((sole.heel_m, -0.05), (sole.toe_m, 0.16 * math.cos(slope) + 0.07)):
        # on one floor while it stands, so far ahead of the ankle
        np.testing.assert_allclose(end[~moving, 2], 0.0, atol=1e-9)
        np.testing.assert_allclose((end - place)[~moving][:, :2] @ level[:2, 0], far, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(body.rotation), 1.0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_pelvis_is_level_on_the_average_and_its_left_is_the_line_of_the_hips(seed):
    rng = np.random.default_rng(seed)
    own = Rotation.random(random_state=seed).as_matrix()
    sway = Rotation.from_euler("ZXY", np.column_stack([rng.uniform(-3, 3, 50), rng.normal(0, 0.1, (50, 2))]))
    rotation = sway.as_matrix() @ own
    body = pelvis(np.zeros((50, 3)), rotation, own.T @ [0.0, 0.15, 0.0])
    np.testing.assert_allclose(body.rotation[:, :, 1], sway.as_matrix()[:, :, 1], atol=1e-9)
    ups = body.rotation[:, 2]
    assert abs(ups[:, 0].mean()) < 1e-9
    assert ups[:, 2].mean() > 0.9
    np.testing.assert_allclose(np.linalg.det(body.rotation), 1.0, atol=1e-9)


# the walks of bandai


def actor_text(frames=60, frame_s=0.0333333, toes="Toes", thigh=80.0):
    """Somebody of the right bones, whose hips lie above each other."""
    turns = ["Zrotation", "Xrotation", "Yrotation"]
    joints = [("joint_Root", None, (0.0, 0.0, 0.0), turns), ("Hips", "joint_Root", (0.0, 94.0, -3.0), turns)]
    for end, way in (("L", 1), ("R", -1)):
        joints += [
            (f"UpperLeg_{end}", "Hips", (-2.2, -6.5 * way, 0.0), turns),
            (f"Foot_{end}", f"UpperLeg_{end}", (0.0, -thigh, 0.0), turns),
            (f"{toes}_{end}", f"Foot_{end}", (11.75 * way, 0.0, 0.0), turns),
        ]
    return bvh_text(joints, [[0.0] * 24] * frames, frame_s)


NAME = "dataset-1_walk_normal_001.bvh"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (actor_text(frame_s=0.01), "30 Hz"),
        (actor_text(toes="Paws"), "no joint Toes_L, Toes_R"),
        (actor_text(frames=12), "12 frames"),
        (actor_text(thigh=8.0), "above the lower ankle"),
        (actor_text(), "pelvis has neither front nor side"),
        ("HIERARCHY\n", "cut off"),
    ],
)
def test_a_walk_that_is_none_stands_in_its_place(text, word, tmp_path):
    (tmp_path / NAME).write_text(text)
    (tmp_path / "dataset-1_walk_sad_001.bvh").write_text(text)
    slips = list(bandai.recordings(tmp_path))
    assert len(slips) == 2
    for slip in slips:
        assert isinstance(slip, BadOriginal)
        assert word in str(slip)
        assert "\n" not in str(slip)


def test_other_files_are_passed_over(tmp_path):
    for name in ("dataset-1_run_normal_001.bvh", "dataset-1_walk-left_normal_001.bvh", "notes.bvh", "a.txt"):
        (tmp_path / name).write_text("no walk")
    assert list(bandai.recordings(tmp_path)) == []
