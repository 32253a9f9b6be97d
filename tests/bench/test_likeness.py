import json
import os
import re
import sys
from functools import partial

import numpy as np
import pytest

from imu.cli.simulate import write_recording
from imu.core.errors import RetrogaitError, UsageError
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu_bench.likeness.command import measure, refuse_checkout
from imu_bench.likeness.conditions import COMFORTABLE_M_S, comfortable
from imu_bench.likeness.features import FEATURES
from imu_bench.likeness.ranges import SHIPPED, check, load_ranges, verdicts
from imu_bench.likeness.report import markdown, text
from tests.bench.published import SOURCES

UNPUBLISHED = re.compile("treadmill-|felius", re.IGNORECASE)


@pytest.fixture(scope="module")
def likeness_of_walk(walk_folder):
    return measure([str(walk_folder)])


def test_a_simulated_walk_shows_its_own_truth(walk, likeness_of_walk):
    result = likeness_of_walk.figures()
    assert result["sessions"]["compared"] == ["SIM01/walk"]
    for walking, direction in (("forward", 1), ("backward", -1)):
        figures = result["groups"]["simulated walk"][walking]
        features = figures["features"]
        assert figures["strides"] > 12
        assert figures["sessions"] == 1
        rows = [row for row in walk.truth_contacts if row["direction"] == walking]
        pitch = np.median([row["pitch_deg"] for row in rows[2:-2]])
        assert features["contact_pitch_deg"]["median"] == pytest.approx(pitch, abs=4)
        assert features["landing_rotation_deg"]["median"] * direction > 5
        assert features["speed_m_s"]["median"] == pytest.approx(1.1 if direction > 0 else 0.7, rel=0.06)
        assert features["double_support_fraction"]["median"] == pytest.approx(
            2 * features["stance_fraction"]["median"] - 1, abs=0.03
        )
        assert features["stance_acc_m_s2"]["median"] == pytest.approx(STANDARD_GRAVITY_M_S2, abs=0.3)
        assert all(features[name]["n"] for name in FEATURES if name != "stride_time_lag1")
    assert json.loads(json.dumps(result)) == result


def test_the_gyroscope_shows_the_pelvis_as_truth_has_it(walk_folder, likeness_of_walk, copied):
    folder = copied("walk-blind")
    (folder / "truth_pelvis.parquet").unlink()
    seen = measure([str(folder)]).figures()["groups"]["simulated walk"]
    true = likeness_of_walk.figures()["groups"]["simulated walk"]
    for walking in ("forward", "backward"):
        for name in ("obliquity_range_deg", "tilt_range_deg", "rotation_range_deg"):
            expected = true[walking]["features"][name]["median"]
            assert seen[walking]["features"][name]["median"] == pytest.approx(expected, abs=1.0)


def test_what_can_not_be_compared_is_named(copied):
    bare, askew, broken = copied("a-bare"), copied("a-askew", foot_left={"mounting": None}), copied("a-broken")
    (bare / "truth_contacts.parquet").unlink()
    (broken / "raw" / "foot_left.parquet").write_bytes(b"PAR1")
    notes = []
    result = measure([*map(str, (bare, askew, broken)), str(bare / "no")], say=notes.append).figures()
    assert result["sessions"] == {
        "compared": ["SIM01/a-askew"],
        "without_truth": ["SIM01/a-bare"],
        "failed": [str(broken), notes[-1]],
    }
    assert any("mounting of foot_left is not known" in note for note in notes)
    assert len(notes) == 4
    assert not any("\n" in note for note in notes)
    both = measure([str(copied("a-whole"))]).figures()["groups"]["simulated a"]["forward"]["strides"]
    assert result["groups"]["simulated a"]["forward"]["strides"] == pytest.approx(both / 2, abs=1)


def test_groups_are_sources_or_sessions(copied):
    folders = [str(copied(name)) for name in ("a-1", "a-2", "b-1")]
    sources = measure(folders).figures()["groups"]
    assert {name: one["forward"]["sessions"] for name, one in sources.items()} == {"simulated a": 2, "simulated b": 1}
    assert list(measure(folders, by="session").figures()["groups"]) == ["SIM01/a-1", "SIM01/a-2", "SIM01/b-1"]
    assert sources["simulated a"]["forward"]["features"]["cadence_spm"]["median"] == pytest.approx(
        sources["simulated b"]["forward"]["features"]["cadence_spm"]["median"]
    )


