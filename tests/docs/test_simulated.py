"""The page on the simulator shows what the simulator does today."""

import os
import re
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from imu.simulate import load_spec, simulate
from imu_bench.likeness.conditions import CONDITIONS
from imu_bench.likeness.ranges import SHIPPED, load_ranges
from tests.docs.pictures import NUMBER, load_script, skeleton

SCRIPT = Path(__file__).parents[2] / "docs" / "make_simulated.py"
STALE = "{} is not what docs/make_simulated.py makes of today's code: run make picture, look at it, commit it"
PIXELS = 1.5
"""Of panels 112 high: wide of what processors differ by."""
LAST_DIGIT = 1.01
"""A table may differ by one in the last digit of a figure."""
PUBLISHED = {"ipol", "gaitmap", "bandai", "cmu", "grouvel"}
KEPT = {"contacts", "f1", "bias_ms", "scatter_ms", "direction_right", "pattern_right", "pelvic_drop_rmse_deg"}
as_compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python"
)


@pytest.fixture(scope="module")
def script():
    return load_script(SCRIPT)


@pytest.fixture(scope="module")
def page(script):
    return script.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def strides(script):
    return script.walked()


@pytest.fixture(scope="module")
def drawn(script, strides):
    return script.draw(strides, load_ranges(SHIPPED))


def table_in(page, name):
    return page.split(f"<!-- {name}: made by docs/make_simulated.py -->\n")[1].split(f"\n<!-- end of {name} -->")[0]


def assert_same_table(committed, today):
    assert NUMBER.sub("#", committed) == NUMBER.sub("#", today), STALE.format("docs/simulator.md")
    for was, now in zip(NUMBER.findall(committed), NUMBER.findall(today), strict=True):
        digits = len(now.partition(".")[2])
        assert abs(float(was) - float(now)) <= LAST_DIGIT * 10.0**-digits, STALE.format("docs/simulator.md")


@as_compiled
def test_the_committed_picture_is_todays(script, drawn):
    words, numbers = skeleton(script.PICTURE.read_text(encoding="utf-8"))
    words_today, numbers_today = skeleton(drawn)
    assert words == words_today, STALE.format("docs/simulated-strides.svg")
    assert numbers == pytest.approx(numbers_today, abs=PIXELS), STALE.format("docs/simulated-strides.svg")


@as_compiled
def test_every_panel_is_drawn_and_every_range_has_its_bar(script, drawn):
    found = Counter(node.get("class") for node in ElementTree.fromstring(drawn).iter())
    panels = 2 * len(script.SHOWN)
    assert found["panel"] == panels
    # the legend has one of each as well
    assert found["band"] == found["median"] == panels + 1
    assert found["stride"] == script.SINGLE * panels + 1
    ranges = [one for one in load_ranges(SHIPPED) if one.feature in script.PLACES]
    assert found["range"] == len(ranges) + 1 > len(script.PLACES)


@as_compiled
def test_the_table_of_ranges_is_todays(script, page, strides):
    [figures] = strides.figures()["groups"].values()
    today = script.ranges_table(load_ranges(SHIPPED), figures)
    assert_same_table(table_in(page, "ranges"), today)
    # a row for each range, head and ruler apart, each of as many cells
    assert today.count("\n") == len(load_ranges(SHIPPED)) + 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in today.splitlines()} == {6}


@as_compiled
def test_the_table_of_scores_is_todays(script, page):
    today = script.scores_table(
        tomllib.loads(script.RECORDED.read_text("utf-8")), script.simulated(), script.simulated(exact=False)
    )
    assert_same_table(table_in(page, "scores"), today)
    assert today.count("| recorded |") == today.count("| simulated, exact |") > len(CONDITIONS)


def test_the_recordings_that_are_named_may_be_named(script):
    recorded = tomllib.loads(script.RECORDED.read_text("utf-8"))
    assert recorded.keys() == PUBLISHED >= CONDITIONS.keys()
    for said in recorded.values():
        assert said.pop("citation")
        assert said.pop("sensors")
        for figures in said.values():
            assert figures.keys() <= KEPT


