"""The key figures: what each is called, its unit, how many digits it bears, and which way is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from imu_bench.report.results import Figure

Better: TypeAlias = Literal["high", "low", "zero", "none"]
"""`zero`: the nearer to nought, the better, from either side."""
MINUS: Final = "\u2212"
DASH: Final = "\u2013"
CLOSE: Final = ("\u00b0", "/h", "/min")
"""Units that no space is before."""
FEW: Final = 20
"""Figures on fewer are marked, and are nobody's best."""
FEW_MARK: Final = "\u2020"
THIN_MARK: Final = "\u2021"
ENOUGH: Final = 0.8
"""Who answers for a smaller share of what was asked competes for no place: who leaves out what is hard looks good."""


@dataclass(frozen=True, slots=True)
class Key:
    """How one figure is shown."""

    name: str
    title: str
    unit: str
    digits: int
    better: Better
    about: str
    scale: float = 1.0
    """From what stands in the file to what is shown."""
    whole: bool = False
    """It counts what was not found as well, so that its coverage takes nothing from it."""
    by_time: bool = False
    """It is of hours, not of contacts: none told in long is no little."""
    rests_on: str = ""
    """A detector that never has this figure does not offer the other."""

    def shown(self, value: float, *, signed: bool = False) -> str:
        """As people write it: a real minus, no sign for nought.

        >>> KEYS["timing_bias_ms"].shown(-0.04), KEYS["timing_bias_ms"].shown(-12.34)
        ('0.0', '\u221212.3')
        """
        text = f"{abs(self.scale * value):.{self.digits}f}"
        if not float(text):
            return text
        return f"{MINUS if value < 0 else '+' if signed and self.better == 'zero' else ''}{text}"

    def with_unit(self, value: float, *, signed: bool = False) -> str:
        """The same, and its unit."""
        return f"{self.shown(value, signed=signed)}{self.after}"

    @property
    def after(self) -> str:
        """Its unit, as it follows a number: a degree stands close."""
        return f"{'' if self.unit in CLOSE else NARROW}{self.unit}" if self.unit else ""

    def coverage(self, figure: Figure, between: str = " of ") -> str:
        """What a figure rests on."""
        return f"{figure.n} told" if self.by_time else f"{figure.n}{between}{figure.asked}"

    def marks(self, figure: Figure, contacts: Figure) -> str:
        """What has to be said of a figure with little to stand on; `contacts` tells how many were found at all."""
        few = figure.n < FEW and not self.by_time
        thin = not self._covers(figure) or (self.name in OF_FOUND and not _enough(contacts))
        return f"{FEW_MARK if few else ''}{THIN_MARK if thin else ''}"

    def _covers(self, figure: Figure) -> bool:
        return self.whole or _enough(figure)

    def interval(self, figure: Figure) -> str:
        """Its interval, "" where there is none."""
        if figure.interval is None:
            return ""
        low, high = figure.interval
        return f"{self.shown(low)} to {self.shown(high)}"


def _enough(figure: Figure) -> bool:
    return not figure.asked or figure.n >= ENOUGH * figure.asked


NARROW: Final = "\u202f"
"""A space that no line is broken at."""


def _keys(*all_keys: Key) -> Mapping[str, Key]:
    return {key.name: key for key in all_keys}


CONTACTS: Final = "timing_bias_ms"
"""Whose n and asked are the contacts found, and the true ones."""
_FIRST_WORD: Final = "the first word on a contact, which may change: the detector's own claim, that nobody else saw"

