import copy
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu_bench.report.axis import around_zero, from_zero, linear, logarithmic, narrow_logarithmic
from imu_bench.report.command import page, shown, write_report
from imu_bench.report.judge import Judge
from imu_bench.report.keys import CHIEF, FEW, GROUPS, KEYS, QUESTIONS
from imu_bench.report.markdown import markdown
from imu_bench.report.panels import colour, shape
from imu_bench.report.perturbed import FAMILIES, size_of
from imu_bench.report.results import BadResults, read_results, results_of
from tests.bench.made_up_results import DATA, DETECTORS, PERTURBATIONS, accuracy, speed, write

HOSTILE = (
    '<script>alert("1")</script>',
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1) https://example.org/\"onmouseover='x'",
    "]]></style><b>|`*_[x](javascript:alert(1))",
    "\x00\x1b\ud800 \u202eright to left &amp;",
)


@pytest.fixture(scope="module")
def document():
    return accuracy()


@pytest.fixture(scope="module")
def results(document):
    return results_of(document)


@pytest.fixture(scope="module")
def tree(results):
    return parsed(page(results, speed()))


def parsed(text):
    """As XML: it is stricter than any browser."""
    return ElementTree.fromstring(text)


def said(element):
    return "".join(element.itertext())


def table(tree, caption):
    """Its cells by walking (of the row above), detector and heading."""
    [found] = [one for one in tree.iter("table") if said(one.find("caption")) == caption]
    heads = [said(one) for one in found.find("thead").iter("th")]
    cells, walking = {}, None
    for row in found.iter("tr"):
        ends = list(row)
        if ends[0].get("class") == "group":
            walking = said(ends[0])
        elif row.find("td") is not None:
            for head, cell in zip(heads[1:], ends[1:], strict=True):
                cells[walking, said(ends[0]), head] = cell
    return cells


def changed(document, change):
    new = copy.deepcopy(document)
    change(new)
    return new


def test_every_figure_on_the_page_is_that_of_the_file(document, tree):
    """Value, interval and coverage, of every cell of the full tables."""
    walkings = {"all walking": "all", "turns and closing steps": "unknown"}
    seen = 0
    for data in DATA:
        answers = document["scenarios"][f"{data}/all"]["detectors"]
        for title, keys in GROUPS.items():
            cells = table(tree, f"{data}: {title.lower()}")
            by_title = {KEYS[key].title: KEYS[key] for key in keys}
            for (walking, detector, head), cell in cells.items():
                key = by_title[head]
                figure = answers[detector]["walking"][walkings.get(walking, walking)][key.name]
                words = [said(part) for part in cell] if len(cell) else [said(cell)]
                if figure["value"] is None:
                    assert words[0] in ("not offered", "\u2013")
                    continue
                shown_value = f"{key.scale * figure['value']:.{key.digits}f}"
                got = re.sub(r"[^\d.\-]", "", words[0].replace("\u2212", "-"))
                assert float(got) == float(shown_value), (data, walking, detector, head)
                if figure["low"] is not None:
                    ends = [f"{key.scale * figure[end]:.{key.digits}f}" for end in ("low", "high")]
                    low, high = words[1].replace("\u2212", "-").split(" to ")
                    assert [float(low), float(high)] == [float(end) for end in ends]
                if key.by_time:
                    assert words[-1] == f"{figure['n']} told"
                elif key.unit or key.digits:
                    assert words[-1] == f"{figure['n']} of {figure['asked']}"
                seen += 1
    assert seen > 1000


def test_key_figures_stand_before_the_rest(tree):
    for data in DATA:
        heads = {head for _, _, head in table(tree, f"{data}: key figures")}
        assert heads <= {KEYS[key].title for key in CHIEF}


def test_no_figure_is_without_its_n(tree):
    for cell in tree.iter("td"):
        parts = {part.get("class") for part in cell}
        if "interval" in parts:
            assert "n" in parts