@as_compiled
def test_the_recorded_figures_are_todays(script, data_dir):
    recorded = tomllib.loads(script.RECORDED.read_text("utf-8"))
    for source in recorded:
        if not list(data_dir.glob(f"sessions/{source}-*")):
            pytest.skip(f"no recordings {source}-* in {data_dir / 'sessions'}; see IMU_DATA_DIR")
    today = script.measured(folder for source in recorded for folder in data_dir.glob(f"sessions/{source}-*"))
    for source, walkings in today.items():
        for walking, figures in walkings.items():
            assert recorded[source][walking] == pytest.approx(figures, abs=0.1), f"{source}: run it with --recorded"


def test_recordings_leave_aggregates_and_keep_their_citation(script, walk_folder, tmp_path):
    shutil.copytree(walk_folder, tmp_path / "sessions" / "walk-1")
    file = tmp_path / "recorded.toml"
    file.write_text('# head\n# of it\n\n[walk]\nsensors = "none"\ncitation = "someone \\"there\\", 2020"\n')
    script.record(tmp_path / "sessions", file)
    first = file.read_text()
    assert first.startswith("# head\n# of it\n\n[walk]\n")
    said = tomllib.loads(first)["walk"]
    assert (said["sensors"], said["citation"]) == ("none", 'someone "there", 2020')
    assert said["forward"].keys() == KEPT
    assert said["backward"]["f1"] > 0.9
    script.record(tmp_path / "sessions", file)
    assert file.read_text() == first
    file.write_text(first + '\n[other]\nsensors = ""\ncitation = ""\n')
    with pytest.raises(SystemExit, match="no recordings of other"):
        script.record(tmp_path / "sessions", file)


def test_tables_go_between_their_marks(script):
    bare = "a\n<!-- x: made by docs/make_simulated.py -->\nold\n<!-- end of x -->\nb\n"
    filled = script.filled(bare, "x", "| new |")
    assert filled == bare.replace("old", "| new |")
    assert script.filled(filled, "x", "| new |") == filled
    for broken in ("a", bare + bare):
        with pytest.raises(SystemExit, match="want one of each"):
            script.filled(broken, "x", "| new |")


def test_a_figure_out_of_its_range_is_said_to_be(script):
    [one, *_] = load_ranges(SHIPPED)

    def table(median):
        spread = {"n": 5, "median": median, "p5": 0.1, "p95": 0.9}
        return script.ranges_table([one], {one.direction: {"features": {one.feature: spread}}})

    assert "outside" not in table(one.low)
    assert f"| **{one.high + 0.1:.3f}, outside** [0.100 to 0.900] |" in table(one.high + 0.1)


def test_the_example_of_the_page_walks_as_it_says(page, tmp_path):
    [example] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    person, protocol, sensors = load_spec(tmp_path / "mine.toml")
    recording = simulate(person, protocol, sensors, seed=7)
    assert protocol.activity == "backward, unsure"
    assert {model.rate_hz for model in sensors.values()} == {100.0}
    rows = [row for row in recording.truth_contacts if row["direction"] == "backward"]
    assert len(rows) > 20
    left, right = (
        [row["pitch_deg"] for row in rows if row["foot"] == foot and row["stride_length_m"]]
        for foot in ("left", "right")
    )
    assert -8 < sum(left[:-1]) / len(left[:-1]) < -1
    assert -24 < sum(right[:-1]) / len(right[:-1]) < -12
    drops = {"left": [], "right": []}
    for step in recording.truth_steps[2:-2]:
        drops[step["stance_foot"]].append(step["pelvic_drop_deg"])
    assert sum(drops["right"]) / len(drops["right"]) > sum(drops["left"]) / len(drops["left"]) + 2


def test_nothing_here_names_what_must_not_be_named(script, page):
    for text in (page, SCRIPT.read_text("utf-8"), script.RECORDED.read_text("utf-8")):
        assert not re.search("treadmill-|felius", text, re.IGNORECASE)
