"""What the page claims beyond single figures: who competes, who is counted, what is to blame, and what was run."""

import copy

import pytest

from imu_bench.report.command import page, shown
from imu_bench.report.data import command
from imu_bench.report.judge import Judge
from imu_bench.report.keys import ENOUGH, KEYS, OF_FOUND
from imu_bench.report.markdown import markdown
from imu_bench.report.results import results_of
from tests.bench.made_up_results import accuracy
from tests.bench.test_report import parsed, said, table

ASKED = {
    "everything": False,
    "scenarios": ["ipol/all", "gaitmap/all"],
    "given_sessions": False,
    "detectors": ["ours", "mine:My Own"],
    "private": False,
}


@pytest.fixture(scope="module")
def document():
    return accuracy(perturbations=("tilt-35", "rate-400"))


def made(document, change=lambda _: None):
    new = copy.deepcopy(document)
    change(new)
    return results_of(new)


def words(results):
    return said(parsed(page(results)).find("body"))


def every_figure(new, detector):
    for scenario in new["scenarios"].values():
        yield from scenario["detectors"][detector]["walking"].values()


def test_who_leaves_out_what_is_hard_is_nobodys_best(document):
    def change(new):
        for scenario in new["scenarios"].values():
            for figures in scenario["detectors"]["gaitmap-herzer"]["walking"].values():
                asked = figures["timing_sd_ms"]["asked"]
                figures["timing_sd_ms"] |= {"value": 0.1, "low": 0.05, "high": 0.15, "n": int(ENOUGH * asked) - 1}

    results = made(document, change)
    judge = Judge(results)
    bests = [judge.best(place, KEYS["timing_sd_ms"]) for place in judge.places]
    assert bests
    assert all(best.name != "gaitmap-herzer" for best in bests)
    assert "\u2021" in page(results)


@pytest.mark.parametrize("key", ["direction_right", "pattern_right", "latency_p95_ms", "second_sd_ms"])
def test_who_finds_few_contacts_is_nobodys_best_at_what_it_says_of_them(key, document):
    """Whatever is asked: of contacts that it left out nobody may have asked anything."""

    def change(new):
        for figures in every_figure(new, "retrogait"):
            found = int(ENOUGH * figures["timing_bias_ms"]["asked"]) - 1
            figures["timing_bias_ms"]["n"] = found
            figures[key] |= {"n": found, "asked": found}

    assert key in OF_FOUND
    before, after = Judge(made(document)), Judge(made(document, change))
    assert any(before.best(place, KEYS[key]) for place in before.places)
    assert not any(after.best(place, KEYS[key]) for place in after.places)
    cells = table(parsed(page(made(document, change))), "simulated: key figures")
    if (title := KEYS[key].title) in {head for _, _, head in cells}:
        assert "\u2021" in said(cells["forward", "retrogait", title])


def test_a_perturbation_is_not_to_blame_for_what_is_so_without_it(document):
    def change(new):
        for name, hits in {"retrogait": (0.9, 0.7, 0.8), "naive-acc-peak": (0.1, 0.1, 0.3)}.items():
            ids = ("ipol/all", "ipol/all+tilt-35", "ipol/all+rate-400")
            for id_, hit in zip(ids, hits, strict=True):
                figures = new["scenarios"][id_]["detectors"][name]["walking"]["forward"]
                figures["f1_50ms"] |= {"value": hit, "low": None, "high": None}

    body = parsed(page(made(document, change))).find("body")
    [heading] = [one for one in body.iter("h3") if said(one) == "ipol, forward"]
    notes = [said(one) for one in body.iter("p") if said(one).startswith("Largest loss")]
    assert said(heading)
    [told] = [one for one in notes if "retrogait 0.200 with tilt-35" in one]
    assert "naive-acc-peak" not in told


def test_where_nothing_is_lost_nothing_is_blamed(document):
    def change(new):
        for detector in new["detectors"]:
            for scenario in new["scenarios"].values():
                if detector in scenario["detectors"]:
                    for figures in scenario["detectors"][detector]["walking"].values():
                        figures["f1_50ms"] |= {"value": 0.5, "low": None, "high": None}

    assert "Largest loss" not in words(made(document, change))
    assert "Nobody loses F1" in words(made(document, change))


def test_people_who_do_not_exist_are_not_added_to_those_who_do(document):
    def change(new):
        # the same people, in a second set of one source
        new["data"]["ipol-2"] = new["data"]["ipol"] | {"subjects": 4}
        new["data"]["gaitmap"]["kind"] = "real (one), and real signals reversed in time (other)"

    told = words(made(document, change)).partition("Contents")[0].replace("\u202f", " ")
    assert "11 people with real sensors: 42 sessions (copies reversed in time among them)" in told
    assert "8 people with virtual sensors: 32 sessions" in told
    assert "6 people simulated: 18 sessions" in told
    assert "25 people" not in told