def test_what_is_missing_is_named(tree):
    cells = table(tree, "gaitmap: key figures")
    assert said(cells["forward", "naive-acc-peak", "direction right"]) == "not offered"
    # its truth has no pelvis, and the detector that has one elsewhere is not blamed for it
    assert said(cells["forward", "retrogait", "drop error"]) == "\u2013"
    assert "\u2021" in said(cells["backward", "gaitmap-herzer", "timing spread"])


def test_few_are_marked_and_none_found_is_no_dash_alone(document):
    def change(new):
        figures = new["scenarios"]["gaitmap/all"]["detectors"]["retrogait"]["walking"]["forward"]
        figures["timing_sd_ms"] |= {"n": FEW - 1, "asked": FEW - 1}
        figures["timing_bias_ms"] |= {"value": None, "n": 0, "asked": 57}

    cells = table(parsed(page(results_of(changed(document, change)))), "gaitmap: key figures")
    assert "\u2020" in said(cells["forward", "retrogait", "timing spread"])
    assert said(cells["forward", "retrogait", "timing bias"]) == "\u20130 of 57"


def test_the_page_asks_nothing_of_any_network(tree):
    for element in tree.iter():
        assert element.tag not in ("script", "link", "iframe", "object", "embed", "img", "base", "form", "image", "use")
        for name, value in element.attrib.items():
            assert name.split("}")[-1] not in ("src", "srcset", "action", "style", "xlink:href")
            assert not name.startswith("on")
            if name == "href":
                assert element.tag == "a"
                assert re.fullmatch(r"#\S+|https?://[^\s\"'<>]+", value)
    [style] = tree.iter("style")
    assert "url(" not in said(style)
    assert "@import" not in said(style)


def test_references_lead_somewhere(tree):
    idents = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(idents) == len(set(idents))
    for element in tree.iter():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((element.get(name) or "").split()) <= set(idents)
        if (element.get("href") or "").startswith("#"):
            assert element.get("href")[1:] in idents


def test_pictures_say_what_they_show(tree):
    drawn = [svg for svg in tree.iter("svg") if svg.get("role") == "img"]
    assert len(drawn) > 30
    for svg in drawn:
        assert said(svg.find("title"))
        assert said(svg.find("desc"))
    assert all(svg.get("aria-hidden") for svg in tree.iter("svg") if svg.get("role") != "img")


def test_pictures_have_tables_beside_them(tree):
    """Every family of perturbations is in one, with each size."""
    cells = table(tree, "simulated, backward: F1, 50 ms, by perturbation")
    assert len(cells) > 0
    [found] = [one for one in tree.iter("table") if said(one.find("caption")).startswith("ipol, forward: F1")]
    assert {said(one) for one in found.iter("th")} >= set(PERTURBATIONS)
    assert {size_of(one)[0] for one in PERTURBATIONS} == set(FAMILIES)


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_names_stay_names(evil, document):
    def change(new):
        new["detectors"][evil] = dict.fromkeys(("title", "source", "licence", "kind"), evil) | {
            "packages": {evil: evil}
        }
        new["data"][evil] = new["data"].pop("ipol") | {"citation": evil, "licence": evil, "title": evil, "kind": evil}
        new["data"][evil]["truth"] = {"contact": evil, evil: evil}
        new["software"][evil] = evil
        for id_, scenario in list(new["scenarios"].items()):
            if scenario["data"] == "ipol":
                scenario |= {"data": evil, "about": evil, "split": evil}
                scenario["detectors"][evil] = scenario["detectors"]["retrogait"] | {"failed": {evil: evil}}
                scenario["detectors"][evil]["walking"][evil] = scenario["detectors"][evil]["walking"]["forward"]
                new["scenarios"][id_ + evil] = new["scenarios"].pop(id_)

    made = results_of(changed(document, change))
    words = page(made, {**speed(), "machine": {evil: evil}, "ratios": {evil: 2.0}})
    tree = parsed(words)
    test_the_page_asks_nothing_of_any_network(tree)
    test_references_lead_somewhere(tree)
    words.encode()
    # in the table too: as many cells in every row
    rows = [line for line in markdown(made).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<script" not in markdown(made).replace("\\<", "")


def test_the_same_results_give_the_same_bytes(tmp_path, document):
    one, other = write(tmp_path / "a", document, speed()), tmp_path / "b"
    made = write_report(one)
    assert [path.name for path in made] == ["report.html", "report.md"]
    # nor does the order of keys make a difference
    other.mkdir()
    backwards = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in document.items()
    }
    (other / "accuracy.json").write_text(json.dumps(backwards), "utf-8")
    (other / "speed.json").write_text(canonical_json(speed()), "utf-8")
    for path, again in zip(made, write_report(other, to=tmp_path / "c"), strict=True):
        assert path.read_bytes() == again.read_bytes()
        assert b"\r" not in path.read_bytes()
        assert str(tmp_path).encode() not in path.read_bytes()


