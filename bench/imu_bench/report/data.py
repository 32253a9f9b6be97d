"""What was measured on what, by whom, what failed, and how to do it again."""

from collections import defaultdict
from shlex import quote
from typing import Final

from imu_bench.report.html import (
    Page,
    anchor,
    folded,
    note,
    people,
    rows,
    section,
    sessions,
    table,
)
from imu_bench.report.keys import CHIEF, ENOUGH, FEW, FEW_MARK, GROUPS, KEYS, NARROW, THIN_MARK
from imu_bench.report.markup import Inner, Markup, element, linked, together
from imu_bench.report.results import Data, Results

KINDS: Final = {
    "streaming": "fed packet by packet, as live",
    "whole": "gets the whole recording",
    "outside": "gets the whole recording, in a process of its own",
}
UNTOLD: Final = "What this run was asked for is not in its accuracy.json."
GIVEN: Final = "SESSIONS"
"""Stands for the folders that were given."""
FIRST_TRUTH: Final = "contact"
"""The label that every timing stands on; it is shown open."""


def data_cards(page: Page) -> Markup:
    """One a data set."""
    return section(
        "data",
        "What was measured on what",
        note(
            "Every timing is found minus true, by the definition of truth that stands here: a bias is one of"
            " definitions as much as of detectors. Compare spreads before biases, and biases only within a data set."
        ),
        element("div", [_card(page, data) for data in page.results.data.values()], class_="cards"),
    )


def _card(page: Page, data: Data) -> Markup:
    whole = page.results.of_data(data.name)
    minutes = f", {whole[0].minutes:.0f}{NARROW}min" if whole else ""
    truth = dict(data.truth)
    first = truth.pop(FIRST_TRUTH, None)
    rest = [together(element("dt", label), element("dd", meaning)) for label, meaning in truth.items()]
    return element(
        "article",
        element("h3", element("a", data.name, href=f"#{anchor('of', data.name)}"), " ", element("span", data.kind)),
        element("p", data.title, class_="title"),
        element("p", f"{people(data.subjects)}, {sessions(data.sessions)}{minutes}", class_="scope"),
        element("p", element("b", "A true contact: "), first) if first else None,
        folded(
            f"Left out: {len(data.left_out)} that could not be read",
            element("ul", [element("li", line) for line in data.left_out]),
        )
        if data.left_out
        else None,
        folded("What its other labels mean", element("dl", rest)) if rest else None,
        element("p", linked(data.citation), class_="cite"),
        element("p", element("b", "Licence: "), linked(data.licence), class_="cite"),
        class_="card",
    )


def detector_table(page: Page) -> Markup:
    """Who competes."""
    lines: list[list[Inner]] = []
    for about in page.results.detectors.values():
        packages = ", ".join(f"{name} {version}" for name, version in about.packages.items())
        kind = together(element("b", about.kind), ": ", KINDS.get(about.kind, "not described"))
        lines.append([page.named(about.name), about.title, kind, linked(about.source), about.licence, packages])
    return section(
        "detectors",
        "The detectors",
        table(
            "Detectors",
            ["name", "what it is", "how it is asked", "source", "licence", "runs"],
            rows(lines),
            kind="words",
        ),
    )