KEYS: Final = _keys(
    Key("contacts", "contacts", "", 0, "none", "true ones that are asked for", whole=True, rests_on=CONTACTS),
    Key("missed", "missed", "", 0, "low", "true ones without a found one", whole=True, rests_on=CONTACTS),
    Key("false", "false", "", 0, "low", "found ones without a true one", whole=True, rests_on=CONTACTS),
    Key(
        "false_per_hour",
        "false an hour",
        "/h",
        1,
        "low",
        "false contacts an hour of recording",
        whole=True,
        by_time=True,
        rests_on=CONTACTS,
    ),
    *(
        Key(
            f"f1_{ms}ms",
            f"F1, {ms} ms",
            "",
            3,
            "high",
            f"found within {ms} ms, after the group's median error",
            whole=True,
            rests_on=CONTACTS,
        )
        for ms in (25, 50, 100)
    ),
    Key("timing_bias_ms", "timing bias", "ms", 1, "zero", "median of found minus true; late is positive"),
    Key("timing_sd_ms", "timing spread", "ms", 1, "low", "sd of found minus true about the median"),
    Key("timing_p95_ms", "timing p95", "ms", 1, "low", "95 % of the errors, without the median, are smaller"),
    Key("timing_left_right_ms", "left against right", "ms", 1, "zero", "difference of the two feet's biases"),
    Key("timing_forward_backward_ms", "forward against backward", "ms", 1, "zero", "difference of the biases"),
    Key("steady_found", "steady found", "%", 1, "high", "of contacts amid steady walking", 100.0, whole=True),
    Key("steady_sd_ms", "steady spread", "ms", 1, "low", "amid steady walking, each foot by itself"),
    Key("direction_right", "direction right", "%", 1, "high", "of those it decided", 100.0),
    Key(
        "direction_undecided",
        "direction undecided",
        "%",
        1,
        "low",
        "of those asked",
        100.0,
        rests_on="direction_right",
    ),
    Key("pattern_right", "toe or heel right", "%", 1, "high", "of those it decided", 100.0),
    Key(
        "pattern_undecided",
        "toe or heel undecided",
        "%",
        1,
        "low",
        "of those asked",
        100.0,
        rests_on="pattern_right",
    ),
    Key("release_bias_ms", "release bias", "ms", 1, "zero", "final contact: median of found minus true"),
    Key("release_sd_ms", "release spread", "ms", 1, "low", "final contact: sd about the median"),
    Key("second_bias_ms", "second contact bias", "ms", 1, "zero", "the foot's other end: median of found minus true"),
    Key("second_sd_ms", "second contact spread", "ms", 1, "low", "the foot's other end: sd about the median"),
    Key("foot_angle_bias_deg", "foot angle bias", "\u00b0", 1, "zero", "of the sole at contact"),
    Key("foot_angle_sd_deg", "foot angle spread", "\u00b0", 1, "low", "of the sole at contact"),
    Key("stride_time_bias_ms", "stride time bias", "ms", 1, "zero", "found minus true"),
    Key("stride_time_sd_ms", "stride time spread", "ms", 1, "low", "sd of found minus true"),
    Key("stride_length_mae_m", "stride length error", "cm", 1, "low", "mean absolute error", 100.0),
    Key("stride_length_bias_m", "stride length bias", "cm", 1, "zero", "found minus true", 100.0),
    Key("cadence_mae_spm", "cadence error", "/min", 1, "low", "mean absolute error, steps a minute"),
    Key("pelvic_drop_rmse_deg", "drop error", "\u00b0", 2, "low", "pelvic drop of a step, rmse"),
    Key("pelvic_drop_bias_deg", "drop bias", "\u00b0", 2, "zero", "pelvic drop of a step, found minus true"),
    Key("pelvic_drop_robust_rmse_deg", "robust drop error", "\u00b0", 2, "low", "the drop that timing can't move"),
    Key(
        "pelvic_drop_within_sd",
        "within stated sd",
        "%",
        1,
        "none",
        "errors of the drop smaller than its own sd; honest is 68 %",
        100.0,
    ),
    Key("obliquity_rmse_deg", "obliquity error", "\u00b0", 2, "low", "rmse; each session's mean is taken out"),
    Key("tilt_rmse_deg", "tilt error", "\u00b0", 2, "low", "rmse; each session's mean is taken out"),
    Key("confidence_error", "confidence error", "%", 1, "low", "expected calibration error", 100.0),
    Key("latency_p50_ms", "told after, median", "ms", 0, "low", "from the true contact, by the feeder's clock"),
    Key("latency_p95_ms", "told after, p95", "ms", 0, "low", "from the true contact, by the feeder's clock"),
    Key("latency_false_claims", "false claims", "", 0, "low", "contacts said to have been told earlier than they were"),
    Key("provisional_p50_ms", "provisional, median", "ms", 0, "low", _FIRST_WORD),
    Key("provisional_p95_ms", "provisional, p95", "ms", 0, "low", _FIRST_WORD),
)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Contacts found": (
        "contacts",
        "missed",
        "false",
        "false_per_hour",
        "f1_25ms",
        "f1_50ms",
        "f1_100ms",
    ),
    "Timing": (
        "timing_bias_ms",
        "timing_sd_ms",
        "timing_p95_ms",
        "timing_left_right_ms",
        "timing_forward_backward_ms",
        "steady_found",
        "steady_sd_ms",
    ),
    "Labels": (
        "direction_right",
        "direction_undecided",
        "pattern_right",
        "pattern_undecided",
        "foot_angle_bias_deg",
        "foot_angle_sd_deg",
        "confidence_error",
    ),
    "Releases, second contacts, strides": (
        "release_bias_ms",
        "release_sd_ms",
        "second_bias_ms",
        "second_sd_ms",
        "stride_time_bias_ms",
        "stride_time_sd_ms",
        "stride_length_mae_m",
        "stride_length_bias_m",
        "cadence_mae_spm",
    ),
    "Pelvis": (
        "pelvic_drop_rmse_deg",
        "pelvic_drop_bias_deg",
        "pelvic_drop_robust_rmse_deg",
        "pelvic_drop_within_sd",
        "obliquity_rmse_deg",
        "tilt_rmse_deg",
    ),
    "Latency": (
        "latency_p50_ms",
        "latency_p95_ms",
        "latency_false_claims",
        "provisional_p50_ms",
        "provisional_p95_ms",
    ),
}
"""Every figure once, as the full tables have them."""

OF_FOUND: Final = frozenset(
    {*GROUPS["Labels"], *GROUPS["Latency"], "release_bias_ms", "release_sd_ms", "second_bias_ms", "second_sd_ms"}
)
"""What is told of found contacts alone: who leaves hard ones out is better at the rest."""

CHIEF: Final = (
    "f1_50ms",
    "timing_bias_ms",
    "timing_sd_ms",
    "direction_right",
    "pattern_right",
    "stride_length_mae_m",
    "pelvic_drop_rmse_deg",
    "latency_p95_ms",
)
"""What the first table of a data set has."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the first picture of the page asks."""

    text: str
    key: Key


QUESTIONS: Final = (
    Question("Who finds contacts?", KEYS["f1_50ms"]),
    Question("Who times them?", KEYS["timing_sd_ms"]),
    Question("Who knows the direction?", KEYS["direction_right"]),
    Question("Who knows toe from heel?", KEYS["pattern_right"]),
    Question("Who measures strides?", KEYS["stride_length_mae_m"]),
    Question("Who measures pelvic drop?", KEYS["pelvic_drop_rmse_deg"]),
    Question("Who tells it soonest?", KEYS["latency_p95_ms"]),
)
