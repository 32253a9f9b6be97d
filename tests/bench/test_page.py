import asyncio
import builtins
import json
from contextlib import AsyncExitStack
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.session import SENSORS
from imu.live.emulated import DRIFT_PPM, Conditions
from imu_bench.live.emulated import Seen
from imu_bench.live.page import PAGES, GivenCue, matched, measure
from imu_bench.live.page_readers import Browser, NoBrowser
from imu_bench.live.page_report import report

CPU_S, CUES_S = 3.0, 6.0
ROWS = [
    ("contact", "server"),
    ("contact", "client"),
    ("foot_angle", "server"),
    ("drop", "server"),
]


@pytest.fixture(scope="module")
def result():
    """Plain clients alone: no browser has to be there."""
    conditions = Conditions(lost_events=0.05, drift_ppm=dict(DRIFT_PPM))
    return measure(CPU_S, CUES_S, conditions, walk="demo-live", browser=False)


def test_cpu_is_told_with_and_without_pages(result):
    cpu = result["cpu"]
    assert list(cpu["slots"]) == [str(n) for n in PAGES]
    assert len({len(shares) for shares in cpu["slots"].values()}) == 1
    assert all(0.0 < share < 2.0 for shares in cpu["slots"].values() for share in shares)
    assert cpu["first_page"]["mean"] == pytest.approx(cpu["one_page"] - cpu["desk"])
    assert cpu["second_page"]["mean"] == pytest.approx(cpu["two_pages"] - cpu["one_page"])
    assert cpu["ratio"] == pytest.approx(cpu["one_page"] / cpu["desk"])
    assert result["cpu_while_cues"] > 0.0


def test_what_a_page_was_sent_is_counted_where_it_arrives(result):
    page = result["page"]
    for name in SENSORS:
        # on average a frame holds what a sensor sent since the last one
        assert 0.0 < page["frames_per_s"][name] < page["samples_per_s"][name]
    floats = 8.0 * sum(page["samples_per_s"].values())
    assert page["bytes_per_s"] > floats


def test_nothing_is_seen_before_it_happens(result):
    assert [(row["of"], row["where"]) for row in result["latency"]] == ROWS
    for row in result["latency"]:
        p50, p95, p99, most = (row["latency_s"][q] for q in ("50", "95", "99", "100"))
        assert (row["n"] == 0) == (p50 is None)
        assert p50 is None or 0.0 < p50 <= p95 <= p99 <= most
    by_row = {(row["of"], row["where"]): row for row in result["latency"]}
    assert by_row["contact", "server"]["n"] > by_row["contact", "client"]["n"] > 0
    assert by_row["foot_angle", "server"]["n"] > 0
    # a step is told when the other foot's contact, and all that might come before it, is known
    drop = by_row["drop", "server"]
    assert drop["n"] == 0 or drop["latency_s"]["50"] > by_row["contact", "server"]["latency_s"]["50"]


def test_the_report_has_the_aims_beside_the_figures(result):
    text = report([result])
    assert "Aims: 5 % of a core" in text
    assert "within 350 ms of the true contact" in text
    assert "No browser: none is asked for." in text
    assert text.count("told by the desk") == 3
    assert json.loads(json.dumps(result)) == result


def test_without_playwright_one_line_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def importing(name, *args, **kwargs):
        if name.startswith("playwright"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    assert "pip install 'retrogait[dev]'" in no_browser()


def test_without_chromium_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda _: str(tmp_path / "chromium"))
    assert "want the package chromium (make system)" in no_browser()


def no_browser():
    async def main():
        async with AsyncExitStack() as stack:
            with pytest.raises(NoBrowser) as caught:
                await Browser(stack).open("http://127.0.0.1:9/")
        return str(caught.value)

    said = asyncio.run(main())
    assert "\n" not in said
    return said


@given(
    st.lists(st.tuples(st.floats(0.5, 3.0), st.floats(-0.01, 0.3), st.sampled_from("sl-")), max_size=20),
)
def test_what_a_browser_showed_belongs_to_the_cue_before_it(steps):
    """Each cue is seen a while after it was told (a browser's clock may be a little behind), twice, or not at all."""
    told_s = list(accumulate(gap for gap, _, _ in steps))
    cues = [GivenCue("drop", Seen(None, k, at_s)) for k, at_s in enumerate(told_s)]
    seen, wanted = [], []
    for k, (_, late_s, how) in enumerate(steps):
        if how == "-":
            continue
        came_s = told_s[k] + late_s
        seen.append((came_s, came_s + 0.01))
        wanted.append(Seen(None, k, came_s + 0.01))
        if how == "l":
            seen.append((came_s + 0.1, came_s + 0.2))
    assert matched(cues, seen) == wanted


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--minutes", "nan"], ["--lost", "much"]])
def test_wrong_usage_is_exit_2(bench, words):
    code, out, err = bench("page", *words)
    assert (code, out) == (2, "")
    assert words[0] in err