def failures(page: Page) -> Markup:
    """By reason: who, how often, where."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for scenario in page.results.scenarios.values():
        for name, answer in scenario.detectors.items():
            for reason in answer.failed.values():
                places = found[reason, name]
                places[scenario.id] = places.get(scenario.id, 0) + 1
    if not found:
        return section("failures", "What failed", element("p", "Nothing: every detector answered for every session."))
    lines: list[list[Inner]] = []
    for (reason, name), places in sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        where = ", ".join(f"{id_} ({n})" for id_, n in sorted(places.items()))
        where = where if len(places) <= 4 else folded(f"{len(places)} scenarios", element("p", where))
        lines.append([reason, page.named(name), str(sum(places.values())), where])
    return section(
        "failures",
        "What failed",
        note("A session that failed counts: all of its contacts are missed."),
        table(
            "Sessions that failed, by reason", ["reason", "detector", "sessions", "where"], rows(lines), kind="words"
        ),
    )


def reading(page: Page) -> Markup:
    """How to read the figures."""
    results = page.results
    share = f"{100 * results.interval:g}{NARROW}%"
    terms: list[Inner] = [
        _term(
            "n of asked", "what the figure rests on, of what the truth asked for: its coverage. Beside every figure."
        ),
        _term(
            "interval",
            f"the middle {share} of {results.resamples} bootstrap resamples of people, not of contacts: contacts of one"
            " person are alike. Where there are fewer than 3 people there is none.",
        ),
        _term("\u2013", "nothing was asked: the truth of this data set does not have it, or not of this walking."),
        _term("not offered", "the detector has no such output anywhere in this run."),
        _term(
            "not offered here",
            "it has elsewhere, and takes no part here: its sensor was not worn. Nothing of it counts as missed.",
        ),
        _term(FEW_MARK, f"rests on fewer than {FEW}: a hint, not a figure."),
        _term(
            THIN_MARK,
            f"answers for less than {100 * ENOUGH:.0f}{NARROW}% of what was asked, or found fewer of the contacts that"
            " it is told of; what it left out may be hard. It is nobody's best.",
        ),
        _term(
            "F1", "of contacts matched one to one, each foot by itself, within so many ms of the group's median error."
        ),
        _term("bias, spread", "median of found minus true, and the sd about it. Late is positive."),
        _term(
            "told after",
            "by the clock of who feeds the samples, whatever the detector says. Its provisional word nobody else saw:"
            " it is the detector's claim, and believed only of contacts of which its t_emitted_ns was seen to be true.",
        ),
    ]
    known = {key for keys in GROUPS.values() for key in keys} | set(CHIEF)
    terms += [_term(key.title, key.about) for name, key in KEYS.items() if name in known]
    return section("reading", "How to read it", folded("Signs, figures and what they mean", element("dl", terms)))


def again(page: Page) -> Markup:
    """One command, and what it has to find to come to the same."""
    results = page.results
    versions = ", ".join(f"{name} {version}" for name, version in results.software.items())
    facts: list[list[Inner]] = [
        ["seed", str(results.seed)],
        ["resamples", str(results.resamples)],
        ["interval", f"{100 * results.interval:g}{NARROW}%"],
        ["software", versions],
    ]
    made = command(results)
    digests = [[data.name, element("code", data.digest)] for data in results.data.values()]
    return section(
        "again",
        "Do it again",
        note(UNTOLD)
        if made is None
        else element("pre", element("code", made), tabindex=0, role="region", aria_label="Command"),
        note(f"{GIVEN}: folders of sessions that were given, and that this file does not name.")
        if results.asked is not None and results.asked.given_sessions
        else None,
        note("All that was at hand was run: below are the digests of it.")
        if results.asked is not None and results.asked.everything
        else None,
        note(
            "The same files and the same seed give the same accuracy.json, byte for byte. Speed is of a machine, and"
            " measured apart: imu-bench speed."
        ),
        table("What it was made of", ["what", "which"], rows(facts), kind="words"),
        folded(
            "Digests of the inputs", table("Digests of the inputs", ["data set", "sha256"], rows(digests), kind="words")
        ),
    )


def command(results: Results) -> str | None:
    """What makes the same files again; None = the file does not tell what was asked for."""
    asked = results.asked
    if asked is None:
        return None
    words = [
        "imu-bench run",
        *(["--all"] if asked.everything else map(quote, asked.scenarios)),
        *(["--detectors", quote(",".join(asked.detectors))] if asked.detectors is not None else []),
        *(["--sessions", GIVEN] if asked.given_sessions else []),
        *(["--private"] if asked.private else []),
        f"--seed {results.seed} --resamples {results.resamples}",
        "&& imu-bench report",
    ]
    return " ".join(words)


def _term(word: str, meaning: str) -> Markup:
    return together(element("dt", word), element("dd", meaning))