def test_the_report_names_every_feature(likeness_of_walk):
    result = likeness_of_walk.figures()
    table, plain = markdown(result), text(result)
    assert table.startswith(
        "|  | simulated walk backward | simulated walk forward |\n| --- | ---: | ---: |\n| strides (sessions) |"
    )
    for name in FEATURES:
        assert f"| {name} | " in table
        assert f"\n{name} " in plain


@pytest.fixture
def likeness(bench):
    """Call `python -m imu_bench likeness`; get its exit code and what it said."""
    return partial(bench, "likeness")


def test_the_command(likeness, walk_folder, copied):
    code, out, err = likeness(walk_folder)
    assert (code, err) == (0, "")
    assert "stance_fraction" in out
    code, out, err = likeness(walk_folder, "--json", "--by", "session")
    assert (code, err) == (0, "")
    assert list(json.loads(out)["groups"]) == ["SIM01/walk"]
    code, out, err = likeness(walk_folder, walk_folder / "no", "--markdown")
    assert code == 1
    assert out.startswith("| ")
    assert err.startswith("imu_bench: ")
    folder = copied("bare")
    (folder / "truth_contacts.parquet").unlink()
    code, out, err = likeness(folder)
    assert (code, out) == (1, "")
    assert "no strides" in err
    assert likeness()[0] == likeness(walk_folder, "--by", "foot")[0] == 2
    assert all(name in likeness("--help")[1] for name in FEATURES)


