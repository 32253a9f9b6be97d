"""Who offers what, who is best at it, and by how much: rules that the page states and keeps to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

from imu_bench.report.keys import CONTACTS, KEYS, QUESTIONS, Key, Question
from imu_bench.report.results import ALL, WALKINGS, Answer, Data, Figure, Results, Scenario

Standing: TypeAlias = Literal[
    "figure", "nothing asked", "not offered", "not offered here", "none found", "not in this run"
]
"""Of a cell: a figure, or why there is none."""
Lead: TypeAlias = Literal["clear", "level", "untested", "alone"]
"""Of the best over the next: intervals apart, overlapping, missing; or there is no next."""

BAD_FIRST: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is asked: a scenario, and one walking of it."""

    data: Data
    scenario: Scenario
    walking: str


@dataclass(frozen=True, slots=True)
class Best:
    """Of those who compete."""

    name: str
    figure: Figure
    lead: Lead
    next_name: str | None = None
    next_figure: Figure | None = None


@dataclass(frozen=True)
class Judge:
    """Looks at all results at once: that a detector offers something shows only in the whole."""

    results: Results

    @cached_property
    def _offered(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (name, key)
            for scenario in self.results.scenarios.values()
            for name, answer in scenario.detectors.items()
            for figures in answer.walking.values()
            for key, figure in figures.items()
            if figure.n and figure.value is not None
        )

    def offers(self, detector: str, key: Key) -> bool:
        """Has it this figure anywhere?"""
        return (detector, key.rests_on or key.name) in self._offered

    def offers_any(self, key: Key) -> bool:
        """Has anybody?"""
        return any(self.offers(name, key) for name in self.results.detectors)

    def standing(self, detector: str, scenario: Scenario, walking: str, key: Key) -> Standing:
        """What a cell is about to say."""
        answer = scenario.detectors.get(detector)
        if answer is None:
            return "not in this run"
        if not self.offers(detector, key):
            return "not offered"
        figure = answer.figure(walking, key.name)
        if figure.value is not None:
            return "figure"
        if figure.asked:
            return "none found"
        # it found nothing to be asked about, or takes no part: its sensor was not worn
        left_out = not answer.figure(walking, CONTACTS).asked
        others = any(one.figure(walking, key.name).asked for one in scenario.detectors.values())
        return "not offered here" if left_out and others else "nothing asked"

    def takes_part(self, detector: str, scenarios: Iterable[Scenario], keys: Iterable[Key]) -> bool:
        """Has it anything to say to any of these, be it that it found none?"""
        keys = list(keys)
        return any(
            self.standing(detector, scenario, walking, key) in ("figure", "none found")
            for scenario in scenarios
            if detector in scenario.detectors
            for walking in _walked(scenario)
            for key in keys
        )

    def figure(self, detector: str, scenario: Scenario, walking: str, key: Key) -> Figure | None:
        """One that may be drawn, None where there is none."""
        if self.standing(detector, scenario, walking, key) != "figure":
            return None
        return scenario.detectors[detector].figure(walking, key.name)

    def competes(self, detector: str, scenario: Scenario, walking: str, key: Key) -> bool:
        """May it be somebody's best?"""
        figure = self.figure(detector, scenario, walking, key)
        return figure is not None and not marks(scenario.detectors[detector], walking, key)

    def best(self, place: Place, key: Key) -> Best | None:
        """Of those with enough to go by; None = there is nobody."""
        able = [
            (name, place.scenario.detectors[name].figure(place.walking, key.name))
            for name in self.results.detectors
            if self.competes(name, place.scenario, place.walking, key)
        ]
        able.sort(key=lambda one: rank(one[1], key))
        match able:
            case []:
                return None
            case [(name, figure)]:
                return Best(name, figure, "alone")
            case [(name, figure), (next_name, next_figure), *_]:
                return Best(name, figure, apart(figure, next_figure, key), next_name, next_figure)
            case _:
                raise AssertionError

    @cached_property
    def places(self) -> list[Place]:
        """Every unperturbed walking: forward and backward apart, all together only where truth has no directions."""
        return [
            Place(data, scenario, walking)
            for data in self.results.data.values()
            for scenario in self.results.of_data(data.name)[:1]
            for walking in directions(scenario)
        ]

    @cached_property
    def questions(self) -> list[Question]:
        """Those that anybody answers anywhere."""
        return [one for one in QUESTIONS if self.offers_any(one.key)]

    @cached_property
    def contested(self) -> list[Question]:
        """Those with two competitors somewhere; all where there are none: then there is one detector to look at."""
        apart_ones = [
            one
            for one in self.questions
            if any((best := self.best(place, one.key)) and best.lead != "alone" for place in self.places)
        ]
        return apart_ones or self.questions

    def tally(self) -> tuple[Counter[str], int, int]:
        """Of contested questions: clear firsts by detector; how many cells had two who compete; how many one."""
        firsts, contested, alone = Counter[str](), 0, 0
        for place in self.places:
            for question in self.contested:
                best = self.best(place, question.key)
                if best is None:
                    continue
                contested += best.lead != "alone"
                alone += best.lead == "alone"
                if best.lead == "clear":
                    firsts[best.name] += 1
        return firsts, contested, alone


def marks(answer: Answer, walking: str, key: Key) -> str:
    """What has to be said of a figure with little to stand on."""
    return key.marks(answer.figure(walking, key.name), answer.figure(walking, CONTACTS))


def _walked(scenario: Scenario) -> list[str]:
    return [walking for walking in WALKINGS if asked(scenario, walking)]


def asked(scenario: Scenario, walking: str) -> int:
    """How much the truth asks there of whoever is asked most."""
    return max(
        (
            figure.asked
            for answer in scenario.detectors.values()
            for key, figure in answer.walking.get(walking, {}).items()
            if key in KEYS
        ),
        default=0,
    )


def directions(scenario: Scenario) -> list[str]:
    """Forward and backward where anything is asked of them, else all together."""
    apart_ones = [walking for walking in ("forward", "backward") if asked(scenario, walking)]
    return apart_ones or [walking for walking in (ALL, "unknown") if asked(scenario, walking)][:1]


def rank(figure: Figure, key: Key) -> float:
    """The smaller, the better."""
    if figure.value is None:
        return BAD_FIRST
    match key.better:
        case "high":
            return -figure.value
        case "zero":
            return abs(figure.value)
        case "low" | "none":
            return figure.value


def apart(one: Figure, other: Figure, key: Key) -> Lead:
    """Do two intervals lie apart? Where nought is best, those of the distance to it: 5 early is as good as 5 late."""
    if one.interval is None or other.interval is None:
        return "untested"
    mine, others = (_sizes(*ends) if key.better == "zero" else ends for ends in (one.interval, other.interval))
    return "clear" if mine[1] < others[0] or others[1] < mine[0] else "level"


def _sizes(low: float, high: float) -> tuple[float, float]:
    """Between which sizes lies what is between these two?"""
    least = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
    return least, max(abs(low), abs(high))


def detectors_in(results: Results, scenarios: Sequence[Scenario]) -> list[str]:
    """In the order in which they are shown."""
    return [name for name in results.detectors if any(name in one.detectors for one in scenarios)]