def test_private_data_sets_are_left_out(document):
    private = accuracy(private=True)
    quiet = shown(results_of(private | {"private": False}))
    for words in (page(quiet), markdown(quiet)):
        assert "gottlieb" not in words
        assert "Not to be shown" not in words
    loud = shown(results_of(private))
    for words in (page(loud), markdown(loud)):
        assert "gottlieb" in words
        assert words.index("Not to be shown to others") < words.index(
            "gottlieb/all" if "<html" in words else "| gottlieb"
        )
    assert page(quiet) == page(results_of(document))


def test_detectors_that_only_private_data_saw_are_left_out():
    private = accuracy(private=True)
    private["detectors"]["secret"] = private["detectors"]["vqf"]
    detectors = private["scenarios"]["gottlieb/all"]["detectors"]
    detectors["secret"] = detectors["retrogait"]
    assert "secret" not in page(shown(results_of(private | {"private": False})))


def test_a_page_of_nothing_is_a_page(document):
    nothing = document | {"detectors": {}, "data": {}, "scenarios": {}}
    tree = parsed(page(results_of(nothing)))
    assert "there is no best" in said(tree)
    assert "Nobody measured it here" in said(tree)


def test_the_best_is_best_of_those_who_compete(results):
    judge = Judge(results)
    for place in judge.places:
        for question in QUESTIONS:
            figures = {name: judge.figure(name, place.scenario, place.walking, question.key) for name in DETECTORS}
            able = [
                one.value
                for name, one in figures.items()
                if one is not None and judge.competes(name, place.scenario, place.walking, question.key)
            ]
            best = judge.best(place, question.key)
            assert (best is None) == (not able)
            if best is not None:
                assert best.figure.value == (max if question.key.better == "high" else min)(able)
                assert (best.lead == "alone") == (len(able) == 1)
            if place.scenario.subjects < 3 and len(able) > 1:
                assert best.lead == "untested"


def test_forward_and_backward_stand_apart(results):
    places = {(place.data.name, place.walking) for place in Judge(results).places}
    assert places == {
        *((name, walking) for name in ("bandai", "gaitmap", "simulated") for walking in ("forward", "backward")),
        ("ipol", "forward"),
    }


def test_no_two_detectors_look_alike():
    looks = [(colour(style), shape(style)) for style in range(40)]
    assert len(set(looks)) == len(looks)
    assert [look for look in looks if look[0] == "d0"] == looks[:1]
    [styles] = [said(one) for one in parsed(page(results_of(accuracy(data_sets=())))).iter("style")]
    assert {name for name, _ in looks} <= set(re.findall(r"\.(d\d) ", styles))


def test_silence_in_standing_is_no_little(document):
    """Nothing told in hours is as good as it gets, and no figure on few."""

    def change(new):
        figures = new["scenarios"]["simulated/all"]["detectors"]["retrogait"]["walking"]["unknown"]
        figures["false_per_hour"] |= {"value": 0.0, "low": 0.0, "high": 0.0, "n": 0, "asked": 0}

    tree = parsed(page(results_of(changed(document, change))))
    [shown_there] = [
        said(svg.find("desc"))
        for svg in tree.iter("svg")
        if svg.get("role") == "img" and said(svg.find("title")).startswith("False contacts an hour: simulated, where")
    ]
    assert "retrogait: 0.0/h \u00b7 0 told" in shown_there