@pytest.mark.parametrize("marked", ["folder", "file"])
@pytest.mark.parametrize("below", [".", "deep/er", "link"])
def test_curves_are_never_written_into_a_checkout(likeness, walk_folder, tmp_path, marked, below):
    """A worktree of git has a file where a clone has a folder; a link leads in from outside."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    if marked == "folder":
        (checkout / ".git").mkdir()
    else:
        (checkout / ".git").write_text("gitdir: /elsewhere")
    if below == "link":
        out = tmp_path / "looks-harmless"
        out.symlink_to(checkout, target_is_directory=True)
    else:
        out = checkout / below
    before = sorted(checkout.rglob("*"))
    code, said, err = likeness(walk_folder, "--out", out)
    assert (code, said) == (2, "")
    assert err.count("\n") == 1
    assert f"lies in the git checkout {checkout.resolve()}; want a folder outside" in err
    assert sorted(checkout.rglob("*")) == before


def test_this_repository_is_a_checkout_or_none():
    root = next(place for place in SHIPPED.parents if (place / "pyproject.toml").exists())
    if (root / ".git").exists():
        with pytest.raises(RetrogaitError, match="never committed"):
            refuse_checkout(root / "docs")
    else:
        refuse_checkout(root / "docs")


def test_pages_are_drawn(likeness, walk_folder, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it is the extra plots")
    out = tmp_path / "pages"
    code, _, err = likeness(walk_folder, "--out", out)
    assert code == 0
    pages = sorted(out.iterdir())
    assert [page.name for page in pages] == ["likeness-backward-1.png", "likeness-forward-1.png"]
    for page in pages:
        assert str(page) in err
        head = page.read_bytes()
        assert head.startswith(b"\x89PNG")
        width, height = (int.from_bytes(head[at : at + 4]) for at in (16, 20))
        # seven panels one above the other
        assert height > 1.5 * width
        assert len(head) > 50_000


def test_a_page_that_can_not_be_written_is_one_line(likeness, walk_folder, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it is the extra plots")
    (tmp_path / "file").touch()
    code, _, err = likeness(walk_folder, "--out", tmp_path / "file")
    assert code == 1
    assert err.count("\n") == 1
    assert "can't be written" in err


def test_without_matplotlib_pages_are_refused_in_one_line(likeness, walk_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = likeness(walk_folder, "--out", tmp_path / "pages")
    assert code == 1
    assert err == "imu_bench: matplotlib is not installed; want it for --out: pip install 'retrogait[plots]'\n"


GOOD = '[[range]]\nfeature = "cadence_spm"\ndirection = "forward"\nlow = 90\nhigh = 120.5\nsource = "someone"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has nothing"),
        ("range = 3", "want [[range]]"),
        ("[[ranges]]\nx = 1", "want [[range]]"),
        (GOOD.replace('source = "someone"\n', ""), "want feature, direction, low, high, source"),
        (GOOD.replace("cadence_spm", "cadence"), "'cadence'"),
        (GOOD.replace("forward", "sideways"), "want forward or backward"),
        (GOOD.replace("90", "130"), "swapped"),
        (GOOD.replace("90", "true"), "want a number"),
        (GOOD.replace("90", "nan"), "want a number"),
        (GOOD.replace("someone", " "), "where it is from"),
        ("[[range]", "can't be read"),
        (None, "is not there"),
    ],
)
def test_ranges_that_can_not_be_are_refused(tmp_path, likeness, walk_folder, text, said):
    file = tmp_path / "ranges.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=re.escape(said)):
        load_ranges(file)
    code, out, err = likeness(walk_folder, "--ranges", file)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_median_lies_inside_or_outside(tmp_path, likeness, walk_folder):
    file = tmp_path / "ranges.toml"
    file.write_text(GOOD + GOOD.replace("cadence_spm", "stance_fraction").replace("120.5", "121"))
    code, out, err = likeness(walk_folder, "--ranges", file)
    assert (code, err) == (1, "")
    verdict = out[out.index("group ") :].splitlines()
    assert [line.split()[-1] for line in verdict[1:]] == ["inside", "OUTSIDE"]
    checked = json.loads(likeness(walk_folder, "--ranges", file, "--json")[1])["ranges"]
    assert [one["inside"] for one in checked] == [True, False]
    file.write_text(GOOD)
    assert likeness(walk_folder, "--ranges", file)[0] == 0
    # at its ends a range is closed, and what no stride tells of is not asked
    features = {name: {"median": None} for name in FEATURES} | {"cadence_spm": {"median": 120.5}}
    groups = {"a": {"forward": {"features": features}, "backward": {"features": features}}}
    assert [one["inside"] for one in check(load_ranges(file), groups)] == [True]
    assert "90 to 120.5" in verdicts(check(load_ranges(file), groups))


def test_shipped_ranges_have_sources_that_may_be_named():
    ranges = load_ranges(SHIPPED)
    assert len({(one.feature, one.direction) for one in ranges}) == len(ranges)
    assert not UNPUBLISHED.search(SHIPPED.read_text("utf-8"))
    for wanted in ("contact_acc_m_s2", "stance_fraction", "landing_rotation_deg", "double_support_fraction"):
        assert {one.direction for one in ranges if one.feature == wanted} == {"forward", "backward"}


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    """Of the usual person at a speed that one would choose, three seeds."""
    store = tmp_path_factory.mktemp("comfortable")
    for seed in (1, 2, 3):
        recording = comfortable(seed)
        write_recording(store / recording.session.session, recording, recording.session)
    return measure([str(store)]).figures()["groups"]


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
def test_a_simulated_person_walks_at_the_speed_that_is_asked_for(groups):
    for walking, speed_m_s in COMFORTABLE_M_S.items():
        features = groups["simulated comfortable"][walking]["features"]
        assert features["speed_m_s"]["median"] == pytest.approx(speed_m_s, rel=0.03)
        assert groups["simulated comfortable"][walking]["sessions"] == 3
        assert features["stride_time_lag1"]["n"] == 6


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
@pytest.mark.parametrize("one", load_ranges(SHIPPED), ids=lambda one: f"{one.feature}-{one.direction}")
def test_a_simulated_person_lies_in_the_ranges(one, groups):
    [checked] = check([one], groups)
    assert checked["inside"], f"median {checked['median']:.3g}; {one.low:g} to {one.high:g}: {one.source}"


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
@pytest.mark.parametrize("source", SOURCES)
def test_real_strides_are_found(source, folders_of):
    result = measure(folders_of(source)).figures()
    assert not result["sessions"]["failed"]
    for walking, direction in (("forward", 1), ("backward", -1)):
        if walking in result["groups"][source]:
            figures = result["groups"][source][walking]
            assert figures["strides"] >= 20
            # toes go down after a heel's contact, up after their own
            assert figures["features"]["landing_rotation_deg"]["median"] * direction > 5