def test_what_only_one_answers_is_told_in_a_line(document):
    judge = Judge(made(document))
    contested = {one.key.name for one in judge.contested}
    assert "f1_50ms" in contested
    assert "latency_p95_ms" not in contested
    tree = parsed(page(judge.results))
    [matrix] = [one for one in tree.iter("table") if one.get("class") == "matrix"]
    assert "Who tells it soonest?" not in said(matrix)
    [line] = [said(one) for one in tree.iter("p") if said(one).startswith("Who tells it soonest?")]
    assert "retrogait alone, in 7 places; told after, p95:" in line
    alone = made({**document, "detectors": {"retrogait": document["detectors"]["retrogait"]}} | only(document))
    assert "Who tells it soonest?" in said(next(one for one in parsed(page(alone)).iter("table")))


def only(document):
    scenarios = copy.deepcopy(document["scenarios"])
    for scenario in scenarios.values():
        scenario["detectors"] = {"retrogait": scenario["detectors"]["retrogait"]}
    return {"scenarios": scenarios}


def test_the_provisional_word_is_called_a_claim(document):
    told = words(made(document))
    assert "by the detector's own claim" in told
    assert "seen to be true" in told
    assert "The contact itself, dated by the feeder" in told


def test_the_command_is_what_was_run(document):
    def run(**more):
        return command(made(document | {"seed": 7, "resamples": 50, "asked": ASKED | more}))

    end = "--seed 7 --resamples 50 && imu-bench report"
    assert run() == f"imu-bench run ipol/all gaitmap/all --detectors 'ours,mine:My Own' {end}"
    assert run(everything=True, detectors=None, private=True) == f"imu-bench run --all --private {end}"
    given = run(scenarios=[], given_sessions=True, detectors=None)
    assert given == f"imu-bench run --sessions SESSIONS {end}"


def test_who_does_not_know_what_was_run_claims_nothing(document):
    results = made(document)
    assert command(results) is None
    for told in (words(results), markdown(results)):
        assert "What this run was asked for is not in its accuracy.json" in told
        assert "imu-bench run --all" not in told


def test_hostile_words_stay_words(document):
    evil = "`x`\n<script>alert(1)</script>"
    results = made(document | {"asked": ASKED | {"scenarios": [evil], "detectors": [evil]}})
    assert not list(parsed(page(results)).iter("script"))
    [line] = [line for line in markdown(results).splitlines() if "imu-bench run" in line]
    assert line.startswith("    imu-bench run '`x` <script>")


def test_the_command_names_nothing_that_may_not_be_shown():
    private = accuracy(private=True, perturbations=()) | {"asked": ASKED | {"scenarios": ["gottlieb/all", "ipol/all"]}}
    assert "gottlieb" not in page(shown(results_of(private | {"private": False})))


def test_what_was_left_out_of_a_data_set_is_told(document):
    def change(new):
        new["data"]["ipol"]["left_out"] = ["trial 3: no heel", "trial <9>: no file"]

    told = words(made(document, change))
    assert "Left out: 2 that could not be read" in told
    assert "trial <9>: no file" in told
    assert "Left out" not in words(made(document))


def test_who_takes_no_part_is_not_shown_as_a_failure(document):
    """A sensor that nobody wore: nothing was asked of who needs it, and of others much."""

    def change(new):
        new["scenarios"]["gaitmap/all"]["detectors"]["naive-acc-peak"] |= {"walking": {}}
        figures = new["scenarios"]["ipol/all"]["detectors"]["naive-acc-peak"]["walking"]["forward"]
        for key in figures:
            figures[key] |= {"value": None, "low": None, "high": None, "n": 0, "asked": 0}

    results = made(document, change)
    tree = parsed(page(results))
    # nowhere: named below the table
    assert "naive-acc-peak" not in {name for _, name, _ in table(tree, "gaitmap: key figures")}
    # in one walking: says so
    cells = table(tree, "ipol: key figures")
    assert said(cells["forward", "naive-acc-peak", "F1, 50 ms"]) == "not offered here"
    assert said(cells["forward", "naive-acc-peak", "drop error"]) == "not offered"
    [row] = [line for line in markdown(results).splitlines() if "| ipol" in line and "| forward | naive-gyro" in line]
    assert "not offered here" not in row
