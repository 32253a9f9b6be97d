"""Our figures are those of the scorer that was written apart from us, wherever both define the same thing."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from imu.core.matching import pairs
from imu.core.session import FEET
from imu.core.tables import ANALYSIS, CONTACTS
from imu.reprocess import analyse
from imu.store.tables import read_rows
from imu_bench.scoring.figures import figures_of
from imu_bench.scoring.score import known, partial_truth, scored
from imu_bench.scoring.scores import times
from imu_bench.scoring.scores_steps import MATCH_NS
from tests.bench.published import SOURCES

ROOT = Path(__file__).parents[2]
HANDFUL = (
    "bandai-walk-back-active-001",
    "bandai-walk-normal-001",
    "cmu-02_01",
    "gaitmap-forward",
    "gaitmap-timereversed",
    "grouvel-P01_S01_Gait_01",
    "grouvel-P02_S01_SlowGait_01",
    "ipol-1-4",
    "ipol-7-4",
    "ipol-8-4",
)
SAME = {
    "truth": "contacts",
    "missed": "missed",
    "false": "false",
    "f1": "f1_50ms",
    "bias_ms": "timing_bias_ms",
    "sd_ms": "timing_sd_ms",
    "p95_ms": "timing_p95_ms",
    "left_right_ms": "timing_left_right_ms",
    "steady_found": "steady_found",
    "steady_sd_ms": "steady_sd_ms",
    "direction": "direction_right",
    "direction_unsure": "direction_undecided",
    "pattern": "pattern_right",
    "pattern_unsure": "pattern_undecided",
    "release_bias_ms": "release_bias_ms",
    "release_sd_ms": "release_sd_ms",
    "second_bias_ms": "second_bias_ms",
    "second_sd_ms": "second_sd_ms",
    "angle_bias_deg": "foot_angle_bias_deg",
    "angle_sd_deg": "foot_angle_sd_deg",
    "provisional_p95": "provisional_p95_ms",
    "length_bias_cm": "stride_length_bias_m",
    "length_mae_cm": "stride_length_mae_m",
}
COVERS_OF_FOUND = {
    "release_cover": "release_bias_ms",
    "second_cover": "second_bias_ms",
    "angle_cover": "foot_angle_bias_deg",
    "provisional_cover": "provisional_p95_ms",
}
"""It asks these of contacts that were found; we ask them of the missed ones as well, for who leaves contacts out knows
less and not more. So n is the same, and what is asked where truth is cut down to what was found."""
DROPS = {
    "bias_deg": "pelvic_drop_bias_deg",
    "rmse_deg": "pelvic_drop_rmse_deg",
    "robust_rmse_deg": "pelvic_drop_robust_rmse_deg",
    "within_1sd": "pelvic_drop_within_sd",
}
WALKINGS = {"turn": "unknown"}
PRINTED = 5e-5
"""Beyond any digit that it prints."""
as_compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python"
)


@pytest.fixture(scope="module")
def tool(data_dir):
    path = data_dir.parent / "tools" / "score.py"
    if not path.exists():
        pytest.skip(f"no other scorer: {path} is not there")
    return path


@pytest.fixture(scope="module")
def both(tool, data_dir, tmp_path_factory):
    """What the other scorer says of a handful of recordings, and what we say of the same tables, by source."""
    folder = tmp_path_factory.mktemp("handful")
    sessions = folder / "sessions"
    sessions.mkdir()
    for name in HANDFUL:
        session = data_dir / "sessions" / name
        if not session.is_dir():
            pytest.skip(f"no recording {name} in {session.parent}; see IMU_DATA_DIR")
        (sessions / name).symlink_to(session.resolve())
    command = f"{sys.executable} -m imu"
    words = [
        sys.executable,
        tool,
        sessions,
        "--imu",
        command,
        "--json",
        folder / "told.json",
        "--keep",
        folder / "kept",
    ]
    subprocess.run([str(word) for word in words], check=True, capture_output=True, cwd=ROOT)
    groups = defaultdict(list)
    for path in (folder / "kept").rglob("session.json"):
        name = json.loads(path.read_text())["session"]
        source = name.partition("-")[0]
        found = {table.name: read_rows(path.parent / "analysis" / f"{table.name}.parquet", table) for table in ANALYSIS}
        # it believes what contacts say of themselves; we do where the feeder saw the same
        found[CONTACTS.name] = [row | {"t_told_ns": row["t_emitted_ns"]} for row in found[CONTACTS.name]]
        one = known(sessions / name, partial=partial_truth(source))
        groups[source].append((scored(one, found), scored(only_found(one, found[CONTACTS.name]), found)))
    ours, of_found = (
        {
            source: figures_of([both[place] for both in group], sought=["contacts"], seed=1, resamples=0)["walking"]
            for source, group in groups.items()
        }
        for place in range(2)
    )
    return json.loads((folder / "told.json").read_text()), ours, of_found


def only_found(one, contacts):
    """A recording whose truth lacks whatever was missed."""
    kept = []
    for foot in FEET:
        true = [row for row in one.truth.contacts if row["foot"] == foot]
        told = [row for row in contacts if row["foot"] == foot]
        kept += [true[k] for k, _ in pairs(times(true, "t_contact_ns"), times(told, "t_contact_ns"), MATCH_NS)]
    kept.sort(key=lambda row: row["t_contact_ns"])
    return one._replace(truth=replace(one.truth, contacts=kept))


def assert_same(theirs, ours, scale=1.0):
    if theirs is None:
        assert ours["value"] is None
    else:
        assert scale * ours["value"] == pytest.approx(theirs, abs=PRINTED)


@as_compiled
def test_figures_of_contacts_are_equal(both):
    theirs, ours, of_found = both
    groups = [name for name in theirs if "/" in name and not name.startswith("drop/")]
    assert len(groups) > 6
    for name in groups:
        source, _, walking = name.partition("/")
        figures = ours[source][WALKINGS.get(walking, walking)]
        for their_key, key in SAME.items():
            assert_same(theirs[name][their_key], figures[key], 100.0 if their_key.endswith("_cm") else 1.0)
        length = figures["stride_length_bias_m"]
        assert (theirs[name]["length_cover"] or 0.0) == pytest.approx(length["n"] / max(length["asked"], 1)), name
        found = of_found[source][WALKINGS.get(walking, walking)]
        for their_key, key in COVERS_OF_FOUND.items():
            n, asked = found[key]["n"], found[key]["asked"]
            assert (theirs[name][their_key] or 0.0) == pytest.approx(n / max(asked, 1)), (name, key)
            assert figures[key]["n"] == n
            assert 0 <= figures[key]["asked"] - asked <= figures["missed"]["value"], (name, key)
        # a group by a group, and nothing beside
        assert len(ours[source]) == 1 + sum(other.startswith(f"{source}/") for other in groups)


@as_compiled
def test_figures_of_drops_are_equal(both):
    theirs, ours, _ = both
    groups = [name for name in theirs if name.startswith("drop/")]
    assert len(groups) == 3
    for name in groups:
        figures = ours[name.removeprefix("drop/")]["all"]
        for their_key, key in DROPS.items():
            assert_same(theirs[name][their_key], figures[key])
        n, asked = figures["pelvic_drop_rmse_deg"]["n"], figures["pelvic_drop_rmse_deg"]["asked"]
        assert theirs[name]["cover"] == pytest.approx(n / asked)


@as_compiled
def test_forward_against_backward_is_equal(both):
    theirs, ours, _ = both
    between_ms = ours["bandai"]["all"]["timing_forward_backward_ms"]["value"]
    assert abs(between_ms) == pytest.approx(theirs["forward_backward_bias_ms"], abs=PRINTED)


@as_compiled
@pytest.mark.parametrize("source", SOURCES)
def test_real_walking_is_found(source, folders_of):
    group = []
    for folder in map(Path, folders_of(source)):
        one = known(folder, partial=partial_truth(source))
        if one is not None:
            group.append(scored(one, analyse(folder, one.session).tables()))
    walkings = figures_of(group, sought=["contacts"], seed=1, resamples=0)["walking"]
    assert {"forward", "backward"} & walkings.keys()
    for walking in {"forward", "backward"} & walkings.keys():
        assert walkings[walking]["f1_50ms"]["value"] >= 0.85, walking
        assert walkings[walking]["direction_right"]["value"] >= 0.98, walking