def test_every_key_is_in_one_group():
    grouped = [key for keys in GROUPS.values() for key in keys]
    assert sorted(grouped) == sorted(KEYS)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda new: new.update(schema="other/1"), "schema 'other/1'"),
        (lambda new: new.pop("seed"), "has no seed"),
        (lambda new: new["data"].pop("ipol"), "data set or detectors of scenario ipol/all"),
        (lambda new: new["detectors"].pop("vqf"), "data set or detectors"),
        (lambda new: new["scenarios"].update(x=3), "not as"),
        (lambda new: new["scenarios"]["ipol/all"].update(minutes="long"), "not as"),
    ],
)
def test_another_file_is_refused_in_one_line(change, wanted, document, tmp_path):
    (tmp_path / "accuracy.json").write_text(json.dumps(changed(document, change)), "utf-8")
    with pytest.raises(BadResults, match=re.escape(wanted)) as caught:
        read_results(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": NaN}', "\xff"])
def test_a_file_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "accuracy.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadResults, match=r"want what imu-bench run wrote|want 'retrogait\.accuracy/1'"):
        read_results(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadResults) as caught:
        write_report(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'accuracy.json'} is not there; want what imu-bench run wrote"


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.randoms(use_true_random=False))
def test_axes_hold_what_they_are_made_for(low, span, rng):
    high = low + span
    size = max(abs(low), abs(high), 1e-2)
    for axis, values in (
        (linear(low, high), (low, high)),
        (around_zero(size), (-size, size)),
        (logarithmic(span, 10 * span), (span, 10 * span)),
        (narrow_logarithmic(span, 3 * span), (span, 3 * span)),
        (from_zero(span), (0.0, span)),
    ):
        assert list(axis.ticks) == sorted(set(axis.ticks))
        assert 2 <= len(axis.ticks) <= 8
        slack = 1e-6 * (axis.high - axis.low)
        assert axis.low - slack <= min(values)
        assert max(values) <= axis.high + slack
        between = sorted(rng.uniform(*values) for _ in range(5))
        shares = [axis.share(value) for value in between]
        assert shares == sorted(shares)
        assert all(0.0 <= share <= 1.0 for share in shares)
        # a spread of one contact is nought, which has no logarithm
        assert axis.share(min(0.0, axis.low)) == 0.0
        assert axis.share(axis.high + 1.0) == 1.0


def test_the_table_has_a_row_for_each_who_answers(results):
    lines = [line for line in markdown(results).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    rows = {(row[0].partition(" ")[0], row[1], row[2]): row[3:] for row in cells[2:]}
    assert ("ipol", "forward", "retrogait") in rows
    figure = results.scenarios["ipol/all"].detectors["retrogait"].figure("forward", "timing_sd_ms")
    [said_sd] = [
        row for head, row in zip(cells[0][3:], rows["ipol", "forward", "retrogait"], strict=True) if "spread" in head
    ]
    assert f"{figure.value:.1f}" in said_sd
    assert f"({figure.n}/{figure.asked})" in said_sd
    assert not any(name == "vqf" for _, _, name in rows), "it offers none of these"


def test_odd_speeds_make_a_page():
    few = results_of(accuracy(data_sets=("gaitmap",)))
    for key in speed():
        if key != "schema":
            parsed(page(few, {name: value for name, value in speed().items() if name != key}))
    bare = {"detector": "x", "stage": "whole", "minutes": 1, "times_real_time": None}
    tree = parsed(page(few, {"schema": "retrogait.speed/1", "pipelines": [bare], "growth": [{"minutes": 1}]}))
    assert "not measured" not in said(tree)
    assert "\u2013" in said(tree)
