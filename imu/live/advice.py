"""What to do about a link that is not good: rules as data, over what a checkup measured."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from operator import gt, lt
from typing import Final, NamedTuple

from imu.live.checkup import Findings

ABSENT: Final = "it never came: switch it on, charge it, bring it near, end other programs that hold it"


class Rule(NamedTuple):
    """What to say of a sensor of which a figure is beyond a limit."""

    beyond: Callable[[float, float], bool]
    figure: str
    """Name in `Findings`."""
    limit: float
    advice: str
    """With names of `Findings` in braces."""


over, under = partial(Rule, gt), partial(Rule, lt)

RULES: Final = (
    # a clean link loses none, whatever the radio does: sensors keep seconds
    over(
        "lost_share",
        1e-3,
        "samples are lost ({samples_lost}): bring the computer nearer and in sight of the sensor, and its radio away"
        " from USB 3 plugs and Wi-Fi (a dongle on a cable is both)",
    ),
    over(
        "overruns",
        0,
        "its own buffer ran over ({overruns} x), the link is too slow for it: ask for a lower rate_hz, or let its"
        " firmware ask for a shorter connection interval",
    ),
    over(
        "bad_packets",
        0,
        "packets can't be decoded ({bad_packets}): look whether its firmware speaks this version of the profile, and"
        " whether the driver is the right one",
    ),
    over(
        "interval_ms",
        30.0,
        "the computer meets it only every {interval_ms:g} ms: let its firmware ask for 15 ms or less; where it does and"
        " the system refuses, another Bluetooth adapter may not",
    ),
    # the clock looks for the earliest packet of 5 s: each phase should come by in that time
    under(
        "beat_hz",
        1 / 5.0,
        "a packet every {packet_period_ms:.2f} ms keeps step with a connection interval of {interval_ms:g} ms, which"
        " shifts its times by up to one of those: let packets have 9, 10 and 11 samples in turn",
    ),
    # from there on cues lag visibly
    over(
        "jitter_p99_ms",
        100.0,
        "one packet in a hundred comes {jitter_p99_ms:.0f} ms late or later: end what keeps this computer or its radio"
        " busy (scans, file transfers, other Bluetooth devices)",
    ),
    over(
        "longest_silence_s",
        0.5,
        "nothing came for {longest_silence_s:.1f} s at a stretch: look for what stands between sensor and computer, the"
        " body included",
    ),
    over(
        "reconnections",
        0,
        "it had to be connected anew ({reconnections} x, {last_note}): bring it nearer, look at its battery",
    ),
    over("reboots", 0, "it began anew ({reboots} x): look for a loose contact of its battery"),
    over(
        "rate_error",
        0.02,
        "it says {stated_rate_hz:g} Hz and samples at {rate_hz:.1f} Hz: where it has a clock its times stay right, but"
        " its firmware should say what it does",
    ),
    # more than the crystals of a sensor and a computer differ by
    over(
        "drift_at_least_ppm",
        50.0,
        "its clock and this computer's differ by {drift_ppm:+.0f} ± {drift_sd_ppm:.0f} ppm, more than crystals do: it"
        " is followed, but measure for longer, and if it stays look at what the sensor takes its clock from",
    ),
    over(
        "clock_restarts",
        0,
        "its times had to be begun anew ({clock_restarts} x), as its clock or this computer's jumped or stalled: keep"
        " the computer from sleeping and from other work",
    ),
    over(
        "host_timed",
        0,
        "it has no clock: its times come from arrivals and are no finer than the connection interval, so compare left"
        " and right with care",
    ),
    under(
        "stated_rate_hz",
        100.0,
        "it streams {stated_rate_hz:g} Hz (a Movella DOT no more than 60 live) where 200 are usual: contact times are"
        " coarser, so compare no session with one of another rate",
    ),
    under("battery_pct", 20, "its battery is at {battery_pct} %: charge it before a session"),
    under("rssi_dbm", -85, "its signal is weak, {rssi_dbm} dBm: bring it nearer"),
)
"""What costs data first."""


def advice(found: Findings) -> tuple[str, ...]:
    """What to do about a sensor, in plain words; nothing = it is fit for a session."""
    if not found.packets:
        return (f"{ABSENT} ({found.last_note})" if found.last_note else ABSENT,)
    said = asdict(found)
    return tuple(rule.advice.format_map(said) for rule in RULES if _holds(rule, said[rule.figure]))


def _holds(rule: Rule, value: float | None) -> bool:
    return value is not None and rule.beyond(value, rule.limit)
